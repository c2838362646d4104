"""The one way to start a job on this machine, and to end its processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from domainstudio.jobs.folder import JobFolder, RunRecord
from domainstudio.jobs.spec import JobSpec
from domainstudio.paths import locked
from domainstudio.problems import Problem, UserError

SHUTDOWN_SECONDS = 3600
"""How long torchrun leaves its workers after a signal: a large checkpoint must fit in."""

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

    Raises:
        UserError: the job is running already, or its spec is refused.
    """
    spec = folder.spec()
    with locked(folder.path / ".start.lock"):
        if folder.liveness() != "dead":
            raise UserError(Problem("job.already_running", None, {"job": folder.job_id}))
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
        return folder.record_process(process.pid, offset)


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
        | {"OMP_NUM_THREADS": threads, "TORCH_EXTENSIONS_DIR": str(extensions)}
    )


def kill(folder: JobFolder, patience_seconds: float = 5.0) -> None:
    """Kill every process of the job's group at once. For a job that ignores requests, once a person agrees.

    Raises:
        UserError: the job runs on another machine.
    """
    record = folder.run_record()
    if record is None:
        return
    match record.liveness():
        case "unknown":
            raise UserError(Problem("job.on_other_host", None, {"job": folder.job_id, "host": record.host}))
        case "dead":
            return
    if os.name == "posix":
        os.killpg(record.group, signal.SIGKILL)
    else:
        for process in [*psutil.Process(record.pid).children(recursive=True), psutil.Process(record.pid)]:
            process.kill()
    deadline = time.monotonic() + patience_seconds
    while record.liveness() == "alive" and time.monotonic() < deadline:
        time.sleep(0.02)
