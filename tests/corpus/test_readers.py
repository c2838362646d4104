"""Readers: whatever lies in a file becomes documents or rejections that name file and place."""

import gzip
import json
import os
from codecs import BOM_UTF8
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domainstudio.corpus.finding import files_of, name_of
from domainstudio.corpus.readers import (
    Document,
    Item,
    ReaderSettings,
    Rejection,
    jsonl,
    read_file,
    text,
)
from domainstudio.problems import UserError

AUTO = ReaderSettings()
DOCSTRINGS = ReaderSettings(reader="docstrings")
LONG = "It has more than eighty characters, because a shorter docstring says too little to be a document."


def read(file: Path, data: bytes, settings: ReaderSettings = AUTO) -> list[Item]:
    file.write_bytes(gzip.compress(data, 1) if file.suffix.lower() == ".gz" else data)
    return list(read_file(file, settings))


def texts(items: list[Item]) -> list[str]:
    assert all(isinstance(item, Document) for item in items), items
    return [item.text for item in items if isinstance(item, Document)]


def reasons(items: list[Item]) -> list[tuple[str, int]]:
    assert all(isinstance(item, Rejection) for item in items), items
    return [(item.reason, item.position) for item in items if isinstance(item, Rejection)]


@pytest.mark.parametrize("name", ["a.txt", "a.TXT", "a.txt.gz", "a.TXT.GZ"])
@pytest.mark.parametrize("mark", [b"", BOM_UTF8])
def test_a_text_file_is_one_document_without_its_byte_order_mark(
    tmp_path: Path, name: str, mark: bytes
) -> None:
    [document] = read(tmp_path / name, mark + "第一段。\r\n\r\nSecond 😀".encode())
    assert document == Document("第一段。\r\n\r\nSecond 😀", str(tmp_path / name), 0)


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz"])
@pytest.mark.parametrize("mark", [b"", BOM_UTF8])
def test_a_json_line_is_a_document_with_its_line_number_and_title(
    tmp_path: Path, name: str, mark: bytes
) -> None:
    data = mark + '{"text": "法律", "title": "Law"}\n\n  \r\n{"text": "two", "title": 7}'.encode()
    origin = str(tmp_path / name)
    assert read(tmp_path / name, data) == [Document("法律", origin, 1, "Law"), Document("two", origin, 4)]


def test_the_text_field_can_have_another_name(tmp_path: Path) -> None:
    settings = ReaderSettings(text_field="answer")
    assert texts(read(tmp_path / "a.jsonl", b'{"text": "no", "answer": "yes"}', settings)) == ["yes"]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.jsonl", "a.jsonl.gz"])
def test_an_empty_file_is_named(tmp_path: Path, name: str) -> None:
    assert reasons(read(tmp_path / name, b"")) == [("empty", 0)]
    (tmp_path / name).write_bytes(b"")
    assert reasons(list(read_file(tmp_path / name, AUTO))) == [("empty", 0)]


@pytest.mark.parametrize("mark", [b"", BOM_UTF8])
def test_text_in_another_encoding_is_rejected_at_its_first_wrong_byte(tmp_path: Path, mark: bytes) -> None:
    data = mark + b"plain " + "法律".encode("gb18030")
    assert reasons(read(tmp_path / "a.txt", data)) == [("bad_encoding", len(mark) + 6)]


def test_json_in_another_encoding_is_rejected_as_such_line_by_line(tmp_path: Path) -> None:
    data = b'{"text": "one"}\n' + '{"text": "法律"}\n'.encode("gb18030") + b'{"text": "three"}\n'
    one, two, three = read(tmp_path / "a.jsonl", data)
    assert texts([one, three]) == ["one", "three"]
    assert reasons([two]) == [("bad_encoding", 2)]


def test_lines_that_are_no_documents_are_rejected_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = [
        '{"text": "good"}', '{"text": "torn', '{"body": "elsewhere"}', '{"text": null}', '["text"]', '"text"',
        r'{"text": "\ud800 alone"}', r'{"text": "\ud83d\ude00 a pair"}',
    ]  # fmt: skip
    items = read(tmp_path / "a.jsonl", "\n".join(lines).encode())
    assert texts([items[0], items[7]]) == ["good", "😀 a pair"]
    assert reasons(items[1:7]) == [
        ("bad_json", 2), ("missing_text", 3), ("missing_text", 4), ("missing_text", 5), ("missing_text", 6),
        ("bad_json", 7),
    ]  # fmt: skip
    assert {item.origin for item in items} == {str(tmp_path / "a.jsonl")}


