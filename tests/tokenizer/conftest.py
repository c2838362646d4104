"""A small vocabulary of English, Chinese, digits and white space."""

from pathlib import Path

import pytest

from domainstudio.tokenizer.training.train import train_byte_level_bpe

TEXTS = [
    "The law of contract is the law of promises; the law of tort is the law of wrongs.\n\n",
    "法律面前人人平等。合同法规定，合同自成立时生效。合同双方应当遵守合同。",
    "Numbers 1234567 and 😀 and tabs\tand  spaces   and CamelCase, don't they?",
    "def f(x):\n    if x:\n        return '<|endoftext|>'\r\n",
] * 20


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a vocabulary of 450 entries."""
    path = tmp_path_factory.mktemp("tokenizer")
    train_byte_level_bpe(iter(TEXTS), 450, path)
    return path
