"""A project at a glance, for the list of recent ones: read without opening it for good."""

from dataclasses import dataclass
from pathlib import Path

from domainstudio.jobs.checkpoints import size_of
from domainstudio.language import translate as _
from domainstudio.problems import UserError, sentence
from domainstudio.project.database import known_errors
from domainstudio.project.migration import check_version, known_version
from domainstudio.project.project import DATABASE, Project
from domainstudio.units import format_count
from domainstudio.workflow.runs.run_list import RunList, RunRow
from domainstudio.workflow.steps import Facts, State, read_facts


@dataclass(frozen=True)
class Glance:
    """What a recent project is and how far it is; None where nothing is known."""

    folder: str
    name: str
    base: str
    state: State
    words: str
    size_bytes: int | None = None
    documents: int | None = None
    replay: float | None = None
    """Share of general text in its mixture."""
    gain: float | None = None
    """Fall of domain loss of its newest measured run against the base, nats a token."""
    forgetting: float | None = None
    is_missing: bool = False


def look_at(folder: str) -> Glance:
    """Return what there is to say of a project folder; one that cannot be read says why."""
    path = Path(folder)
    if not (path / DATABASE).is_file():
        words = _("Folder not found: {folder}").format(folder=folder)
        return Glance(folder, path.name, "", "problem", words, is_missing=True)
    try:
        with Project(path, read_only=True) as project, known_errors(path / DATABASE):
            if check_version(project.connection, path / DATABASE) < known_version():
                words = _("From an earlier version: opening updates it, with a backup beside it")
                return Glance(folder, path.name, project.base.name, "todo", words)
            facts, runs = read_facts(project), RunList(project).refresh()
    except UserError as error:
        return Glance(folder, path.name, "", "problem", sentence(error.problem))
    state, words = _state(facts, runs)
    measured = next((run for run in reversed(runs) if run.outcome.gain is not None), None)
    return Glance(
        folder=folder,
        name=path.name,
        base=facts.base,
        state=state,
        words=words,
        size_bytes=size_of(path),
        documents=facts.documents,
        replay=facts.replay,
        gain=measured.outcome.gain if measured else None,
        forgetting=measured.outcome.forgetting if measured else None,
    )


def _state(facts: Facts, runs: list[RunRow]) -> tuple[State, str]:
    for run in reversed(runs):
        step = format_count(run.step)
        match run.status:
            case "running" | "created":
                return "running", _("Training, step {step} of {steps}").format(
                    step=step, steps=format_count(run.steps)
                )
            case "stopped":
                return "paused", _("Paused at step {step}, resume at any time").format(step=step)
            case "interrupted" | "unknown":
                return "attention", _("Interrupted at step {step}, can resume").format(step=step)
            case "failed":
                return "problem", _("{run} failed at step {step}").format(run=run.run, step=step)
    if runs:
        return "ready", _("{count} runs finished").format(count=len(runs))
    if facts.is_packed:
        return "ready", _("Corpus ready, not trained yet")
    if facts.documents:
        return "todo", _("{count} documents, not packed yet").format(count=format_count(facts.documents))
    return "todo", _("No text yet")
