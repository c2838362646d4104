"""How a file or folder comes into being whole, and stays where it belongs."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from domainstudio.problems import Problem, UserError


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut (a no-op where folders cannot be synced)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(file: Path, data: bytes, draft: str | None = None) -> None:
    """Write `data` so that a reader, or a kill at any moment, sees the old file or the new one.

    `draft` is what the file is called until it is whole. By default the name is its own for each call: a
    signal's handler may write the same file in the middle of this one. Outside a project, where nobody sweeps
    up after a kill, a name that the next call uses again leaves nothing behind.
    """
    temporary = file.with_name(draft or f".{file.name}.{uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, file)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(file), None
        raise
    sync_folder(file.parent)


def sync_file(file: Path) -> None:
    """Flush what is in `file` to disk."""
    mode = "rb" if os.name == "posix" else "rb+"  # a copy of a read-only file is read-only
    with file.open(mode) as target:
        os.fsync(target.fileno())


def remove_drafts(folder: Path) -> None:
    """Remove what `write_atomically` was killed over, anywhere below a folder that nobody else writes to."""
    for draft in folder.rglob(".*.tmp"):
        draft.unlink()


def sync_tree(folder: Path) -> None:
    """Flush every file below `folder`, then the folders' own names, to disk."""
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync_file(Path(parent, name))
        sync_folder(Path(parent))


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; it takes that name, synced, only if the block succeeds.

    What a killed process left of an earlier try goes.

    Raises:
        UserError: another process is at it.
        OSError: `folder` exists already and is not empty.
    """
    temporary = folder.with_name(f".tmp-{folder.name}")
    make_parent(folder)
    with _owned(temporary):
        try:
            yield temporary
            move_whole(temporary, folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Make `folder`, or empty what is left of it; no other process can do so while the block runs.

    Raises:
        UserError: another process has it.
    """
    if os.name != "posix":
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield
        return
    handle = _take(folder)
    try:
        for entry in os.scandir(folder):
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
        yield
    finally:
        os.close(handle)


def _take(folder: Path) -> int:
    """Make `folder` if need be and return a handle that holds a lock on it; a dead process holds none."""
    import fcntl

    while True:
        with suppress(FileExistsError):
            folder.mkdir()
        # Not found, or another: whoever had it has just given it its lasting name.
        with suppress(FileNotFoundError), ExitStack() as stack:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            stack.callback(os.close, handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(Problem("path.being_written", None, {"folder": str(folder)})) from None
            if os.path.samestat(os.fstat(handle), folder.stat()):
                stack.pop_all()
                return handle


def make_parent(path: Path) -> None:
    """Make the folder that `path` lies in, but none above it.

    If that is missing too, somebody has moved it away: nothing shall be written where it was.

    Raises:
        UserError: something lies there that is no folder.
    """
    try:
        path.parent.mkdir(exist_ok=True)
    except FileExistsError:
        raise UserError(Problem("file.not_plain", None, {"file": str(path.parent)})) from None


def move_whole(source: Path, target: Path) -> None:
    """Give the finished folder `source` its lasting name `target`, synced to disk."""
    sync_tree(source)
    make_parent(target)
    os.rename(source, target)
    sync_folder(target.parent)


def inside(folder: Path, relative: str) -> Path:
    """Return `folder/relative`, refusing a path that leaves the folder.

    Raises:
        UserError: the path is absolute, climbs out, or leads out through a link.
    """
    target = folder / relative
    try:
        is_inside = target.resolve().is_relative_to(folder.resolve())
    except (RuntimeError, ValueError):  # links in a circle; a NUL byte
        is_inside = False
    if not is_inside:
        raise UserError(Problem("path.leaves_folder", None, {"path": relative, "folder": str(folder)}))
    return target


def check_tree(folder: Path) -> None:
    """Refuse a folder in which anything, at any depth, is neither a file nor a folder.

    What is written or removed through a link would be elsewhere; a pipe or a device would be waited for.

    Raises:
        UserError: names the first such thing.
    """
    if folder.is_symlink():
        raise UserError(Problem("path.link_in_folder", None, {"path": str(folder)}))
    pending = [str(folder)]
    while pending:
        with suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:  # files may come and go
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif not entry.is_file(follow_symlinks=False) and os.path.lexists(entry.path):
                    raise UserError(Problem("path.link_in_folder", None, {"path": entry.path}))


def user_cache() -> Path:
    """Return the folder of this person for what can be made again, made if need be."""
    own = os.environ.get("XDG_CACHE_HOME")
    folder = Path(own) if own and Path(own).is_absolute() else Path.home() / ".cache"
    (folder / "domainstudio").mkdir(parents=True, exist_ok=True)
    return folder / "domainstudio"


SMALL_BYTES = 64 << 20
"""The most that a file of JSON may have: the largest tokenizers take a third of it."""


def open_plain(file: Path) -> BinaryIO:
    """Open a file for reading, never a pipe or a device, which would be waited for.

    Raises:
        UserError: it is no plain file.
        OSError: it is not there, or may not be read.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise UserError(Problem("file.not_plain", None, {"file": str(file)}))
    return file.open("rb")


def read_small(file: Path, most_bytes: int = SMALL_BYTES) -> bytes:
    """Return what is in a plain file that is small by its nature, such as JSON.

    Raises:
        UserError: it is no plain file, or larger than `most_bytes`.
        OSError: it is not there, or may not be read.
    """
    with open_plain(file) as source:
        data = source.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise UserError(Problem("file.too_large", None, {"file": str(file), "most": most_bytes}))
    return data


@contextmanager
def locked(file: Path, *, waits: bool = True) -> Iterator[bool]:
    """Hold an exclusive lock on `file` while the block runs; a dead process holds no lock.

    Yields whether it is held: always, unless `waits` is False and another process has it.
    """
    with file.open("a+b") as handle:
        try:
            if os.name == "posix":
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            else:
                import msvcrt

                handle.seek(0)
                how = msvcrt.LK_LOCK if waits else msvcrt.LK_NBLCK  # type: ignore[attr-defined]
                msvcrt.locking(handle.fileno(), how, 1)  # type: ignore[attr-defined]
        except OSError:
            if waits:
                raise
            is_held = False
        else:
            is_held = True
        yield is_held
