"""Finding: all that a comparison of all with all finds, whatever stops it in between."""

import multiprocessing
import os
import shutil
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from domainstudio.corpus.duplicates import plan
from domainstudio.corpus.duplicates.finding import Phase, find
from domainstudio.corpus.duplicates.found import Found
from domainstudio.corpus.duplicates.plan import Part, Settings

from . import reference
from .conftest import stored, varied

SURE = Settings(bands=60, rows=3)
"""Misses a pair at 0.7 once in 10**11."""
PHASES: tuple[Phase, ...] = ("reading", "linking", "weeding", "collecting", "comparing")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "BLOCK_DOCUMENTS", 50)


def silent(done: int, total: int, phase: Phase) -> None:
    """Tell nobody."""


def columns(folder: Path) -> dict[str, bytes]:
    assert {file.suffix for file in folder.iterdir()} == {".npy", ".json"}
    return {file.name: file.read_bytes() for file in folder.glob("*.npy")}


@pytest.fixture(scope="session")
def whole(parts: list[Part], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search without an interruption."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "BLOCK_DOCUMENTS", 50)
        find(folder, parts, SURE, silent)
    return folder


def test_it_finds_what_comparing_all_with_all_finds(whole: Path, texts: list[str]) -> None:
    found = Found(whole)
    streams = [reference.tokens(text) for text in texts]
    first = {tuple(stream): place for place, stream in reversed(list(enumerate(streams))) if stream}
    assert found.group.tolist() == [first.get(tuple(stream), place) for place, stream in enumerate(streams)]
    expected = {
        (one, other): np.float32(value)
        for one, other, value in reference.similar(texts, 0.7)
        if found.group[one] == one and found.group[other] == other
    }
    pairs = zip(found.first.tolist(), found.second.tolist(), strict=True)
    assert dict(zip(pairs, found.similarity, strict=True)) == expected
    assert found.summary.pairs == len(expected) > 50
    assert found.summary.candidates >= len(expected)
    assert found.summary.normalised_duplicates == (found.group != np.arange(400)).sum() > 20


def test_the_documents_are_those_that_were_given(whole: Path, texts: list[str]) -> None:
    found = Found(whole)
    assert found.ids.tolist() == list(range(1000, 1400))
    assert found.characters.tolist() == list(map(len, texts))
    assert found.bytes.tolist() == [len(text.encode()) for text in texts]
    assert found.summary.documents == 400 and found.summary.bytes == found.bytes.sum()
    assert found.sources.dtype == np.int32 and set(found.sources.tolist()) == {1}


def test_neither_blocks_nor_processes_show(
    whole: Path, parts: list[Part], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for processes, size in ((2, 70), (0, 1000)):
        monkeypatch.setattr(plan, "BLOCK_DOCUMENTS", size)
        folder = tmp_path / str(processes)
        folder.mkdir()
        find(folder, parts, SURE, silent, processes)
        assert columns(folder) == columns(whole)
    assert multiprocessing.active_children() == []


def test_held_out_documents_are_not_compared_with_each_other(tmp_path: Path) -> None:
    text = " ".join(f"word{number}" for number in range(100))
    # Each is like every other; the third has the tokens of the first.
    texts = [text, text + " and one", text.upper(), text + " and two", text + " and three"]
    parts = stored(texts, tmp_path / "shards", [True, True, False, True, False])
    find(tmp_path, parts, SURE, silent)
    found = Found(tmp_path)
    assert found.group.tolist() == [0, 1, 0, 3, 4]
    pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert pairs == {(0, 1), (0, 3), (0, 4), (1, 4), (3, 4)}  # that of the first stands for the third too
    assert found.held_out.tolist() == [True, True, False, True, False]
    assert found.summary.held_out_documents == 3


def test_texts_without_tokens_are_no_copies_of_each_other(tmp_path: Path) -> None:
    texts = ["...", "---", "two words", "Two, words!", "", "one two three four"]
    find(tmp_path, stored(texts, tmp_path / "shards"), SURE, silent)
    found = Found(tmp_path)
    assert found.group.tolist() == [0, 1, 2, 2, 4, 5]
    assert len(found.first) == len(found.second) == len(found.similarity) == 0


def test_a_corpus_without_copies_gives_none(tmp_path: Path) -> None:
    texts = [" ".join(f"{word}{number}" for word in "abcdefgh") for number in range(10)]
    assert find(tmp_path, stored(texts, tmp_path / "shards"), SURE, silent).candidates == 0
    assert Found(tmp_path).group.tolist() == list(range(10)) and len(Found(tmp_path).first) == 0


def test_what_is_told_ascends_to_the_whole_of_each_phase(parts: list[Part], tmp_path: Path) -> None:
    told: list[tuple[int, int, Phase]] = []
    summary = find(tmp_path, parts, SURE, lambda *told_now: told.append(told_now))
    assert list(dict.fromkeys(phase for *_, phase in told)) == list(PHASES)
    for phase, total in zip(PHASES, (400, 60, 9, None, summary.candidates), strict=True):
        values = [(done, of) for done, of, own in told if own == phase]
        assert values == sorted(values) and values[-1][0] == values[-1][1]
        assert total is None or values[-1][1] == total
    told.clear()
    assert find(tmp_path, parts, SURE, lambda *told_now: told.append(told_now)) == summary
    assert told == []


def test_what_a_kill_after_the_summary_left_goes(whole: Path, parts: list[Part], tmp_path: Path) -> None:
    folder = shutil.copytree(whole, tmp_path / "found")
    (folder / "work").mkdir()
    (folder / "work" / "keys-00000.npy").write_bytes(bytes(100))
    find(folder, parts, SURE, silent)
    assert columns(folder) == columns(whole)


class Asked(Exception):
    pass


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("processes", [0, 2])
def test_a_stopped_search_goes_on_with_what_is_whole(
    whole: Path, parts: list[Part], tmp_path: Path, phase: Phase, processes: int
) -> None:
    def stop(done: int, total: int, own: Phase) -> None:
        if own == phase and done > total / 2:
            raise Asked

    with pytest.raises(Asked):
        find(tmp_path, parts, SURE, stop, processes)
    assert multiprocessing.active_children() == []
    with pytest.raises(FileNotFoundError):
        Found(tmp_path)
    kept = {
        file: file.stat().st_mtime_ns
        for name in ("keys", "lots", "candidates", "sets", "verified")
        for file in (tmp_path / "work").glob(f"{name}-*.npy")
    }
    assert len(kept) >= 3
    changed: list[Path] = []

    def look(done: int, total: int, own: Phase) -> None:
        if own == "comparing" and done == total:
            changed.extend(file for file, when in kept.items() if file.stat().st_mtime_ns != when)

    find(tmp_path, parts, SURE, look)
    assert changed == []
    assert columns(tmp_path) == columns(whole)


def _find_and_die(folder: Path, parts: list[Part], phase: Phase) -> None:
    def die(done: int, total: int, own: Phase) -> None:
        if own == phase and done > total / 3:
            os.kill(os.getpid(), signal.SIGKILL)

    plan.BLOCK_DOCUMENTS = 50
    find(folder, parts, SURE, die)


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_search_ends_with_the_same_bytes(
    whole: Path, parts: list[Part], tmp_path: Path, phase: Phase
) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=_find_and_die, args=(tmp_path, parts, phase)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    find(tmp_path, parts, SURE, silent)
    assert columns(tmp_path) == columns(whole)


def test_another_search_begins_anew(whole: Path, parts: list[Part], tmp_path: Path) -> None:
    find(tmp_path, parts[:2], SURE, silent)
    assert len(Found(tmp_path).ids) < 400

    def stop(done: int, total: int, own: Phase) -> None:
        if own == "comparing":
            raise Asked

    with pytest.raises(Asked):
        find(tmp_path, parts, Settings(), stop)
    find(tmp_path, parts, SURE, silent)
    assert columns(tmp_path) == columns(whole)


def test_usual_settings_find_nearly_all(tmp_path: Path) -> None:
    texts = varied(900, seed=1)
    find(tmp_path, stored(texts, tmp_path / "shards"), Settings(), silent)
    found = Found(tmp_path)
    expected = {
        (one, other)
        for one, other, value in reference.similar(texts, 0.8)
        if found.group[one] == one and found.group[other] == other
    }
    pairs = zip(found.first.tolist(), found.second.tolist(), found.similarity.tolist(), strict=True)
    strong = {(one, other) for one, other, value in pairs if value >= np.float32(0.8)}
    assert strong <= expected and len(strong) >= 0.99 * len(expected) > 100


@pytest.mark.parametrize(
    ("phase", "damage"), [("weeding", "short"), ("comparing", "lost"), ("comparing", "other")]
)
def test_what_is_damaged_of_a_stopped_search_is_made_anew(
    whole: Path, parts: list[Part], tmp_path: Path, phase: Phase, damage: str
) -> None:
    with pytest.raises(InterruptedError):
        find(tmp_path, parts, SURE, partial(_stop_in, phase))
    for file in (tmp_path / "work").glob("*-*"):
        match damage:
            case "short":
                os.truncate(file, file.stat().st_size // 2)
            case "lost" if file.suffix == ".bin":
                file.unlink()
            case "other" if file.suffix == ".npy":
                np.save(file, np.zeros(3))
    find(tmp_path, parts, SURE, silent)
    assert columns(tmp_path) == columns(whole)


def _stop_in(wanted: Phase, _done: int, _total: int, phase: Phase) -> None:
    if phase == wanted:
        raise InterruptedError
