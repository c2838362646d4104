"""Files sent to a machine and fetched from it: what differs alone, resumed where it broke off, checked."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from domainstudio.disk import free_bytes, no_room
from domainstudio.jobs.checksums import Checksum, checksums, sha256
from domainstudio.machines.place import Place
from domainstudio.machines.ssh import Connection, environment, program
from domainstudio.paths import sync_file, user_cache
from domainstudio.problems import Problem, UserError
from domainstudio.units import format_size

CACHE = "checksums.json"
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
STAGED = ".incoming"
"""Folder there for files that are not whole yet, each named by its checksum."""
_CHECKSUMS = "domainstudio.jobs.checksums"
_BEAT_SECONDS = 1.0
_MOST_ANSWER = 256 << 20
_ASK_SECONDS = 3600.0
"""Reading a base model of a terabyte once takes so long."""
_SPACE = (b"No space left on device", b"Disk quota exceeded")


@dataclass(frozen=True)
class File:
    """A file of this machine and where it lies on the other, relative to the folder that is sent to."""

    root: Path
    name: str
    """Below the root, with slashes."""
    folder: str
    """There; `folder/name` is its place."""

    @property
    def there(self) -> str:
        """Its place on the other machine."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    @property
    def local(self) -> Path:
        """Its place here."""
        return self.root / self.name


@dataclass(frozen=True)
class _Answer:
    """What the machine says of a folder."""

    files: dict[str, Checksum]
    free: int
    below: list[str]


def send(place: Place, files: Sequence[File], target: str, tell: Callable[[int, int], None]) -> int:
    """Bring files to a folder of the machine and return how many bytes had to be sent.

    Args:
        place: this program on the machine.
        files: what shall lie there.
        target: the folder, relative to the person's home there.
        tell: told bytes that are there and bytes in all, at the beginning and after each batch.

    Raises:
        UserError: the connection broke (what arrived is kept), there is no room, or a file arrived damaged.
    """
    wanted = _wanted(files)
    answer = _ask(place, target, list(wanted))
    missing = [file for file in files if answer.files.get(file.there) != wanted[file.there]]
    total = sum(size for size, _ in wanted.values())
    needed = sum(wanted[file.there][0] for file in missing)
    tell(total - needed, total)
    if not missing:
        return 0
    if needed > answer.free:
        raise UserError(_no_room(place.connection, needed, answer.free))
    _push(place.connection, missing, wanted, target, lambda: tell(total - needed, total))
    placed = {file.there: f"{STAGED}/{wanted[file.there][1]}" for file in missing}
    found = _ask(place, target, [file.there for file in missing], placed).files
    for file in missing:
        if found.get(file.there) != wanted[file.there]:
            params = {"name": place.connection.machine.name, "file": str(file.local)}
            raise UserError(Problem("machine.damaged_file", None, params))
    tell(total, total)
    return needed


def listed(place: Place, target: str, below: str) -> list[str]:
    """Return the names, relative to `target`, of what lies below a folder there.

    Names that this program would not have given are left out: they could lead anywhere here.
    """
    names = _ask(place, target, [], below=below).below
    return [
        name for name in names if name.startswith(f"{below}/") and _PLAIN.fullmatch(name) and ".." not in name
    ]


def fetch(
    place: Place, names: Sequence[str], target: str, root: Path, tell: Callable[[int, int], None]
) -> None:
    """Bring files of a machine here, each whole or not at all.

    Args:
        place: this program on the machine.
        names: relative to `target`, as `listed`.
        target: the folder there.
        root: the folder here that the names are relative to as well.
        tell: told bytes that are here and bytes in all.

    Raises:
        UserError: the connection broke (what arrived is kept), or a file arrived damaged.
    """
    files = _ask(place, target, list(names)).files
    here = checksums(root, list(files), user_cache() / CACHE)
    missing = [name for name, checksum in files.items() if tuple(here.get(name, ())) != checksum]
    total, needed = (sum(files[name][0] for name in names) for names in (files, missing))
    if needed > free_bytes(root):
        raise UserError(no_room(root, needed))
    for name in sorted(missing):
        here_already = total - needed

        def beat(came: int, here_already: int = here_already) -> None:
            tell(here_already + came, total)

        _pull(place.connection, f"{target}/{name}", root / name, files[name], beat)
        needed -= files[name][0]
    tell(total, total)


def _pull(
    connection: Connection, there: str, file: Path, wanted: Checksum, beat: Callable[[int], None]
) -> None:
    """Bring one file, going on where an earlier try broke off; `beat` is told its bytes that are here."""
    size, digest = wanted
    staged = file.parent / f".incoming-{digest}"
    file.parent.mkdir(parents=True, exist_ok=True)
    with staged.open("ab") as out:
        begun = os.fstat(out.fileno()).st_size
        beat(begun)
        if begun < size:
            rest = ["tail", "-c", f"+{begun + 1}", "--", there]
            connection.receive(rest, out, size - begun, lambda came: beat(begun + came))
    if sha256(staged) != digest:
        name = connection.machine.name
        if staged.stat().st_size < size:
            raise UserError(Problem("machine.transfer_broke", None, {"name": name, "reason": there}))
        staged.unlink()
        raise UserError(Problem("machine.damaged_file", None, {"name": name, "file": there}))
    sync_file(staged)
    os.replace(staged, file)


