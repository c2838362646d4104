"""Afterwards, free: blends of a run's weights with its base, its checkpoints and a chat model, measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from domainstudio.evaluation.blends import BlendOutcome
from domainstudio.evaluation.forgetting import Outcome, SourceChange, changes, outcome
from domainstudio.evaluation.front import undominated
from domainstudio.jobs.checkpoints import CheckpointFolder, list_checkpoints
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.spec import invalid_field, parse_model
from domainstudio.mixture.shares import Arm
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.blend import POINTS_FILE, Blend, BlendFiles, BlendPoint, BlendPoints, BlendWork
from domainstudio.recipe.run import RunSpec, folder_of
from domainstudio.recipe.tensor_files import require_same_shapes, tensor_files
from domainstudio.workflow.export.candidates import Candidate
from domainstudio.workflow.running import Kind, relative_to_job, start, work_of
from domainstudio.workflow.runs.run_list import RunList
from domainstudio.workflow.training.starting import TRAIN, curves_of, find_checkpoint, run_spec

BLEND = Kind("blend", BlendWork, program="domainstudio.model")
DEFAULT_POINTS, DEFAULT_AVERAGED = 11, 5
STRENGTHS = (0.5, 1.0)
"""How much of a chat vector is added where its strength is not given."""


@dataclass(frozen=True)
class BlendRow:
    """One blend and what it gains and forgets: nats a token against the base its run started from."""

    run: str
    step: int
    arm: Arm
    origin: str
    blend: Blend
    steps: tuple[int, ...]
    """The checkpoints it is made of, oldest first."""
    outcome: Outcome
    accepted: float | None
    """The run's accepted forgetting, if it has one."""
    losses: tuple[SourceChange, ...]
    is_undominated: bool = False
    """Whether no other of its job gained more without forgetting more."""

    @property
    def gain(self) -> float | None:
        """Against the base."""
        return self.outcome.gain

    @property
    def forgetting(self) -> float | None:
        """Against the base."""
        return self.outcome.forgetting

    @property
    def measured_at(self) -> int:
        """The checkpoint that was blended; a candidate has the step of its probes here."""
        return self.step

    @property
    def is_accepted(self) -> bool | None:
        """Whether its forgetting is within what the run accepts; None if either is not known."""
        if self.forgetting is None or self.accepted is None:
            return None
        return self.forgetting <= self.accepted


def start_blending(
    project: Project,
    run: str,
    *,
    points: int = DEFAULT_POINTS,
    average: int = DEFAULT_AVERAGED,
    chat: Path | None = None,
) -> JobFolder:
    """Start measuring blends of RUN or RUN@STEP; return the job that did so already if nothing has changed.

    Args:
        project: where everything is read from.
        run: the run, and the step of a checkpoint if not the newest.
        points: blends from the base to the checkpoint, both ends among them; 0 measures none.
        average: last checkpoints to average, as many as there are; below 2 measures none.
        chat: a chat model made from the same base, whose vector is added at some strengths.

    Raises:
        UserError: there is no such checkpoint, its base is random, gone or of another shape, the run had no
            held-out text, or there is nothing to measure.
    """
    work = blend_work(project, run, points, average, chat)
    for folder in reversed(list(list_jobs(project.jobs, BLEND.name))):
        if folder.status() == "done" and _is_same(work_of(folder.spec(), BLEND), work):
            return folder
    return start(project, BLEND, work)


def blend_files(project: Project, run: str, step: int, blend: Blend) -> BlendFiles:
    """Return the folders that a blend of a checkpoint is made of; an average takes as many as there are.

    Raises:
        UserError: one is gone or refused, they are not of one shape, or there are too few to average.
    """
    spec, job = run_spec(project, run), project.job(run)
    _require_base(project, run, spec, [blend])
    trained = _last_checkpoints(job, step, int(blend.amount) if blend.kind == "average" else 1)
    if blend.kind == "average" and len(trained) < 2:
        params = {"run": run, "count": len(trained), "step": step}
        raise UserError(Problem("blend.no_average", "average", params))
    base = folder_of(spec.model, project.jobs / "job") if blend.needs_base else None
    layout = tensor_files(trained[-1].model)
    for other in (base, Path(blend.chat) if blend.chat else None):
        if other is not None:
            require_same_shapes(layout, tensor_files(other))
    return BlendFiles(
        blend=blend,
        trained=tuple(str(one.model.resolve()) for one in trained),
        base=str(base) if base else None,
    )


