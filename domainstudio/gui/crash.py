"""Bugs: every uncaught exception and crash is written to a log and shown once, with a Copy button."""

import faulthandler
import os
import platform
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from PySide6.QtCore import QObject, QStandardPaths, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QHBoxLayout, QVBoxLayout, QWidget

import domainstudio
from domainstudio.gui import theme
from domainstudio.gui.widgets.buttons import PrimaryButton
from domainstudio.gui.widgets.states import CodeBox
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _

LOG_NAME = "window.log"
_LONGEST_LOG_BYTES = 1 << 20


def log_file() -> Path:
    """Return the program's own log, in the user's folder for application data."""
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation)
    return Path(place) / LOG_NAME


def _opened(log: Path) -> BinaryIO:
    """Return the log, its old half put aside; where the disk takes none, the program must open without."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.is_file() and log.stat().st_size > _LONGEST_LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        return log.open("ab", buffering=0)
    except OSError:
        return open(os.devnull, "ab", buffering=0)


class CrashReporter(QObject):
    """Catches what nobody caught; hooks only note it, the window's thread shows it."""

    def __init__(self, log: Path, parent: QObject) -> None:
        """Install the hooks; fatal signals leave a traceback in the log."""
        super().__init__(parent)
        self._log = _opened(log)
        self._pending: list[str] = []
        self._dialog: CrashDialog | None = None
        faulthandler.enable(self._log)
        self._hooks = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._show)
        self._timer.start(250)

    def close(self) -> None:
        """Give the hooks back."""
        self._timer.stop()
        sys.excepthook, threading.excepthook = self._hooks
        faulthandler.disable()
        self._log.close()

    def report(self, error: BaseException) -> None:
        """Note a bug that something caught."""
        self._note("".join(traceback.format_exception(error)))

    def _note(self, text: str) -> None:
        self._pending.append(text)  # first: it must be shown though a full disk takes no log
        with suppress(OSError):
            self._log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{text}\n".encode())
        with suppress(OSError):
            sys.stderr.write(text)

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self._note("".join(traceback.format_exception(kind, error, trace)))

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self.report(arguments.exc_value)

    def _show(self) -> None:
        if self._pending and self._dialog is None:
            text, self._pending = "\n".join(self._pending), []
            # Kept: without an active window to be its parent, nothing else would hold it.
            self._dialog = CrashDialog(text, QApplication.activeWindow())
            self._dialog.finished.connect(self._on_closed)
            self._dialog.open()

    def _on_closed(self) -> None:
        self._dialog = None


class CrashDialog(QDialog):
    """Says that an error in the program happened, what is safe, and offers the details to copy."""

    def __init__(self, text: str, parent: QWidget | None) -> None:
        """Show the traceback."""
        super().__init__(parent)
        self.setWindowTitle(_("An error in the program"))
        self.resize(720, 420)
        versions = (
            f"Domain Studio {domainstudio.__version__}, Python {platform.python_version()}, pid {os.getpid()}"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.PADDING] * 4)
        layout.addWidget(Text(_("An error in the program"), "title"))
        words = _(
            "What was saved is safe, and jobs at work go on: they do not need the window. Please report the "
            "details below; they hold no text of your documents unless a path or a name does."
        )
        layout.addWidget(Text(words, wrap=True))
        layout.addWidget(CodeBox(f"{versions}\n{text}", _("Details")), 1)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(PrimaryButton(_("Go on"), self.accept))
        layout.addLayout(row)
