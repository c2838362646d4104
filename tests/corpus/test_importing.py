"""Importing: files of one source become shards, every piece of input accounted for, a rule frozen."""

import gzip
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from domainstudio.corpus import sample
from domainstudio.corpus.documents import read_documents, read_facts, shards_of
from domainstudio.corpus.facts import DocumentFacts, ImportSummary
from domainstudio.corpus.finding import files_of
from domainstudio.corpus.hashing import content_hash
from domainstudio.corpus.heldout import HeldOutRule
from domainstudio.corpus.importing import Importer
from domainstudio.corpus.readers import ReaderSettings, read_file
from domainstudio.problems import UserError

CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA", Path(__file__).parents[3] / "shared" / "data"))
WORDS = ["law", "court", "contract", "法律", "party", "clause", "duty", "right", "😀", "section"]

Import = Callable[..., tuple[ImportSummary, Path]]


@pytest.fixture
def run_import(tmp_path: Path) -> Import:
    """Import paths into a new folder and return the account and the folder."""
    number = 0

    def run(
        *paths: Path, frozen: HeldOutRule | None = None, reader: str = "auto"
    ) -> tuple[ImportSummary, Path]:
        nonlocal number
        number += 1
        folder = tmp_path / f"import-{number}"
        folder.mkdir()
        settings = ReaderSettings.model_validate({"reader": reader})
        summary = Importer(folder, settings, lambda done, total: None).run(list(paths), frozen)
        assert {file.suffix for file in folder.iterdir()} == {".parquet"}
        return summary, folder

    return run


def prose(seed: int, words: int) -> str:
    chooser = random.Random(seed)
    return "".join(
        chooser.choice(WORDS) + str(chooser.randrange(1000)) + chooser.choice([" ", " ", " ", ". ", "\n\n"])
        for _ in range(words)
    )


def lines(file: Path, texts: list[str]) -> Path:
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return file


def facts_of(summary: ImportSummary, folder: Path) -> list[tuple[str, DocumentFacts]]:
    texts = [document.text for document in read_documents(shards_of(folder))]
    return list(zip(texts, read_facts(folder, summary.rule), strict=True))


def test_many_documents_stay_whole_and_32_are_held_out(tmp_path: Path, run_import: Import) -> None:
    texts = [prose(number, 40) for number in range(400)]
    summary, folder = run_import(lines(tmp_path / "a.jsonl", texts))
    facts = facts_of(summary, folder)
    assert summary.rule.unit == "document"
    assert (summary.documents, summary.stored_documents, summary.rejected) == (400, 400, {})
    assert summary.characters == sum(map(len, texts))
    assert [text for text, _ in facts] == texts
    assert sum(fact.held_out for _, fact in facts) == 32


def test_a_frozen_rule_decides_the_same_text_the_same_way_later(tmp_path: Path, run_import: Import) -> None:
    first, folder = run_import(lines(tmp_path / "a.jsonl", [prose(number, 40) for number in range(400)]))
    later, other = run_import(
        lines(tmp_path / "b.jsonl", [prose(number, 40) for number in range(200, 800)]), frozen=first.rule
    )
    assert later.rule == first.rule
    before = {text: fact.held_out for text, fact in facts_of(first, folder)}
    after = {text: fact.held_out for text, fact in facts_of(later, other)}
    common = before.keys() & after.keys()
    assert len(common) == 200
    assert all(before[text] == after[text] for text in common)
    assert any(after[text] for text in after.keys() - common)


def test_a_source_of_few_documents_holds_out_passages(tmp_path: Path, run_import: Import) -> None:
    (tmp_path / "books").mkdir()
    books = [prose(number, 20_000) for number in range(3)]
    for number, book in enumerate(books):
        (tmp_path / "books" / f"{number}.txt").write_text(book, encoding="utf-8")
    summary, folder = run_import(tmp_path / "books")
    facts = facts_of(summary, folder)
    assert summary.rule.unit == "passage"
    assert (summary.documents, summary.stored_documents) == (3, len(facts))
    assert "".join(text for text, _ in facts) == "".join(books)
    held = [text for text, fact in facts if fact.held_out]
    assert len(held) > 3
    assert sum(map(len, held)) <= sum(map(len, books)) * 0.1
    assert all(2000 <= len(text) <= 6000 for text in held)
    assert all(summary.rule.holds_out(fact.content_hash) for _, fact in facts if fact.held_out)


def test_a_frozen_rule_of_passages_cuts_later_imports_alike(tmp_path: Path, run_import: Import) -> None:
    (tmp_path / "a.txt").write_text(prose(1, 30_000), encoding="utf-8")
    first, folder = run_import(tmp_path / "a.txt")
    texts = [prose(1, 30_000), *(prose(number, 300) for number in range(500))]
    later, other = run_import(lines(tmp_path / "b.jsonl", texts), frozen=first.rule)
    held = {text for text, fact in facts_of(first, folder) if fact.held_out}
    held_later = {text for text, fact in facts_of(later, other) if fact.held_out}
    assert held and held <= held_later
    assert later.rule == first.rule


def test_a_tiny_source_is_kept_whole_and_holds_nothing_out(tmp_path: Path, run_import: Import) -> None:
    (tmp_path / "a.txt").write_text("One short paragraph.\n", encoding="utf-8")
    summary, folder = run_import(tmp_path / "a.txt")
    [(text, fact)] = facts_of(summary, folder)
    assert (text, fact.held_out) == ("One short paragraph.\n", False)
    assert int(summary.rule.below, 16) == 0


