"""Trials: an operation dies once, is gone on with, and the project compared with one that was left alone."""

import ctypes
import os
import runpy
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import psutil
from faults.kill_world import (
    Operation,
    Snapshot,
    Tables,
    World,
    build,
    check_unlocked,
    check_whole,
    is_passing,
    leftovers,
    let_days_pass,
    look,
    visible,
)
from faults.write_points import Doom, Manner, Scene, arm, ended, in_child

from domainstudio.cli.main import GROUPS, run_command
from domainstudio.corpus import documents
from domainstudio.jobs import process
from domainstudio.jobs.folder import list_jobs
from domainstudio.project import corpus as index
from domainstudio.tokenizer import packing

Victim = Literal["command", "job", "both"]
Way = Literal["resume", "anew"]
PATIENCE_SECONDS = 120
_SUBREAPER = 36


@dataclass(frozen=True)
class Death:
    """Who dies where: `at` is a number of a writing point."""

    victim: Victim
    at: int
    manner: Manner
    way: Way

    def doom(self, role: str) -> Doom | None:
        """Return the doom of the command, or of its job."""
        dies = role == "command" if self.victim == "command" else role == "job"
        is_shared = self.victim == "both" or self.manner == "power cut"
        return Doom(self.at, self.manner, and_parent=is_shared and role == "job") if dies else None


@dataclass
class Tally:
    """What came of one operation's deaths."""

    deaths: int = 0
    before: int = 0
    after: int = 0
    resumed: int = 0
    anew: int = 0
    nothing_to_do: int = 0
    broken: list[str] = field(default_factory=list)


class ForkedJob:
    """Stands in for subprocess.Popen where a job is started: forks instead of starting Python anew."""

    scene: Scene
    death: Death | None = None

    def __init__(self, command: list[str], *, stdout: Any, cwd: Path, env: dict[str, str], **_: Any) -> None:
        self.pid = in_child(lambda: self._be_the_job(command, cwd, env), Path(stdout.name))

    def _be_the_job(self, command: list[str], cwd: Path, env: dict[str, str]) -> int:
        os.setsid()
        os.chdir(cwd)
        os.environ |= env
        arm(self.scene, self.death.doom("job") if self.death else None)
        sys.argv = command[command.index("-m") + 1 :]
        try:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=False)
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    def wait(self) -> int:
        """Return the exit code of the job's process."""
        return ended(self.pid)


def fork_jobs(scene: Scene) -> None:
    """Let every job from now on be a fork of the process that starts it, in many small parts."""
    ForkedJob.scene = scene
    for group in GROUPS:  # once, here, and not in every fork
        import_module(f"domainstudio.cli.{group}")
    import_module("domainstudio.workflow.corpus.readiness")
    process.subprocess = SimpleNamespace(Popen=ForkedJob, DEVNULL=-3, STDOUT=-2)  # type: ignore[attr-defined]
    index.STAGED_ROWS = 300
    packing.PART_TOKENS = 100_000
    documents.ROW_GROUP_BYTES, documents.SHARD_BYTES = 8 << 10, 64 << 10


def adopt_orphans() -> None:
    """Make this process the parent of its grandchildren when their parents die, as init is."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def wait_for_all() -> None:
    """Wait until no process of a trial is left; that it does not end by itself is a finding."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while psutil.Process().children(recursive=True):
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        if time.monotonic() > deadline:
            left = psutil.Process().children(recursive=True)
            for child in left:
                child.kill()
            raise AssertionError(f"processes left behind: {left}")
        time.sleep(0.005)


@dataclass(frozen=True)
class Reference:
    """An operation that was left alone: what it begins with and makes, its points, and how long it took."""

    before: Tables
    after: Snapshot
    command_points: int
    job_points: int
    seconds: float


