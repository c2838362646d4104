"""How far a project is: the state of each step in one word and one fact, as the sidebar shows it."""

from dataclasses import dataclass
from typing import Literal

from domainstudio.language import translate as _
from domainstudio.machines import store
from domainstudio.mixture.notations import notations
from domainstudio.problems import Problem, UserError
from domainstudio.project import corpus as index
from domainstudio.project import duplicates, tokens
from domainstudio.project import jobs as job_index
from domainstudio.project.project import Project
from domainstudio.units import format_change, format_count
from domainstudio.workflow import planning
from domainstudio.workflow.overview import JobRow
from domainstudio.workflow.runs.run_list import RunRow

State = Literal["todo", "ready", "running", "paused", "attention", "problem"]
STEPS = (
    "project", "corpus", "duplicates", "tokenizer", "mixture", "protection", "training", "machines", "runs",
    "export",
)  # fmt: skip
_KIND_OF_STEP = {
    "corpus": "import",
    "duplicates": "duplicates",
    "tokenizer": "pack",
    "protection": "laboratory",
    "export": "export",
}
_UNDER_WAY = ("running", "created", "unknown")
"""Of a run elsewhere "unknown" is what has not been told yet."""


@dataclass(frozen=True)
class StepState:
    """The state of a step and a fact in at most 24 characters."""

    state: State
    words: str


@dataclass(frozen=True)
class Facts:
    """What the index says of each step."""

    base: str
    is_from_scratch: bool
    documents: int
    """Documents kept, those held out among them."""
    is_searched: bool
    """Whether near-duplicates were looked for."""
    near_duplicates: int | None
    """Documents marked as such, None if no list stands."""
    vocabulary: int | None
    is_packed: bool
    replay: float | None
    """Share of general text of the default mixture, None without one."""
    repeated: int
    """Sources of the default mixture that fall short under its cap on epochs."""
    mixture_problem: Problem | None
    budget: float | None
    """The forgetting that the default recipe accepts, nats a token."""
    exports: int
    machines: tuple[str, ...]
    """Names of those that this person may train on, besides this one."""


def step_names() -> dict[str, str]:
    """Return step → name in the person's language."""
    return {
        "project": _("Project"),
        "corpus": _("Corpus"),
        "duplicates": _("Duplicates"),
        "tokenizer": _("Tokenizer"),
        "mixture": _("Mixture"),
        "protection": _("Protection"),
        "training": _("Training"),
        "machines": _("Machines"),
        "runs": _("Runs"),
        "export": _("Export"),
    }


def read_facts(project: Project) -> Facts:
    """Return the facts of a project, of which it reads the index only, and the person's machines."""
    tokenizer = tokens.current_tokenizer(project.connection)
    is_packed = bool(tokenizer and tokens.token_files(project.connection, tokenizer.sha256, "training"))
    marked = duplicates.standing(project.connection)
    replay, repeated, trouble = None, 0, None
    if is_packed:
        try:
            portions = planning.portions_of(project, planning.mixture_of(project))
            replay = notations(portions).replay
            repeated = sum(portion.shortfall > 0 for portion in portions)
        except UserError as error:
            trouble = None if error.problem.code == "mixture.none_yet" else error.problem
    return Facts(
        base=project.base.name,
        is_from_scratch=project.base.folder is None,
        documents=sum(
            counts.training_documents + counts.held_out_documents
            for counts in index.counts(project.connection)
        ),
        is_searched=duplicates.newest_finding(project.connection) is not None,
        near_duplicates=marked.documents if marked else None,
        vocabulary=tokenizer.vocabulary if tokenizer else None,
        is_packed=is_packed,
        replay=replay,
        repeated=repeated,
        mixture_problem=trouble,
        budget=planning.recipe_of(project).accepted_forgetting,
        exports=job_index.committed(project.connection, "export"),
        machines=_names_of_machines(),
    )


def _names_of_machines() -> tuple[str, ...]:
    """Return none where the person's list is damaged: whoever shows the machines tells that."""
    try:
        return tuple(machine.name for machine in store.machines())
    except UserError:
        return ()


def states(facts: Facts, jobs: list[JobRow], runs: list[RunRow]) -> dict[str, StepState]:
    """Return the state of every step; what is at work stands before what was done."""
    found = {
        "project": StepState("ready", facts.base),
        "corpus": _corpus(facts),
        "duplicates": _duplicates(facts),
        "tokenizer": _tokenizer(facts),
        "mixture": _mixture(facts),
        "protection": _protection(facts),
        "training": _training(facts, runs),
        "machines": _machines(facts, runs),
        "runs": _runs(runs, jobs),
        "export": _export(facts, runs),
    }
    for step, kind in _KIND_OF_STEP.items():
        working = next((job for job in jobs if job.kind == kind and job.status == "running"), None)
        if working is not None:
            found[step] = StepState("running", _working_words(step, working))
    last_import = next((job for job in reversed(jobs) if job.kind == "import"), None)
    if last_import and last_import.status in ("failed", "interrupted"):
        found["corpus"] = StepState("problem", _("Import stopped"))
    return found


