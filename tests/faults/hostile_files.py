"""Files made to crash, hang or fill the program that reads them; each says what may become of it."""

import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from faults.bad_files import AUTO, DOCSTRINGS, PAGE, THOROUGH, arrow, zipped, zst

from domainstudio.corpus.readers import ReaderSettings

MIB = 1 << 20


@dataclass(frozen=True)
class Hostile:
    """A hostile file: `size` is handed to `build`, `most` in the long form of the campaign."""

    name: str
    build: Callable[[int], bytes]
    outcomes: frozenset[str]
    """All that may become of it: kept, or reasons of rejections."""
    size: int = 0
    most: int = 0
    settings: ReaderSettings = AUTO


def _gzip_bomb(mebibytes: int) -> bytes:
    """Return members of 64 MiB one after the other, each a thousandth of that."""
    return gzip.compress(bytes(64 * MIB), 9, mtime=0) * (mebibytes // 64)


def _zstd_bomb(mebibytes: int) -> bytes:
    return zst(bytes(64 * MIB)) * (mebibytes // 64)


def _zip_bomb(mebibytes: int) -> bytes:
    """Return an archive whose one member repeats a deflated block."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(64 * MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    data = bytearray(zipped({"a.txt": block * (mebibytes // 64)}, zipfile.ZIP_STORED))
    central = data.rfind(b"PK\x01\x02")
    for method, size in ((8, 22), (central + 10, central + 24)):
        data[method : method + 2] = struct.pack("<H", zipfile.ZIP_DEFLATED)
        data[size : size + 4] = struct.pack("<I", 0xFFFFFFFE)
    return bytes(data)


def _overlapping(members: int) -> bytes:
    """Return an archive whose directory names one member again and again."""
    data = zipped({"a.txt": bytes(MIB)})
    start, end = data.rfind(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
    entry = data[start:end]
    counts = struct.pack("<HHII", members, members, len(entry) * members, start)
    return data[:start] + entry * members + data[end : end + 8] + counts + b"\0\0"


def _patched(offset: int, value: bytes) -> bytes:
    """Return an archive of two members; the first one's directory entry is changed at an offset."""
    data = bytearray(zipped({"a.txt": b"evil " * 50, "b.txt": b"good"}))
    at = data.find(b"PK\x01\x02") + offset
    data[at : at + len(value)] = value
    return bytes(data)


def _unsafe() -> bytes:
    names = [
        "../a.txt",
        "/etc/a.txt",
        "C:\\a.txt",
        "a\x1b[2J\n.txt",
        "con.txt",
        "a/" * 900 + "a.txt",
        "\u202e.txt",
    ]
    data = zipped({name: b"text" for name in [*names, "\u202e.txt"]})
    return data.replace("\u202e".encode(), b"\xff\xfe\x00")


def _lzma_dictionary() -> bytes:
    data = bytearray(zipped({"a.txt": b"text " * 1000}, zipfile.ZIP_LZMA))
    at = data.find(b"\x09\x04\x05\x00")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    return bytes(data)


def _dictionary(rows: int, characters: int) -> pa.Table:
    text = pa.array(["x" * characters])
    return pa.table({"text": pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, "i4")), text)})


def _parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", row_group_size=1 << 26, **options)
    return sink.getvalue()


def _rows(count: int) -> bytes:
    return arrow(_dictionary(count, 900_000), is_file=False, compression="zstd")


def _one_cell(mebibytes: int) -> bytes:
    return _parquet(pa.table({"text": ["0" * (mebibytes * MIB)]}), use_dictionary=False)


def _wide(columns: int) -> pa.Table:
    return pa.table([pa.array(["x"])] * columns, names=["text", *(f"c{n}" for n in range(columns - 1))])


def _misled(kind: pa.DataType, right: bytes, wrong: bytes) -> bytes:
    texts = pa.array(["a" * 40, "b" * 40, "cccc"], pa.string())
    data = arrow(pa.table({"text": texts.cast(kind)}), is_file=False)
    assert data.count(right) >= 1
    return data.replace(right, wrong)


