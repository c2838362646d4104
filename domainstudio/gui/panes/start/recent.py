"""Recent projects: each tells its state before it is opened."""

import time
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from domainstudio.gui.background import Background
from domainstudio.gui.preferences import Preferences, RecentProject
from domainstudio.gui.widgets.buttons import LinkButton, SecondaryButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.table import Column, RowsModel, Table
from domainstudio.gui.widgets.text import KeyNumber, Text
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_count, format_day
from domainstudio.workflow.glance import Glance, look_at

ROW_HEIGHT = 40
MOST_ROWS = 9


class RecentPage(QWidget):
    """The list, and the selected project's key numbers below it.

    Signals:
        project_chosen: Path of the project to open.
    """

    project_chosen = Signal(Path)

    def __init__(self, preferences: Preferences, background: Background) -> None:
        """Look at each recent project in the background."""
        super().__init__()
        self._preferences, self._background = preferences, background
        self._opened: dict[str, float] = {}
        self._glances: list[Glance] = []
        self._find = QLineEdit()
        self._find.setPlaceholderText(_("Find"))
        self._find.setAccessibleName(_("Find a recent project"))
        self._find.setFixedWidth(208)
        self._find.textChanged.connect(self._show)
        self._model = RowsModel(
            [
                Column(_("Project"), lambda one: one.name, style=lambda _one: "strong"),
                Column(_("Base model"), lambda one: one.base, token=lambda _one: "text2", width=160),
                Column(
                    _("State"),
                    lambda one: one.words,
                    state=lambda one: one.state,
                    tooltip=lambda one: one.words,
                ),
                Column(_("On disk (GB)"), _gigabytes, True, width=112),
                Column(_("Last opened"), self._opened_words, True, lambda _one: "text2", width=120),
            ]
        )
        self._table = Table(_("Recent projects"), ROW_HEIGHT)
        self._table.show_model(self._model)
        self._table.activated.connect(self._on_open)
        self._table.selectionModel().currentRowChanged.connect(self._on_row_changed)
        for key in (QKeySequence(Qt.Key.Key_Delete),):
            QShortcut(key, self._table, self._on_delete, context=Qt.ShortcutContext.WidgetShortcut)
        self._hint = Text("", "small", "text2")
        self._locate = LinkButton(_("Locate the folder…"), self._on_locate)
        self._details = _Details(self._on_open)
        head = QHBoxLayout()
        head.addWidget(Text(_("Recent projects"), "strong"))
        head.addStretch(1)
        head.addWidget(self._find)
        foot = QHBoxLayout()
        foot.addWidget(self._hint)
        foot.addStretch(1)
        foot.addWidget(self._locate)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self._table)
        layout.addLayout(foot)
        layout.addSpacing(24)
        layout.addWidget(self._details)
        layout.addStretch(1)
        self._locate.hide()
        self._details.hide()
        self._look()

    def _look(self) -> None:
        recent = self._preferences.recent()
        self._opened = {one.folder: one.opened_at for one in recent}
        self._background.call(lambda: _look_at_all(recent), self._on_looked)
        self._show()

    def _on_looked(self, glances: list[Glance]) -> None:
        self._glances = glances
        self._show()
        if glances:
            self._table.selectRow(0)

    def _show(self) -> None:
        wanted = self._find.text().casefold()
        shown = [one for one in self._glances if wanted in f"{one.name} {one.base}".casefold()]
        self._model.show_rows(shown)
        self._table.fit_height(MOST_ROWS)
        self._table.setVisible(bool(self._opened))
        self._find.setVisible(bool(self._opened))
        if self._opened:
            words = _(
                "Enter opens the selected project. Delete removes a line from this list and leaves the "
                "folder untouched."
            )
        else:
            words = _("No project was opened yet. Begin at the left: the sample project shows the whole way.")
        self._hint.setText(words)

    def _selected(self) -> Glance | None:
        row = self._table.selected_row
        return self._model.rows[row] if 0 <= row < len(self._model.rows) else None

    def _on_row_changed(self) -> None:
        glance = self._selected()
        self._details.setVisible(glance is not None and glance.documents is not None)
        self._locate.setVisible(glance is not None and glance.is_missing)
        if glance is not None:
            self._details.show_glance(glance)

    def _on_open(self, _index: object = None) -> None:
        glance = self._selected()
        if glance is not None and not glance.is_missing:
            self.project_chosen.emit(Path(glance.folder))

    def _on_delete(self) -> None:
        glance = self._selected()
        if glance is not None:
            self._preferences.forget_project(glance.folder)
            self._glances = [one for one in self._glances if one.folder != glance.folder]
            self._opened.pop(glance.folder, None)
            self._show()

    def _on_locate(self) -> None:
        glance = self._selected()
        folder = QFileDialog.getExistingDirectory(self, _("Where is this project now?"))
        if folder and glance is not None:
            self._preferences.forget_project(glance.folder)
            self.project_chosen.emit(Path(folder))

    def _opened_words(self, glance: Glance) -> str:
        return format_day(self._opened.get(glance.folder, 0.0), time.time())


class _Details(QWidget):
    """The selected project's key numbers."""

    def __init__(self, opened: object) -> None:
        super().__init__()
        self._name, self._folder = Text("", "strong"), Text("", "text", "text2")
        self._numbers = {
            "corpus": KeyNumber(_("Corpus")),
            "mixture": KeyNumber(_("Mixture")),
            "gain": KeyNumber(_("Domain gain")),
            "forgetting": KeyNumber(_("Forgetting")),
        }
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._name)
        head.addWidget(self._folder)
        head.addStretch(1)
        head.addWidget(SecondaryButton(_("Open project"), opened))  # type: ignore[arg-type]
        numbers = QHBoxLayout()
        for number in self._numbers.values():
            numbers.addWidget(number, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(hairline())
        layout.addLayout(head)
        layout.addLayout(numbers)

    def show_glance(self, glance: Glance) -> None:
        """Show a project."""
        self._name.setText(glance.name)
        self._folder.setText(glance.folder)
        self._numbers["corpus"].show_value(
            format_count(glance.documents) if glance.documents is not None else "–",
            "",
            _("documents kept"),
        )
        self._numbers["mixture"].show_value(
            f"{glance.replay * 100:.1f}" if glance.replay is not None else "–",
            "%",
            _("general text (replay)"),
        )
        self._numbers["gain"].show_value(
            format_change(glance.gain).lstrip("+") if glance.gain is not None else "–",
            "",
            _("nats a token, against the base"),
        )
        forgetting = glance.forgetting
        self._numbers["forgetting"].show_value(
            format_change(forgetting) if forgetting is not None else "–",
            "",
            _("nats a token, against the base"),
        )


def _gigabytes(glance: Glance) -> str:
    return "" if glance.size_bytes is None else f"{glance.size_bytes / 1e9:,.2f}"


def _look_at_all(recent: list[RecentProject]) -> list[Glance]:
    return [look_at(one.folder) for one in recent]
