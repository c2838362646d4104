"""Hardware as people write it and as the driver lists it."""

from pathlib import Path

import pytest

from domainstudio.jobs.checkpoints import MODEL
from domainstudio.problems import UserError
from domainstudio.recipe.architecture import of_folder, of_preset, of_tensors
from domainstudio.recipe.hardware import GPUS, of_listing, parse
from domainstudio.recipe.shapes import SHAPES


@pytest.mark.parametrize(
    ("text", "name", "devices", "nodes"),
    [
        ("8xA100-40GB", "A100-40GB", 8, 1),
        ("2x8xa100-80gb", "A100-80GB", 8, 2),
        ("2 x 8 x A100 80GB", "A100-80GB", 8, 2),
        ("H100", "H100-80GB", 1, 1),
        ("4×rtx 4090", "RTX-4090-24GB", 4, 1),
        ("L40S-48GB", "L40S-48GB", 1, 1),
    ],
)
def test_hardware_is_read_as_people_write_it(text: str, name: str, devices: int, nodes: int) -> None:
    found = parse(text)
    assert (found.name, found.devices, found.nodes) == (name, devices, nodes)
    assert parse(found.label) == found and found.memory_bytes == GPUS[name].memory_gb * 10**9


@pytest.mark.parametrize(
    "text", ["", "8", "A100", "0xA100-40GB", "8xB900", "1x2x3xA100-40GB", "99999x99999xA10-24GB"]
)
def test_what_cannot_be_planned_for_is_refused_with_what_can(text: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(text)
    assert refused.value.problem.code == "hardware.unknown" and "H200-141GB" in str(refused.value)


def test_a_gpu_without_bf16_is_refused_for_it() -> None:
    parse("V100-16GB").require("fp32")
    with pytest.raises(UserError) as refused:
        parse("V100-16GB").require("bf16")
    assert "precision=fp32" in str(refused.value)


@pytest.mark.parametrize(
    ("listing", "name", "devices"),
    [
        ("NVIDIA A100-SXM4-40GB, 40536\n" * 8, "A100-40GB", 8),
        ("NVIDIA A100 80GB PCIe, 81920\n", "A100-80GB", 1),
        ("NVIDIA H200, 143771\n", "H200-141GB", 1),
        ("NVIDIA GeForce RTX 4090, 24564\n", "RTX-4090-24GB", 1),
        ("NVIDIA A10, 23028\n", "A10-24GB", 1),
        ("NVIDIA A10G, 23028\n", "NVIDIA A10G", 1),
        ("Tesla V100-SXM2-16GB, 16160\n", "V100-16GB", 1),
        ("NVIDIA H100 PCIe, 81559\n", "NVIDIA H100 PCIe", 1),
        ("NVIDIA A100-SXM4-40GB, 40536\nNVIDIA L40S, 46068\n", "A100-40GB", 2),
    ],
)
def test_the_drivers_listing_is_understood(listing: str, name: str, devices: int) -> None:
    found = of_listing(listing)
    assert found is not None and (found.name, found.devices) == (name, devices)


def test_no_listing_is_no_gpu() -> None:
    assert of_listing("") is None and of_listing("No devices were found\n") is None


def test_a_folders_architecture_is_that_of_its_tensors_and_its_configuration(trained_project: Path) -> None:
    (checkpoint,) = (trained_project / "jobs" / "train-1" / "result" / "checkpoints").glob("*20")
    shape = SHAPES["tiny"]
    assert of_folder(checkpoint / MODEL) == of_preset(shape, 512)
    found = of_folder(checkpoint / MODEL)
    assert (found.hidden, found.layers, found.heads, found.intermediate) == (128, 4, 4, 344)
    assert found.is_gated and found.multiplied == shape.parameters(512), "a tied table is the head as well"


def test_shared_keys_and_unknown_heads() -> None:
    shapes = {"h.0.attn.weight": [256, 256], "wte.weight": [512, 256], "wpe.weight": [64, 256]}
    shared = of_tensors(shapes, {"text_config": {"num_attention_heads": 8, "num_key_value_heads": 2}})
    assert (shared.kv_width, shared.intermediate) == (64, 1024)
    unknown = of_tensors(shapes, {})
    assert (unknown.heads, unknown.kv_heads, unknown.multiplied) == (4, 4, 256 * 256 + 512 * 256)
