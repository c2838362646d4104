"""Colours and type of the window: one table of tokens, set through the palette. Panes never name a colour."""

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from domainstudio.gui.style_sheet import style_sheet

_Role = QPalette.ColorRole
_TOKENS: dict[str, tuple[str, str]] = {
    "window": ("#FFFFFF", "#16181B"),
    "chrome": ("#F4F5F6", "#1E2125"),
    "hairline": ("#DFE2E6", "#34383E"),
    "border": ("#848C96", "#757D87"),
    "text": ("#1A1D21", "#E6E8EB"),
    "text2": ("#555D67", "#A5ADB7"),
    "accent": ("#0A666C", "#4DB6AC"),
    "accent hover": ("#07525A", "#74CAC1"),
    "on accent": ("#FFFFFF", "#06201E"),
    "select": ("#E2EFEE", "#1D3837"),
    "train": ("#0069A6", "#56B4E9"),
    "train raw": ("#5797C4", "#3C7FA8"),
    "domain": ("#AF4700", "#F0874F"),
    "forget": ("#96397A", "#DB8FC1"),
    "ok": ("#14753C", "#57C785"),
    "attention": ("#8A5A00", "#E5B04A"),
    "problem": ("#B3261E", "#FF8A80"),
    "attention tint": ("#FFF4DA", "#302711"),
    "problem tint": ("#FCEAE8", "#3A1F1D"),
    "mark": ("#FFE5A0", "#5C480C"),
    "band": ("#E7EAED", "#2A2E33"),
    "overtint": ("#F6EDF3", "#2A2029"),
}
"""Token → light, dark (the look's table)."""

_ROLES: dict[str, tuple[QPalette.ColorRole, ...]] = {
    "window": (_Role.Base, _Role.Window, _Role.AlternateBase),
    "chrome": (_Role.Button, _Role.ToolTipBase),
    "hairline": (_Role.Midlight, _Role.Mid, _Role.Light),
    "border": (_Role.Dark, _Role.Shadow),
    "text": (_Role.Text, _Role.WindowText, _Role.ButtonText, _Role.ToolTipText, _Role.HighlightedText),
    "text2": (_Role.PlaceholderText,),
    "accent": (_Role.Accent, _Role.Link, _Role.LinkVisited),
    "on accent": (_Role.BrightText,),
    "select": (_Role.Highlight,),
}

TEXT_PIXELS, SMALL_PIXELS, TITLE_PIXELS, NUMBER_PIXELS = 14, 12, 20, 28
PADDING, SPLIT_PADDING, ROW, FIELD_ROW = 24, 16, 32, 40
CONTROL, SMALL_CONTROL = 32, 28
_STYLES: dict[str, tuple[int, QFont.Weight]] = {
    "text": (TEXT_PIXELS, QFont.Weight.Normal),
    "strong": (TEXT_PIXELS, QFont.Weight.DemiBold),
    "small": (SMALL_PIXELS, QFont.Weight.Normal),
    "small strong": (SMALL_PIXELS, QFont.Weight.DemiBold),
    "title": (TITLE_PIXELS, QFont.Weight.DemiBold),
    "number": (NUMBER_PIXELS, QFont.Weight.Normal),
    "fixed": (SMALL_PIXELS, QFont.Weight.Normal),
}
FAMILIES = ("Noto Sans", "Noto Sans CJK SC")
FIXED_FAMILIES = ("Noto Sans Mono", "Noto Sans Mono CJK SC")
_NO_CHOICE = ("", "Sans Serif", "Sans", "DejaVu Sans", "monospace", "Monospace", "DejaVu Sans Mono")
"""What Qt answers where no desktop has chosen a face for its windows, or one of fixed width."""
CHOICES = ("system", "light", "dark")


class _Notifier(QObject):
    """Says when the theme was switched.

    Signals:
        changed: custom painters repaint.
    """

    changed = Signal()


notifier = _Notifier()
_state = {"choice": "system", "is_dark": False}


def is_dark() -> bool:
    """Return whether the dark theme is shown."""
    return bool(_state["is_dark"])


def color(token: str) -> QColor:
    """Return a token's colour in the theme that is shown."""
    return QColor(_TOKENS[token][is_dark()])


def font(style: str) -> QFont:
    """Return the font of a style of the look: text, strong, small, small strong, title, number, fixed."""
    pixels, weight = _STYLES[style]
    if style == "fixed":
        made = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        chosen = () if made.family() in _NO_CHOICE else (made.family(),)
        made.setFamilies([*chosen, *FIXED_FAMILIES, made.family()])
    else:
        made = QFont(QApplication.font())
    made.setPixelSize(pixels)
    made.setWeight(weight)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def palette() -> QPalette:
    """Return the palette of the theme that is shown."""
    made = QPalette()
    for token, roles in _ROLES.items():
        for role in roles:
            made.setColor(role, color(token))
    for role in (_Role.Text, _Role.WindowText, _Role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, color("border"))
    return made


def choose(choice: str) -> None:
    """Show the light or the dark theme, or follow the system (`CHOICES`)."""
    _state["choice"] = choice
    _dress()


def apply(application: QApplication) -> None:
    """Dress the application, and again whenever the system changes between light and dark."""
    application.setStyle("Fusion")
    made = QFont(application.font())
    is_free = made.family() in _NO_CHOICE and FAMILIES[0] in QFontDatabase.families()
    made.setFamilies([FAMILIES[0] if is_free else made.family(), FAMILIES[1]])
    made.setPixelSize(TEXT_PIXELS)
    made.setFeature(QFont.Tag("tnum"), 1)
    application.setFont(made)
    application.styleHints().colorSchemeChanged.connect(_dress)
    _dress()


def _dress() -> None:
    application = QGuiApplication.instance()
    if not isinstance(application, QApplication):
        return
    is_system_dark = application.styleHints().colorScheme() == Qt.ColorScheme.Dark
    _state["is_dark"] = is_system_dark if _state["choice"] == "system" else _state["choice"] == "dark"
    application.setPalette(palette())
    application.setStyleSheet(style_sheet({token: color(token).name() for token in _TOKENS}))
    notifier.changed.emit()