def checked_blend(kind: str, amount: float, chat: Path | None = None) -> Blend:
    """Return a blend that a person described.

    Raises:
        UserError: its amount is out of range.
    """
    try:
        return Blend.model_validate(
            {"kind": kind, "amount": amount, "chat": str(chat.resolve()) if chat else None}
        )
    except ValidationError as error:
        raise invalid_field(error, kind) from None


def blend_work(project: Project, run: str, points: int, average: int, chat: Path | None) -> BlendWork:
    """Return what a job that measures blends is given; arguments and errors as in `start_blending`."""
    name, _, step = run.partition("@")
    spec, job = run_spec(project, name), project.job(name)
    checkpoint = find_checkpoint(job, step)
    if not spec.held_out:
        raise UserError(Problem("blend.no_held_out", "run", {"run": name}))
    last = _last_checkpoints(job, checkpoint.step, average)
    blends = [
        *(checked_blend("interpolation", round(place / (points - 1), 6)) for place in range(points)),
        *([checked_blend("average", len(last))] if len(last) > 1 else []),
        *(checked_blend("chat", strength, chat) for strength in (STRENGTHS if chat else ())),
    ]
    if not blends:
        raise UserError(Problem("blend.needs_one", "points"))
    _require_base(project, name, spec, blends)
    for blend in blends[-1:] if chat else ():
        blend_files(project, name, checkpoint.step, blend)
    is_training = any(folder.status() == "running" for folder in list_jobs(project.jobs, TRAIN.name))
    return BlendWork(
        run=name,
        step=checkpoint.step,
        spec=spec,
        blends=tuple(blends),
        at_steps=tuple(one.step for one in last),
        trained=tuple(relative_to_job(one.model, project) for one in last),
        chat_state=_state_of(chat) if chat else "",
        on_cpu=is_training,
    )


def _last_checkpoints(job: JobFolder, step: int, most: int) -> list[CheckpointFolder]:
    """Return the last checkpoints up to a step, oldest first: at least the one of that step."""
    found = [one for one in list_checkpoints(job.result) if one.step <= step]
    return found[-max(1, most) :]


def _require_base(project: Project, run: str, spec: RunSpec, blends: list[Blend]) -> None:
    """Refuse a base that is random or gone where a blend needs it."""
    if not any(blend.needs_base for blend in blends):
        return
    if spec.model.preset is not None:
        raise UserError(Problem("blend.random_base", "run", {"run": run, "preset": spec.model.preset}))
    if not folder_of(spec.model, project.jobs / "job").is_dir():
        raise UserError(Problem("blend.base_gone", "run", {"run": run, "base": spec.model.name}))


def _state_of(folder: Path) -> str:
    """Return sizes and times of the weights in a folder."""
    states = ((file.name, file.stat()) for file in sorted(folder.glob("*.safetensors")))
    return " ".join(f"{name}:{state.st_size}:{state.st_mtime_ns}" for name, state in states)


def _is_same(one: BlendWork, other: BlendWork) -> bool:
    """Return whether two jobs measure the same; where they do it does not matter."""
    return one == other.model_copy(update={"on_cpu": one.on_cpu})


def points_of(folder: JobFolder) -> tuple[BlendPoint, ...]:
    """Return what a job measured, nothing before it is done.

    Raises:
        UserError: its result is damaged.
    """
    file = folder.result / POINTS_FILE
    if not file.is_file():
        return ()
    return parse_model(BlendPoints, file.read_bytes(), str(file)).points


def rows_of(project: Project, folder: JobFolder) -> list[BlendRow]:
    """Return the blends that a job measured, with what each gains and forgets, in the order asked for.

    Raises:
        UserError: its result is damaged, or its run cannot be read.
    """
    points = points_of(folder)
    if not points:
        return []
    work: BlendWork = work_of(folder.spec(), BLEND)
    before = _before(project, work, points)
    control = _control(project, work)
    rows = [_row(work, point, before, control) for point in points]
    return [row for row in with_front([], rows) if isinstance(row, BlendRow)]


