"""What a disk refuses, and how much room it has."""

import errno
import os
import re
import shutil
from pathlib import Path

from domainstudio.problems import Problem
from domainstudio.units import format_size

LEAST_ROOM = 4 << 20
"""Bytes that an edit of the project, or a job that makes little, can do with."""

_LEAST_FILES = 64

_DISK_PROBLEMS = {
    errno.ENOSPC: "project.disk_full",
    errno.EFBIG: "project.disk_limit",
    getattr(errno, "EDQUOT", errno.EFBIG): "project.disk_limit",
    errno.EROFS: "project.read_only",
    errno.EACCES: "project.no_access",
    errno.EPERM: "project.no_access",
    errno.EIO: "project.disk_error",
    errno.ELOOP: "file.not_plain",
    errno.EISDIR: "file.not_plain",
    errno.ENOTDIR: "file.not_plain",
    errno.ENXIO: "project.disk_error",
    errno.ENODEV: "project.disk_error",
    errno.ENOTCONN: "project.disk_error",
    getattr(errno, "ESTALE", errno.EIO): "project.disk_error",
}

_NUMBER_IN_WORDS = re.compile(r"\(os error (\d+)\)|\[[Ee]rrno (\d+)\]")
"""How libraries in Rust, and those that gather several errors, tell the system's error number."""


def disk_problem(error: Exception, place: Path, needed_bytes: int = 0) -> Problem | None:
    """Return what a person can mend of the system's refusal: a full disk, missing rights; None for a bug.

    Args:
        error: what was raised; libraries in other languages have errors of their own.
        place: named if the error names no file.
        needed_bytes: about what the work would have written, if that is known.
    """
    first = error
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        _source, target, words = error.args[0][0]
        first = OSError(_number_of(words), words, target)
    number = getattr(first, "errno", None) or _number_of(str(first))
    code = _DISK_PROBLEMS.get(number)
    # Of a copy that fails for want of room the first name is that of the source.
    full = getattr(first, "filename2", None) if code == "project.disk_full" else None
    file = Path(os.fsdecode(full or getattr(first, "filename", None) or place))
    if code == "project.disk_full":
        return no_room(file, needed_bytes)
    return Problem(code, None, {"file": str(file)}) if code else None


def _number_of(words: str) -> int:
    match = _NUMBER_IN_WORDS.search(words) if os.name == "posix" else None
    return int(match[1] or match[2]) if match else 0


def no_room(file: Path, needed_bytes: int = 0) -> Problem:
    """Return that `file` does not fit on its disk, with what is free and, as far as it is known, needed."""
    if not may_hold_more_files(file):
        return Problem("project.no_more_files", None, {"file": str(file)})
    free = free_bytes(file)
    if needed_bytes <= free > LEAST_ROOM:  # filled by others meanwhile, or by what was removed again since
        return Problem("project.disk_filled", None, {"file": str(file), "free": format_size(free)})
    needed = needed_bytes if needed_bytes > free else free + LEAST_ROOM
    sizes = {"needed": format_size(needed), "free": format_size(free)}
    return Problem("project.disk_full", None, {"file": str(file), **sizes})


def free_bytes(file: Path) -> int:
    """Return what is free on the disk of a file or folder, which need not be there yet."""
    return shutil.disk_usage(_existing(file)).free


def may_hold_more_files(file: Path) -> bool:
    """Return whether the disk of a file or folder takes more of them (inodes), where it counts them."""
    if not hasattr(os, "statvfs"):
        return True
    state = os.statvfs(_existing(file))
    return not state.f_files or state.f_favail >= _LEAST_FILES


def _existing(file: Path) -> Path:
    return next(place for place in (file, *file.absolute().parents) if place.exists())
