"""The methods that a laboratory compares, by name: what each changes of a recipe and of a mixture.

A name is METHOD or METHOD:VALUE, and several are joined by +, such as replay:0.1+ewc:0.1.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from domainstudio.problems import Problem, UserError
from domainstudio.recipe.recipe import Recipe, change

CONTROL = "control"
NAIVE = "naive"
INTERPOLATION = "interpolation"
DEFAULT_METHODS = (
    NAIVE, INTERPOLATION, "replay:0.05", "replay:0.1", "replay:0.25", "replay:0.5", "rate:0.3", "l2-sp:1",
    "ewc:1", "si:1", "hierarchical:1", "lora:64",
)  # fmt: skip
_JOINED = "+"


@dataclass(frozen=True)
class Method:
    """One arm of a comparison."""

    name: str
    replay: float
    """Share of general text in its mixture, 0 to 1."""
    settings: dict[str, str]
    """Of the recipe, as `change` takes them."""


def _spring(name: str) -> Callable[[Recipe, str], dict[str, str]]:
    return lambda _recipe, value: {"spring": name, "spring_strength": value}


def _rate(recipe: Recipe, value: str) -> dict[str, str]:
    try:
        return {"learning_rate": str(recipe.stage.learning_rate * float(value))}
    except ValueError:
        return {"learning_rate": value}  # which `change` refuses by name


_SETTINGS: dict[str, tuple[str, Callable[[Recipe, str], dict[str, str]]]] = {
    "l2-sp": ("0.1", _spring("l2-sp")),
    "ewc": ("0.1", _spring("ewc")),
    "si": ("0.1", _spring("si")),
    "hierarchical": ("0.1", _spring("hierarchical")),
    "kl": ("1", lambda _recipe, value: {"kl_strength": value}),
    "lora": ("64", lambda _recipe, value: {"method": "lora", "lora_rank": value}),
    "expansion": ("2", lambda _recipe, value: {"method": "expansion", "expanded_blocks": value}),
    "frozen": ("2", lambda _recipe, value: {"frozen_blocks": value}),
    "rate": ("0.3", _rate),
}
"""Name → value by default, and the settings it means."""
KNOWN = (CONTROL, NAIVE, INTERPOLATION, "replay", *_SETTINGS)
_ALL_WAYS = tuple(tenth / 10 for tenth in range(1, 10))


def method_of(name: str, recipe: Recipe) -> Method:
    """Return a method by its name, with the settings it changes of a recipe.

    Raises:
        UserError: there is no such method, or its value is refused.
    """
    replay, settings = 0.0, dict[str, str]()
    for part in name.split(_JOINED):
        kind, _, value = part.partition(":")
        if kind == CONTROL:
            replay = 1.0
        elif kind == "replay":
            replay = _share(name, value or "0.1")
        elif kind in _SETTINGS:
            usual, settings_for = _SETTINGS[kind]
            settings |= settings_for(recipe, value or usual)
        elif kind != NAIVE:
            raise UserError(
                Problem("laboratory.unknown_method", "methods", {"name": part, "known": " ".join(KNOWN)})
            )
    change(recipe.unprotected(), settings)
    return Method(name, replay, settings)


def interpolations(names: Iterable[str]) -> tuple[list[str], tuple[float, ...]]:
    """Return the methods that are trained, and how far on the way to the naive run blends are measured.

    Raises:
        UserError: a way is no number between 0 and 1.
    """
    trained, ways = list[str](), list[float]()
    for name in names:
        kind, _, value = name.partition(":")
        if kind != INTERPOLATION:
            trained.append(name)
        elif value:
            ways.append(_share(name, value))
        else:
            ways += _ALL_WAYS
    return [NAIVE] * bool(ways) + trained, tuple(sorted(set(ways) - {0.0, 1.0}))


def methods_of(names: Iterable[str], recipe: Recipe) -> list[Method]:
    """Return the control, which every comparison needs, and the methods asked for, each once, in order."""
    return [method_of(name, recipe) for name in dict.fromkeys((CONTROL, *names))]


def _share(name: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UserError(Problem("laboratory.bad_share", "methods", {"name": name, "value": text}))
    return share
