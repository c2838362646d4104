"""A job as another machine sees it: started, asked, ended and told of by commands where it runs.

What is new is told in frames.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import orjson

from domainstudio.jobs import process
from domainstudio.jobs.checkpoints import size_of
from domainstudio.jobs.folder import REQUEST_BYTES, JobFolder, Request, Status, list_jobs
from domainstudio.jobs.frames import MOST_FRAME_BYTES, send
from domainstudio.jobs.launch import Launch, read_launch, write_launch
from domainstudio.jobs.leftovers import discard
from domainstudio.jobs.link import Standing
from domainstudio.jobs.spec import parse_model
from domainstudio.jobs.worker import attempts_in
from domainstudio.problems import Problem, UserError

BEAT_SECONDS = 2.0
"""How often a watcher tells that it is there, though nothing is new."""
_LOOK_SECONDS = 0.1
_DEVICE_SECONDS = 10.0
_MOST_LAUNCH_BYTES = 1 << 16
_FINAL: tuple[Status, ...] = ("done", "stopped", "failed", "interrupted")
_DEVICE_FIELDS = ("name", "memory.used", "memory.total", "utilization.gpu", "temperature.gpu")


def job_of_node(job_id: str, node: int) -> str:
    """Return the name of a job's folder on one of its machines, which may share a disk with another."""
    return f"{job_id}.node-{node}" if node else job_id


def start(folder: JobFolder, attempts_before: int, wanted: Launch) -> Launch:
    """Start a job unless somebody has since, and return how it was started.

    Args:
        folder: the job's.
        attempts_before: how many attempts whoever asks knows of; if there are more, this was asked before.
        wanted: how; the first of several nodes takes another port if that one is taken.

    Raises:
        UserError: as `process.start`.
    """
    folder.spec()
    before, is_running = read_launch(folder.path), folder.status() in ("running", "unknown")
    if wanted.node == 0:
        if is_running or attempts_in(folder.events_file) > attempts_before:
            return before
        if wanted.nodes > 1:
            wanted = wanted.model_copy(update={"port": _free_port(wanted.port)})
    elif is_running and before == wanted:
        return before
    else:  # it may wait for an attempt of the others that has ended
        process.kill(folder)
    write_launch(folder.path, wanted)
    process.start(folder)
    return wanted


def _free_port(wished: int) -> int:
    """Return this port, or another if a process listens at it."""
    for port in (wished, 0):
        with suppress(OSError), socket.socket() as found:
            found.bind(("", port))
            return int(found.getsockname()[1])
    return wished


def ask(folder: JobFolder, data: bytes) -> None:
    """Leave a request that came from another machine."""
    request = Request.model_validate_json(data[:REQUEST_BYTES])
    if request.stop:
        folder.ask_to_stop(request.stop)
    elif request.checkpoint:
        folder.ask_for_checkpoint()


def watch(folder: JobFolder, out: BinaryIO, events_at: int, log_at: int) -> None:
    """Tell all that is new until the job has ended and everything is told; return when nobody listens."""
    told_run, beat_at, devices = b"", 0.0, _Devices()
    while True:
        status = folder.status()  # before its files: what it wrote until then is told before its end
        is_news = False
        run = _content(folder.run_file)
        if run != told_run:
            told_run, is_news = run, True
            send(out, "run", 0, run)
        for kind, file, at in (("events", folder.events_file, events_at), ("log", folder.log_file, log_at)):
            for data in _whole(file, at, lines=kind == "events" and status not in _FINAL):
                send(out, kind, at, data)  # type: ignore[arg-type]
                at += len(data)
                is_news = True
            events_at, log_at = (at, log_at) if kind == "events" else (events_at, at)
        now = time.monotonic()
        is_over = status in _FINAL and not is_news
        if is_over or is_news or now - beat_at >= BEAT_SECONDS:
            beat_at = now
            told = Standing(status=status, over=is_over, devices=devices.read())
            send(out, "state", 0, told.model_dump_json().encode())
        if is_over:
            return
        time.sleep(_LOOK_SECONDS)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _whole(file: Path, at: int, *, lines: bool) -> Iterator[bytes]:
    """Yield what a file has from byte `at` on, in pieces; with `lines` up to the last whole line."""
    try:
        with file.open("rb") as source:
            source.seek(at)
            while data := source.read(MOST_FRAME_BYTES):
                whole = data[: data.rfind(b"\n") + 1] if lines else data
                if not whole and len(data) == MOST_FRAME_BYTES:
                    whole = data  # a line longer than that is no event, and would never be told
                if whole:
                    yield whole
                if len(whole) < len(data):
                    return
    except FileNotFoundError:
        return