def test_a_line_beyond_the_limit_is_rejected_once_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "LINE_BYTES", 64)
    rows = ["short", "x" * 500, "after", "y" * 64]
    items = read(tmp_path / "a.jsonl", "\n".join(json.dumps({"text": row}) for row in rows).encode())
    assert texts([items[0], items[2]]) == ["short", "after"]
    assert reasons([items[1], items[3]]) == [("too_long", 2), ("too_long", 4)]


@pytest.mark.parametrize("kept", [0.3, 0.999])
@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.txt.gz"])
def test_a_truncated_archive_is_one_rejection_after_what_could_be_read(
    tmp_path: Path, name: str, kept: float
) -> None:
    rows = b"".join(
        orjson.dumps({"text": f"{number} {os.urandom(60).hex()}"}) + b"\n" for number in range(900)
    )
    whole = gzip.compress(rows)
    (tmp_path / name).write_bytes(whole[: int(len(whole) * kept)])
    *before, last = read_file(tmp_path / name, AUTO)
    assert reasons([last]) == [("unreadable", 0)]
    assert last.origin == str(tmp_path / name)
    if name == "a.jsonl.gz":
        assert 100 < len(texts(before)) < 900


def test_a_corrupted_archive_is_rejected_and_does_not_end_the_import(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(b"hello world, this is a text. " * 2000))
    data[20:30] = b"\xff" * 10
    (tmp_path / "a.txt.gz").write_bytes(data)
    assert reasons(list(read_file(tmp_path / "a.txt.gz", AUTO))) == [("unreadable", 0)]


def test_a_plain_file_named_gz_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(b"not compressed at all")
    assert reasons(list(read_file(tmp_path / "a.txt.gz", AUTO))) == [("unreadable", 0)]


def test_a_file_that_vanished_is_rejected(tmp_path: Path) -> None:
    assert reasons(list(read_file(tmp_path / "gone.txt", AUTO))) == [("unreadable", 0)]


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300), st.sampled_from(["a.txt", "a.jsonl", "a.txt.gz", "a.jsonl.gz", "a.py"]))
@example(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff", "a.txt.gz")
@example(b"-" * 300 + b"1", "a.py")
@example(b"a\x00b", "a.py")
@example(b"# coding: nonsense\n", "a.py")
@example(b"[" * 300, "a.jsonl")
def test_no_content_stops_the_import(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    file = tmp_path_factory.getbasetemp() / name
    file.write_bytes(data)
    for item in read_file(file, DOCSTRINGS if name == "a.py" else AUTO):
        assert item.origin == str(file)


ROWS = {
    "document": st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(
        lambda value: orjson.dumps({"text": value})
    ),
    "missing_text": st.integers().map(lambda value: json.dumps({"text": value}).encode()),
    "bad_json": st.sampled_from([b"{", b'{"text": 1', b"text", b"\xef\xbb\xbf{}"]),
    "bad_encoding": st.just(b'{"text": "\xff\xfe"}'),
    "blank": st.sampled_from([b"", b"  ", b"\t"]),
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(sorted(ROWS)).flatmap(lambda kind: st.tuples(st.just(kind), ROWS[kind]))))
def test_every_line_that_is_not_blank_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, bytes]]
) -> None:
    first = ("blank", b"")  # a byte order mark is right on line 1, and wrong anywhere else
    lines = [first, *rows]
    items = read(tmp_path_factory.getbasetemp() / "rows.jsonl", b"\n".join(line for _, line in lines))
    found = [("document" if isinstance(item, Document) else item.reason, item.position) for item in items]
    expected = [(kind, number) for number, (kind, _) in enumerate(lines, 1) if kind != "blank"]
    assert found == (expected or [("empty", 0)])


def test_a_long_text_is_cut_between_paragraphs(tmp_path: Path) -> None:
    paragraphs = [
        f"第{number}段。" + "Words and 字 and 😀.\n" * (number % 90) + "\n\n" for number in range(2500)
    ]
    whole = "".join(paragraphs)
    assert len(whole.encode()) > 2 * text.PIECE_BYTES
    for name in ("a.txt", "a.txt.gz"):
        items = read(tmp_path / name, whole.encode())
        pieces = texts(items)
        assert len(pieces) > 2
        assert "".join(pieces) == whole
        assert all(piece.endswith("\n\n") for piece in pieces)
        assert [item.position for item in items] == [
            len("".join(pieces[:number]).encode()) for number in range(len(pieces))
        ]


