"""The one way to start a job on this machine, and to end its processes."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.launch import Launch, read_launch
from domainstudio.jobs.run_record import RunRecord
from domainstudio.jobs.spec import JobSpec
from domainstudio.problems import Problem, UserError

_TRAINER = "domainstudio.trainer"

SHUTDOWN_SECONDS = 3600
"""How long torchrun leaves its workers after a signal: a large checkpoint must fit in."""

ENDING_SECONDS = 10.0
"""How long a process may take to end after its last word before it is killed: nothing more is lost by it."""

_MARK = "DOMAINSTUDIO_JOB"
"""Names the job in the environment of all its processes: torchrun gives each rank a session of its own."""

_SPINS = "1000"
"""How long a thread that has nothing to do turns in a circle before it sleeps.

By default it does so 300,000 times, which on a machine that has other things to do takes the cores from the
threads it waits for. It costs a small model a fifth where nobody else is at work, and saves a third or far
more where somebody is (`tests/benchmarks/threads.py`).
"""

_ADDRESS = "127.0.0.1"
"""Each node has a torchrun of its own, which starts its ranks and listens to no other machine.

The ranks of several nodes find each other by themselves: see `domainstudio.trainer.nodes`.
"""

QUIET_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "DS_BUILD_OPS": "0",
    "TOKENIZERS_PARALLELISM": "true",
    "PYTHONUNBUFFERED": "1",
    "PYTHONSAFEPATH": "1",
    "TQDM_DISABLE": "1",
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
}
"""Without PYTHONSAFEPATH `python -m` would import from the working directory first; without TQDM_DISABLE each
checkpoint would draw a bar into the log; without the last torchrun would listen on every interface.
"""


def start(folder: JobFolder) -> RunRecord:
    """Start (or start again) the job's process in a session of its own; it outlives this process.

    What is left of an earlier attempt that has ended, or whose process died, is killed first.

    Raises:
        UserError: the job is running already, or its spec or launch is refused.
    """
    spec = folder.spec()
    words = command(spec, folder.path.resolve())
    with folder.held():
        if folder.status() in ("running", "unknown"):
            raise UserError(Problem("job.already_running", None, {"job": folder.job_id}))
        _wait(lambda: folder.liveness() != "alive", ENDING_SECONDS)
        _kill_all(folder)
        shutil.rmtree(_extensions(folder.path), ignore_errors=True)  # they would be loaded as they lie there
        shutil.rmtree(meeting_place(folder.path), ignore_errors=True)
        folder.clear_request()
        folder.reserve()
        offset = folder.events_size_bytes()
        if spec.program == _TRAINER:
            meeting_place(folder.path).mkdir()
        with folder.log_file.open("ab") as log:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Libraries read settings from where they stand: not from a project.
                cwd=os.path.abspath(os.sep),
                env=_environment(folder.path),
                start_new_session=True,
            )
        try:
            return folder.record_process(process.pid, offset)
        except OSError:  # nobody would find it: it shall not be
            process.kill()
            process.wait()
            raise
        finally:
            # Somebody must wait for a child, or its corpse would pass for a process until this program ends.
            threading.Thread(target=process.wait, name=f"reaper of {folder.job_id}", daemon=True).start()


def command(spec: JobSpec, path: Path, launch: Launch | None = None) -> list[str]:
    """Return the command line of a job: its program with one positional argument, the folder.

    Of a run on several nodes it is that of one node, and the same on each: which one it is says launch.json.

    Args:
        spec: of the job.
        path: its folder, on the machine where the command is given.
        launch: how it is started, if its folder is not here.

    Raises:
        UserError: launch.json is damaged, or does not go with the spec.
    """
    if spec.program != _TRAINER:
        return [sys.executable, "-m", spec.program, str(path)]
    ranks_here = (launch or read_launch(path)).ranks_here(spec)
    return [
        sys.executable,
        "-m",
        f"{spec.program}.torchrun",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint={meeting_place(path) / 'torchrun'}",
        "--rdzv-conf=store_type=file,keep_alive_interval=3600",
        f"--local-addr={_ADDRESS}",
        f"--log-dir={meeting_place(path)}",
        f"--nproc-per-node={ranks_here}",
        f"--shutdown-timeout={SHUTDOWN_SECONDS}",
        "-m",
        spec.program,
        str(path),
    ]


def meeting_place(path: Path) -> Path:
    """Return the folder of a run where torchrun and the ranks find each other: new for each attempt.

    Torch would meet at a port that is open on every interface, and unpickles what it is told there.
    """
    return path / ".torchrun"


def _environment(path: Path) -> dict[str, str]:
    """Return this process' environment for a child: offline, without telemetry, its own extension cache."""
    threads = {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count() or 1),
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", _SPINS),
    }
    return os.environ | settings_of(path.resolve()) | threads


def settings_of(path: Path) -> dict[str, str]:
    """Return what the variables of a job's processes say, wherever its folder is."""
    return QUIET_ENVIRONMENT | {"TORCH_EXTENSIONS_DIR": str(_extensions(path)), _MARK: str(path)}


def _extensions(path: Path) -> Path:
    """Return where torch keeps the native code that it compiles for a job."""
    return path / ".torch_extensions"


def kill(folder: JobFolder, patience_seconds: float = 5.0) -> None:
    """Kill every process of the job at once. For a job that ignores requests, once a person agrees.

    Raises:
        UserError: the job runs on another machine.
    """
    record = folder.run_record()
    if record is not None and record.liveness() == "unknown":
        raise UserError(Problem("job.on_other_host", None, {"job": folder.job_id, "host": record.host}))
    _kill_all(folder, patience_seconds)


def end_remains(folder: JobFolder, patience_seconds: float = 2.0) -> None:
    """End what is left of a job that is over: by itself if it does so soon, else by force.

    A launcher outlives its run by a moment; without its meeting place it would wait for ever.
    """
    _wait(lambda: not processes_of(folder), patience_seconds)
    _kill_all(folder)


def processes_of(folder: JobFolder) -> list[psutil.Process]:
    """Return the living processes of a job on this machine, also those whose parent died."""
    mark = str(folder.path.resolve())
    marked = (
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(_MARK) == mark and process.pid != os.getpid()
    )
    return [process for process in {*marked, *_family(folder)} if _is_alive(process)]


def _family(folder: JobFolder) -> list[psutil.Process]:
    """Return the recorded process and its descendants: a job started by hand carries no mark.

    Its arguments name the folder: run.json alone may name any process of the person.
    """
    record = folder.run_record()
    if record is None or record.pid == os.getpid() or record.liveness() != "alive":
        return []
    try:
        if record.pid in {ancestor.pid for ancestor in psutil.Process().parents()}:
            return []  # no job of ours: killing it would end the program that asks
        leader = psutil.Process(record.pid)
        arguments = set(leader.cmdline())  # none once it is dying: it has given back its memory
        if arguments and not {str(folder.path), str(folder.path.resolve())} & arguments:
            return []
        return [leader, *leader.children(recursive=True)]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _kill_all(folder: JobFolder, patience_seconds: float = 5.0) -> None:
    """Kill until nothing is left: a process may start another while they are being counted.

    A large process takes a while to die; it bears no mark any more, and still holds a GPU's memory.
    """
    killed = set[psutil.Process]()

    def none_left() -> bool:
        found = processes_of(folder)
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        killed.update(found)
        return not found and not any(_is_alive(process) for process in killed)

    _wait(none_left, patience_seconds)


def _wait(condition: Callable[[], bool], patience_seconds: float) -> None:
    """Return as soon as the condition holds, at the latest when patience is at its end."""
    deadline = time.monotonic() + patience_seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
