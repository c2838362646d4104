"""Checkpoints on disk, found by name alone: `result/checkpoints/step-00000200/` is whole or not there."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CHECKPOINTS = "checkpoints"
MODEL = "model"
"""The folder within a checkpoint that holds the whole weights as safetensors."""
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


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder, also while some of them come and go."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