def _page(mark: str) -> bytes:
    return PAGE.replace("utf-8", mark).encode("latin-1", "replace") + b"caf\xe9 \xff"


def _attributes(count: int) -> bytes:
    return b"<p " + b" ".join(b"a%d=1" % number for number in range(count)) + b">text"


def _docstring(lines: int) -> bytes:
    return b'"""' + b" \n" * lines + b" " + b"word " * 40 + b'"""'


def _of(*outcomes: str) -> frozenset[str]:
    return frozenset(outcomes)


_KEPT, _LARGE, _BROKEN = _of("kept"), _of("kept", "too_large"), _of("unreadable")
_SLOW = _of("kept", "too_slow", "too_large")
_DEEP_SOURCE = b"(" * 100_000 + b"-" * 100_000 + b"1"
_LONG_CHAIN = b"x = " + b"1+" * 100_000 + b"1\ny = " + b"a." * 100_000 + b"a\n"

_LINE, _VALUES = b'{"text": "', b'{"text": "x", "a": ['
_EMOJI = _LINE + "\U0001f600".encode()
_ROW = b'"' + b"ab," * 400_000 + b'"\n'
_OFFSETS = struct.pack("<4i", 0, 40, 80, 84), struct.pack("<4i", 0, 1 << 30, 80, 84)
_VIEWS = struct.pack("<ii", 0, 40), struct.pack("<ii", 0, 1 << 30)
_CODECS = (
    "quopri", "hex", "zlib", "bz2", "base64", "rot13", "uu", "idna", "punycode", "unicode_escape", "mbcs",
)  # fmt: skip


def _keys(count: int) -> bytes:
    return json.dumps({"text": "x", **{f"k{number}": number for number in range(count)}}).encode()


def _nulls(rows: int) -> bytes:
    return _parquet(pa.table({"text": pa.nulls(rows, pa.string())}))


