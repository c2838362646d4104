"""Whether the planned run fits: the sentence, the hardware it is said of, and memory by part."""

from dataclasses import asdict

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.form import empty_layout
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.workflow.training.fit import Fit, fit_sentence, part_lines, remedy_words, source_words

_HEIGHT = 16
_FIELD_WIDTH = 184
_COLUMNS = 2


class MemoryBar(QWidget):
    """The memory of a device: what each part takes, in their order, and what is free."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._shares: list[float] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.notifier.changed.connect(self.update)

    def show_parts(self, fit: Fit) -> None:
        """Show the estimated parts of a device's memory; more than there is fills the bar."""
        sizes = [size for size in asdict(fit.memory).values() if size]
        sharing = fit.recipe.processes if fit.hardware.is_cpu else 1
        room = max(fit.hardware.memory_bytes / sharing, fit.memory.total)
        self._shares = [size / room for size in sizes]
        self.setAccessibleName(", ".join(f"{name} {size}" for name, size in part_lines(fit)))
        self.update()

    # Overridden from Qt

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a bar of the look's height."""
        return QSize(400, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the parts from the left, a line between them, and a frame around all."""
        painter, x = QPainter(self), 0.0
        for share in self._shares:
            painter.fillRect(QRectF(x, 0, share * self.width(), _HEIGHT), theme.color("text2"))
            x += share * self.width()
            painter.fillRect(QRectF(round(x), 0, 1, _HEIGHT), theme.color("window"))
        painter.setPen(QPen(theme.color("border"), 1))
        painter.drawRect(QRectF(0.5, 0.5, self.width() - 1, _HEIGHT - 1))
        painter.end()


class FitView(QWidget):
    """The largest thing beside the form.

    Signals:
        hardware_made: the hardware that was typed; empty means where the run shall be trained.
        dry_step_requested: the first steps shall be tried where the run shall be trained.
    """

    hardware_made = Signal(str)
    dry_step_requested = Signal()

    def __init__(self) -> None:
        """Say nothing yet."""
        super().__init__()
        self.headline, self.source = Text("", "title", wrap=True), Text("", "text", "text2", wrap=True)
        self.remedy = ProblemLine()
        self.field = QLineEdit()
        self.field.setPlaceholderText(_("This machine"))
        self.field.setAccessibleName(_("Hardware"))
        self.field.setToolTip(_("GPUs to plan for: 8xA100-40GB, or 2x8xA100-80GB for two machines of eight"))
        self.field.setFixedSize(_FIELD_WIDTH, theme.CONTROL)
        self.field.editingFinished.connect(self._on_edited)
        self.trial = LinkButton(_("Try one step"), self.dry_step_requested.emit)
        self.trial.setToolTip(
            _("The first steps are made and measured where it shall be trained; nothing of them is kept")
        )
        self.refusal = Text("", "small", "problem", wrap=True)
        self.bar, self._parts = MemoryBar(), QGridLayout()
        self._heading = Text(_("Memory of a device, estimated"), "small", "text2")
        self._memory = QWidget()
        self._build()

    def show_fit(self, fit: Fit) -> None:
        """Show whether a run fits, and from where it is known."""
        self.headline.setText(fit_sentence(fit))
        self.source.setText(source_words(fit))
        if fit.fits:
            self.remedy.clear()
        else:
            self.remedy.say("problem", remedy_words(fit))
        self.refusal.hide()
        self._memory.show()
        self.bar.show_parts(fit)
        self._show_table(fit)
        self._show_hardware(is_here=fit.hardware.is_here)

    def show_refusal(self, headline: str, words: str) -> None:
        """Say that nothing can be planned for the hardware that was typed, and why."""
        self.headline.setText(headline)
        self.source.setText("")
        self.remedy.clear()
        self.refusal.setText(words)
        self.refusal.setVisible(bool(words))
        self._memory.hide()
        self._show_hardware(is_here=not self.field.text().strip())

    @property
    def misfit(self) -> str:
        """That the run does not fit and what would make it, empty if it does."""
        return f"{self.headline.text()}. {self.remedy.text}" if self.remedy.text else ""

    def show_hardware(self, text: str) -> None:
        """Show which hardware is planned for, without telling anybody."""
        if not self.field.hasFocus():
            self.field.setText(text)

    def show_place(self, machines: str) -> None:
        """Name the machines that it is planned for unless other hardware is typed; none is this one."""
        self.field.setPlaceholderText(machines or _("This machine"))

    def show_trial(self, *, is_running: bool) -> None:
        """Offer a dry step, or say that one is made."""
        self.trial.setEnabled(not is_running)
        self.trial.setText(_("Trying one step…") if is_running else _("Try one step"))

    def _show_hardware(self, *, is_here: bool) -> None:
        self.trial.setVisible(is_here)

    def _show_table(self, fit: Fit) -> None:
        empty_layout(self._parts)
        lines = part_lines(fit)
        rows = -(-len(lines) // _COLUMNS)
        for number, (name, size) in enumerate(lines):
            column, row = divmod(number, rows)
            is_all = number == len(lines) - 1
            label = Text(name, "small strong" if is_all else "small", "text" if is_all else "text2")
            self._parts.addWidget(label, row, 3 * column)
            self._parts.addWidget(Text(size, "small"), row, 3 * column + 1, Qt.AlignmentFlag.AlignRight)

    def _build(self) -> None:
        self._parts.setHorizontalSpacing(16)
        self._parts.setVerticalSpacing(2)
        for column in (2, 5):
            self._parts.setColumnStretch(column, 1)
        choice = QHBoxLayout()
        choice.setSpacing(12)
        choice.addWidget(Text(_("Hardware"), "text"))
        choice.addWidget(self.field)
        choice.addWidget(self.trial)
        choice.addStretch(1)
        memory = QVBoxLayout(self._memory)
        memory.setContentsMargins(0, 4, 0, 0)
        memory.setSpacing(4)
        memory.addWidget(self._heading)
        memory.addWidget(self.bar)
        memory.addLayout(self._parts)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.headline)
        layout.addWidget(self.source)
        layout.addWidget(self.remedy)
        layout.addLayout(choice)
        layout.addWidget(self.refusal)
        layout.addWidget(self._memory)
        self.refusal.hide()

    def _on_edited(self) -> None:
        if self.field.isModified():
            self.field.setModified(False)
            self.hardware_made.emit(self.field.text().strip())
