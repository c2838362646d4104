"""A screen of the tests' own, the real window on it, and a person who looks, clicks and types."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtGui import QImage
from support import wait_until

SIZE = (1440, 900)
SECONDS = 60.0
"""A thing that does not appear within this time is not there, even on a busy machine."""
_CHOICES = "QComboBoxPrivateContainer"
_FOCUS_SECONDS, _KEY_MILLISECONDS, _MOST_TABS = 20.0, 4, 80


@dataclass(frozen=True)
class Seen:
    """Something visible in pixels of the screen; `kinds` are its class and those above it."""

    kinds: tuple[str, ...]
    name: str
    text: str
    object: str
    is_enabled: bool
    has_focus: bool
    left: int
    top: int
    width: int
    height: int
    row: int = -1

    @property
    def words(self) -> str:
        """What it says, or is called where it says nothing."""
        return self.text or self.name

    def at(self, across: float = 0.5) -> tuple[int, int]:
        """A point of it in the middle of its height, at this part of its width."""
        return self.left + round(across * (self.width - 1)), self.top + self.height // 2


class Display:
    """Xvfb on a free display without a window manager."""

    def __init__(self, folder: Path) -> None:
        """Start it; its memory is a file in `folder`."""
        self._frame = folder / "Xvfb_screen0"
        read, write = os.pipe()
        size = f"{SIZE[0]}x{SIZE[1]}x24"
        self._server = subprocess.Popen(
            [
                "Xvfb",
                "-displayfd",
                str(write),
                "-screen",
                "0",
                size,
                "-nolisten",
                "tcp",
                "-fbdir",
                str(folder),
            ],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb did not start"
        self.name = f":{number}"

    def close(self) -> None:
        """End it."""
        self._server.terminate()
        self._server.wait()

    def picture(self) -> QImage:
        """Return what is on the screen, from the server's memory: it works while a window hangs."""
        data = self._frame.read_bytes()
        header = struct.unpack(">25I", data[:100])
        width, height, row_bytes, colors = header[4], header[5], header[12], header[19]
        begin = header[0] + 12 * colors
        return QImage(data[begin:], width, height, row_bytes, QImage.Format.Format_RGB32).copy()


