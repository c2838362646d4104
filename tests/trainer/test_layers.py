"""The layer map at the end of a run: sums over all ranks, as they are in the files that it keeps."""

import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import Command, wait_until

from domainstudio.cli.main import run_command
from domainstudio.jobs.checkpoints import latest_checkpoint
from domainstudio.jobs.folder import JobFolder
from domainstudio.recipe.layers import LAYERS_FILE, Layer, LayerMap, layer_of

pytestmark = pytest.mark.usefixtures("warm_start")

FAST = ["--set=steps=6", "--set=checkpoint_every=1000", "--set=probe_every=1000"]
TWO = ["--set=processes=2", "--set=zero_stage=2"]
EWC = ["--set=spring=ewc", "--set=importance_sequences=8", "--set=fisher_labels=model"]


@pytest.fixture(scope="module")
def project(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run that recorded, train-1, and from it one with springs on two processes, train-2."""
    path = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("layers") / "small"))
    assert run_command(["train", "start", str(path), *FAST, "--set=record_importance=true"]) == 0
    assert run_command(["train", "start", str(path), "--from=train-1", *FAST, *TWO, *EWC]) == 0
    return path


def map_of(project: Path, run: str) -> LayerMap:
    return LayerMap.model_validate_json((project / "jobs" / run / "result" / LAYERS_FILE).read_bytes())


def by_hand(result: Path) -> list[Layer]:
    anchor, importance = (load_file(result / f"{name}.safetensors") for name in ("anchor", "importance"))
    checkpoint = latest_checkpoint(result)
    assert checkpoint is not None
    weights = load_file(checkpoint.model / "model.safetensors")
    found = []
    for kind, block in (("embedding", None), *(("block", number) for number in range(99)), ("norm", None)):
        names = [name for name in anchor if layer_of(name, anchor[name].shape) == (kind, block)]
        if names:
            start, end, matters = (
                torch.cat([values[name].reshape(-1).double() for name in names])
                for values in (anchor, weights, importance)
            )
            found.append(
                Layer(
                    kind=kind,  # type: ignore[arg-type]
                    block=block,
                    weights=len(start),
                    importance=float(matters.mean()),
                    moved=float((end - start).square().mean().sqrt()),
                    anchor=float(start.square().mean().sqrt()),
                )
            )
    return found


@pytest.mark.parametrize("run", ["train-1", "train-2"])
def test_the_map_says_what_the_files_of_the_run_say(project: Path, run: str) -> None:
    found, expected = map_of(project, run), by_hand(project / "jobs" / run / "result")
    assert found.step == 6 and len(found.layers) == len(expected) > 3
    for layer, own in zip(found.layers, expected, strict=True):
        assert (layer.kind, layer.block, layer.weights) == (own.kind, own.block, own.weights)
        assert layer.importance == pytest.approx(own.importance, rel=1e-5)
        assert layer.moved == pytest.approx(own.moved, rel=1e-4) and layer.moved > 0
        assert layer.anchor == pytest.approx(own.anchor, rel=1e-5)
    total = math.fsum((layer.importance or 0.0) * layer.weights for layer in found.layers)
    assert total == pytest.approx(sum(layer.weights for layer in found.layers), rel=1e-3), "of mean 1"


def test_a_run_that_died_after_its_last_checkpoint_has_the_same_map(project: Path, command: Command) -> None:
    folder = JobFolder(project / "jobs" / "train-2")
    wait_until(lambda: folder.liveness() == "dead")
    file = folder.result / LAYERS_FILE
    whole = file.read_bytes()
    file.unlink()
    events = folder.events_file.read_bytes().splitlines(keepends=True)
    assert b'"state":"done"' in events[-1]
    folder.events_file.write_bytes(b"".join(events[:-1]))
    command("runs", "resume", project, "train-2")
    assert file.read_bytes() == whole


def test_the_command_prints_the_map(
    project: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    document = command("runs", "layers", project, "train-1")
    assert LayerMap.model_validate(document) == map_of(project, "train-1")
    assert run_command(["runs", "layers", str(project), "train-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("Embedding") and lines[2].startswith("Block 1")
    assert lines[0].split() == ["Layer", "Weights", "Importance", "Moved", "(%)"]
