"""The table twins of the plots: every step, or every measurement of held-out text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, Qt
from PySide6.QtWidgets import QHeaderView, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.panes.runs.curves import Shown
from domainstudio.gui.widgets.buttons import Segments
from domainstudio.gui.widgets.table import NONE, OVERHANG, Index, Table, beside_table
from domainstudio.jobs.columns import Array
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_count, format_duration, format_rate

_UNKNOWN = "–"
_COLUMN_WIDTH = 108


@dataclass(frozen=True)
class NumberColumn:
    """A column over an array that may grow."""

    title: str
    values: Callable[[], Array]
    words: Callable[[float], str]


class NumbersModel(QAbstractTableModel):
    """Numbers read from arrays as they are asked for: a million rows cost nothing."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._columns: list[NumberColumn] = []
        self._rows = 0

    def show_columns(self, columns: list[NumberColumn], rows: int) -> None:
        """Show other columns."""
        self.beginResetModel()
        self._columns, self._rows = columns, rows
        self.endResetModel()

    def grow(self, rows: int) -> None:
        """Show rows that were added; fewer rows than before are shown anew."""
        if rows < self._rows:
            self.show_columns(self._columns, rows)
        elif rows > self._rows:
            self.beginInsertRows(NONE, self._rows, rows - 1)
            self._rows = rows
            self.endInsertRows()

    # Overridden from Qt

    def rowCount(self, parent: Index = NONE) -> int:  # noqa: N802
        """Return the number of rows."""
        return 0 if parent.isValid() else self._rows

    def columnCount(self, parent: Index = NONE) -> int:  # noqa: N802
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a number in words."""
        if not index.isValid():
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            column = self._columns[index.column()]
            values = column.values()
            value = float(values[index.row()]) if index.row() < len(values) else float("nan")
            return column.words(value) if np.isfinite(value) else _UNKNOWN
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self._columns):
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._columns[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class TablePage(QWidget):
    """One of two tables: steps, or held-out loss."""

    def __init__(self) -> None:
        """Show empty tables."""
        super().__init__()
        self._choice = Segments([("steps", _("Every step")), ("held out", _("Held-out text"))], _("Table"))
        self._choice.chosen.connect(self._on_chosen)
        self.model = NumbersModel()
        self.table = Table(_("Numbers of the run"))
        self.table.setModel(self.model)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setMinimumSectionSize(_COLUMN_WIDTH)
        self._shown: Shown | None = None
        self._key: object = None
        layout = QVBoxLayout(self)
        side = theme.PADDING - OVERHANG
        layout.setContentsMargins(side, 4, side, 16)
        layout.setSpacing(8)
        layout.addLayout(beside_table(self._choice))
        layout.addWidget(self.table, 1)

    def show_run(self, shown: Shown) -> None:
        """Show a run's numbers, or what was added to them."""
        self._shown = shown
        columns, rows = self._steps(shown) if self._choice.key == "steps" else self._held_out(shown)
        key = (shown.run.name, id(shown.curves.steps), *(column.title for column in columns))
        if key != self._key:
            self._key = key
            self.model.show_columns(columns, rows)
        else:
            scroll = self.table.verticalScrollBar()
            is_at_end = scroll.value() == scroll.maximum()
            self.model.grow(rows)
            if is_at_end and rows:
                self.table.scrollToBottom()

    def _on_chosen(self) -> None:
        if self._shown is not None:
            self.show_run(self._shown)

    def _steps(self, shown: Shown) -> tuple[list[NumberColumn], int]:
        steps = shown.curves.steps

        def column(title: str, name: str, words: Callable[[float], str]) -> NumberColumn:
            return NumberColumn(title, lambda: steps.column(name), words)

        made = [
            column(_("Step"), "step", format_count),
            column(_("Tokens"), "tokens", format_count),
            column(_("Time"), "seconds", format_duration),
            column(_("Loss (nats)"), "loss", lambda value: f"{value:.4f}"),
            column(_("Learning rate"), "learning_rate", format_rate),
            column(_("Gradient norm"), "gradient_norm", lambda value: f"{value:.3f}"),
            column(_("Tokens/s"), "tokens_per_second", format_count),
            column(_("Memory (GB)"), "memory_bytes", lambda value: f"{value / 1e9:.2f}"),
        ]
        if shown.spec.recipe.stage.kl_strength:
            made.append(column(_("KL to the base"), "divergence", lambda value: f"{value:.4f}"))
        return made, len(steps)

    def _held_out(self, shown: Shown) -> tuple[list[NumberColumn], int]:
        curves = shown.run.held_out.curves
        steps = max((curve.steps for curve in curves), key=len, default=np.empty(0))
        made = [NumberColumn(_("Step"), lambda: steps, format_count)]
        for curve in curves:
            title = _("{source} (nats)").format(source=curve.source)
            values = curve.change if shown.is_against_base else curve.nats
            words = format_change if shown.is_against_base else lambda value: f"{value:.4f}"
            made.append(_at(title, steps, curve.steps, values, words))
        made.append(_at(_("Forgetting (nats)"), steps, *shown.run.held_out.forgetting, format_change))
        facts = shown.curves.canaries
        if facts:
            asked, right = np.array([one.step for one in facts]), np.array([one.right for one in facts])
            title = _("Facts right of {total}").format(total=format_count(facts[0].total))
            made.append(_at(title, steps, asked, right, format_count))
        return made, len(steps)


def _at(title: str, steps: Array, known: Array, values: Array, words: Callable[[float], str]) -> NumberColumn:
    """Return a column of values where they were measured, NaN at the other steps."""
    placed = np.full(len(steps), np.nan)
    found, here, there = np.intersect1d(steps, known, return_indices=True)
    placed[here] = values[there]
    return NumberColumn(title, lambda: placed, words)
