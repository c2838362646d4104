"""The table of sources: what each holds and how it counts; name and role are changed in place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QStyleOptionViewItem, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.widgets.scale import Scale, scale_of
from domainstudio.gui.widgets.table import Column, Index, RowDelegate, RowsModel, Table
from domainstudio.language import translate as _
from domainstudio.units import format_count, format_duration
from domainstudio.workflow.corpus.sources import TableRow
from domainstudio.workflow.overview import JobRow

NAME, ROLE, DOCUMENTS = 0, 1, 2
CHARACTERS, TOKENS = 2, 4
"""Among the six numbers."""
ROLES = ("domain", "general", "task", "instruction")
_UNKNOWN = "–"
_MOST_ROWS = 9


@dataclass(frozen=True)
class SourceRow:
    """A row of the table as it is shown; `name` is empty in the total row."""

    name: str
    role: str
    cells: tuple[str, ...]
    """Name, role and the six columns of numbers; of a source at work the progress stands in the third."""
    is_at_work: bool = False
    is_editable: bool = True


@dataclass(frozen=True)
class SourceScales:
    """In which units the table gives characters and tokens."""

    characters: Scale
    tokens: Scale


def source_scales(table: Sequence[TableRow]) -> SourceScales:
    """Return the units that suit the sums of a table."""
    total = _total(table)
    return SourceScales(scale_of(total[CHARACTERS] or 0), scale_of(total[TOKENS] or 0))


def source_rows(table: Sequence[TableRow], imports: Sequence[JobRow]) -> list[SourceRow]:
    """Return the rows of the table: sources in order, imports of new ones after them, the total last."""
    working = {job.subject: job for job in imports}
    measures = [_measures(row) for row in table]
    total = _total(table) if len(table) > 1 else None
    scales = source_scales(table)
    rows = []
    for row, numbers in zip(table, measures, strict=True):
        counts = row.counts
        name, role = counts.name, _(counts.role)
        if counts.text_origin != "documents":
            name = f"{name} · {_(counts.text_origin)}"
        job = working.pop(counts.name, None)
        cells = _working(job) if job else _cells(numbers, scales)
        rows.append(SourceRow(counts.name, counts.role, (name, role, *cells), job is not None))
    for name, job in working.items():
        rows.append(SourceRow(name, "", (name, "", *_working(job)), True, is_editable=False))
    if total is not None:
        cells = (_("Kept, all sources"), "", *_cells(total, scales))
        rows.append(SourceRow("", "", cells, is_editable=False))
    return rows


def _measures(row: TableRow) -> tuple[float | None, ...]:
    counts = row.counts
    documents = counts.training_documents + counts.held_out_documents
    characters = counts.training_characters + counts.held_out_characters
    return (
        documents,
        characters / documents if documents else None,
        characters,
        row.characters_per_token,
        row.tokens,
        100 * row.share if row.share is not None else None,
    )


def _total(table: Sequence[TableRow]) -> tuple[float | None, ...]:
    documents = sum(row.counts.training_documents + row.counts.held_out_documents for row in table)
    characters = sum(row.counts.training_characters + row.counts.held_out_characters for row in table)
    trained = sum(row.counts.training_characters for row in table)
    tokens = sum(row.tokens or 0 for row in table) if all(row.tokens is not None for row in table) else 0
    return (
        documents,
        characters / documents if documents else None,
        characters,
        trained / tokens if tokens else None,
        tokens or None,
        100.0 if tokens else None,
    )


def _cells(numbers: tuple[float | None, ...], scales: SourceScales) -> tuple[str, ...]:
    words = (
        format_count, format_count, scales.characters.text,
        "{:.2f}".format, scales.tokens.text, "{:.1f}".format,
    )  # fmt: skip
    return tuple(
        _UNKNOWN if number is None else say(number) for number, say in zip(numbers, words, strict=True)
    )


def _working(job: JobRow) -> tuple[str, ...]:
    if not job.total:
        return (_("Importing…"), "", "", "", "", "")
    words = _("Importing: {done} of {total} files").format(
        done=format_count(job.done), total=format_count(job.total)
    )
    if job.seconds_left is not None:
        words = _("{words}, about {time} left").format(words=words, time=format_duration(job.seconds_left))
    return (words, "", "", "", "", "")


class _SourcesModel(RowsModel):
    """Rows whose name and role may be edited.

    Signals:
        renamed: name, new name.
        role_chosen: name, role.
    """

    renamed = Signal(str, str)
    role_chosen = Signal(str, str)

    # Overridden from Qt

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Let name and role of a source be edited."""
        found = super().flags(index)
        if index.isValid() and index.column() in (NAME, ROLE) and self.rows[index.row()].is_editable:
            found |= Qt.ItemFlag.ItemIsEditable
        return found

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the bare name or role for editing."""
        if role == Qt.ItemDataRole.EditRole and index.isValid():
            row = self.rows[index.row()]
            return row.name if index.column() == NAME else row.role
        if role == Qt.ItemDataRole.TextAlignmentRole and self.rows[index.row()].is_at_work:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return super().data(index, role)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        """Ask for the change; it is shown once it was made."""
        row = self.rows[index.row()]
        if index.column() == NAME and str(value).strip() != row.name:
            self.renamed.emit(row.name, str(value))
        elif index.column() == ROLE and value != row.role:
            self.role_chosen.emit(row.name, value)
        return True


class _RoleDelegate(RowDelegate):
    """Shows that a role can be chosen, and chooses it from a list."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:  # noqa: N802
        """Offer the roles."""
        editor = QComboBox(parent)
        editor.setProperty("density", "small")
        editor.setAccessibleName(_("Role"))
        for role in ROLES:
            editor.addItem(_(role), role)
        editor.activated.connect(self._on_activated)
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:  # noqa: N802
        """Begin with the present role."""
        assert isinstance(editor, QComboBox)
        editor.setCurrentIndex(max(0, editor.findData(index.data(Qt.ItemDataRole.EditRole))))

    def setModelData(self, editor: QWidget, model: Any, index: Index) -> None:  # noqa: N802
        """Ask for the chosen role."""
        assert isinstance(editor, QComboBox)
        model.setData(index, editor.currentData())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the role and a chevron where it can be changed."""
        rect, words = QRect(option.rect), str(index.data())
        super().paint(painter, option, index)
        if index.flags() & Qt.ItemFlag.ItemIsEditable:
            x = rect.left() + 16 + QFontMetrics(theme.font("text")).horizontalAdvance(words)
            painter.drawPixmap(x, rect.center().y() - 5, icons.pixmap("chevron-down", "text2", 12))

    def _on_activated(self) -> None:
        editor = self.sender()
        assert isinstance(editor, QComboBox)
        self.commitData.emit(editor)
        self.closeEditor.emit(editor)


class SourcesTable(Table):
    """The sources of the corpus; choosing one filters the documents.

    Signals:
        source_chosen: its name, empty for all.
        renamed: name, new name.
        role_chosen: name, role.
    """

    source_chosen = Signal(str)
    renamed = Signal(str, str)
    role_chosen = Signal(str, str)

    def __init__(self) -> None:
        """Make an empty table."""
        super().__init__(_("Sources"))
        self._is_showing = False
        self.rows = _SourcesModel(_columns())
        self.show_model(self.rows)
        self.setItemDelegateForColumn(ROLE, _RoleDelegate(self))
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        self.rows.renamed.connect(self.renamed)
        self.rows.role_chosen.connect(self.role_chosen)
        self.clicked.connect(self._on_clicked)
        self.selectionModel().currentRowChanged.connect(self._on_current_row_changed)

    def show_sources(self, rows: list[SourceRow], scales: SourceScales, chosen: str) -> None:
        """Show these rows with one chosen; an editor that is open stays."""
        self._is_showing = True
        for number, scale in ((CHARACTERS, scales.characters), (TOKENS, scales.tokens)):
            column = self.rows.columns[DOCUMENTS + number]
            title = _("Characters") if number == CHARACTERS else _("Tokens")
            self.rows.columns[DOCUMENTS + number] = replace(column, title=scale.titled(title))
        self.horizontalHeader().viewport().update()
        self.rows.show_rows(rows)
        self.clearSpans()
        for number, row in enumerate(rows):
            if row.is_at_work:
                self.setSpan(number, DOCUMENTS, 1, len(self.rows.columns) - DOCUMENTS)
        self.fit_height(_MOST_ROWS)
        names = [row.name for row in rows]
        place = names.index(chosen) if chosen in names else len(rows) - 1
        if self.selected_row != place:
            self.setCurrentIndex(self.rows.index(place, max(0, self.currentIndex().column())))
            if not chosen:
                self.scrollToTop()
        self._is_showing = False

    def _on_clicked(self, index: Index) -> None:
        if index.column() == ROLE and index.flags() & Qt.ItemFlag.ItemIsEditable:
            self.edit(index)

    def _on_current_row_changed(self, current: Index, _previous: Index) -> None:
        if current.isValid() and not self._is_showing:
            self.source_chosen.emit(self.rows.rows[current.row()].name)


def _columns() -> list[Column]:
    def cell(number: int) -> Callable[[SourceRow], str]:
        return lambda row: row.cells[number]

    def style(row: SourceRow) -> str:
        return "text" if row.name else "strong"

    def muted(row: SourceRow) -> str:
        return "text2"

    def working(row: SourceRow) -> str:
        return "running" if row.is_at_work else ""

    def token(row: SourceRow) -> str:
        return "text2" if row.is_at_work else "text"

    return [
        Column(_("Source"), cell(0), style=style, tooltip=cell(0)),
        Column(_("Role"), cell(1), style=style, token=muted, width=136),
        Column(_("Documents"), cell(2), True, style=style, state=working, token=token, width=112),
        Column(_("Characters per document"), cell(3), True, style=style, width=168),
        Column(_("Characters"), cell(4), True, style=style, width=124),
        Column(_("Characters per token"), cell(5), True, style=style, width=152),
        Column(_("Tokens"), cell(6), True, style=style, width=104),
        Column(_("Share of tokens (%)"), cell(7), True, style=style, width=144),
    ]
