"""The chosen checkpoint: its numbers, what is to be known of it, where it goes, and its card."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.desktop import open_folder
from domainstudio.gui.widgets.buttons import LinkButton, SecondaryButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.states import CodeBox
from domainstudio.gui.widgets.text import KeyNumber, Text
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_count
from domainstudio.workflow.export.blend_words import words_of
from domainstudio.workflow.export.blending import BlendRow
from domainstudio.workflow.export.candidates import Candidate


class ChosenCheckpoint(QWidget):
    """The right half of the pane.

    Signals:
        destination_changed: the folder to write to, as text.
    """

    destination_changed = Signal(str)

    def __init__(self) -> None:
        """Build it empty."""
        super().__init__()
        self._title, self._about = Text("", "title", wrap=True), Text("", "text", "text2", wrap=True)
        self._gain = KeyNumber(_("Domain gain"), "domain")
        self._forgetting = KeyNumber(_("Forgetting"), "forget")
        self.lines = [ProblemLine(), ProblemLine(), ProblemLine()]
        self.destination = QLineEdit()
        self.destination.setAccessibleName(_("Folder to write"))
        self.destination.textEdited.connect(self.destination_changed)
        self._browse = SecondaryButton(_("Browse…"), self._on_browse_clicked)
        self.refusal = ProblemLine()
        self.written = WrittenLine()
        self.card = CodeBox("", _("Model card"))
        self._build()

    def show_candidate(self, one: Candidate) -> None:
        """Show a checkpoint's numbers and what is to be known of them."""
        self._title.setText(_("{run} at step {step}").format(run=one.run, step=format_count(one.step)))
        words = _("{arm}, started from {origin}; {n} of {steps} steps; the run is {status}.")
        self._about.setText(
            words.format(
                arm=_(one.arm),
                origin=one.origin.rstrip("/").rsplit("/", 1)[-1],
                n=format_count(one.step),
                steps=format_count(one.steps),
                status=_(one.status),
            )
        )
        self._show_numbers(one.gain, one.forgetting)
        self._show_notes(notes(one))

    def show_blend(self, row: BlendRow) -> None:
        """Show a blend's numbers and what is to be known of them."""
        blend = words_of(row.blend, row.steps)
        self._title.setText(f"{blend[:1].upper()}{blend[1:]}")
        words = _("Made of {run} at step {step}, which started from {origin}, without training.")
        origin = row.origin.rstrip("/").rsplit("/", 1)[-1]
        self._about.setText(words.format(run=row.run, step=format_count(row.step), origin=origin))
        self._show_numbers(row.gain, row.forgetting)
        self._show_notes(blend_notes(row))

    def _show_numbers(self, gain: float | None, forgetting: float | None) -> None:
        for number, value in ((self._gain, gain), (self._forgetting, forgetting)):
            if value is None:
                number.show_value("–")
            else:
                number.show_value(format_change(value), "", _("nats a token"))

    def _show_notes(self, sentences: list[str]) -> None:
        for line, text in zip(self.lines, [*sentences, *[""] * len(self.lines)], strict=False):
            if text:
                line.say("attention", text)
            else:
                line.clear()

    def _build(self) -> None:
        numbers = QHBoxLayout()
        numbers.addWidget(self._gain, 1)
        numbers.addWidget(self._forgetting, 1)
        where = QHBoxLayout()
        where.setSpacing(8)
        where.addWidget(self.destination, 1)
        where.addWidget(self._browse)
        label = Text(_("Folder to write"), "small strong")
        label.setBuddy(self.destination)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 16, theme.PADDING, theme.PADDING)
        layout.setSpacing(8)
        layout.addWidget(self._title)
        layout.addWidget(self._about)
        layout.addSpacing(8)
        layout.addLayout(numbers)
        for line in self.lines:
            layout.addWidget(line)
        layout.addSpacing(8)
        layout.addWidget(hairline())
        layout.addSpacing(4)
        layout.addWidget(label)
        layout.addLayout(where)
        layout.addWidget(self.refusal)
        layout.addWidget(self.written)
        layout.addSpacing(8)
        layout.addWidget(hairline())
        layout.addSpacing(4)
        card = QGridLayout()  # its name stands on the line of the Copy button
        card.addWidget(self.card, 0, 0)
        name = Text(_("The model card, as it will be written"), "small strong")
        name.setFixedHeight(theme.SMALL_CONTROL)
        card.addWidget(name, 0, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        layout.addLayout(card, 1)

    def _on_browse_clicked(self) -> None:
        begin = str(Path(self.destination.text()).parent)
        folder = QFileDialog.getExistingDirectory(self, _("A new or empty folder"), begin)
        if folder:
            self.destination.setText(folder)
            self.destination_changed.emit(folder)


class WrittenLine(QWidget):
    """What was written, with a link to its folder; hidden until there is something."""

    def __init__(self) -> None:
        """Show nothing."""
        super().__init__()
        self._folder = Path()
        self._icon, self._words = QLabel(), Text("", "text", wrap=True)
        self._link = LinkButton(_("Open the folder"), self._on_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(8)
        layout.addWidget(self._icon)
        layout.addWidget(self._words, 1)
        layout.addWidget(self._link)
        theme.notifier.changed.connect(self._dress)
        self._dress()
        self.hide()

    def say(self, written: Path) -> None:
        """Name what was written."""
        self._folder = written if written.is_dir() else written.parent
        self._words.setText(_("Written: {path}").format(path=written))
        self.show()

    @property
    def text(self) -> str:
        """What it says, empty while it is hidden."""
        return self._words.text() if not self.isHidden() else ""

    def _on_clicked(self) -> None:
        open_folder(self._folder)

    def _dress(self) -> None:
        self._icon.setPixmap(icons.state_pixmap("ready"))


def notes(one: Candidate) -> list[str]:
    """Return what is to be known of a checkpoint's numbers before it is exported."""
    found = []
    if one.gain is None and one.forgetting is None:
        found.append(_("Nothing was measured at this checkpoint or before it."))
    elif one.forgetting is None:
        found.append(_("No general source was probed: what it forgot is not known."))
    if one.measured_at is not None and one.measured_at != one.step:
        words = _("Measured at step {at}, the last probe before step {step}.")
        found.append(words.format(at=format_count(one.measured_at), step=format_count(one.step)))
    if one.is_accepted is False:
        found.append(_above(one.accepted))
    elif one.gain is not None and one.forgetting is not None and not one.is_undominated:
        found.append(_("Another checkpoint from the same base gained at least as much and forgot no more."))
    return found


def blend_notes(row: BlendRow) -> list[str]:
    """Return what is to be known of a blend's numbers before it is exported."""
    found = []
    if row.forgetting is None:
        found.append(_("No general source was probed: what it forgot is not known."))
    if row.is_accepted is False:
        found.append(_above(row.accepted))
    return found


def _above(accepted: float | None) -> str:
    words = _("Its forgetting is above the {accepted} that the run accepts.")
    return words.format(accepted=format_change(accepted or 0.0))
