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
TOKENIZER_FILES = (
    vocabulary.FILE, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "tokenizer.model", "vocab.json", "merges.txt", "chat_template.jinja",
)  # fmt: skip


def write_model_folder(weights: Path, tokenizer: Path, target: Path, card: Callable[[str], str]) -> str:
    """Write weights, tokenizer and card to `target`, which appears whole; return the SHA-256 of the weights.

    Args:
        weights: a folder with config.json and safetensors.
        tokenizer: a folder with tokenizer.json.
        target: must not exist, or be empty.
        card: returns the model card, given the hash of the weights.

    Raises:
        UserError: `target` is taken.
    """
    check_target(target)
    with whole_folder(target) as folder:
        shutil.copytree(weights, folder, dirs_exist_ok=True)
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
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
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
