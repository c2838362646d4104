"""A plot: what it draws, reads out and zooms to, and that nothing measured is lost on the way."""

import math
from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from domainstudio.gui import theme
from domainstudio.gui.panes.runs.curves import (
    Shown,
    ShownRun,
    events,
    forgetting_content,
    held_out_content,
    loss_content,
    memory_content,
)
from domainstudio.gui.widgets.plot import Plot
from domainstudio.gui.widgets.plot_content import Content, PlotLine, Range
from domainstudio.jobs.curves import Curves, gather
from domainstudio.jobs.events import Body, Checkpoint, Event, JobProblem, Probe, Start, State, Step
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.run import ModelOrigin, RunSpec, TrainingSource

STEPS = 200


def step_at(step: int, loss: float = 2.0) -> Step:
    return Step(step, step * 1000, loss, 1e-3, 1.0, 5000.0, 3 * 10**9)


def run_of(*bodies: Body) -> ShownRun:
    found = gather(Event(seq, 1, 100.0 + seq, body) for seq, body in enumerate(bodies, 1))
    return ShownRun("train-1", found)


def shown(run: ShownRun, **changes: object) -> Shown:
    sources = (TrainingSource(name="law", role="domain", share=1, tokens="t"),)
    spec = RunSpec(
        recipe=Recipe(), steps=STEPS, model=ModelOrigin(preset="tiny"), tokenizer="t", tokenizer_sha256="x",
        vocabulary=512, sources=sources, held_out=(), mixture="default",
    )  # fmt: skip
    return Shown(run=run, spec=spec, **changes)  # type: ignore[arg-type]


def probe(step: int, source: str, nats: float) -> Probe:
    return Probe(step, source, "general" if source == "news" else "domain", nats, 1.0, 10, 40)


def plot_of(qtbot: QtBot, content: Content) -> Plot:
    plot = Plot("Training loss", "nats a token")
    plot.set_source(lambda _range, _points: content)
    qtbot.addWidget(plot)
    plot.resize(480, 240)
    plot.show()
    plot.grab()
    return plot


def a_line(number: int = 100) -> Content:
    x = np.arange(number, dtype="f8")
    return Content(whole=(0.0, number - 1.0), lines=[PlotLine(x, np.sin(x / 9) + 2, "train")])


def colours(image: QImage) -> set[str]:
    return {QColor(image.pixel(x, y)).name() for x in range(image.width()) for y in range(image.height())}


def test_it_draws_in_the_colours_of_the_theme_and_again_when_that_changes(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, a_line())
    assert theme.color("train").name() in colours(plot.grab().toImage())
    theme.choose("dark")
    found = colours(plot.grab().toImage())
    theme.choose("light")
    assert {"#16181b", "#56b4e9"} <= found


def test_one_spike_in_a_million_steps_is_on_the_screen(qtbot: QtBot) -> None:
    number = 1_000_000
    losses = np.full(number, 2.0)
    losses[654_321] = 50.0
    steps = np.arange(1, number + 1)
    curves = Curves()
    rows = {name: steps for name in ("step", "tokens", "seconds", "learning_rate", "gradient_norm")}
    rest = dict.fromkeys(("tokens_per_second", "memory_bytes", "divergence"), steps)
    curves.steps.extend(rows | rest | {"loss": losses})
    plot = Plot("Training loss", "nats a token")
    plot.set_source(partial(loss_content, shown(ShownRun("train-1", curves))))
    qtbot.addWidget(plot)
    plot.resize(480, 240)
    plot.show()
    image = plot.grab().toImage()
    raw = theme.color("train raw").name()
    column = [QColor(image.pixel(x, 60)).name() for x in range(image.width())]
    assert raw in column
    plot.show_range((654_000.0, 655_000.0))
    plot.grab()
    assert max(line.y.max() for line in plot.content.lines) == 50.0


