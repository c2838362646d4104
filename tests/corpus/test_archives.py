"""Compressed files and zip archives: read member by member, never beyond what they may expand to."""

import gzip
import io
import json
import stat
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domainstudio.corpus.readers import Document, Item, ReaderSettings, archives, compressed, read_file

AUTO = ReaderSettings()
ROWS = b"".join(
    json.dumps({"text": f"row {number} " + "x" * (number % 97)}).encode() + b"\n" for number in range(5000)
)


def archive(file: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return file


def found(file: Path) -> list[tuple[str, str]]:
    """Return (member, text or reason) of all items."""
    return [
        (item.origin.partition("!")[2], item.text if isinstance(item, Document) else item.reason)
        for item in read_file(file, AUTO)
    ]


def documents(items: list[Item]) -> int:
    return sum(isinstance(item, Document) for item in items)


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a small bomb exceeds."""
    monkeypatch.setattr(compressed, "EXPANSION_FLOOR_BYTES", 100_000)


def zst_bytes(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data).to_pybytes()


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".zst", zst_bytes)])
def test_compressed_lines_are_read_and_a_break_is_named(tmp_path: Path, ending: str, pack: object) -> None:
    assert callable(pack)
    file, data = tmp_path / f"a.jsonl{ending}", pack(ROWS)
    file.write_bytes(data + data)  # two members, or frames, one after the other
    assert documents(list(read_file(file, AUTO))) == 10_000
    file.write_bytes(data + data[: len(data) * 2 // 3])
    *before, last = read_file(file, AUTO)
    assert 5000 <= documents(before) < 10_000
    assert not isinstance(last, Document) and last.reason == "unreadable"
    file.write_bytes(b"no such thing")
    assert found(file) == [("", "unreadable")]


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".zst", zst_bytes)])
def test_a_compressed_bomb_is_defused(tmp_path: Path, ending: str, pack: object) -> None:
    assert callable(pack)
    file = tmp_path / f"a.jsonl{ending}"
    file.write_bytes(pack(b'{"text": "' + b"0" * 9_000_000 + b'"}'))
    assert found(file) == [("", "too_large")]


def test_members_are_read_by_the_readers_of_files(tmp_path: Path) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ["cell"]}), sink)
    members = {
        "deep/a.txt": b"plain",
        "b.jsonl": b'{"text": "line"}\n{"text"\n',
        "c.parquet": sink.getvalue(),
        "d.jsonl.gz": gzip.compress(b'{"text": "packed"}'),
        "e.txt.zst": zst_bytes(b"frame"),
        "f.html": b"<p>page</p>",
        "g.png": b"not read",
        "h.parquet.gz": b"",
        "__MACOSX/a.txt": b"not read",
        ".hidden/a.txt": b"not read",
        "empty/": b"",
        "i.txt": b"",
    }
    assert found(archive(tmp_path / "a.zip", members)) == [
        ("deep/a.txt", "plain"), ("b.jsonl", "line"), ("b.jsonl", "bad_json"), ("c.parquet", "cell"),
        ("d.jsonl.gz", "packed"), ("e.txt.zst", "frame"), ("f.html", "page"), ("h.parquet.gz", "unreadable"),
        ("i.txt", "empty"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["../a.txt", "/etc/a.txt", "a/../../b.txt", "..\\a.txt", "C:\\a.txt", "C:a.txt", "\\\\host\\a.txt"],
)
def test_a_member_that_leads_out_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    file = archive(tmp_path / "in" / "a.zip", {name: b"evil", "good.txt": b"good"})
    before = sorted(tmp_path.rglob("*"))
    assert [what for _, what in found(file)] == ["unsafe_name", "good"]
    assert sorted(tmp_path.rglob("*")) == before


def test_links_encrypted_members_and_nested_archives_are_refused(tmp_path: Path) -> None:
    file = archive(tmp_path / "a.zip", {"inner.zip": b"PK", "inner.tar": b"", "good.txt": b"good"})
    with zipfile.ZipFile(file, "a") as target:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(link, "/etc/passwd")
    data = bytearray(file.read_bytes())
    assert found(file) == [
        ("inner.zip", "nested_archive"), ("inner.tar", "nested_archive"), ("good.txt", "good"),
        ("link.txt", "unsafe_name"),
    ]  # fmt: skip
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(b"good.txt") - (30 if header == b"PK\x03\x04" else 46)
        at = (
            data.find(header, max(0, at))
            if header == b"PK\x03\x04"
            else data.rfind(header, 0, data.rfind(b"good.txt"))
        )
        data[at + flags] |= 1
    file.write_bytes(data)
    assert ("good.txt", "unreadable") in found(file)


@pytest.mark.usefixtures("tight")
def test_a_bomb_in_an_archive_is_defused_and_its_neighbours_are_read(tmp_path: Path) -> None:
    file = archive(tmp_path / "a.zip", {"a.txt": b"good", "b.txt": b"0" * 3_000_000, "c.txt": b"good"})
    assert found(file)[0] == ("a.txt", "good")
    assert ("b.txt", "too_large") in found(file)


def test_all_members_together_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "EXPANSION_LIMIT_BYTES", 100_000)
    file = archive(tmp_path / "a.zip", {f"{number}.txt": b"word " * 8000 for number in range(10)})
    reasons = [what for _, what in found(file) if not what.startswith("word")]
    assert reasons == ["too_large", "too_large"]
    assert found(file)[-1][0] == ""


def test_one_member_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBER_BYTES", 10_000)
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": [str(number) * 9 for number in range(9000)]}), sink)
    file = archive(tmp_path / "a.zip", {"a.parquet": sink.getvalue(), "b.txt": b"good"})
    assert found(file) == [("a.parquet", "too_large"), ("b.txt", "good")]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_names_written_by_old_programs_are_shown_right(tmp_path: Path, encoding: str) -> None:
    file = archive(tmp_path / "a.zip", {"xxxx.txt": b"text"})
    name = "合同".encode(encoding)
    data = file.read_bytes()
    if encoding == "gb18030":
        file.write_bytes(data.replace(b"xxxx", name))
        assert found(file) == [("合同.txt", "text")]
    else:
        assert found(archive(file, {"合同.txt": b"text"})) == [("合同.txt", "text")]


@settings(deadline=None, max_examples=100)
@given(st.floats(0, 1), st.binary(max_size=12))
def test_damage_never_stops_an_import(
    tmp_path_factory: pytest.TempPathFactory, place: float, noise: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.zip"
    archive(file, {"a.txt": b"one " * 50, "b.jsonl": ROWS[:3000]})
    data = file.read_bytes()
    at = int(len(data) * place)
    file.write_bytes(data[:at] + noise + data[at + len(noise) :])
    assert all(item.origin.startswith(str(file)) for item in read_file(file, AUTO))


def test_an_empty_archive_and_one_without_texts_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"")
    assert found(tmp_path / "a.zip") == [("", "empty")]
    assert found(archive(tmp_path / "b.zip", {"a.png": b"1"})) == [("", "empty")]
