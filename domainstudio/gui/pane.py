"""What every pane is: a header, a content in one of four states, and what it tells the window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import PrimaryButton, SecondaryButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import PaneProblem
from domainstudio.gui.widgets.states import ContentStates, Slot
from domainstudio.gui.widgets.text import ElidedText, Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence

HEADER_HEIGHT = 72
_BETWEEN = 8


class PaneHeader(QWidget):
    """Title and purpose; at the right the secondary actions and, last, the one primary."""

    def __init__(self, title: str, purpose: str) -> None:
        """Show title and purpose without actions."""
        super().__init__()
        self.setFixedHeight(HEADER_HEIGHT)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        self._title = Text(title, "title")
        words.addWidget(self._title)
        words.addWidget(ElidedText(purpose, "text", "text2"))
        words.addStretch(1)
        self._actions = QHBoxLayout()
        self._actions.setSpacing(_BETWEEN)
        self.primary: PrimaryButton | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 0, theme.PADDING, 0)
        layout.addLayout(words, 1)
        layout.addLayout(self._actions)

    def add_secondary(self, text: str, slot: Slot, icon: str = "") -> SecondaryButton:
        """Add an outlined action before the primary one."""
        button = SecondaryButton(text, slot, icon)
        place = self._actions.count() - (self.primary is not None)
        self._actions.insertWidget(place, button, 0, Qt.AlignmentFlag.AlignVCenter)
        return button

    def set_primary(self, text: str, slot: Slot, icon: str = "") -> PrimaryButton:
        """Set the primary action in place of an earlier one; the button stays, for it may be held down."""
        if self.primary is None:
            self.primary = PrimaryButton(text, slot, icon)
            self._actions.addWidget(self.primary, 0, Qt.AlignmentFlag.AlignVCenter)
            return self.primary
        self.primary.setText(text)
        self.primary.set_icon(icon)
        self.primary.set_slot(slot)
        self.primary.setEnabled(True)
        self.primary.show()
        return self.primary

    def set_primary_enabled(self, is_enabled: bool) -> None:
        """Allow or forbid the primary action."""
        if self.primary is not None:
            self.primary.setEnabled(is_enabled)

    def _fit(self) -> None:
        """Show icons alone, from the right, where there is no room for the words of all actions."""
        found = (self._actions.itemAt(place) for place in range(self._actions.count()))
        widgets = [item.widget() for item in found if item is not None]
        shown = [widget for widget in widgets if widget is not None and not widget.isHidden()]
        buttons = [widget for widget in shown if isinstance(widget, SecondaryButton)]
        room = self.width() - 2 * theme.PADDING - self._title.sizeHint().width()
        lacking = (
            sum(
                _BETWEEN + (one.wide_width if isinstance(one, SecondaryButton) else one.sizeHint().width())
                for one in shown
            )
            - room
        )
        for button in reversed(buttons):
            is_narrow = lacking > 0 and button.can_be_narrow
            button.set_narrow(is_narrow)
            lacking -= button.wide_width - button.sizeHint().width() if is_narrow else 0

    # Overridden from Qt

    def event(self, event: QEvent) -> bool:
        """Fit the actions into the room when either has changed."""
        done = super().event(event)
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._fit()
        return done


class Pane(QWidget):
    """A step's pane.

    Signals:
        go_requested: the name of the step to show instead.
        field_requested: likewise, and the field in it.
        problems_changed: `problems` is another list.
    """

    step: ClassVar[str]
    topics: ClassVar[frozenset[str]] = frozenset()
    go_requested = Signal(str)
    field_requested = Signal(str, str)
    problems_changed = Signal()

    def __init__(self, session: Session, title: str, purpose: str) -> None:
        """Build the header and an empty content."""
        super().__init__()
        self.session = session
        self.title = title
        self.problems: list[PaneProblem] = []
        self.header = PaneHeader(title, purpose)
        self.content = QWidget()
        self.states = ContentStates(self.content)
        self._is_stale = True
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._parts = (self.header, hairline(), self.states)
        for part in self._parts:
            layout.addWidget(part)
        layout.setStretchFactor(self.states, 1)
        session.changed.connect(self._on_session_changed)
        session.saving_asked.connect(self.save_pending)

    def refresh(self) -> None:
        """Ask the session again for everything shown; overridden by each pane."""

    def save_pending(self) -> None:
        """Write at once what was put off: before undo, and before the project is closed."""

    def focus_field(self, field: str) -> None:
        """Put the focus on a field by its name."""

    def receive_paths(self, paths: list[Path]) -> None:
        """Take files and folders that were dropped on the window; the corpus does."""

    def memory(self) -> dict[str, Any]:
        """Return what the window should reopen with: small JSON."""
        return {}

    def remember(self, values: dict[str, Any]) -> None:
        """Take back what `memory` returned, perhaps from an older program."""

    def show_ready(self) -> None:
        """Show the content."""
        self._show_header_primary(True)
        self.states.show_ready()

    def show_loading(self) -> None:
        """Show a skeleton once the wait is noticed."""
        self.states.show_loading()

    def show_empty(
        self,
        icon: str,
        title: str,
        text: str,
        button: str,
        slot: Slot | None,
        link: str = "",
        link_slot: Slot | None = None,
    ) -> None:
        """Say why there is nothing yet; the primary button moves from the header into this state."""
        self._show_header_primary(not button)
        self.states.show_empty(icon, title, text, button, slot, link, link_slot)

    def show_error(
        self, problem: Problem, remedy: str = "", slot: Callable[[], object] | None = None, details: str = ""
    ) -> None:
        """Say what is the matter in place of the content, with its remedy."""
        self._show_header_primary(not remedy)
        title = _("Problem: {pane} cannot be shown").format(pane=self.title)
        self.states.show_error(title, sentence(problem), remedy, slot, details)

    def _on_failed(self, problem: Problem) -> None:
        """Show why the pane could not be read: what it shows is not loading any more."""
        self.show_error(problem, _("Try again"), self.refresh)

    def set_problems(self, problems: list[PaneProblem]) -> None:
        """Tell the problems bar what there is to look at."""
        if problems != self.problems:
            self.problems = problems
            self.problems_changed.emit()

    def refresh_if_stale(self) -> None:
        """Read anew if something changed while the pane was hidden."""
        if self._is_stale:
            self._is_stale = False
            self.refresh()

    def _show_header_primary(self, is_shown: bool) -> None:
        if self.header.primary is not None:
            self.header.primary.setVisible(is_shown)

    def _on_session_changed(self, topics: frozenset[str]) -> None:
        if topics & self.topics:
            self._is_stale = True
            if self.isVisible():
                self.refresh_if_stale()

    # Overridden from Qt

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Read when shown first or after a change."""
        super().showEvent(event)
        self.refresh_if_stale()
