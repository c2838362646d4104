"""What is printed for those who start a run by hand works as it is printed: in a shell, over a real ssh."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import fake_trainer
import pytest
from far_environment import key_of, machines_of_person
from remote_machine import RemoteMachine
from support import Command, wait_until

from domainstudio.jobs import process
from domainstudio.jobs.checkpoints import latest_checkpoint
from domainstudio.jobs.far_side import job_of_node
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.frames import size_of
from domainstudio.jobs.launch import Launch, read_launch
from domainstudio.workflow.training.starting import curves_of

FAKED = """#!/bin/sh
case "$*" in *domainstudio.trainer*) for last; do :; done; exec {python} {fake} "$last";; esac
exec {python} "$@"
"""


@pytest.fixture
def far(tmp_path: Path) -> Iterator[list[RemoteMachine]]:
    """Two machines of this person, reached by a folder whose name needs quotes."""
    if shutil.which("rsync") is None:
        pytest.skip("no rsync")
    with machines_of_person(tmp_path, 2, is_fake=False) as machines:
        yield machines


@pytest.fixture
def project(packed_project: Path, tmp_path: Path, command: Command) -> Path:
    folder = Path(shutil.copytree(packed_project, tmp_path / "it's $HOME"))
    command("train", "prepare", folder, "--set=processes=2", "--set=steps=4", "--set=checkpoint_every=2")
    return folder


def parts(far: list[RemoteMachine], project: Path) -> list[JobFolder]:
    return [
        JobFolder(
            machine.home / machine.machine.folder / "projects" / key_of(project) / "jobs"
            / job_of_node("train-1", node)
        )
        for node, machine in enumerate(far)
    ]  # fmt: skip


def fake(far: list[RemoteMachine]) -> None:
    """Put the fake trainer in the place of the real one."""
    for machine in far:
        python = machine.home / machine.machine.folder / "env" / "bin" / "python"
        python.rename(python.with_name("python-real"))
        python.write_text(FAKED.format(python=python.with_name("python-real"), fake=fake_trainer.__file__))
        python.chmod(0o755)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def blocks(text: str) -> dict[str, str]:
    """Return the blocks of the commands by what their comment says."""
    found = re.findall(r"(?ms)^# ([^\n]+)\n(.+?)(?=^# |\Z)", text.replace("29500", free_port()))
    return {title: block for title, block in found if not block.startswith("#")}


def typed(commands: str) -> None:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_commands_send_start_stop_and_fetch_a_run_on_two_machines(
    far: list[RemoteMachine], project: Path, command: Command
) -> None:
    fake(far)
    both = ",".join(one.machine.name for one in far)
    told = blocks(command("train", "script", project, "train-1", "--on", both)["text"])
    for machine in far:
        typed(told[f"{machine.alias}: send"])
    first, second = parts(far, project)
    for part in (first, second):
        fake_trainer.Behaviour(steps=100_000, seconds_per_step=0.01).write(part)
    for machine in far:
        typed(told[f"{machine.alias}: start"])
    wait_until(lambda: size_of(first.events_file) > 1000)
    assert [read_launch(part.path).node for part in (first, second)] == [0, 1]
    typed(told["stop it with a checkpoint"])
    wait_until(lambda: not [one for part in (first, second) for one in process.processes_of(part)])
    typed(told["what it has told so far, and what it has made"])
    folder = JobFolder(project / "jobs" / "train-1")
    assert folder.events_file.read_bytes() == first.events_file.read_bytes()
    assert folder.status() == "stopped" and latest_checkpoint(folder.result) is not None
    (row,) = command("runs", "list", project)
    assert row["step"] > 0
    sent = {path.relative_to(first.path.parents[1]) for path in first.path.parents[1].rglob("*.bin")}
    assert sent and all((project / name).is_file() for name in sent)


def test_a_hostfile_is_one_that_deepspeed_reads(
    far: list[RemoteMachine], project: Path, command: Command
) -> None:
    text = command("train", "script", project, "train-1", "--kind=hostfile", "--on=node-1,node-2")["text"]
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [re.fullmatch(r"(\S+)\s+slots=(\d+)", line).groups() for line in lines] == [  # type: ignore[union-attr]
        ("127.0.0.1", "1"),
        ("127.0.0.2", "1"),
    ]


def submit(script: str, folder: Path, home: Path) -> str:
    """Run a batch script as Slurm would on one node, and return what it printed."""
    programs = folder / "slurm"
    programs.mkdir()
    for name, source in {"srun": 'exec "$@"', "scontrol": "echo 127.0.0.1"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{source}\n")
        (programs / name).chmod(0o755)
    file = folder / "train.sbatch"
    file.write_text(script)
    subprocess.run(["bash", "-n", str(file)], check=True)
    variables = {
        **os.environ, "HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}", "SLURM_NODEID": "0",
        "SLURM_NNODES": "1", "SLURM_JOB_NODELIST": "node-1", "SLURM_JOB_ID": free_port(),
    }  # fmt: skip
    done = subprocess.run(["bash", str(file)], env=variables, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("is_fake", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_batch_script_sends_trains_and_fetches(
    far: list[RemoteMachine], project: Path, command: Command, tmp_path: Path, is_fake: bool
) -> None:
    if is_fake:
        fake(far)
    text = command("train", "script", project, "train-1", "--kind=sbatch", "--on=node-1")["text"]
    assert "#SBATCH --nodes=1\n" in text and "#SBATCH --gpus-per-node=2\n" in text
    commented = [line[4:] for line in text.splitlines() if line.startswith("#   ")]
    sending, fetching = commented[:-1], commented[-1]
    typed("\n".join(sending))
    part = parts(far, project)[0]
    fake_trainer.Behaviour(steps=4).write(part)
    submit(text, tmp_path, far[0].home)
    assert part.status() == "done", part.log_file.read_text()
    assert read_launch(part.path).model_copy(update={"port": 0}) == Launch(address="127.0.0.1")
    typed(fetching)
    folder = JobFolder(project / "jobs" / "train-1")
    assert folder.status() == "done" and curves_of(folder).step_reached() == 4
