"""The network goes silent in the midst of a run: nothing is guessed, and all is whole once it is back."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fake_trainer
import pytest
from far_environment import install, key_of
from remote_machine import SSHD, RemoteMachine
from support import wait_until

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.frames import size_of
from domainstudio.jobs.link import Phase, read_link
from domainstudio.machines import store
from domainstudio.project.project import Project
from domainstudio.workflow.machines.remote import link_words
from domainstudio.workflow.training.starting import start_run

NETWORK, HERE, THERE = f"domainstudio-{os.getpid()}", f"dsh{os.getpid()}", f"dst{os.getpid()}"
ADDRESS = "10.213.77"
pytestmark = pytest.mark.long


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteMachine]:
    """A machine behind a network of its own, whose cable can be pulled."""
    if SSHD is None or sys.platform != "linux" or os.geteuid() or shutil.which("ip") is None:
        pytest.skip("needs sshd, ip and root")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ip("netns", "add", NETWORK)
    try:
        ip("link", "add", HERE, "type", "veth", "peer", "name", THERE, "netns", NETWORK)
        ip("address", "add", f"{ADDRESS}.1/24", "dev", HERE)
        ip("-n", NETWORK, "address", "add", f"{ADDRESS}.2/24", "dev", THERE)
        ip("-n", NETWORK, "link", "set", "lo", "up")
        ip("-n", NETWORK, "link", "set", THERE, "up")
        ip("link", "set", HERE, "up")
        within = ["ip", "netns", "exec", NETWORK]
        machine = RemoteMachine(tmp_path / "machine", 9, f"{ADDRESS}.2", within)
        try:
            machine.start()
            install(machine, is_fake=True)
            store.add(machine.machine)
            yield machine
        finally:
            machine.stop()
    finally:
        ip("netns", "delete", NETWORK)


def phase(folder: JobFolder) -> Phase | None:
    link = read_link(folder.path)
    return link.phase if link else None


def test_a_cable_that_is_pulled_and_put_back(far: RemoteMachine, small_project: Path) -> None:
    there = far.home / far.machine.folder / "projects" / key_of(small_project) / "jobs" / "train-1"
    there.mkdir(parents=True)
    fake_trainer.Behaviour(steps=6000, seconds_per_step=0.01).write(JobFolder(there))
    with Project(small_project) as project:
        folder = start_run(project, machine=far.machine.name)
        wait_until(lambda: phase(folder) == "live" and size_of(folder.events_file) > 1000, 60)
        ip("-n", NETWORK, "link", "set", THERE, "down")
        wait_until(lambda: phase(folder) == "reconnecting", 60)
        before = size_of(folder.events_file)
        link = read_link(folder.path)
        assert link is not None and "last seen" in link_words(link) and folder.status() == "running"
        wait_until(lambda: size_of(there / "events.jsonl") > before + 50_000, 60)
        assert size_of(folder.events_file) == before
        ip("-n", NETWORK, "link", "set", THERE, "up")
        wait_until(lambda: phase(folder) == "live" and size_of(folder.events_file) > before, 90)
        wait_until(lambda: phase(folder) == "over" and not folder.is_carried(), 120)
        assert folder.status() == "done"
        assert folder.events_file.read_bytes() == (there / "events.jsonl").read_bytes()
