"""Whether a planned run fits its hardware, how long it takes and what it writes; measured or estimated."""

import subprocess
from dataclasses import asdict, dataclass
from functools import lru_cache

import psutil

from domainstudio.language import translate as _
from domainstudio.project.project import Project
from domainstudio.recipe.architecture import Architecture, of_folder, of_preset
from domainstudio.recipe.estimate import (
    UTILISATION,
    Memory,
    flops_per_token,
    memory_of,
    milder,
    share_at,
    speed_at,
)
from domainstudio.recipe.hardware import CPU, LISTING, Hardware, of_listing
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.run import RunSpec, folder_of
from domainstudio.recipe.shapes import SHAPES
from domainstudio.recipe.size import Shapes, Size
from domainstudio.recipe.trained import size_of
from domainstudio.units import format_count, format_duration, format_size
from domainstudio.workflow.machines.targets import hardware_there
from domainstudio.workflow.training.planned import Peak, PlannedRun, Speed, checkpoints_of, cost_of, held_of
from domainstudio.workflow.training.starting import shapes_of_run

_PROBE_SECONDS = 5.0
_ROUGH_DAYS = 2
"""From so many days on a time is told in days alone."""


@dataclass(frozen=True)
class Ground:
    """What is read once of a planned run, so that drafts of its recipe are judged without the project."""

    run: PlannedRun
    architecture: Architecture
    shapes: Shapes
    hardware: Hardware
    here: Hardware
    """What the run was measured on, if anything was."""


@dataclass(frozen=True)
class Milder:
    """A recipe that takes less memory, as far as it differs."""

    zero_stage: int
    activation_checkpointing: bool
    micro_batch: int
    needed_bytes: int
    fits: bool


@dataclass(frozen=True)
class Fit:
    """What a run takes on its hardware: what is not measured is estimated."""

    hardware: Hardware
    recipe: Recipe
    """How it is trained, on that many devices in all."""
    planned_devices: int
    """That the recipe takes by itself."""
    memory: Memory
    """Estimated, by part."""
    needed_bytes: int
    """Of one device; of a processor in all."""
    memory_from: str
    """The run or dry step that measured it; empty if it is estimated."""
    seconds: float | None
    tokens_per_second: float | None
    """None where neither a peak nor a measured speed is known."""
    flops_per_token: float
    share_of_peak: float
    """What the estimate of the time takes for it, if it rests on a peak."""
    speed_from: str
    """The run or dry step whose measured speed the time rests on; empty if on none."""
    speed_is_measured: bool
    """Whether its steps were the very same; otherwise arithmetic leads from it to these."""
    disk_bytes: int
    kept: int
    milder: Milder | None
    """If it does not fit: the mildest recipe that does, or the one that takes least."""

    @property
    def fits(self) -> bool:
        """Whether memory suffices."""
        return self.needed_bytes <= self.hardware.memory_bytes

    @property
    def gpu_hours(self) -> float | None:
        """What it costs where GPUs are paid by the hour; None on a processor, or if the time is not known."""
        if self.seconds is None or self.hardware.is_cpu:
            return None
        return self.seconds * self.recipe.processes / 3600


