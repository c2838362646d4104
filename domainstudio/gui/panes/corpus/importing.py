"""The form of an import: which files, into which source, with which role, and how they are read."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from domainstudio.corpus.finding import name_of
from domainstudio.corpus.readers import ReaderSettings, endings
from domainstudio.gui import theme
from domainstudio.gui.panes.corpus.sources import ROLES
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import PrimaryButton, SecondaryButton
from domainstudio.gui.widgets.form import FormRow, Section
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.text import Text
from domainstudio.jobs.folder import JobFolder
from domainstudio.language import translate as _
from domainstudio.mixture.shares import Role, TextOrigin
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.units import format_count, format_size
from domainstudio.workflow.corpus.importing import ImportPreview, preview, start_import

_WIDTH = 760


class ImportForm(QScrollArea):
    """Fills itself from the paths it is given.

    Signals:
        started: the import is under way.
        cancelled: the person goes back.
    """

    started = Signal()
    cancelled = Signal()

    def __init__(self, session: Session) -> None:
        """Show an empty form."""
        super().__init__()
        self._session = session
        self._has_own_name = False
        self.setWidgetResizable(True)
        self.paths = QListWidget()
        self.paths.setAccessibleName(_("Files and folders to import"))
        self.paths.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.paths.setFixedHeight(132)
        self.paths.setStyleSheet("QListWidget { border: 1px solid palette(dark); }")
        self.preview = Text("", "small", "text2", wrap=True)
        self.name = QLineEdit()
        self.role = _choice({role: _(role) for role in ROLES})
        self.origin = _choice(
            {
                "documents": _("written by people"),
                "written by a model": _("written by a model"),
                "found on this machine": _("found on this machine"),
            }
        )
        self.html = _choice({"fast": _("fast"), "thorough": _("thorough")})
        self.text_field = QLineEdit("text")
        self.rows = self._rows()
        self.problem = ProblemLine()
        self.start = PrimaryButton(_("Import"), self._on_start_clicked, "import")
        self._lay_out()
        self.name.textEdited.connect(self._on_name_edited)
        self.paths.model().rowsInserted.connect(self._on_paths_changed)
        self.paths.model().rowsRemoved.connect(self._on_paths_changed)
        self._on_paths_changed()

    def _rows(self) -> dict[str, FormRow]:
        return {
            "role": FormRow(_("Role"), self.role, _(
                "domain: the field to learn; general: what must not be forgotten; task and instruction: for "
                "later stages. It can be changed later.")),
            "name": FormRow(_("Source"), self.name, _(
                "Text imported under the name of a source that exists is added to it.")),
            "text_field": FormRow(_("Text column"), self.text_field, _(
                "Of JSON lines and tables: the field or column that holds the document.")),
            "html": FormRow(_("Web pages"), self.html, _(
                "The fast way takes all text but menus and the like; the thorough one looks for the article "
                "and is 60 times slower.")),
            "origin": FormRow(_("Origin"), self.origin, _(
                "Whose text it is. What a model wrote is labelled so in tables and reports.")),
        }  # fmt: skip

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(SecondaryButton(_("Add files…"), self._on_files_clicked, "document"))
        buttons.addWidget(SecondaryButton(_("Add a folder…"), self._on_folder_clicked, "folder"))
        buttons.addWidget(SecondaryButton(_("Remove"), self._on_remove_clicked, "close"))
        buttons.addStretch(1)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.start)
        foot.addWidget(SecondaryButton(_("Cancel"), self.cancelled.emit))
        foot.addStretch(1)
        page = QWidget()
        page.setMaximumWidth(_WIDTH + 2 * theme.PADDING)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(theme.PADDING, 8, theme.PADDING, theme.PADDING)
        layout.setSpacing(4)
        layout.addWidget(Section(_("What to import"), has_line=False))
        formats = _("Drop files and folders here. Read are {endings}, texts and tables also as .gz or .zst.")
        layout.addWidget(Text(formats.format(endings=" ".join(endings())), "small", "text2", wrap=True))
        layout.addWidget(self.paths)
        layout.addLayout(buttons)
        layout.addWidget(self.preview)
        layout.addWidget(Section(_("As what")))
        for name in ("role", "name", "origin"):
            layout.addWidget(self.rows[name])
        layout.addWidget(Section(_("How it is read")))
        for name in ("text_field", "html"):
            layout.addWidget(self.rows[name])
        layout.addSpacing(12)
        layout.addWidget(self.problem)
        layout.addLayout(foot)
        layout.addStretch(1)
        self.setWidget(page)

    def begin(self, paths: list[Path], role: Role = "domain") -> None:
        """Offer to import `paths`, or let the person choose some."""
        self.role.setCurrentIndex(self.role.findData(role))
        self.paths.clear()
        self.problem.clear()
        self._has_own_name = False
        self.name.clear()
        self.add_paths(paths)
        (self.role if paths else self.paths).setFocus()

    def add_paths(self, paths: list[Path]) -> None:
        """Add files and folders to the list, each once."""
        known = set(self._chosen())
        for path in paths:
            if path not in known:
                self.paths.addItem(str(path))
        if self._chosen() and not self._has_own_name:
            self.name.setText(name_of(self._chosen()[0]))

    def _chosen(self) -> list[Path]:
        return [Path(self.paths.item(row).text()) for row in range(self.paths.count())]

    def _settings(self) -> ReaderSettings:
        html = "thorough" if self.html.currentData() == "thorough" else "fast"
        return ReaderSettings(text_field=self.text_field.text().strip() or "text", html=html)

    def _on_paths_changed(self) -> None:
        self.start.setEnabled(False)
        self.preview.setText("")
        if chosen := self._chosen():
            self.preview.setText(_("Looking for files…"))
            self._session.read(
                partial(_preview, chosen, self._settings()), self._on_preview, self._on_preview_failed
            )

    def _on_preview(self, answer: tuple[list[Path], ImportPreview]) -> None:
        paths, found = answer
        if paths != self._chosen():
            return
        self.problem.clear()
        count, size = format_count(found.files), format_size(found.size_bytes)
        is_one = found.files == 1
        words = _("1 file to read, {size}") if is_one else _("{count} files to read, {size}")
        self.preview.setText(words.format(count=count, size=size))
        button = _("Import 1 file") if is_one else _("Import {count} files")
        self.start.setText(button.format(count=count))
        self.start.setEnabled(True)

    def _on_preview_failed(self, problem: Problem) -> None:
        self.preview.setText("")
        self.problem.say("problem", sentence(problem))

    def _on_name_edited(self, text: str) -> None:
        self._has_own_name = bool(text)

    def _on_files_clicked(self) -> None:
        names, _chosen_filter = QFileDialog.getOpenFileNames(self, _("Files to import"))
        self.add_paths([Path(name) for name in names])

    def _on_folder_clicked(self) -> None:
        name = QFileDialog.getExistingDirectory(self, _("A folder to import"))
        if name:
            self.add_paths([Path(name)])

    def _on_remove_clicked(self) -> None:
        for item in self.paths.selectedItems() or [self.paths.item(self.paths.count() - 1)]:
            if item is not None:
                self.paths.takeItem(self.paths.row(item))

    def _on_start_clicked(self) -> None:
        name = self.name.text().strip()
        if not name:
            self.rows["name"].show_error(sentence(Problem("corpus.name_empty", "name", {})))
            self.name.setFocus()
            return
        for row in self.rows.values():
            row.show_error("")
        self.start.setEnabled(False)
        role, origin = self.role.currentData(), self.origin.currentData()
        self._session.edit(
            partial(_start, self._chosen(), name, role, self._settings(), origin),
            self._on_started,
            self._on_start_failed,
        )

    def _on_started(self, _folder: JobFolder) -> None:
        self.started.emit()

    def _on_start_failed(self, problem: Problem) -> None:
        self.start.setEnabled(True)
        if problem.field in self.rows:
            self.rows[problem.field].show_error(sentence(problem))
            self.rows[problem.field].control.setFocus()
        else:
            self.problem.say("problem", sentence(problem))


def _choice(options: Mapping[str, str]) -> QComboBox:
    box = QComboBox()
    for key, words in options.items():
        box.addItem(words, key)
    return box


def _preview(
    paths: list[Path], settings: ReaderSettings, _project: Project
) -> tuple[list[Path], ImportPreview]:
    return paths, preview(paths, settings)


def _start(
    paths: list[Path],
    name: str,
    role: Role,
    settings: ReaderSettings,
    origin: TextOrigin,
    project: Project,
) -> JobFolder:
    return start_import(project, paths, name, role, settings, origin)
