"""The sources of a mixture in groups by role, each a row that can be moved, and what all come to."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QGridLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.widgets.form import empty_layout, hairline
from domainstudio.gui.widgets.scale import Scale
from domainstudio.gui.widgets.slider_row import NumberCell, SliderRow
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.mixture.editing import Balance
from domainstudio.mixture.shares import Portion, Role, SourceTokens

ORDER: tuple[Role, ...] = ("domain", "task", "instruction", "general")
_COLUMNS = 8
_SHARE, _TOKENS, _AVAILABLE, _REPEATED = 3, 4, 5, 7
_NUMBER_WIDTHS = {4: 76, 5: 92, 6: 72, 7: 84}
_OVERHANG = 8


class _Sum:
    """The cells of a group's heading or of the last row: title, share, tokens, and more for all sources."""

    def __init__(self, title: str) -> None:
        self.title = Text(title, "strong")
        self.share, self.tokens = NumberCell(style="strong"), NumberCell(style="strong")
        self.available, self.repeated = NumberCell(style="strong"), NumberCell(style="strong")


class MixtureTable(QWidget):
    """Rows of sources with sliders; the numbers follow the pane.

    Signals:
        moved: (source, share wished for).
        rested: (source).
        lock_toggled: (source, is locked).
    """

    moved = Signal(str, float)
    rested = Signal(str)
    lock_toggled = Signal(str, bool)

    def __init__(self) -> None:
        """Begin without rows."""
        super().__init__()
        self.rows: dict[str, SliderRow] = {}
        self._sources: list[tuple[str, Role]] = []
        self._lines: dict[str, int] = {}
        self._groups: dict[Role, _Sum] = {}
        self._all = _Sum(_("All"))
        self._titles: dict[int, Text] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(2, 1)
        for column, width in _NUMBER_WIDTHS.items():
            self._grid.setColumnMinimumWidth(column, width)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus_changed)

    def show_sources(self, sources: Sequence[SourceTokens]) -> None:
        """Show these sources; rows are made anew only if others came or a role changed."""
        wanted = [(source.name, source.role) for role in ORDER for source in sources if source.role == role]
        if wanted != self._sources:
            self._sources = wanted
            self._rebuild()

    def show_numbers(
        self, balance: Balance, portions: Mapping[str, Portion], tokens: int, scale: Scale
    ) -> None:
        """Show shares and what they come to: `portions` has every source, `tokens` is all they shall be."""
        for name, row in self.rows.items():
            portion = portions[name]
            row.show_share(balance.shares[name], name in balance.locked)
            row.show_portion(portion, scale, is_short=portion.shortfall > 0)
        for column, title in self._titles.items():
            title.setText(scale.titled(_title_of(column)))
        for role, group in self._groups.items():
            _show_sum(group, [portions[name] for name, found in self._sources if found == role], scale)
        _show_sum(self._all, list(portions.values()), scale)
        self._all.tokens.show_text(scale.text(tokens))

    def _rebuild(self) -> None:
        empty_layout(self._grid)
        for row in self.rows.values():
            row.deleteLater()
        self.rows, self._lines, self._groups, self._titles = {}, {}, {}, {}
        self._all = _Sum(_("All"))
        line = self._add_header(0)
        for role in ORDER:
            names = [name for name, found in self._sources if found == role]
            if names:
                self._groups[role] = _Sum(_group_title(role))
                line = self._add_sum(self._groups[role], line, 44)
                for name in names:
                    line = self._add_row(name, line)
        self._add_sum(self._all, line, theme.FIELD_ROW)
        self._grid.addWidget(self._all.available, line, _AVAILABLE)
        self._grid.addWidget(self._all.repeated, line, _REPEATED)
        self._chain_tabs()

    def _add_header(self, line: int) -> int:
        self._grid.setRowMinimumHeight(line, theme.ROW)
        for column in range(1, _COLUMNS):
            title = Text(_title_of(column), "small", "text2")
            side = Qt.AlignmentFlag.AlignRight if column >= _SHARE else Qt.AlignmentFlag.AlignLeft
            self._grid.addWidget(title, line, column, side | Qt.AlignmentFlag.AlignVCenter)
            if column in (_TOKENS, _AVAILABLE, _REPEATED):
                self._titles[column] = title
        return self._add_hairline(line + 1)

    def _add_hairline(self, line: int) -> int:
        self._grid.addWidget(hairline(), line, 0, 1, _COLUMNS)
        return line + 1

    def _add_sum(self, cells: _Sum, line: int, height: int) -> int:
        self._grid.setRowMinimumHeight(line, height)
        self._grid.addWidget(cells.title, line, 0, 1, 3, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(cells.share, line, _SHARE)
        self._grid.addWidget(cells.tokens, line, _TOKENS)
        return self._add_hairline(line + 1) if cells is not self._all else line + 1

    def _add_row(self, name: str, line: int) -> int:
        row = SliderRow(name, self)
        row.moved.connect(self.moved)
        row.rested.connect(self.rested)
        row.lock_toggled.connect(self.lock_toggled)
        self._grid.setRowMinimumHeight(line, theme.FIELD_ROW)
        for column, cell in enumerate(row.cells):
            self._grid.addWidget(cell, line, column)
        self.rows[name] = row
        self._lines[name] = line
        return self._add_hairline(line + 1)

    def _chain_tabs(self) -> None:
        controls = [control for row in self.rows.values() for control in (row.lock, row.slider, row.spin)]
        for first, second in zip(controls, controls[1:], strict=False):
            QWidget.setTabOrder(first, second)

    def _on_focus_changed(self) -> None:
        self.update()

    # Overridden from Qt

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Lay the select ground under the row that has the focus."""
        row = next((row for row in self.rows.values() if row.has_focus), None)
        if row is not None:
            line = self._lines[row.source]
            cell = self._grid.cellRect(line, 0)
            painter = QPainter(self)
            ground = QRect(-_OVERHANG, cell.top(), self.width() + 2 * _OVERHANG, cell.height())
            painter.fillRect(ground, theme.color("select"))
            painter.end()


def _title_of(column: int) -> str:
    return (
        "", _("Source"), _("Share"), _("Share (%)"), _("Tokens"), _("Available"), _("Epochs"), _("Repeated"),
    )[column]  # fmt: skip


def _group_title(role: Role) -> str:
    titles: dict[Role, str] = {
        "domain": _("Domain"),
        "task": _("Task"),
        "instruction": _("Instruction"),
        "general": _("General (replay)"),
    }
    return titles[role]


def _show_sum(cells: _Sum, portions: Sequence[Portion], scale: Scale) -> None:
    cells.share.show_text(f"{100 * sum(portion.share for portion in portions):.1f}")
    cells.tokens.show_text(scale.text(sum(portion.tokens for portion in portions)))
    cells.available.show_text(scale.text(sum(portion.available for portion in portions)))
    cells.repeated.show_text(scale.text(sum(portion.repeated for portion in portions)))
