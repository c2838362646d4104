"""Layer maps of runs: what has none says how to get one; the newest comes first."""

from pathlib import Path

import pytest
from golden_project import write_layer_map, write_run
from support import Command

from domainstudio.project.project import Project
from domainstudio.recipe.layers import LAYERS_FILE, Layer, layer_of, place_of
from domainstudio.workflow.protection.layers import layer_words, moved_words, shown_map


def test_a_run_without_a_map_says_what_writes_one(small_project: Path, refused: Command) -> None:
    write_run(small_project, "treated", 0.5, 0.1)
    result = small_project / "jobs" / "train-1" / "result"
    assert "record_importance=true" in refused("runs", "layers", small_project, "train-1")
    with Project(small_project, read_only=True) as opened:
        assert shown_map(opened).runs == [] and shown_map(opened, "train-1").layers == ()
    (result / LAYERS_FILE).write_text("not a map")
    assert LAYERS_FILE in refused("runs", "layers", small_project, "train-1")


def test_the_newest_map_is_shown_unless_another_is_wanted(small_project: Path) -> None:
    older = write_layer_map(small_project, (0.25, 0.0)).parent
    older.rename(older.with_name("train-9"))
    assert write_layer_map(small_project, (0.125, 0.0)).parent.name == "train-10"
    with Project(small_project, read_only=True) as opened:
        newest = shown_map(opened)
        assert newest.runs == ["train-10", "train-9"] and newest.run == "train-10"
        assert shown_map(opened, "train-9").layers[0].moved_share == 0.5
        assert shown_map(opened, "train-7") == newest, "gone meanwhile"


@pytest.mark.parametrize(
    ("name", "shape", "key"),
    [("model.embed_tokens.weight", (9, 4), ("embedding", None)),
     ("transformer.wpe.weight", (9, 4), ("embedding", None)),
     ("transformer.h.11.ln_1.weight", (4,), ("block", 11)),
     ("model.norm.weight", (4,), ("norm", None)),
     ("transformer.ln_f.bias", (4,), ("norm", None)),
     ("lm_head.weight", (9, 4), ("head", None)),
     ("base_model.model.lm_head.modules_to_save.default.weight", (9, 4), ("head", None)),
     ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight", (4, 4), ("block", 0))],
)  # fmt: skip
def test_each_parameter_is_of_one_layer(
    name: str, shape: tuple[int, ...], key: tuple[str, int | None]
) -> None:
    assert layer_of(name, shape) == key


def test_layers_stand_from_the_embedding_to_the_head() -> None:
    keys = [("head", None), ("block", 10), ("norm", None), ("block", 9), ("embedding", None)]
    ordered = sorted(keys, key=place_of)  # type: ignore[arg-type]
    assert ordered == [keys[4], keys[3], keys[1], keys[2], keys[0]]


def test_what_began_at_zero_has_no_share() -> None:
    layer = Layer(kind="block", block=0, weights=2, importance=1.0, moved=0.5, anchor=0.0)
    assert moved_words(layer) == "–" and layer_words(layer) == "Block 1"
    assert moved_words(layer.model_copy(update={"anchor": 0.5})) == "100"
