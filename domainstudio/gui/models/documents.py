"""Ten million documents in a table: titles and lengths by position in a listing."""

from typing import Any

from PySide6.QtCore import Qt

from domainstudio.gui.models.paged import PagedModel
from domainstudio.gui.widgets.table import NONE, TOKEN_ROLE, Index, head_of, side_of
from domainstudio.gui.widgets.text import tip
from domainstudio.language import translate as _
from domainstudio.units import format_count

TITLE, CHARACTERS = 0, 1


class DocumentsModel(PagedModel):
    """Titles and lengths; its pages hold `DocumentRow`s."""

    # Overridden from Qt

    def columnCount(self, parent: Index = NONE) -> int:  # noqa: N802
        """Return two: title and characters."""
        return 0 if parent.isValid() else 2

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell, a placeholder while its page is not here."""
        if not index.isValid():
            return None
        is_title = index.column() == TITLE
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                row = self.row_at(index.row())
                if row is None:
                    return "…" if is_title else ""
                return row.title if is_title else format_count(row.characters)
            case Qt.ItemDataRole.ToolTipRole if is_title:
                row = self.row_at(index.row())
                return tip(row.title) if row else None
            case Qt.ItemDataRole.TextAlignmentRole:
                return side_of(not is_title)
            case _ if role == TOKEN_ROLE:
                return "text" if is_title and self.has_come(index.row()) else "text2"
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        is_title = section == TITLE
        return head_of(_("Document") if is_title else _("Characters"), not is_title, role)
