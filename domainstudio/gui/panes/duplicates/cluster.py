"""The cluster of the pair that is judged: its texts by their similarity, and all of them with all."""

import math
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.help import HelpDialog
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.table import Column, RowsModel, Table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.units import format_count
from domainstudio.workflow.duplicates.cluster import Cluster, Matrix

_HEIGHT, _CHIP_WIDTH, _MOST_CHIPS = 40, 52, 14
_NUMBER_WIDTH, _TITLE_WIDTH, _CELL_WIDTH, _ROW_HEIGHT = 40, 240, 48, 27


class ClusterStrip(QWidget):
    """The texts of a cluster, the nearest first; the one that is judged is marked, a click judges another.

    Signals:
        text_chosen: the position of a text that goes.
        matrix_asked: how alike all of them are is to be shown.
    """

    text_chosen = Signal(int)
    matrix_asked = Signal()

    def __init__(self) -> None:
        """Show no cluster."""
        super().__init__()
        self.setFixedHeight(_HEIGHT)
        self._cluster: Cluster | None = None
        self._current = -1
        self._words, self._more = Text("", "small", "text2"), Text("", "small", "text2")
        self.chips = [self._chip() for _number in range(_MOST_CHIPS)]
        self.matrix = LinkButton(_("Matrix…"), self.matrix_asked.emit, "small")
        self.matrix.setToolTip(_("How alike all texts of this cluster are"))
        row = QHBoxLayout()
        row.setContentsMargins(theme.SPLIT_PADDING, 0, theme.SPLIT_PADDING, 0)
        row.setSpacing(4)
        row.addWidget(self._words)
        row.addSpacing(8)
        for chip in self.chips:
            row.addWidget(chip)
        row.addWidget(self._more)
        row.addStretch(1)
        row.addWidget(self.matrix)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(hairline())
        layout.addLayout(row, 1)
        self.hide()

    def show_cluster(self, cluster: Cluster | None, current: int) -> None:
        """Show a cluster and which of its texts is judged; nothing of a pair alone or in none."""
        is_more = cluster is not None and len(cluster.removed) > 1
        self._cluster, self._current = cluster if is_more else None, current
        self.setVisible(is_more)
        if self._cluster is not None:
            count = format_count(len(self._cluster.removed) + 1)
            self._words.setText(_("{count} texts in this cluster, nearest first:").format(count=count))
            self._fill(self._cluster)

    def _chip(self) -> QPushButton:
        chip = QPushButton()
        chip.setProperty("role", "chip")
        chip.setCheckable(True)
        chip.setAutoDefault(False)
        chip.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        chip.setFixedWidth(_CHIP_WIDTH - 4)
        chip.clicked.connect(partial(self._on_chip_clicked, chip))
        return chip

    def _fill(self, cluster: Cluster) -> None:
        """Show as many texts as there is room for, the one that is judged among them."""
        taken = self._words.sizeHint().width() + self.matrix.sizeHint().width() + 3 * theme.SPLIT_PADDING
        room = max(1, min(_MOST_CHIPS, (self.width() - taken - _CHIP_WIDTH) // _CHIP_WIDTH))
        positions = cluster.removed.tolist()
        places = list(range(min(room, len(positions))))
        here = positions.index(self._current) if self._current in positions else -1
        if here >= len(places):
            places[-1] = here
        for chip, place in zip(self.chips, places, strict=False):
            similarity = f"{cluster.similarity[place]:.2f}"
            chip.setText(similarity)
            chip.setProperty("position", positions[place])
            chip.setChecked(place == here)
            name = _("text {number} of {count}, similarity {similarity}")
            words = {"number": place + 1, "count": len(positions), "similarity": similarity}
            chip.setAccessibleName(name.format(**words))
            chip.show()
        for chip in self.chips[len(places) :]:
            chip.hide()
        hidden = len(positions) - len(places)
        self._more.setText(_("+{count}").format(count=format_count(hidden)) if hidden else "")

    def _on_chip_clicked(self, chip: QPushButton) -> None:
        position = int(chip.property("position"))
        chip.setChecked(position == self._current)
        if position != self._current:
            self.text_chosen.emit(position)

    # Overridden from Qt

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Show as many as there is room for now."""
        super().resizeEvent(event)
        if self._cluster is not None:
            self._fill(self._cluster)


def matrix_page(matrix: Matrix, threshold: float, parent: QWidget) -> HelpDialog:
    """Return the page that says how alike the texts of a cluster are."""
    count = len(matrix.documents)
    columns = [
        Column("", lambda row: str(row + 1), is_number=True, width=_NUMBER_WIDTH),
        Column(_("Text"), partial(_title, matrix), width=_TITLE_WIDTH, tooltip=partial(_title, matrix)),
    ]
    for other in range(count):
        text, token = partial(_cell, matrix, other), partial(_token, matrix, other, threshold)
        columns.append(Column(str(other + 1), text, is_number=True, token=token, width=_CELL_WIDTH))
    model = RowsModel(columns)
    model.show_rows(range(count))
    table = Table(_("How alike all texts of this cluster are"), _ROW_HEIGHT)
    table.show_model(model)
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    words = _(
        "1 is the kept text. Each text goes because of its similarity with that one; the others tell whether "
        "they are one family. Below {threshold} is grey; – is less than the search looked for."
    ).format(threshold=f"{threshold:.2f}")
    if matrix.left_out:
        more = _("{count} more texts are left out.").format(count=format_count(matrix.left_out))
        words = f"{words} {more}"
    layout.addWidget(Text(words, "text", "text2", wrap=True))
    layout.addWidget(table, 1)
    model.setParent(box)
    page = HelpDialog(_("How alike all texts of this cluster are"), box, parent)
    needed = _NUMBER_WIDTH + _TITLE_WIDTH + count * _CELL_WIDTH + 3 * theme.PADDING
    page.resize(max(page.width(), min(needed, parent.width() - 2 * theme.PADDING)), page.height())
    return page


def _title(matrix: Matrix, row: int) -> str:
    return f"{matrix.titles[row]} · {format_count(matrix.documents[row])}"


def _cell(matrix: Matrix, other: int, row: int) -> str:
    value = float(matrix.similarity[row, other])
    if row == other:
        return ""
    return "–" if math.isnan(value) else f"{value:.2f}"


def _token(matrix: Matrix, other: int, threshold: float, row: int) -> str:
    return "text" if matrix.similarity[row, other] >= threshold else "text2"
