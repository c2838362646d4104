"""Document shards: what is written is what is read, in any number of parts and row groups."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from domainstudio.corpus import documents
from domainstudio.corpus.documents import (
    ShardWriter,
    language_of,
    read_documents,
    read_facts,
    read_texts,
    shards_of,
)
from domainstudio.corpus.hashing import content_hash
from domainstudio.corpus.heldout import HeldOutRule
from domainstudio.corpus.readers import Document

NOTHING = HeldOutRule(unit="document", below="0" * 32)
HALF = HeldOutRule(unit="document", below="8" + "0" * 31)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Document]:
    """200 documents in several parts of several row groups each; the fixture's folder is `tmp_path`."""
    monkeypatch.setattr(documents, "ROW_GROUP_BYTES", 400)
    monkeypatch.setattr(documents, "SHARD_BYTES", 3000)
    texts = [
        Document(
            f"文档 {number} " + "word 😀 " * (number % 9), f"file-{number % 3}.txt", number, f"第{number}条"
        )
        for number in range(200)
    ]
    writer = ShardWriter(tmp_path)
    for document in texts:
        writer.add(document)
    writer.close()
    assert (writer.documents, writer.characters) == (200, sum(len(document.text) for document in texts))
    return texts


def test_documents_come_back_in_order_over_parts_and_row_groups(
    tmp_path: Path, written: list[Document]
) -> None:
    shards = shards_of(tmp_path)
    assert len(shards) > 2
    assert pq.ParquetFile(shards[0]).metadata.num_row_groups > 2
    assert list(read_documents(shards)) == written


def test_facts_tell_where_each_text_lies(tmp_path: Path, written: list[Document]) -> None:
    facts = list(read_facts(tmp_path, HALF))
    rows: dict[str, list[int]] = {}
    for fact in facts:
        rows.setdefault(fact.shard, []).append(fact.row)
    found = [text for shard, numbers in rows.items() for text in read_texts(tmp_path / shard, numbers)]
    assert found == [document.text for document in written]
    for fact, document in zip(facts, written, strict=True):
        assert fact.content_hash == content_hash(document.text)
        assert (fact.characters, fact.size_bytes) == (len(document.text), len(document.text.encode()))
        assert (fact.origin, fact.position, fact.title) == (
            document.origin,
            document.position,
            document.title,
        )
        assert fact.held_out == (fact.content_hash[0] < 0x80)
    assert {fact.held_out for fact in facts} == {True, False}


@pytest.mark.parametrize("step", [1, 2, 7, 60])
def test_chosen_rows_are_read_across_row_groups(tmp_path: Path, written: list[Document], step: int) -> None:
    first, *_ = shards_of(tmp_path)
    in_first = [document.text for document in read_documents([first])]
    rows = range(step - 1, len(in_first), step)
    assert list(read_texts(first, rows)) == [in_first[row] for row in rows]
    assert list(read_texts(first, [])) == []


def test_a_stored_decision_overrules_the_rule(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path)
    for number, held_out in enumerate([True, False, None]):
        writer.add(Document(f"text {number}", "a", number), held_out)
    writer.close()
    assert [fact.held_out for fact in read_facts(tmp_path, NOTHING)] == [True, False, False]


def test_lone_surrogates_are_stored_as_question_marks(tmp_path: Path) -> None:
    """They stand in Python sources as escapes; UTF-8 cannot hold them."""
    writer = ShardWriter(tmp_path)
    writer.add(Document("before \ud800 after", "a", 1, "title \udfff"))
    writer.close()
    [document] = read_documents(shards_of(tmp_path))
    assert (document.text, document.title) == ("before ? after", "title ?")
    [fact] = read_facts(tmp_path, NOTHING)
    assert (fact.characters, fact.size_bytes) == (14, 14)


def test_no_document_makes_no_part(tmp_path: Path) -> None:
    ShardWriter(tmp_path).close()
    assert shards_of(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("第一条 为了保护公民的合法权益，制定本法。", "zh"),
        ("本法 (Civil Code) 自 2021 年起施行，适用于全国。", "zh"),
        ("日本国民は、正当に選挙された国会における代表者を通じて行動する。", "ja"),
        ("コンピューター プログラム", "ja"),
        ("대한민국은 민주공화국이다.", "ko"),
        ("The law of contract is old.", None),
        ("The word 法 means law in Chinese, and this sentence is English.", None),
        ("Закон есть закон.", None),
        ("2021-01-01 … 100 %", None),
        ("", None),
    ],
)
def test_the_script_tells_the_language_where_it_can(text: str, language: str | None) -> None:
    assert language_of(text) == language
