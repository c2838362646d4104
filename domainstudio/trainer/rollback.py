"""What a run does about a spike of its loss: tell, or go back to a checkpoint and skip what led to it.

All ranks decide from the same mean loss and find the same checkpoint, so they go back together.
"""

from statistics import median
from typing import Any

from domainstudio.evaluation.spikes import SKIPPED_TIMES, Skip, SpikeState, is_spike
from domainstudio.jobs.checkpoints import CheckpointFolder, latest_checkpoint
from domainstudio.jobs.folder import JobFolder
from domainstudio.problems import Problem
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer import restoring
from domainstudio.trainer.data import TrainingData
from domainstudio.trainer.position import Position
from domainstudio.trainer.reporter import Reporter


class SpikeWatch:
    """Watches the losses of one run."""

    def __init__(
        self, spec: RunSpec, folder: JobFolder, data: TrainingData, reporter: Reporter, state: SpikeState
    ) -> None:
        """Go on from a checkpoint's state, or from an empty one; text left out so far stays left out."""
        self._spec, self._folder, self._data, self._reporter = spec, folder, data, reporter
        self._said: set[str] = set()
        self.state = state
        data.leave_out(state.skips)

    def wants_back(self, step: int, loss: float) -> bool:
        """Return whether the run shall go back because of a step; if not, remember its loss.

        A spike that is not answered by going back is told of.

        Args:
            step: that was just done.
            loss: of it, nats a token.
        """
        if not is_spike(self.state.losses, loss):
            self.state = self.state.after(loss)
            return False
        is_to_go_back = self._spec.recipe.on_spike == "roll-back" and self.state.may_go_back
        if is_to_go_back and self._newest() is not None:
            return True
        params = {"step": step, "loss": loss, "usual": median(self.state.losses)}
        if is_to_go_back:
            self._tell_once(Problem("training.spike_unsaved", "on_spike", params))
        else:
            self._tell_once(Problem("training.loss_spike", "on_spike", params))
        self.state = self.state.after(loss)
        return False

    def go_back(self, engine: Any, step: int, loss: float) -> Position:
        """Restore the newest checkpoint on all ranks, leave out the text that led to the spike, and tell.

        Returns:
            Where the run stands now.

        Raises:
            UserError: the checkpoint is damaged.
        """
        checkpoint = self._newest()
        assert checkpoint is not None
        position = restoring.restore(engine, checkpoint)
        first = checkpoint.step + 1
        usual, beyond = median(self.state.losses), first + SKIPPED_TIMES * (step - checkpoint.step)
        draws = self._data.first_draw(beyond) - self._data.first_draw(first)
        skip = Skip(after=checkpoint.step, draws=draws)
        self.state = self.state.skipping(skip, position.spikes.losses)
        self._data.leave_out(self.state.skips)
        params = {"step": step, "loss": loss, "usual": usual, "checkpoint": checkpoint.step}
        params["skipped"] = beyond - first
        self._reporter.roll_back(first, Problem("training.rolled_back", "on_spike", params))
        return position

    def _tell_once(self, problem: Problem) -> None:
        if problem.code not in self._said:
            self._said.add(problem.code)
            self._reporter.warn(problem)

    def _newest(self) -> CheckpointFolder | None:
        return latest_checkpoint(self._folder.result) or restoring.trunk_of(self._spec, self._folder)
