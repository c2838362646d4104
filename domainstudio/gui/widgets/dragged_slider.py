"""A slider that goes where it is pressed and follows the pointer; how it looks is up to its subclasses."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QSizePolicy, QSlider

from domainstudio.gui import theme


class DraggedSlider(QSlider):
    """Emits `valueChanged` only for what a person does; subclasses paint it and say where a value lies."""

    def __init__(self, name: str) -> None:
        """Lie horizontally; `name` is read out by screen readers."""
        super().__init__(Qt.Orientation.Horizontal)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.notifier.changed.connect(self.update)

    def show_value(self, value: int) -> None:
        """Stand at a value without telling anybody."""
        if value != self.value():
            self.blockSignals(True)
            self.setValue(value)
            self.blockSignals(False)
            self.update()

    def value_at(self, x: float) -> int:
        """Return the value at a pixel from the left; overridden."""
        raise NotImplementedError

    # Overridden from Qt

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a drag wherever the slider was pressed."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.setSliderDown(True)
        self.setValue(self.value_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Follow the pointer."""
        if self.isSliderDown():
            self.setValue(self.value_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End the drag."""
        self.setSliderDown(False)
