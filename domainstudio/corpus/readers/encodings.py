"""The encoding of a text file: strict UTF-8, then a byte order mark, then a guess from its beginning."""

import codecs
import io
from collections.abc import Callable
from typing import BinaryIO, cast

HEAD_BYTES = 64 << 10
"""A guess looks at this much: it is slow, and more does not make it better."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SURE_BYTES = 24
"""With fewer bytes beyond ASCII a guess needs words of a language to be believed."""
_SURE_COHERENCE = 0.1
_NO_ENCODINGS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
"""Codecs of Python from bytes to text that no file is written in."""
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "ascii": "utf-8"}


def encoding_of(head: bytes, declared: str | None = None) -> str | None:
    """Return the encoding of a file by its first `HEAD_BYTES`, None where nothing fits.

    Args:
        head: how the file begins; it may end within a character.
        declared: what the file says of itself; believed where it is known and fits.
    """
    if _decodes(head, "utf-8"):
        return "utf-8"
    marked = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)
    if marked is not None:
        return marked
    if declared is not None and _decodes(head, declared):
        return declared
    return _guess(head)


def as_utf8(stream: BinaryIO) -> BinaryIO:
    """Return the stream's text in UTF-8; it is passed through as it is where no other encoding fits.

    Raises (on reading):
        UnicodeDecodeError: later text does not fit the encoding of the beginning.
    """
    head = stream.read(HEAD_BYTES)
    encoding = encoding_of(head)
    decode = None
    if encoding not in (None, "utf-8"):
        decode = codecs.getincrementaldecoder(str(encoding))().decode
    return cast(BinaryIO, io.BufferedReader(_Recoded(head, stream, decode), 1 << 20))


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        "".encode(encoding)  # a LookupError where it is a codec, but not one of texts
        if codecs.lookup(encoding).name in _NO_ENCODINGS:
            return False
        codecs.getincrementaldecoder(encoding)().decode(head)
    except (LookupError, UnicodeError):
        return False
    return True


def _guess(head: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(head[: head.rfind(b"\n") + 1] or head).best()
    beyond_ascii = len(head) - len(head.translate(None, bytes(range(128, 256))))
    if best is None or best.encoding.startswith(("utf_16", "utf_32")):  # without a mark: too bold a guess
        return None
    if best.coherence < _SURE_COHERENCE and beyond_ascii < _SURE_BYTES:
        return None
    return _SUPERSETS.get(best.encoding, best.encoding)


class _Recoded(io.RawIOBase):
    """The head of a stream and then its rest, decoded and encoded again where a decoder is given."""

    def __init__(self, head: bytes, stream: BinaryIO, decode: Callable[[bytes, bool], str] | None) -> None:
        self._ready, self._at = b"", 0
        self._head: bytes | None = head
        self._stream, self._decode = stream, decode
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while self._at >= len(self._ready) and not self._is_over:
            self._ready, self._at = self._next(), 0
        data = self._ready[self._at : self._at + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _next(self) -> bytes:
        if self._head is not None:
            data, self._head = self._head, None
        else:
            data = self._stream.read(HEAD_BYTES)
            self._is_over = not data
        return data if self._decode is None else self._decode(data, self._is_over).encode()
