"""Packing: every document once, in its order; neither a kill nor the number of processes shows."""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import wait_until

from domainstudio.corpus.documents import ShardWriter, shards_of
from domainstudio.corpus.readers import Document, ReaderSettings
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import follow
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.tokenizer import packing, vocabulary
from domainstudio.tokenizer.encode import EncoderChoice
from domainstudio.tokenizer.packed import PackedMeta, PackedTokens
from domainstudio.workflow.corpus import importing
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.running import commit_finished, resume
from domainstudio.workflow.tokenizer import train
from domainstudio.workflow.tokenizer.packing import ENCODER, packed, start_packing

from .conftest import TEXTS

FAST = EncoderChoice(library="tiktoken", reason="-", documents_compared=0)
SLOW = EncoderChoice(library="tokenizers", reason="-", documents_compared=0)
Files = dict[str, bytes]
Pack = Callable[..., PackedMeta]


def numbered(count: int) -> list[str]:
    return [f"{number} {text}" for number, text in enumerate(TEXTS * (count // len(TEXTS) + 1))][:count]


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three document shards of 300 documents each."""
    found = []
    for number in range(3):
        folder = tmp_path_factory.mktemp(f"import-{number}")
        writer = ShardWriter(folder)
        for text in numbered(900)[number * 300 : number * 300 + 300]:
            writer.add(Document(text, "file", 0, ""))
        writer.close()
        found += shards_of(folder)
    return found


@pytest.fixture
def pack(shards: list[Path], tokenizer_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Pack:
    """Pack every second document of the shards into a folder, in parts of at most 6,000 tokens."""
    monkeypatch.setattr(packing, "PART_TOKENS", 6000)
    monkeypatch.setattr(packing, "_BATCH_CHARACTERS", 2000)

    def run(
        folder: Path,
        processes: int = 0,
        choice: EncoderChoice = FAST,
        report: Callable[[int], None] = lambda done: None,
    ) -> PackedMeta:
        folder.mkdir(exist_ok=True)
        plans = packing.plan_source(folder, [(shard, np.arange(0, 300, 2)) for shard in shards])
        (meta,) = packing.pack({folder: plans}, tokenizer_folder, choice, report, processes)
        return meta

    return run


def files(folder: Path) -> Files:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_every_token_once_in_the_order_of_the_documents(
    tmp_path: Path, pack: Pack, tokenizer_folder: Path
) -> None:
    done: list[int] = []
    meta = pack(tmp_path / "tokens", report=done.append)
    tokens, size_bytes = PackedTokens(tmp_path / "tokens").whole_documents(meta.tokens)
    texts = numbered(900)[::2]
    loaded = vocabulary.load(tokenizer_folder)
    bodies = np.split(tokens, np.flatnonzero(tokens == meta.end_of_text) + 1)[:-1]
    assert loaded.decode_batch([body[:-1].tolist() for body in bodies]) == texts
    assert meta.bytes == size_bytes == sum(len(text.encode()) for text in texts)
    assert (meta.documents, meta.dtype, meta.vocabulary) == (450, "uint16", loaded.get_vocab_size())
    assert meta.tokenizer_sha256 == vocabulary.hash_of(tokenizer_folder)
    assert len(meta.parts) > 3
    assert all(part.tokens <= packing.PART_TOKENS for part in meta.parts)
    assert done == sorted(done) and done[-1] == 450 and len(done) > len(meta.parts)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 60))
def test_parts_take_each_row_once_and_hold_the_bound(sizes: list[int], bound: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "PART_TOKENS", bound)
        rows = np.arange(len(sizes), dtype=np.int64) * 3
        runs = list(packing.cut(rows, np.array(sizes, np.int64)))
    assert [row for run, _ in runs for row in run.tolist()] == rows.tolist()
    for run, size_bytes in runs:
        assert size_bytes == sum(sizes[row // 3] for row in run)
        assert size_bytes + len(run) <= bound or len(run) == 1


def test_neither_the_number_of_processes_nor_the_library_shows(tmp_path: Path, pack: Pack) -> None:
    pack(tmp_path / "one")
    pack(tmp_path / "slow", choice=SLOW)
    done: list[int] = []
    pack(tmp_path / "three", processes=3, report=done.append)
    assert files(tmp_path / "one") == files(tmp_path / "three") == files(tmp_path / "slow")
    assert done == sorted(done) and done[-1] == 450
    assert multiprocessing.active_children() == []


class Asked(Exception):
    pass


@pytest.mark.parametrize("processes", [0, 2])
def test_a_stopped_packing_goes_on_with_its_whole_parts(tmp_path: Path, pack: Pack, processes: int) -> None:
    pack(tmp_path / "whole")
    folder = tmp_path / "stopped"

    def stop(done: int) -> None:
        if done >= 200:
            raise Asked

    with pytest.raises(Asked):
        pack(folder, processes, report=stop)
    assert multiprocessing.active_children() == []
    assert not (folder / "meta.json").exists()
    kept = {file.with_suffix(".bin"): file.stat().st_mtime_ns for file in folder.glob("part-*.json")}
    assert processes or kept
    before = {file: file.stat().st_mtime_ns for file in kept}
    done: list[int] = []
    pack(folder, report=done.append)
    assert {file: file.stat().st_mtime_ns for file in kept} == before
    assert files(folder) == files(tmp_path / "whole")


def test_torn_parts_alone_are_made_again(tmp_path: Path, pack: Pack) -> None:
    folder = tmp_path / "tokens"
    meta = pack(folder)
    whole = files(folder)
    first = (folder / "part-00000.bin").stat().st_mtime_ns
    with (folder / "part-00001.bin").open("r+b") as file:
        file.truncate(100)
    (folder / "part-00002.json").unlink()
    done: list[int] = []
    pack(folder, report=done.append)
    assert files(folder) == whole
    assert (folder / "part-00000.bin").stat().st_mtime_ns == first
    assert done[0] == meta.parts[0].documents


def test_an_error_in_a_process_comes_through_and_leaves_none(tmp_path: Path, pack: Pack) -> None:
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "part-00001.bin").mkdir()
    with pytest.raises(IsADirectoryError):
        pack(folder, processes=2)
    assert multiprocessing.active_children() == []


@pytest.fixture
def project_path(tmp_path: Path, tokenizer_folder: Path) -> Path:
    """A project with eight small shards in two sources, and a tokenizer."""
    path = tmp_path / "project"
    with create(path, ModelOrigin(preset="tiny")) as project:
        for number in range(4):
            file = tmp_path / f"{number}.jsonl"
            rows = [f"{number} {text}" for text in numbered(1500)]
            file.write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
            name = f"source{number % 2}"
            run(project, importing.start_import(project, [file], name, "general", ReaderSettings()))
        run(project, train.start_training(project, 400))
    return path


def run(project: Project, folder: JobFolder) -> None:
    for _event in follow(folder):
        continue
    assert folder.status() == "done", folder.log_file.read_text()
    commit_finished(project, KINDS)


def parts_of(folder: Path) -> dict[str, int]:
    """Return when each whole part was made."""
    return {str(file.relative_to(folder)): file.stat().st_mtime_ns for file in folder.rglob("part-*.json")}


def test_a_killed_packing_goes_on_where_it_was(project_path: Path) -> None:
    with Project(project_path) as project:
        whole = start_packing(project)
        run(project, whole)
        folder = start_packing(project)
        unfinished = folder.path / ".tmp-parts" / "tokens"
        wait_until(lambda: bool(parts_of(unfinished)))
        record = folder.run_record()
        assert record is not None
        os.killpg(record.group, signal.SIGKILL)
        wait_until(lambda: folder.status() == "interrupted")
        kept = parts_of(unfinished)
        resume(folder)
        run(project, folder)
        made = project_path / "tokens" / folder.job_id
        assert files(made) == files(project_path / "tokens" / whole.job_id)
        assert kept.items() <= parts_of(made).items()
        assert not list(folder.path.glob(".tmp-*"))


def test_a_packing_killed_between_its_result_and_its_last_word_is_not_done_again(project_path: Path) -> None:
    with Project(project_path) as project:
        folder = start_packing(project)
        for _event in follow(folder):
            continue
        folder.events_file.write_bytes(b"".join(folder.events_file.read_bytes().splitlines(True)[:-1]))
        wait_until(lambda: folder.status() == "interrupted")
        made = parts_of(folder.result)
        resume(folder)
        run(project, folder)
        assert parts_of(project_path / "tokens" / folder.job_id) == {
            str(Path(name).relative_to("tokens")): when for name, when in made.items()
        }


def test_the_choice_of_the_library_is_on_record(project_path: Path) -> None:
    with Project(project_path) as project:
        folder = start_packing(project)
        run(project, folder)
        record = project_path / "tokens" / folder.job_id / ENCODER
        choice = EncoderChoice.model_validate_json(record.read_bytes())
        assert choice.library == "tiktoken"
        assert 900 < choice.documents_compared <= 1000
        assert "encoding with tiktoken" in folder.log_file.read_text()
        found = [*packed(project, "training"), *packed(project, "held_out")]
        assert sum(file.documents for file in found) == 6000
