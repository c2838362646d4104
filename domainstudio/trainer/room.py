"""Room on the disk for a checkpoint: made sure of before one is written, and worded when it is not enough."""

from dataclasses import dataclass
from pathlib import Path

from domainstudio.disk import disk_problem, free_bytes
from domainstudio.jobs.checkpoints import make_room, room_needed, size_of
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.size import Size
from domainstudio.units import format_size


@dataclass(frozen=True)
class Room:
    """What the next checkpoint of a job takes, and where."""

    result: Path
    needed_bytes: int
    keep: int

    @classmethod
    def of(cls, result: Path, recipe: Recipe, size: Size) -> "Room":
        """Return the room for a run of this size."""
        needed = room_needed(result, recipe.checkpoint_bytes(size))
        return cls(result, needed, recipe.keep_checkpoints)

    def require(self) -> None:
        """Return if there is room, after older checkpoints that the next one replaces went if they had to.

        Raises:
            UserError: there is not.
        """
        free = make_room(self.result, self.needed_bytes, self.keep)
        if free < self.needed_bytes:
            raise UserError(self._short(free))

    def refusal(self, error: Exception, draft: Path) -> Problem | None:
        """Return what a person can mend when the disk refuses to take more of the checkpoint in `draft`."""
        problem, free = disk_problem(error, self.result), free_bytes(self.result) + size_of(draft)
        is_full = problem is not None and problem.code in ("project.disk_full", "project.disk_filled")
        return self._short(free) if is_full and free < self.needed_bytes else problem

    def _short(self, free: int) -> Problem:
        sizes = {"needed": format_size(self.needed_bytes), "free": format_size(free)}
        return Problem("checkpoint.no_room", None, {"folder": str(self.result), **sizes})


def put_off(problem: Problem, step: int) -> Problem:
    """Return what is said of a checkpoint that could not be written while the run goes on."""
    if problem.code != "checkpoint.no_room":
        return problem
    return Problem("checkpoint.put_off", None, {**problem.params, "step": step})
