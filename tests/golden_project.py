"""A project whose every figure is fixed: written texts, a real import and packing, invented run events."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from domainstudio.cli.main import run_command
from domainstudio.jobs.checkpoints import CHECKPOINTS, MODEL, checkpoint_name
from domainstudio.jobs.events import Body, Checkpoint, Event, Probe, Start, State, Step, encode
from domainstudio.jobs.folder import JobFolder, create_job, job_number, list_jobs
from domainstudio.jobs.run_record import RunRecord
from domainstudio.project.project import Project
from domainstudio.recipe.laboratory import LaboratoryWork, Measured, SourceLoss
from domainstudio.recipe.layers import LAYERS_FILE, LayerMap
from domainstudio.workflow.protection.laboratory import freeze_methods
from domainstudio.workflow.protection.laboratory_job import LABORATORY
from domainstudio.workflow.training.starting import TRAIN, freeze

EPOCH = 1_767_600_000.0
"""5 January 2026: every time that is shown lies then."""
_WORDS = {
    "guidelines": "patient dose therapy diagnosis renal cardiac infection guideline nurse trial symptom",
    "encyclopedia": "river city history music language planet animal theory village bridge season painter",
}
_ROLES = {"guidelines": "domain", "encyclopedia": "general"}


def make(folder: Path) -> Path:
    """Make the project in `folder`, which is emptied first, and return its path."""
    shutil.rmtree(folder, ignore_errors=True)
    project = folder / "clinical"
    command("project", "new", project, "--from-scratch", "tiny")
    for name, role in _ROLES.items():
        texts = folder / name
        texts.mkdir()
        for number in range(40):
            (texts / f"{name}-{number:02d}.txt").write_text(_text(name, number), encoding="utf-8")
        command("corpus", "import", project, texts, "--role", role)
    command("duplicates", "find", project)
    command("tokenizer", "train", project, "--size", "400")
    command("tokenizer", "pack", project)
    shares = ["--share", "guidelines=0.75", "--share", "encyclopedia=0.25"]
    command("mixture", "set", project, *shares, "--tokens", "20480", "--max-epochs", "4")
    settings = [
        "sequence_length=64",
        "micro_batch=2",
        "probe_tokens=256",
        "probe_every=40",
        "learning_rate=3e-4",
    ]
    command("recipe", "set", project, *settings, "steps=120")
    write_run(project, "naive", 0.9, 0.22)
    write_run(project, "treated", 0.7, 0.04)
    write_laboratory(project)
    with closing(sqlite3.connect(project / "project.sqlite")) as database:
        database.execute("UPDATE journal SET changed_at = ?", (EPOCH,))
        database.commit()
    return project


def command(*arguments: object) -> None:
    """Run a command that must succeed."""
    assert run_command([str(argument) for argument in arguments]) == 0, arguments


def _text(name: str, number: int) -> str:
    """Return a text; the last ones are others of which some sentences were written anew."""
    earlier = number - 34 if number >= 37 else number
    drawn, again = random.Random(f"{name} {earlier}"), random.Random(f"{name} {number} again")
    words = _WORDS[name].split()
    sentences = [" ".join(drawn.choices(words, k=9)).capitalize() + "." for _ in range(30 + earlier)]
    for place in range(number - 36 if earlier != number else 0):
        sentences[5 + 9 * place] = " ".join(again.choices(words, k=9)).capitalize() + "."
    return f"{name.capitalize()} {earlier}\n\n" + "\n".join(sentences)


def write_run(path: Path, arm: str, gain: float, forgetting: float) -> None:
    """Write a finished run of 120 steps with a spike, a resumed attempt and two checkpoints."""
    with Project(path) as project:
        spec, _processes = freeze(project, "base", "default", "default", {}, arm)  # type: ignore[arg-type]
        folder = create_job(project.jobs, TRAIN.name, TRAIN.program, spec)
    bodies: list[tuple[int, Body]] = [(1, Start(0))]
    bodies += [(1, body) for body in _stretch(arm, 0, 70, gain, forgetting)]
    bodies += [(2, Start(41))]
    bodies += [(2, body) for body in _stretch(arm, 41, 120, gain, forgetting)]
    bodies += [(2, State("done", 120))]
    lines = [
        encode(Event(number, attempt, EPOCH + number, body))
        for number, (attempt, body) in enumerate(bodies, start=1)
    ]
    folder.events_file.write_bytes(b"".join(lines))
    for step in (40, 120):
        (folder.result / CHECKPOINTS / checkpoint_name(step) / MODEL).mkdir(parents=True)
    record = RunRecord(pid=1, group=1, started=0.0, host="golden", events_offset=0)
    JobFolder(folder.path).run_file.write_text(record.model_dump_json())
    folder.log_file.write_text("".join(f"step {step}: all ranks agree\n" for step in range(0, 121, 10)))


def write_layer_map(path: Path, moved: tuple[float, ...], importance: float | None = 1.0) -> Path:
    """Write a finished run whose map has an embedding, blocks and a norm that moved so; return its result."""
    write_run(path, "treated", 0.5, 0.1)
    result = max(list_jobs(path / "jobs", "train"), key=lambda run: job_number(run.job_id)).result
    kinds = [("embedding", None), *(("block", number) for number in range(len(moved) - 2)), ("norm", None)]
    layers = [
        {"kind": kind, "block": block, "weights": 4096, "importance": importance, "moved": far, "anchor": 0.5}
        for (kind, block), far in zip(kinds, moved, strict=True)
    ]
    written = LayerMap.model_validate({"step": 120, "layers": layers})
    (result / LAYERS_FILE).write_text(written.model_dump_json())
    return result


_COMPARED = {
    "control": (0.0, 0.0), "naive": (0.82, 0.24), "replay:0.1": (0.79, 0.15), "replay:0.25": (0.76, 0.09),
    "replay:0.5": (0.68, 0.02), "l2-sp:1": (0.31, 0.11), "ewc:1": (0.42, 0.12), "hierarchical:1": (0.34, 0.1),
}  # fmt: skip
"""Method → domain gain and forgetting, invented."""


def write_laboratory(path: Path, roles: dict[str, str] = _ROLES, seeds: int = 3) -> JobFolder:
    """Write a finished comparison with one domain and one general source; its figures are invented."""
    sources = {role: name for name, role in roles.items()}
    with Project(path) as project:
        runs = freeze_methods(project, list(_COMPARED), 5120, "base")
        work = LaboratoryWork(runs=runs, seeds=seeds, budget=0.05)
        folder = create_job(project.jobs, LABORATORY.name, LABORATORY.program, work)
    drawn, found = random.Random("laboratory"), list[Measured]()
    for seed in range(seeds):
        for method, (gain, forgetting) in _COMPARED.items():
            domain = 5.9 - gain + drawn.gauss(0, 0.01)
            general = 6.1 + forgetting + drawn.gauss(0, 0.004)
            losses = (_loss(sources, "domain", 5.9, domain), _loss(sources, "general", 6.1, general))
            slow = 0.051 if ":1" in method else 0.05
            found.append(Measured(method=method, seed=seed, losses=losses, step_seconds=slow,
                                  preparation_seconds=4.2 if "ewc" in method else 1.1,
                                  memory_bytes=31_000_000_000))  # fmt: skip
    folder.result.mkdir()
    text = ",".join(one.model_dump_json() for one in found)
    (folder.result / "measured.json").write_text(f"[{text}]")
    lines = [encode(Event(1, 1, EPOCH, Start(0))), encode(Event(2, 1, EPOCH + 600, State("done")))]
    folder.events_file.write_bytes(b"".join(lines))
    record = RunRecord(pid=1, group=1, started=0.0, host="golden", events_offset=0)
    folder.run_file.write_text(record.model_dump_json())
    return folder


def _loss(sources: dict[str, str], role: str, base: float, after: float) -> SourceLoss:
    return SourceLoss(
        source=sources[role],
        role=role,
        step=40,
        base_nats=base,
        nats=after,
        base_bits=base / 3,
        bits=after / 3,
    )


def _stretch(arm: str, first: int, last: int, gain: float, forgetting: float) -> list[Body]:
    drawn, found = random.Random(f"{arm} {first}"), list[Body]()
    for step in range(first, last + 1):
        share = step / 120
        if step:
            loss = 5.9 - gain * share**0.5 + drawn.gauss(0, 0.06) + (0.9 if step == 90 else 0.0)
            rate = 3e-4 * min(1.0, step / 10) * (1 - 0.8 * share)
            speed = 15_000 + drawn.gauss(0, 300)
            found.append(Step(step, step * 128, loss, rate, 0.4 + drawn.random() / 5, speed, 31_000_000_000))
        if step % 40 == 0:
            domain, general = 5.9 - gain * share**0.6, 6.1 + forgetting * share**0.5
            found.append(Probe(step, "guidelines", "domain", domain, domain / 3, 256, 800))
            found.append(Probe(step, "encyclopedia", "general", general, general / 3, 256, 800))
        if step in (40, 120):
            found.append(Checkpoint(step, f"result/{CHECKPOINTS}/{checkpoint_name(step)}", 12_600_000))
    return found
