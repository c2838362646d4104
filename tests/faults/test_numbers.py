"""Numbers that are none, and text that is none: each ends or warns with what to do."""

import json
import math
import shutil
from pathlib import Path

import pytest
from faults import forked_ranks
from faults.small_base import frozen, make_base, new_job
from safetensors.torch import load_file, save_file
from support import Command

from domainstudio.jobs.checkpoints import latest_checkpoint
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.events import JobProblem
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.mixture.shares import normalise
from domainstudio.model.folder import load_model
from domainstudio.problems import UserError, sentence
from domainstudio.recipe.run import ModelOrigin, RunSpec
from domainstudio.tokenizer.packed import PackedTokens
from domainstudio.trainer.data import TrainingData
from domainstudio.workflow.training.starting import curves_of


def trained(folder: JobFolder) -> tuple[list[int | None], Curves]:
    codes = forked_ranks.start(folder).wait()
    return codes, curves_of(folder)


def said(folder: JobFolder) -> list[str]:
    """Return the codes of what a run told a person, each of which has its sentence."""
    found = [event.body.problem for event in read_events(folder) if isinstance(event.body, JobProblem)]
    assert all(sentence(problem) != f"{problem.code} {dict(problem.params)}" for problem in found)
    return [problem.code for problem in found]


def token_of_one_batch(project: Path, spec: RunSpec, step: int, rank: int) -> int:
    """Return a token that one rank reads at one step alone, and that no held-out text begins with."""
    job = project / "jobs" / "job"
    read = {
        (each, at): {int(token) for batch in data.micro_batches(at) for token in batch[:, :-1].flatten()}
        for each in range(2)
        for data in (TrainingData(spec, job, each, 2),)
        for at in range(1, spec.steps + 1)
    }
    others = set().union(*(tokens for place, tokens in read.items() if place != (rank, step)))
    for source in spec.held_out:
        held_out = PackedTokens((job / source.tokens).resolve())
        others |= set(held_out.whole_documents(spec.recipe.probe_tokens)[0].tolist())
    return min(read[rank, step] - others)


@pytest.mark.parametrize(("zero_stage", "precision"), [("2", "fp32"), ("3", "bf16")])
def test_one_bad_batch_on_one_rank_moves_nothing_and_ends_nothing(
    small_project: Path, tmp_path: Path, zero_stage: str, precision: str
) -> None:
    spec = frozen(small_project, processes="2", zero_stage=zero_stage, precision=precision, dropout="0")
    token = token_of_one_batch(small_project, spec, step=3, rank=1)
    origin = ModelOrigin(folder=str(make_base(tmp_path / "base", token)))
    folder = new_job(small_project, spec.model_copy(update={"model": origin}))
    codes, curves = trained(folder)
    assert codes == [0, 0], folder.log_file.read_text()[-2000:]
    losses = curves.steps.column("loss").tolist()
    assert [math.isfinite(loss) for loss in losses] == [step != 3 for step in range(1, 9)]
    assert said(folder) == ["training.step_skipped"]
    assert [point.step for point in curves.checkpoints] == [6, 8], "nothing is saved at the bad step"
    latest = latest_checkpoint(folder.result)
    assert latest is not None
    saved = load_file(latest.model / "model.safetensors")
    assert all(bool(weights.isfinite().all()) for weights in saved.values())
    assert all(math.isfinite(probe.nats_per_token) for probe in curves.probes)


def test_a_run_that_diverges_ends_and_keeps_what_was_saved_before(small_project: Path) -> None:
    wild = {"learning_rate": "1", "weight_decay": "1e30", "warmup_steps": "0", "schedule": "constant"}
    folder = new_job(small_project, frozen(small_project, checkpoint_every="1", **wild))
    codes, curves = trained(folder)
    assert codes == [2] and folder.status() == "failed"
    assert said(folder) == ["training.step_skipped", "training.diverged"]
    assert curves.step_reached() == 4 and [point.step for point in curves.checkpoints] == [1]


def test_a_base_with_weights_that_are_no_numbers_is_refused(tmp_path: Path) -> None:
    folder = make_base(tmp_path / "base")
    weights = load_file(folder / "model.safetensors")
    weights["embed_out.weight"][3, 5] = math.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError) as refusal:
        load_model(folder)
    assert refusal.value.problem.code == "model.not_finite" and "1 of its weights" in str(refusal.value)


def test_a_base_whose_configuration_says_another_vocabulary_than_its_weights_is_refused(
    tmp_path: Path,
) -> None:
    folder = make_base(tmp_path / "base")
    config = json.loads((folder / "config.json").read_text())
    for size in (400, 600):
        (folder / "config.json").write_text(json.dumps(config | {"vocab_size": size}))
        with pytest.raises(UserError) as refusal:
            load_model(folder)
        assert str(refusal.value).count("\n") == 0


