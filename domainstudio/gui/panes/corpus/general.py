"""Three ways to get general text, each with what it costs and how it is labelled."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.text import Text
from domainstudio.jobs.folder import JobFolder
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.project.project import Project
from domainstudio.units import parse_count
from domainstudio.workflow.corpus.generation import start_generation
from domainstudio.workflow.corpus.importing import start_sample

_WIDTH = 760
GENERATED, SAMPLED = "generated", "technical-english"
"""Names of the sources, as the commands give them."""


class GeneralText(QScrollArea):
    """Where to take general text from.

    Signals:
        import_requested: the person has files.
        started: a job is under way; the id of one that writes text, empty for an import.
        cancelled: the person goes back.
    """

    import_requested = Signal()
    started = Signal(str)
    cancelled = Signal()

    def __init__(self, session: Session) -> None:
        """Show the three ways."""
        super().__init__()
        self._session = session
        self.setWidgetResizable(True)
        self.tokens = QLineEdit("200k")
        self.tokens.setAccessibleName(_("Tokens to write"))
        self.tokens.setFixedWidth(96)
        self.problem = ProblemLine()
        page = QWidget()
        page.setMaximumWidth(_WIDTH + 2 * theme.PADDING)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(theme.PADDING, 16, theme.PADDING, theme.PADDING)
        layout.setSpacing(4)
        layout.addWidget(Text(_("General text"), "strong"))
        layout.addWidget(Text(_(
            "Forgetting is measured on general text, and replaying some of it holds forgetting off. What the "
            "base model was trained on is best."), "text", "text2", wrap=True))  # fmt: skip
        self._add(layout, _("Your own files"), _(
            "An encyclopedia, web text or books in the base model's languages."),
            [SecondaryButton(_("Import…"), self.import_requested.emit, "import")])  # fmt: skip
        write = SecondaryButton(_("Let the base model write"), self._on_write_clicked)
        self._add(layout, _("Written by the base model"), _(
            "The base model continues from nothing; it knows best what it knew. Labelled as written by a "
            "model. It takes a while: the tokens are written one after the other."),
            [self.tokens, Text(_("tokens"), "text", "text2"), write])  # fmt: skip
        self._add(layout, _("Technical English found on this machine"), _(
            "The documentation inside the Python packages installed here, read without running them. A small "
            "and narrow stand-in, labelled as found on this machine."),
            [SecondaryButton(_("Take it"), self._on_sample_clicked)])  # fmt: skip
        layout.addSpacing(12)
        layout.addWidget(hairline())
        layout.addSpacing(12)
        layout.addWidget(self.problem)
        back = QHBoxLayout()
        back.addWidget(SecondaryButton(_("Back"), self.cancelled.emit))
        back.addStretch(1)
        layout.addLayout(back)
        layout.addStretch(1)
        self.setWidget(page)

    def _add(self, layout: QVBoxLayout, title: str, text: str, controls: list[QWidget]) -> None:
        layout.addSpacing(12)
        layout.addWidget(hairline())
        layout.addSpacing(12)
        layout.addWidget(Text(title, "strong"))
        layout.addWidget(Text(text, "text", "text2", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.setContentsMargins(0, 8, 0, 0)
        for control in controls:
            row.addWidget(control)
        row.addStretch(1)
        layout.addLayout(row)

    def _on_write_clicked(self) -> None:
        self.problem.clear()
        try:
            tokens = parse_count(self.tokens.text(), "tokens")
        except UserError as error:
            self._on_failed(error.problem)
            self.tokens.setFocus()
            return
        self._session.edit(partial(_write, tokens), self._on_writing, self._on_failed)

    def _on_sample_clicked(self) -> None:
        self.problem.clear()
        self._session.edit(_sample, self._on_sampling, self._on_failed)

    def _on_writing(self, folder: JobFolder) -> None:
        self.started.emit(folder.job_id)

    def _on_sampling(self, _folder: JobFolder) -> None:
        self.started.emit("")

    def _on_failed(self, problem: Problem) -> None:
        self.problem.say("problem", sentence(problem))


def _write(tokens: int, project: Project) -> JobFolder:
    return start_generation(project, tokens)


def _sample(project: Project) -> JobFolder:
    return start_sample(project, SAMPLED)
