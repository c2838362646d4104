"""DeepSpeed's own files, read without running what is in them."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from deepspeed.runtime.fp16.loss_scaler import LossScaler
from deepspeed.runtime.zero.config import ZeroStageEnum
from deepspeed.utils.tensor_fragment import fragment_address

from domainstudio.problems import Problem, UserError

_TYPES = (LossScaler, fragment_address, ZeroStageEnum)
"""What DeepSpeed writes beside tensors and plain values."""


def read_state(folder: Path, path: str, map_location: Any = None, *, mmap: bool = False) -> Any:
    """Return what is in a file of DeepSpeed: of a pickle's types the known ones alone, as others run code.

    Args:
        folder: of the checkpoint, which is named if the file is damaged.
        path: of the file.
        map_location: the device that tensors come to.
        mmap: whether tensors stay in the file until they are used.
    """
    try:
        with torch.serialization.safe_globals(list(_TYPES)):
            return torch.load(path, map_location=map_location, weights_only=True, mmap=mmap)
    except (UnpicklingError, RuntimeError, EOFError):
        params = {"folder": str(folder), "file": Path(path).name}
        raise UserError(Problem("checkpoint.damaged", None, params)) from None
