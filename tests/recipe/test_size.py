"""How large a run is: by the tensors of its base, what is added, and what is trained."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.recipe.recipe import Recipe, Stage
from domainstudio.recipe.shapes import SHAPES
from domainstudio.recipe.size import Size, block_of, blocks_in, copied_blocks
from domainstudio.recipe.trained import size_of

TINY = SHAPES["tiny"].tensors(512)
BASE, BLOCK, TABLE = 857_216, 197_888, 512 * 128


@pytest.mark.parametrize(
    ("stage", "size"),
    [
        (Stage(), Size(BASE, 0, BASE)),
        (Stage(method="expansion", expanded_blocks=2), Size(BASE, 2 * BLOCK, 2 * BLOCK)),
        (Stage(frozen_blocks=3), Size(BASE, 0, BLOCK + 128)),
        (Stage(method="lora", lora_rank=8), Size(BASE, 78_080, 78_080)),
        (Stage(method="lora", lora_rank=8, lora_embeddings=True), Size(BASE, 78_080, 78_080 + TABLE)),
    ],
)
def test_the_size_of_a_run_is_what_its_method_makes_it(stage: Stage, size: Size) -> None:
    assert size_of(TINY, stage) == size


def test_a_separate_head_is_trained_with_the_last_blocks_and_with_lora() -> None:
    shapes = SHAPES["small-neox"].tensors(512)
    table, norms = 512 * 256, 2 * 256
    block = (sum(size_of(shapes, Stage()).base for _ in "1") - 2 * table - norms) // 6
    assert size_of(shapes, Stage(frozen_blocks=5)).trained == block + table + norms
    lora = size_of(shapes, Stage(method="lora", lora_rank=8, lora_embeddings=True))
    assert lora.trained == lora.added + 2 * table


def test_positions_are_no_vocabulary_and_names_may_begin_with_a_block() -> None:
    shapes = {"wte.weight": [512, 32], "wpe.weight": [128, 32], "h.0.attn.c_proj.weight": [32, 32]}
    lora = size_of(shapes, Stage(method="lora", lora_rank=2, lora_embeddings=True))
    assert lora == Size(640 * 32 + 32**2, 2 * 64, 2 * 64 + 512 * 32)
    assert [block_of(name) for name in shapes] == [None, None, 0] and blocks_in(shapes) == 1
    assert block_of("gpt_neox.layers.11.attention.dense.weight") == 11 and blocks_in({}) == 0


@given(st.integers(1, 80), st.data())
def test_copies_are_even_and_the_last_block_always_has_one(blocks: int, data: st.DataObject) -> None:
    copies = data.draw(st.integers(1, blocks))
    found = copied_blocks(blocks, copies)
    assert len(set(found)) == copies and found == sorted(found) and found[-1] == blocks - 1
    gaps = [after - before for before, after in zip([-1, *found], found, strict=False)]
    assert max(gaps) - min(gaps) <= 1


def test_what_is_not_trained_needs_no_optimizer_state_and_no_spring() -> None:
    def recipe(**settings: object) -> Recipe:
        return Recipe.model_validate({"precision": "bf16", "stages": ({"spring": "ewc", **settings},)})

    whole, lora = Size(1000, 0, 1000), Size(1000, 10, 10)
    assert recipe().checkpoint_bytes(whole) == 16_000 and recipe().spring_bytes(whole) == 8000
    adapted = recipe(method="lora")
    assert adapted.checkpoint_bytes(lora) == 12 * 10 + 2 * 1010 + 4 * 1000
    assert adapted.spring_bytes(lora) == 80 and adapted.base_copy_bytes(lora) == 0
    assert recipe(kl_strength=1).base_copy_bytes(lora) == 2000
    assert recipe(kl_strength=1).protection_disk_bytes(lora) == 2000 + 8 * 10


def test_kl_costs_a_micro_batch_and_a_third() -> None:
    assert Stage().divergence_work == 0
    assert Stage(kl_strength=0.1, gradient_accumulation=4).divergence_work == pytest.approx(1 / 3)
