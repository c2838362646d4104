"""The start page: three ways to begin at the left; at the right recent projects or what was chosen."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from domainstudio.gui.background import Background
from domainstudio.gui.panes.start.new import NewProjectPage
from domainstudio.gui.panes.start.recent import RecentPage
from domainstudio.gui.panes.start.sample import SamplePage
from domainstudio.gui.preferences import Preferences
from domainstudio.gui.widgets.buttons import LinkButton, PrimaryButton, SecondaryButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import PaneProblem
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _

LEFT_WIDTH, MARGIN = 312, 64


class StartPane(QWidget):
    """What the window shows while no project is open.

    Signals:
        project_chosen: Path of the project to open.
        base_models_requested: the page about base models is wanted.
    """

    project_chosen = Signal(Path)
    base_models_requested = Signal()

    def __init__(self, preferences: Preferences, background: Background) -> None:
        """Show the recent projects."""
        super().__init__()
        self.problems: list[PaneProblem] = []
        self._new_button = PrimaryButton(_("New project…"), self.show_new, "plus")
        self._recent = RecentPage(preferences, background)
        self._new = NewProjectPage(background)
        self._sample = SamplePage(background)
        self._pages = QStackedWidget()
        for page in (self._recent, self._new, self._sample):
            self._pages.addWidget(page)
        self._recent.project_chosen.connect(self.project_chosen)
        self._new.project_made.connect(self.project_chosen)
        self._new.cancelled.connect(self.show_recent)
        self._new.base_models_requested.connect(self.base_models_requested)
        self._sample.project_made.connect(self.project_chosen)
        self._sample.cancelled.connect(self.show_recent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(MARGIN, 72, MARGIN, 40)
        layout.setSpacing(40)
        layout.addWidget(self._left())
        layout.addWidget(hairline(is_vertical=True))
        layout.addWidget(self._pages, 1)

    def show_recent(self) -> None:
        """Show the list of recent projects."""
        self._show(self._recent)

    def show_new(self) -> None:
        """Show the two questions of a new project."""
        self._show(self._new)
        self._new.begin()

    def show_sample(self) -> None:
        """Show what the sample project does."""
        self._show(self._sample)
        self._sample.begin()

    def _show(self, page: QWidget) -> None:
        """Show a page; the pages that ask something have their own primary button."""
        self._pages.setCurrentWidget(page)
        self._new_button.set_quiet(page is not self._recent)

    def _left(self) -> QWidget:
        box = QWidget()
        box.setFixedWidth(LEFT_WIDTH)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(Text("Domain Studio", "number"))
        purpose = _(
            "Turn an open language model into one that knows your field, and see what it forgets on the way."
        )
        layout.addWidget(Text(purpose, "text", "text2", wrap=True))
        ways = (
            (
                _("New project"),
                _("Two questions: which model to start from, and where to keep the project."),
                self._new_button,
            ),
            (
                _("Open a project"),
                _("A project is one folder. You can move it, copy it or back it up."),
                SecondaryButton(_("Open folder…"), self._on_open_clicked, "folder"),
            ),
            (
                _("Try the sample project"),
                _("The whole way from text to a trained model on this computer, without a download."),
                SecondaryButton(_("Make the sample project"), self.show_sample, "chart"),
            ),
        )
        for title, text, button in ways:
            layout.addSpacing(10)
            layout.addWidget(hairline())
            layout.addSpacing(10)
            layout.addWidget(Text(title, "strong"))
            layout.addWidget(Text(text, "text", "text2", wrap=True))
            layout.addSpacing(6)
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addSpacing(10)
        layout.addWidget(hairline())
        layout.addSpacing(6)
        layout.addWidget(LinkButton(_("Where do I get a base model?"), self.base_models_requested.emit))
        layout.addStretch(1)
        return box

    def _on_open_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, _("Open a project"))
        if folder:
            self.project_chosen.emit(Path(folder))
