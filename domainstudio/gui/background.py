"""Work of the window that belongs to no open project: one short-lived thread a question."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

from domainstudio.gui.bridge import Answer, Bridge, Receiver
from domainstudio.problems import UserError

Found = TypeVar("Found")


class Background(QObject):
    """Calls functions off the window's thread and delivers what they return in it.

    Signals:
        crashed: Exception, a bug.
    """

    crashed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Make an idle one."""
        super().__init__(parent)
        self._bridge = Bridge(self)

    def call(
        self, work: Callable[[], Found], answered: Callable[[Found], None], failed: Answer | None = None
    ) -> None:
        """Call `work` in a thread.

        Args:
            work: touches no Qt.
            answered: a bound method, called with what it returned.
            failed: a bound method, called with the Problem of a UserError; by default it counts as a bug.
        """
        heard, refused = Receiver(answered), Receiver(failed) if failed else None
        self._bridge.change_awaited(1)
        threading.Thread(target=self._work, args=(work, heard, refused), daemon=True).start()

    def tell(self, receiver: Answer, value: Any) -> None:
        """Deliver a value from within `work`, such as a line of output."""
        self._bridge.put(receiver, value)

    def close(self) -> None:
        """Deliver nothing any more."""
        self._bridge.close()

    def _work(self, work: Callable[[], Any], heard: Receiver, refused: Receiver | None) -> None:
        try:
            value = work()
        except Exception as error:  # told as a sentence if it is mendable, else by the crash dialog
            is_told = isinstance(error, UserError) and refused is not None
            self._bridge.put(self._on_failed, (refused if is_told else None, error))
        else:
            self._bridge.put(self._on_answered, (heard, value))

    def _on_answered(self, found: tuple[Receiver, Any]) -> None:
        self._bridge.change_awaited(-1)
        found[0](found[1])

    def _on_failed(self, found: tuple[Receiver | None, Exception]) -> None:
        self._bridge.change_awaited(-1)
        refused, error = found
        if refused is not None and isinstance(error, UserError):
            refused(error.problem)
        else:
            self.crashed.emit(error)
