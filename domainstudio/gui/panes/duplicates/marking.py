"""The marking: the threshold over its histogram, which of two is kept, and what that removes."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from domainstudio.corpus.duplicates.reasons import counted
from domainstudio.gui import theme
from domainstudio.gui.panes.duplicates.threshold import HIGHEST, LOWEST, ThresholdChart
from domainstudio.gui.widgets.text import ElidedText, Text
from domainstudio.language import translate as _
from domainstudio.units import format_count
from domainstudio.workflow.duplicates.marking import Marking, Preview, Search

_FIELD_WIDTH, _CHOICE_CHARACTERS = 72, 13
_UNKNOWN = "–"
_WIDE, _DERIVED = 540, ("share", "tokens")


class MarkingBox(QWidget):
    """What a person chooses, and the four numbers it comes to.

    Signals:
        changed: another `Marking` is chosen.
    """

    changed = Signal(object)

    def __init__(self) -> None:
        """Stand at 0.80, the longest kept, over all sources."""
        super().__init__()
        self.chart = ThresholdChart()
        self.chart.valueChanged.connect(self._on_changed)
        self.field = QLineEdit("0.80")
        self.field.setFixedWidth(_FIELD_WIDTH)
        self.field.setAccessibleName(_("Threshold"))
        self.field.editingFinished.connect(self._on_typed)
        self.keep, self.scope = QComboBox(), QComboBox()
        self.keep.setAccessibleName(_("Which of two is kept"))
        self.scope.setAccessibleName(_("Which texts are compared"))
        self.scope.addItem(_("Across sources"), "all")
        self.scope.addItem(_("Within each source"), "within sources")
        for box in (self.keep, self.scope):
            box.setProperty("density", "small")
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(_CHOICE_CHARACTERS)
            box.activated.connect(self._on_changed)
        self._sources: tuple[str, ...] | None = None
        self._offer(())
        self._numbers = {
            name: Text(_UNKNOWN, "strong") for name in ("documents", "share", "bytes", "tokens", "recall")
        }
        self._titles: dict[str, Text] = {}
        self._reasons = ElidedText("", "small", "text2")
        self._lay_out()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Text(_("Threshold"), "strong"))
        head.addWidget(ElidedText(_("verified similarity (Jaccard)"), "text", "text2"), 1)
        head.addWidget(self.field)
        labels = {
            "documents": _("Removed documents"),
            "share": _("Share of corpus (%)"),
            "bytes": _("Saved text (MB)"),
            "tokens": _("Saved tokens (M)"),
            "recall": _("Expected recall (%)"),
        }
        numbers = QGridLayout()
        numbers.setHorizontalSpacing(12)
        numbers.setVerticalSpacing(0)
        for column, (name, label) in enumerate(labels.items()):
            title = self._titles[name] = Text(label, "small", "text2")
            numbers.addWidget(title, 0, column)
            numbers.addWidget(self._numbers[name], 1, column)
            numbers.setColumnStretch(column, 1)
        choices = QHBoxLayout()
        choices.setSpacing(8)
        choices.addWidget(self.keep)
        choices.addWidget(self.scope)
        choices.addWidget(self._reasons, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 10, theme.PADDING, 6)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.chart)
        layout.addLayout(numbers)
        layout.addLayout(choices)
        layout.addStretch(1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Leave out what follows from the other numbers where there is no room."""
        super().resizeEvent(event)
        for name in _DERIVED:
            for text in (self._titles[name], self._numbers[name]):
                text.setVisible(event.size().width() >= _WIDE)

    @property
    def marking(self) -> Marking:
        """What is chosen."""
        keep, _separator, source = str(self.keep.currentData()).partition(":")
        return Marking(
            threshold=self.chart.threshold,
            keep=keep,
            scope=self.scope.currentData(),
            sources=(source,) if source else (),
        )

    def show_marking(self, marking: Marking) -> None:
        """Stand at a marking without telling anybody."""
        self.chart.show_threshold(marking.threshold)
        self.field.setText(f"{marking.threshold:.2f}")
        self.scope.setCurrentIndex(max(0, self.scope.findData(marking.scope)))
        source = marking.sources[0] if marking.sources else ""
        found = self.keep.findData(f"{marking.keep}:{source}" if source else marking.keep)
        self.keep.setCurrentIndex(max(0, found))

    def show_search(self, search: Search) -> None:
        """Show the histogram of a search and offer its sources."""
        self.chart.show_counts(search.histogram)
        self._offer(tuple(search.source_names.values()))

    def show_preview(self, preview: Preview) -> None:
        """Show what is removed."""
        tokens = _UNKNOWN if preview.tokens is None else f"{preview.tokens / 1e6:,.2f}"
        recall = _UNKNOWN if preview.recall is None else f"{100 * preview.recall:.1f}"
        shown = {
            "documents": format_count(len(preview.removals.documents)),
            "share": f"{100 * preview.share:.1f}",
            "bytes": f"{preview.bytes / 1e6:,.1f}",
            "tokens": tokens,
            "recall": recall,
        }
        for name, text in shown.items():
            self._numbers[name].setText(text)
        parts = [counted(reason, count) for reason, count in preview.by_reason.items() if count]
        self._reasons.setText(" · ".join(parts))

    def _offer(self, sources: tuple[str, ...]) -> None:
        """Offer which of two is kept: by its nature, or that of one source."""
        if sources == self._sources:
            return
        self._sources, chosen = sources, self.keep.currentData()
        self.keep.clear()
        self.keep.addItem(_("Keep the longest"), "longest")
        self.keep.addItem(_("Keep the first imported"), "first")
        self.keep.addItem(_("Keep the newest"), "newest")
        for source in sources if len(sources) > 1 else ():
            self.keep.addItem(_("Keep that of {source}").format(source=source), f"longest:{source}")
        self.keep.setCurrentIndex(max(0, self.keep.findData(chosen)))

    def _on_typed(self) -> None:
        try:
            value = round(100 * float(self.field.text().replace(",", ".")))
        except ValueError:
            value = self.chart.value()
        value = min(max(value, LOWEST), HIGHEST)
        if value != self.chart.value():
            self.chart.setValue(value)
        self.field.setText(f"{self.chart.threshold:.2f}")

    def _on_changed(self, _value: int) -> None:
        self.field.setText(f"{self.chart.threshold:.2f}")
        self.changed.emit(self.marking)
