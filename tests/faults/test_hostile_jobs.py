"""A job folder from a stranger: nothing in it is imported or unpickled, no link in it is followed."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Command

from domainstudio.jobs import process
from domainstudio.jobs.events import LONGEST_LINE, Checkpoint, Event, LineDecoder, Log, Step, encode
from domainstudio.jobs.folder import JobFolder, create_job, list_jobs
from domainstudio.jobs.follow import follow, read_events
from domainstudio.jobs.metrics import Metrics
from domainstudio.jobs.run_record import RunRecord
from domainstudio.jobs.worker import Worker
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.project.project import Project
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.recipe.run import ModelOrigin, RunSpec
from domainstudio.tokenizer.packed import PackedTokens
from domainstudio.workflow.runs.run_list import RunList
from domainstudio.workflow.training.starting import TRAIN, freeze


@pytest.fixture
def job(small_project: Path) -> JobFolder:
    """A run that was never started."""
    with Project(small_project) as project:
        spec, _ = freeze(project, "base", "default", "default", {"steps": "20"}, "treated")
        return create_job(project.jobs, TRAIN.name, TRAIN.program, spec)


def rewrite(job: JobFolder, **work: Any) -> None:
    """Change the frozen work in spec.json."""
    values = json.loads((job.path / "spec.json").read_bytes())
    values["work"].update(work)
    (job.path / "spec.json").write_text(json.dumps(values))


def test_what_lies_in_a_job_folder_is_not_imported(small_project: Path) -> None:
    """`python -m` looks for its modules where it stands: in a project, anybody's files would be run."""
    pack = next(folder for folder in list_jobs(small_project / "jobs", "pack"))
    for name in ("orjson", "numpy", "domainstudio", "sitecustomize"):
        (pack.path / f"{name}.py").write_text(f"open({str(small_project / 'ran')!r}, 'w')")
    for file in (pack.run_file, pack.events_file):
        file.unlink()
    shutil.rmtree(small_project / "tokens")
    process.start(pack)
    for _ in follow(pack):
        pass
    assert pack.status() == "done"
    assert not (small_project / "ran").exists()


