"""Starting, killing and starting again, with real processes that behave badly."""

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from support import wait_until

from domainstudio.jobs import process
from domainstudio.jobs.checkpoints import list_checkpoints
from domainstudio.jobs.curves import gather
from domainstudio.jobs.events import Checkpoint, JobProblem, Log, Probe, Start, State, Step
from domainstudio.problems import UserError

NewRun = Callable[..., Any]

# Starts a job and is killed between the birth of the job's process and the writing of run.json.
DYING_STARTER = """
import os, signal, sys
from pathlib import Path
import fake_trainer
from domainstudio.jobs import process
from domainstudio.jobs.folder import JobFolder

process.command = fake_trainer.command
JobFolder.record_process = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
process.start(JobFolder(Path(sys.argv[1])))
"""


def start_and_die(run: Any) -> None:
    """Start a run from a process that is killed before it could write run.json."""
    paths = [os.path.dirname(os.path.dirname(__file__)), os.environ["PYTHONPATH"]]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    starter = subprocess.run([sys.executable, "-c", DYING_STARTER, run.path], env=environment, check=False)
    assert starter.returncode == -signal.SIGKILL
    assert not run.run_file.exists()


def assert_seq_is_whole(run: Any) -> None:
    """Every event of every attempt is there, once, in order."""
    numbers = [event.seq for event in run.events() if event.seq]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_run_tells_everything_and_ends_done(new_run: NewRun) -> None:
    run = new_run(steps=10, probe_every=5, checkpoint_every=4)
    assert run.status() == "created"
    run.start()
    assert run.wait_for("done", "failed") == "done"
    curves = gather(run.events())
    assert curves.steps.column("step").tolist() == list(range(1, 11))
    assert [(point.step, point.source) for point in curves.probes] == [
        (step, source) for step in (0, 5, 10) for source in ("general", "domain")
    ]
    assert [point.step for point in curves.checkpoints] == [4, 8, 10]
    assert all((run.path / point.path).is_dir() for point in curves.checkpoints)
    assert_seq_is_whole(run)


def test_a_running_job_is_not_started_twice(new_run: NewRun) -> None:
    run = new_run(steps=1000, seconds_per_step=0.02)
    run.start()
    with pytest.raises(UserError, match="running already"):
        run.start()
    run.wait_for_step(2)
    with pytest.raises(UserError, match="running already"):
        run.start()
    process.kill(run)
    assert [start.step for start in run.all_of(Start)] == [0]


