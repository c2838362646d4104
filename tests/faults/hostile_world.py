"""A stranger's project and base model beside a neighbour's folder, to be harmed and put back."""

import contextlib
import io
import json
import shutil
import struct
from pathlib import Path
from typing import Any

import golden_project

SECRET = "the neighbour's own words"


class World:
    """A pristine project and base model beside a neighbour's folder, and a copy of them to be harmed."""

    def __init__(self, folder: Path, project: Path, base: Path) -> None:
        """Copy what shall be harmed into `folder`, which must not exist."""
        self.pristine, self.given = folder / "pristine", folder / "given"
        self.neighbour, self.out = folder / "neighbour", folder / "out"
        shutil.copytree(project, self.pristine / "project")
        shutil.copytree(base, self.pristine / "base")
        self.neighbour.mkdir()
        for name in (".ssh", "notes"):
            (self.neighbour / name).mkdir()
            (self.neighbour / name / "key").write_text(SECRET)
        (self.neighbour / "tokenizer.json").write_text(json.dumps(SECRET))
        self._before = self.state()

    def restore(self) -> None:
        """Put the given files back as they were."""
        for folder in (self.given, self.out):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.pristine, self.given)

    def state(self) -> dict[str, bytes]:
        """Return the neighbour's files and folders."""
        return {
            str(path.relative_to(self.neighbour)): path.read_bytes() if path.is_file() else b""
            for path in sorted(self.neighbour.rglob("*"))
        }

    @property
    def is_unharmed(self) -> bool:
        """Whether nothing of the neighbour has changed."""
        return self.state() == self._before


def add_weights(project: Path) -> None:
    """Give the checkpoints of invented runs a small model, so that there is a header to change."""
    for model in project.glob("jobs/train-*/result/checkpoints/*/model"):
        write_base(model)


def write_base(folder: Path, tokenizer: Path | None = None) -> Path:
    """Write a base model folder whose weights are a few zeros; nothing but their header is read here."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512, "hidden_size": 4,
        "num_hidden_layers": 1, "max_position_embeddings": 2048,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {
        "lm_head.weight": {"dtype": "F32", "shape": [512, 4], "data_offsets": [0, 8192]},
        "model.norm.weight": {"dtype": "F32", "shape": [4], "data_offsets": [8192, 8208]},
    }
    (folder / "model.safetensors").write_bytes(safetensors(tensors, 8208))
    if tokenizer is not None:
        shutil.copy(tokenizer / "tokenizer.json", folder)
        (folder / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}')
    return folder


def safetensors(header: Any, data_bytes: int) -> bytes:
    """Return a safetensors file with a header and zeros behind it."""
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + bytes(data_bytes)


def build(folder: Path) -> World:
    """Make the project with its runs, and a base model, in an empty folder."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        project = golden_project.make(folder / "made")
    add_weights(project)
    base = write_base(folder / "made" / "base", project / "models" / "tokenizer-1")
    return World(folder / "world", project, base)