def test_wheel_drag_keys_and_double_click_zoom(qtbot: QtBot) -> None:
    plot = plot_of(qtbot, a_line())
    chosen: list[Range | None] = []
    plot.range_chosen.connect(chosen.append)
    middle = QPointF(240, 120)
    none = Qt.KeyboardModifier.NoModifier
    wheel = QWheelEvent(
        middle, plot.mapToGlobal(middle), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, none,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(plot, wheel)
    low, high = plot.shown_range
    assert 0 < low < high < 99 and math.isclose(high - low, 99 * 0.8)
    qtbot.mouseDClick(plot, Qt.MouseButton.LeftButton, none, middle.toPoint())
    assert plot.shown_range == (0.0, 99.0) and chosen[-1] is None
    plot.grab()
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, none, QPoint(150, 100))
    qtbot.mouseMove(plot, QPoint(300, 100))
    plot.grab()
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, none, QPoint(300, 100))
    low, high = plot.shown_range
    assert 10 < low < high < 80
    plot.grab()
    qtbot.keyClick(plot, Qt.Key.Key_Minus)
    wider = plot.shown_range
    assert wider[0] < low and high < wider[1]
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert plot.shown_range[0] > wider[0]
    qtbot.keyClick(plot, Qt.Key.Key_0)
    assert plot.shown_range == (0.0, 99.0)
    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    assert plot.shown_range != (0.0, 99.0)
    assert len(chosen) == 7


def test_the_pointer_reads_the_values_of_the_nearest_step(qtbot: QtBot) -> None:
    run = run_of(Start(0), *(step_at(step, 2.0 + step / 100) for step in range(1, 101)))
    content = loss_content(shown(run), None, 500)
    reading = content.read(49.6)
    assert reading is not None and reading.x == 50.0
    assert reading.title == "step 50, 50,000 tokens, 50 s"
    assert reading.rows[0] == ("loss", "2.500", "train raw")
    plot = plot_of(qtbot, content)
    box = theme.color("chrome").name()
    assert box not in colours(plot.grab().toImage())
    qtbot.mouseMove(plot, QPoint(240, 120))
    assert box in colours(plot.grab().toImage())
    QApplication.sendEvent(plot, QEvent(QEvent.Type.Leave))
    assert box not in colours(plot.grab().toImage())


def test_values_that_are_no_number_are_gaps_with_a_mark(qtbot: QtBot) -> None:
    losses = [math.nan if 40 <= step < 60 else math.inf if step == 80 else 2.0 for step in range(1, 101)]
    run = run_of(Start(0), *(step_at(step, loss) for step, loss in enumerate(losses, 1)))
    content = loss_content(shown(run), None, 500)
    assert content.gaps.tolist() == [*range(40, 60), 80]
    assert [event.text for event in content.events] == ["not a number"]
    assert content.labels[0].text == "2.000"
    plot = plot_of(qtbot, content)
    assert theme.color("attention").name() in colours(plot.grab().toImage())


def test_a_tail_done_again_is_grey_and_what_broke_off_is_in_words(qtbot: QtBot) -> None:
    first = [Start(0), *(step_at(step, 2.0) for step in range(1, 91))]
    again = [Start(61), *(step_at(step, 3.0) for step in range(61, 101)), State("stopped", 100)]
    last = [Start(101), *(step_at(step) for step in range(101, 111)), JobProblem("job.bug", None, {})]
    run = run_of(*first, *again, *last, State("failed"))
    content = loss_content(shown(run), None, 500)
    grey = [line for line in content.lines if line.token == "border"]
    assert grey and grey[0].x.tolist() == list(range(61, 91))
    words = [(event.x, event.text) for event in events(shown(run))]
    assert words == [
        (60.0, "interrupted, resumed from 60"), (100.0, "paused, resumed"), (110.0, "problem"),
        (110.0, "failed"),
    ]  # fmt: skip
    assert theme.color("border").name() in colours(plot_of(qtbot, content).grab().toImage())