@pytest.mark.parametrize("letter", ["é", "中", "😀"])
def test_a_long_text_without_any_space_is_cut_between_characters(tmp_path: Path, letter: str) -> None:
    for shift in range(4):
        whole = "a" * shift + letter * (text.PIECE_BYTES // 2)
        assert "".join(texts(read(tmp_path / "a.txt", whole.encode()))) == whole


@settings(deadline=None, max_examples=300)
@given(
    st.text(st.one_of(st.sampled_from("\n .中😀é"), st.characters(exclude_categories=["Cs"])), max_size=200),
    st.integers(8, 40),
    st.booleans(),
)
def test_pieces_joined_are_the_file(
    tmp_path_factory: pytest.TempPathFactory, whole: str, piece_bytes: int, marked: bool
) -> None:
    whole = whole.lstrip("\ufeff")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "PIECE_BYTES", piece_bytes)
        data = BOM_UTF8 * marked + whole.encode()
        items = read(tmp_path_factory.getbasetemp() / "whole.txt", data)
    assert "".join(texts(items) if whole else []) == whole


def test_docstrings_are_read_and_nothing_is_run(tmp_path: Path) -> None:
    witness = tmp_path / "imported"
    source = f'''
"""The module. {LONG}"""
open({str(witness)!r}, "w").close()
class Cat:
    """A cat. {LONG}"""
    async def purr(self):
        """Purr. {LONG}"""
    def short(self):
        """Too short."""
    PATTERN = "\\d"
def walk():
    "Walk. {LONG}"
'''
    items = read(tmp_path / "a.py", source.encode(), DOCSTRINGS)
    found = {
        item.title: (item.text.split(".")[0], item.position) for item in items if isinstance(item, Document)
    }
    assert found == {"": ("The module", 1), "Cat": ("A cat", 4), "purr": ("Purr", 6), "walk": ("Walk", 11)}
    assert len(items) == 4
    assert not witness.exists()


def test_a_top_level_dict_of_texts_is_read_as_topics(tmp_path: Path) -> None:
    source = f"topics = {{'assert': 'Assert. {LONG}', 'if': 'short', 3: '{LONG}', **{{}}, 'x': len}}\n"
    [document] = read(tmp_path / "topics.py", source.encode(), DOCSTRINGS)
    assert isinstance(document, Document)
    assert (document.title, document.position) == ("assert", 1)


def test_a_syntax_error_is_a_rejection_with_its_line(tmp_path: Path) -> None:
    assert reasons(read(tmp_path / "a.py", b"x = 1\ndef (:\n", DOCSTRINGS)) == [("bad_syntax", 2)]


def test_files_are_found_below_folders_once_and_in_order(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/10.jsonl.gz", "a.ndjson", "skip.pdf", "c.py", ".hidden/x.txt", "b/x.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = files_of([tmp_path, tmp_path / "b"], AUTO)
    assert [file.relative_to(tmp_path).as_posix() for file in found] == [
        "a.ndjson",
        "b/10.jsonl.gz",
        "b/2.txt",
    ]
    assert [file.name for file in files_of([tmp_path], DOCSTRINGS)] == ["c.py"]


def test_a_link_is_read_by_its_own_name(tmp_path: Path) -> None:
    """As in the cache of the Hugging Face hub, whose files are links to nameless blobs."""
    (tmp_path / "blob").write_text('{"text": "linked"}')
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "data.jsonl").symlink_to(tmp_path / "blob")
    [file] = files_of([tmp_path / "snapshot"], AUTO)
    assert texts(list(read_file(file, AUTO))) == ["linked"]


@pytest.mark.parametrize(
    ("name", "code"), [("nowhere", "corpus.path_missing"), ("image.png", "corpus.no_files")]
)
def test_a_path_without_anything_to_read_is_refused_by_name(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "image.png").touch()
    with pytest.raises(UserError) as refusal:
        files_of([tmp_path / name], AUTO)
    assert refusal.value.problem.code == code
    assert str(tmp_path / name) in str(refusal.value)


@pytest.mark.skipif(os.name != "posix", reason="pipes are files on POSIX alone")
def test_a_pipe_or_a_link_to_itself_does_not_hang_the_import(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    (tmp_path / "text.txt").write_text("words")
    assert [file.name for file in files_of([tmp_path], AUTO)] == ["loop.txt", "text.txt"]
    with pytest.raises(UserError, match="no file to read"):
        files_of([tmp_path / "pipe.txt"], AUTO)


def test_a_default_name_can_be_written_whatever_the_folder_is_called(tmp_path: Path) -> None:
    assert name_of(tmp_path / os.fsdecode(b"caf\xe9")) == "caf\N{REPLACEMENT CHARACTER}"