@pytest.fixture
def base(packed_project: Path, tmp_path: Path) -> Path:
    """A base model with the tokenizer of the small project."""
    folder = make_base(tmp_path / "base")
    shutil.copyfile(next(packed_project.glob("models/*/tokenizer.json")), folder / "tokenizer.json")
    return folder


def test_a_tokenizer_with_more_entries_than_the_model_has_rows_is_refused_at_once(
    base: Path, tmp_path: Path, refused: Command
) -> None:
    """Its ids have a gap: there are 513 of them, the highest is 599."""
    values = json.loads((base / "tokenizer.json").read_text())
    added = values["added_tokens"][0] | {"id": 599, "content": "<|late|>"}
    values["added_tokens"].append(added)
    values["model"]["vocab"]["<|late|>"] = 599
    (base / "tokenizer.json").write_text(json.dumps(values))
    words = refused("project", "new", tmp_path / "clinic", "--base", base)
    assert "512" in words and "600" in words and not (tmp_path / "clinic").exists()


def test_a_padded_vocabulary_is_no_mistake_and_too_few_positions_are_said_in_the_plan(
    base: Path, tmp_path: Path, small_project: Path, command: Command, refused: Command
) -> None:
    project = tmp_path / "clinic"
    command("project", "new", project, "--base", base)
    text = tmp_path / "text.txt"
    text.write_text("word " * 20_000)
    command("corpus", "import", project, text, "--role", "domain", "--name", "notes")
    command("tokenizer", "pack", project)
    command("mixture", "set", project, "--share", "notes=1", "--tokens", "2k")
    command("recipe", "set", project, "sequence_length=64")
    assert command("recipe", "plan", project)["plan"]["spec"]["vocabulary"] == 512
    command("recipe", "set", project, "sequence_length=256")
    assert "128 positions" in refused("recipe", "plan", project)
    assert "128 positions" in refused("train", "start", project)


def test_a_source_smaller_than_one_block_is_said_before_the_run_starts(
    small_project: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    (tmp_path / "note.txt").write_text("A short note.")
    command("corpus", "import", small_project, tmp_path / "note.txt", "--role", "domain", "--name", "note")
    command("tokenizer", "pack", small_project)
    shares = ["--share", "note=0.001", "--share", "domain=0.999"]
    command("mixture", "set", small_project, *shares, "--tokens", "2k", "--max-epochs", "4")
    for words in (("recipe", "plan"), ("train", "start")):
        assert "note has" in (told := refused(*words, small_project)) and "block of 64" in told
    assert not (small_project / "jobs" / "train-1").exists()


def test_documents_without_text_are_counted_and_a_source_without_text_is_named(
    small_project: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    """A source all of whose documents are copies has not one token left to train on."""
    lines = [json.dumps({"text": text}) for text in ("", " \n", "kept text that is long enough", "")]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines))
    first = ["corpus", "import", small_project, tmp_path / "texts.jsonl", "--role", "domain", "--name"]
    account = command(*first, "texts")["result"]["account"]
    assert account["read"] == account["kept"] + account["marked"] + account["rejected"]
    assert account["kept"] == 1
    assert command(*first, "copies")["result"]["account"]["kept"] == 0
    command("tokenizer", "pack", small_project)
    words = refused("mixture", "set", small_project, "--share", "copies=1", "--tokens", "2k")
    assert "copies has no training text" in words


def test_a_tokenizer_trained_anew_and_text_imported_after_packing_are_said_in_the_plan(
    small_project: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    (tmp_path / "more.txt").write_text("More text of the field, read after packing.\n" * 40)
    command("corpus", "import", small_project, tmp_path / "more.txt", "--role", "domain", "--name", "more")
    codes = [one["problem"]["code"] for one in command("recipe", "plan", small_project)["advice"]]
    assert "advice.packed_before" in codes
    command("tokenizer", "train", small_project, "--size", "400")
    assert "pack" in refused("recipe", "plan", small_project)
    assert "pack" in refused("train", "start", small_project)


@pytest.mark.parametrize("shares", [(1e308, 1e308), (1.0, 5e-324), (1e308, 1e308, 1e-300)])
def test_shares_of_any_size_make_shares_that_a_run_can_take(shares: tuple[float, ...]) -> None:
    found = normalise({f"source {number}": share for number, share in enumerate(shares)})
    assert sum(found.values()) == pytest.approx(1) and all(0 < share <= 1 for share in found.values())