_LINES = [
    Hostile(
        "deep.jsonl",
        lambda n: b"[" * n + b"\n" + b'{"a":' * n,
        _of("bad_json", "too_large"),
        100_000,
        4_000_000,
    ),
    Hostile("line.jsonl", lambda n: _LINE + b"x" * (n * MIB), _of("too_long"), 33, 200),
    Hostile("values.jsonl", lambda n: _VALUES + b"[]," * n + b"1]}", _of("too_large"), 2_000_000, 9_000_000),
    Hostile("keys.jsonl", _keys, _KEPT, 100_000, 400_000),
    Hostile("emoji.jsonl", lambda n: _EMOJI + b"x" * (n * MIB) + b'"}', _KEPT, 2, 16),
    Hostile("line.txt", lambda n: b"x" * (n * MIB), _KEPT, 5, 200),
    Hostile("marks.txt", lambda n: b"a" + "\u0301\u0316".encode() * n, _KEPT, 100_000, 2_000_000),
    Hostile("noise.txt", lambda n: random.Random(n).randbytes(n), _of("bad_encoding"), 100_000, 10_000_000),
    Hostile("nul.txt", bytes, _of("kept"), 100_000, 50_000_000),
    Hostile("columns.csv", lambda n: b"text" + b",c" * n + b"\nx" + b",1" * n, _KEPT, 100_000, 900_000),
    Hostile("fields.csv", lambda n: b"text" + b",ab" * n + b"\nx", _of("too_large"), 2_000_000, 5_000_000),
    Hostile("row.csv", lambda n: b"text,b\n" + _ROW * n, _of("bad_row", "too_large"), 1, 60),
    Hostile("header.csv", lambda n: b"na\xffme\x1b[2J,\xed\xa0\x80b\nx,y\n", _of("missing_text")),
    Hostile("quote.csv", lambda n: b'text,b\n"' + b'""\n' * n, _of("bad_row"), 200_000, 5_000_000),
]
_PACKED = [
    Hostile("bomb.jsonl.gz", _gzip_bomb, _of("too_long", "too_large", "too_slow"), 64, 10240),
    Hostile("bomb.txt.gz", _gzip_bomb, _LARGE, 64, 10240),
    Hostile("bomb.txt.zst", _zstd_bomb, _LARGE, 64, 10240),
    Hostile("window.txt.zst", lambda n: bytes.fromhex("28b52ffd00f8010000"), _BROKEN),
    Hostile("bomb.zip", _zip_bomb, _LARGE, 64, 10240),
    Hostile("overlapping.zip", _overlapping, _LARGE, 9, 60_000),
    Hostile("members.zip", lambda n: zipped({f"{i}.txt": b"x" for i in range(n)}), _KEPT, 500, 100_000),
    Hostile("nested.zip", lambda n: zipped({"a.zip": zipped({"b.zip": b"x"})}), _of("nested_archive")),
    Hostile("names.zip", lambda n: _unsafe(), _of("kept", "unsafe_name", "bad_encoding", "unreadable")),
    Hostile("encrypted.zip", lambda n: _patched(8, b"\x01"), _of("kept", "unreadable")),
    Hostile("method.zip", lambda n: _patched(10, b"\x63\x00"), _of("kept", "unreadable")),
    Hostile("claims.zip", lambda n: _patched(20, b"\xff" * 8), _of("kept", "unreadable")),
    Hostile("lzma.zip", lambda n: _lzma_dictionary(), _of("kept", "unreadable", "too_large")),
]
_COLUMNS = [
    Hostile("rows.parquet", lambda n: _parquet(_dictionary(n, 900_000)), _LARGE, 300, 10_000_000),
    Hostile("nulls.parquet", _nulls, _of("missing_text", "too_large"), 50_000, 20_000_000),
    Hostile("cell.parquet", _one_cell, _LARGE, 20, 600),
    Hostile("columns.parquet", lambda n: _parquet(_wide(n)), _KEPT, 5000, 100_000),
    Hostile("columns.arrow", lambda n: arrow(_wide(n), is_file=True), _KEPT, 5000, 100_000),
    Hostile("rows.arrow", _rows, _LARGE, 300, 3_000_000),
    Hostile("offsets.arrow", lambda n: _misled(pa.string(), *_OFFSETS), _BROKEN),
    Hostile("views.arrow", lambda n: _misled(pa.string_view(), *_VIEWS), _BROKEN),
]
_PAGES = [
    Hostile("deep.html", lambda n: b"<div>" * n + b"x", _SLOW, 10_000, 400_000),
    Hostile("attributes.html", _attributes, _SLOW, 5000, 400_000),
    Hostile("elements.html", lambda n: b"<p>x" * (n * MIB // 4), _LARGE, 1, 63),
    Hostile("page.html", lambda n: b"<p>x" * (n * MIB // 4), _of("too_large"), 65, 300),
    Hostile(
        "deep_thorough.html", lambda n: b"<div>" * n + b"x" * 300, _SLOW | {"empty"}, 5000, 100_000, THOROUGH
    ),
    Hostile(
        "elements_thorough.html",
        lambda n: b"<p>word word.</p>" * n,
        _SLOW | {"empty"},
        2000,
        2_000_000,
        THOROUGH,
    ),
    *(
        Hostile(f"{name}.html", lambda n, name=name: _page(name), _of("kept", "bad_encoding"))
        for name in _CODECS
    ),
]
_SOURCES = [
    Hostile("deep.py", lambda n: _DEEP_SOURCE, _of("bad_syntax"), settings=DOCSTRINGS),
    Hostile("chain.py", lambda n: _LONG_CHAIN, _of("bad_syntax"), settings=DOCSTRINGS),
    Hostile("blank.py", _docstring, _KEPT, 300_000, 3_000_000, DOCSTRINGS),
    Hostile(
        "names.py", lambda n: b"x = [" + b"a," * n + b"]", _of("bad_syntax"), 10_000, 4_000_000, DOCSTRINGS
    ),
    Hostile("long.py", lambda n: b"#" * n * MIB, _of("too_large"), 9, 100, DOCSTRINGS),
]
HOSTILE = [*_LINES, *_PACKED, *_COLUMNS, *_PAGES, *_SOURCES]
