"""Blends of weights: exact ends, computed in fp32, read through an index, refused where shapes differ."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from domainstudio.model.blend import Blender, write_blend
from domainstudio.model.create import create_model
from domainstudio.model.folder import load_model
from domainstudio.problems import UserError
from domainstudio.recipe.blend import Blend, BlendFiles
from domainstudio.recipe.shapes import SHAPES

VOCABULARY = 300


def new_model(
    folder: Path, seed: int, dtype: torch.dtype = torch.float32, *, preset: str = "tiny", shard: str = "50GB"
) -> Path:
    model = create_model(SHAPES[preset], VOCABULARY, 0, seed).to(dtype)
    model.save_pretrained(folder, max_shard_size=shard)
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {
        name: tensor
        for file in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


def blended(
    tmp_path: Path, kind: str, amount: float, trained: list[Path], base: Path | None, chat: Path | None = None
) -> dict[str, torch.Tensor]:
    """Write a blend and return its tensors."""
    target = tmp_path / f"{kind}-{amount:g}"
    target.mkdir()
    blend = Blend(kind=kind, amount=amount, chat=str(chat) if chat else None)  # type: ignore[arg-type]
    files = BlendFiles(blend=blend, trained=tuple(map(str, trained)), base=str(base) if base else None)
    told: list[tuple[int, int]] = []
    write_blend(files, target, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] and told == sorted(told)
    load_model(target)
    return weights(target)


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("preset", ["tiny", "tiny-neox"])
def test_both_ends_are_copies_and_the_middle_is_rounded_once(
    tmp_path: Path, dtype: torch.dtype, preset: str
) -> None:
    base = new_model(tmp_path / "base", 1, dtype, preset=preset)
    trained = new_model(tmp_path / "trained", 2, dtype, preset=preset)
    assert equal(blended(tmp_path, "interpolation", 0, [trained], base), weights(base))
    assert equal(blended(tmp_path, "interpolation", 1, [trained], base), weights(trained))
    here, there = weights(base), weights(trained)
    between = blended(tmp_path, "interpolation", 0.3, [trained], base)
    exact = {name: (0.7 * here[name].float() + 0.3 * there[name].float()).to(dtype) for name in there}
    assert equal(between, exact) and not equal(between, here)


def test_a_blend_takes_the_type_of_the_trained_model(tmp_path: Path) -> None:
    base = new_model(tmp_path / "base", 1)
    trained = new_model(tmp_path / "trained", 2, torch.bfloat16)
    rounded = {name: tensor.bfloat16() for name, tensor in weights(base).items()}
    assert equal(blended(tmp_path, "interpolation", 0, [trained], base), rounded)


def test_the_last_checkpoints_are_averaged_in_fp32(tmp_path: Path) -> None:
    made = [new_model(tmp_path / f"step-{seed}", seed, torch.bfloat16) for seed in range(3)]
    parts = [weights(folder) for folder in made]
    mean = {
        name: (sum(part[name].float() for part in parts) / 3).bfloat16()  # type: ignore[union-attr]
        for name in parts[0]
    }
    assert equal(blended(tmp_path, "average", 3, made, None), mean)
    assert equal(blended(tmp_path, "average", 1, made, None), parts[-1])


def test_a_chat_vector_is_what_sets_the_chat_model_apart_from_the_base(tmp_path: Path) -> None:
    base, chat, trained = (new_model(tmp_path / name, seed) for seed, name in enumerate(("b", "c", "t")))
    here, there, then = weights(base), weights(chat), weights(trained)
    exact = {name: then[name] + 0.5 * (there[name] - here[name]) for name in then}
    assert equal(blended(tmp_path, "chat", 0.5, [trained], base, chat), exact)
    assert equal(blended(tmp_path, "chat", 0, [trained], base, chat), then)


def test_files_are_read_through_the_index_however_they_are_cut(tmp_path: Path) -> None:
    base = new_model(tmp_path / "base", 1, shard="300KB")
    trained = new_model(tmp_path / "trained", 2, shard="200KB")
    assert len(list(base.glob("*.safetensors"))) != len(list(trained.glob("*.safetensors"))) > 1
    save_file({"left.over": torch.zeros(3)}, base / "from-elsewhere.safetensors")
    assert equal(blended(tmp_path, "interpolation", 1, [trained], base), weights(trained))
    found = blended(tmp_path, "interpolation", 0, [trained], base)
    (base / "from-elsewhere.safetensors").unlink()
    assert equal(found, weights(base))
    names = [file.name for file in sorted((tmp_path / "interpolation-0").iterdir())]
    assert names == [file.name for file in sorted(trained.iterdir())]


def test_only_one_tensor_of_each_model_is_held(tmp_path: Path) -> None:
    """A mean of many checkpoints must not take the memory of them all: each tensor is read when asked for."""
    made = [new_model(tmp_path / f"step-{seed}", seed) for seed in range(2)]
    blender = Blender(made, None)
    for folder in made:
        shutil.rmtree(folder)  # the files that are mapped stay readable: a run may go on and replace them
    blend = Blend(kind="average", amount=2)
    assert all(blender.tensor(blend, name).isfinite().all() for name in blender.layout.tensors)


def test_a_head_that_the_base_wrote_twice_is_left_aside(tmp_path: Path) -> None:
    base, trained = new_model(tmp_path / "base", 1), new_model(tmp_path / "trained", 2)
    held = weights(base)
    if "lm_head.weight" not in held:
        save_file(
            {**held, "lm_head.weight": held["model.embed_tokens.weight"].clone()}, base / "model.safetensors"
        )
    assert "model.embed_tokens.weight" in blended(tmp_path, "interpolation", 0.5, [trained], base)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda held: held.pop("model.norm.weight"), r"model\.norm\.weight is 128 .* and - there"),
        (lambda held: held.update({"model.more": torch.zeros(2, 3)}), r"model\.more is - .* and 2 × 3 there"),
        (lambda held: held.update({"model.norm.weight": torch.zeros(5)}), r"norm\.weight is 128 .* 5 there"),
        (
            lambda held: held.update({"model.embed_tokens.weight": torch.zeros(VOCABULARY + 8, 128)}),
            r"308 rows of vocabulary and the trained one 300",
        ),
    ],
)
def test_models_of_another_shape_are_refused_with_the_first_tensor_that_differs(
    tmp_path: Path, change: object, words: str
) -> None:
    trained, base = new_model(tmp_path / "trained", 1), new_model(tmp_path / "base", 3)
    chat = new_model(tmp_path / "chat", 2)
    held = weights(chat)
    change(held)  # type: ignore[operator]
    save_file(held, chat / "model.safetensors")
    with pytest.raises(UserError, match=words):
        Blender([trained], base, chat)


def test_pickles_and_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    trained, base = new_model(tmp_path / "trained", 1), new_model(tmp_path / "base", 2)
    held = weights(base)
    held["model.norm.weight"][3] = torch.nan
    save_file(held, base / "model.safetensors")
    blender = Blender([trained], base)
    with pytest.raises(UserError, match=r"model\.norm\.weight"):
        blender.tensor(Blend(kind="interpolation", amount=0.5), "model.norm.weight")
    (base / "model.safetensors").rename(base / "pytorch_model.bin")
    with pytest.raises(UserError, match="pickled weights are not loaded"):
        Blender([trained], base)


def test_an_index_that_misplaces_a_tensor_is_refused(tmp_path: Path) -> None:
    trained = new_model(tmp_path / "trained", 1, shard="200KB")
    file = trained / "model.safetensors.index.json"
    index = json.loads(file.read_text())
    names = index["weight_map"]
    first, *_others, last = names
    names[first], names[last] = names[last], names[first]
    file.write_text(json.dumps(index))
    with pytest.raises(UserError, match="does not hold it"):
        Blender([trained], None)


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "interpolation", "amount": 1.1},
        {"kind": "average", "amount": 2.5},
        {"kind": "chat", "amount": 1},
        {"kind": "average", "amount": 2, "chat": "/x"},
    ],
)
def test_a_blend_that_means_nothing_is_none(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        Blend.model_validate(values)
