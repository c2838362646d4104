"""A running job on one line: icon, name, bar, words, and the link that ends or pauses it."""

from typing import Literal

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.job_words import name_of, progress_of
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.workflow.overview import JobRow

BAR_WIDTH = 120
PATIENCE_MILLISECONDS = 10_000
"""A job that has not ended this long after it was asked to may be ended by force."""
Stage = Literal["running", "asked", "silent", "confirming"]


class JobLine(QWidget):
    """Asks first, ends by force only a job that does not answer, and only once the person confirms.

    Signals:
        stop_requested: the job's name.
        kill_requested: the job's name.
    """

    stop_requested = Signal(str)
    kill_requested = Signal(str)

    def __init__(self) -> None:
        """Show nothing yet."""
        super().__init__()
        self._icon, self._name = QLabel(), Text("", "small")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(QSize(BAR_WIDTH, 6))
        self._bar.setRange(0, 1000)
        self._words = Text("", "small", "text2")
        self._link = LinkButton("", self._on_link_clicked, "small")
        self._job: JobRow | None = None
        self._stage: Stage = "running"
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MILLISECONDS)
        self._patience.timeout.connect(self._on_waited)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        for widget in (self._icon, self._name, self._bar, self._words, self._link):
            layout.addWidget(widget)
        layout.addStretch(1)
        theme.notifier.changed.connect(self._draw)
        self._draw()

    def show_job(self, job: JobRow) -> None:
        """Show a job's newest state."""
        if self._job is None or job.job_id != self._job.job_id:
            self._patience.stop()
            self._stage = "running"
        self._job = job
        self._show()

    def _show(self) -> None:
        job = self._job
        if job is None:
            return
        self._draw()
        self._name.setText(name_of(job))
        self._bar.setVisible(job.total > 0)
        self._bar.setValue(round(1000 * job.done / job.total) if job.total else 0)
        self._bar.setAccessibleName(name_of(job))
        words = {
            "running": progress_of(job),
            "asked": _("stopping at the next safe point"),
            "silent": _("was asked to stop and has not answered"),
            "confirming": _("ending it by force loses what it did since it last saved"),
        }
        link = {
            "running": _("Pause") if job.kind == "train" else _("Cancel"),
            "asked": "",
            "silent": _("End it by force…"),
            "confirming": _("End it by force"),
        }
        self._words.setText(words[self._stage])
        self._link.setText(link[self._stage])
        self._link.setAccessibleName(f"{link[self._stage]}: {name_of(job)}")
        self._link.setVisible(bool(link[self._stage]))

    def _on_link_clicked(self) -> None:
        if self._job is None:
            return
        following: dict[Stage, Stage] = {"running": "asked", "silent": "confirming", "confirming": "asked"}
        stage, self._stage = self._stage, following.get(self._stage, self._stage)
        self._show()
        if stage == "running":
            self._patience.start()
            self.stop_requested.emit(self._job.job_id)
        elif stage == "confirming":
            self.kill_requested.emit(self._job.job_id)

    def _on_waited(self) -> None:
        self._stage = "silent"
        self._show()

    def _draw(self) -> None:
        link = self._job.link if self._job else None
        state = "running" if link is None or link.is_heard else "attention"
        self._icon.setPixmap(icons.state_pixmap(state))
