"""Markdown, tables, Parquet, Arrow, saved datasets and web pages: whole, and broken as files break."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domainstudio.corpus.finding import files_of, name_of
from domainstudio.corpus.readers import Document, Item, ReaderSettings, Rejection, delimited, html, read_file
from domainstudio.problems import UserError

AUTO = ReaderSettings()
PAGE = """<!DOCTYPE html><html><head><title> A
 page </title><style>p {}</style></head><body><nav>Menu</nav><h1>Head</h1><script>var x = 1</script>
<p>First <b>bold</b>
line.<br>Second.</p><form><input><button>Go</button>Search</form><table><tr><th>Item</th><th></th><th>2024</th></tr>
<tr><td><div>Net sales</div></td><td>$</td><td>391,035</td><td>)</td></tr></table><pre>a  b
c</pre><div style="display:none">hidden</div><footer>Imprint</footer></body></html>"""


def read(file: Path, data: bytes | str, settings: ReaderSettings = AUTO) -> list[Item]:
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(read_file(file, settings))


def rows(items: list[Item]) -> list[tuple[object, ...]]:
    return [
        (item.text, item.position) if isinstance(item, Document) else (item.reason, item.position)
        for item in items
    ]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("---\ntitle: A\ntags: [b]\n---\n# Head\n", "# Head\n"),
        ("---\r\ntitle: A\r\n...\r\nText", "Text"),
        ("# Head\n\n---\ntitle: B\n---\n", "# Head\n\n---\ntitle: B\n---\n"),
        ("---\n\nA ruler, then text.\n\n---\n", "---\n\nA ruler, then text.\n\n---\n"),
        ("---\ntitle: never closed\n", "---\ntitle: never closed\n"),
    ],
)
def test_markdown_is_kept_as_written_without_front_matter(tmp_path: Path, written: str, kept: str) -> None:
    assert rows(read(tmp_path / "a.md", written)) == [(kept, 0)]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_gives_its_text_column(tmp_path: Path, mark: str) -> None:
    written = (
        mark.join(("id", "title", "text")) + "\n" + mark.join(("1", "T", '"one, ""1"";\nline\t2"')) + "\n"
    )
    written += mark.join(("2", "U", "法律")) + "\n"
    one, two = read(tmp_path / "a.csv", written)
    assert one == Document('one, "1";\nline\t2', str(tmp_path / "a.csv"), 2, "T")
    assert two == Document("法律", str(tmp_path / "a.csv"), 4, "U")


def test_rows_of_another_width_are_rejected_with_their_line_and_the_rest_is_read(tmp_path: Path) -> None:
    items = read(tmp_path / "a.csv", b'text,n\none,1\ntwo\n\nthree,3,3\nfo\xffur,4\n"fi\nve",5\n')
    assert rows(items) == [("one", 2), ("bad_row", 3), ("bad_row", 5), ("bad_encoding", 6), ("fi\nve", 7)]


def test_a_table_without_the_column_is_one_rejection_that_names_those_there_are(tmp_path: Path) -> None:
    [rejection] = read(tmp_path / "a.csv", "name;body\na;b\nc;d\n")
    assert rejection == Rejection(str(tmp_path / "a.csv"), 1, "missing_text", "text: name, body")
    assert rows(read(tmp_path / "a.csv", "name;body\na;b\n", ReaderSettings(text_field="body"))) == [("b", 2)]


def test_an_unclosed_quotation_mark_does_not_swallow_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "FIELD_CHARACTERS", 1000)
    items = read(tmp_path / "a.csv", 'text,n\none,1\n"open,2\n' + "x,3\n" * 1000)
    assert rows(items) == [("one", 2), ("unreadable", 0)]
    assert rows(read(tmp_path / "b.csv", "text,n\none,1\n" + "x" * 5000)) == [("one", 2), ("unreadable", 0)]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("第一条 为了保护公民的合法权益，制定本法。公民的权利受法律保护。", "gb18030"),
        ("人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神對待。", "big5"),
        ("Все люди рождаются свободными и равными в своем достоинстве и правах.", "cp1251"),
        ("Short.", "utf-16"),
        ("法律 😀", "utf-16"),
        ("法律 😀", "utf-32"),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.html"])
def test_other_encodings_are_read_right(tmp_path: Path, text: str, encoding: str, name: str) -> None:
    around = {"a.csv": ("text\n", "\n"), "a.html": ("<p>", "</p>")}.get(name, ("", ""))
    [document] = read(
        tmp_path / name, (around[0] + (f'"{text}"' if name == "a.csv" else text) + around[1]).encode(encoding)
    )
    assert isinstance(document, Document) and document.text == text


def test_a_long_file_in_another_encoding_is_read_whole(tmp_path: Path) -> None:
    whole = "".join(f"第{number}条 为了保护公民的合法权益，制定本法。\n" for number in range(60_000))
    items = read(tmp_path / "a.txt", whole.encode("gb18030"))
    assert len(items) > 2
    assert "".join(item.text for item in items if isinstance(item, Document)) == whole


def test_what_stops_fitting_its_encoding_is_rejected(tmp_path: Path) -> None:
    data = ("公民的合法权益受法律保护。\n" * 9000).encode("gb18030")
    assert rows(read(tmp_path / "a.txt", data[:150_000] + b"\xff\xff" + data[150_000:])) == [
        ("bad_encoding", 0)
    ]


def table(count: int = 200) -> pa.Table:
    return pa.table(
        {
            "id": list(range(count)),
            "title": [f"T{number}" for number in range(count)],
            "text": [None if number == 7 else f"文 {number}" for number in range(count)],
        }
    )


def save(path: Path, content: pa.Table) -> Path:
    match path.suffix:
        case ".parquet":
            pq.write_table(content, path, row_group_size=50)
        case ".feather":
            feather.write_feather(content, path)
        case ".arrow":
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, content.schema) as writer:
                writer.write_table(content, max_chunksize=33)
        case _:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, content.schema) as writer:
                writer.write_table(content, max_chunksize=33)
    return path


COLUMNAR = ["a.parquet", "a.feather", "a.arrow", "a.arrows"]


@pytest.mark.parametrize("name", COLUMNAR)
def test_rows_of_columnar_files_are_documents_with_their_number(tmp_path: Path, name: str) -> None:
    items = list(read_file(save(tmp_path / name, table()), AUTO))
    assert len(items) == 200
    assert items[0] == Document("文 0", str(tmp_path / name), 1, "T0")
    assert items[199] == Document("文 199", str(tmp_path / name), 200, "T199")
    assert rows(items[7:8]) == [("missing_text", 8)]


@pytest.mark.parametrize("name", COLUMNAR)
@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_texts_may_be_stored_in_other_ways(tmp_path: Path, name: str, kind: pa.DataType) -> None:
    content = pa.table({"text": pa.array(["one", "two", "one"]).cast(kind)})
    assert rows(list(read_file(save(tmp_path / name, content), AUTO))) == [("one", 1), ("two", 2), ("one", 3)]


@pytest.mark.parametrize("name", COLUMNAR)
def test_a_column_that_is_missing_or_no_text_is_one_rejection(tmp_path: Path, name: str) -> None:
    file = save(tmp_path / name, table())
    for wanted in ("body", "id"):
        [rejection] = read_file(file, ReaderSettings(text_field=wanted))
        assert isinstance(rejection, Rejection) and rejection.reason == "missing_text"
        assert "title (string)" in rejection.detail


@pytest.mark.parametrize("name", COLUMNAR)
def test_wrong_utf8_costs_its_row_only(tmp_path: Path, name: str) -> None:
    content = pa.table({"text": pa.array([b"one", b"\xff", b"three"]).view(pa.string())})
    items = list(read_file(save(tmp_path / name, content), AUTO))
    assert rows(items) == [("one", 1), ("bad_encoding", 2), ("three", 3)]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(COLUMNAR), st.floats(0, 1), st.binary(max_size=8))
def test_damaged_columnar_files_are_rejected(tmp_path: Path, name: str, place: float, noise: bytes) -> None:
    file = save(tmp_path / name, table(20))
    data = file.read_bytes()
    at = int(len(data) * place)
    file.write_bytes(data[:at] + noise)
    assert all(item.origin == str(file) for item in read_file(file, AUTO))


@pytest.mark.parametrize("name", ["a.parquet.gz", "a.arrow.zst", "a.zip.gz"])
def test_what_must_seek_cannot_be_compressed_as_a_whole(tmp_path: Path, name: str) -> None:
    [rejection] = read(tmp_path / name, b"anything")
    assert isinstance(rejection, Rejection)
    assert rejection.reason == "unreadable" and "unpack" in rejection.detail


def dataset(folder: Path, count: int, shards: int) -> None:
    """As `Dataset.save_to_disk` lays it out."""
    folder.mkdir(parents=True)
    names = [f"data-{number:05}-of-{shards:05}.arrow" for number in range(shards)]
    for number, name in enumerate(names):
        content = pa.table({"text": [f"{folder.name} {number} {row}" for row in range(count)]})
        save(folder / name, content)
    save(folder / "cache-0123.arrow", pa.table({"text": ["left by map"]}))
    (folder / "dataset_info.json").write_text("{}")
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))


def test_a_saved_dataset_and_its_splits_are_read_without_its_caches(tmp_path: Path) -> None:
    dataset(tmp_path / "saved" / "train", 3, 2)
    dataset(tmp_path / "saved" / "test", 2, 1)
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    items = [item for file in files_of([tmp_path / "saved"], AUTO) for item in read_file(file, AUTO)]
    texts = [item.text for item in items if isinstance(item, Document)]
    assert texts == ["test 0 0", "test 0 1", *(f"train {n} {row}" for n in range(2) for row in range(3))]


def test_a_dataset_that_lacks_a_file_says_so(tmp_path: Path) -> None:
    dataset(tmp_path / "saved", 3, 2)
    (tmp_path / "saved" / "data-00001-of-00002.arrow").unlink()
    items = [item for file in files_of([tmp_path / "saved"], AUTO) for item in read_file(file, AUTO)]
    assert [kind for kind, _ in rows(items)] == ["saved 0 0", "saved 0 1", "saved 0 2", "unreadable"]


def test_a_folder_that_datasets_really_saved_is_read(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, datasets\n"
        "one = datasets.Dataset.from_dict({'text': [f'row {n}' for n in range(50)]})\n"
        "datasets.DatasetDict({'train': one}).save_to_disk(sys.argv[1], num_shards={'train': 2})\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "d")], check=True, capture_output=True)
    items = [item for file in files_of([tmp_path / "d"], AUTO) for item in read_file(file, AUTO)]
    assert [item.text for item in items if isinstance(item, Document)] == [f"row {n}" for n in range(50)]


def test_a_page_becomes_its_text_block_by_block_with_tables_as_rows(tmp_path: Path) -> None:
    [document] = read(tmp_path / "a.html", PAGE)
    assert document == Document(
        "Head\n\nFirst bold line.\nSecond.\n\nItem\t2024\nNet sales\t$391,035)\n\na b\nc",
        str(tmp_path / "a.html"),
        0,
        "A page",
    )


def test_the_thorough_way_finds_the_article(tmp_path: Path) -> None:
    article = "".join(
        f"<p>Sentence {n} of an article about the law of contract and its history.</p>" for n in range(9)
    )
    page = "<html><head><title>T</title></head><body><div class=menu>Home</div>"
    page += f"<article>{article}</article></body></html>"
    [document] = read(tmp_path / "a.html", page, ReaderSettings(html="thorough"))
    assert isinstance(document, Document)
    assert "Sentence 8" in document.text and "Home" not in document.text and document.title == "T"


def test_a_form_around_the_whole_page_is_kept(tmp_path: Path) -> None:
    [document] = read(tmp_path / "a.html", "<body><form><p>All the text there is.</p></form></body>")
    assert isinstance(document, Document) and document.text == "All the text there is."


def test_a_page_says_its_encoding(tmp_path: Path) -> None:
    page = '<html><head><meta charset="gb2312"></head><body>法律</body></html>'
    assert rows(read(tmp_path / "a.html", page.encode("gb2312"))) == [("法律", 0)]


def test_a_page_beyond_the_limit_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "PAGE_BYTES", 100)
    assert rows(read(tmp_path / "a.html", "<p>" + "x" * 200)) == [("too_large", 0)]
    assert rows(read(tmp_path / "b.html", "")) == [("empty", 0)]


def test_patterns_are_expanded_and_named_files_are_always_listed(tmp_path: Path) -> None:
    for name in ("a/1.txt", "a/b/2.txt", "a/b/3.jsonl", "a/4.pdf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def found(*patterns: str) -> list[str]:
        files = files_of([tmp_path / pattern for pattern in patterns], AUTO)
        return [file.relative_to(tmp_path).as_posix() for file in files]

    assert found("a/**/*.txt") == ["a/1.txt", "a/b/2.txt"]
    assert found("a/*") == ["a/1.txt", "a/b/2.txt", "a/b/3.jsonl"]
    assert found("a/4.pdf", "a/1.txt") == ["a/4.pdf", "a/1.txt"]
    with pytest.raises(UserError) as refusal:
        found("a/*.csv")
    assert refusal.value.problem.code == "corpus.path_missing"
    assert name_of(tmp_path / "law.jsonl.gz") == "law"
    assert name_of(tmp_path / "a" / "**" / "*.txt") == "a"
