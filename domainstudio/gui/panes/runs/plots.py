"""The plots of a run, one x range for all of them, and beside them what the run does and would cost."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.panes.runs import curves as runs_curves
from domainstudio.gui.panes.runs.connection import Telling
from domainstudio.gui.panes.runs.curves import Shown
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.plot import REDRAW_MILLISECONDS, Plot
from domainstudio.gui.widgets.plot_content import Content, Range
from domainstudio.gui.widgets.text import KeyNumber, Text
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_count, format_duration, format_rate
from domainstudio.workflow.runs.run_list import RunRow

_SIDE_WIDTH = 288
_UNKNOWN = "–"


class KeyNumbers(QWidget):
    """Step, time left, training loss, gain, forgetting."""

    def __init__(self) -> None:
        """Show dashes."""
        super().__init__()
        self._step, self._left = KeyNumber(_("Step")), KeyNumber(_("Time left"))
        self._loss = KeyNumber(_("Training loss"), "train")
        self._gain = KeyNumber(_("Domain gain"), "domain")
        self._forgetting = KeyNumber(_("Forgetting"), "forget")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 12, theme.PADDING, 8)
        layout.setSpacing(24)
        numbers = (self._step, self._left, self._loss, self._gain, self._forgetting)
        for number in numbers:
            layout.addWidget(number, 0 if number is numbers[-1] else 1)

    def show_run(self, row: RunRow, loss: float | None, accepted: float | None, end: str) -> None:
        """Show a run; `loss` is smoothed, `end` says when it ends at this pace."""
        share = _("of {steps}, {share:.1f} %").format(
            steps=format_count(row.steps), share=100 * row.step / row.steps
        )
        self._step.show_value(format_count(row.step), "", share)
        left = _UNKNOWN if row.seconds_left is None else format_duration(row.seconds_left)
        self._left.show_value(left, "", end)
        self._loss.show_value(_UNKNOWN if loss is None else f"{loss:.3f}", "", _("nats a token, smoothed"))
        gain, forgetting = row.outcome.gain, row.outcome.forgetting
        self._gain.show_value(
            _UNKNOWN if gain is None else format_change(gain).lstrip("+"), "", _("nats against the base")
        )
        fact = _("nats against the base")
        if forgetting is None:
            fact = _("not measured: no general text")
        elif accepted and forgetting < 0:
            fact = _("none; {accepted} is accepted").format(accepted=format_change(accepted))
        elif accepted:
            fact = _("{share:.0f} % of the accepted {accepted}").format(
                share=100 * forgetting / accepted, accepted=format_change(accepted)
            )
        self._forgetting.show_value(_UNKNOWN if forgetting is None else format_change(forgetting), "", fact)


class StatePanel(QWidget):
    """The state of a run in sentences."""

    def __init__(self) -> None:
        """Say nothing."""
        super().__init__()
        self.setFixedWidth(_SIDE_WIDTH)
        self._icon = QLabel()
        self._state, self._fact = Text("", "strong"), Text("", wrap=True)
        self._plan, self._cost = Text("", wrap=True), Text("", "text", "text2", wrap=True)
        self._told: Telling | None = None
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addWidget(self._state)
        head.addWidget(self._fact, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self._plan)
        layout.addWidget(self._cost)
        layout.addStretch(1)
        theme.notifier.changed.connect(self._draw_icon)

    def tell(self, told: Telling) -> None:
        """Say it."""
        if told == self._told:
            return
        self._told = told
        self._state.setText(told.state)
        self._fact.setText(told.fact)
        self._plan.setText(told.plan)
        self._cost.setText(told.cost)
        self._plan.setVisible(bool(told.plan))
        self._cost.setVisible(bool(told.cost))
        self._draw_icon()

    @property
    def words(self) -> str:
        """Everything that is said."""
        told = self._told
        return f"{told.state} {told.fact} {told.plan} {told.cost}" if told else ""

    def _draw_icon(self) -> None:
        if self._told is not None:
            self._icon.setPixmap(icons.pixmap(self._told.icon, self._told.token))


Maker = Callable[[Shown, Range | None, int], Content]


@dataclass(frozen=True)
class _Part:
    plot: Plot
    make: Maker


class PlotsPage(QWidget):
    """All plots; zooming one zooms all."""

    def __init__(self) -> None:
        """Show empty plots."""
        super().__init__()
        nats = _("nats a token")
        self.loss = Plot(_("Training loss"), nats)
        self.held_out = Plot(_("Held-out loss"), _("against the base, nats a token"))
        self.forgetting = Plot(_("Forgetting"), _("rise of general loss, nats a token"))
        self.rate = Plot(_("Learning rate"), "", is_small=True)
        self.gradient = Plot(_("Gradient norm"), "", is_small=True)
        self.speed = Plot(_("Speed"), _("tokens/s"), is_small=True)
        self.memory = Plot(_("Memory"), _("GB a device"), is_small=True)
        self.state = StatePanel()
        self._shown: Shown | None = None
        self._parts = [
            _Part(self.loss, runs_curves.loss_content),
            _Part(self.held_out, runs_curves.held_out_content),
            _Part(self.forgetting, runs_curves.forgetting_content),
            _Part(self.rate, runs_curves.rate_content),
            _Part(self.gradient, runs_curves.gradient_content),
            _Part(self.speed, runs_curves.speed_content),
            _Part(self.memory, runs_curves.memory_content),
        ]
        self._waiting: list[_Part] = []
        self._turns = QTimer(self)
        self._turns.setInterval(REDRAW_MILLISECONDS // len(self._parts))
        self._turns.timeout.connect(self._on_turn)
        for part in self._parts:
            part.plot.set_source(partial(self._content, part.make))
            part.plot.range_chosen.connect(self._on_range_chosen)
        self._lay_out()

    def show_run(self, shown: Shown) -> None:
        """Show a run; another run, or another x axis, is shown whole."""
        before, self._shown = self._shown, shown
        is_other = before is None or (before.run.name, before.axis) != (shown.run.name, shown.axis)
        if is_other:
            for part in self._parts:
                part.plot.show_range(None)
        unit = _("against the base, nats a token") if shown.is_against_base else _("nats a token")
        self.held_out.set_titles(_("Held-out loss"), unit)
        stage = shown.spec.recipe.stage
        peak = _("of {peak} peak").format(peak=format_rate(stage.learning_rate))
        self.rate.set_titles(_("Learning rate"), peak)
        clip = _("clipped at {clip:g}").format(clip=stage.gradient_clip)
        self.gradient.set_titles(_("Gradient norm"), clip if stage.gradient_clip else _("not clipped"))
        if before is not None and before.looks_like(shown):
            self._waiting = self._waiting or list(self._parts)
            if not self._turns.isActive():
                self._turns.start()
        else:
            for part in self._parts:
                part.plot.redraw()

    def _content(self, make: Maker, x_range: Range | None, points: int) -> Content:
        return make(self._shown, x_range, points) if self._shown else Content()

    def _on_turn(self) -> None:
        """Draw one plot that grew: all of them at once would hold up the window."""
        if self._waiting:
            self._waiting.pop(0).plot.refresh()
        else:
            self._turns.stop()

    def _on_range_chosen(self, chosen: Any) -> None:
        for part in self._parts:
            part.plot.show_range(chosen)

    def _lay_out(self) -> None:
        upper = QHBoxLayout()
        upper.setSpacing(32)
        upper.addWidget(self.loss, 1)
        upper.addWidget(self.held_out, 1)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.forgetting, 1)
        middle.addWidget(hairline(is_vertical=True))
        middle.addWidget(self.state)
        lower = QGridLayout()
        lower.setHorizontalSpacing(24)
        for number, plot in enumerate((self.rate, self.gradient, self.speed, self.memory)):
            lower.addWidget(plot, 0, number)
            lower.setColumnStretch(number, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 4, theme.PADDING, 16)
        layout.setSpacing(16)
        layout.addLayout(upper, 22)
        layout.addLayout(middle, 22)
        layout.addLayout(lower, 11)
