"""What a run tells: rank 0 has a worker and speaks; the other ranks keep silent through the same calls."""

import time

from domainstudio.evaluation.losses import Loss
from domainstudio.jobs.events import Checkpoint, Probe, Step
from domainstudio.jobs.worker import Worker
from domainstudio.recipe.run import HeldOutSource


class Reporter:
    """Reports points of the run; every method is a no-op on ranks above 0."""

    def __init__(self, worker: Worker | None) -> None:
        """Speak through `worker`, or keep silent."""
        self._worker = worker
        self._since = time.monotonic()

    def preparing(self, phase: str) -> None:
        """Say what happens before the first step."""
        if self._worker:
            self._worker.progress(0, 0, "", phase)

    def start_clock(self) -> None:
        """Begin timing a step: what came before it is not its time."""
        self._since = time.monotonic()

    def step(
        self, step: int, steps: int, tokens: int, loss: float, rate: float, norm: float, memory_bytes: int
    ) -> None:
        """Report one optimizer step that began at `start_clock`; `tokens` are those of this step."""
        if self._worker is None:
            return
        seconds = max(1e-9, time.monotonic() - self._since)
        self._worker.emit(Step(step, step * tokens, loss, rate, norm, tokens / seconds, memory_bytes))
        self._worker.progress(step, steps, "steps", "training")

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

    def checkpoint(self, step: int, path: str, size_bytes: int) -> None:
        """Report that a checkpoint is whole on disk."""
        if self._worker:
            self._worker.emit(Checkpoint(step, path, size_bytes))

    def stop_is_asked(self) -> bool:
        """Return whether rank 0 found a request to stop; the caller broadcasts it."""
        return self._worker is not None and self._worker.folder.stop_is_asked()
