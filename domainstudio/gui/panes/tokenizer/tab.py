"""What every tab of the Tokenizer pane is."""

from typing import ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from domainstudio.gui.session import Session


class TokenizerTab(QWidget):
    """A part of the pane; it asks the session itself for what it shows.

    Signals:
        go_requested: the name of the step to show instead.
        tab_requested: the key of the tab to show instead.
    """

    key: ClassVar[str]
    go_requested = Signal(str)
    tab_requested = Signal(str)

    def __init__(self, session: Session, title: str) -> None:
        """Hold the session and the words of the tab; nothing is read before the first `refresh`."""
        super().__init__()
        self.session, self.title = session, title

    def refresh(self) -> None:
        """Ask again for everything shown: the tab is seen, and something may have changed."""

    def show_work(self, kinds: frozenset[str]) -> None:
        """Take the kinds of jobs that are going on."""
