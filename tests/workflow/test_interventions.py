"""What a guard did and what became of the canary facts, in words and in the documents of commands."""

import os
from pathlib import Path

import pytest
from support import Command

from domainstudio.cli.main import run_command
from domainstudio.jobs.events import Body, Canaries, Event, Intervention, Probe, Start, State, Step, encode
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.project.project import Project
from domainstudio.workflow.runs.interventions import intervention_label, intervention_words
from domainstudio.workflow.training.starting import TRAIN, freeze

pytestmark = pytest.mark.usefixtures("warm_start")

REASONS = ("nats", "percent", "canaries", "explosion", "plateau")
WHATS = ("alarm", "pause", "replay", "rate", "dropout", "end", "tell")


def run_with(project: Path, *bodies: Body) -> JobFolder:
    with Project(project) as opened:
        spec, _processes = freeze(opened, "base", "default", "default", {}, "treated")
    folder = create_job(project / "jobs", TRAIN.name, TRAIN.program, spec)
    folder.record_process(os.getpid(), 0)
    folder.events_file.write_bytes(
        b"".join(encode(Event(seq, 1, 1000.0 + seq, body)) for seq, body in enumerate(bodies, 1))
    )
    return folder


def probe(step: int, nats: float) -> Probe:
    return Probe(step, "general", "general", nats, 2.0, 10, 40)


def point(step: int) -> Step:
    return Step(step, step * 128, 2.0, 1e-3, 1.0, 1000.0, 10**8)


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("reason", REASONS)
def test_everything_a_guard_may_do_has_words(what: str, reason: str) -> None:
    one = Intervention(1234, what, 0.25, reason)
    words, label = intervention_words(one), intervention_label(one)
    assert words.startswith("Step 1,234: ") and words.endswith(".") and "{" not in words + label
    assert reason not in words.split() or reason == "nats", "a code is no word"
    assert 0 < len(label) <= 24


def test_what_a_newer_program_did_is_named_as_it_is() -> None:
    one = Intervention(5, "rolled back", 1.0, "spike")
    assert intervention_words(one) == "Step 5: rolled back." and intervention_label(one) == "rolled back"


def test_commands_tell_the_rate_of_forgetting_and_what_is_still_known(
    small_project: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    half = Intervention(9, "rate", 0.5, "nats")
    run_with(
        small_project, Start(0), probe(0, 4.0), Canaries(0, 20, 40, 16, 1.0), point(9), probe(9, 4.2),
        Canaries(9, 21, 40, 16, 0.9), half, State("stopped", 9),
    )  # fmt: skip
    (row,) = command("runs", "list", small_project)
    assert row["outcome"]["forgetting_percent"] == pytest.approx(5.0)
    assert row["outcome"]["perplexity_ratio"] == pytest.approx(1.2214, abs=1e-4)
    assert row["canaries"] == {"right_before": 20, "right": 21, "total": 40, "needed": 16, "kept": 0.9}
    assert row["interventions"] == [{"step": 9, "what": "rate", "value": 0.5, "reason": "nats"}]
    assert run_command(["evaluation", "table", str(small_project), "train-1"]) == 0
    told = capsys.readouterr().out
    assert "+5.0 %" in told and "× 1.221" in told and "90 % of the 20 that the base knew" in told
    assert run_command(["runs", "compare", str(small_project)]) == 0
    assert "+5.0" in capsys.readouterr().out


def test_of_a_base_that_guesses_nothing_is_claimed(
    small_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_with(small_project, Start(0), probe(0, 4.0), Canaries(0, 11, 40, 16, 1.0), State("stopped", 0))
    assert run_command(["evaluation", "table", str(small_project), "train-1"]) == 0
    told = capsys.readouterr().out
    assert "knew too few of them to tell" in told and "100 %" not in told
