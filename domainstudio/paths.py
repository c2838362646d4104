"""How a file or folder comes into being whole, and stays where it belongs."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from domainstudio.problems import Problem, UserError

_DISK_PROBLEMS = {
    errno.ENOSPC: "project.disk_full",
    errno.EFBIG: "project.disk_full",
    getattr(errno, "EDQUOT", errno.ENOSPC): "project.disk_full",
    errno.EROFS: "project.read_only",
    errno.EACCES: "project.no_access",
    errno.EPERM: "project.no_access",
    errno.EIO: "project.disk_error",
}


def disk_problem(error: OSError, place: Path) -> Problem | None:
    """Return what a person can mend of the system's refusal: a full disk, missing rights; None for a bug.

    Args:
        error: what was raised.
        place: named if the error names no file.
    """
    code = _DISK_PROBLEMS.get(error.errno or 0)
    return Problem(code, None, {"file": str(error.filename or place)}) if code else None


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut (a no-op where folders cannot be synced)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(file: Path, data: bytes) -> None:
    """Write `data` so that a reader, or a kill at any moment, sees the old file or the new one."""
    # The name is its own for each call: a signal's handler may write the same file in the middle of this one.
    temporary = file.with_name(f".{file.name}.{uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def sync_tree(folder: Path) -> None:
    """Flush every file below `folder`, then the folders' own names, to disk."""
    mode = "rb" if os.name == "posix" else "rb+"  # a copy of a read-only file is read-only
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            with open(os.path.join(parent, name), mode) as target:
                os.fsync(target.fileno())
        sync_folder(Path(parent))


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; it takes that name, synced, only if the block succeeds.

    Raises:
        OSError: `folder` exists already and is not empty.
    """
    temporary = folder.with_name(f".tmp-{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        move_whole(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def move_whole(source: Path, target: Path) -> None:
    """Give the finished folder `source` its lasting name `target`, synced to disk."""
    sync_tree(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(source, target)
    sync_folder(target.parent)


def inside(folder: Path, relative: str) -> Path:
    """Return `folder/relative`, refusing a path that leaves the folder.

    Raises:
        UserError: the path is absolute, climbs out, or leads out through a link.
    """
    target = folder / relative
    if not target.resolve().is_relative_to(folder.resolve()):
        raise UserError(Problem("path.leaves_folder", None, {"path": relative, "folder": str(folder)}))
    return target


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock on `file` while the block runs; a dead process holds no lock."""
    with file.open("a+b") as handle:
        if os.name == "posix":
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        else:
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        yield
