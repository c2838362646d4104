"""What a laboratory is given and what it measures: every method with every seed, at equal tokens."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domainstudio.paths import read_small, write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.methods import CONTROL, INTERPOLATION
from domainstudio.recipe.run import RunSpec

MEASURED = "measured.json"
_MOST_BYTES = 64 << 20


class LaboratoryRun(BaseModel):
    """One method's run; the seed is added to that of its recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    run: RunSpec
    state_bytes: int = Field(ge=0)
    """About what a device holds beside activations; known from the start, for the base may go later."""


class LaboratoryWork(BaseModel):
    """The work of a job of kind laboratory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: tuple[LaboratoryRun, ...] = Field(min_length=1, max_length=256)
    seeds: int = Field(ge=1, le=100)
    interpolated: tuple[float, ...] = ()
    """Ways from the base to the naive run, 0 to 1, that are measured afterwards."""
    budget: float | None
    """The forgetting that was accepted when it began, nats a token."""

    def wanted(self) -> Iterator[tuple[str, int, RunSpec]]:
        """Yield method, seed and run, seed by seed, so that whole seeds can be compared early."""
        for seed in range(self.seeds):
            for one in self.runs:
                recipe = one.run.recipe.model_copy(update={"seed": one.run.recipe.seed + seed})
                yield one.method, seed, one.run.model_copy(update={"recipe": recipe})

    @property
    def methods(self) -> list[str]:
        """Everything that is compared with the control."""
        trained = [one.method for one in self.runs if one.method != CONTROL]
        return trained + [interpolation(share) for share in self.interpolated]


class SourceLoss(BaseModel):
    """Held-out loss of one source at step 0 and after the last step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    role: str
    step: int
    base_nats: float
    nats: float
    base_bits: float
    bits: float


class Measured(BaseModel):
    """What one method with one seed came to; without losses it failed, and `problem` says why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    seed: int
    losses: tuple[SourceLoss, ...] = ()
    step_seconds: float = 0.0
    """The median step."""
    preparation_seconds: float = 0.0
    """Before the first step: loading, measuring importance, the first probe."""
    memory_bytes: int = 0
    """The most that a device, or a process on a CPU, held."""
    problem: str = ""
    """The code of what ended it."""
    params: dict[str, Any] = {}
    """What its sentence names."""


def interpolation(share: float) -> str:
    """Return the name of a blend so far on the way from the base to the naive run."""
    return f"{INTERPOLATION}:{share:g}"


_MANY = TypeAdapter(tuple[Measured, ...])


def write_measured(file: Path, measured: list[Measured]) -> None:
    """Write all that is measured so far, whole or not at all."""
    write_atomically(file, _MANY.dump_json(tuple(measured)))


def read_measured(file: Path) -> tuple[Measured, ...]:
    """Return what is measured so far, nothing before the first.

    Raises:
        UserError: the file is damaged.
    """
    try:
        return _MANY.validate_python(orjson.loads(read_small(file, _MOST_BYTES)))
    except FileNotFoundError:
        return ()
    except ValueError as error:
        params = {"where": str(file), "name": "-", "reason": str(error).splitlines()[0]}
        raise UserError(Problem("document.invalid_field", None, params)) from None