def with_front(checkpoints: Sequence[Candidate], rows: Sequence[BlendRow]) -> list[Candidate | BlendRow]:
    """Return checkpoints and blends from one base, each saying whether no other among all beats it."""
    found: list[Candidate | BlendRow] = [*checkpoints, *rows]
    known = [place for place, one in enumerate(found) if None not in (one.gain, one.forgetting)]
    front = undominated([(found[place].gain or 0.0, found[place].forgetting or 0.0) for place in known])
    for place, is_undominated in zip(known, front, strict=True):
        found[place] = replace(found[place], is_undominated=is_undominated)
    return found


def newest_rows(project: Project, run: str, step: int) -> list[BlendRow]:
    """Return what was last measured of the blends of a checkpoint; nothing if nothing was, or is damaged."""
    for folder in reversed(list(list_jobs(project.jobs, BLEND.name))):
        try:
            work: BlendWork = work_of(folder.spec(), BLEND)
            if (work.run, work.step) == (run, step) and (rows := rows_of(project, folder)):
                return rows
        except UserError:  # of a newer program, or damaged: an older one may be whole, and measuring again is
            continue
    return []


@dataclass(frozen=True)
class BlendOutlook:
    """What is known of the blends of a checkpoint: what was measured, or why nothing can be."""

    run: str
    step: int
    rows: tuple[BlendRow, ...]
    refusal: Problem | None


def outlook(project: Project, run: str, step: int) -> BlendOutlook:
    """Return what was last measured of the blends of a checkpoint, and whether any can be."""
    try:
        blend_work(project, f"{run}@{step}", DEFAULT_POINTS, DEFAULT_AVERAGED, None)
    except UserError as error:
        return BlendOutlook(run, step, tuple(newest_rows(project, run, step)), error.problem)
    return BlendOutlook(run, step, tuple(newest_rows(project, run, step)), None)


def outcomes(rows: Sequence[BlendRow]) -> list[BlendOutcome]:
    """Return the points between base and trained model of which both numbers are known."""
    return [
        BlendOutcome(row.blend.amount, row.gain, row.forgetting)
        for row in rows
        if row.blend.kind == "interpolation" and row.gain is not None and row.forgetting is not None
    ]


def _before(project: Project, work: BlendWork, points: tuple[BlendPoint, ...]) -> dict[str, SourceChange]:
    """Return what each source's loss was at the base: measured here, else probed at step 0."""
    probed = {change.source: change for change in changes(curves_of(project.job(work.run)).probes)}
    for point in points:
        if point.blend.kind == "interpolation" and point.blend.amount == 0:
            return {
                loss.source: SourceChange(
                    loss.source, loss.role, 0, loss.nats_per_token, loss.nats_per_token, loss.bits_per_byte,
                    loss.bits_per_byte,
                )
                for loss in point.losses
            }  # fmt: skip
    return probed


def _control(project: Project, work: BlendWork) -> list[SourceChange] | None:
    """Return the changes in the run's equal-token control, at the same step; None without one."""
    runs = RunList(project)
    runs.refresh()
    control = runs.row(work.run).control
    return runs.changes_of(control, work.step) if control else None


def _row(
    work: BlendWork, point: BlendPoint, before: dict[str, SourceChange], control: list[SourceChange] | None
) -> BlendRow:
    found = [
        replace(before[loss.source], step=work.step, nats=loss.nats_per_token, bits=loss.bits_per_byte)
        for loss in point.losses
        if loss.source in before
    ]
    return BlendRow(
        run=work.run,
        step=work.step,
        arm=work.spec.arm,
        origin=work.spec.model.name,
        blend=point.blend,
        steps=work.at_steps if point.blend.kind == "average" else (work.step,),
        outcome=outcome(found, work.spec.trained_on, control),
        accepted=work.spec.recipe.accepted_forgetting,
        losses=tuple(found),
    )
