"""What a job shall do: the frozen, validated content of spec.json."""

import re
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from domainstudio.problems import Problem, UserError

Program = Literal["domainstudio.workflow", "domainstudio.model", "domainstudio.trainer"]
"""The packages that may be run on a job folder: `python -m PROGRAM JOB`."""

Model = TypeVar("Model", bound=BaseModel)

KIND = r"[a-z][a-z_]*"
JOB_ID = re.compile(KIND + r"-[1-9][0-9]{0,8}")
LAST_NUMBER = 999_999_999


class JobSpec(BaseModel):
    """One job: its kind, the program that does it, and that program's own typed work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    job_id: Annotated[str, StringConstraints(pattern=f"^{JOB_ID.pattern}$")]
    kind: Annotated[str, StringConstraints(pattern=f"^{KIND}$")]
    program: Program
    processes: int = Field(default=1, ge=1, le=64)
    """Ranks on this machine; more than one, or a trainer, runs under torchrun."""
    work: dict[str, Any]
    """Validated by the model that the program keeps for this kind: see `work_as`."""

    def work_as(self, model: type[Model], where: str) -> Model:
        """Return the work as the model of its kind; `where` names the file.

        Raises:
            UserError: a field is wrong, missing or unknown, or a number is beyond 64 bits.
        """
        try:
            data = orjson.dumps(self.work)
        except orjson.JSONEncodeError as error:
            params = {"where": where, "name": "work", "reason": str(error)}
            raise UserError(Problem("document.invalid_field", "work", params)) from None
        return parse_model(model, data, where)


def parse_spec(data: bytes, where: str) -> JobSpec:
    """Return the spec in `data`.

    Raises:
        UserError: it is not JSON, misses a field or has an unknown one; `where` names the file.
    """
    return parse_model(JobSpec, data, where)


def parse_model(model: type[Model], data: bytes, where: str) -> Model:
    """Return `data` (JSON) as `model`, or raise a UserError naming the first field that is wrong."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise invalid_field(error, where) from None


def invalid_field(error: ValidationError, where: str, within: tuple[str | int, ...] = ()) -> UserError:
    """Return the UserError that names the first wrong field of a document, its path below `within`."""
    first = error.errors(include_url=False)[0]
    place = first["loc"]
    if within and place[: len(within)] == within:
        place = place[len(within) :]
    field = ".".join(str(part) for part in place)
    params = {"where": where, "name": field or "-", "reason": first["msg"]}
    return UserError(Problem("document.invalid_field", field, params))
