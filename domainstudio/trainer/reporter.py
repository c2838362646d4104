"""What a run tells: rank 0 speaks through its worker; the other ranks keep silent through the same calls.

The leader of another node has a worker too, which tells how this node's attempt begins and ends, and hears.
"""

from domainstudio.evaluation.losses import Loss
from domainstudio.jobs.events import Canaries, Checkpoint, Intervention, Probe, RollBack, Step
from domainstudio.jobs.folder import Request, Stop
from domainstudio.jobs.worker import Worker
from domainstudio.problems import Problem
from domainstudio.recipe.run import HeldOutSource, RunSpec


class Reporter:
    """Reports points of the run; ranks above 0 say nothing of it."""

    def __init__(self, worker: Worker | None, *, speaks: bool = True) -> None:
        """Hear requests and end the attempt through `worker`, if this rank has one, and speak of the run."""
        self._attempt = worker
        self._worker = worker if speaks else None

    def preparing(self, phase: str) -> None:
        """Say what happens before the first step."""
        if self._worker:
            self._worker.progress(0, 0, "", phase)

    def measuring(self, done: int, total: int) -> None:
        """Say how many sequences importance has been measured on."""
        if self._worker:
            self._worker.progress(done, total, "sequences", "measuring importance")

    def step(self, point: Step) -> None:
        """Report one optimizer step."""
        if self._worker:
            self._worker.emit(point)

    def probe(self, step: int, source: HeldOutSource, loss: Loss) -> None:
        """Report the held-out loss of one source."""
        if self._worker:
            self._worker.emit(
                Probe(
                    step,
                    source.name,
                    source.role,
                    loss.nats_per_token,
                    loss.bits_per_byte,
                    loss.tokens,
                    loss.bytes,
                )
            )

    def base(self, spec: RunSpec) -> None:
        """Tell the base line of a branch: what its trunk measured at step 0."""
        if self._worker and spec.branch is not None:
            for loss in spec.branch.base:
                self._worker.emit(Probe(0, **loss.model_dump()))

    def checkpoint(self, step: int, path: str, size_bytes: int) -> None:
        """Report that a checkpoint is whole on disk."""
        if self._worker:
            self._worker.emit(Checkpoint(step, path, size_bytes))

    def intervene(self, done: Intervention) -> None:
        """Report what the guard did."""
        if self._worker:
            self._worker.emit(done)

    def canaries(self, found: Canaries) -> None:
        """Report how many canary facts are known."""
        if self._worker:
            self._worker.emit(found)

    def last_word(self, problem: Problem) -> None:
        """Say why the run ends here and now."""
        if self._attempt:
            self._attempt.finish("failed", problem=problem)

    def stop_asked(self) -> Stop | None:
        """Return how this node was asked to stop the run; a wish for a checkpoint stays unheard."""
        return self._attempt.folder.stop_asked() if self._attempt else None

    def roll_back(self, first: int, problem: Problem) -> None:
        """Say that steps from `first` on are done again, and why."""
        if self._worker:
            self._worker.emit(RollBack(first))
            self._worker.warn(problem)

    def warn(self, *problems: Problem) -> None:
        """Report what the person should know while training goes on."""
        if self._worker:
            for problem in problems:
                self._worker.warn(problem)

    def take_request(self) -> Request:
        """Return what this node's leader found asked of the run; the caller shares it with all ranks."""
        return self._attempt.folder.take_request() if self._attempt else Request()

    def begin_earlier(self, first: int) -> None:
        """Say that the attempt goes on from an earlier step than it said, as not every node has the later."""
        if self._worker:
            self._worker.emit(RollBack(first))
