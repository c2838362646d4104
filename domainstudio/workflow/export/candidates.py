"""The checkpoints that may be exported, with what each gained and forgot."""

from collections import defaultdict
from dataclasses import dataclass, replace

from domainstudio.evaluation.budget import accepted_in_nats
from domainstudio.evaluation.forgetting import changes, outcome
from domainstudio.evaluation.front import undominated
from domainstudio.evaluation.held_out import HeldOut
from domainstudio.jobs.checkpoints import list_checkpoints
from domainstudio.jobs.folder import Status, list_jobs
from domainstudio.mixture.shares import Arm
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.workflow.training.starting import TRAIN, curves_of, run_spec


@dataclass(frozen=True)
class Candidate:
    """One checkpoint on disk; gain and forgetting are nats a token against the base its run started from."""

    run: str
    arm: Arm
    status: Status
    origin: str
    step: int
    steps: int
    measured_at: int | None
    """Step of the probes that gain and forgetting come from: `step`, or the nearest before; None without."""
    gain: float | None
    forgetting: float | None
    accepted: float | None
    """The run's accepted forgetting, if it has one."""
    is_newest: bool
    """Whether its run has no later checkpoint."""
    is_undominated: bool = False
    """Whether no checkpoint from the same base gained more without forgetting more."""

    @property
    def name(self) -> str:
        """RUN@STEP, as `export model` takes it."""
        return f"{self.run}@{self.step}"

    @property
    def is_accepted(self) -> bool | None:
        """Whether its forgetting is within what the run accepts; None if either is not known."""
        if self.forgetting is None or self.accepted is None:
            return None
        return self.forgetting <= self.accepted


def candidates(project: Project) -> list[Candidate]:
    """Return every checkpoint on disk, oldest run first; the front is drawn among runs from one base."""
    found = [one for folder in list_jobs(project.jobs, TRAIN.name) for one in _of_run(project, folder.job_id)]
    by_origin: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(found):
        if one.gain is not None and one.forgetting is not None:
            by_origin[one.origin].append(place)
    for places in by_origin.values():
        points = [(found[place].gain or 0.0, found[place].forgetting or 0.0) for place in places]
        for place, is_undominated in zip(places, undominated(points), strict=True):
            found[place] = replace(found[place], is_undominated=is_undominated)
    return found


def _of_run(project: Project, run: str) -> list[Candidate]:
    try:
        folder, spec = project.job(run), run_spec(project, run)
        on_disk = list_checkpoints(folder.result)
        if not on_disk:
            return []
        probes, status = curves_of(folder).probes, folder.status()
    except UserError:  # damaged: the list of runs says so, and the others may be exported
        return []
    rows, accepted = [], accepted_in_nats(spec.recipe, HeldOut(probes).general_base)
    for checkpoint in on_disk:
        until = [probe for probe in probes if probe.step <= checkpoint.step]
        found = outcome(changes(until), spec.trained_on)
        rows.append(
            Candidate(
                run=run,
                arm=spec.arm,
                status=status,
                origin=spec.model.name,
                step=checkpoint.step,
                steps=spec.steps,
                measured_at=max((probe.step for probe in until), default=None),
                gain=found.gain,
                forgetting=found.forgetting,
                accepted=accepted,
                is_newest=checkpoint is on_disk[-1],
            )
        )
    return rows


def suggested(found: list[Candidate]) -> Candidate | None:
    """Return where a person begins to look: the most gain within the accepted forgetting.

    Gains are compared among runs from one base only, that of the newest run. Without one within what is
    accepted, the least forgetting; without measurements, the newest.
    """
    measured = [one for one in found if one.gain is not None and one.origin == found[-1].origin]
    within = [one for one in measured if one.is_accepted is not False]
    if within:
        return max(within, key=lambda one: one.gain or 0.0)
    if measured:
        return min(measured, key=lambda one: one.forgetting or 0.0)
    return found[-1] if found else None