def test_of_many_who_start_at_once_one_does(new_run: NewRun) -> None:
    run = new_run(stall_after=1)
    outcomes: list[str] = []

    def try_to_start() -> None:
        try:
            run.start()
            outcomes.append("started")
        except UserError as error:
            outcomes.append(error.problem.code)

    threads = [threading.Thread(target=try_to_start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["job.already_running"] * 7 + ["started"]
    assert len(run.processes()) == 1


def test_a_refused_spec_starts_nothing(new_run: NewRun) -> None:
    run = new_run()
    (run.path / "spec.json").write_text('{"version": 1}')
    with pytest.raises(UserError):
        run.start()
    assert run.status() == "created" and not run.processes()


def test_killed_and_started_again_a_run_shows_what_an_undisturbed_one_shows(new_run: NewRun) -> None:
    undisturbed, run = new_run(steps=12), new_run(steps=12, die_at=7)
    undisturbed.start()
    run.start()
    assert run.wait_for("interrupted", "done") == "interrupted"
    run.start()
    assert run.wait_for("done", "failed") == "done"
    undisturbed.wait_for("done")
    assert [start.step for start in run.all_of(Start)] == [0, 5]
    assert [event.attempt for event in run.events() if isinstance(event.body, Start)] == [1, 2]
    assert_seq_is_whole(run)
    whole, pieced = gather(undisturbed.events()), gather(run.events())
    assert (pieced.steps.points(), pieced.probes) == (whole.steps.points(), whole.probes)
    assert [tail.column("step").tolist() for tail in pieced.superseded] == [[5, 6]]


def test_a_torn_last_line_costs_that_event_and_no_other(new_run: NewRun) -> None:
    run = new_run(steps=9, tear_at=6)
    run.start()
    run.wait_for("interrupted")
    torn = run.events_file.read_bytes().rpartition(b"\n")[2].decode()
    assert torn.startswith('{"v":1')
    run.start()
    assert run.wait_for("done", "failed") == "done"
    assert run.all_of(Log) == [Log(torn)]
    assert_seq_is_whole(run)
    assert gather(run.events()).steps.column("step").tolist() == list(range(1, 10))


def test_a_stop_request_ends_at_a_checkpoint_and_is_forgotten_by_the_next_attempt(new_run: NewRun) -> None:
    run = new_run(steps=1000, seconds_per_step=0.01, checkpoint_every=1000)
    run.start()
    run.wait_for_step(3)
    run.ask_to_stop()
    assert run.wait_for("stopped", "interrupted") == "stopped"
    last = run.last_event().body
    assert 3 <= last.step < 1000
    assert list_checkpoints(run.result)[-1].step == last.step == run.all_of(Checkpoint)[-1].step
    run.start()  # at once, while its process may be ending still
    run.wait_for_step(last.step + 3, attempt=2)
    assert run.status() == "running"
    assert not gather(run.events()).superseded


def test_sigterm_is_a_request(new_run: NewRun) -> None:
    run = new_run(steps=1000, seconds_per_step=0.01)
    record = run.start()
    run.wait_for_step(2)
    os.kill(record.pid, signal.SIGTERM)
    assert run.wait_for("stopped", "interrupted", "failed") == "stopped"
    assert list_checkpoints(run.result)[-1].step == run.last_event().body.step


def test_a_storm_of_signals_is_one_request(new_run: NewRun) -> None:
    """Schedulers signal a whole group, and torchrun hands its own on: one handler interrupts another."""
    run = new_run(steps=1000, seconds_per_step=0.3)
    record = run.start()
    run.wait_for_step(1)
    for _ in range(300):
        os.kill(record.pid, signal.SIGTERM)
        os.kill(record.pid, signal.SIGINT)
    assert run.wait_for("stopped", "interrupted", "failed") == "stopped", run.log_file.read_text()


def test_a_deaf_run_goes_on_until_it_is_killed(new_run: NewRun) -> None:
    run = new_run(steps=10_000, seconds_per_step=0.01, is_deaf=True)
    record = run.start()
    run.wait_for_step(1)
    run.ask_to_stop()
    os.kill(record.pid, signal.SIGTERM)
    asked_at = run.all_of(Step)[-1].step
    run.wait_for_step(asked_at + 10)
    assert run.status() == "running"
    process.kill(run)
    assert run.status() == "interrupted" and not run.processes()


def test_kill_leaves_no_child_in_any_session(new_run: NewRun) -> None:
    run = new_run(stall_after=1, children=4)
    run.start()
    run.wait_for_step(1)
    assert run.status() == "running" and len(run.processes()) == 5
    process.kill(run)
    assert run.processes() == []
    assert run.status() == "interrupted"


def test_kill_also_finds_the_children_of_a_dead_process(new_run: NewRun) -> None:
    run = new_run(die_at=1, children=2)
    run.start()
    run.wait_for("interrupted")
    assert len(run.processes()) == 2
    process.kill(run)
    assert run.processes() == []


def test_kill_ends_a_job_started_by_hand(new_run: NewRun) -> None:
    """Nothing marks such a job, but its own record names it."""
    run = new_run(stall_after=1, children=1)
    by_hand = subprocess.Popen(process.command(run.spec(), run.path), stdout=subprocess.DEVNULL)
    run.wait_for_step(1)
    assert run.status() == "running" and run.run_record().pid == by_hand.pid
    process.kill(run)
    assert by_hand.wait(20) == -signal.SIGKILL
    assert run.processes() == []


def test_kill_spares_other_jobs(new_run: NewRun) -> None:
    doomed, spared = new_run(stall_after=1), new_run(stall_after=1)
    for run in (doomed, spared):
        run.start()
        run.wait_for_step(1)
    process.kill(doomed)
    assert (doomed.status(), spared.status()) == ("interrupted", "running")


def test_a_large_process_is_gone_when_the_kill_returns(new_run: NewRun) -> None:
    """While it gives back its memory it bears no mark, and is alive: starting again would be refused."""
    run = new_run(stall_after=1, memory_megabytes=300)
    run.start()
    run.wait_for_step(1)
    process.kill(run)
    assert run.status() == "interrupted"
    run.start()
    assert run.wait_for("done", "failed") == "done"


def test_kill_before_the_first_start_does_nothing(new_run: NewRun) -> None:
    run = new_run()
    process.kill(run)
    assert run.status() == "created"


def test_under_torchrun_the_rank_is_the_job(new_run: NewRun) -> None:
    """torchrun gives each rank a session of its own: killing torchrun's group would leave the ranks alive."""
    run = new_run(stall_after=2, under_torchrun=True)
    launcher = run.start()
    run.wait_for_step(2)
    assert run.run_record().pid != launcher.pid
    assert len(run.processes()) == 2
    process.kill(run)
    assert run.processes() == [] and run.status() == "interrupted"


def test_a_rank_that_outlived_torchrun_is_the_running_job(new_run: NewRun) -> None:
    run = new_run(steps=10_000, seconds_per_step=0.01, under_torchrun=True)
    launcher = run.start()
    run.wait_for_step(1)
    os.kill(launcher.pid, signal.SIGKILL)
    wait_until(lambda: len(run.processes()) == 1)
    assert run.status() == "running"
    with pytest.raises(UserError, match="running already"):
        run.start()
    run.ask_to_stop()
    assert run.wait_for("stopped", "interrupted") == "stopped"


def test_what_an_ended_attempt_left_is_gone_before_the_next(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rank that hangs after the last word would hold the GPU's memory against the new attempt."""
    monkeypatch.setattr(process, "ENDING_SECONDS", 0.2)
    run = new_run(steps=2, fail_at=2, linger_seconds=3600, children=2)
    first = run.start()
    assert run.wait_for("failed") == "failed"
    assert len(run.processes()) == 3
    run.start()
    assert run.wait_for("done", "failed") == "done"
    assert not psutil.pid_exists(first.pid)
    wait_until(lambda: not run.processes())


def test_a_job_whose_starter_was_killed_records_itself(new_run: NewRun) -> None:
    run = new_run(steps=1000, seconds_per_step=0.01)
    start_and_die(run)
    run.wait_for_step(2)
    assert run.status() == "running"
    assert [each.pid for each in run.processes()] == [run.run_record().pid]
    run.ask_to_stop()
    assert run.wait_for("stopped", "interrupted") == "stopped"


def test_a_job_that_has_not_recorded_itself_yet_does_not_run_beside_the_next(new_run: NewRun) -> None:
    run = new_run(hold=True)
    start_and_die(run)
    (orphan,) = run.processes()
    assert run.status() == "created"
    record = run.start()
    assert [each.pid for each in run.processes()] == [record.pid] != [orphan.pid]
    (run.path / "go").touch()
    run.wait_for("done")
    assert len(run.all_of(Start)) == len(run.all_of(State)) == 1


def test_children_are_offline_and_their_starter_is_not_touched(new_run: NewRun) -> None:
    before = dict(os.environ)
    run = new_run(stall_after=1, children=1)
    run.start()
    run.wait_for_step(1)
    for each in run.processes():
        environment = each.environ()
        quiet = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "DO_NOT_TRACK")
        assert {name: environment.get(name) for name in quiet} == dict.fromkeys(quiet, "1")
        assert environment["PATH"] == os.environ["PATH"]
    assert dict(os.environ) == before


def test_a_process_that_got_the_same_number_is_not_the_job(new_run: NewRun) -> None:
    run = new_run(stall_after=1)
    record = run.start()
    run.wait_for_step(1)
    stranger = record.model_copy(update={"pid": os.getpid(), "group": os.getpgrp()})
    run.run_file.write_text(stranger.model_dump_json())
    assert run.status() == "interrupted"


def test_setting_the_machines_clock_does_not_end_a_run(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a laptop wakes up its clock is set; Linux then tells another time of boot."""
    run = new_run(stall_after=1)
    run.start()
    run.wait_for_step(1)
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 90)
    assert run.status() == "running"


def test_a_job_on_another_machine_is_neither_started_nor_killed_here(new_run: NewRun) -> None:
    run = new_run(stall_after=1)
    record = run.start()
    run.wait_for_step(1)
    elsewhere = record.model_copy(update={"host": f"not-{record.host}", "boot": "another", "machine": ""})
    run.run_file.write_text(elsewhere.model_dump_json())
    assert run.status() == "unknown"
    with pytest.raises(UserError, match="another machine"):
        process.kill(run)
    with pytest.raises(UserError, match="running already"):
        run.start()
    assert len(run.processes()) == 1


def test_a_mendable_error_is_told_and_the_bug_is_in_the_log(new_run: NewRun) -> None:
    mendable, bug = new_run(refuse_at=3), new_run(fail_at=3)
    for run in (mendable, bug):
        run.start()
    for run in (mendable, bug):
        assert run.wait_for("failed", "interrupted") == "failed"
    (told,) = mendable.all_of(JobProblem)
    assert "2 processes" in str(UserError(told.problem)) and told.field == "processes"
    assert "Traceback" not in mendable.log_file.read_text()
    (told,) = bug.all_of(JobProblem)
    assert told.params["error"] == "RuntimeError: the fake trainer was told to fail"
    assert "Traceback" in bug.log_file.read_text() and "fake_trainer.py" in bug.log_file.read_text()


def test_a_loss_that_is_no_number_arrives_as_such(new_run: NewRun) -> None:
    run = new_run(steps=5, not_finite_from=3)
    run.start()
    run.wait_for("done")
    losses = [point.loss for point in run.all_of(Step)]
    assert math.isfinite(losses[1]) and math.isnan(losses[2])
    assert losses[3:] == [-math.inf, math.inf]


def test_kinds_of_a_newer_program_are_left_aside_but_counted(new_run: NewRun) -> None:
    run = new_run(steps=5, unknown_kinds=True, checkpoint_every=100, die_at=4)
    run.start()
    run.wait_for("interrupted")
    assert b'"gossip"' in run.events_file.read_bytes().splitlines()[-1]
    run.start()
    run.wait_for("done")
    assert [point.step for point in run.all_of(Step)] == [1, 2, 3, 1, 2, 3, 4, 5]
    assert run.all_of(Log) == []
    numbers = [json.loads(line)["seq"] for line in run.events_file.read_bytes().splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_probes_of_every_attempt_begin_with_the_base_line(new_run: NewRun) -> None:
    """A run that died before its first checkpoint measures its base line again, the same one."""
    run = new_run(steps=3, die_at=2)
    run.start()
    run.wait_for("interrupted")
    run.start()
    run.wait_for("done")
    first = [probe for probe in run.all_of(Probe) if probe.step == 0]
    assert len(first) == 4 and first[:2] == first[2:]
    assert [probe for probe in gather(run.events()).probes if probe.step == 0] == first[2:]
