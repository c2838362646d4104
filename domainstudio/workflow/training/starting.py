"""Start a training run, and see what runs there are."""

from dataclasses import dataclass
from pathlib import Path

from domainstudio.jobs.checkpoints import (
    MODEL,
    ROOM_TO_SPARE,
    CheckpointFolder,
    chosen_checkpoint,
    latest_checkpoint,
    list_checkpoints,
)
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.metrics import read
from domainstudio.mixture.shares import Arm, Mixture, arm_of, check, check_blocks, plan
from domainstudio.problems import Problem, UserError
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.base_model import read_base_model, shapes_in
from domainstudio.recipe.interventions import rate_factor
from domainstudio.recipe.recipe import BY_IMPORTANCE, Recipe, change
from domainstudio.recipe.run import (
    IMPORTANCE_FILE,
    HeldOutSource,
    ModelOrigin,
    RunSpec,
    TrainingSource,
    folder_of,
)
from domainstudio.recipe.shapes import SHAPES
from domainstudio.recipe.size import Shapes, Size, blocks_in
from domainstudio.recipe.trained import size_of
from domainstudio.tokenizer.extension.report import read_rows
from domainstudio.workflow import planning
from domainstudio.workflow.machines import remote
from domainstudio.workflow.protection import canaries
from domainstudio.workflow.running import Kind, Room, relative_to_job, start, work_of
from domainstudio.workflow.tokenizer.packing import packed
from domainstudio.workflow.tokenizer.train import current


def size_of_run(project: Project, spec: RunSpec) -> Size:
    """Return how many parameters a run has, and trains.

    Raises:
        UserError: the folder of its model cannot be read.
    """
    return size_of(shapes_of_run(project, spec), spec.recipe.stage)


def shapes_of_run(project: Project, spec: RunSpec) -> Shapes:
    """Return the tensors of the model of step 0."""
    if spec.branch is not None and spec.recipe.stage.method != "expansion":
        return shapes_in((project.jobs / "job" / spec.branch.checkpoint).resolve() / MODEL)
    if spec.model.preset is not None:
        return SHAPES[spec.model.preset].tensors(spec.vocabulary)
    return shapes_in(folder_of(spec.model, project.jobs / "job"))


def _room(project: Project, spec: RunSpec) -> Room:
    """Return the room for the first checkpoint, without which the trainer would give up after loading."""
    size, recipe = size_of_run(project, spec), spec.recipe
    needed = ROOM_TO_SPARE + recipe.checkpoint_bytes(size) + recipe.protection_disk_bytes(size)
    return Room(project.path, needed, needed)


TRAIN = Kind("train", RunSpec, program="domainstudio.trainer", room=_room)


def start_run(
    project: Project,
    *,
    origin: str = "base",
    mixture_name: str = DEFAULT_NAME,
    recipe_name: str = DEFAULT_NAME,
    settings: dict[str, str] | None = None,
    arm: Arm = "treated",
    machine: str = "",
    is_started: bool = True,
) -> JobFolder:
    """Freeze mixture, recipe and token files into a run and start it.

    Args:
        project: where everything is read from.
        origin: `base`, or `RUN` or `RUN@STEP` of this project, whose weights the run starts from.
        mixture_name: a saved mixture.
        recipe_name: a saved recipe.
        settings: recipe settings replaced for this run alone.
        arm: treated takes the mixture as it is, control its general text alone, naive its other text alone.
        machine: where it is trained: names of the person's machines with commas between; empty for here.
        is_started: False prepares it alone, for a person who starts it by hand.

    Raises:
        UserError: something is missing or contradicts; nothing is started.
    """
    spec, processes = freeze(project, origin, mixture_name, recipe_name, settings or {}, arm)
    if not is_started:
        return start(project, TRAIN, spec, processes, lambda folder: folder.creator_file.unlink())
    if not machine:
        return start(project, TRAIN, spec, processes)
    return start(project, TRAIN, spec, processes, remote.launcher(project, machine, processes))


