"""The sidebar: project and base, one item per step with its state as icon and words, and the command list."""

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.text import Text, draw_elided
from domainstudio.workflow.steps import State, StepState

WIDTH, ITEM_HEIGHT, HEAD_HEIGHT = 216, 52, 72
_STATE_ICON: dict[State, str] = {
    "todo": "todo",
    "ready": "ready",
    "running": "running",
    "paused": "paused",
    "attention": "attention",
    "problem": "problem",
}


class SidebarItem(QAbstractButton):
    """A step: icon, name, state in words; the chosen one has a bar at its left."""

    def __init__(self, name: str) -> None:
        """Show the step as not begun."""
        super().__init__()
        self.setText(name)
        self.setCheckable(True)
        self.setFixedHeight(ITEM_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._state = StepState("todo", "")
        self.setAccessibleName(name)
        theme.notifier.changed.connect(self.update)

    def show_state(self, state: StepState) -> None:
        """Show another state."""
        if state != self._state:
            self._state = state
            self.setAccessibleName(f"{self.text()}: {state.words}")
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of every item."""
        return QSize(WIDTH, ITEM_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw ground, bar, icon and both lines."""
        painter = QPainter(self)
        if self.isChecked():
            painter.fillRect(self.rect(), theme.color("select"))
            painter.fillRect(0, 0, 3, self.height(), theme.color("accent"))
        elif self.underMouse():
            painter.fillRect(self.rect(), theme.color("band"))
        painter.drawPixmap(16, 10, icons.state_pixmap(_STATE_ICON[self._state.state]))
        width = self.width() - 44 - 8
        style = "strong" if self.isChecked() else "text"
        draw_elided(painter, QRect(44, 7, width, 20), self.text(), style, "text")
        draw_elided(painter, QRect(44, 27, width, 16), self._state.words, "small", "text2")
        if self.hasFocus():
            painter.setPen(theme.color("accent"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
            painter.drawRect(self.rect().adjusted(1, 1, -2, -2))
        painter.end()

    def enterEvent(self, event: object) -> None:  # noqa: N802
        """Show that it can be clicked."""
        self.update()

    def leaveEvent(self, event: object) -> None:  # noqa: N802
        """Show that the pointer has gone."""
        self.update()


class Sidebar(QWidget):
    """All steps; nothing is ever locked.

    Signals:
        chosen: the step a person chose.
        palette_requested: the command list is wanted.
    """

    chosen = Signal(str)
    palette_requested = Signal()

    def __init__(self, project: str, steps: Sequence[tuple[str, str]], palette_words: str) -> None:
        """Show the project and its (step, name) pairs."""
        super().__init__()
        self.setFixedWidth(WIDTH)
        self.setProperty("role", "chrome")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._project, self._base = Text(project, "strong"), Text("", "small", "text2")
        head = QVBoxLayout()
        head.setContentsMargins(16, 12, 16, 8)
        head.setSpacing(2)
        head.addWidget(self._project)
        head.addWidget(self._base)
        head.addStretch(1)
        head_box = QWidget()
        head_box.setFixedHeight(HEAD_HEIGHT - 1)
        head_box.setLayout(head)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(head_box)
        layout.addWidget(hairline())
        self._items: dict[str, SidebarItem] = {}
        self._group = QButtonGroup(self)
        for step, name in steps:
            item = SidebarItem(name)
            self._items[step] = item
            self._group.addButton(item)
            layout.addWidget(item)
        layout.addStretch(1)
        layout.addWidget(_PaletteButton(palette_words, "Ctrl+K", self.palette_requested))
        self._group.buttonClicked.connect(self._on_clicked)

    def show_base(self, words: str) -> None:
        """Show what model the project starts from."""
        self._base.setText(words)

    def show_states(self, states: dict[str, StepState]) -> None:
        """Show the state of every step."""
        for step, state in states.items():
            if step in self._items:
                self._items[step].show_state(state)

    def choose(self, step: str) -> None:
        """Mark a step as the one shown; the focus goes along if it was on another."""
        self._items[step].setChecked(True)
        if any(item.hasFocus() for item in self._items.values()):
            self._items[step].setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Up and Down move between the steps."""
        items = list(self._items.values())
        focused = next((number for number, item in enumerate(items) if item.hasFocus()), None)
        move = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        if focused is None or move is None:
            super().keyPressEvent(event)
            return
        items[(focused + move) % len(items)].setFocus()

    def _on_clicked(self) -> None:
        self.chosen.emit(next(step for step, item in self._items.items() if item.isChecked()))


class _PaletteButton(QAbstractButton):
    """The line at the foot of the sidebar: find a command, with its keys."""

    def __init__(self, words: str, keys: str, requested: object) -> None:
        super().__init__()
        self.setAccessibleName(words)
        self.setFixedHeight(44)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        for text in (Text(words, "small", "text2"), Text(keys, "small", "text2")):
            text.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            row.addWidget(text)
        row.insertStretch(1, 1)
        self.clicked.connect(requested)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Show the focus."""
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(theme.color("accent"))
            painter.drawRect(self.rect().adjusted(1, 1, -2, -2))
            painter.end()
