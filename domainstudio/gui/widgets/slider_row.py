"""One source of a mixture: lock, name, slider, spin box, and what its share comes to."""

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QHBoxLayout, QLabel, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.widgets.buttons import IconButton
from domainstudio.gui.widgets.scale import Scale
from domainstudio.gui.widgets.share_slider import STEPS, ShareSlider
from domainstudio.gui.widgets.text import Text, tip
from domainstudio.language import translate as _
from domainstudio.mixture.shares import Portion

NAME_WIDTH, SPIN_WIDTH = 168, 72
_NUMBER_MARGIN = 6
"""The style sheet's padding does not reach the field within a spin box."""


def name_spin_box(spin: QAbstractSpinBox, name: str) -> None:
    """Name a spin box and the field within it, which can have the focus as well; keep its rim free."""
    spin.setAccessibleName(name)
    spin.lineEdit().setAccessibleName(name)
    spin.lineEdit().setTextMargins(_NUMBER_MARGIN, 0, _NUMBER_MARGIN, 0)


class NumberCell(QWidget):
    """A number at the right of its column, with a mark before it where it needs attention."""

    def __init__(self, token: str = "text", style: str = "text") -> None:
        """Begin empty."""
        super().__init__()
        self._mark, self._text, self._is_marked = QLabel(), Text("", style, token), False
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addStretch(1)
        layout.addWidget(self._mark)
        layout.addWidget(self._text)
        theme.notifier.changed.connect(self._draw)

    def show_text(self, text: str, is_marked: bool = False) -> None:
        """Show a number."""
        self._text.setText(text)
        if is_marked != self._is_marked:
            self._is_marked = is_marked
            self._draw()

    @property
    def text(self) -> str:
        """The number that is shown."""
        return self._text.text()

    def _draw(self) -> None:
        if self._is_marked:
            self._mark.setPixmap(icons.state_pixmap("attention"))
        else:
            self._mark.clear()


class SliderRow(QObject):
    """The cells of one source, side by side in the table's grid.

    Signals:
        moved: (source, share wished for), while a person drags, steps or types.
        rested: (source), where a drag begins or ends, or a number is typed: what follows starts from here.
        lock_toggled: (source, is locked).
    """

    moved = Signal(str, float)
    rested = Signal(str)
    lock_toggled = Signal(str, bool)

    def __init__(self, source: str, parent: QObject) -> None:
        """Make the cells of a source."""
        super().__init__(parent)
        self.source = source
        self.lock = IconButton("unlock", _("Lock {source}").format(source=source), self._on_lock_clicked)
        self.lock.setCheckable(True)
        self.name = Text(source)
        self.name.setFixedWidth(NAME_WIDTH)
        self.name.setToolTip(tip(source))
        shown = self.name.fontMetrics().elidedText(source, Qt.TextElideMode.ElideRight, NAME_WIDTH)
        self.name.setText(shown)
        self.name.setAccessibleName(source)
        self.slider = ShareSlider(_("Share of {source}").format(source=source))
        self.slider.valueChanged.connect(self._on_slider_moved)
        self.slider.sliderPressed.connect(self._on_drag_turned)
        self.slider.sliderReleased.connect(self._on_drag_turned)
        self.spin = QDoubleSpinBox()
        self.spin.setRange(0, 100)
        self.spin.setDecimals(1)
        self.spin.setKeyboardTracking(False)
        self.spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.spin.setProperty("density", "small")
        self.spin.setFixedSize(SPIN_WIDTH, theme.SMALL_CONTROL)
        name_spin_box(self.spin, _("Share of {source} in %").format(source=source))
        self.spin.valueChanged.connect(self._on_spin_changed)
        self.tokens, self.available = NumberCell(), NumberCell("text2")
        self.epochs, self.repeated = NumberCell(), NumberCell()

    @property
    def cells(self) -> list[QWidget]:
        """The cells from left to right."""
        return [
            self.lock, self.name, self.slider, self.spin,
            self.tokens, self.available, self.epochs, self.repeated,
        ]  # fmt: skip

    @property
    def has_focus(self) -> bool:
        """Whether one of its controls has the focus."""
        return any(cell.hasFocus() for cell in self.cells)

    def show_share(self, share: float, is_locked: bool) -> None:
        """Show a share without telling anybody."""
        self.slider.show_share(share)
        self.spin.blockSignals(True)
        if round(share * 100, 1) != self.spin.value():
            self.spin.setValue(share * 100)
        self.spin.blockSignals(False)
        if self.lock.isChecked() != is_locked or self.slider.isEnabled() == is_locked:
            self.lock.setChecked(is_locked)
            self.lock.set_icon("lock" if is_locked else "unlock")
            words = _("Unlock {source}") if is_locked else _("Lock {source}")
            self.lock.setAccessibleName(words.format(source=self.source))
            self.lock.setToolTip(tip(words.format(source=self.source)))
            for control in (self.slider, self.spin):
                control.setEnabled(not is_locked)

    def show_portion(self, portion: Portion, scale: Scale, is_short: bool) -> None:
        """Show what the share comes to."""
        self.tokens.show_text(scale.text(portion.tokens))
        self.available.show_text(scale.text(portion.available))
        epochs = f"{portion.epochs:,.2f}" if portion.epochs != float("inf") else "–"
        self.epochs.show_text(epochs, is_short)
        self.repeated.show_text(scale.text(portion.repeated))

    def _on_slider_moved(self, value: int) -> None:
        self.moved.emit(self.source, value / STEPS)

    def _on_spin_changed(self, value: float) -> None:
        self.rested.emit(self.source)
        self.moved.emit(self.source, value / 100)

    def _on_drag_turned(self) -> None:
        self.rested.emit(self.source)

    def _on_lock_clicked(self) -> None:
        self.lock_toggled.emit(self.source, self.lock.isChecked())
