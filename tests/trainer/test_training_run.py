"""A real run under torchrun and DeepSpeed: paused and resumed, it ends as if undisturbed.

Kills of every kind, at every moment: tests/faults/test_training_kills.py.
"""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import DOMAIN, STANDARD_LIBRARY
from every_process import warm
from safetensors.torch import load_file
from support import Command, wait_until
from trainer.run_readings import STEPS, losses, probes, wait_for_step
from transformers import AutoModelForCausalLM, AutoTokenizer

from domainstudio.cli.main import run_command
from domainstudio.jobs.checkpoints import latest_checkpoint
from domainstudio.jobs.events import Probe, Progress, Start, Step
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.jobs.process import processes_of
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.packed import PackedTokens
from domainstudio.workflow.training.starting import curves_of


def open_ports(folder: JobFolder) -> set[str]:
    """Return the addresses at which processes of a run listen for others, or are connected to others."""
    found = [one for each in processes_of(folder) for one in each.net_connections("inet")]
    return {end.ip for one in found for end in (one.laddr, one.raddr) if end}


def final_weights(project: Path) -> dict[str, torch.Tensor]:
    checkpoint = latest_checkpoint(project / "jobs" / "train-1" / "result")
    assert checkpoint is not None and checkpoint.step == STEPS
    return load_file(checkpoint.model / "model.safetensors")


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


def test_all_ranks_obey_the_same_wishes(small_project: Path, command: Command, warm_server: str) -> None:
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

    with warm.started(warm_server):
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