def freeze(
    project: Project,
    origin: str,
    mixture_name: str,
    recipe_name: str,
    settings: dict[str, str],
    arm: Arm,
) -> tuple[RunSpec, int]:
    """Return the run's frozen work and its number of processes; arguments and errors as in `start_run`."""
    recipe = change(planning.recipe_of(project, recipe_name), settings)
    if arm != "treated":
        recipe = recipe.unprotected()
    offered = planning.offered(project)
    mixture = arm_of(planning.mixture_of(project, mixture_name), arm, offered)
    return freeze_plan(project, origin, mixture, recipe, arm, mixture_name), recipe.processes


def freeze_plan(
    project: Project, origin: str, mixture: Mixture, recipe: Recipe, arm: Arm, mixture_name: str
) -> RunSpec:
    """Return the frozen work of a run of this very mixture and recipe; errors as in `start_run`."""
    portions = plan(mixture, planning.offered(project))
    check(mixture, portions)
    check_blocks(portions, recipe.stage.sequence_length)
    tokenizer = current(project)
    folders = {file.source: file.folder for file in packed(project, "training")}
    spec = RunSpec(
        recipe=recipe,
        steps=recipe.steps_for(mixture.tokens),
        model=_origin(project, origin, tokenizer.sha256),
        tokenizer=relative_to_job(project.inside(tokenizer.folder), project),
        tokenizer_sha256=tokenizer.sha256,
        vocabulary=tokenizer.vocabulary,
        first_new_row=_first_new_row(project.inside(tokenizer.folder), recipe),
        sources=tuple(
            TrainingSource(
                name=portion.source,
                role=portion.role,
                share=portion.share,
                tokens=relative_to_job(project.inside(folders[portion.source]), project),
            )
            for portion in portions
        ),
        held_out=tuple(
            HeldOutSource(
                name=file.source, role=file.role, tokens=relative_to_job(project.inside(file.folder), project)
            )
            for file in packed(project, "held_out")
            if file.tokens
        ),
        general_text=_general_text(project, recipe),
        importance=_importance(project, recipe),
        canaries=canaries.frozen(
            canaries.listed(project, recipe.canaries),
            project.inside(tokenizer.folder),
            recipe.stage.sequence_length,
        ),
        arm=arm,
        mixture=mixture_name,
    )
    _require_fit(project, spec)
    _refuse_to_warm_up_again(project, spec)
    return spec


def _first_new_row(tokenizer: Path, recipe: Recipe) -> int | None:
    """Return where the rows of new tokens begin, None if the recipe does not train them apart.

    Raises:
        UserError: it does, and the vocabulary was not extended.
    """
    if not recipe.stage.new_rows_steps:
        return None
    try:
        return read_rows(tokenizer).first
    except FileNotFoundError:
        raise UserError(Problem("recipe.no_new_rows", "new_rows_steps")) from None


def _importance(project: Project, recipe: Recipe) -> str:
    """Return the file of the run whose importance a spring takes, empty if it measures its own.

    Raises:
        UserError: there is no such run, or it has none.
    """
    stage = recipe.stage
    if not stage.importance_from or stage.spring not in BY_IMPORTANCE:
        return ""
    file = project.job(stage.importance_from).result / IMPORTANCE_FILE
    if not file.is_file():
        raise UserError(Problem("importance.none", "importance_from", {"run": stage.importance_from}))
    return relative_to_job(file, project)


def _general_text(project: Project, recipe: Recipe) -> tuple[TrainingSource, ...]:
    """Return all general text that is packed, if the recipe's protection needs it.

    Raises:
        UserError: it does, and no general text has a whole block.
    """
    is_for_spring = recipe.stage.spring in BY_IMPORTANCE and not recipe.stage.importance_from
    if not is_for_spring and not recipe.stage.kl_strength:
        return ()
    length = recipe.stage.sequence_length
    general = [
        file for file in packed(project, "training") if file.role == "general" and file.tokens > length
    ]
    if not general and is_for_spring:
        raise UserError(Problem("recipe.no_general_text", "spring", {"spring": recipe.stage.spring}))
    if not general:
        raise UserError(Problem("recipe.no_text_for_kl", "kl_strength"))
    total = sum(file.tokens for file in general)
    return tuple(
        TrainingSource(
            name=file.source,
            role=file.role,
            share=file.tokens / total,
            tokens=relative_to_job(project.inside(file.folder), project),
        )
        for file in general
    )


