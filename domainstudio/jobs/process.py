"""The one way to start a job on this machine, and to end its processes."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from domainstudio.jobs.folder import JobFolder, RunRecord
from domainstudio.jobs.spec import JobSpec
from domainstudio.paths import locked
from domainstudio.problems import Problem, UserError

SHUTDOWN_SECONDS = 3600
"""How long torchrun leaves its workers after a signal: a large checkpoint must fit in."""

ENDING_SECONDS = 10.0
"""How long a process may take to end after its last word before it is killed: nothing more is lost by it."""

_MARK = "DOMAINSTUDIO_JOB"
"""Names the job in the environment of all its processes: torchrun gives each rank a session of its own."""

_QUIET_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "DS_BUILD_OPS": "0",
    "TOKENIZERS_PARALLELISM": "true",
    "PYTHONUNBUFFERED": "1",
}


def start(folder: JobFolder) -> RunRecord:
    """Start (or start again) the job's process in a session of its own; it outlives this process.

    What is left of an earlier attempt that has ended, or whose process died, is killed first.

    Raises:
        UserError: the job is running already, or its spec is refused.
    """
    spec = folder.spec()
    with locked(folder.path / ".start.lock"):
        if folder.status() in ("running", "unknown"):
            raise UserError(Problem("job.already_running", None, {"job": folder.job_id}))
        _wait(lambda: folder.liveness() != "alive", ENDING_SECONDS)
        _kill_all(folder)
        folder.clear_request()
        offset = folder.events_size_bytes()
        with folder.log_file.open("ab") as log:
            process = subprocess.Popen(
                command(spec, folder.path),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder.path,
                env=_environment(folder.path),
                start_new_session=True,
            )
        try:
            return folder.record_process(process.pid, offset)
        finally:
            # Somebody must wait for a child, or its corpse would pass for a process until this program ends.
            threading.Thread(target=process.wait, name=f"reaper of {folder.job_id}", daemon=True).start()


def command(spec: JobSpec, path: Path) -> list[str]:
    """Return the command line of a job: its program with one positional argument, the folder."""
    if spec.program != "domainstudio.trainer":
        return [sys.executable, "-m", spec.program, str(path)]
    return [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={spec.processes}",
        f"--shutdown-timeout={SHUTDOWN_SECONDS}",
        "-m",
        spec.program,
        str(path),
    ]


def _environment(path: Path) -> dict[str, str]:
    """Return this process' environment for a child: offline, without telemetry, its own extension cache."""
    threads = os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count() or 1)
    extensions = path / ".torch_extensions"
    return (
        os.environ
        | _QUIET_ENVIRONMENT
        | {"OMP_NUM_THREADS": threads, "TORCH_EXTENSIONS_DIR": str(extensions), _MARK: str(path.resolve())}
    )


def kill(folder: JobFolder, patience_seconds: float = 5.0) -> None:
    """Kill every process of the job at once. For a job that ignores requests, once a person agrees.

    Raises:
        UserError: the job runs on another machine.
    """
    record = folder.run_record()
    if record is not None and record.liveness() == "unknown":
        raise UserError(Problem("job.on_other_host", None, {"job": folder.job_id, "host": record.host}))
    _kill_all(folder, patience_seconds)


def processes_of(folder: JobFolder) -> list[psutil.Process]:
    """Return the living processes of a job on this machine, also those whose parent died."""
    mark = str(folder.path.resolve())
    marked = (
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(_MARK) == mark and process.pid != os.getpid()
    )
    return [process for process in {*marked, *_family(folder.run_record())} if _is_alive(process)]


def _family(record: RunRecord | None) -> list[psutil.Process]:
    """Return the recorded process and its descendants: a job started by hand carries no mark."""
    if record is None or record.pid == os.getpid() or record.liveness() != "alive":
        return []
    try:
        if record.pid in {ancestor.pid for ancestor in psutil.Process().parents()}:
            return []  # no job of ours: killing it would end the program that asks
        leader = psutil.Process(record.pid)
        return [leader, *leader.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _kill_all(folder: JobFolder, patience_seconds: float = 5.0) -> None:
    """Kill until nothing is left: a process may start another while they are being counted."""

    def none_left() -> bool:
        processes = processes_of(folder)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return not processes

    _wait(none_left, patience_seconds)


def _wait(condition: Callable[[], bool], patience_seconds: float) -> None:
    """Return as soon as the condition holds, at the latest when patience is at its end."""
    deadline = time.monotonic() + patience_seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
