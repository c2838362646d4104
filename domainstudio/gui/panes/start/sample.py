"""The sample project by clicks alone: what it does, where, how long, and what it needs."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from domainstudio.gui.background import Background
from domainstudio.gui.widgets.buttons import PrimaryButton, SecondaryButton, Segments
from domainstudio.gui.widgets.form import left_row, narrow_page
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.states import CodeBox
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.workflow import demo
from domainstudio.workflow.training import setup

WIDEST = 760


class SamplePage(QWidget):
    """Explains the sample, makes it, and follows its first step; then the window opens it.

    Signals:
        project_made: Path of the sample project, as soon as it exists; its jobs follow one another.
        cancelled: back to the recent projects.
    """

    project_made = Signal(Path)
    cancelled = Signal()

    def __init__(self, background: Background) -> None:
        """Offer the quick size first."""
        super().__init__()
        self._background = background
        self._opened: Path | None = None
        self._size = Segments([("quick", _("Quick")), ("full", _("Full"))], _("Size of the sample"))
        self._size.chosen.connect(self._on_size_chosen)
        self._size_words = Text("", "small", "text2", wrap=True)
        self._folder = QLineEdit(str(demo.free_folder(Path.home() / "domainstudio-sample")))
        self._folder.setAccessibleName(_("Folder of the sample project"))
        self._problem = ProblemLine()
        self._make = PrimaryButton(_("Make the sample project"), self._on_make_clicked, "chart")
        self._output = CodeBox("", _("Output of the installation"))
        self._output.hide()
        self._build()
        self._on_size_chosen("quick")

    def begin(self) -> None:
        """Say what is missing on this machine, if anything."""
        self._problem.clear()
        missing = setup.missing_packages()
        self._make.setEnabled(not missing)
        if missing:
            words = _(
                "Training needs {packages}, which are not installed beside this program. They are about "
                "2 GB; the installation asks the package index, and nothing else is sent."
            )
            self._problem.say(
                "attention",
                words.format(packages=", ".join(missing)),
                [(_("Install them now"), self._on_install_clicked)],
            )
        self._make.setFocus()

    def _build(self) -> None:
        words = _(
            "It takes text that lies on this machine already, the docstrings of installed Python packages: "
            "general text from the standard library, domain text from deep-learning libraries. It trains a "
            "small base model from scratch on the general text, continues it on the domain text, and writes "
            "a report. Nothing is downloaded. The window opens the project at once, and you watch it work."
        )
        layout = narrow_page(self, WIDEST)
        layout.addWidget(Text(_("The sample project"), "title"))
        layout.addWidget(Text(words, "text", "text2", wrap=True))
        layout.addSpacing(8)
        layout.addWidget(self._size)
        layout.addWidget(self._size_words)
        layout.addSpacing(8)
        layout.addWidget(Text(_("Folder"), "strong"))
        layout.addWidget(self._folder)
        layout.addSpacing(8)
        layout.addWidget(self._problem)
        layout.addWidget(self._output)
        layout.addLayout(left_row(self._make, SecondaryButton(_("Back"), self.cancelled.emit)))

    def _on_size_chosen(self, key: str) -> None:
        quick = _(
            "A slice of the text, the domain text alone: about a minute on two cores. Shows every step."
        )
        full = _(
            "All of the text in three arms (domain alone, with a quarter of general text, general alone), so "
            "that gain and forgetting can be compared: several minutes on two cores."
        )
        self._size_words.setText(quick if key == "quick" else full)

    def _on_make_clicked(self) -> None:
        self._problem.clear()
        self._make.setEnabled(False)
        folder = Path(self._folder.text().strip()).expanduser()
        size = demo.QUICK if self._size.key == "quick" else demo.FULL
        self._opened = None

        def work() -> None:
            folder.parent.mkdir(parents=True, exist_ok=True)
            demo.carry_out(
                folder, size, lambda path, purpose: self._background.tell(self._on_began, (path, purpose))
            )

        self._background.call(work, self._on_done, self._on_refused)

    def _on_began(self, began: tuple[Path, str]) -> None:
        if self._opened is None:
            self._opened = began[0]
            self.project_made.emit(began[0])

    def _on_done(self, _nothing: None) -> None:
        self._make.setEnabled(True)

    def _on_refused(self, problem: Problem) -> None:
        self._make.setEnabled(True)
        self._problem.say("problem", sentence(problem))

    def _on_install_clicked(self) -> None:
        self._problem.clear()
        self._output.show_text("")
        self._output.show()

        def work() -> None:
            setup.install(lambda line: self._background.tell(self._on_line, line))

        self._background.call(work, self._on_installed, self._on_refused)

    def _on_line(self, line: str) -> None:
        self._output.field.appendPlainText(line)

    def _on_installed(self, _nothing: None) -> None:
        self.begin()
