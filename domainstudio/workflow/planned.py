"""A run before it starts: its arithmetic, its DeepSpeed configuration and the command that starts it."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
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
from domainstudio.workflow.rewarming import rewarming_of
from domainstudio.workflow.training import TRAIN, freeze, run_spec, size_of_run


@dataclass(frozen=True)
class RunChoice:
    """Which run is meant: where it starts, what it reads, how it is trained, and its arm."""

    origin: str = "base"
    mixture: str = DEFAULT_NAME
    recipe: str = DEFAULT_NAME
    arm: Arm = "treated"


@dataclass(frozen=True)
class Speed:
    """How fast a run of the same model with the same shape of step was."""

    run: str
    tokens_per_second: float


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
    tokens = recipe.tokens_before(spec.steps + 1)
    alike = list(_alike(project, spec))
    measured = next((found for folder in alike if (found := _checkpoint_bytes(folder))), 0)
    written = -(-spec.steps // recipe.checkpoint_every)
    if _kept_by_guard(recipe):
        written += spec.steps // recipe.probe_every
    return PlannedRun(
        choice=choice,
        spec=spec,
        size=size,
        tokens=tokens,
        warmup_steps=recipe.stage.warmup_in_steps(spec.steps),
        probes=1 + -(-spec.steps // recipe.probe_every),
        checkpoints=written,
        kept=min(written, recipe.keep_checkpoints + _kept_by_guard(recipe)),
        checkpoint_bytes=measured or recipe.checkpoint_bytes(size),
        checkpoint_is_measured=bool(measured),
        free_bytes=free_bytes(project.path),
        speed=next((speed for folder in alike if (speed := _speed(folder))), None),
        epochs=_epochs(project, spec, tokens),
        deepspeed=deepspeed_config(recipe, size.parameters),
        command=command_line(project.path, choice),
        rewarming=rewarming_of(project, spec, size.parameters, tokens),
    )


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


def speed_of(project: Project, spec: RunSpec) -> Speed | None:
    """Return how fast the newest run was whose steps cost the same, None if there was none."""
    return next((speed for folder in _alike(project, spec) if (speed := _speed(folder))), None)


def _alike(project: Project, spec: RunSpec) -> Iterator[JobFolder]:
    """Yield the runs whose steps cost the same, newest first: same model, batch, precision and devices."""
    for folder in reversed(list(list_jobs(project.jobs, TRAIN.name))):
        if _cost(run_spec(project, folder.job_id)) == _cost(spec):
            yield folder


def _cost(spec: RunSpec) -> tuple[object, ...]:
    recipe, stage = spec.recipe, spec.recipe.stage
    return (
        spec.model.preset, spec.model.folder, spec.vocabulary, recipe.precision, recipe.zero_stage,
        recipe.processes, recipe.activation_checkpointing, stage.micro_batch, stage.sequence_length,
        stage.gradient_accumulation, stage.method, stage.lora_rank,
        stage.lora_embeddings, stage.expanded_blocks, stage.frozen_blocks, bool(stage.kl_strength),
    )  # fmt: skip


def _checkpoint_bytes(folder: JobFolder) -> int:
    checkpoint = latest_checkpoint(folder.result)
    return size_of(checkpoint.path) if checkpoint else 0


def _speed(folder: JobFolder) -> Speed | None:
    """Return the median speed of a run's last steps, read from the end of its events."""
    steps = (event.body for event in end_of(folder).poll() if isinstance(event.body, Step))
    speeds = [step.tokens_per_second for step in steps]
    return Speed(folder.job_id, median(speeds)) if speeds else None
