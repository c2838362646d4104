"""The sample project: from text that lies on this machine to a model, a domain run and its report."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from domainstudio.corpus import sample
from domainstudio.corpus.readers import ReaderSettings
from domainstudio.jobs.events import JobProblem
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import follow
from domainstudio.mixture.shares import Arm, Mixture, TextOrigin
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.workflow import planning
from domainstudio.workflow.corpus import importing
from domainstudio.workflow.export import exporting
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.projects import new_project
from domainstudio.workflow.running import commit_finished
from domainstudio.workflow.tokenizer import packing, train
from domainstudio.workflow.training import starting

GENERAL, DOMAIN = "general", "deep-learning"
REPORT = "report.html"


@dataclass(frozen=True)
class Size:
    """How much of the sample is read and trained on."""

    every: int
    """One source file in this many is read."""
    vocabulary: int
    base_tokens: int
    domain_tokens: int
    probe_every: int
    arms: tuple[Arm, ...]


FULL = Size(1, 4096, 730_000, 245_000, probe_every=80, arms=("control", "naive", "treated"))
QUICK = Size(8, 2048, 160_000, 80_000, probe_every=20, arms=("naive",))
REPLAY = 0.25
"""Share of general text in the treated arm."""
PURPOSES: dict[Arm, str] = {
    "control": "control: continue it on general text alone",
    "naive": "naive: continue it on domain text alone",
    "treated": "treated: continue it on domain text with a quarter of general text",
}


def free_folder(wish: Path) -> Path:
    """Return `wish`, or the first of wish-2, wish-3 … that does not exist."""
    number, folder = 1, wish
    while folder.exists():
        number += 1
        folder = wish.with_name(f"{wish.name}-{number}")
    return folder


def make_project(folder: Path) -> Project:
    """Make the sample project."""
    return new_project(folder, preset="tiny")


def jobs(project: Project, size: Size) -> Iterator[tuple[str, JobFolder]]:
    """Yield (what it does, job) in turn; the caller follows and commits each before asking for the next."""
    reader = ReaderSettings(reader="docstrings")
    general, domain = sample.general_files(size.every), sample.domain_files(size.every)
    found: TextOrigin = "found on this machine"
    yield "import general text", importing.start_import(project, general, GENERAL, "general", reader, found)
    yield "import domain text", importing.start_import(project, domain, DOMAIN, "domain", reader, found)
    yield "train a tokenizer", train.start_training(project, size.vocabulary)
    yield "pack the tokens", packing.start_packing(project)
    planning.set_recipe(project, {"probe_every": str(size.probe_every)}, preset="sample")
    base = Mixture(shares={GENERAL: 1.0}, tokens=size.base_tokens, max_epochs=2)
    planning.set_mixture(project, base, "base")
    run = starting.start_run(project, mixture_name="base")
    yield "train a base model on general text", run
    mixture = Mixture(shares={DOMAIN: 1 - REPLAY, GENERAL: REPLAY}, tokens=size.domain_tokens)
    planning.set_mixture(project, mixture)
    arms: list[JobFolder] = []
    for arm in size.arms:
        arms.append(_start_arm(project, run, arm))
        yield PURPOSES[arm], arms[-1]
    yield "write the report", exporting.start_report(project, arms[-1].job_id, project.path / REPORT)


def _start_arm(project: Project, base: JobFolder, arm: Arm) -> JobFolder:
    """Continue the base on the arm's text; only the text differs between arms."""
    return starting.start_run(
        project, origin=base.job_id, settings={"learning_rate": "1e-3", "control": "never"}, arm=arm
    )


def carry_out(folder: Path, size: Size, tell: Callable[[Path, str], None]) -> None:
    """Make the sample project and do its jobs one after another, committing each; called in a thread.

    Args:
        folder: must not exist yet.
        size: how much of the sample.
        tell: called with the project's folder and what begins, before each job is waited for.

    Raises:
        UserError: a job failed or its process died.
    """
    with make_project(folder) as project:
        for purpose, job in jobs(project, size):
            tell(project.path, purpose)
            trouble = None
            for event in follow(job):
                if event is not None and isinstance(event.body, JobProblem):
                    trouble = event.body.problem
            if job.status() == "stopped":
                return
            if job.status() != "done":
                params = {"job": job.job_id, "project": str(project.path)}
                raise UserError(trouble or Problem("job.interrupted", None, params))
            commit_finished(project, KINDS)
