"""Colours and type of the window: one table of tokens, set through the palette. Panes never name a colour."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication, QLabel

_Role = QPalette.ColorRole
_TOKENS: dict[str, tuple[tuple[_Role, ...], str, str]] = {
    "window": ((_Role.Base, _Role.Window, _Role.AlternateBase), "#FFFFFF", "#16181B"),
    "chrome": ((_Role.Button, _Role.ToolTipBase), "#F4F5F6", "#1E2125"),
    "hairline": ((_Role.Midlight, _Role.Mid, _Role.Light), "#DFE2E6", "#34383E"),
    "border": ((_Role.Dark, _Role.Shadow), "#848C96", "#757D87"),
    "text": (
        (_Role.Text, _Role.WindowText, _Role.ButtonText, _Role.ToolTipText, _Role.HighlightedText),
        "#1A1D21",
        "#E6E8EB",
    ),
    "text2": ((_Role.PlaceholderText,), "#555D67", "#A5ADB7"),
    "accent": ((_Role.Accent, _Role.Link), "#0A666C", "#4DB6AC"),
    "on accent": ((_Role.BrightText,), "#FFFFFF", "#06201E"),
    "select": ((_Role.Highlight,), "#E2EFEE", "#1D3837"),
}
"""Token → palette roles, light, dark (the look's table)."""

TEXT_PIXELS, TITLE_PIXELS, ROW_PIXELS, PANE_PADDING = 14, 20, 32, 24


def palette(is_dark: bool) -> QPalette:
    """Return the palette of the light or the dark theme."""
    made = QPalette()
    for roles, light, dark in _TOKENS.values():
        for role in roles:
            made.setColor(role, QColor(dark if is_dark else light))
    disabled = made.color(_Role.Dark)
    for role in (_Role.Text, _Role.WindowText, _Role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, disabled)
    return made


def apply(application: QApplication) -> None:
    """Dress the application, and again whenever the system changes between light and dark."""
    application.setStyle("Fusion")
    font = QFont(application.font())
    font.setPixelSize(TEXT_PIXELS)
    application.setFont(font)
    hints = application.styleHints()

    def dress() -> None:
        application.setPalette(palette(hints.colorScheme() == Qt.ColorScheme.Dark))

    hints.colorSchemeChanged.connect(dress)
    dress()


def make_title(label: QLabel) -> None:
    """Give a label the style of a pane's title."""
    font = QFont(label.font())
    font.setPixelSize(TITLE_PIXELS)
    font.setWeight(QFont.Weight.DemiBold)
    label.setFont(font)


def make_secondary(label: QLabel) -> None:
    """Give a label the colour of help and purpose sentences."""
    label.setForegroundRole(_Role.PlaceholderText)
