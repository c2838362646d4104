"""Where each tensor of a model folder lies, and whether two folders hold models of one shape."""

import json
from dataclasses import dataclass
from pathlib import Path

from domainstudio.paths import read_small
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.base_model import INDEX, NO_PARAMETERS, read_base_model
from domainstudio.recipe.safetensors_header import Tensor, tensors_of

WHOLE = "model.safetensors"
_TIED = ("lm_head.weight", "embed_out.weight")
"""Heads that are the embedding itself in many models: some write them a second time."""
_FLOATS = ("F", "BF")


@dataclass(frozen=True)
class TensorFiles:
    """The weights of a model folder as their headers describe them."""

    folder: Path
    vocabulary: int
    files: tuple[Path, ...]
    """The safetensors files that make up the model, in order of their names."""
    tensors: dict[str, Tensor]
    file_of: dict[str, Path]

    def is_float(self, name: str) -> bool:
        """Return whether a tensor holds weights, and not counts or masks."""
        return self.tensors[name].dtype.startswith(_FLOATS)


def tensor_files(folder: Path) -> TensorFiles:
    """Return where the tensors of a model folder lie: as its index says, else in its one file.

    Raises:
        UserError: `read_base_model` refuses the folder: pickles, code, or files that are not whole.
    """
    vocabulary = read_base_model(folder).vocabulary
    if (folder / INDEX).exists():
        names = json.loads(read_small(folder / INDEX))["weight_map"]
        file_of = {name: folder / file for name, file in names.items()}
        headers = {file: tensors_of(file) for file in sorted(set(file_of.values()))}
    else:
        whole = folder / WHOLE
        headers = {file: tensors_of(file) for file in ([whole] if whole.exists() else _all(folder))}
        file_of = {name: file for file, tensors in headers.items() for name in tensors}
    try:
        tensors = {name: headers[file][name] for name, file in file_of.items()}
    except KeyError as error:
        reason = f"{INDEX} places {error.args[0]} in a file that does not hold it"
        params = {"folder": str(folder), "reason": reason}
        raise UserError(Problem("model.unreadable", "base", params)) from None
    return TensorFiles(folder, vocabulary, tuple(headers), tensors, file_of)


def require_same_shapes(one: TensorFiles, other: TensorFiles) -> None:
    """Return if every weight of each folder has its counterpart of the same shape in the other.

    Raises:
        UserError: names the first that has none, or that the vocabularies differ.
    """
    for name in [*one.tensors, *(name for name in other.tensors if name not in one.tensors)]:
        here, there = one.tensors.get(name), other.tensors.get(name)
        if name.endswith(NO_PARAMETERS) or (here is None and name in _TIED):
            continue
        if here is not None and there is not None and here.shape == there.shape:
            continue
        if here is not None and there is not None and _differ_in_rows(one, here, there):
            params = {"other": str(other.folder), "rows": there.shape[0], "wanted": here.shape[0]}
            raise UserError(Problem("blend.other_vocabulary", "chat", params))
        params = {
            "other": str(other.folder),
            "name": name,
            "here": _words(here),
            "there": _words(there),
        }
        raise UserError(Problem("blend.other_shape", "chat", params))


def _differ_in_rows(one: TensorFiles, here: Tensor, there: Tensor) -> bool:
    """Return whether two tensors are embeddings of vocabularies of different sizes."""
    return here.shape[1:] == there.shape[1:] and here.shape[:1] == [one.vocabulary]


def _words(tensor: Tensor | None) -> str:
    return "-" if tensor is None else " × ".join(map(str, tensor.shape))


def _all(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))
