"""The weights of a blend, a tensor at a time: from mapped safetensors files, into files laid out alike."""

import shutil
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from domainstudio.paths import open_plain
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.base_model import INDEX
from domainstudio.recipe.blend import Blend, BlendFiles
from domainstudio.recipe.tensor_files import TensorFiles, require_same_shapes, tensor_files

_BESIDE = (INDEX, "config.json", "generation_config.json")
"""What is copied of the trained model beside its weights."""


class _Mapped:
    """A model folder whose files are mapped and stay so: another may take their names meanwhile."""

    def __init__(self, files: TensorFiles) -> None:
        self.files = files
        self._open: dict[Path, Any] = {file: safe_open(file, framework="pt") for file in files.files}

    def tensor(self, name: str) -> torch.Tensor:
        tensor: torch.Tensor = self._open[self.files.file_of[name]].get_tensor(name)
        return tensor


class Blender:
    """Gives the tensors of any blend of some models; holds one tensor of each at a time."""

    def __init__(self, trained: Sequence[Path], base: Path | None, chat: Path | None = None) -> None:
        """Map the files of all models.

        Args:
            trained: checkpoints of one run, oldest first; the last is the one that is blended.
            base: what the run started from, if a blend needs it.
            chat: a chat model made from the same base.

        Raises:
            UserError: a folder is refused, or its model is not of the trained one's shape.
        """
        self._trained = [_Mapped(tensor_files(folder)) for folder in trained]
        self.layout = self._trained[-1].files
        """The files of the trained model, which those of a blend are laid out like."""
        self._base = _Mapped(tensor_files(base)) if base else None
        self._chat = _Mapped(tensor_files(chat)) if chat else None
        others = [*self._trained[:-1], *(one for one in (self._base, self._chat) if one is not None)]
        for other in others:
            require_same_shapes(self.layout, other.files)

    def tensor(self, blend: Blend, name: str) -> torch.Tensor:
        """Return one tensor of a blend in the trained model's type.

        The ends are copies: a share of 0 is the base bit for bit (in the trained model's type) and 1 the
        trained model. All between is computed in fp32 and rounded once.

        Raises:
            UserError: it has values that are no numbers.
        """
        trained = self._trained[-1].tensor(name)
        if not self.layout.is_float(name):
            return trained
        blended = self._blended(blend, name, trained)
        if not bool(blended.isfinite().all()):
            params = {"folder": str(self.layout.folder), "count": 1, "name": name}
            raise UserError(Problem("model.not_finite", "base", params))
        return blended

    def _blended(self, blend: Blend, name: str, trained: torch.Tensor) -> torch.Tensor:
        share = blend.amount
        match blend.kind:
            case "average":
                return _mean([one.tensor(name) for one in self._trained[-int(share) :]])
            case "interpolation":
                if share == 1:
                    return trained
                base = _of(self._base, name, trained)
                if share == 0:
                    return base.to(trained.dtype)
                return ((1 - share) * base.float() + share * trained.float()).to(trained.dtype)
            case "chat":
                if share == 0:
                    return trained
                base, chat = _of(self._base, name, trained), _of(self._chat, name, trained)
                return (trained.float() + share * (chat.float() - base.float())).to(trained.dtype)


def _of(model: _Mapped | None, name: str, trained: torch.Tensor) -> torch.Tensor:
    """Return a tensor of another model; the trained one where only that holds it, as it holds a mask."""
    if model is None:
        raise ValueError("this blend needs a model that was not given")
    return model.tensor(name) if name in model.files.tensors else trained


def _mean(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the mean in the type of the last, computed in fp32."""
    if len(tensors) == 1:
        return tensors[0]
    total = tensors[0].float()
    for tensor in tensors[1:]:
        total = total + tensor.float()
    return (total / len(tensors)).to(tensors[-1].dtype)


def write_blend(files: BlendFiles, target: Path, report: Callable[[int, int], None]) -> None:
    """Write the model folder of a blend: the trained model's files with other numbers in their places.

    Args:
        files: the blend and its models.
        target: an existing folder.
        report: called with (bytes written, bytes in all) after each tensor; may raise to stop.

    Raises:
        UserError: the models cannot be blended.
    """
    base, chat = files.base, files.blend.chat
    blender = Blender(
        [Path(folder) for folder in files.trained], Path(base) if base else None, Path(chat) if chat else None
    )
    layout = blender.layout
    total = sum(file.stat().st_size for file in layout.files)
    done = 0
    for file in layout.files:
        names = [name for name, place in layout.file_of.items() if place == file]
        names.sort(key=lambda name: layout.tensors[name].data_offsets)
        with (target / file.name).open("wb") as out:
            done += out.write(_head(file))
            for name in names:
                done += out.write(_bytes(blender.tensor(files.blend, name)))
                report(done, total)
    for name in _BESIDE:
        if (layout.folder / name).is_file():
            shutil.copyfile(layout.folder / name, target / name)


def _head(file: Path) -> bytes:
    """Return the header of a safetensors file with its length before it."""
    with open_plain(file) as source:
        prefix = source.read(8)
        return prefix + source.read(struct.unpack("<Q", prefix)[0])


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
