"""A run on another machine from the window: cut off, the window killed and opened again, whole at the end."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import fake_trainer
import psutil
import pytest
from far_environment import install, key_of
from flows.screen import Screen
from remote_machine import SSHD, RemoteMachine, remote_machines
from support import Command, wait_until

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.frames import size_of
from domainstudio.machines import store
from domainstudio.workflow.training.starting import curves_of

STEPS = 900
SECONDS = 120.0


@pytest.fixture
def far(screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteMachine]:
    """A machine that the person at the screen has added."""
    if SSHD is None:
        pytest.skip("no sshd")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(screen.home / ".config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(screen.home / ".cache"))
    with remote_machines(tmp_path / "machines") as (machine,):
        install(machine, is_fake=True)
        store.add(machine.machine)
        yield machine


def connections(far: RemoteMachine) -> list[psutil.Process]:
    """Return the programs of ssh that hold a connection to the machine now."""
    found = (process for process in psutil.process_iter(["name", "cmdline"]) if process.info["name"] == "ssh")
    return [process for process in found if str(far.config) in " ".join(process.info["cmdline"] or [])]


def test_a_run_there_outlives_connection_and_window(
    screen: Screen, far: RemoteMachine, small_project: Path, command: Command
) -> None:
    command(
        "mixture", "set", small_project, "--share", "domain=1", "--tokens", STEPS * 128, "--max-epochs", 99
    )
    projects = far.home / far.machine.folder / "projects"
    there = JobFolder(projects / key_of(small_project) / "jobs" / "train-1")
    there.path.mkdir(parents=True)
    fake_trainer.Behaviour(steps=STEPS, seconds_per_step=0.02).write(there)
    folder = JobFolder(small_project / "jobs" / "train-1")

    screen.start()
    screen.open_project(small_project)
    screen.key("ctrl+7")
    screen.choose("Machine", far.machine.name)
    screen.click("Start training", "PrimaryButton")
    screen.wait_for(f"live on {far.machine.name}", SECONDS)
    wait_until(lambda: size_of(folder.events_file) > 5000, SECONDS)

    for process in connections(far):
        process.kill()
    size = size_of(folder.events_file)
    wait_until(lambda: size_of(folder.events_file) > size, SECONDS)

    screen.kill()
    for process in psutil.process_iter(["cmdline"]):
        if (
            "domainstudio.machines" in (process.info["cmdline"] or [])
            and str(folder.path) in process.info["cmdline"]
        ):
            os.kill(process.pid, signal.SIGKILL)
    screen.start()
    screen.wait_for(f"live on {far.machine.name}", SECONDS)
    screen.wait_for("Finished", SECONDS)
    wait_until(lambda: not folder.is_carried(), SECONDS)
    assert folder.events_file.read_bytes() == there.events_file.read_bytes()
    assert curves_of(folder).steps.column("step").tolist() == list(range(1, STEPS + 1))