def _working_words(step: str, job: JobRow) -> str:
    share = job.done / job.total if job.total else 0.0
    words = {
        "corpus": _("Importing, {share:.0f} %"),
        "duplicates": _("Comparing, {share:.0f} %"),
        "tokenizer": _("Packing, {share:.0f} %"),
        "protection": _("Comparing, {share:.0f} %"),
        "export": _("Exporting, {share:.0f} %"),
    }
    return words[step].format(share=100 * share)


def _corpus(facts: Facts) -> StepState:
    if not facts.documents:
        return StepState("todo", _("No text yet"))
    return StepState("ready", _("{count} documents").format(count=format_count(facts.documents)))


def _duplicates(facts: Facts) -> StepState:
    if not facts.is_searched:
        return StepState("todo", _("Not looked for yet"))
    if facts.near_duplicates is None:
        return StepState("attention", _("Nothing marked yet"))
    return StepState("ready", _("{count} marked").format(count=format_count(facts.near_duplicates)))


def _tokenizer(facts: Facts) -> StepState:
    if facts.vocabulary is None:
        return StepState("todo", _("None yet"))
    if not facts.is_packed:
        return StepState("attention" if facts.documents else "todo", _("Not packed yet"))
    words = _("Trained, {count} entries") if facts.is_from_scratch else _("Base, {count} entries")
    return StepState("ready", words.format(count=format_count(facts.vocabulary)))


def _mixture(facts: Facts) -> StepState:
    if facts.mixture_problem is not None:
        return StepState("problem", _("Does not fit the corpus"))
    if facts.replay is None:
        return StepState("todo", _("Not set"))
    if facts.repeated:
        return StepState("attention", _("{count} to look at").format(count=facts.repeated))
    return StepState("ready", _("Replay {share:.1f} %").format(share=100 * facts.replay))


def _protection(facts: Facts) -> StepState:
    if facts.budget is None:
        return StepState("todo", _("No budget"))
    return StepState("ready", _("Budget {budget} nats").format(budget=format_change(facts.budget)))


def _training(facts: Facts, runs: list[RunRow]) -> StepState:
    if runs:
        return StepState("ready", _("{run} started").format(run=runs[-1].run))
    if facts.replay is None:
        return StepState("todo", _("Needs a mixture"))
    return StepState("todo", _("Ready to start"))


def _machines(facts: Facts, runs: list[RunRow]) -> StepState:
    """None is needed: a run may go on here."""
    links = [run.link for run in runs if run.link is not None and run.status in _UNDER_WAY]
    for link in links:
        if not link.is_heard:
            return StepState("attention", _("{machine} not seen").format(machine=link.at or link.machine))
    if links:
        return StepState("running", _("{machine} at work").format(machine=links[-1].place))
    match len(facts.machines):
        case 0:
            return StepState("ready", _("This computer alone"))
        case 1:
            return StepState("ready", facts.machines[0])
        case number:
            return StepState("ready", _("{number} machines").format(number=number))


def _runs(runs: list[RunRow], jobs: list[JobRow]) -> StepState:
    for run in reversed(runs):
        if run.status in _UNDER_WAY and (run.link is not None or run.status != "unknown"):
            share = run.step / run.steps if run.steps else 0.0
            words = _("{run}, {share:.0f} %").format(run=run.run, share=100 * share)
            is_heard = run.link is None or run.link.is_heard
            return StepState("running" if is_heard else "attention", words)
    if not runs:
        return StepState("todo", _("None yet"))
    last = max(runs, key=lambda run: int(run.run.rsplit("-", 1)[1]))
    if last.status == "failed":
        return StepState("problem", _("{run} failed").format(run=last.run))
    if last.status in ("interrupted", "unknown"):
        return StepState("attention", _("{run} interrupted").format(run=last.run))
    if last.status == "stopped":
        return StepState("paused", _("{run} paused").format(run=last.run))
    finished = sum(run.status == "done" for run in runs)
    return StepState("ready", _("{count} finished").format(count=finished))


def _export(facts: Facts, runs: list[RunRow]) -> StepState:
    if facts.exports:
        return StepState("ready", _("{count} exported").format(count=facts.exports))
    if not any(run.step for run in runs):
        return StepState("todo", _("Nothing trained yet"))
    return StepState("todo", _("Nothing exported yet"))
