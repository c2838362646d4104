"""A run before it starts: its arithmetic, its DeepSpeed configuration and the command that starts it."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from domainstudio.disk import free_bytes
from domainstudio.evaluation.plateau import PLAYBOOK
from domainstudio.jobs.checkpoints import (
    ROOM_TO_SPARE,
    latest_checkpoint,
    list_checkpoints,
    size_of,
)
from domainstudio.jobs.events import Step
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.follow import end_of
from domainstudio.mixture.shares import Arm
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.advice import Rewarming
from domainstudio.recipe.deepspeed import deepspeed_config
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.run import RunSpec
from domainstudio.recipe.size import Size
from domainstudio.workflow.machines.remote import machine_of, shared
from domainstudio.workflow.training.dry_step import DryStep, dry_steps
from domainstudio.workflow.training.rewarming import rewarming_of
from domainstudio.workflow.training.starting import TRAIN, freeze, run_spec, size_of_run


@dataclass(frozen=True)
class RunChoice:
    """Which run is meant: where it starts, what it reads, how it is trained, and its arm."""

    origin: str = "base"
    mixture: str = DEFAULT_NAME
    recipe: str = DEFAULT_NAME
    arm: Arm = "treated"
    machine: str = ""
    """Where it is trained: names of the person's machines with commas between; empty for here."""


@dataclass(frozen=True)
class Speed:
    """How fast a run, or a dry step, of the same model with the same shape of step was."""

    run: str
    tokens_per_second: float


CALIBRATION_STEPS = 20
"""Steps that a run must have made before its speed is taken for that of others, unless it is done."""


@dataclass(frozen=True)
class Peak:
    """The most memory that one device held of a run, or a dry step, that keeps the same there."""

    run: str
    memory_bytes: int


@dataclass(frozen=True)
class PlannedRun:
    """What is known of a run before it starts; nothing here is estimated but the size of a checkpoint."""

    choice: RunChoice
    spec: RunSpec
    size: Size
    tokens: int
    """Tokens of all its steps."""
    warmup_steps: int
    probes: int
    """Measurements of held-out loss, step 0 and the last among them."""
    checkpoints: int
    """Checkpoints written in all; `kept` of them stay."""
    kept: int
    checkpoint_bytes: int
    checkpoint_is_measured: bool
    """Whether the size is that of a checkpoint of such a run, or computed from the number of parameters."""
    free_bytes: int
    """Free on the disk of the project."""
    speed: Speed | None
    peak: Peak | None
    epochs: dict[str, float]
    """By source."""
    deepspeed: dict[str, Any]
    command: str
    rewarming: Rewarming | None
    """How high its rate should rise; None from random weights."""

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""
        return self.spec.recipe

    @property
    def parameters(self) -> int:
        """All of its parameters, trained or not."""
        return self.size.parameters

    @property
    def disk_bytes(self) -> int:
        """The most that its checkpoints and protection take: an old one goes when a new one is whole."""
        return self.protection_disk_bytes + self.checkpoint_bytes * min(self.checkpoints, self.kept + 1)

    @property
    def protection_disk_bytes(self) -> int:
        """What its protection keeps on the disk."""
        return self.recipe.protection_disk_bytes(self.size)

    @property
    def required_bytes(self) -> int:
        """The least that suffices: if room is short, an old one goes before a new one, but never the last."""
        least = self.checkpoint_bytes * min(self.checkpoints, max(2, self.kept))
        return self.protection_disk_bytes + least + ROOM_TO_SPARE