def test_where_no_whole_document_fits_the_limit_passages_are_held_out(
    tmp_path: Path, run_import: Import
) -> None:
    """The document whose hash comes first is longer than a tenth of the source."""
    small = [f"Document {number}. " for number in range(320)]
    lowest = min(map(content_hash, small))
    giant = next(text for seed in range(10_000) if content_hash(text := prose(seed, 400)) < lowest)
    summary, folder = run_import(lines(tmp_path / "a.jsonl", [*small, giant]))
    held = [text for text, fact in facts_of(summary, folder) if fact.held_out]
    assert summary.rule.unit == "passage"
    assert 0 < sum(map(len, held)) <= 0.1 * summary.characters


def test_all_input_is_accounted_for_with_file_and_line(tmp_path: Path, run_import: Import) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"text": "one"}\n\n{"text": " "}\n{"text"\n{"body": "two"}\n')
    (folder / "b.txt").write_bytes("法律".encode("gb18030"))
    (folder / "c.txt").write_text(" \n ")
    (folder / "d.txt.gz").write_bytes(gzip.compress(b"a text " * 1000)[:-20])
    (folder / "e.txt").write_text("A text.")
    (folder / "f.txt").touch()
    summary, stored = run_import(folder)
    items = [
        item for file in files_of([folder], ReaderSettings()) for item in read_file(file, ReaderSettings())
    ]
    assert summary.documents + sum(summary.rejected.values()) == len(items)
    assert summary.files == 6
    assert [text for text, _ in facts_of(summary, stored)] == ["one", "A text."]
    assert summary.rejected == {
        "empty": 3,
        "bad_json": 1,
        "missing_text": 1,
        "bad_encoding": 1,
        "unreadable": 1,
    }
    assert [(Path(row.origin).name, row.position, row.reason) for row in summary.listed_rejections] == [
        ("a.jsonl", 3, "empty"), ("a.jsonl", 4, "bad_json"), ("a.jsonl", 5, "missing_text"),
        ("b.txt", 0, "bad_encoding"), ("c.txt", 0, "empty"), ("d.txt.gz", 0, "unreadable"),
        ("f.txt", 0, "empty"),
    ]  # fmt: skip


def test_the_list_of_rejections_is_bounded_and_the_counts_are_not(tmp_path: Path, run_import: Import) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "good"}\n' + "{bad\n" * 1500)
    summary, _ = run_import(tmp_path / "a.jsonl")
    assert summary.rejected == {"bad_json": 1500}
    assert len(summary.listed_rejections) == 1000


@pytest.mark.parametrize(
    ("data", "place", "reason"), [('{"body": "elsewhere"}\n', 1, "missing_text"), ("", 0, "empty")]
)
def test_files_without_any_document_are_refused_with_the_first_reason(
    tmp_path: Path, data: str, place: int, reason: str
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(data)
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError) as refusal:
        Importer(tmp_path / "out", ReaderSettings(), lambda done, total: None).run([file], None)
    assert refusal.value.problem.code == "corpus.no_documents"
    assert f"{file}:{place}" in str(refusal.value)
    assert reason in str(refusal.value)


def test_a_file_name_in_another_encoding_is_imported(tmp_path: Path, run_import: Import) -> None:
    folder = tmp_path / "names"
    folder.mkdir()
    name = os.fsdecode("合同法".encode("gb18030"))
    (folder / f"{name}.txt").write_text("A contract.")
    (folder / f"{name}.jsonl").write_text("no json\n")
    summary, stored = run_import(folder)
    assert [text for text, _ in facts_of(summary, stored)] == ["A contract."]
    assert ImportSummary.model_validate_json(summary.model_dump_json()) == summary


def test_an_import_can_be_stopped_between_files(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text("text")
    (tmp_path / "out").mkdir()
    seen = []

    class Asked(Exception):
        pass

    def report(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise Asked

    with pytest.raises(Asked):
        Importer(tmp_path / "out", ReaderSettings(), report).run([tmp_path], None)
    assert seen == [(0, 4), (1, 4), (2, 4)]


def test_the_sample_is_a_fixed_slice_of_the_sources_on_this_machine(run_import: Import) -> None:
    whole, eighth = sample.general_files(), sample.general_files(every=8)
    assert eighth == sample.general_files(every=8)
    assert set(eighth) < set(whole)
    assert len(whole) / 12 < len(eighth) < len(whole) / 5
    assert eighth[-1].name == "topics.py" and eighth[-1] not in eighth[:-1]
    summary, _ = run_import(eighth[-1], reader="docstrings")
    assert summary.documents > 70 and not summary.rejected


@pytest.mark.skipif(not CORPORA.is_dir(), reason="DOMAINSTUDIO_CORPORA names no folder of real text")
def test_a_chinese_corpus_is_imported_whole(run_import: Import) -> None:
    file = CORPORA / "general_zh.jsonl.gz"
    summary, folder = run_import(file)
    facts = list(read_facts(folder, summary.rule))
    with gzip.open(file, "rt", encoding="utf-8") as rows:
        texts = [json.loads(row)["text"] for row in rows]
    assert summary.rule.unit == "document"
    assert (summary.documents, summary.rejected) == (len(texts), {})
    assert sum(fact.characters for fact in facts) == sum(map(len, texts))
    assert sum(fact.language == "zh" for fact in facts) > 0.95 * len(facts)
    held = sum(fact.characters for fact in facts if fact.held_out)
    assert 0 < held <= 0.1 * summary.characters
