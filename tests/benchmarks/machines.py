"""A run watched by ssh, and files sent: `.venv/bin/python tests/benchmarks/machines.py`; needs sshd, rsync.

On loopback: how long an event takes from the trainer there to the file here (median and worst; a plot adds
its 100 ms), what an hour of watching moves, and how long 1 GB takes to send, and to send again unchanged,
against `rsync --checksum` and scp by the same ssh.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fake_trainer
import psutil
from every_process import sitecustomize as guard
from far_environment import install, key_of
from remote_machine import RemoteMachine, remote_machines

from domainstudio.cli.main import run_command
from domainstudio.jobs.events import Step
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.follow import Tail
from domainstudio.machines import store
from domainstudio.machines.place import Place
from domainstudio.machines.ssh import Connection, program
from domainstudio.machines.transfer import File, send
from domainstudio.project.project import Project
from domainstudio.workflow.machines import remote
from domainstudio.workflow.training.starting import TRAIN, freeze

STEPS, SECONDS_PER_STEP = 1200, 0.05
GIGABYTE = 1 << 30
TURNS, IDLE_SECONDS, WARM = 5, 20, 100


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"XDG_CACHE_HOME": f"{folder}/cache", "XDG_CONFIG_HOME": f"{folder}/config"}
        os.environ[guard.LOG] = f"{folder}/network"
        with remote_machines(Path(folder) / "machines") as (far,):
            install(far, is_fake=True)
            store.add(far.machine)
            watching(far, Path(folder))
            sending(far, Path(folder))


def watching(far: RemoteMachine, folder: Path) -> None:
    """Print delay and traffic of watching, with steps and without."""
    project = folder / "watched"
    job = make_job(project)
    name = key_of(project)
    there = JobFolder(far.home / far.machine.folder / "projects" / name / "jobs" / "train-1")
    there.path.mkdir(parents=True)
    fake_trainer.Behaviour(steps=STEPS, seconds_per_step=SECONDS_PER_STEP, stall_after=STEPS - 1).write(there)
    remote.launch(job, [far.machine.name], key_of(project))
    tail, delays, began, before = Tail(job), list[float](), 0.0, 0
    while len(delays) < STEPS - 1:
        delays += [time.time() - event.time for event in tail.poll() if isinstance(event.body, Step)]
        if not began and len(delays) >= WARM:
            began, before = time.monotonic(), received()
        time.sleep(0.005)
    warm, pace = delays[WARM:], 1 / SECONDS_PER_STEP
    print(f"event there to file here, {len(warm):,} at {pace:.0f} a second: "
          f"median {1000 * median(warm):.0f} ms, worst {1000 * max(warm):.0f} ms")  # fmt: skip
    hourly = (received() - before) / (time.monotonic() - began) * 3600
    began, before = time.monotonic(), received()
    time.sleep(IDLE_SECONDS)
    idle = (received() - before) / (time.monotonic() - began) * 3600
    print(f"an hour of watching: {hourly / 1e6:.1f} MB at {pace:.0f} steps/s, {idle / 1e6:.2f} MB idle")
    remote.kill_there(job)


def received() -> int:
    """Return the bytes that came over loopback so far, ssh's own included: nothing else uses it here."""
    return psutil.net_io_counters(pernic=True)["lo"].bytes_recv


def make_job(project: Path) -> JobFolder:
    """Make a project with a run that reads nothing but what the project has."""
    text = project.parent / "text"
    text.mkdir()
    for number in range(40):
        (text / f"{number}.txt").write_text(
            "\n".join(f"Line {line} of text {number}." for line in range(300))
        )
    for words in (
        ["project", "new", project, "--from-scratch", "tiny"],
        ["corpus", "import", project, text, "--role", "domain", "--name", "text"],
        ["tokenizer", "train", project, "--size", "512"],
        ["tokenizer", "pack", project],
        ["mixture", "set", project, "--share", "text=1", "--tokens", "8k", "--max-epochs", "100"],
        ["recipe", "set", project, "sequence_length=64", "micro_batch=2"],
    ):
        assert run_command([*map(str, words), "--json"]) == 0
    with Project(project) as opened:
        spec, _processes = freeze(opened, "base", "default", "default", {}, "treated")
        return create_job(opened.jobs, "train", TRAIN.program, spec)


def sending(far: RemoteMachine, folder: Path) -> None:
    """Print how long 1 GB takes, first and unchanged, and what others take."""
    source = folder / "source"
    source.mkdir()
    with (source / "shard.bin").open("wb") as out:
        for _ in range(GIGABYTE // (1 << 24)):
            out.write(os.urandom(1 << 24))
    connection, shard = Connection(far.machine), source / "shard.bin"
    copy = ["rsync", "-a", "--checksum", "-e", " ".join(connection.ssh_command())]
    others = {
        "rsync --checksum": [*copy, f"{source}/", f"{far.alias}:copy/"],
        "scp": [program("scp"), "-q", *connection.options(), str(shard), f"{far.alias}:copied"],
    }
    files, target = [File(source, shard.name, "tokens")], ".domainstudio/projects/p"
    first = seconds(lambda: send(Place(connection), files, target, lambda *_: None))
    subprocess.run(others["rsync --checksum"], check=True)
    ours, theirs = list[float](), {name: list[float]() for name in others}
    for _turn in range(TURNS):
        ours.append(seconds(lambda: send(Place(connection), files, target, lambda *_: None)))
        for name, command in others.items():
            theirs[name].append(seconds(lambda command=command: subprocess.run(command, check=True)))  # type: ignore[misc]
    print(f"1 GB sent first, with both checksums: {first:.1f} s")
    print(f"1 GB unchanged: {median(ours):.2f} s (worst {max(ours):.2f} s)")
    for name, taken in theirs.items():
        print(f"  {name}: {median(taken):.2f} s, {median(taken) / median(ours):.1f} times as long")


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
