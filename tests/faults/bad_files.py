"""Bad files: small good ones of every format, ways to spoil them, and hostile ones made on purpose."""

import gzip
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from domainstudio.corpus.readers import ReaderSettings

AUTO = ReaderSettings()
THOROUGH = ReaderSettings(html="thorough")
DOCSTRINGS = ReaderSettings(reader="docstrings")
TEXTS = [
    f"Section {number}. The court held that clause {number} binds both.\n第{number}条 合同自成立时生效。"
    for number in range(40)
]
PAGE = (
    "<!DOCTYPE html><html><head><meta charset='utf-8'><title>Law</title><style>p {}</style></head><body>"
    "<nav><ul><li>Menu</li></ul></nav><article><h1>Head</h1>"
    + "".join(f"<p>{text}<br>more</p>" for text in TEXTS[:12])
    + "<table><tr><th>Item<td>2024<tr><td>Net<td>$<td>391</table><pre>a  b</pre><form><input></form>"
    "</article><footer>Imprint</footer></body></html>"
)
SOURCE = (
    f'"""The module. {TEXTS[0]} {TEXTS[1]}"""\nimport os\n'
    + "".join(
        f'class Court{number}:\n    """{TEXTS[number]} {TEXTS[number + 1]}"""\n    x = [1, (2, {{3: 4}})]\n'
        f"    def rule(self, a, *b, c=1):\n        '''{TEXTS[number]} {TEXTS[1]}\n\n        More.'''\n"
        for number in range(6)
    )
    + f"topics = {{'law': '{'word ' * 30}', 3: f'{{1 + 1}}'}}\n"
)


@dataclass(frozen=True)
class Seed:
    """A good file: its name without a container's ending, its bytes, and how it is read."""

    name: str
    data: bytes
    settings: ReaderSettings = AUTO

    @property
    def reader(self) -> str:
        """What the table calls the reader."""
        word = {THOROUGH: ".html thorough", DOCSTRINGS: ".py docstrings"}.get(self.settings)
        return word or f".{self.name.partition('.')[2]}"


def table() -> pa.Table:
    """Return texts, a missing one among them, beside titles and numbers."""
    texts: list[str | None] = [*TEXTS, None, "", "x" * 3000]
    columns = {"n": list(range(len(texts))), "title": [f"T{n}" for n in range(len(texts))], "text": texts}
    return pa.table(columns)


