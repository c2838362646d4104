"""A base model folder as it must be before torch ever sees it: plain configuration and safetensors."""

import hashlib
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

from domainstudio.problems import Problem, UserError


@dataclass(frozen=True)
class BaseModel:
    """What a base model says of itself."""

    folder: Path
    architecture: str
    vocabulary: int
    positions: int
    config_sha256: str


def read_base_model(folder: Path) -> BaseModel:
    """Return the facts of a model folder, reading its config.json only.

    Raises:
        UserError: no readable config.json, code of its own (`auto_map`), or weights that are not safetensors.
    """
    try:
        data = (folder / "config.json").read_bytes()
        values = json.loads(data)
        architecture = str((values.get("architectures") or [values["model_type"]])[0])
        vocabulary, positions = int(values["vocab_size"]), int(values["max_position_embeddings"])
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise UserError(Problem("model.no_config", "base", {"folder": str(folder)})) from None
    if "auto_map" in values:
        raise UserError(Problem("model.remote_code", "base", {"folder": str(folder)}))
    if not any(folder.glob("*.safetensors")):
        raise UserError(Problem("model.no_safetensors", "base", {"folder": str(folder)}))
    return BaseModel(folder, architecture, vocabulary, positions, hashlib.sha256(data).hexdigest())


_NO_PARAMETERS = (".attention.bias", ".masked_bias", ".inv_freq")
"""Endings of tensors that older model folders hold beside their parameters."""


def count_parameters(folder: Path) -> int:
    """Return the parameters of a model folder, reading the headers of its safetensors only.

    Raises:
        UserError: a file is no safetensors file, or there is none.
    """
    total = 0
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with file.open("rb") as source:
                (size,) = struct.unpack("<Q", source.read(8))
                header = json.loads(source.read(size))
            shapes = [value["shape"] for name, value in header.items() if _is_parameter(name)]
            total += sum(math.prod(shape) for shape in shapes)
        except (OSError, ValueError, struct.error, KeyError, TypeError, OverflowError, MemoryError) as error:
            reason = str(error) or type(error).__name__
            raise UserError(
                Problem("model.unreadable", "base", {"folder": str(folder), "reason": reason})
            ) from None
    if not total:
        raise UserError(Problem("model.no_safetensors", "base", {"folder": str(folder)}))
    return total


def _is_parameter(name: str) -> bool:
    return name != "__metadata__" and not name.endswith(_NO_PARAMETERS)
