"""The sampler: exact shares, no repeat within an epoch, and a state that is one number."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domainstudio.mixture.sampler import Draw, Sampler, permute

SOURCES = st.lists(st.tuples(st.floats(1e-6, 1), st.integers(1, 400)), min_size=1, max_size=6)
SEEDS = st.integers(0, 2**31 - 1)


def sampler(sources: list[tuple[float, int]], seed: int) -> Sampler:
    total = sum(share for share, _ in sources)
    return Sampler([share / total for share, _ in sources], [blocks for _, blocks in sources], seed)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 3000), st.integers(0, 2**64 - 1))
@example(1, 0)
@example(2, 7)
@example(1024, 2**64 - 1)
@example(1025, 1)
def test_the_permutation_sends_every_block_to_another_place(size: int, key: int) -> None:
    assert sorted(permute(position, size, key) for position in range(size)) == list(range(size))


def test_the_permutation_mixes_thoroughly() -> None:
    """Neighbours land far apart, and another key is another order."""
    size = 4096
    order = np.array([permute(position, size, 1) for position in range(size)])
    other = np.array([permute(position, size, 2) for position in range(size)])
    assert abs(np.corrcoef(order, np.arange(size))[0, 1]) < 0.1
    assert np.abs(np.diff(order)).mean() > size / 4
    assert (order == other).sum() < 20


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(SOURCES, SEEDS)
def test_no_block_comes_twice_within_an_epoch_and_none_is_left_out(
    sources: list[tuple[float, int]], seed: int
) -> None:
    drawing = sampler(sources, seed)
    seen: dict[tuple[int, int], list[int]] = {}
    for number in range(3000):
        draw = drawing.draw(number)
        seen.setdefault((draw.source, draw.epoch), []).append(draw.block)
    for (source, epoch), blocks in seen.items():
        size = sources[source][1]
        assert len(set(blocks)) == len(blocks)
        assert all(0 <= block < size for block in blocks)
        assert len(blocks) == size or (source, epoch + 1) not in seen


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(SOURCES, SEEDS)
def test_after_any_number_of_draws_each_source_had_its_share(
    sources: list[tuple[float, int]], seed: int
) -> None:
    drawing = sampler(sources, seed)
    draws = 2000
    owners = np.array([drawing.draw(number).source for number in range(draws)])
    total = sum(share for share, _ in sources)
    for source, (share, _) in enumerate(sources):
        counted = np.cumsum(owners == source)
        wished = np.arange(1, draws + 1) * share / total
        assert np.abs(counted - wished).max() <= 1 + len(sources)


def test_the_realised_share_over_200_000_draws_is_the_wish() -> None:
    shares = [0.613, 0.25, 0.1, 0.037]
    drawing = Sampler(shares, [50_000, 7, 1, 333], seed=11)
    counts = Counter(drawing.draw(number).source for number in range(200_000))
    for source, share in enumerate(shares):
        assert abs(counts[source] / 200_000 - share) < 0.0001


def test_equal_seeds_draw_alike_and_others_differ_in_order_only() -> None:
    sources = [(0.5, 100), (0.5, 40)]
    one, same, other = ([*map(sampler(sources, seed).draw, range(1000))] for seed in (5, 5, 6))
    assert one == same
    assert [(draw.source, draw.epoch) for draw in one] == [(draw.source, draw.epoch) for draw in other]
    agreeing = sum(first.block == second.block for first, second in zip(one, other, strict=True))
    assert agreeing < 100


def test_each_epoch_has_its_own_order() -> None:
    drawing = Sampler([1.0], [64], seed=0)
    epochs = [[drawing.draw(64 * epoch + number).block for number in range(64)] for epoch in range(20)]
    assert len({tuple(epoch) for epoch in epochs}) == 20


@settings(deadline=None, max_examples=30)
@given(SOURCES, SEEDS, st.lists(st.integers(0, 10**12), max_size=50))
def test_a_draw_depends_on_its_number_alone(
    sources: list[tuple[float, int]], seed: int, numbers: list[int]
) -> None:
    drawing = sampler(sources, seed)
    in_order = {number: drawing.draw(number) for number in sorted(numbers)}
    random.Random(seed).shuffle(numbers)
    resumed = sampler(sources, seed)
    assert {number: resumed.draw(number) for number in numbers} == in_order


def test_a_tiny_share_is_drawn_now_and_then() -> None:
    drawing = Sampler([1 - 3e-6, 1e-6, 1e-6, 1e-6], [1000, 10, 10, 10], seed=0)
    counts = Counter(drawing.draw(number).source for number in range(1 << 17))
    assert all(1 <= counts[source] <= 4 for source in (1, 2, 3))
    assert counts.total() == 1 << 17


def test_a_single_block_is_drawn_again_and_again() -> None:
    drawing = Sampler([1.0], [1], seed=0)
    assert [drawing.draw(number) for number in range(3)] == [Draw(0, 0, 0), Draw(0, 1, 0), Draw(0, 2, 0)]


def test_a_source_without_blocks_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one block"):
        Sampler([0.5, 0.5], [10, 0], seed=0)


CHANGES = st.lists(
    st.tuples(st.integers(0, 900), st.lists(st.floats(1e-3, 1), min_size=6, max_size=6)), max_size=3
)


def changed(
    sources: list[tuple[float, int]], seed: int, changes: list[tuple[int, list[float]]]
) -> tuple[Sampler, list[tuple[int, list[float]]]]:
    """Return a sampler whose shares change after so many further draws each, and its changes."""
    planned, first = [], 0
    for after, weights in changes:
        first += after
        used = weights[: len(sources)]
        planned.append((first, [weight / sum(used) for weight in used]))
    total = sum(share for share, _ in sources)
    shares, blocks = [share / total for share, _ in sources], [blocks for _, blocks in sources]
    return Sampler(shares, blocks, seed, planned), planned


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(SOURCES, SEEDS, CHANGES)
def test_where_shares_change_every_source_goes_on_in_its_own_order(
    sources: list[tuple[float, int]], seed: int, changes: list[tuple[int, list[float]]]
) -> None:
    """No block comes twice within an epoch, none is left out, and each source's order is the old one."""
    drawing, _ = changed(sources, seed, changes)
    plain = sampler(sources, seed)
    orders: list[dict[int, list[Draw]]] = []
    for one in (drawing, plain):
        drawn = [one.draw(number) for number in range(1500)]
        orders.append({n: [draw for draw in drawn if draw.source == n] for n in range(len(sources))})
    for source, draws in orders[0].items():
        size = sources[source][1]
        assert [draw.epoch for draw in draws] == [turn // size for turn in range(len(draws))]
        for first in range(0, len(draws), size):
            blocks = {draw.block for draw in draws[first : first + size]}
            assert len(blocks) == min(size, len(draws) - first)
        both = min(len(draws), len(orders[1][source]))
        assert draws[:both] == orders[1][source][:both]


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(SOURCES, SEEDS, CHANGES)
def test_each_stretch_has_its_shares_and_what_comes_before_a_change_stands(
    sources: list[tuple[float, int]], seed: int, changes: list[tuple[int, list[float]]]
) -> None:
    drawing, planned = changed(sources, seed, changes)
    earlier, _ = changed(sources, seed, changes[:-1])
    last = planned[-1][0] if planned else 0
    assert [drawing.draw(n) for n in range(last)] == [earlier.draw(n) for n in range(last)]
    if planned:
        owners = np.array([drawing.draw(number).source for number in range(last, last + 1000)])
        for source, share in enumerate(planned[-1][1]):
            counted = np.cumsum(owners == source)
            assert np.abs(counted - np.arange(1, 1001) * share).max() <= 1 + len(sources)


def test_a_change_far_ahead_costs_nothing_and_counts_every_draw_before() -> None:
    far = 10**12 + 12_345
    drawing = Sampler([0.9, 0.1], [1000, 50], 3, [(far, [0.5, 0.5])])
    first = next(draw for draw in map(drawing.draw, range(far, far + 10)) if draw.source == 1)
    assert first.epoch == pytest.approx(far * 0.1 / 50, rel=1e-4)
    before = next(draw for draw in map(drawing.draw, range(far - 1, 0, -1)) if draw.source == 1)
    assert (before.epoch, before.block) != (first.epoch, first.block)
