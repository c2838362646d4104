"""The row of keys under a pair: one hand judges it, and each key is a button too."""

from typing import ClassVar

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QHideEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractButton, QApplication, QGridLayout, QLineEdit, QSizePolicy, QWidget

from domainstudio.gui import theme
from domainstudio.language import translate as _

_CAP, _GAP, _BETWEEN = 20, 8, 12


class _KeyButton(QAbstractButton):
    """A key cap and what the key does."""

    def __init__(self, key: str, words: str) -> None:
        super().__init__()
        self.setText(words)
        self._key = key
        self.setAccessibleName(words)
        self.setAccessibleDescription(_("Key {key}").format(key=key))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the focus with the list
        theme.notifier.changed.connect(self.update)

    def say(self, words: str) -> None:
        """Change what the key does, in words."""
        self.setText(words)
        self.setAccessibleName(words)
        self.updateGeometry()

    def _cap_width(self) -> int:
        return max(_CAP, QFontMetrics(theme.font("small")).horizontalAdvance(self._key) + 10)

    def sizeHint(self) -> QSize:  # noqa: N802
        words = QFontMetrics(theme.font("small")).horizontalAdvance(self.text())
        return QSize(self._cap_width() + _GAP + words + 4, 32)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        cap = QRect(1, (self.height() - _CAP) // 2, self._cap_width(), _CAP)
        is_live = self.isEnabled()
        has_focus = self.hasFocus()
        painter.setPen(QPen(theme.color("accent" if has_focus else "border"), 2 if has_focus else 1))
        painter.setBrush(theme.color("select" if self.isDown() else "window"))
        painter.drawRoundedRect(cap, 3, 3)
        painter.setPen(theme.color("text" if is_live else "border"))
        painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, self._key)
        words = QRect(cap.right() + _GAP, 0, self.width() - cap.right() - _GAP, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.end()


class TriageRow(QWidget):
    """Keys and buttons to judge a pair; typing in a field is not taken for a key.

    Signals:
        chosen: accept, reject, keep, split, unsure, next or undo.
    """

    chosen = Signal(str)
    KEYS: ClassVar[dict[str, Qt.Key]] = {
        "accept": Qt.Key.Key_A,
        "reject": Qt.Key.Key_R,
        "keep": Qt.Key.Key_K,
        "split": Qt.Key.Key_S,
        "unsure": Qt.Key.Key_U,
        "next": Qt.Key.Key_Space,
        "undo": Qt.Key.Key_Z,
    }

    def __init__(self, pane: QWidget) -> None:
        """Hear the keys wherever the focus is in `pane`."""
        super().__init__()
        self.buttons: dict[str, _KeyButton] = {}
        self._shortcuts: dict[str, QShortcut] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(theme.SPLIT_PADDING, 3, theme.SPLIT_PADDING, 3)
        self._grid.setHorizontalSpacing(_BETWEEN)
        self._grid.setVerticalSpacing(0)
        for action, words in _actions().items():
            key = self.KEYS[action]
            name = _("Space") if key == Qt.Key.Key_Space else QKeySequence(key).toString()
            button = self.buttons[action] = _KeyButton(name, words)
            button.setObjectName(action)
            button.clicked.connect(self._on_clicked)
            shortcut = self._shortcuts[action] = QShortcut(QKeySequence(key), pane)
            shortcut.setEnabled(False)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.setObjectName(action)
            shortcut.activated.connect(self._on_key)
        self._columns = 0
        self._arrange(len(self.buttons))

    def _arrange(self, columns: int) -> None:
        if columns != self._columns:
            self._columns = columns
            for number, button in enumerate(self.buttons.values()):
                self._grid.addWidget(button, number // columns, number % columns)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Hear the keys from now on."""
        super().showEvent(event)
        self._hear(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Hear no key: nobody judges a pair that is not seen."""
        super().hideEvent(event)
        self._hear(False)

    def _hear(self, is_heard: bool) -> None:
        for shortcut in self._shortcuts.values():
            shortcut.setEnabled(is_heard)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Take two rows where one has no room."""
        super().resizeEvent(event)
        needed = sum(button.sizeHint().width() + _BETWEEN for button in self.buttons.values())
        is_wide = event.size().width() >= needed + 2 * theme.SPLIT_PADDING
        self._arrange(len(self.buttons) if is_wide else -(-len(self.buttons) // 2))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Ask for no more width than two rows need."""
        return QSize(0, self._grid.minimumSize().height())

    def set_judging(self, is_judging: bool, can_keep: bool = True, is_alone: bool = False) -> None:
        """Allow or forbid a verdict, on a pair or on a text alone.

        The removed text cannot be kept in place of a held-out one.
        """
        words = _actions() | (_actions_alone() if is_alone else {})
        for action in ("accept", "reject", "keep", "split", "unsure"):
            is_meant = (can_keep or action != "keep") and not (is_alone and action in ("keep", "split"))
            self.buttons[action].setEnabled(is_judging and is_meant)
            self.buttons[action].say(words[action])

    def _on_clicked(self) -> None:
        self.chosen.emit(self.sender().objectName())

    def _on_key(self) -> None:
        action, focused = self.sender().objectName(), QApplication.focusWidget()
        if isinstance(focused, QAbstractButton) and action == "next":
            focused.click()  # Space presses a button that was reached by Tab
        elif not isinstance(focused, QLineEdit) and self.buttons[action].isEnabled():
            self.chosen.emit(action)


def _actions_alone() -> dict[str, str]:
    return {"accept": _("Fit to train on"), "reject": _("Not fit")}


def _actions() -> dict[str, str]:
    return {
        "accept": _("Accept removal"),
        "reject": _("Keep both"),
        "keep": _("Keep this one instead"),
        "split": _("Split off"),
        "unsure": _("Unsure"),
        "next": _("Next"),
        "undo": _("Undo"),
    }