def test_held_out_loss_opens_against_the_base_and_absolute_is_the_loss_itself() -> None:
    run = run_of(
        probe(0, "news", 3.0),
        probe(0, "law", 4.0),
        step_at(50),
        probe(50, "news", 3.1),
        probe(50, "law", 3.5),
    )
    against = held_out_content(shown(run), None, 500)
    assert [label.text for label in against.labels] == ["news +0.100", "law −0.500", "base"]
    assert [level.y for level in against.levels] == [0.0] and against.is_signed
    absolute = held_out_content(shown(run, is_against_base=False), None, 500)
    assert [label.text for label in absolute.labels] == ["news 3.100", "law 3.500"]
    assert [level.y for level in absolute.levels] == [3.0, 4.0]
    assert [line.token for line in absolute.lines] == ["forget", "domain"]


def test_forgetting_has_the_accepted_line_the_control_and_the_other_runs() -> None:
    run = run_of(probe(0, "news", 3.0), step_at(50), probe(50, "news", 3.04))
    control = run_of(probe(0, "news", 3.0), step_at(50), probe(50, "news", 2.99))
    control.name = "train-2"
    content = forgetting_content(shown(run, control=control, others=[control], accepted=0.05), None, 500)
    texts = {label.text for label in content.labels}
    assert texts == {"now +0.040", "against control +0.050", "accepted +0.050", "base", "train-2"}
    assert {level.y for level in content.levels} == {0.0, 0.05}
    assert {line.token for line in content.lines} == {"text2", "forget"}


def test_without_general_text_the_plot_says_that_forgetting_is_not_measured(qtbot: QtBot) -> None:
    content = forgetting_content(shown(run_of(probe(0, "law", 3.0))), None, 500)
    assert content.is_empty and "cannot be measured" in content.empty
    plot_of(qtbot, content)


@pytest.mark.parametrize(
    ("axis", "end", "unit"), [("tokens", 100_000, "tokens (M)"), ("seconds", 100, "seconds")]
)
def test_x_may_be_tokens_or_time(axis: str, end: float, unit: str) -> None:
    run = run_of(Start(0), *(step_at(step) for step in range(1, 101)), Checkpoint(50, "c", 1))
    content = loss_content(shown(run, axis=axis), None, 500)
    assert content.whole == (0.0, end)
    assert content.checkpoints.tolist() == [end / 2]
    assert content.x_unit == (unit if axis == "seconds" else "tokens (M)")


def test_a_small_plot_says_its_newest_value() -> None:
    content = memory_content(shown(run_of(Start(0), step_at(1), step_at(2))), None, 500)
    assert content.value == "3.0"


def test_it_tells_screen_readers_its_name_and_what_it_shows(qtbot: QtBot) -> None:
    run = run_of(Start(0), *(step_at(step) for step in range(1, 101)))
    plot = plot_of(qtbot, loss_content(shown(run), None, 500))
    assert plot.accessibleName() == "Training loss, nats a token"
    plot.activateWindow()
    plot.setFocus()
    qtbot.waitUntil(lambda: "2.000 nats a token" in plot.accessibleDescription())


def test_a_hidden_plot_draws_nothing_until_it_is_seen(qtbot: QtBot) -> None:
    asked: list[int] = []

    def source(_range: Range | None, points: int) -> Content:
        asked.append(points)
        return a_line()

    plot = Plot("Training loss", "nats a token")
    qtbot.addWidget(plot)
    plot.set_source(source)
    for _ in range(5):
        plot.refresh()
    assert asked == []
    plot.resize(480, 240)
    plot.show()
    plot.grab()
    assert asked == [3 * 480]
    for _ in range(50):
        plot.refresh()
    qtbot.waitUntil(lambda: len(asked) == 3)
    assert len(asked) <= 3


def test_a_plot_without_points_and_one_with_a_single_point_are_drawn(qtbot: QtBot) -> None:
    for content in (
        Content(empty="The first point comes with the first step."),
        loss_content(shown(run_of(Start(0), step_at(1))), None, 500),
        loss_content(shown(run_of()), None, 500),
    ):
        image = plot_of(qtbot, content).grab().toImage()
        rows, columns = range(0, image.height(), 2), range(image.width())
        assert len({image.pixel(x, y) for y in rows for x in columns}) > 1, "something is drawn"