class _Devices:
    """What the GPUs do, asked for now and then."""

    def __init__(self) -> None:
        self._asked_at, self._known = float("-inf"), list[dict[str, str]]()

    def read(self) -> list[dict[str, str]]:
        if time.monotonic() - self._asked_at >= _DEVICE_SECONDS:
            self._asked_at = time.monotonic()
            self._known = _devices()
        return self._known


def _devices() -> list[dict[str, str]]:
    command = ["nvidia-smi", f"--query-gpu={','.join(_DEVICE_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        found = subprocess.run(command, capture_output=True, timeout=5, text=True, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    rows = ([cell.strip() for cell in line.split(",")] for line in found.splitlines())
    return [dict(zip(_DEVICE_FIELDS, row, strict=True)) for row in rows if len(row) == len(_DEVICE_FIELDS)]


def sizes(folder: Path) -> list[dict[str, object]]:
    """Return what lies in a folder of projects: name, bytes, and the jobs that run there."""
    found = sorted(entry for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
    return [
        {"name": project.name, "size_bytes": size_of(project), "running": _running(project)}
        for project in found
    ]


def remove(project: Path) -> None:
    """Remove a project's folder on this machine, unless a job of it runs.

    Raises:
        UserError: one does.
    """
    for job in _running(project):
        raise UserError(Problem("run.still_running", "run", {"run": job}))
    shutil.rmtree(project)


def _running(project: Path) -> list[str]:
    """Return the jobs that run here, also as a node of a run whose first is elsewhere."""
    jobs = project / "jobs"
    nodes = [JobFolder(found) for found in sorted(jobs.glob("*.node-*")) if found.is_dir()]
    alive = [job.job_id for job in [*list_jobs(jobs), *nodes] if job.status() in ("running", "unknown")]
    return sorted({job.partition(".")[0] for job in alive})


def _started(folder: JobFolder, attempts_before: int) -> bytes:
    given = sys.stdin.buffer.read(_MOST_LAUNCH_BYTES)
    wanted = parse_model(Launch, given, "launch.json") if given else Launch()
    return start(folder, attempts_before, wanted).model_dump_json().encode()


def main(verb: str, path: str, *arguments: str) -> int:
    """Do what a command from another machine says; what a person can mend is told as a frame."""
    folder, out = JobFolder(Path(path)), sys.stdout.buffer
    verbs: dict[str, Callable[[], object]] = {
        "start": lambda: send(out, "state", 0, _started(folder, int(arguments[0]))),
        "ask": lambda: ask(folder, sys.stdin.buffer.read(REQUEST_BYTES)),
        "kill": lambda: process.kill(folder),
        "end": lambda: process.end_remains(folder, float(arguments[0])),
        "discard": lambda: discard(folder),
        "sizes": lambda: send(out, "state", 0, orjson.dumps(sizes(folder.path))),
        "remove": lambda: remove(folder.path),
        "watch": lambda: watch(folder, out, int(arguments[0]), int(arguments[1])),
    }
    try:
        verbs[verb]()
    except UserError as error:
        problem = error.problem
        told = {"code": problem.code, "field": problem.field, "params": dict(problem.params)}
        send(out, "problem", 0, orjson.dumps(told, default=str))
        return 2
    except BrokenPipeError:  # whoever listened has gone, and comes back
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
