"""Work that may fail on one rank alone: every rank learns of it, and none is left waiting for another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch.distributed as dist

from domainstudio.problems import Problem, UserError


class Outcome:
    """How a piece of work went here; `share` says how it went on all ranks.

    Until then every rank makes the same collective calls, whatever has failed on it.
    """

    def __init__(self, refusal: Callable[[Exception], Problem | None]) -> None:
        """Begin well; `refusal` says what a person can mend of an error, None for a bug."""
        self._refusal = refusal
        self._error: Exception | None = None

    @contextmanager
    def part(self) -> Iterator[None]:
        """Keep what goes wrong within the block, which waits for no other rank."""
        try:
            yield
        except Exception as error:
            self._error = self._error or error

    def share(self) -> None:
        """Return if all went well on every rank; all ranks call this.

        Raises:
            UserError: what a person can mend, the same on every rank.
            Exception: the bug of this rank, or that there is one on another.
        """
        told = self._told()
        found: list[Problem | str | None] = [None] * dist.get_world_size()
        dist.all_gather_object(found, told)
        if self._error is not None and isinstance(told, str):
            raise self._error
        for problem in found:
            if isinstance(problem, str):
                raise RuntimeError(f"another rank failed: {problem}")
            if problem is not None:
                raise UserError(problem)

    def _told(self) -> Problem | str | None:
        """Return what the other ranks hear of this one."""
        error = self._error
        if error is None:
            return None
        if isinstance(error, UserError):
            return error.problem
        refused = (self._refusal(each) for each in _with_causes(error))
        return next(filter(None, refused), None) or f"{type(error).__name__}: {error}"


def _with_causes(error: BaseException) -> Iterator[Exception]:
    """Yield an error and those it came from: torch says something else when the disk is full."""
    found: BaseException | None = error
    while isinstance(found, Exception):
        yield found
        found = found.__cause__ or found.__context__