def _require_fit(project: Project, spec: RunSpec) -> None:
    """Refuse a run that its model cannot take, which the trainer would find out after minutes of loading."""
    if spec.model.preset is not None:
        shape = SHAPES[spec.model.preset]
        spec.require_fit(spec.vocabulary, shape.positions, shape.layers)
        return
    base = read_base_model(folder_of(spec.model, project.jobs / "job"))
    spec.require_fit(base.vocabulary, base.positions, blocks_in(shapes_of_run(project, spec)))


def _refuse_to_warm_up_again(project: Project, spec: RunSpec) -> None:
    """Refuse a run that starts from an unfinished one on the same text: its schedule was to be resumed."""
    if spec.model.run is None:
        return
    before = run_spec(project, spec.model.run)
    checkpoint = find_checkpoint(project.job(spec.model.run))
    was_kept = project.job(spec.model.run).status() == "done"
    is_same_text = {source.tokens for source in spec.sources} == {source.tokens for source in before.sources}
    if is_same_text and checkpoint.step < before.steps and not was_kept:
        params = {"run": spec.model.run, "step": checkpoint.step, "steps": before.steps}
        raise UserError(Problem("run.same_text", "from", params))


def _origin(project: Project, origin: str, tokenizer_sha256: str) -> ModelOrigin:
    """Return where the weights of step 0 lie."""
    if origin == "base":
        return project.base
    run, _, step = origin.partition("@")
    spec = run_spec(project, run)
    if spec.tokenizer_sha256 != tokenizer_sha256:
        raise UserError(Problem("run.other_tokenizer", "from", {"run": run}))
    checkpoint = find_checkpoint(project.job(run), step)
    return ModelOrigin(folder=relative_to_job(checkpoint.model, project), run=run, step=checkpoint.step)


def run_spec(project: Project, run: str) -> RunSpec:
    """Return what a run was given.

    Raises:
        UserError: there is no such run.
    """
    spec = project.job(run).spec()
    if spec.kind != TRAIN.name:
        raise UserError(Problem("run.not_a_run", "run", {"job": run}))
    frozen: RunSpec = work_of(spec, TRAIN)
    return frozen


def find_checkpoint(folder: JobFolder, step: str = "") -> CheckpointFolder:
    """Return the checkpoint that is a run's result (the newest, if its guard chose no other), or of one step.

    Raises:
        UserError: there is none.
    """
    found = list_checkpoints(folder.result)
    named = [checkpoint for checkpoint in found if str(checkpoint.step) == step]
    wanted = next(iter(named), None) if step else chosen_checkpoint(folder.result)
    if wanted is None:
        steps = ", ".join(str(checkpoint.step) for checkpoint in found) or "-"
        raise UserError(
            Problem("run.no_checkpoint", "run", {"run": folder.job_id, "step": step or "-", "steps": steps})
        )
    return wanted


def curves_of(folder: JobFolder) -> Curves:
    """Return all points of a run."""
    return read(folder)


@dataclass(frozen=True)
class Resumption:
    """Where a run goes on: the position of schedule and data that its checkpoint restores."""

    step: int
    """The next step; 1 begins anew."""
    steps: int
    share_of_data: float
    learning_rate: float


def resumption(project: Project, run: str) -> Resumption:
    """Return where a run would go on."""
    spec, checkpoint = run_spec(project, run), latest_checkpoint(project.job(run).result)
    step = 1 + (checkpoint.step if checkpoint else spec.steps_before)
    recipe = spec.recipe
    is_guarded = (recipe.on_budget, recipe.on_plateau) != ("alarm", "off")
    done = curves_of(project.job(run)).interventions if is_guarded else []
    rate = spec.learning_rate_at(step) * rate_factor(done, step)
    seen = recipe.tokens_before(step) / recipe.tokens_before(spec.steps + 1)
    return Resumption(step, spec.steps, seen, rate)
