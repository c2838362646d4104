"""A real run under torchrun and DeepSpeed: paused and resumed, it ends as if undisturbed.

Kills of every kind, at every moment: tests/faults/test_training_kills.py.
"""

import math
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import DOMAIN, GENERAL, RECIPE, STANDARD_LIBRARY
from safetensors.torch import load_file
from support import Command, wait_until
from transformers import AutoModelForCausalLM, AutoTokenizer

from domainstudio.cli.main import run_command
from domainstudio.jobs.checkpoints import latest_checkpoint
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.events import Probe, Progress, Start, Step
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import Tail, read_events
from domainstudio.jobs.process import processes_of
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.packed import PackedTokens
from domainstudio.workflow.training import curves_of

STEPS = 160


def wait_for_step(folder: JobFolder, step: int, attempt: int, seconds: float = 120) -> None:
    """Return as soon as an attempt has reported a step."""
    tail, deadline = Tail(folder), time.monotonic() + seconds
    while time.monotonic() < deadline:
        for event in tail.poll():
            if event.attempt == attempt and isinstance(event.body, Step) and event.body.step >= step:
                return
        time.sleep(0.01)
    raise AssertionError(f"no step {step} in time: {folder.log_file.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def undisturbed(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one finished run, train-1."""
    project = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("undisturbed") / "small"))
    assert run_command(["train", "start", str(project)]) == 0
    return project


def open_ports(folder: JobFolder) -> set[str]:
    """Return the addresses at which processes of a run listen for others, or are connected to others."""
    found = [one for each in processes_of(folder) for one in each.net_connections("inet")]
    return {end.ip for one in found for end in (one.laddr, one.raddr) if end}


def final_weights(project: Path) -> dict[str, torch.Tensor]:
    checkpoint = latest_checkpoint(project / "jobs" / "train-1" / "result")
    assert checkpoint is not None and checkpoint.step == STEPS
    return load_file(checkpoint.model / "model.safetensors")


def losses(curves: Curves) -> list[tuple[int, float]]:
    return [(point.step, point.loss) for point in curves.steps.points()]


def probes(project: Path, run: str, step: int) -> dict[str, Probe]:
    points = curves_of(JobFolder(project / "jobs" / run)).probes
    return {point.source: point for point in points if point.step == step}


def test_a_step_is_told_once_and_a_checkpoint_leaves_nothing_in_the_log(undisturbed: Path) -> None:
    """Over a million steps both would add half to what the run takes on the disk."""
    folder = JobFolder(undisturbed / "jobs" / "train-1")
    bodies = [event.body for event in read_events(folder)]
    assert [body.step for body in bodies if isinstance(body, Step)] == list(range(1, STEPS + 1))
    assert not [body for body in bodies if isinstance(body, Progress) and body.done]
    assert "%|" not in folder.log_file.read_text()


def test_a_run_that_lost_its_watcher_and_was_paused_is_bit_identical(
    undisturbed: Path, small_project: Path, command: Command
) -> None:
    folder = JobFolder(small_project / "jobs" / "train-1")
    start = [sys.executable, "-m", "domainstudio", "train", "start", str(small_project)]
    watcher = subprocess.Popen(start, stderr=subprocess.DEVNULL)
    wait_until(folder.run_file.exists)
    wait_for_step(folder, 10, attempt=1)
    watcher.kill()
    watcher.wait()
    assert folder.status() == "running", "a killed watcher must not end the run"

    command("runs", "pause", small_project, "train-1")
    wait_until(lambda: folder.status() == "stopped")
    stopped_at = curves_of(folder).step_reached()
    checkpoint = latest_checkpoint(folder.result)
    assert checkpoint is not None and checkpoint.step == stopped_at < STEPS

    command("runs", "resume", small_project, "train-1")
    assert folder.status() == "done"

    expected, resumed = final_weights(undisturbed), final_weights(small_project)
    assert expected.keys() == resumed.keys()
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    whole, pieced = curves_of(JobFolder(undisturbed / "jobs" / "train-1")), curves_of(folder)
    assert losses(pieced) == losses(whole)
    assert pieced.probes == whole.probes
    assert pieced.attempts == 2


