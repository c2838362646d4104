"""Icons: outlines from resources/icons, drawn in a colour of the theme."""

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from domainstudio.gui import theme
from domainstudio.language import RESOURCES

SIZE = 16
_SCALES = (1, 2)
STATE_ICONS: dict[str, tuple[str, str]] = {
    "todo": ("ring", "text2"),
    "ready": ("tick-ring", "ok"),
    "running": ("play-ring", "accent"),
    "paused": ("pause-ring", "text2"),
    "stopped": ("stop-ring", "text2"),
    "attention": ("triangle", "attention"),
    "problem": ("octagon", "problem"),
    "info": ("info", "text2"),
}
"""State → icon and token: states differ in shape, not in colour alone."""


def pixmap(name: str, token: str = "text", size: int = SIZE, scale: float = 2.0) -> QPixmap:
    """Return an icon drawn in the colour of a token; `size` in logical pixels."""
    return _drawn(name, theme.color(token).name(), size, scale)


def icon(name: str, token: str = "text", size: int = SIZE, gap: int = 0) -> QIcon:
    """Return an icon for a control, with its disabled form; `gap` is left free at its right."""
    made = QIcon()
    for scale in _SCALES:
        made.addPixmap(_widened(pixmap(name, token, size, scale), gap))
        made.addPixmap(_widened(pixmap(name, "border", size, scale), gap), QIcon.Mode.Disabled)
    return made


def _widened(drawn: QPixmap, gap: int) -> QPixmap:
    if not gap:
        return drawn
    scale = drawn.devicePixelRatio()
    wide = QPixmap(round(drawn.width() + gap * scale), drawn.height())
    wide.setDevicePixelRatio(scale)
    wide.fill(Qt.GlobalColor.transparent)
    painter = QPainter(wide)
    painter.drawPixmap(0, 0, drawn)
    painter.end()
    return wide


def state_pixmap(state: str, size: int = SIZE) -> QPixmap:
    """Return the icon of a state of `STATE_ICONS`."""
    return pixmap(*STATE_ICONS[state], size)


@cache
def _drawn(name: str, hex_color: str, size: int, scale: float) -> QPixmap:
    outline = (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(outline.replace("currentColor", hex_color).encode()))
    pixels = round(size * scale)
    drawn = QPixmap(pixels, pixels)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    renderer.render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    drawn.setDevicePixelRatio(scale)
    return drawn