class Campaign:
    """Trials in one world, all of them in forked processes: this one keeps no thread and no lock."""

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        self.scene = Scene(self.world.stage, root / "count", root / "ledger")
        self.job_scene = Scene(self.world.stage, root / "job-count", root / "ledger")
        fork_jobs(self.job_scene)
        code = self.do(lambda: build(self.world) or 0, is_watched=False)
        assert code == 0, self.world.log.read_text()
        self.references: dict[str, Reference] = {}

    def do(self, work: Callable[[], int], death: Death | None = None, *, is_watched: bool = True) -> int:
        """Do work in a process of its own and wait for it and all it started; return its exit code."""

        def watched() -> int:
            ForkedJob.death = death
            if is_watched:
                arm(self.scene, death.doom("command") if death else None)
            return work()

        if not is_watched:
            for scene in (self.scene, self.job_scene):
                scene.world.mkdir(parents=True, exist_ok=True)
                scene.prepare()
        code = ended(in_child(watched, self.world.log))
        wait_for_all()
        return code

    def command(self, words: list[str], death: Death | None = None) -> int:
        """Run a command; return its exit code."""
        return self.do(lambda: run_command(words), death)

    def begin(self, operation: Operation) -> None:
        """Set the stage and the counts to the beginning."""
        self.world.set_up(operation.template)
        self.world.log.write_bytes(b"")
        for scene in (self.scene, self.job_scene):
            scene.prepare()

    def reference(self, operation: Operation) -> Reference:
        """Return what an operation does if it is left alone."""
        if operation.name not in self.references:
            self.begin(operation)
            before, began = visible(self.world.project), time.monotonic()
            code = self.command(self.world.words(operation))
            seconds = time.monotonic() - began
            assert code == 0, self.world.log.read_text()
            assert not leftovers(self.world), leftovers(self.world)
            points = self.scene.count, self.job_scene.count
            self.references[operation.name] = Reference(before, Snapshot.of(self.world), *points, seconds)
        return self.references[operation.name]

    def trial(self, operation: Operation, death: Death, tally: Tally) -> None:
        """Let an operation die at a writing point, and see what becomes of it.

        One that did not come by its point, for the number of points may differ by one or two, does not count.
        """
        self.reference(operation)
        self.begin(operation)
        self.command(self.world.words(operation), death)
        if self.scene.has_seen_death or self.job_scene.has_seen_death:
            self.judge(operation, death, death.way, tally)

    def judge(self, operation: Operation, death: object, way: Way, tally: Tally) -> None:
        """Go on with an operation that died; what is wrong then is noted."""
        tally.deaths += 1
        try:
            self._judge(operation, way, tally)
        except AssertionError as finding:
            tally.broken.append(f"{operation.name}: {death}: {finding}")

    def _judge(self, operation: Operation, way: Way, tally: Tally) -> None:
        reference = self.reference(operation)
        self.do_checked(lambda: check_whole(self.world.project), "not whole")
        found = visible(self.world.project)
        is_one_step = operation.name != "migrate"  # each migration is a state of its own
        assert not is_one_step or found in (reference.before, reference.after.tables), "by half"
        tally.before += found == reference.before
        tally.after += found != reference.before
        self.do_checked(lambda: check_unlocked(self.world.project), "locked")
        self.do_checked(lambda: look(self.world.project), "cannot be looked at")
        abandoned = self._go_on(operation, way, tally)
        let_days_pass(self.world)
        self.do_checked(lambda: look(self.world.project), "cannot be looked at afterwards")
        assert Snapshot.of(self.world, abandoned) == reference.after, self._difference(operation, abandoned)
        assert not leftovers(self.world), f"left over: {leftovers(self.world)}"
        assert "Traceback" not in self.world.log.read_text(), self._said("a traceback")

    def _go_on(self, operation: Operation, way: Way, tally: Tally) -> frozenset[str]:
        """Go on as a person would; return the jobs that were left broken off."""
        if Snapshot.of(self.world) == self.reference(operation).after:
            tally.nothing_to_do += 1
            return frozenset()
        begun = self._unfinished()
        if begun and (way == "resume" or operation.is_resumed_only):
            tally.resumed += 1
            for job in begun:
                code = self.command(["runs", "resume", str(self.world.project), job])
                assert code == 0, self._said(f"{job} cannot be resumed")
            if Snapshot.of(self.world) == self.reference(operation).after:
                return frozenset()
            begun = []
        else:
            tally.anew += 1
        assert self.command(self.world.words(operation)) == 0, self._said("cannot be begun anew")
        return frozenset(begun)

    def _unfinished(self) -> list[str]:
        jobs = list_jobs(self.world.project / "jobs")
        return [job.job_id for job in jobs if job.status() != "done" and not is_passing(job.job_id)]

    def do_checked(self, check: Callable[[], None], words: str) -> None:
        """Check in a process of its own: no thread of Arrow may be here when the next one is forked.

        Raises:
            AssertionError: the check raised something, or left a process behind.
        """

        def checked() -> int:
            check()
            return 0

        code = ended(in_child(checked, self.world.log))
        wait_for_all()
        assert code == 0, self._said(words)

    def _said(self, words: str) -> str:
        return f"{words}\n{self.world.log.read_text()[-1500:]}"

    def _difference(self, operation: Operation, abandoned: frozenset[str]) -> str:
        found, wanted = Snapshot.of(self.world, abandoned), self.reference(operation).after
        tables = [name for name in {**wanted.tables, **found.tables}
                  if wanted.tables.get(name) != found.tables.get(name)]  # fmt: skip
        files = [name for name in {**wanted.files, **found.files}
                 if wanted.files.get(name) != found.files.get(name)]  # fmt: skip
        return self._said(f"another result: {tables} {files[:9]} {found.jobs} for {wanted.jobs}")
