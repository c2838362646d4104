"""The desktop around the window: notices when a job ends, no sleep while a run trains, opening a folder."""

import os
import queue
import threading
from contextlib import ExitStack
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from domainstudio.language import translate as _

SECONDS = 2.0
_NOTICE_MILLISECONDS = 10_000
_LOGIN = ("/org/freedesktop/login1", "org.freedesktop.login1", "org.freedesktop.login1.Manager")
_NOTICES = (
    "/org/freedesktop/Notifications",
    "org.freedesktop.Notifications",
    "org.freedesktop.Notifications",
)


class Desktop:
    """Speaks D-Bus in a thread of its own; a machine without these services is left in peace.

    Sleep is inhibited by a file descriptor that systemd-logind hands out: should the window die, the kernel
    closes it and the machine may sleep again.
    """

    def __init__(self) -> None:
        """Say nothing yet."""
        self._is_awake_wanted = False
        self._wishes: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def keep_awake(self, is_wanted: bool) -> None:
        """Ask that the machine does not suspend, or take that back; a repeat does nothing."""
        if is_wanted != self._is_awake_wanted:
            self._is_awake_wanted = is_wanted
            self._wish("inhibit" if is_wanted else "release", _("A model is being trained."))

    def notify(self, text: str, *, is_watched: bool) -> None:
        """Show a desktop notice unless the person is looking at the window anyway."""
        if not is_watched:
            self._wish("notify", text)

    def close(self) -> None:
        """Let the machine sleep again and end the thread."""
        if self._thread is not None:
            self._wishes.put(None)
            self._thread.join(2 * SECONDS)
            self._thread = None

    def _wish(self, kind: str, text: str) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="desktop", daemon=True)
            self._thread.start()
        self._wishes.put((kind, text))

    def _work(self) -> None:
        with ExitStack() as held:
            while (wish := self._wishes.get()) is not None:
                kind, text = wish
                if kind == "inhibit":
                    held.callback(_close, _inhibit(text))
                elif kind == "release":
                    held.close()
                else:
                    _notify(text)


def open_folder(folder: Path) -> None:
    """Show a folder of this machine in the file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _inhibit(reason: str) -> int | None:
    """Return the descriptor that holds the machine awake, None where nobody hands one out."""
    body = ("sleep:idle", "Domain Studio", reason, "block")
    reply = _call("SYSTEM", _LOGIN, "Inhibit", "ssss", body)
    return None if reply is None else reply[0].to_raw_fd()  # type: ignore[attr-defined]


def _notify(text: str) -> None:
    body: tuple[object, ...] = ("Domain Studio", 0, "", "Domain Studio", text, [], {}, _NOTICE_MILLISECONDS)
    _call("SESSION", _NOTICES, "Notify", "susssasa{sv}i", body)


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def _call(
    bus: str, service: tuple[str, str, str], method: str, signature: str, body: tuple[object, ...]
) -> tuple[object, ...] | None:
    """Return the body of the reply, None where there is no bus, no service or a refusal."""
    try:
        from jeepney import DBusAddress, MessageType, new_method_call
        from jeepney.io.blocking import open_dbus_connection
    except ImportError:  # not installed where there is no D-Bus: macOS and Windows
        return None
    try:
        with open_dbus_connection(bus, enable_fds=True) as connection:
            message = new_method_call(DBusAddress(*service), method, signature, body)
            reply = connection.send_and_get_reply(message, timeout=SECONDS)
            is_answer = reply.header.message_type == MessageType.method_return
            return tuple(reply.body) if is_answer else None
    except (OSError, KeyError, ValueError, TimeoutError):  # no bus, none that speaks, none that answers
        return None
