"""The line that says where a run goes on, how well it is heard of, what the GPUs do, and what is fetched."""

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.panes.runs.connection import devices_words, link_of
from domainstudio.gui.panes.runs.fetching import Fetching
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.text import ElidedText, Text
from domainstudio.language import translate as _
from domainstudio.units import format_size
from domainstudio.workflow.machines.remote import link_words
from domainstudio.workflow.runs.run_list import RunRow

_BAR_WIDTH = 120
_LEAST_WORDS = 400
"""Pixels that the sentence keeps where there is no room for all: the GPUs are told less of first."""


class MachineLine(QWidget):
    """Shown of a run on another machine alone."""

    def __init__(self, fetching: Fetching) -> None:
        """Show nothing."""
        super().__init__()
        self._fetching = fetching
        self._row: RunRow | None = None
        self._icon, self._shown_icon = QLabel(), ("", "")
        self._words = ElidedText("", "small")
        self._devices = ElidedText("", "small", "text2")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(QSize(_BAR_WIDTH, 6))
        self._bar.setRange(0, 1000)
        self._fetched = Text("", "small")
        self._stop = LinkButton(_("Stop fetching"), fetching.stop, "small")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 0, theme.PADDING, 10)
        layout.setSpacing(8)
        layout.addWidget(self._icon)
        for part in (self._words, self._bar, self._fetched, self._stop):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(self._devices)
        fetching.progressed.connect(self.tell)
        theme.notifier.changed.connect(self._draw_icon)
        self.hide()

    @property
    def words(self) -> str:
        """Everything that is said."""
        parts = (self._words, self._devices, self._fetched)
        return " ".join(part.text() for part in parts if not part.isHidden())

    def show_run(self, row: RunRow | None) -> None:
        """Show another run, or the same as it is now."""
        self._row = row
        self.tell()

    def tell(self) -> None:
        """Say it anew: what is said of silence grows older by itself."""
        row = self._row
        self.setVisible(row is not None and bool(row.machine))
        if row is None or not row.machine:
            return
        link = row.link
        self._words.setText(link_words(link) if link else _("on {machine}").format(machine=row.machine))
        self._words.setMinimumWidth(min(_LEAST_WORDS, self._words.sizeHint().width()))
        is_live = link is not None and link_of(row) is link and link.standing == "live"
        devices = devices_words(link.devices) if link is not None and is_live else ""
        self._devices.setText(devices)
        self._devices.setVisible(bool(devices))
        self._show_amount(row)
        if link_of(row) is None:
            self._shown_icon = ("terminal", "text2")
        elif link is not None and link.is_heard:
            self._shown_icon = ("live", "ok") if is_live else ("play-ring", "accent")
        else:
            self._shown_icon = ("triangle", "attention")
        self._draw_icon()

    def _show_amount(self, row: RunRow) -> None:
        """Show what is being sent, or fetched, or was."""
        fetching, link = self._fetching, link_of(row)
        is_fetched, is_sent = fetching.run == row.run, link is not None and link.standing == "sending"
        done, total = fetching.done, fetching.total
        if not is_fetched and link is not None:
            done, total = link.done, link.total
        self._bar.setVisible(is_fetched or is_sent)
        self._bar.setAccessibleName(_("Fetched") if is_fetched else _("Sent"))
        self._bar.setValue(round(1000 * done / total) if total else 0)
        self._stop.setVisible(is_fetched)
        self._fetched.setVisible(is_fetched or fetching.fetched == row.run)
        words = _("fetching: {done} of {total}").format(done=format_size(done), total=format_size(total))
        self._fetched.setText(words if is_fetched else _("fetched: what was asked for is here"))

    def _draw_icon(self) -> None:
        if self._shown_icon[0]:
            self._icon.setPixmap(icons.pixmap(*self._shown_icon, 14))