@lru_cache(maxsize=1)
def hardware_here() -> Hardware:
    """Return the GPUs of this machine as their driver lists them, else its processor; asked once."""
    try:
        done = subprocess.run(LISTING, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
        found = of_listing(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired):
        found = None
    if found is None:
        return Hardware(CPU, int(psutil.virtual_memory().total), is_here=True)
    return Hardware(found.name, found.memory_bytes, found.devices, is_here=True)


def ground_of(project: Project, run: PlannedRun, hardware: Hardware | None = None) -> Ground:
    """Return what the fit of a run rests on.

    Args:
        project: of the run.
        run: as it is planned.
        hardware: what it shall be trained on; if None the machines that were chosen for it, else this one.

    Raises:
        UserError: the folder of its model cannot be read, or a chosen machine was never asked what it has.
    """
    spec, machines = run.spec, run.choice.machine
    if machines and hardware is not None and not hardware.is_here:
        here = hardware  # nothing is asked of them for a plan of other hardware
    else:
        here = hardware_there(machines) if machines else hardware_here()
    return Ground(run, architecture_of(project, spec), shapes_of_run(project, spec), hardware or here, here)


def architecture_of(project: Project, spec: RunSpec) -> Architecture:
    """Return the architecture of the model of step 0.

    Raises:
        UserError: its folder cannot be read.
    """
    if spec.model.preset is not None:
        return of_preset(SHAPES[spec.model.preset], spec.vocabulary)
    return of_folder(folder_of(spec.model, project.jobs / "job"))


def fit_of(ground: Ground, recipe: Recipe | None = None) -> Fit:
    """Return whether a run fits and what it takes.

    Args:
        ground: what is known of it.
        recipe: a draft in place of the recipe that it was planned with.

    Raises:
        UserError: the hardware does not compute in the recipe's precision.
    """
    run, hardware = ground.run, ground.hardware
    wanted = recipe or run.recipe
    recipe = _on(hardware, wanted)
    hardware.require(recipe.precision)
    size = size_of(ground.shapes, recipe.stage)
    peak, speed = _measured(ground, recipe)
    memory = memory_of(ground.architecture, size, recipe, hardware.overhead_bytes)
    context = 0 if hardware.is_cpu else hardware.overhead_bytes
    needed = _needed(hardware, recipe, peak.memory_bytes + context if peak else memory.total)
    flops = flops_per_token(ground.architecture, size, recipe)
    tokens = recipe.tokens_before(recipe.steps + 1) if recipe.steps else run.tokens
    share, learned_from = _share(ground, recipe)
    rate = speed.tokens_per_second if speed else _rate(ground, recipe, flops, share, learned_from)
    disk_bytes, kept = _disk(run, recipe, tokens, size)
    return Fit(
        hardware=hardware,
        recipe=recipe,
        planned_devices=wanted.processes,
        memory=memory,
        needed_bytes=needed,
        memory_from=peak.run if peak else "",
        seconds=tokens / rate if rate else None,
        tokens_per_second=rate,
        flops_per_token=flops,
        share_of_peak=share,
        speed_from=learned_from,
        speed_is_measured=speed is not None,
        disk_bytes=disk_bytes,
        kept=kept,
        milder=_milder(ground, recipe) if needed > hardware.memory_bytes else None,
    )


def _measured(ground: Ground, recipe: Recipe) -> tuple[Peak | None, Speed | None]:
    """Return what was measured here of the very same memory, and of the very same step."""
    run, spec = ground.run, ground.run.spec.model_copy(update={"recipe": recipe})
    if not ground.hardware.is_here or cost_of(spec) != cost_of(run.spec):
        return None, None
    return run.peak if held_of(spec) == held_of(run.spec) else None, run.speed


def _rate(ground: Ground, recipe: Recipe, flops: float, share: float, learned_from: str) -> float | None:
    """Return the estimated tokens a second: by the arithmetic of a run that was measured, or by the peak."""
    run = ground.run
    is_near = ground.hardware.is_here and recipe.processes == run.recipe.processes
    if learned_from and is_near and run.speed is not None:
        measured = flops_per_token(ground.architecture, run.size, run.recipe)
        return run.speed.tokens_per_second * measured / flops
    return speed_at(share, flops, ground.hardware, recipe)


def _disk(run: PlannedRun, recipe: Recipe, tokens: int, size: Size) -> tuple[int, int]:
    """Return the most that checkpoints and protection take on the disk at once, and how many are kept."""
    written, kept = checkpoints_of(recipe, -(-tokens // recipe.tokens_per_step()))
    is_as_measured = run.checkpoint_is_measured and size == run.size
    each = run.checkpoint_bytes if is_as_measured else recipe.checkpoint_bytes(size)
    return recipe.protection_disk_bytes(size) + each * min(written, kept + 1), kept


def _on(hardware: Hardware, recipe: Recipe) -> Recipe:
    """Return a recipe with the devices of hardware; here the recipe says itself how many it takes."""
    return recipe if hardware.is_here else recipe.model_copy(update={"processes": hardware.total})


def _needed(hardware: Hardware, recipe: Recipe, each: int) -> int:
    """Return what is compared with the hardware's memory: processes on a processor share one."""
    return each * recipe.processes // hardware.nodes if hardware.is_cpu else each


def _share(ground: Ground, recipe: Recipe) -> tuple[float, str]:
    """Return the share of the peak to reckon with, and the run here that showed it if one did."""
    run, here = ground.run, ground.here
    if run.speed is None or here.name != ground.hardware.name or recipe.precision != run.recipe.precision:
        return UTILISATION, ""
    flops = flops_per_token(ground.architecture, run.size, run.recipe)
    return share_at(run.speed.tokens_per_second, flops, here, run.recipe) or UTILISATION, run.speed.run


def _milder(ground: Ground, recipe: Recipe) -> Milder | None:
    """Return the mildest recipe that fits, else the one that takes least; None if nothing can be saved."""
    tried = [_tried(ground, one) for one in milder(recipe)]
    fitting = (one for one in tried if one.fits)
    return next(fitting, None) or min(tried, key=lambda one: one.needed_bytes, default=None)


def _tried(ground: Ground, recipe: Recipe) -> Milder:
    size, hardware = size_of(ground.shapes, recipe.stage), ground.hardware
    each = memory_of(ground.architecture, size, recipe, hardware.overhead_bytes).total
    needed = _needed(hardware, recipe, each)
    return Milder(
        zero_stage=recipe.zero_stage,
        activation_checkpointing=recipe.activation_checkpointing,
        micro_batch=recipe.stage.micro_batch,
        needed_bytes=needed,
        fits=needed <= hardware.memory_bytes,
    )


def fit_sentence(fit: Fit) -> str:
    """Say whether it fits, how long it takes and what its checkpoints take."""
    sizes = {"needed": gigabytes(fit.needed_bytes), "memory": gigabytes(fit.hardware.memory_bytes)}
    if not fit.fits:
        if fit.hardware.is_cpu:
            return _("Does not fit: {needed} of {memory} GB of memory").format(**sizes)
        return _("Does not fit: {needed} of {memory} GB a GPU").format(**sizes)
    if fit.hardware.is_cpu:
        parts = [_("Fits: {needed} of {memory} GB of memory").format(**sizes)]
    else:
        parts = [_("Fits: {needed} of {memory} GB a GPU").format(**sizes)]
    if fit.seconds is not None:
        parts.append(_("about {time}").format(time=rough_duration(fit.seconds)))
    disk = {"size": format_size(fit.disk_bytes), "kept": format_count(fit.kept)}
    parts.append(_("checkpoints {size} with {kept} kept").format(**disk))
    return _(", ").join(parts)


def remedy_words(fit: Fit) -> str:
    """Say what would make a run fit that does not; empty if it does."""
    found = fit.milder
    if fit.fits:
        return ""
    if found is None:
        return _("Nothing in the recipe saves more: take a smaller model, LoRA, or more devices.")
    changed = []
    if found.zero_stage != fit.recipe.zero_stage:
        changed.append(f"ZeRO-{found.zero_stage}")
    if found.activation_checkpointing != fit.recipe.activation_checkpointing:
        changed.append(_("recomputed activations"))
    if found.micro_batch != fit.recipe.stage.micro_batch:
        changed.append(_("a micro-batch of 1"))
    sizes = {"how": _(" and ").join(changed), "needed": gigabytes(found.needed_bytes)}
    if found.fits:
        return _("With {how} it would: {needed} GB, estimated.").format(**sizes)
    return _(
        "Even with {how} it takes {needed} GB, estimated: take a smaller model, LoRA, or more devices."
    ).format(**sizes)


def source_words(fit: Fit) -> str:
    """Say where each figure comes from: measured, or estimated by which formula and at which speed."""
    if fit.memory_from and fit.speed_is_measured and fit.memory_from == fit.speed_from:
        words = [_("Memory and speed measured by {run}.").format(run=fit.memory_from)]
    else:
        words = [_memory_words(fit)]
        if fit.fits:
            words.append(_time_words(fit))
    return " ".join(filter(None, [*words, _cost_words(fit), _device_words(fit)]))


def _memory_words(fit: Fit) -> str:
    if fit.memory_from:
        return _("Memory measured by {run}.").format(run=fit.memory_from)
    return _("Memory estimated from the model's shape.")


def _time_words(fit: Fit) -> str:
    formula = "8 N" if fit.recipe.activation_checkpointing else "6 N"
    if fit.speed_is_measured:
        return _("Time from the speed measured by {run}.").format(run=fit.speed_from)
    if fit.tokens_per_second is None:
        return _("How long it takes is not known before a step was measured here.")
    if fit.hardware.is_here and fit.speed_from:
        words = _("Time estimated from the speed of {run} by arithmetic: {formula} and attention.")
        return words.format(run=fit.speed_from, formula=formula)
    words = _(
        "Time estimated: {formula} and attention, {flops:.3g} FLOP a token, at {share:.0f} % of {peak} "
        "TFLOP/s in {precision} on {devices} × {name}."
    ).format(
        formula=formula,
        flops=fit.flops_per_token,
        share=100 * fit.share_of_peak,
        peak=f"{fit.hardware.peak_flops(fit.recipe.precision) / 1e12:g}",
        precision=fit.recipe.precision,
        devices=format_count(fit.recipe.processes),
        name=fit.hardware.name,
    )
    if not fit.speed_from:
        return words
    return words + " " + _("{run} reached that share here.").format(run=fit.speed_from)


def _cost_words(fit: Fit) -> str:
    if fit.gpu_hours is None or fit.gpu_hours < 1 or not fit.fits:
        return ""
    return _("It costs {hours} GPU-hours.").format(hours=format_count(fit.gpu_hours))


def _device_words(fit: Fit) -> str:
    """Say that it is counted for other devices than the recipe takes, or than there are."""
    counts = {"counted": format_count(fit.recipe.processes), "planned": format_count(fit.planned_devices)}
    if fit.recipe.processes != fit.planned_devices:
        return _("Counted for {counted} devices; the recipe takes {planned}.").format(**counts)
    if not fit.hardware.is_cpu and fit.recipe.processes > fit.hardware.total:
        words = _("The recipe takes {planned} devices, and there are {there}.")
        return words.format(**counts, there=format_count(fit.hardware.total))
    return ""


def part_lines(fit: Fit) -> list[list[str]]:
    """Return name and size of each part of a device's estimated memory that is there, and of all."""
    sizes = asdict(fit.memory)
    parts = [[name, format_size(sizes[key])] for key, name in part_names().items() if sizes[key]]
    return [*parts, [_("All"), format_size(fit.memory.total)]]


def part_names() -> dict[str, str]:
    """Return the names of the parts of `Memory`."""
    return {
        "weights": _("Weights"),
        "gradients": _("Gradients"),
        "optimizer": _("Optimizer"),
        "protection": _("Anchors and importances"),
        "base_copy": _("Copy of the base"),
        "activations": _("Activations"),
        "logits": _("Logits"),
        "working": _("Buffers and libraries"),
    }


def gigabytes(size_bytes: float) -> str:
    """Return a size of memory in GB, as graphics cards are sold: 31, 0.8."""
    size = size_bytes / 1e9
    return f"{size:.0f}" if size >= 10 else f"{size:.2g}"


def rough_duration(seconds: float) -> str:
    """Return a long time in days alone: 18 days; a short one as any duration, of a second at least."""
    days = seconds / 86_400
    if days >= _ROUGH_DAYS:
        return _("{n} days").format(n=format_count(days))
    return format_duration(max(1, seconds))
