"""A model without its vocabulary, from its preset or from the tensors of its folder."""

import pytest

from domainstudio.recipe.shapes import SHAPES
from domainstudio.recipe.tables import Body, body_of, body_of_preset


@pytest.mark.parametrize("name", SHAPES)
def test_preset_and_tensors_tell_the_same(name: str) -> None:
    shape = SHAPES[name]
    assert body_of(shape.tensors(5000)) == body_of_preset(shape)
    whole = shape.parameters(5000)
    tables = 5000 * shape.hidden * (1 if shape.tied_embeddings else 2)
    assert body_of_preset(shape).parameters == whole - tables


def test_a_table_of_positions_stays_with_the_body() -> None:
    # As GPT-2: learned positions, and no head of its own.
    shapes = {"wte.weight": [50257, 768], "wpe.weight": [1024, 768], "h.0.attn.c_attn.weight": [768, 2304]}
    assert body_of(shapes) == Body(768, 1024 * 768 + 768 * 2304, is_tied=True)
