"""A project on a disk that is read-only, taken away, or held: `.venv/bin/python tests/faults/vanishing.py`.

A window and a command line are at work on a project on a mounted disk. It is read-only; it is unmounted under
them and comes back, as the same device and as another; another program holds the database while an import
ends, or reads it for as long as `--documents` documents take to be committed. Whatever is refused is one
sentence, nothing is written where the disk was, and all goes on when it is back. Linux; no rights are needed.
"""

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.crowd_world import Answer, World, crowd, make_project, recipe_of, sources_of
from faults.kill_world import check_whole
from faults.small_disk import enter_namespace
from support import wait_until

from domainstudio.project.database import snapshot
from domainstudio.project.project import DATABASE, Project

PATIENCE_SECONDS = 120
LOG_BYTES = 16 << 20
MOST_EDITS = 20
"""SQLite begins its log anew, and cuts it, at a write that finds nobody reading from it."""


@dataclass(frozen=True)
class Disk:
    """Where the project is mounted, and the folder that lies there when it is."""

    content: Path
    mounted: Path
    aside: Path
    documents: int

    def mount(self, content: Path | None = None, *options: str) -> None:
        _call("mount", "--bind", content or self.content, self.mounted)
        if options:
            _call("mount", "-o", ",".join(("remount", "bind", *options)), self.mounted)

    def unmount(self) -> None:
        _call("umount", "--lazy", self.mounted)

    @contextmanager
    def people(self, *kinds: str) -> Iterator[World]:
        with crowd(self.mounted, self.aside, kinds or ("window", "commands")) as world:
            yield world


def _call(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True)


def repeat(world: World, *order: str) -> None:
    """Repeat an order until all could follow it: a window sees within some seconds that a disk is back."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while refusals := [answer for answer in world.all_at_once(*order) if not answer.was_done]:
        assert time.monotonic() < deadline, refusals


def refused(answers: list[Answer]) -> str:
    """Check that nobody could; return the sentences."""
    assert all(answer.code == 2 for answer in answers), answers
    return " ".join(sorted({answer.told for answer in answers}))


def read_only(disk: Disk) -> str:
    """A read-only disk: everything can be looked at, no edit changes what is shown."""
    disk.mount(None, "ro")
    before = recipe_of(disk.mounted)
    with disk.people() as world:
        assert all(answer.was_done for answer in world.all_at_once("look"))
        wait_until(lambda: all(world.shown()[0].values()), PATIENCE_SECONDS)
        (shown,) = world.shown()
        told = refused(world.all_at_once("recipe", "seed", "77"))
        for order in (("pack",), ("train",), ("undo",), ("delete", "train-1"), ("mixture", "1", "5000")):
            refused(world.all_at_once(*order))
        assert recipe_of(disk.mounted) == before
        wait_until(lambda: world.shown() == [shown], PATIENCE_SECONDS)
    return told


def taken_away(disk: Disk) -> str:
    """A disk that is taken away and comes back: nothing is written where it was, all goes on."""
    disk.mount()
    with disk.people() as world:
        repeat(world, "recipe", "seed", "1")
        disk.unmount()
        told = refused(world.all_at_once("recipe", "seed", "2"))
        refused(world.all_at_once("pack"))
        assert list(disk.mounted.iterdir()) == []
        disk.mount()
        assert recipe_of(disk.mounted)["seed"] == "1"
        repeat(world, "recipe", "seed", "3")
        assert recipe_of(disk.mounted)["seed"] == "3"
    return told


def another_device(disk: Disk) -> str:
    """A disk that is another device when it comes back: the same project is opened anew."""
    disk.mount()
    with disk.people() as world:
        repeat(world, "recipe", "seed", "4")
        disk.unmount()
        told = refused(world.all_at_once("recipe", "seed", "5"))
        other = disk.aside / "device"
        other.mkdir()
        _call("mount", "-t", "tmpfs", "tmpfs", other)
        shutil.copytree(disk.content, other / "project")
        disk.mount(other / "project")
        repeat(world, "recipe", "seed", "6")
        assert (recipe_of(disk.mounted)["seed"], recipe_of(disk.content)["seed"]) == ("6", "4")
    disk.unmount()
    _call("umount", other)
    disk.mount()
    return told


def locked(disk: Disk) -> str:
    """Another program holds the database while an import ends: it is committed when it is free again."""
    disk.mount()
    file = disk.aside / "laws.jsonl"
    file.write_text("".join(json.dumps({"text": f"Law {number}."}) + "\n" for number in range(500)))
    with disk.people() as world, closing(sqlite3.connect(disk.mounted / DATABASE)) as other:
        world.must("import", str(file), "laws", "domain")
        other.isolation_level = None
        wait_until(lambda: _take(other), PATIENCE_SECONDS)
        told = refused(world.all_at_once("recipe", "seed", "8"))
        other.execute("ROLLBACK")
        world.settle()
        assert sources_of(disk.mounted)["laws"].documents == 500
        repeat(world, "recipe", "seed", "9")
    return told


def _take(database: sqlite3.Connection) -> bool:
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


def long_read(disk: Disk) -> str:
    """Another program reads while an import is committed: it sees one state, and the log goes again."""
    disk.mount()
    file, log = disk.aside / "many.jsonl", disk.mounted / f"{DATABASE}-wal"
    with file.open("w") as lines:
        for number in range(disk.documents):
            lines.write(json.dumps({"text": f"Law {number} of many, each of its own."}) + "\n")
    with disk.people() as world, Project(disk.mounted, read_only=True) as reader:
        with snapshot(reader.connection):
            count = "SELECT count(*) FROM documents"
            before = reader.connection.execute(count).fetchone()[0]
            world.must("import", str(file), "many", "domain")
            world.settle()
            assert reader.connection.execute(count).fetchone()[0] == before
            longest = log.stat().st_size
        edits = 0
        while log.stat().st_size > LOG_BYTES and edits < MOST_EDITS:
            edits += 1
            repeat(world, "recipe", "seed", str(10 + edits))
        assert log.stat().st_size <= LOG_BYTES, log.stat().st_size
        assert sources_of(disk.mounted)["many"].documents == disk.documents
    words = "{:,} documents: the log grew to {:.0f} MB and was small again after {} edits."
    return words.format(disk.documents, longest / 1e6, edits)


SCENES: dict[str, Callable[[Disk], str]] = {
    scene.__name__: scene for scene in (read_only, taken_away, another_device, locked, long_read)
}


def main() -> int:
    """Play the scenes and print what was said."""
    enter_namespace()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--scenes", nargs="+", choices=SCENES, default=list(SCENES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "work")
        for name in options.scenes:
            root = Path(folder) / name
            disk = Disk(root / "disk", root / "mounted", root, options.documents)
            shutil.copytree(project, disk.content)
            disk.mounted.mkdir()
            told = SCENES[name](disk)
            disk.unmount()
            check_whole(disk.content)
            words = (SCENES[name].__doc__ or "").split("\n")[0]
            print(f"well  {name}: {words}\n      {told.replace(folder, '')}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
