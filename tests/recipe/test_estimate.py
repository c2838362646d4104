"""What a run will take: runs whose days and memory were published, and what each setting changes."""

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.recipe.architecture import Architecture, of_preset, of_tensors
from domainstudio.recipe.estimate import (
    UTILISATION,
    activation_bytes,
    flops_per_token,
    gradient_bytes,
    memory_of,
    milder,
    optimizer_bytes,
    share_at,
    speed_at,
    weight_bytes,
)
from domainstudio.recipe.hardware import CONTEXT_BYTES, parse
from domainstudio.recipe.presets import PRESETS
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.recipe.scaling import balanced_tokens, limit_of, optima
from domainstudio.recipe.shapes import SHAPES, ModelShape
from domainstudio.recipe.trained import size_of

DAY = 86_400


def published(
    hidden: int, layers: int, heads: int, vocabulary: int, *, tied: bool = False
) -> dict[str, list[int]]:
    """The tensors of a GPT-NeoX model, which BloombergGPT's parts are like too."""
    shape = ModelShape(
        family="gpt_neox",
        hidden=hidden,
        layers=layers,
        heads=heads,
        intermediate=4 * hidden,
        positions=2048,
        tied_embeddings=tied,
    )
    return shape.tensors(vocabulary)


BLOOMBERG = published(7680, 70, 40, 131_072, tied=True)
PYTHIA_7B, PYTHIA_1B = published(4096, 32, 32, 50_432), published(2048, 16, 8, 50_304)


@pytest.mark.parametrize(
    ("shapes", "heads", "parameters", "tokens", "hardware", "days"),
    [
        (BLOOMBERG, 40, 50.6e9, 568.7e9, "64x8xA100-40GB", 53),
        (PYTHIA_7B, 32, 6.9e9, 23.9e9, "8xA100-40GB", 18),
        (PYTHIA_1B, 8, 1.0e9, 23.9e9, "8xA100-40GB", 3),
    ],
)
def test_published_runs_take_the_days_that_they_took(
    shapes: dict[str, list[int]], heads: int, parameters: float, tokens: float, hardware: str, days: float
) -> None:
    machine = parse(hardware)
    recipe = change(Recipe(), PRESETS["bloomberggpt"].settings).model_copy(
        update={"processes": machine.total}
    )
    size = size_of(shapes, recipe.stage)
    assert size.base == pytest.approx(parameters, rel=0.02)
    flops = flops_per_token(of_tensors(shapes, {"num_attention_heads": heads}), size, recipe)
    speed = speed_at(UTILISATION, flops, machine, recipe)
    assert speed is not None and tokens / speed == pytest.approx(days * DAY, rel=0.1)
    assert share_at(speed, flops, machine, recipe) == pytest.approx(UTILISATION)


def finpythia(**changes: str) -> Recipe:
    recipe = change(Recipe(), PRESETS["finpythia-6.9b"].settings | changes)
    return recipe.model_copy(update={"processes": 8})


def test_finpythia_fits_the_gpus_it_was_trained_on() -> None:
    recipe, model = finpythia(), of_tensors(PYTHIA_7B, {"num_attention_heads": 32})
    size = size_of(PYTHIA_7B, recipe.stage)
    states = sum(of(size, recipe) for of in (weight_bytes, gradient_bytes, optimizer_bytes))
    assert states == pytest.approx(2 * size.base + 18 * size.base / 8, rel=1e-6), "DeepSpeed's own estimate"
    assert states == pytest.approx(29.3e9, rel=0.01)
    one = memory_of(model, size, recipe, CONTEXT_BYTES)
    three = memory_of(model, size, finpythia(micro_batch="3"), CONTEXT_BYTES)
    assert one.total == pytest.approx(32.5e9, rel=0.03) and three.total == pytest.approx(37e9, rel=0.03)
    assert memory_of(model, size, finpythia(zero_stage="1"), CONTEXT_BYTES).total > 40e9
    assert memory_of(model, size, finpythia(zero_stage="3"), CONTEXT_BYTES).total < 25e9
    assert one.activations == pytest.approx((0.54 + 0.30) * 1e9, rel=0.02)
    assert one.logits == 2048 * 50_432 * 10


def test_each_setting_moves_the_part_that_it_is_about() -> None:
    model, shapes = of_preset(SHAPES["small-neox"], 8192), SHAPES["small-neox"].tensors(8192)

    def parts(**settings: str) -> dict[str, int]:
        recipe = change(Recipe(), {"processes": "4", "precision": "bf16"} | settings)
        return asdict(memory_of(model, size_of(shapes, recipe.stage), recipe, 0))

    plain = parts()

    def moved(**settings: str) -> set[str]:
        return {name for name, value in parts(**settings).items() if value != plain[name]}

    assert moved(activation_checkpointing="true") == {"activations"}
    assert moved(zero_stage="2") == {"gradients"}
    assert moved(zero_stage="3") == {"weights", "gradients", "working"}
    assert moved(spring="l2-sp") == {"protection"}
    assert moved(kl_strength="1") == {"base_copy", "logits"}
    assert moved(sequence_length="512") == {"activations", "logits"} == moved(micro_batch="8")
    assert moved(precision="fp32") == {"weights", "gradients", "activations", "logits", "working"}
    assert moved(method="lora") >= {"weights", "gradients", "optimizer"}
    assert parts(frozen_blocks="5")["activations"] * 6 == plain["activations"]
    spread = {"spring": "ewc", "zero_stage": "3", "processes": "64", "sequence_length": "16"}
    assert parts(**spread)["protection"] > parts(**spread, importance_from="train-1")["protection"]