def test_a_run_of_which_one_rank_died_says_so_and_leaves_no_process(
    small_project: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when memory runs out: the system kills one process, and torchrun has the others to end."""
    command("train", "start", small_project, "--set=processes=2", "--set=checkpoint_every=1000", "--detach")
    folder = JobFolder(small_project / "jobs" / "train-1")
    wait_for_step(folder, 3, attempt=1)
    (second,) = (each for each in processes_of(folder) if each.environ().get("RANK") == "1")
    second.kill()
    assert run_command(["runs", "watch", str(small_project), "train-1"]) == 2
    assert "Process 1 of the run died" in capsys.readouterr().err
    assert folder.status() == "failed"
    wait_until(lambda: not processes_of(folder))


def test_all_ranks_obey_the_same_wishes(small_project: Path, command: Command) -> None:
    """A checkpoint in between, an end without one, and an early end that is kept and can be exported."""
    settings = ["--set=processes=2", "--set=checkpoint_every=1000", "--set=probe_every=1000"]
    command("train", "start", small_project, *settings, "--detach")
    folder = JobFolder(small_project / "jobs" / "train-1")
    wait_for_step(folder, 5, attempt=1)
    assert open_ports(folder) == {"127.0.0.1"}, "another machine could reach the run"
    command("runs", "checkpoint", small_project, "train-1")
    wait_until(lambda: latest_checkpoint(folder.result) is not None)
    saved = latest_checkpoint(folder.result)
    assert saved is not None
    wait_for_step(folder, saved.step + 2, attempt=1)
    command("runs", "stop", small_project, "train-1")
    wait_until(lambda: folder.status() == "stopped")
    assert latest_checkpoint(folder.result) == saved

    command("runs", "resume", small_project, "train-1", "--detach")
    wait_for_step(folder, saved.step + 1, attempt=2)
    command("runs", "keep", small_project, "train-1")
    wait_until(lambda: folder.status() == "done")
    last = curves_of(folder).step_reached()
    kept = latest_checkpoint(folder.result)
    assert saved.step < last < STEPS and kept is not None and kept.step == last
    assert set(probes(small_project, "train-1", last)) == {"general", "domain"}
    command("export", "model", small_project, "train-1", small_project / "exported")
    assert f"at step {last}" in (small_project / "exported" / "README.md").read_text()


def test_probes_come_at_step_0_at_their_interval_and_at_the_end(undisturbed: Path) -> None:
    bodies = [event.body for event in read_events(JobFolder(undisturbed / "jobs" / "train-1"))]
    assert isinstance(bodies[0], Start) and bodies[0].step == 0
    steps = [body.step for body in bodies if isinstance(body, Probe) and body.source == "domain"]
    assert steps == [0, 50, 100, 150, STEPS]


def test_a_random_model_knows_nothing_and_training_teaches_it(undisturbed: Path) -> None:
    first = probes(undisturbed, "train-1", 0)
    assert set(first) == {"general", "domain"}
    for probe in first.values():
        assert probe.nats_per_token == pytest.approx(math.log(512), abs=0.25)
    last = probes(undisturbed, "train-1", STEPS)
    assert last["domain"].nats_per_token < first["domain"].nats_per_token - 1


def test_exported_model_gives_the_loss_that_was_probed(
    undisturbed: Path, tmp_path: Path, command: Command
) -> None:
    """Recompute a probe from the exported folder without the trainer's code, one window at a time."""
    command("export", "model", undisturbed, "train-1", tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model", use_safetensors=True)
    job = JobFolder(undisturbed / "jobs" / "train-1")
    probe = probes(undisturbed, "train-1", STEPS)["general"]
    held_out = next(source for source in job.spec().work["held_out"] if source["name"] == "general")
    packed = PackedTokens((job.path / held_out["tokens"]).resolve())
    stream, size_bytes = packed.whole_documents(1024)
    ids = torch.tensor([packed.meta.end_of_text, *stream.tolist()])
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(stream), 64):
            window = ids[start : start + 65]
            scores = model(input_ids=window[None, :-1]).logits[0].log_softmax(-1)
            total -= float(scores.gather(1, window[1:, None]).sum())
    assert probe.tokens == len(stream)
    assert probe.nats_per_token == pytest.approx(total / len(stream), abs=1e-4)
    assert probe.bits_per_byte == pytest.approx(total / size_bytes / math.log(2), abs=1e-4)


def test_exported_tokenizer_loads_and_agrees(undisturbed: Path, tmp_path: Path, command: Command) -> None:
    command("export", "model", undisturbed, "train-1@160", tmp_path / "model")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "model")
    ours = vocabulary.load(next((undisturbed / "models").iterdir()))
    text = "def 你好(): return 'naïve'  # 12345"
    assert theirs(text)["input_ids"] == ours.encode(text).ids
    assert theirs.decode(ours.encode(text).ids) == text
    assert theirs.eos_token_id == vocabulary.end_of_text(ours)