class Screen:
    """One person at the screen: starts the program, looks, clicks, types."""

    def __init__(self, display: Display, folder: Path) -> None:
        """Give the person a home in `folder`; nothing runs yet."""
        self._display, self._folder = display, folder
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self._asked = 0
        self._window: subprocess.Popen[bytes] | None = None

    # The program

    def start(self) -> None:
        """Start the program and wait until its window can be used."""
        environment = {
            **os.environ,
            "DISPLAY": self._display.name,
            "QT_QPA_PLATFORM": "xcb",
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local" / "share"),
            "XDG_STATE_HOME": str(self.home / ".local" / "state"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "DOMAINSTUDIO_LANGUAGE": "en",
        }
        program = [sys.executable, str(Path(__file__).with_name("driven_window.py")), str(self._folder)]
        with (self._folder / "window.log").open("ab") as log:
            self._window = subprocess.Popen(program, env=environment, stdout=log, stderr=log)
        self.wait_for("File")
        self._take_focus()

    def kill(self) -> None:
        """Kill the window's process and no other."""
        assert self._window is not None
        self._window.send_signal(signal.SIGKILL)
        self._window.wait()

    def quit(self) -> None:
        """Leave the program as a person does."""
        assert self._window is not None
        self.key("ctrl+q")
        assert self._window.wait(SECONDS) == 0

    def end(self) -> None:
        """End what is left of the window, however it stands."""
        if self._window is not None and self._window.poll() is None:
            self.kill()

    @property
    def log(self) -> str:
        """What the program said on the terminal, which should be nothing."""
        file = self._folder / "window.log"
        return file.read_text(errors="replace") if file.exists() else ""

    # Looking

    def look(self) -> list[Seen]:
        """Return everything visible, what lies on top first; an error in the program ends the flow."""
        items = [Seen(**{**item, "kinds": tuple(item["kinds"])}) for item in self._view()["items"]]
        assert not any("CrashDialog" in one.kinds for one in items), self.log
        return items

    def seen(self, name: str, kind: str = "") -> list[Seen]:
        """Return what is called so or says so; if nothing does, what begins so."""
        return matching(self.look(), name, kind)

    def find(self, name: str, kind: str = "", seconds: float = SECONDS) -> Seen:
        """Return the first thing of this name as soon as it is to be seen, enabled and at rest."""
        deadline, last = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            found = [one for one in self.seen(name, kind) if one.is_enabled]
            if found and found[0] == last:
                return found[0]
            last = found[0] if found else None
        raise AssertionError(f"{name!r} {kind} is not there; what is:\n{self.told()}")

    def wait_for(self, wanted: str | Callable[[], object], seconds: float = SECONDS) -> None:
        """Return once words are anywhere on the screen, or a condition holds."""
        deadline = time.monotonic() + seconds
        while not (self.says(wanted) if isinstance(wanted, str) else wanted()):
            assert time.monotonic() < deadline, f"waited in vain for {wanted}; there is:\n{self.told()}"

    def says(self, words: str) -> bool:
        """Return whether words are anywhere on the screen."""
        return any(words in one.text or words in one.name for one in self.look())

    def told(self) -> str:
        """Return everything visible that has words, a line each."""
        return "\n".join(
            f"{one.kinds[0]} {one.name!r} {one.text[:200]!r}" for one in self.look() if one.words
        )

    def picture(self) -> QImage:
        """Return what is on the screen, pixel by pixel."""
        return self._display.picture()

    @property
    def preferences(self) -> str:
        """What the program keeps from one start to the next."""
        file = self.home / ".config" / "domainstudio" / "domainstudio.ini"
        return file.read_text() if file.exists() else ""

    # Acting

    def click(self, name: str, kind: str = "", across: float = 0.5) -> None:
        """Click on something with the left button, at this part of its width."""
        self._take_focus()
        x, y = self.find(name, kind).at(across)
        self._xdotool("mousemove", x, y, "click", 1)

    def drag(self, name: str, begin: float, end: float) -> None:
        """Press at one part of something's width, move, and let go at another."""
        one = self.find(name)
        (x, y), (target, _y) = one.at(begin), one.at(end)
        self._xdotool("mousemove", x, y, "mousedown", 1)
        for place in (x + (target - x) // 3, x + 2 * (target - x) // 3, target):
            self._xdotool("mousemove", place, y)
        self._xdotool("mouseup", 1)

    def key(self, *keys: str) -> None:
        """Press keys one after another: `ctrl+2`, `Tab`, `Return`."""
        self._take_focus()
        self._xdotool("key", "--delay", _KEY_MILLISECONDS, *keys)

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self._take_focus()
        self._xdotool("type", "--delay", _KEY_MILLISECONDS, "--", text)

    def fill(self, name: str, text: str, kind: str = "QLineEdit") -> None:
        """Type a text into a field in place of what stands in it."""
        self.click(name, kind)
        self.wait_for(lambda: any(one.has_focus for one in self.seen(name, kind)))
        self.key("ctrl+a")
        self.type(text)
        self.wait_for(lambda: any(one.text == text for one in self.seen(name, kind)))

    def tab_to(self, name: str, kind: str = "") -> None:
        """Go with the Tab key until something has the focus."""
        passed = []
        for _press in range(_MOST_TABS):
            focused = [one for one in self.look() if one.has_focus]
            if matching(focused, name, kind):
                return
            passed += [one.words for one in focused[:1]]
            self.key("Tab")
        raise AssertionError(f"Tab does not reach {name!r}, but {passed}")

    def choose(self, name: str, value: str) -> None:
        """Open a list with the mouse and choose by typing the beginning: quick clicks are taken for one."""
        self.click(name, "QComboBox")
        self.wait_for(lambda: self.seen("", _CHOICES))
        self.type(value)
        self.key("Return")
        self.wait_for(lambda: not self.seen("", _CHOICES))
        self.wait_for(lambda: self.find(name, "QComboBox").text.startswith(value))

    def menu(self, *path: str) -> None:
        """Choose an entry by the mouse: the menu, then the entries below it."""
        for words in path:
            self.click(words, "menu item")

    def open_project(self, folder: Path) -> None:
        """Open a project by its path in the dialog."""
        self.key("ctrl+o")
        self.type_path(folder)
        self.wait_for(f"{folder.name} – Domain Studio")

    def type_path(self, path: Path) -> None:
        """Type a path into the dialog that opens, and press Return."""
        field = "fileNameEdit"
        self.wait_for(lambda: any(one.object == field and one.has_focus for one in self.look()))
        self.type(str(path))
        self.wait_for(lambda: any(one.object == field and one.text == str(path) for one in self.look()))
        self.key("Return")
        self.wait_for(lambda: not any(one.object == field for one in self.look()))

    # Below

    def _view(self) -> dict[str, Any]:
        assert self._window is not None
        self._asked += 1
        answer = self._folder / f"view-{self._asked}.json"
        question = self._folder / "ask.new"
        question.write_text(answer.name)
        os.replace(question, self._folder / "ask")
        is_alive = self._is_alive
        wait_until(lambda: answer.exists() or not is_alive(), SECONDS)
        assert answer.exists(), f"the window is gone: {self.log}"
        found: dict[str, Any] = json.loads(answer.read_text())
        answer.unlink()
        return found

    def _is_alive(self) -> bool:
        return self._window is not None and self._window.poll() is None

    def _take_focus(self) -> None:
        """Give the keyboard to the window on top: there is no window manager that would."""
        view = self._view()
        if not view["is_active"]:
            self._xdotool("windowfocus", view["windows"][0])
            self.wait_for(lambda: self._view()["is_active"], _FOCUS_SECONDS)

    def _xdotool(self, *arguments: object) -> None:
        environment = {**os.environ, "DISPLAY": self._display.name}
        words = ["xdotool", *(str(argument) for argument in arguments)]
        subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)


def matching(items: list[Seen], name: str, kind: str = "") -> list[Seen]:
    """Return items of a kind by what they are called or say: exactly, else from the beginning."""
    of_kind = [one for one in items if not kind or kind in one.kinds]
    exact = [one for one in of_kind if name in (one.name, one.text)]
    return exact or [one for one in of_kind if one.name.startswith(name) or one.text.startswith(name)]
