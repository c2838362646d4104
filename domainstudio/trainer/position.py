"""Where a run stands: position.json of a checkpoint, which also says what files a node has of it."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domainstudio.evaluation.spikes import SpikeState
from domainstudio.jobs.spec import parse_model
from domainstudio.problems import Problem, UserError
from domainstudio.trainer.guard import GuardState

TAG = "deepspeed"
"""The folder of a checkpoint that DeepSpeed writes."""
POSITION = "position.json"


class Position(BaseModel):
    """Everything of a run's state that is not a tensor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    next_draw: int
    ranks: int
    guard: GuardState = GuardState()
    spikes: SpikeState = SpikeState()
    files: dict[str, int] = {}
    """Bytes of every other file of the checkpoint: DeepSpeed goes on without the optimizer's state if its
    file is gone, and says nothing."""


def read_position(folder: Path) -> Position:
    """Return the position in a checkpoint, all of whose files are there.

    Raises:
        UserError: one is not, or is of another size.
    """
    file = folder / POSITION
    if not file.is_file():
        raise UserError(Problem("checkpoint.damaged", None, {"folder": str(folder), "file": file.name}))
    position = parse_model(Position, file.read_bytes(), str(file))
    found = sizes(folder)
    for name, size_bytes in position.files.items():
        if found.get(name) != size_bytes:
            raise UserError(Problem("checkpoint.damaged", None, {"folder": str(folder), "file": name}))
    return position


def sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of every file below a folder by its path there."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}
