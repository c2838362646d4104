"""A model folder in the layout that transformers, vLLM and llama.cpp's converter read."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from domainstudio.paths import whole_folder
from domainstudio.problems import Problem, UserError
from domainstudio.tokenizer import vocabulary

CARD = "README.md"
_WEIGHTS = ("config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json")
"""What is exported of a checkpoint: nothing that another program put beside it."""


def write_model_folder(weights: Path, tokenizer: Path, target: Path, card: Callable[[str], str]) -> str:
    """Write weights, tokenizer and card to `target`, which appears whole; return the SHA-256 of the weights.

    A folder that is this model already is left as it is: who wrote it was killed before saying so.

    Args:
        weights: a folder with config.json and safetensors.
        tokenizer: a folder with tokenizer.json.
        target: must not exist, be empty, or be this model.
        card: returns the model card, given the hash of the weights.

    Raises:
        UserError: `target` is taken.
    """

    def copy_weights(folder: Path) -> None:
        for pattern in _WEIGHTS:
            for file in weights.glob(pattern):
                shutil.copyfile(file, folder / file.name)

    if (target / CARD).is_file() and hash_weights(weights) != hash_weights(target):
        check_target(target)
    return fill_model_folder(copy_weights, tokenizer, target, card)


def fill_model_folder(
    fill: Callable[[Path], None], tokenizer: Path, target: Path, card: Callable[[str], str]
) -> str:
    """Write a model whose weights are made as they are written; all else as in `write_model_folder`.

    Args:
        fill: writes config.json and safetensors into the folder it is given.
        tokenizer: a folder with tokenizer.json.
        target: must not exist, be empty, or be this model, as its card says.
        card: returns the model card, given the hash of the weights.

    Raises:
        UserError: `target` is taken.
    """
    if (target / CARD).is_file():
        digest = hash_weights(target)
        if (target / CARD).read_text(encoding="utf-8", errors="replace") == card(digest):
            return digest
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(target) as folder:
        fill(folder)
        copy_tokenizer(tokenizer, folder)
        digest = hash_weights(folder)
        (folder / CARD).write_text(card(digest), encoding="utf-8")
        if target.exists():
            target.rmdir()
    return digest


def check_target(target: Path) -> None:
    """Refuse a folder that holds something already.

    Raises:
        UserError: it is a file or not empty.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(Problem("export.folder_taken", "dest", {"folder": str(target)}))


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy the files of a tokenizer; one trained here also gets the configuration of transformers."""
    vocabulary.copy(source, target)
    config = target / "tokenizer_config.json"
    if not config.is_file():
        tokenizer = vocabulary.load(source)
        end = tokenizer.id_to_token(vocabulary.end_of_text(tokenizer))
        values = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": end, "eos_token": end}
        config.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def hash_weights(folder: Path) -> str:
    """Return one SHA-256 over all safetensors files, in order of their names."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.name.encode())
        with file.open("rb") as source:
            while block := source.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