def test_native_code_that_lies_in_a_job_folder_is_not_loaded(
    job: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch would load an extension that seems to be compiled already."""
    planted = job.path / ".torch_extensions" / "fused_adam" / "fused_adam.so"
    planted.parent.mkdir(parents=True)
    planted.write_bytes(b"native")
    monkeypatch.setattr(process, "command", lambda *_: ["true"])
    process.start(job)
    assert not planted.exists()


@pytest.mark.parametrize("place", ["result", "result/metrics", "result/checkpoints", ".tmp-parts", "job.log"])
def test_a_link_in_a_job_folder_is_not_followed(
    job: JobFolder, tmp_path: Path, refused: Command, place: str
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (job.path / place).parent.mkdir(exist_ok=True)
    (job.path / place).symlink_to(home)
    project = job.path.parents[1]
    for arguments in (["runs", "resume"], ["runs", "delete"], ["export", "model"]):
        more = [tmp_path / "out"] if arguments[0] == "export" else []
        assert "is a link" in refused(*arguments, project, job.job_id, *more)
    assert [path.name for path in home.iterdir()] == [".ssh"]


def test_reading_curves_removes_nothing_elsewhere(job: JobFolder, tmp_path: Path) -> None:
    """Older saves of curves are removed, and .ssh sorts before the name of every save."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    job.result.mkdir()
    (job.result / "metrics").symlink_to(home)
    line = encode(Event(1, 1, 1.0, Log("x" * 1000)))
    job.events_file.write_bytes(line * (10_000_000 // len(line)))
    with Project(job.path.parents[1], read_only=True) as project:
        runs = RunList(project)
        assert runs.refresh() == [] and runs.refused[job.job_id].code == "path.link_in_folder"
    assert [path.name for path in home.iterdir()] == [".ssh"]


def test_a_job_that_is_a_link_is_none(job: JobFolder, tmp_path: Path, refused: Command) -> None:
    shutil.move(job.path, tmp_path / "elsewhere")
    job.path.symlink_to(tmp_path / "elsewhere")
    assert list(list_jobs(job.path.parent, "train")) == []
    assert "no job" in refused("runs", "delete", job.path.parents[1], job.job_id)


@pytest.mark.parametrize("name", ["spec.json", "run.json", "events.jsonl", "request.json"])
def test_a_pipe_is_not_waited_for(job: JobFolder, name: str) -> None:
    job.record_process(os.getpid(), 0)
    (job.path / name).unlink(missing_ok=True)
    os.mkfifo(job.path / name)
    readers = {"run.json": job.status, "events.jsonl": job.status, "request.json": job.take_request}
    for read in (job.spec, readers.get(name, job.spec)):
        with pytest.raises(UserError, match=name):
            read()


@pytest.mark.parametrize("tokens", ["/etc", "../../../neighbour", "../../tokens/link"])
def test_tokens_and_tokenizer_are_not_read_from_outside(job: JobFolder, tmp_path: Path, tokens: str) -> None:
    (job.path.parents[1] / "tokens" / "link").symlink_to(tmp_path)
    with pytest.raises(UserError) as refusal:
        job.reach(tokens)
    assert refusal.value.problem.code == "path.leaves_folder"


def test_a_report_does_not_read_tokens_from_outside(job: JobFolder, refused: Command, tmp_path: Path) -> None:
    import golden_project

    golden_project.write_run(job.path.parents[1], "naive", 0.9, 0.2)
    run = list(list_jobs(job.path.parents[1] / "jobs", "train"))[-1]
    source = json.loads((run.path / "spec.json").read_bytes())["work"]["sources"][0]
    rewrite(run, sources=[source | {"tokens": "../../../../etc"}])
    refusal = refused("export", "report", job.path.parents[1], run.job_id, tmp_path / "report.html")
    assert "leads out of" in refusal and not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    "work",
    [
        {"steps": 10**18}, {"vocabulary": 10**12}, {"vocabulary": -1}, {"model": {"preset": "../evil"}},
        {"model": {}}, {"recipe": {"stages": [{"batch_warmup_steps": 10**15}]}}, {"surprise": 1},
        {"recipe": {"stages": [{"sequence_length": 10**12}]}, "steps": 1},
    ],
)  # fmt: skip
def test_numbers_without_an_end_are_refused(job: JobFolder, refused: Command, work: dict[str, Any]) -> None:
    rewrite(job, **work)
    assert "is not valid" in refused("runs", "resume", job.path.parents[1], job.job_id)


def test_a_recipe_of_endless_steps_is_refused_at_once() -> None:
    with pytest.raises(UserError):
        change(Recipe(), {"batch_warmup_steps": "1000000000000", "gradient_accumulation": "2"})


def test_a_job_with_the_last_number_is_told_of(job: JobFolder, refused: Command) -> None:
    (job.path.parent / "pack-999999999").mkdir()
    assert "the last number" in refused("tokenizer", "pack", job.path.parents[1])


def test_a_line_without_end_takes_bounded_memory() -> None:
    decoder = LineDecoder()
    for _ in range(5 * LONGEST_LINE >> 20):
        assert decoder.feed(b"x" * (1 << 20)) == []
        assert len(decoder._rest) <= LONGEST_LINE
    assert decoder.pending_bytes == 5 * LONGEST_LINE
    later = Event(2, 1, 1.0, Checkpoint(1, "x", 1))
    assert decoder.feed(b"\n" + encode(later))[-1] == later
    assert decoder.pending_bytes == 0


def test_events_of_a_terabyte_of_nothing_are_not_read(job: JobFolder, refused: Command) -> None:
    job.record_process(os.getpid(), 0)
    job.events_file.touch()
    os.truncate(job.events_file, 1 << 40)  # sparse
    with pytest.raises(UserError) as refusal:
        job.status()
    assert refusal.value.problem.code == "file.too_large"
    with Project(job.path.parents[1], read_only=True) as project:
        assert RunList(project).refresh() == []


def test_a_job_goes_on_behind_a_line_without_end(job: JobFolder) -> None:
    """Its last number is sought backwards, and a line of gigabytes would be read again from every place."""
    job.events_file.write_bytes(encode(Event(7, 2, 1.0, Log("x"))) + b"y" * (LONGEST_LINE * 3))
    worker = Worker(job)
    assert worker.attempt == 3
    worker.finish("stopped")
    assert [event.seq for event in read_events(job) if event.seq] == [7, 8]


def test_saved_curves_that_hold_other_things_are_read_anew(job: JobFolder) -> None:
    step = Step(1, 64, 2.0, 1e-3, 1.0, 10.0, 5)
    job.events_file.write_bytes(encode(Event(1, 1, 1.0, step)))
    metrics = Metrics(job)
    metrics.poll()
    metrics.save()
    (index,) = (job.result / "metrics").glob("*/index.json")
    good = json.loads(index.read_text())
    mark = {"kind": "x", "step": 1, "time": 1, "problem": None}
    for key, value in (
        ("probes", [["x"] * 7]), ("probes", [[1]]), ("marks", [mark]), ("marks", [[]]), ("attempts", []),
        ("superseded", 10**9), ("offset", -1), ("offset", 10**30),
    ):  # fmt: skip
        index.write_text(json.dumps(good | {key: value}))
        metrics = Metrics(job)
        metrics.poll()
        assert metrics.curves.steps.points() == [step] and metrics.curves.probes == []


def test_somebody_elses_process_is_not_taken_for_the_job(job: JobFolder) -> None:
    """Who shares a machine can see when any process of another began, and write it into run.json."""
    record = job.record_process(os.getpid(), 0)
    other = process.subprocess.Popen(["sleep", "60"])
    try:
        started = RunRecord.model_validate(record.model_dump() | {"pid": other.pid}).started
        values = record.model_dump() | {"pid": other.pid, "group": other.pid, "started": started}
        values["started"] = job.record_process(other.pid, 0).started
        job.run_file.write_text(json.dumps(values))
        assert job.liveness() == "alive" and process.processes_of(job) == []
        process.kill(job, 0.1)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("params", [{"step": [1], "norm": 2.0}, {"step": "x" * 10**6}, {"count": None}, {}])
def test_a_problem_told_by_a_stranger_is_one_short_line(params: dict[str, Any]) -> None:
    for code in ("training.diverged", "run.no_checkpoint", "no.such_code", "job.bug"):
        told = sentence(Problem(code, None, params | {"job": "a\nb\x1b[2J"}))
        assert len(told) < 10_000 and "\n" not in told and "\x1b" not in told


@pytest.mark.parametrize("ids", [[1, 2, 300], [1, 2, 65_535]])
def test_a_token_beyond_the_vocabulary_is_refused(tmp_path: Path, ids: list[int]) -> None:
    """On a GPU such an id ends the process without a word."""
    from domainstudio.tokenizer.packed import PartWriter, write_meta

    with PartWriter(tmp_path, 0, "uint16", 0) as writer:
        writer.add([np.array(ids, np.uint16)], [3])
        part = writer.close("x")
    write_meta(tmp_path, "uint16", 300, "x", 0, [part])
    with pytest.raises(UserError) as refusal:
        PackedTokens(tmp_path).block(0, 3)
    assert refusal.value.problem.code == "tokens.unreadable"


def test_offsets_that_lead_elsewhere_are_refused(tmp_path: Path) -> None:
    from domainstudio.tokenizer.packed import PartWriter, write_meta

    with PartWriter(tmp_path, 0, "uint16", 0) as writer:
        writer.add([np.array([1, 2], np.uint16)] * 3, [3] * 3)
        part = writer.close("x")
    write_meta(tmp_path, "uint16", 300, "x", 0, [part])
    file = tmp_path / "part-00000.documents.npy"
    for offsets in ([0, 3, 2, 9], [-5, 3, 6, 9], [0, 3, 6, 10**9], [0, 3]):
        np.save(file, np.array(offsets, np.int64))
        with pytest.raises(UserError):
            PackedTokens(tmp_path).whole_documents(100)
    np.save(file, np.array([{}], object))
    with pytest.raises(UserError):
        PackedTokens(tmp_path).whole_documents(100)


def test_a_model_comes_from_one_place() -> None:
    for values in ({}, {"preset": "tiny", "folder": "/m"}, {"preset": "none"}):
        with pytest.raises(ValueError):
            ModelOrigin(**values)
    assert RunSpec.model_fields["model"].annotation is ModelOrigin
