"""Columns that grow: their pyramid, their envelope that hides nothing, and their centred mean."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.jobs import columns as module
from domainstudio.jobs.columns import DTYPES, FACTOR, PLOTTED, Columns, blocks_of
from domainstudio.jobs.envelope import SMOOTHED_POINTS, envelope, rows_in_sight, smoothed

LOSSES = st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf])


def columns_of(losses: list[float], first: int = 1) -> Columns:
    made = Columns()
    made.extend(rows_of(losses, first))
    return made


def rows_of(losses: list[float], first: int = 1) -> dict[str, np.ndarray]:
    steps = np.arange(first, first + len(losses))
    rows = {name: np.asarray(steps * 2, dtype) for name, dtype in DTYPES.items()}
    return rows | {"step": steps, "loss": np.array(losses)}


@st.composite
def long_losses(draw: st.DrawFn) -> list[float]:
    """A few thousand values, most of them drawn by a seed, some of them chosen."""
    number = draw(st.integers(0, 3 * FACTOR**2 + 40))
    losses = np.random.default_rng(draw(st.integers(0, 99))).normal(size=number)
    for place, value in draw(st.lists(st.tuples(st.integers(0, max(0, number - 1)), LOSSES), max_size=8)):
        losses[place : place + draw(st.sampled_from([1, 20]))] = value
    return losses.tolist()


def same(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype.names:
        return all(same(one[name], other[name]) for name in one.dtype.names)
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


@given(long_losses(), st.data())
def test_columns_that_grow_are_the_columns_made_at_once(losses: list[float], data: st.DataObject) -> None:
    whole, growing, done = columns_of(losses), Columns(), 0
    while done < len(losses):
        size = data.draw(st.integers(1, 500))
        growing.extend(rows_of(losses[done : done + size], done + 1))
        done += size
    assert len(growing) == len(whole) == len(losses)
    for name in DTYPES:
        assert same(growing.column(name), whole.column(name))
    for name in PLOTTED:
        for level in (1, 2, 3):
            assert same(growing.level(name, level), whole.level(name, level))
    blocks = growing.level("loss", 2)
    expected = np.array(losses[: len(blocks) * FACTOR**2]).reshape(-1, FACTOR**2)
    assert same(blocks[["low", "high", "count"]], blocks_of(expected)[["low", "high", "count"]])
    assert np.allclose(blocks["sum"], blocks_of(expected)["sum"])


@given(long_losses(), st.integers(4, 400), st.tuples(st.integers(-5, 900), st.integers(-5, 900)))
def test_the_envelope_brackets_every_point_in_sight(
    losses: list[float], points: int, bounds: tuple[int, int]
) -> None:
    columns, x_range = columns_of(losses), (float(min(bounds)), float(max(bounds)))
    line = envelope(columns, "step", "loss", x_range, points)
    assert len(line.x) <= 2 * points + 4
    assert np.all(np.diff(line.x) >= 0)
    steps = columns.column("step")
    for step, loss in zip(steps.tolist(), losses, strict=True):
        if not x_range[0] <= step <= x_range[1]:
            continue
        here = int(np.searchsorted(line.x, step, side="right"))
        x = line.x[here - 1]
        bucket = line.y[line.x == x]
        if math.isfinite(loss):
            assert bucket.min() <= loss <= bucket.max()
        else:
            assert x in line.gaps
    assert np.isfinite(line.y[~np.isnan(line.y)]).all()


def test_the_borders_of_buckets_stay_while_a_run_grows() -> None:
    losses = np.random.default_rng(0).normal(size=40_000)
    short = envelope(columns_of(losses[:39_000].tolist()), "step", "loss", None, 500)
    longer = envelope(columns_of(losses.tolist()), "step", "loss", None, 500)
    settled = len(short.x) - 2
    assert np.array_equal(short.x[:settled], longer.x[:settled])
    assert np.array_equal(short.y[:settled], longer.y[:settled])


@given(long_losses())
def test_the_centred_mean_stays_within_the_values_and_is_short(losses: list[float]) -> None:
    line = smoothed(columns_of(losses), "step", "loss")
    finite = [loss for loss in losses if math.isfinite(loss)]
    assert len(line.x) == min(len(losses), SMOOTHED_POINTS)
    shown = line.y[~np.isnan(line.y)]
    if finite:
        slack = 1e-9 * max(1.0, max(map(abs, finite)))
        assert len(shown) and shown.min() >= min(finite) - slack and shown.max() <= max(finite) + slack
    else:
        assert not len(shown)


def test_the_centred_mean_of_a_straight_line_is_the_line() -> None:
    for number in (2_000, 60_000):
        line = smoothed(columns_of([step * 0.5 for step in range(1, number + 1)]), "step", "loss")
        middle = slice(100, -100)
        assert np.allclose(line.y[middle], line.x[middle] * 0.5, rtol=2e-3)


@given(st.lists(st.integers(0, 100), max_size=30), st.tuples(st.integers(-9, 109), st.integers(-9, 109)))
def test_rows_in_sight_reach_one_beyond_each_border(x: list[int], bounds: tuple[int, int]) -> None:
    values, (low, high) = np.sort(np.array(x, "i8")), (min(bounds), max(bounds))
    start, end = rows_in_sight(values, (low, high))
    assert all(not low <= value <= high for value in (*values[:start], *values[end:]))
    assert sum(value < low for value in values[start:end]) <= 1
    assert sum(value > high for value in values[start:end]) <= 1


def test_a_reader_never_sees_rows_that_are_not_there_yet() -> None:
    """A second thread reads while the first appends and the arrays are replaced by larger ones."""
    import threading

    growing, is_over, wrong = Columns(), threading.Event(), list[str]()

    def read() -> None:
        while not is_over.is_set():
            length = len(growing)
            steps, losses = growing.column("step", length), growing.column("loss", length)
            if not (np.array_equal(steps, np.arange(1, length + 1)) and np.array_equal(losses, steps * 1.0)):
                wrong.append("rows")
            line = envelope(growing, "step", "loss", None, 50)
            if len(line.x) and (line.y[0] != 1.0 or not np.isfinite(line.y).all()):
                wrong.append("envelope")

    reader = threading.Thread(target=read)
    reader.start()
    for first in range(1, 60_001, 100):
        growing.extend(rows_of([float(step) for step in range(first, first + 100)], first))
    is_over.set()
    reader.join()
    assert not wrong


def test_points_are_the_events_they_were() -> None:
    points = columns_of([1.5, math.nan, 2.5]).points()
    assert [point.step for point in points] == [1, 2, 3]
    assert points[0].loss == 1.5 and math.isnan(points[1].loss)
    assert set(module.DTYPES) - {"seconds"} == set(vars(points[0]))
