"""Which points no other beats: more gain at no more forgetting (pure arithmetic)."""

from collections.abc import Sequence


def undominated(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Return for each (gain, forgetting) whether no other point has more of the one at no worse the other.

    Equal points stand beside each other. This says nothing of chance: two points within each other's interval
    may change sides with another seed.
    """
    return [not any(_beats(other, point) for other in points) for point in points]


def _beats(other: tuple[float, float], point: tuple[float, float]) -> bool:
    return other != point and other[0] >= point[0] and other[1] <= point[1]
