"""Memory that does not suffice is said in a sentence, on a GPU and on a processor."""

import pytest
import torch

from domainstudio.problems import sentence
from domainstudio.recipe.recipe import Recipe
from domainstudio.trainer.engine import memory_problem


def test_what_pytorch_says_of_memory_becomes_advice() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**50)
    for error in (refused.value, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB")):
        found = memory_problem(error, Recipe())
        assert found is not None and "4 sequences of 256 tokens" in sentence(found)
    assert memory_problem(RuntimeError("mat1 and mat2 shapes cannot be multiplied"), Recipe()) is None