def parquet(content: pa.Table, **options: object) -> bytes:
    """Return a table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(content, sink, row_group_size=20, **options)
    return sink.getvalue()


def arrow(content: pa.Table, *, is_file: bool, compression: str | None = None) -> bytes:
    """Return a table as an Arrow file or stream."""
    sink = io.BytesIO()
    made = pa.ipc.new_file if is_file else pa.ipc.new_stream
    with made(sink, content.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(content, max_chunksize=17)
    return sink.getvalue()


def feathered(content: pa.Table) -> bytes:
    """Return a table as a Feather file."""
    sink = io.BytesIO()
    feather.write_feather(content, sink, compression="lz4")
    return sink.getvalue()


def as_type(kind: pa.DataType) -> pa.Table:
    """Return the texts of the table stored in another way."""
    return table().set_column(2, "text", table().column("text").cast(kind))


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, data in members.items():
            # Not the time of day: a campaign can be repeated.
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return sink.getvalue()


def zst(data: bytes) -> bytes:
    """Return bytes packed by Zstandard."""
    return bytes(pa.Codec("zstd").compress(data).to_pybytes())


@cache
def seeds() -> list[Seed]:
    """Return a good file for every reader and every way it reads."""
    lines = "".join(json.dumps({"text": text, "title": f"T{text[8]}"}) + "\n" for text in TEXTS).encode()
    rows = "".join(f'"{text}",{number},"T, {number}"\n' for number, text in enumerate(TEXTS))
    plain = "\n\n".join(TEXTS).encode()
    csv = ("text,n,title\n" + rows).encode()
    dictionary = as_type(pa.dictionary(pa.int32(), pa.string()))
    views, large = as_type(pa.string_view()), as_type(pa.large_string())
    flat: dict[str, object] = {"use_dictionary": False}
    deltas = {"text": "DELTA_BYTE_ARRAY"}
    members = {"a.txt": plain, "b/c.jsonl": lines, "d.csv": csv, "e.html": PAGE.encode(), "f.md": b"# Head\n"}
    packed = {
        "g.parquet": parquet(table()),
        "h.arrow": arrow(table(), is_file=False),
        "i.txt.gz": gzip.compress(plain, mtime=0),
    }
    return [
        Seed("a.txt", plain),
        Seed("a.txt", "\n\n".join(TEXTS).encode("gb18030")),
        Seed("a.md", b"---\ntitle: Law\n---\n# Head\n\n" + plain),
        Seed("a.jsonl", lines),
        Seed("a.csv", csv),
        Seed("a.tsv", csv.replace(b",", b"\t")),
        Seed("a.html", PAGE.encode()),
        Seed("a.html", PAGE.replace("utf-8", "gb18030").encode("gb18030")),
        Seed("a.html", PAGE.encode(), THOROUGH),
        Seed("a.py", SOURCE.encode(), DOCSTRINGS),
        Seed("a.parquet", parquet(table(), compression="snappy")),
        Seed("a.parquet", parquet(table(), compression="zstd", **flat, data_page_version="2.0")),
        Seed("a.parquet", parquet(dictionary, compression="none", write_page_index=True)),
        Seed("a.parquet", parquet(large, compression="gzip", **flat, column_encoding=deltas)),
        Seed("a.arrow", arrow(table(), is_file=False)),
        Seed("a.arrow", arrow(views, is_file=False)),
        Seed("a.arrow", arrow(dictionary, is_file=True)),
        Seed("a.arrow", arrow(large, is_file=True, compression="zstd")),
        Seed("a.feather", feathered(table())),
        Seed("a.zip", zipped(members)),
        Seed("a.zip", zipped(packed, zipfile.ZIP_STORED)),
        Seed("a.zip", zipped(members, zipfile.ZIP_BZIP2)),
        Seed("a.zip", zipped(members, zipfile.ZIP_LZMA)),
    ]  # fmt: skip


_HUGE = [0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 1 << 40, 1 << 28]
_ODDITIES = [
    b"\0", b"\0" * 64, b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xff" * 9,
    b"\x1b[2J", b"\r", b"\x85", "\u202e\u2028\ufdd0\ufdd1\ufdd2\ufdd3".encode(), "\ufffe\U0010ffff".encode(),
    "\u0301\u0316".encode() * 700, b'"', b"'''", b"\\", b"<!--", b"<![CDATA[", b"&#xD800;", b"]]>", b"<a a=",
]  # fmt: skip
_NESTED = [b"[", b'{"a":', b"<div>", b"<b><table>", b"(", b"-", b"f(", b"<svg><p>", b"lambda:", b"> ", b"'{"]
_ENCODINGS = [
    "utf-16",
    "utf-16-be",
    "utf-32",
    "gb18030",
    "big5",
    "shift_jis",
    "cp1251",
    "latin-1",
    "utf-7",
    "cp037",
]

Mutator = Callable[[bytes, random.Random], bytes]


def flip_bits(data: bytes, chance: random.Random) -> bytes:
    """Turn over up to twenty bits."""
    spoilt = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def overwrite(data: bytes, chance: random.Random) -> bytes:
    """Write noise, zeros or ones over a run of bytes."""
    start, length = chance.randrange(len(data)), chance.choice([1, 2, 8, 64, 512])
    noise = chance.choice([chance.randbytes(length), bytes(length), b"\xff" * length])
    return data[:start] + noise + data[start + length :]


def cut(data: bytes, chance: random.Random) -> bytes:
    """Take away the end, the beginning or a block."""
    one, other = sorted((chance.randrange(len(data)), chance.randrange(len(data) + 1)))
    return chance.choice([data[:one], data[one:], data[:one] + data[other:]])


def repeat(data: bytes, chance: random.Random) -> bytes:
    """Repeat a block, or place it elsewhere."""
    one, other = sorted((chance.randrange(len(data)), chance.randrange(len(data) + 1)))
    at = chance.randrange(len(data))
    return data[:at] + data[one:other] * chance.choice([1, 2, 30]) + data[at:]


def splice(data: bytes, chance: random.Random) -> bytes:
    """Go on as another file from somewhere on."""
    other = chance.choice(seeds()).data
    return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]


def claim(data: bytes, chance: random.Random) -> bytes:
    """Write a huge number somewhere, where it may be a length."""
    value, order = chance.choice(_HUGE), chance.choice("<>")
    number = struct.pack(f"{order}{'Q' if value >> 32 or chance.random() < 0.3 else 'I'}", value)
    at = chance.randrange(len(data))
    return data[:at] + number + data[at + len(number) :]


def insert(data: bytes, chance: random.Random) -> bytes:
    """Put in what no text holds."""
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(_ODDITIES) + data[at:]


def nest(data: bytes, chance: random.Random) -> bytes:
    """Put in brackets, tags or operators by the thousand, closed by nothing."""
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(_NESTED) * chance.choice([30, 300, 3000]) + data[at:]


def lengthen(data: bytes, chance: random.Random) -> bytes:
    """Put in a long line, or a hundred thousand columns."""
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice([b"x", b",", b"\t", b'"', b" ", b"\n", b"a,"]) * 100_000 + data[at:]


def recode(data: bytes, chance: random.Random) -> bytes:
    """Write the text in another encoding."""
    return data.decode("utf-8", "replace").encode(chance.choice(_ENCODINGS), "replace")


MUTATORS: list[Mutator] = [
    flip_bits, flip_bits, overwrite, cut, repeat, splice, claim, claim, insert, nest, lengthen, recode,
]  # fmt: skip
CONTAINERS = ["", "", "", ".gz", ".zst", ".zip"]


def packed(name: str, data: bytes, ending: str) -> tuple[str, bytes]:
    """Return a file in a container."""
    match ending:
        case ".gz":
            return name + ending, gzip.compress(data, 1, mtime=0)
        case ".zst":
            return name + ending, zst(data)
        case ".zip":
            return "packed.zip", zipped({name: data, "beside.txt": b"good"})
    return name, data


def spoil(seed: Seed, chance: random.Random) -> tuple[str, bytes]:
    """Return the name and bytes of a spoilt file: spoilt first, in its container, or both."""
    name, data = seed.name, seed.data
    ending = chance.choice(CONTAINERS) if name != "a.zip" else ""
    for _ in range(chance.choice([1, 1, 2, 3])):
        data = chance.choice(MUTATORS)(data, chance) or b"x"
    name, data = packed(name, data, ending)
    if ending and chance.random() < 0.4:
        data = chance.choice(MUTATORS)(data, chance)
    return name, data
