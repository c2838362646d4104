"""The main window: for now it opens a project and shows its runs live."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMainWindow,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from domainstudio.gui import theme
from domainstudio.gui.bridge import RunsBridge
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_count
from domainstudio.workflow.training import RunRow


class Window(QMainWindow):
    """Shows the runs of one project; the work itself is done by commands."""

    def __init__(self) -> None:
        """Build an empty window."""
        super().__init__()
        self.setWindowTitle("Domain Studio")
        self.resize(960, 600)
        self._bridge: RunsBridge | None = None
        self._title = QLabel(_("No project is open"))
        self._words = QLabel(_("Open a project folder; make one with: domainstudio demo --quick"))
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._words.setWordWrap(True)
        theme.make_title(self._title)
        theme.make_secondary(self._words)
        self._open = QPushButton(_("Open a project…"))
        self._open.setAccessibleName(_("Open a project"))
        self._open.clicked.connect(self._on_open_clicked)
        self._runs = _runs_table()
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._open)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(*[theme.PANE_PADDING] * 4)
        layout.setSpacing(16)
        layout.addLayout(head)
        layout.addWidget(self._words)
        layout.addWidget(self._runs, 1)
        self.setCentralWidget(content)

    def open_project(self, folder: Path) -> None:
        """Show the project in `folder` and follow its runs."""
        self._close_bridge()
        self._runs.setRowCount(0)
        self._title.setText(folder.name)
        self._words.setText(str(folder))
        self._bridge = RunsBridge(folder, self)
        self._bridge.runs_changed.connect(self._on_runs_changed)
        self._bridge.problem_found.connect(self._words.setText)

    def _on_open_clicked(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, _("Open a project"))
        if folder:
            self.open_project(Path(folder))

    def _on_runs_changed(self, runs: list[RunRow]) -> None:
        self._runs.setRowCount(len(runs))
        for row, run in enumerate(runs):
            for column, text in enumerate(_cells(run)):
                item = QTableWidgetItem(text)
                item.setTextAlignment(_alignment(column))
                self._runs.setItem(row, column, item)

    def _close_bridge(self) -> None:
        if self._bridge is not None:
            self._bridge.close()
            self._bridge.deleteLater()
            self._bridge = None

    # Overridden from Qt

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """End the thread before the window goes."""
        self._close_bridge()
        super().closeEvent(event)


def _runs_table() -> QTableWidget:
    head = [_("Run"), _("State"), _("Step"), _("Loss"), _("Domain gain"), _("Forgetting")]
    table = QTableWidget(0, len(head))
    table.setAccessibleName(_("Runs"))
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setFrameShape(QFrame.Shape.NoFrame)
    table.verticalHeader().setDefaultSectionSize(theme.ROW_PIXELS)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    for column, text in enumerate(head):
        item = QTableWidgetItem(text)
        item.setTextAlignment(_alignment(column))
        table.setHorizontalHeaderItem(column, item)
    return table


def _alignment(column: int) -> Qt.AlignmentFlag:
    """Return left for names and states, right for numbers."""
    side = Qt.AlignmentFlag.AlignLeft if column < 2 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _cells(run: RunRow) -> list[str]:
    unknown = "–"
    return [
        run.run,
        _(run.status),
        f"{format_count(run.step)} / {format_count(run.steps)}",
        unknown if run.loss is None else f"{run.loss:.3f}",
        unknown if run.outcome.gain is None else format_change(run.outcome.gain),
        unknown if run.outcome.forgetting is None else format_change(run.outcome.forgetting),
    ]
