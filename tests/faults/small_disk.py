"""A disk that ends where a fault campaign wants it to, and commands that run on it in forks."""

import errno
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import fake_trainer

from domainstudio.cli.main import run_command
from domainstudio.jobs import process
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import run
from domainstudio.workflow import __main__ as station

PAGE = os.sysconf("SC_PAGE_SIZE")
_INSIDE = "--inside"
_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
PATIENCE_SECONDS = 120
INODES = 100_000


def can_mount() -> bool:
    """Return whether this machine lets a process mount a disk of its own, which needs no rights elsewhere."""
    mount = [*_NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return sys.platform == "linux" and subprocess.run(mount, capture_output=True, check=False).returncode == 0


def enter_namespace() -> None:
    """Start this program again where it may mount; what it mounts is seen by nobody else and ends with it."""
    if _INSIDE in sys.argv:
        sys.argv.remove(_INSIDE)
        return
    os.execvp("unshare", [*_NAMESPACE, sys.executable, *sys.argv, _INSIDE])


@dataclass(frozen=True)
class SmallDisk:
    """A mounted tmpfs: it refuses what does not fit to libraries in every language."""

    path: Path
    size_bytes: int

    @property
    def filler(self) -> Path:
        return self.path / "filler"

    @property
    def free_bytes(self) -> int:
        state = os.statvfs(self.path)
        return state.f_bavail * state.f_frsize

    def leave(self, size_bytes: int) -> None:
        """Fill the disk so that so much stays free, also while others write on it."""
        self.release()
        with self.filler.open("wb") as file:
            while (surplus := self.free_bytes - size_bytes) > 0:
                try:
                    return os.posix_fallocate(file.fileno(), 0, surplus)
                except OSError as refused:  # somebody took a page after the free ones were counted
                    if refused.errno != errno.ENOSPC:
                        raise

    def leave_inodes(self, count: int) -> None:
        """Let only so many more files be made."""
        state = os.statvfs(self.path)
        self._remount(f"nr_inodes={state.f_files - state.f_ffree + count}")

    def make_read_only(self) -> None:
        self._remount("ro")

    def take_away(self) -> None:
        """Unmount it under those who use it; files that are open stay so."""
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)

    def release(self) -> None:
        """Give the whole disk free again."""
        self._remount(f"rw,nr_inodes={INODES}")
        self.filler.unlink(missing_ok=True)

    def _remount(self, options: str) -> None:
        options = f"remount,size={self.size_bytes},{options}"
        subprocess.run(["mount", "-o", options, str(self.path)], check=True)


@contextmanager
def small_disk(size_bytes: int) -> Iterator[SmallDisk]:
    """Mount an empty disk for the length of the block."""
    with tempfile.TemporaryDirectory() as folder:
        options = f"size={size_bytes},nr_inodes={INODES}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
        try:
            yield SmallDisk(Path(folder), size_bytes)
        finally:
            if os.path.ismount(folder):
                subprocess.run(["umount", "--lazy", folder], check=True)


@dataclass(frozen=True)
class Told:
    """How a command ended and what it said; `taken_bytes` is the most that it had on the disk at any time."""

    code: int
    out: str
    err: str
    taken_bytes: int


def command(disk: SmallDisk, *arguments: object, meanwhile: Callable[[], bool] | None = None) -> Told:
    """Run a command and the jobs it starts to their end, in forks of this process: no library is read again.

    Args:
        disk: watched for what is taken of it.
        arguments: of the command.
        meanwhile: called while the command runs until it returns True.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        before = least = disk.free_bytes
        pid = fork(lambda: _command([str(each) for each in arguments]), out.fileno(), err.fileno())
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
            least = min(least, disk.free_bytes)
            if meanwhile is not None and meanwhile():
                meanwhile = None
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)
        out.seek(0)
        err.seek(0)
        code = os.waitstatus_to_exitcode(ended[1])
        return Told(code, out.read().decode(), err.read().decode(), before - least)


def _command(arguments: list[str]) -> int:
    process.subprocess = SimpleNamespace(  # type: ignore[assignment]
        Popen=_ForkedJob, DEVNULL=subprocess.DEVNULL, STDOUT=subprocess.STDOUT
    )
    code = run_command(arguments)
    for job in _ForkedJob.started:
        job.wait()
    return code


class _ForkedJob:
    """Stands in for Popen where a job is started: a fork that goes straight to the job's own program."""

    started: "list[_ForkedJob]" = []

    def __init__(self, words: list[str], *, stdout: Any, cwd: str, **_: Any) -> None:
        folder = Path(words[-1])

        def work() -> int:
            os.setsid()
            os.chdir(cwd)
            if JobFolder(folder).spec().program == "domainstudio.trainer":
                return fake_trainer.main(folder)
            return run(folder, station._work)

        self._code: int | None = None
        self.pid = fork(work, stdout.fileno(), stdout.fileno())
        self.started.append(self)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        if self._code is None:
            try:
                self._code = code_of(self.pid)
            except ChildProcessError:  # its reaper was faster
                self._code = 0
        return self._code


def fork(work: Callable[[], int], out: int, err: int) -> int:
    """Do work in a child process with these as its stdout and stderr; return its pid."""
    sys.stdout.flush()
    pid = os.fork()
    return pid or _be_child(work, out, err)


def code_of(pid: int) -> int:
    """Wait for a child process and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _be_child(work: Callable[[], int], out: int, err: int) -> NoReturn:
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
        code = work()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)