@given(
    processes=st.sampled_from([1, 2, 8, 512]),
    zero_stage=st.sampled_from([1, 2, 3]),
    micro_batch=st.integers(1, 64),
    method=st.sampled_from(["full", "lora", "expansion"]),
    precision=st.sampled_from(["fp32", "bf16"]),
)
def test_more_devices_never_take_more_each_and_recomputation_never_takes_more(
    processes: int, zero_stage: int, micro_batch: int, method: str, precision: str
) -> None:
    settings = {"zero_stage": str(zero_stage), "micro_batch": str(micro_batch), "method": method}
    recipe = change(Recipe(), settings | {"precision": precision})
    model = of_preset(SHAPES["small-neox"], 8192)
    size = size_of(SHAPES["small-neox"].tensors(8192), recipe.stage)

    def total(**changes: object) -> int:
        return memory_of(model, size, recipe.model_copy(update=changes), 0).total

    assert total(processes=2 * processes) <= total(processes=processes)
    assert total(processes=processes, activation_checkpointing=True) <= total(processes=processes)


def test_activations_are_what_autograd_was_seen_to_keep() -> None:
    """Bytes a token and block, measured with saved_tensors_hooks on transformers 5.23 (hidden 256)."""

    def block(*, gated: bool, inner: int, precision: str) -> float:
        model = Architecture(256, 4, 4, 4, inner, 512, gated, 10**6)
        recipe = change(Recipe(), {"precision": precision, "sequence_length": "256", "micro_batch": "2"})
        return activation_bytes(model, recipe) / 4 / 512

    assert block(gated=True, inner=688, precision="fp32") == pytest.approx(21_272, rel=0.01)
    assert block(gated=True, inner=688, precision="bf16") == pytest.approx(11_672, rel=0.01)
    assert block(gated=False, inner=1024, precision="fp32") == pytest.approx(18_464, rel=0.01)
    assert block(gated=False, inner=1024, precision="bf16") == pytest.approx(9_240, rel=0.01)


def test_arithmetic_is_six_n_eight_with_recomputation_and_less_where_weights_are_frozen() -> None:
    shapes = PYTHIA_1B
    model = of_tensors(shapes, {})

    def flops(**settings: str) -> float:
        recipe = change(Recipe(), {"sequence_length": "8"} | settings)  # so short that attention is nothing
        return flops_per_token(model, size_of(shapes, recipe.stage), recipe) / model.multiplied

    assert size_of(shapes, Recipe().stage).base - model.multiplied == 50_304 * 2048, "the input table"
    assert flops() == pytest.approx(6, rel=0.01)
    assert flops(activation_checkpointing="true") == pytest.approx(8, rel=0.01)
    assert flops(method="lora", lora_rank="1") == pytest.approx(4, rel=0.01)
    assert 2 < flops(frozen_blocks="15") < 3
    assert flops(kl_strength="1") == pytest.approx(6 * 7 / 3, rel=0.01)


def test_what_takes_less_memory_comes_in_order_of_its_price_and_keeps_the_batch() -> None:
    recipe = change(Recipe(), {"processes": "8", "zero_stage": "2", "micro_batch": "4"})
    found = [(one.zero_stage, one.activation_checkpointing, one.stage.micro_batch) for one in milder(recipe)]
    assert found == [(3, False, 4), (2, True, 4), (3, True, 4), (3, True, 1)]
    assert {one.tokens_per_step() for one in milder(recipe)} == {recipe.tokens_per_step()}
    alone = change(Recipe(), {"activation_checkpointing": "true", "micro_batch": "1"})
    assert not list(milder(alone))


def test_the_best_model_for_an_amount_of_arithmetic_is_that_of_the_fits() -> None:
    billions = [(one.parameters / 1e9, one.tokens / 1e9) for one in optima(3.58e23)]
    assert billions[0] == pytest.approx((53.2, 1130), rel=2e-3)
    assert billions[1] == pytest.approx((50.4, 1187), rel=2e-3)
    assert billions[2] == pytest.approx((56.6, 1054), rel=5e-3)
    assert balanced_tokens(50.4e9) == pytest.approx(1187e9, rel=2e-3)
    assert limit_of(50.6e9, 569e9) == "data-limited"
    assert limit_of(1e9, 20e9) == "balanced" and limit_of(1e9, 1e12) == "parameter-limited"
