"""Bad files, in short: some hundred spoilt ones and every hostile one; what was found once stays mended."""

import inspect
import json
from pathlib import Path

import pyarrow as pa
import pytest
from faults.bad_files import arrow, table, zipped
from faults.hostile_files import HOSTILE
from faults.mutations import failures_of, try_hostile, try_spoilt
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.corpus.documents import ShardWriter, read_documents, shards_of
from domainstudio.corpus.finding import files_of
from domainstudio.corpus.hashing import content_hash
from domainstudio.corpus.importing import Importer
from domainstudio.corpus.readers import Document, ReaderSettings, archives, read_file
from domainstudio.corpus.readers.docstrings import cleaned
from domainstudio.problems import UserError

AUTO = ReaderSettings()


def test_spoilt_files_are_kept_or_rejected_within_bounds_and_the_counts_agree() -> None:
    outcomes = try_spoilt(cases=300, seed=4)
    assert failures_of(outcomes) == []
    assert len(outcomes) == 300
    assert len({one.reader for one in outcomes}) > 25
    assert sum(one.kept for one in outcomes) and sum(bool(one.rejected) for one in outcomes) > 100


def test_hostile_files_come_to_what_they_deserve() -> None:
    outcomes = try_hostile(is_long=False)
    assert failures_of(outcomes) == []
    assert [one.case for one in outcomes] == [one.name for one in HOSTILE]


def test_an_import_of_hostile_files_keeps_their_neighbours_and_its_account_can_be_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    names = ("header.csv", "offsets.arrow", "views.arrow", "quopri.html", "window.txt.zst", "nested.zip")
    for one in HOSTILE:
        if one.name in names:
            (tmp_path / "in" / one.name).write_bytes(one.build(one.size))
    for name in ("a.txt", "p.txt", "z.txt"):
        (tmp_path / "in" / name).write_text("good")
    summary = Importer(tmp_path / "out", AUTO, lambda done, total: None).run([tmp_path / "in"], None)
    assert summary.documents == 3
    assert {Path(one.origin).name for one in summary.listed_rejections} >= {*names[:-1]}
    assert json.loads(summary.model_dump_json())["files"] == len(names) + 3


@pytest.mark.parametrize("name", ["a\0.arrow", "a" * 300 + ".arrow", "..", "", "a/b.arrow"])
def test_a_saved_dataset_that_names_no_possible_file_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "dataset_info.json").write_text("{}")
    (tmp_path / "saved" / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    (tmp_path / "good.txt").write_text("good")
    assert files_of([tmp_path], AUTO) == [tmp_path / "good.txt"]


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b"])
def test_a_path_that_no_system_has_is_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as refusal:
        files_of([tmp_path / name], AUTO)
    assert refusal.value.problem.code == "corpus.path_missing"


def test_a_megabyte_of_combining_marks_is_hashed_and_spelling_still_does_not_count() -> None:
    noise = "a" + "\u0301\u0316" * 500_000
    assert content_hash(noise) != content_hash(noise + "b")
    decomposed = "Vie\u0323\u0302t Nam " * 1000
    assert content_hash(decomposed) == content_hash("Việt Nam " * 1000)


@given(st.text(st.sampled_from(" \t\n\fax\x0b"), max_size=40))
def test_a_docstring_is_cleaned_as_python_does(docstring: str) -> None:
    assert cleaned(docstring) == inspect.cleandoc(docstring)


def test_a_source_beyond_the_limit_is_rejected_and_not_cut(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"x = 1\n" * (2 << 20))
    assert [getattr(item, "reason", "") for item in read_file(file, ReaderSettings(reader="docstrings"))] == [
        "too_large"
    ]


def test_many_long_documents_are_gone_through_with_little_memory(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path)
    for number in range(24):
        writer.add(Document(f"{number} " + "word " * 200_000, "a.txt", number))
    writer.close()
    before, most = pa.total_allocated_bytes(), 0
    for _ in read_documents(shards_of(tmp_path)):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 8_000_000


def test_a_full_disk_while_a_member_is_copied_is_no_fault_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"a.arrow": arrow(table(), is_file=False)}))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archives.shutil, "copyfileobj", full)
    with pytest.raises(UserError) as refusal:
        list(read_file(tmp_path / "a.zip", AUTO))
    assert refusal.value.problem.code.startswith("project.")
