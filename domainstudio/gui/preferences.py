"""What the person prefers and where the window was: typed values in one INI file of the user."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson
from PySide6.QtCore import QByteArray, QSettings

from domainstudio.gui import theme
from domainstudio.language import LANGUAGES

VERSION = 1
MOST_RECENT = 20
SCALES = (100, 125, 150, 175, 200)


@dataclass(frozen=True)
class RecentProject:
    """A project that was opened: its folder and when, in Unix seconds."""

    folder: str
    opened_at: float


class Preferences:
    """Reads and writes the user's INI file; a value that makes no sense counts as absent."""

    def __init__(self, file: Path | None = None) -> None:
        """Use `file`, by default the user's own."""
        if file is None:
            scope = QSettings.Scope.UserScope
            self._store = QSettings(QSettings.Format.IniFormat, scope, "domainstudio", "domainstudio")
        else:
            self._store = QSettings(str(file), QSettings.Format.IniFormat)
        if self._text("version", "") != str(VERSION):
            self._store.setValue("version", VERSION)

    @property
    def language(self) -> str:
        """The language chosen, empty to follow the system."""
        found = self._text("language", "")
        return found if found in LANGUAGES else ""

    @language.setter
    def language(self, value: str) -> None:
        self._store.setValue("language", value)

    @property
    def theme(self) -> str:
        """One of `theme.CHOICES`."""
        found = self._text("theme", "system")
        return found if found in theme.CHOICES else "system"

    @theme.setter
    def theme(self, value: str) -> None:
        self._store.setValue("theme", value)

    @property
    def scale(self) -> int:
        """Size of everything in percent, applied at the next start (`SCALES`)."""
        found = self._store.value("scale", 100, type=int)
        return found if isinstance(found, int) and found in SCALES else 100

    @scale.setter
    def scale(self, value: int) -> None:
        self._store.setValue("scale", value)
        self._store.sync()

    @property
    def geometry(self) -> QByteArray:
        """Where the window was, empty if never open."""
        found = self._store.value("window/geometry")
        return found if isinstance(found, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("window/geometry", value)

    @property
    def open_project(self) -> str:
        """The folder that was open when the window was closed or killed, empty if none."""
        return self._text("window/project", "")

    @open_project.setter
    def open_project(self, folder: str) -> None:
        self._store.setValue("window/project", folder)
        self._store.sync()

    def recent(self) -> list[RecentProject]:
        """Return the projects opened, the newest first."""
        values = self._json("recent")
        if not isinstance(values, list):
            return []
        return [RecentProject(str(folder), float(opened_at)) for folder, opened_at in values]

    def remember_project(self, folder: str, opened_at: float) -> None:
        """Put a project at the head of the list."""
        others = [one for one in self.recent() if one.folder != folder]
        self._save_recent([RecentProject(folder, opened_at), *others][:MOST_RECENT])

    def forget_project(self, folder: str) -> None:
        """Take a project off the list; its folder is left untouched."""
        self._save_recent([one for one in self.recent() if one.folder != folder])

    def memory(self, folder: str) -> dict[str, object]:
        """Return what the panes of a project should reopen with."""
        values = self._json("memory/" + _key(folder))
        return values if isinstance(values, dict) else {}

    def keep_memory(self, folder: str, values: dict[str, object]) -> None:
        """Keep what the panes of a project should reopen with."""
        self._store.setValue("memory/" + _key(folder), orjson.dumps(values).decode())
        self._store.sync()

    def _save_recent(self, projects: list[RecentProject]) -> None:
        rows = [[one.folder, one.opened_at] for one in projects]
        self._store.setValue("recent", orjson.dumps(rows).decode())
        self._store.sync()

    def _text(self, key: str, default: str) -> str:
        return str(self._store.value(key, default, type=str))

    def _json(self, key: str) -> object:
        try:
            return orjson.loads(self._text(key, "null"))
        except orjson.JSONDecodeError:  # written by hand or torn: the same as absent
            return None


def _key(folder: str) -> str:
    return sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()[:16]
