"""What the training pane shows of a project, read in one question, and what values amount to in words."""

from dataclasses import dataclass

from domainstudio.language import translate as _
from domainstudio.mixture.shares import Mixture
from domainstudio.problems import Problem, UserError
from domainstudio.project import plans
from domainstudio.project.project import Project
from domainstudio.recipe.hardware import parse
from domainstudio.recipe.recipe import Recipe
from domainstudio.units import format_count, format_rate, format_size
from domainstudio.workflow.machines.remote import machine_names
from domainstudio.workflow.planning import recipe_of
from domainstudio.workflow.training.advice import Advice, advice
from domainstudio.workflow.training.fit import Ground, ground_of
from domainstudio.workflow.training.planned import PlannedRun, RunChoice, origins, planned
from domainstudio.workflow.training.routes import route_lines, route_words, routes_of


@dataclass(frozen=True)
class TrainingFacts:
    """What the pane shows."""

    choice: RunChoice
    base: str
    origins: list[str]
    recipe: Recipe
    mixture: Mixture | None
    run: PlannedRun | None
    problem: Problem | None
    """Why no run can start."""
    advice: list[Advice]
    hardware: str
    """As it was typed; empty means where the run shall be trained."""
    ground: Ground | None
    """What the fit of the run rests on."""
    routes: str
    """From scratch, continued and task alone, as text."""
    machines: list[str]
    """Where it may be trained beside this computer."""
    hardware_problem: Problem | None
    """Why nothing can be planned for the hardware."""


def read_facts(project: Project, choice: RunChoice, hardware: str = "") -> TrainingFacts:
    """Return what the pane shows of a choice, on hardware as it was typed."""
    run: PlannedRun | None = None
    ground: Ground | None = None
    unknown: Problem | None = None
    routes = ""
    problem: Problem | None = None
    found: list[Advice] = []
    try:
        run = planned(project, choice)
        found = advice(project, run)
    except UserError as error:
        problem = error.problem
    if run is not None:
        try:
            ground = ground_of(project, run, parse(hardware) if hardware else None)
            found_routes = routes_of(project, ground)
            routes = "\n".join([*route_lines(found_routes), "", *route_words(found_routes)])
        except UserError as error:
            unknown = error.problem
    return TrainingFacts(
        choice=choice,
        base=_base_name(project),
        origins=origins(project),
        recipe=recipe_of(project, choice.recipe),
        mixture=plans.load(project.connection, "mixture", choice.mixture, Mixture),
        run=run,
        problem=problem,
        advice=found,
        hardware=hardware,
        ground=ground,
        routes=routes,
        machines=machine_names(),
        hardware_problem=unknown,
    )


def _base_name(project: Project) -> str:
    return project.base.name.rstrip("/").rsplit("/", 1)[-1]


def meanings(run: PlannedRun) -> dict[str, str]:
    """Return what the values of some settings amount to in this run."""
    recipe, stage, steps = run.recipe, run.recipe.stage, run.spec.steps
    batch = _(
        "× accumulation {accumulation} × devices {devices} × length {length} = {tokens} tokens a step."
    ).format(
        accumulation=format_count(stage.gradient_accumulation),
        devices=format_count(recipe.processes),
        length=format_count(stage.sequence_length),
        tokens=format_count(recipe.tokens_per_step()),
    )
    warmup = _("Steps: {n}.").format(n=format_count(run.warmup_steps))
    saved = _("{n} in all, at most {size} at once.").format(
        n=format_count(run.checkpoints), size=format_size(run.disk_bytes)
    )
    meanings = {
        "micro_batch": batch,
        "checkpoint_every": saved,
        "probe_every": _("Measurements: {n}.").format(n=format_count(run.probes)),
        "steps": _("Steps: {n}.").format(n=format_count(steps)),
    }
    if stage.warmup_share:
        meanings["warmup_share"] = warmup
    found = run.rewarming
    if found is not None:
        meanings["learning_rate"] = _("Advised: {lowest} to {highest}.").format(
            lowest=format_rate(found.lowest), highest=format_rate(found.highest)
        )
        meanings["warmup_steps"] = _("Advised: {first} to {last}.").format(
            first=format_count(found.least_warmup), last=format_count(found.most_warmup)
        )
    return meanings