def test_a_run_from_a_run_begins_with_its_weights(
    undisturbed: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    project = Path(shutil.copytree(undisturbed, tmp_path / "continued"))
    command("mixture", "set", project, "--share", "domain=1", "--tokens", "512", "--max-epochs", "4")
    assert "160" in refused("train", "start", project, "--from", "train-1@3")
    command("train", "start", project, "--from", f"train-1@{STEPS}")
    before, after = probes(project, "train-1", STEPS), probes(project, "train-2", 0)
    for source in ("general", "domain"):
        assert after[source].nats_per_token == pytest.approx(before[source].nats_per_token, abs=1e-5)


@pytest.mark.long
def test_a_run_from_a_run_is_resumed_bit_for_bit_dropout_and_all(
    undisturbed: Path, tmp_path: Path, command: Command
) -> None:
    project = Path(shutil.copytree(undisturbed, tmp_path / "small"))
    settings = ["--from=train-1", "--set=steps=60", "--set=probe_every=1000", "--set=checkpoint_every=1000"]
    command("train", "start", project, *settings)
    command("train", "start", project, *settings, "--detach")
    whole, pieced = (JobFolder(project / "jobs" / name) for name in ("train-2", "train-3"))
    wait_for_step(pieced, 5, attempt=1)
    command("runs", "pause", project, "train-3")
    wait_until(lambda: pieced.status() == "stopped")
    command("runs", "resume", project, "train-3")
    assert curves_of(pieced).attempts == 2 and losses(curves_of(pieced)) == losses(curves_of(whole))


def test_a_project_on_a_base_folder_trains_it(undisturbed: Path, tmp_path: Path, command: Command) -> None:
    """The exported model serves as somebody's base: its own tokenizer is used, its loss is the base line."""
    command("export", "model", undisturbed, "train-1", tmp_path / "base")
    project = tmp_path / "based"
    command("project", "new", project, "--base", tmp_path / "base")
    for role, names in (("general", GENERAL), ("domain", DOMAIN)):
        paths = [STANDARD_LIBRARY / name for name in names]
        command("corpus", "import", project, *paths, "--reader", "docstrings", "--role", role, "--name", role)
    command("tokenizer", "pack", project)
    command("mixture", "set", project, "--share", "domain=1", "--tokens", "512")
    command("recipe", "set", project, *RECIPE)
    command("train", "start", project)
    expected, found = probes(undisturbed, "train-1", STEPS), probes(project, "train-1", 0)
    for source in ("general", "domain"):
        assert found[source].nats_per_token == pytest.approx(expected[source].nats_per_token, abs=1e-5)


def test_general_text_may_be_written_by_the_model_and_is_labelled_ever_after(
    undisturbed: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    project = Path(shutil.copytree(undisturbed, tmp_path / "writing"))
    assert "random weights" in refused("corpus", "generate", project)
    made = command("corpus", "generate", project, "--from", "train-1", "--tokens", "6k", "--name", "own")
    assert made["result"]["documents"] >= 6000 / 513
    assert "another origin" in refused("corpus", "sample", project, "--name", "own")
    command("tokenizer", "pack", project)
    rows = {row["counts"]["name"]: row for row in command("corpus", "table", project)}
    assert rows["own"]["counts"]["text_origin"] == "written by a model" and rows["own"]["tokens"] > 4000
    assert rows["general"]["counts"]["text_origin"] == "documents"
    command("export", "report", project, "train-1", tmp_path / "report.html")
    assert "written by a model" in (tmp_path / "report.html").read_text()


def test_without_general_text_the_program_says_so_and_offers_three_ways(
    packed_project: Path, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "blind"
    command("project", "new", project, "--from-scratch", "tiny")
    paths = [STANDARD_LIBRARY / name for name in DOMAIN]
    command("corpus", "import", project, *paths, "--reader", "docstrings", "--role", "domain", "--name", "d")
    command("tokenizer", "train", project, "--size", "400")
    command("tokenizer", "pack", project)
    assert run_command(["mixture", "set", str(project), "--share", "d=1", "--tokens", "1k"]) == 0
    said = capsys.readouterr().err
    assert "forgetting cannot be measured" in said
    assert all(way in said for way in ("--role general", "corpus generate", "corpus sample"))