def planned(project: Project, choice: RunChoice) -> PlannedRun:
    """Return what a run would be.

    Raises:
        UserError: why it cannot start, as `start_run` would say.
    """
    spec, _processes = freeze(project, choice.origin, choice.mixture, choice.recipe, {}, choice.arm)
    recipe, size = spec.recipe, size_of_run(project, spec)
    if choice.machine:
        shared(choice.machine, recipe.processes)
    tokens = recipe.tokens_before(spec.steps + 1)
    alike = _alike(project, spec, choice.machine)  # of a run elsewhere not all of a checkpoint is here
    whole = (one.checkpoint_bytes() for one in alike if one.dry or not choice.machine)
    measured = next(filter(None, whole), 0)
    written, kept = checkpoints_of(recipe, spec.steps)
    return PlannedRun(
        choice=choice,
        spec=spec,
        size=size,
        tokens=tokens,
        warmup_steps=recipe.stage.warmup_in_steps(spec.steps),
        probes=1 + -(-spec.steps // recipe.probe_every),
        checkpoints=written,
        kept=kept,
        checkpoint_bytes=measured or recipe.checkpoint_bytes(size),
        checkpoint_is_measured=bool(measured),
        free_bytes=free_bytes(project.path),
        speed=speed_of(project, spec, choice.machine),
        peak=_peak_of(project, spec, choice.machine),
        epochs=_epochs(project, spec, tokens),
        deepspeed=deepspeed_config(recipe, size.parameters),
        command=command_line(project.path, choice),
        rewarming=rewarming_of(project, spec, size.parameters, tokens),
    )


def checkpoints_of(recipe: Recipe, steps: int) -> tuple[int, int]:
    """Return how many checkpoints a run of so many steps writes, and how many of them stay."""
    written = -(-steps // recipe.checkpoint_every)
    if _kept_by_guard(recipe):
        written += steps // recipe.probe_every
    return written, min(written, recipe.keep_checkpoints + _kept_by_guard(recipe))


def _kept_by_guard(recipe: Recipe) -> int:
    """Return how many checkpoints stay for the guard: the best so far, and one before each play."""
    return (recipe.on_budget == "keep") + len(PLAYBOOK) * (recipe.on_plateau == "act")


def command_line(project: Path, choice: RunChoice) -> str:
    """Return the command that starts a run; what has its usual value is left out."""
    options = {
        "--from": (choice.origin, "base"),
        "--mixture": (choice.mixture, DEFAULT_NAME),
        "--recipe": (choice.recipe, DEFAULT_NAME),
        "--arm": (choice.arm, "treated"),
        "--on": (choice.machine, ""),
    }
    words = ["domainstudio", "train", "start", str(project)]
    for option, (value, usual) in options.items():
        if value != usual:
            words += [option, value]
    return shlex.join(words)


def origins(project: Project) -> list[str]:
    """Return what a run may start from: base, then RUN@STEP of every checkpoint, newest run first."""
    runs = reversed(list(list_jobs(project.jobs, TRAIN.name)))
    steps = (
        f"{folder.job_id}@{checkpoint.step}"
        for folder in runs
        for checkpoint in reversed(list_checkpoints(folder.result))
    )
    return ["base", *steps]


def _epochs(project: Project, spec: RunSpec, tokens: int) -> dict[str, float]:
    """Return how often the run goes through the text of each of its sources."""
    from domainstudio.workflow.planning import offered

    available = {source.name: source.tokens for source in offered(project)}
    return {source.name: source.share * tokens / max(1, available[source.name]) for source in spec.sources}


def speed_of(project: Project, spec: RunSpec, machine: str = "") -> Speed | None:
    """Return how fast the newest run there was whose steps cost the same, or a dry step; None without one."""
    return next(filter(None, (one.speed() for one in _alike(project, spec, machine))), None)


def _peak_of(project: Project, spec: RunSpec, machine: str) -> Peak | None:
    """Return what the newest run there that keeps the same in memory held, or a dry step; None without."""
    alike = (one for one in _alike(project, spec, machine) if held_of(one.spec) == held_of(spec))
    return next(filter(None, (one.peak() for one in alike)), None)


@dataclass(frozen=True)
class _MeasuredRun:
    """A run, or a dry step, whose steps cost the same; what is measured is read when it is asked for."""

    folder: JobFolder
    spec: RunSpec
    dry: DryStep | None = None

    def speed(self) -> Speed | None:
        """Return the median speed of its last steps, of a run that goes on once there are enough."""
        speeds = [self.dry.tokens_per_second] if self.dry else [one.tokens_per_second for one in self._last]
        if not self.dry and len(speeds) < CALIBRATION_STEPS and self.folder.status() != "done":
            return None
        return Speed(self.folder.job_id, median(speeds)) if speeds else None

    def peak(self) -> Peak | None:
        """Return the most memory that a device held in its last steps."""
        held = [self.dry.memory_bytes] if self.dry else [one.memory_bytes for one in self._last]
        return Peak(self.folder.job_id, max(held)) if held else None

    def checkpoint_bytes(self) -> int:
        """Return the size of its newest checkpoint, 0 without one."""
        if self.dry:
            return self.dry.checkpoint_bytes
        checkpoint = latest_checkpoint(self.folder.result)
        return size_of(checkpoint.path) if checkpoint else 0

    @cached_property
    def _last(self) -> list[Step]:
        """The steps at the end of its events."""
        return [event.body for event in end_of(self.folder).poll() if isinstance(event.body, Step)]


def _alike(project: Project, spec: RunSpec, machine: str = "") -> Iterator[_MeasuredRun]:
    """Yield what a machine measured of steps that cost the same, newest first: of runs, then of dry steps."""
    for folder in reversed(list(list_jobs(project.jobs, TRAIN.name))):
        other = run_spec(project, folder.job_id)
        if cost_of(other) == cost_of(spec) and machine_of(folder.path) == machine:
            yield _MeasuredRun(folder, other)
    for folder, work, dry in dry_steps(project):
        if cost_of(work.spec) == cost_of(spec) and work.machine == machine:
            yield _MeasuredRun(folder, work.spec, dry)


def cost_of(spec: RunSpec) -> tuple[object, ...]:
    """Return what decides the time of a step: same model, batch, precision and devices."""
    recipe, stage = spec.recipe, spec.recipe.stage
    return (
        spec.model.preset, spec.model.folder, spec.vocabulary, recipe.precision, recipe.zero_stage,
        recipe.processes, recipe.activation_checkpointing, stage.micro_batch, stage.sequence_length,
        stage.gradient_accumulation, stage.method, stage.lora_rank,
        stage.lora_embeddings, stage.expanded_blocks, stage.frozen_blocks, bool(stage.kl_strength),
    )  # fmt: skip


def held_of(spec: RunSpec) -> tuple[object, ...]:
    """Return what decides the memory of a device beside what decides the time of a step."""
    stage = spec.recipe.stage
    return stage.spring, bool(stage.importance_from), stage.record_importance, stage.dropout > 0
