"""A base model folder as it must be before torch ever sees it: plain configuration and safetensors."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domainstudio.paths import read_small
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.safetensors_header import Tensor, tensors_of

MOST_POSITIONS, MOST_VOCABULARY = 2**30, 2**24
INDEX = "model.safetensors.index.json"
_ADAPTER = "adapter_config.json"
_CODE = ("auto_map", "custom_pipelines", "transformers_weights")
"""Keys of a configuration that have Python code, or weights from elsewhere, loaded."""
_MOST_EXPERTS = 2**16


@dataclass(frozen=True)
class BaseModel:
    """What a base model says of itself."""

    folder: Path
    architecture: str
    vocabulary: int
    positions: int
    config_sha256: str


def read_base_model(folder: Path) -> BaseModel:
    """Return the facts of a model folder, reading its configuration and the headers of its weights.

    Raises:
        UserError: no readable config.json, code of its own (`auto_map`), an adapter in place of a model, or
            weights that are not whole safetensors files within the folder.
    """
    data, values = _read(folder)
    try:
        architecture = str((values.get("architectures") or [values["model_type"]])[0])
        vocabulary, positions = int(values["vocab_size"]), int(values["max_position_embeddings"])
        if not (0 < vocabulary <= MOST_VOCABULARY and 0 < positions <= MOST_POSITIONS):
            raise ValueError("a size beyond every model")
    except (ValueError, KeyError, TypeError, OverflowError):
        raise UserError(Problem("model.no_config", "base", {"folder": str(folder)})) from None
    if any(_wants_code(key, value) for key, value in _settings(values)):
        raise UserError(Problem("model.remote_code", "base", {"folder": str(folder)}))
    if (folder / _ADAPTER).exists():
        raise UserError(Problem("model.adapter", "base", {"folder": str(folder)}))
    tensors = _tensors(folder)
    _check_index(folder, tensors)
    for key, value in _settings(values):
        most = len(tensors) if key in ("num_hidden_layers", "n_layer", "num_layers") else _MOST_EXPERTS
        if _counts_modules(key) and isinstance(value, int | float) and not 0 <= value <= most:
            raise _unreadable(folder, f"{key} is {value}")
    return BaseModel(folder, architecture, vocabulary, positions, hashlib.sha256(data).hexdigest())


NO_PARAMETERS = (".attention.bias", ".masked_bias", ".inv_freq")
"""Endings of tensors that older model folders hold beside their parameters."""


def count_parameters(folder: Path) -> int:
    """Return the parameters of a model folder, reading the headers of its safetensors only.

    Raises:
        UserError: a file is no safetensors file, or there is none.
    """
    total = sum(math.prod(shape) for shape in shapes_in(folder).values())
    if not total:
        raise UserError(Problem("model.no_safetensors", "base", {"folder": str(folder)}))
    return total


def shapes_in(folder: Path) -> dict[str, list[int]]:
    """Return the shapes of a model folder's parameters by name.

    Raises:
        UserError: a file is no safetensors file, or there is none.
    """
    tensors = _tensors(folder)
    return {name: one.shape for name, one in tensors.items() if not name.endswith(NO_PARAMETERS)}


def configuration(folder: Path) -> dict[str, Any]:
    """Return what a model folder's config.json says.

    Raises:
        UserError: there is none that can be read.
    """
    return _read(folder)[1]


def _read(folder: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        data = read_small(folder / "config.json")
        values = json.loads(data)
    except (OSError, ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise UserError(Problem("model.no_config", "base", {"folder": str(folder)}))
    return data, values


def _settings(values: Any) -> Iterator[tuple[str, Any]]:
    """Yield (key, value) of a configuration and of those within it."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield key, value
            yield from _settings(value)
    elif isinstance(values, list):
        for value in values:
            yield from _settings(value)


def _wants_code(key: str, value: Any) -> bool:
    """Return whether a setting has code loaded; an implementation with a slash is a kernel from the Hub."""
    return key in _CODE or (key.endswith("_implementation") and "/" in str(value))


def _counts_modules(key: str) -> bool:
    """Return whether a model builds so many modules, each of which takes time before any weight is read."""
    return key.startswith(("n_", "num_")) and key.endswith(("layer", "layers", "experts"))


def _tensors(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of all safetensors files of a folder."""
    tensors: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            tensors |= tensors_of(file)
        except (OSError, ValueError) as error:
            raise _unreadable(folder, str(error)) from None
    if not tensors:
        raise UserError(Problem("model.no_safetensors", "base", {"folder": str(folder)}))
    return tensors


def _check_index(folder: Path, tensors: dict[str, Tensor]) -> None:
    """Refuse an index that names files beyond the safetensors of its folder, or tensors that are in none."""
    if not (folder / INDEX).exists():
        return
    try:
        names = json.loads(read_small(folder / INDEX))["weight_map"]
        known = {file.name for file in folder.glob("*.safetensors")}
        is_right = set(names.values()) <= known and set(names) <= set(tensors)
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        is_right = False
    if not is_right:
        raise _unreadable(folder, f"{INDEX} names files or weights that are not there")


def _unreadable(folder: Path, reason: str) -> UserError:
    return UserError(Problem("model.unreadable", "base", {"folder": str(folder), "reason": reason}))
