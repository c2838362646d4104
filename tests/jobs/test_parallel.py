"""Reading in several processes: the same result as in one, an end at once when asked, no hang on a crash."""

import errno
import gzip
import json
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domainstudio.corpus import importing, reading
from domainstudio.corpus.documents import read_documents, shards_of
from domainstudio.corpus.facts import ImportSummary
from domainstudio.corpus.importing import Importer
from domainstudio.corpus.readers import ReaderSettings
from domainstudio.corpus.reading import Reading, ReadingTask, read_task
from domainstudio.jobs import parallel
from domainstudio.jobs.parallel import Tick, WorkerFailed, run_tasks
from domainstudio.problems import UserError

AUTO = ReaderSettings()


def refuse(_task: int, _tick: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/part-00000.parquet")


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tasks of a few files each, and processes for any amount of text."""
    monkeypatch.setattr(reading, "TASK_BYTES", 20_000)
    monkeypatch.setattr(importing, "IN_PROCESS_BYTES", 0)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Forty files of several formats, some of them broken."""
    folder, chooser = tmp_path / "mixed", random.Random(1)
    folder.mkdir()
    for number in range(40):
        texts = [
            f"{number} {row} " + "word " * chooser.randrange(60) for row in range(chooser.randrange(1, 60))
        ]
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
        match number % 4:
            case 0:
                (folder / f"{number:02}.jsonl").write_bytes(lines + b"{bad\n" * (number % 3))
            case 1:
                (folder / f"{number:02}.jsonl.gz").write_bytes(gzip.compress(lines)[: -(number % 2)])
            case 2:
                (folder / f"{number:02}.txt").write_text("\n".join(texts))
            case 3:
                (folder / f"{number:02}.csv").write_text(
                    "text,n\n" + "".join(f"{text},1\n" for text in texts)
                )
    return folder


def imported(out: Path, *paths: Path, processes: int | None) -> tuple[ImportSummary, dict[str, bytes]]:
    out.mkdir(parents=True)
    summary = Importer(out, AUTO, lambda done, total: None, processes).run(list(paths), None)
    return summary, {file.name: file.read_bytes() for file in sorted(out.iterdir())}


@pytest.mark.usefixtures("small_tasks")
def test_the_result_does_not_depend_on_the_number_of_processes(tmp_path: Path, mixed: Path) -> None:
    alone = imported(tmp_path / "alone", mixed, processes=0)
    assert len(alone[1]) > 5
    for processes in (1, 3):
        assert imported(tmp_path / str(processes), mixed, processes=processes) == alone


def slow(task: int, tick: Callable[[], None]) -> int:
    time.sleep(0.3 if task == 0 else 0)
    tick()
    return task * task


def dying(task: int, tick: Callable[[], None]) -> int:
    if task == 2:
        os._exit(9)
    return task


def failing(task: int, tick: Callable[[], None]) -> int:
    raise ZeroDivisionError("told")


def endless(task: int, tick: Callable[[], None]) -> int:
    tick()
    time.sleep(600)
    return task


def workers() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def test_results_come_in_the_order_of_tasks_and_parts_are_counted() -> None:
    parts: list[int] = []
    assert run_tasks(slow, list(range(5)), parts.append, 2) == [0, 1, 4, 9, 16]
    assert parts == sorted(parts) and parts[-1] == 5
    assert workers() == []


@pytest.mark.parametrize(("work", "words"), [(dying, "exit code 9"), (failing, "ZeroDivisionError: told")])
def test_a_worker_that_dies_or_fails_ends_the_work_with_its_reason(
    work: Callable[[int, Callable[[], None]], int], words: str
) -> None:
    with pytest.raises(WorkerFailed, match=words):
        run_tasks(work, list(range(5)), lambda parts: None, 2)
    assert workers() == []


def test_a_stop_ends_workers_in_the_midst_of_a_task() -> None:
    class Asked(Exception):
        pass

    def report(parts: int) -> None:
        if parts == 2:
            assert len(workers()) == 2
            raise Asked

    with pytest.raises(Asked):
        run_tasks(endless, [1, 2, 3], report, 2)
    assert workers() == []


def crashing(task: ReadingTask, tick: Tick) -> Reading:
    if any(file.name == "deadly.txt" for file in task.files):
        read_task(replace(task, files=task.files[:1]), tick)
        os.kill(os.getpid(), signal.SIGSEGV)
    return read_task(task, tick)


def hanging(task: ReadingTask, tick: Tick) -> Reading:
    if any(file.name == "deadly.txt" for file in task.files):
        read_task(replace(task, files=task.files[:1]), tick)
        time.sleep(600)
    return read_task(task, tick)


def filling(task: ReadingTask, tick: Tick) -> Reading:
    if any(file.name == "deadly.txt" for file in task.files):
        read_task(replace(task, files=task.files[:1]), tick)
        bytearray(8 << 30)
    return read_task(task, tick)


def killed_once(task: ReadingTask, tick: Tick) -> Reading:
    reading = read_task(task, tick)
    witness = task.folder.parents[2] / "killed"
    if not witness.exists():
        witness.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return reading


@pytest.fixture
def neighbours(tmp_path: Path) -> Path:
    """A file that the workers of these tests cannot bear, between two good ones, and a good task after it."""
    (tmp_path / "in").mkdir()
    for name in ("a.txt", "deadly.txt", "z.txt"):
        (tmp_path / "in" / name).write_text(f"text of {name}")
    (tmp_path / "in" / "zz.txt").write_text("word " * 5000)
    return tmp_path / "in"


@pytest.mark.usefixtures("small_tasks")
@pytest.mark.parametrize(
    ("work", "reason", "detail"),
    [(crashing, "crashed", "SIGSEGV"), (hanging, "too_slow", "2 s"), (filling, "too_large", "more than")],
)
def test_a_file_that_costs_its_process_is_rejected_by_name_and_the_import_goes_on(
    tmp_path: Path, neighbours: Path, monkeypatch: pytest.MonkeyPatch, work: object, reason: str, detail: str
) -> None:
    monkeypatch.setattr(importing, "read_task", work)
    monkeypatch.setattr(importing, "PATIENCE_SECONDS", 2)
    summary, _ = imported(tmp_path / "out", neighbours, processes=2)
    [rejection] = summary.listed_rejections
    assert (rejection.origin, rejection.reason) == (str(neighbours / "deadly.txt"), reason)
    assert detail in rejection.detail
    assert (summary.files, summary.documents, summary.rejected) == (4, 3, {reason: 1})
    assert workers() == []


@pytest.mark.usefixtures("small_tasks")
def test_a_process_that_is_killed_by_chance_changes_nothing(
    tmp_path: Path, mixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = imported(tmp_path / "whole", mixed, processes=2)
    monkeypatch.setattr(importing, "read_task", killed_once)
    assert imported(tmp_path / "killed-once" / "out", mixed, processes=2) == whole
    assert (tmp_path / "killed-once" / "killed").exists()


def test_a_stop_is_heard_within_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "POLL_SECONDS", 0)
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n' * 1000)
    (tmp_path / "out").mkdir()
    calls = []

    def report(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) > 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        Importer(tmp_path / "out", AUTO, report).run([tmp_path / "a.jsonl"], None)
    assert set(calls) == {0}


FILES = st.dictionaries(
    st.sampled_from(["a.jsonl", "b.txt", "c.csv", "d.jsonl.gz", "e.md", "f.html"]),
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(
                lambda text: json.dumps({"text": text})
            ),
            st.sampled_from(["{bad", "", '{"n": 1}', "text", "a,b", '"open', "<p>x", "\ud800"]),
        ),
        max_size=12,
    ),
    min_size=1,
)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(FILES)
def test_what_goes_in_comes_out_or_is_rejected(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("in")
    for name, lines in files.items():
        data = "\n".join(lines).encode("utf-8", "surrogatepass")
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    out = tmp_path_factory.mktemp("out")
    try:
        summary = Importer(out, AUTO, lambda done, total: None, processes=0).run([folder], None)
    except UserError as refusal:
        assert refusal.problem.code == "corpus.no_documents"
        return
    stored = {(document.origin, document.position) for document in read_documents(shards_of(out))}
    assert len(stored) == summary.documents
    assert len(summary.listed_rejections) == sum(summary.rejected.values())
    lines = files.get("a.jsonl", [])
    of_lines = [place for place in stored if place[0].endswith("a.jsonl")]
    refused = [row for row in summary.listed_rejections if row.origin.endswith("a.jsonl") and row.position]
    assert len(of_lines) + len(refused) == sum(bool(part.strip(" \t\r\x0b\x0c")) for part in lines)


def test_what_the_system_refuses_a_worker_arrives_as_what_it_is() -> None:
    with pytest.raises(OSError) as refusal:
        run_tasks(refuse, [1], lambda _parts: None)
    assert (refusal.value.errno, refusal.value.filename) == (errno.ENOSPC, "/data/part-00000.parquet")
