"""Checksums of files by name, each read once: what was read is known again by size, time and inode.

`python -m domainstudio.jobs.checksums FOLDER CACHE` answers on the machine what a sender asks: JSON comes
on standard input (`names`, `place`, `below`), and goes out (`files`, `free`, `below`).
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import orjson

from domainstudio.paths import write_atomically

Checksum = tuple[int, str]
"""Bytes and sha256."""
_Known = dict[str, tuple[int, int, int, str]]
"""Path → bytes, time of the last change in nanoseconds, inode, sha256."""


def checksums(folder: Path, names: Iterable[str], cache: Path) -> dict[str, Checksum]:
    """Return the checksums of the files that are there.

    Args:
        folder: what the names are relative to.
        names: with slashes.
        cache: keeps what was read; one that is damaged is begun anew.
    """
    known, found = _read(cache), dict[str, Checksum]()
    is_news = False
    for name in names:
        path = os.path.realpath(folder / name)
        with suppress(OSError):
            seen = os.stat(path)
            stamp = (seen.st_size, seen.st_mtime_ns, seen.st_ino)
            before = known.get(path)
            if before is None or tuple(before[:3]) != stamp:
                before, is_news = (*stamp, sha256(Path(path))), True
                known[path] = before
            found[name] = (before[0], before[3])
    if is_news:
        with suppress(OSError):  # a full disk: they are read once more the next time
            cache.parent.mkdir(parents=True, exist_ok=True)
            there = {path: row for path, row in known.items() if os.path.exists(path)}
            write_atomically(cache, orjson.dumps(there))
    return found


def sha256(file: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _read(cache: Path) -> _Known:
    try:
        found = orjson.loads(cache.read_bytes())
        return {path: (row[0], row[1], row[2], row[3]) for path, row in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, IndexError):
        return {}


def _files(folder: Path, top: str) -> Iterator[str]:
    """Yield the names of all files below a folder in `folder`, but of what is not whole yet."""
    for parent, folders, names in os.walk(folder / top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent, name).relative_to(folder).as_posix()


def _place(folder: Path, places: Mapping[str, str]) -> None:
    """Give files that have arrived their lasting names, if they are what they were said to be.

    One that arrived whole and is yet another is removed: there is nothing to go on with.
    """
    for name, staged in places.items():
        source, target = folder / staged, folder / name
        if not source.exists():
            continue
        if sha256(source) == source.name:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            os.link(source, target)  # two files may be the same
        else:
            source.unlink()
    for staged in set(places.values()):
        (folder / staged).unlink(missing_ok=True)


def main(folder: Path, cache: Path) -> None:
    """Answer one question."""
    asked = orjson.loads(sys.stdin.buffer.read())
    folder.mkdir(parents=True, exist_ok=True)
    _place(folder, asked["place"])
    answer = {
        "files": checksums(folder, asked["names"], cache),
        "free": shutil.disk_usage(folder).free,
        "below": list(_files(folder, asked["below"])) if asked["below"] else [],
    }
    sys.stdout.buffer.write(orjson.dumps(answer))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
