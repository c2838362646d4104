"""Zip archives: members are read by the readers of files; nothing is unpacked under a member's name."""

import errno
import lzma
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, cast

from domainstudio.corpus.readers.compressed import EXPANSION_LIMIT_BYTES, Expansion, limited
from domainstudio.corpus.readers.items import Item, Rejection, TooLarge
from domainstudio.disk import disk_problem
from domainstudio.problems import UserError

MEMBER_BYTES = 16 << 30
MEMBERS = 1_000_000
NESTED = (".zip", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz")
_IN_MEMORY_BYTES = 4 << 20
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, NotImplementedError)

ReadMember = Callable[[BinaryIO, str, PurePosixPath, Expansion], Iterator[Item] | None]
"""(stream, origin, name, allowance) → what the member holds, None for a file this program does not read."""


def read(stream: BinaryIO, origin: str, read_member: ReadMember) -> Iterator[Item]:
    """Yield what the members hold; the origin of each is `archive.zip!member`.

    Raises:
        ValueError: the archive is damaged.
    """
    size_bytes = stream.seek(0, 2)
    stream.seek(0)
    if not size_bytes:
        return
    whole = Expansion(size_bytes, EXPANSION_LIMIT_BYTES)
    try:
        with zipfile.ZipFile(stream) as archive:
            members = [one for one in archive.infolist() if _is_unsafe(one) or not _is_hidden(one)]
            if len(members) > MEMBERS:
                yield Rejection(origin, 0, "too_large", f"{len(members)} members")
                return
            for member in members:
                yield from _member(archive, member, f"{origin}!{_name(member)}", whole, read_member)
                if whole.is_spent:
                    yield Rejection(origin, 0, "too_large", "the members after this one were not read")
                    return
    except _BROKEN as error:
        raise ValueError(str(error)) from error


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, origin: str, whole: Expansion, read_member: ReadMember
) -> Iterator[Item]:
    name = PurePosixPath(_name(member))
    if _is_unsafe(member):
        yield Rejection(origin, 0, "unsafe_name", "it leads out of the archive")
    elif name.suffix.lower() in NESTED:
        yield Rejection(origin, 0, "nested_archive")
    elif member.flag_bits & _ENCRYPTED:
        yield Rejection(origin, 0, "unreadable", "encrypted")
    else:
        allowance = Expansion(member.compress_size, MEMBER_BYTES, whole)
        try:
            below = cast(BufferedIOBase, archive.open(member))
            with limited(below, cast(BinaryIO, below), allowance) as content:
                yield from read_member(content, origin, name, allowance) or ()
        except TooLarge as error:
            yield Rejection(origin, 0, "too_large", str(error))
        except (*_BROKEN, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            yield Rejection(origin, 0, "unreadable", str(error))


@contextmanager
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Yield a member's content as a file without a name, in memory while it is small."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as copy:
        try:
            shutil.copyfileobj(stream, copy, 1 << 20)
        except OSError as error:
            problem = disk_problem(error, Path(tempfile.gettempdir()))
            if error.errno == errno.ENOSPC and problem:  # no fault of the archive
                raise UserError(problem) from error
            raise
        copy.seek(0)
        yield cast(BinaryIO, copy)


def _is_hidden(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is a folder, or what some systems add: hidden files, __MACOSX."""
    parts = PurePosixPath(member.filename).parts
    hidden = any(part.startswith(".") and part != ".." for part in parts)
    return member.is_dir() or hidden or "__MACOSX" in parts


def _is_unsafe(member: zipfile.ZipInfo) -> bool:
    """Return whether a name leads out of the folder it would be unpacked in, or the member is a link."""
    name = member.orig_filename
    windows = PureWindowsPath(name)
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return is_link or "\0" in name or ".." in windows.parts or bool(windows.anchor)


def _name(member: zipfile.ZipInfo) -> str:
    """Return a member's name; old programs write it in UTF-8 or gb18030 without saying so."""
    if member.flag_bits & _UTF8_NAME or member.filename.isascii():
        return member.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return member.filename.encode("cp437").decode(encoding)
        except UnicodeError:
            continue
    return member.filename
