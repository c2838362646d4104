"""Checkpoints on disk, found by name alone: `result/checkpoints/step-00000200/` is whole or not there.

Which stay: the newest so many, those that a person asked for, which hold a file `kept`, and the best so far
of a run that its guard may end, which `best.json` names. Older ones go when a new one is whole; before that
only if the disk has no room for it, and never the newest.
"""

import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domainstudio.disk import free_bytes
from domainstudio.jobs.spec import parse_model
from domainstudio.paths import read_small, write_atomically

CHECKPOINTS = "checkpoints"
MODEL = "model"
"""The folder within a checkpoint that holds the whole weights as safetensors."""
KEPT = "kept"
"""A file in a checkpoint that a person asked for: only they remove it."""
BEST = "best.json"
"""The file in a job's result folder that names its best checkpoint."""
ROOM_TO_SPARE = 32 << 20
"""Bytes that stay free beside a checkpoint, for events, log and curves."""
_HALVES = (".tmp-", ".old-")
"""What a checkpoint is called while it is written, and while it is removed."""
_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True)
class CheckpointFolder:
    """A whole checkpoint: the run's state after `step` steps."""

    step: int
    path: Path

    @property
    def model(self) -> Path:
        """The model folder in it."""
        return self.path / MODEL


class Best(BaseModel):
    """The best checkpoint of a run so far; `is_result` once the guard has ended the run with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    is_result: bool = False


def checkpoint_name(step: int) -> str:
    """Return the folder name of a checkpoint."""
    return f"step-{step:08d}"


def list_checkpoints(result: Path) -> list[CheckpointFolder]:
    """Return the whole checkpoints below a job's result folder, oldest first."""
    folder = result / CHECKPOINTS
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    matches = ((name, _NAME.fullmatch(name)) for name in names)
    return [CheckpointFolder(int(match[1]), folder / name) for name, match in matches if match]


def latest_checkpoint(result: Path) -> CheckpointFolder | None:
    """Return the newest whole checkpoint."""
    found = list_checkpoints(result)
    return found[-1] if found else None


def mark_best(result: Path, step: int, *, is_result: bool = False) -> None:
    """Name the best checkpoint of a run; the one before goes by the usual rule.

    Raises:
        OSError: the disk refuses.
    """
    write_atomically(result / BEST, Best(step=step, is_result=is_result).model_dump_json().encode())


def best_of(result: Path) -> Best | None:
    """Return what is named the best checkpoint of a run.

    Raises:
        UserError: the file that says so is damaged.
    """
    file = result / BEST
    try:
        return parse_model(Best, read_small(file), str(file))
    except FileNotFoundError:
        return None


def chosen_checkpoint(result: Path) -> CheckpointFolder | None:
    """Return the checkpoint that is a run's result: the one its guard ended it with, else the newest.

    A run goes on from the newest (`latest_checkpoint`), whatever its result is.
    """
    best, found = best_of(result), list_checkpoints(result)
    chosen = [one for one in found if best is not None and best.is_result and one.step == best.step]
    return next(iter(chosen or found[-1:]), None)


def keep(checkpoint: CheckpointFolder) -> None:
    """Let a checkpoint stay until a person removes it.

    Raises:
        FileNotFoundError: it went just now.
    """
    (checkpoint.path / KEPT).touch()


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder, also while some of them come and go."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def room_needed(result: Path, expected_bytes: int) -> int:
    """Return the bytes to be free for the next checkpoint: the size of the newest, else the expected."""
    newest = latest_checkpoint(result)
    return ROOM_TO_SPARE + (size_of(newest.path) if newest else expected_bytes)


def make_room(result: Path, needed_bytes: int, keep: int) -> int:
    """Remove, while room is short, checkpoints that the next one will replace; return the bytes then free.

    Args:
        result: an existing folder.
        needed_bytes: see `room_needed`.
        keep: how many stay, the one to be written among them.
    """
    for old in _replaceable(result, max(1, keep - 1)):
        if free_bytes(result) >= needed_bytes:
            break
        _remove(old)
    return free_bytes(result)


def older(result: Path, keep: int) -> list[int]:
    """Return the steps of all checkpoints but the newest `keep` and those that were asked for."""
    return [old.step for old in _replaceable(result, keep)]


def remove_older(result: Path, keep: int) -> None:
    """Remove all but the newest `keep` and those that were asked for."""
    remove(result, older(result, keep))


def remove(result: Path, steps: Iterable[int]) -> None:
    """Remove the checkpoints of some steps, as far as they are there."""
    doomed = set(steps)
    for found in list_checkpoints(result):
        if found.step in doomed:
            _remove(found)


def remove_halves(result: Path) -> None:
    """Remove what an attempt that was killed left of checkpoints it was writing or removing."""
    for folder in (result, result / CHECKPOINTS):
        names = os.listdir(folder) if folder.is_dir() else []
        for name in names:
            if name.startswith(_HALVES):
                shutil.rmtree(folder / name)


def _replaceable(result: Path, keep: int) -> list[CheckpointFolder]:
    best = best_of(result)
    older = (found for found in list_checkpoints(result)[:-keep] if best is None or found.step != best.step)
    return [found for found in older if not (found.path / KEPT).exists()]


def _remove(checkpoint: CheckpointFolder) -> None:
    """Remove a checkpoint, which vanishes by one rename."""
    doomed = checkpoint.path.with_name(f".old-{checkpoint.path.name}")
    checkpoint.path.rename(doomed)
    shutil.rmtree(doomed)
