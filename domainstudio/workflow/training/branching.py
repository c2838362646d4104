"""Branch and decay from here: a new run goes on from a checkpoint of a trunk, which stays as it is."""

from domainstudio.jobs.checkpoints import CheckpointFolder, keep
from domainstudio.jobs.folder import JobFolder
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.recipe import CHANGED_IN_BRANCH, Recipe, change
from domainstudio.recipe.run import BaseLoss, Branch
from domainstudio.recipe.schedules import WITH_PLATEAU
from domainstudio.workflow.running import relative_to_job, start
from domainstudio.workflow.training.starting import TRAIN, curves_of, find_checkpoint, run_spec


def start_branch(
    project: Project, origin: str, decay_steps: int, settings: dict[str, str] | None = None
) -> JobFolder:
    """Start a run that goes on from a checkpoint with the optimizer's memory and the place in the text.

    Its rate falls from the trunk's at that step to the floor; nothing is warmed up. Its checkpoint of the
    trunk stays until a person removes it, also while the trunk goes on.

    Args:
        project: of the trunk.
        origin: `RUN` (its newest checkpoint) or `RUN@STEP`.
        decay_steps: steps of the branch.
        settings: recipe settings of the branch alone, of those that a branch may change.

    Raises:
        UserError: there is no such checkpoint, the run holds no rate to fall from, or a setting would not
            let it go on; nothing is started.
    """
    run, _, step = origin.partition("@")
    if origin == "base":
        raise UserError(Problem("branch.no_run", "from", {}))
    if decay_steps < 1:
        raise UserError(Problem("branch.no_steps", "decay", {"steps": decay_steps}))
    trunk = run_spec(project, run)
    schedule = trunk.recipe.stage.schedule if trunk.branch is None else "decay"
    if schedule not in WITH_PLATEAU:
        params = {"run": run, "schedule": schedule, "known": ", ".join(WITH_PLATEAU)}
        raise UserError(Problem("branch.no_plateau", "from", params))
    recipe = _recipe(trunk.recipe, settings or {})
    checkpoint = _kept(project.job(run), step)
    spec = trunk.model_copy(
        update={
            "recipe": recipe,
            "steps": checkpoint.step + decay_steps,
            "branch": Branch(
                run=run,
                step=checkpoint.step,
                checkpoint=relative_to_job(checkpoint.path, project),
                trunk_steps=trunk.steps,
                base=_base(project.job(run)),
            ),
        }
    )
    return start(project, TRAIN, spec, recipe.processes)


def _recipe(trunk: Recipe, settings: dict[str, str]) -> Recipe:
    """Return the recipe of a branch: the trunk's, but for what does not touch what its checkpoint holds."""
    for key in settings:
        if key not in CHANGED_IN_BRANCH:
            raise UserError(Problem("branch.fixed", key, {"key": key, "known": ", ".join(CHANGED_IN_BRANCH)}))
    return change(trunk, settings)


def _kept(folder: JobFolder, step: str) -> CheckpointFolder:
    """Return a checkpoint that stays from now on, also while its run writes others."""
    checkpoint = find_checkpoint(folder, step)
    try:
        keep(checkpoint)
    except FileNotFoundError:  # replaced just now
        return _kept(folder, step)
    return checkpoint


def _base(trunk: JobFolder) -> tuple[BaseLoss, ...]:
    """Return what the trunk measured at step 0: the base line of its branches too."""
    return tuple(
        BaseLoss(
            source=probe.source,
            role=probe.role,
            nats_per_token=probe.nats_per_token,
            bits_per_byte=probe.bits_per_byte,
            tokens=probe.tokens,
            bytes=probe.bytes,
        )
        for probe in curves_of(trunk).probes
        if probe.step == 0
    )
