"""Buttons: primary, secondary, link, segments and tabs."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QIcon
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from domainstudio.gui import icons, theme

_ICON_GAP = 4
"""Beyond the four pixels that Qt leaves between icon and words."""


class _Button(QPushButton):
    """A button that has an accessible name from the start and redraws its icon with the theme."""

    role = ""
    icon_token = "text"

    def __init__(self, text: str, slot: Callable[[], object] | None = None, icon: str = "") -> None:
        super().__init__(text)
        self._icon_name = icon
        self.setAccessibleName(text)
        self.setProperty("role", self.role)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAutoDefault(False)
        theme.notifier.changed.connect(self._draw_icon)
        self._draw_icon()
        self._slot = slot
        if slot is not None:
            self.clicked.connect(slot)

    def set_slot(self, slot: Callable[[], object]) -> None:
        """Do something else when it is clicked."""
        if self._slot is not None:
            self.clicked.disconnect(self._slot)
        self._slot = slot
        self.clicked.connect(slot)

    def setText(self, text: str) -> None:  # noqa: N802
        """Change the words, for screen readers too."""
        super().setText(text)
        self.setAccessibleName(text)

    def set_icon(self, name: str) -> None:
        """Show another icon, none if the name is empty."""
        self._icon_name = name
        self._draw_icon()

    def _draw_icon(self) -> None:
        if not self._icon_name:
            self.setIcon(QIcon())
        else:
            gap = _ICON_GAP if self.text() else 0
            self.setIconSize(QSize(icons.SIZE + gap, icons.SIZE))
            self.setIcon(icons.icon(self._icon_name, self.icon_token, gap=gap))


class PrimaryButton(_Button):
    """The one filled button of a pane: its label says what it will do."""

    role = "primary"
    icon_token = "on accent"

    def set_quiet(self, is_quiet: bool) -> None:
        """Look like a secondary button while another is the primary one."""
        self.icon_token = "text" if is_quiet else "on accent"
        self.setProperty("role", "" if is_quiet else self.role)
        self.style().unpolish(self)
        self.style().polish(self)
        self._draw_icon()


class SecondaryButton(_Button):
    """An outlined button; where room is short it shows an icon alone, with its words as a tooltip."""

    def __init__(self, text: str, slot: Callable[[], object] | None = None, icon: str = "") -> None:
        """Show icon and words."""
        self._words, self._wide = text, 0
        self.is_narrow, self.narrow_icon = False, icon
        self._wide_icon = icon
        super().__init__(text, slot, icon)

    @property
    def wide_width(self) -> int:
        """Its width with its words, in pixels."""
        return self._wide if self.is_narrow else self.sizeHint().width()

    @property
    def can_be_narrow(self) -> bool:
        """Whether an icon says enough where there is no room for words."""
        return bool(self.narrow_icon)

    def set_narrow(self, is_narrow: bool) -> None:
        """Show the icon alone, or the words beside it."""
        if is_narrow != self.is_narrow:
            self._wide = self.wide_width
            self.is_narrow = is_narrow
            self.setText(self._words)
            self._icon_name = self.narrow_icon if is_narrow else self._wide_icon
            if self._icon_name:
                self._draw_icon()
            else:
                self.setIcon(QIcon())

    def setText(self, text: str) -> None:  # noqa: N802
        """Change the words."""
        self._words = text
        super().setText("" if self.is_narrow else text)
        self.setAccessibleName(text)
        self.setToolTip(text if self.is_narrow else "")

    def make_small(self) -> "SecondaryButton":
        """Take the height of tables and tool rows."""
        self.setProperty("density", "small")
        return self


class LinkButton(_Button):
    """An underlined link that acts within the window."""

    role = "link"
    icon_token = "accent"

    def __init__(self, text: str, slot: Callable[[], object] | None = None, style: str = "text") -> None:
        """Show `text` as a link in a style of the look."""
        super().__init__(text, slot)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        font = theme.font(style)
        font.setUnderline(True)
        self.setFont(font)


class IconButton(_Button):
    """A bare icon with a name for tooltips and screen readers."""

    role = "bare"
    icon_token = "text2"

    def __init__(self, icon: str, name: str, slot: Callable[[], object] | None = None) -> None:
        """Show the icon; `name` says what it does."""
        super().__init__("", slot, icon)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFixedWidth(24)


class Choice(QWidget):
    """Buttons in a row of which one is chosen; the arrow keys move within it.

    Signals:
        chosen: the key, when a person chose another.
    """

    chosen = Signal(str)
    role = "segment"
    spacing = 0

    def __init__(self, options: Sequence[tuple[str, str]], name: str) -> None:
        """Offer (key, text) pairs; the first is chosen. `name` is read out before the options."""
        super().__init__()
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, QPushButton] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(self.spacing)
        for key, text in options:
            button = QPushButton(text)
            button.setProperty("role", self.role)
            button.setProperty("place", "later" if self._buttons else "first")
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setAccessibleName(f"{name}: {text}")
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            bold = theme.font("small strong" if self.role == "segment" else "strong")
            extra = 24 if self.role == "segment" else 4
            button.setMinimumWidth(QFontMetrics(bold).horizontalAdvance(text) + extra)
            self._group.addButton(button)
            self._buttons[key] = button
            layout.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        next(iter(self._buttons.values())).setChecked(True)
        self._group.buttonClicked.connect(self._on_button_clicked)

    @property
    def key(self) -> str:
        """The chosen key."""
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def choose(self, key: str) -> None:
        """Choose without telling anybody; unknown keys are left aside."""
        if key in self._buttons:
            self._buttons[key].setChecked(True)

    def rename(self, key: str, text: str) -> None:
        """Change the words of an option."""
        self._buttons[key].setText(text)
        self._buttons[key].setAccessibleName(f"{self.accessibleName()}: {text}")

    def _on_button_clicked(self) -> None:
        self.chosen.emit(self.key)


class Segments(Choice):
    """Switch how the same thing is shown."""


class Tabs(Choice):
    """Change what is shown."""

    role = "tab"
    spacing = 24