def _wanted(files: Iterable[File]) -> dict[str, Checksum]:
    """Return the checksum of each file by its place there."""
    by_root = dict[Path, list[File]]()
    for file in files:
        by_root.setdefault(file.root, []).append(file)
    cache, wanted = user_cache() / CACHE, dict[str, Checksum]()
    for root, members in by_root.items():
        found = checksums(root, [file.name for file in members], cache)
        for file in members:
            if file.name not in found:
                params = {"file": str(file.local)}
                raise UserError(Problem("machine.file_gone", None, params))
            size, digest = found[file.name]
            wanted[file.there] = (size, digest)
    return wanted


def _ask(
    place: Place,
    target: str,
    names: list[str],
    arrived: Mapping[str, str] | None = None,
    below: str = "",
) -> _Answer:
    """Return what lies there; what has arrived is put in place before."""
    asked = orjson.dumps({"names": names, "place": arrived or {}, "below": below})
    argv = place.command(_CHECKSUMS, target, f"{target}/.{CACHE}")
    done = place.run(argv, input=asked, seconds=_ASK_SECONDS, most_bytes=_MOST_ANSWER)
    if done.code:
        raise UserError(_failed(place.connection, done.stderr))
    found: dict[str, Any] = orjson.loads(done.stdout)
    files = {name: (size, digest) for name, (size, digest) in found["files"].items()}
    return _Answer(files, found["free"], found["below"])


def _push(
    connection: Connection,
    files: Sequence[File],
    wanted: dict[str, Checksum],
    target: str,
    beat: Callable[[], None],
) -> None:
    """Bring files into the staging folder, each under its checksum: what is resumed is the same file."""
    with tempfile.TemporaryDirectory(prefix="domainstudio-") as folder:
        for file in files:  # links, so that nothing is copied here
            link = Path(folder, wanted[file.there][1])
            if not link.is_symlink():
                link.symlink_to(file.local.resolve())
        staging = f"{target}/{STAGED}"
        done = connection.run(["mkdir", "-p", staging])
        if done.code:
            raise UserError(_failed(connection, done.stderr))
        if _has_rsync(connection):
            _by_rsync(connection, Path(folder), staging, beat)
        else:
            _by_sftp(connection, Path(folder), staging, beat)


def _has_rsync(connection: Connection) -> bool:
    return shutil.which("rsync") is not None and connection.run(["rsync", "--version"]).code == 0


def _by_rsync(connection: Connection, folder: Path, staging: str, beat: Callable[[], None]) -> None:
    command = [
        "rsync",
        "--copy-links",
        "--recursive",
        "--append",
        "--secluded-args",
        "-e",
        _shell(connection),
    ]
    _transfer(connection, [*command, f"{folder}/", f"{connection.machine.destination}:{staging}/"], b"", beat)


def _by_sftp(connection: Connection, folder: Path, staging: str, beat: Callable[[], None]) -> None:
    """Send with the program that comes with ssh; `reput` goes on where a file broke off."""
    names = sorted(os.listdir(folder))  # checksums: nothing in them needs quotes
    said = connection.run(["stat", "-c", "%s %n", *(f"{staging}/{name}" for name in names)]).stdout
    there = {line.rpartition("/")[2]: int(line.split()[0]) for line in said.decode().splitlines()}
    lines = [f"cd {staging}", f"lcd {folder}"]
    for name in names:  # one that is as large already is whole, or another
        begun = 0 < there.get(name, 0) < (folder / name).stat().st_size
        lines.append(f"{'reput' if begun else 'put'} {name}")
    command = [program("sftp"), *connection.options(), "-b", "-", "--", connection.machine.destination]
    _transfer(connection, command, "\n".join(lines).encode(), beat)


def _transfer(connection: Connection, command: list[str], given: bytes, beat: Callable[[], None]) -> None:
    """Run a program that sends, for as long as it takes; `beat` is called meanwhile and may end it."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment()) as process:
        try:
            while True:
                try:
                    out, words = process.communicate(given, timeout=_BEAT_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    beat()
        finally:
            process.kill()
    if process.returncode:
        raise UserError(_failed(connection, words + out))


def _shell(connection: Connection) -> str:
    """Return the ssh command as rsync wants it: words parted by spaces, those that hold one in quotes."""
    words = connection.ssh_command()
    return " ".join(f'"{word}"' if " " in word else word for word in words)


def _failed(connection: Connection, said: bytes) -> Problem:
    name = connection.machine.name
    if any(words in said for words in _SPACE):
        return Problem("machine.disk_full", None, {"name": name})
    lines = said.decode(errors="replace").strip().splitlines()
    return Problem("machine.transfer_broke", None, {"name": name, "reason": lines[-1] if lines else "-"})


def _no_room(connection: Connection, needed: int, free: int) -> Problem:
    params = {"name": connection.machine.name, "needed": format_size(needed), "free": format_size(free)}
    return Problem("machine.no_room", None, params)
