"""Real processes killed at random moments, while another reads the project all the time."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import get_args

from faults.kill_trials import Campaign, Death, Tally, Way, wait_for_all
from faults.kill_world import OPERATIONS, Operation, check_whole
from faults.write_points import ended, in_child

from domainstudio.jobs.folder import JobFolder, list_jobs

REAL_OPERATIONS = (
    *(one for one in OPERATIONS if one.name not in ("undo", "redo", "recipe", "rename", "migrate")),
    Operation("import much", "general", "corpus import {project} {base}/large.jsonl --role domain"),
    Operation("generate", "writing", "corpus generate {project} --tokens 400", is_resumed_only=True),
    Operation("grow", "extended", "tokenizer grow {project}"),
)
WRITER = """
import sys
from pathlib import Path
from domainstudio.model.create import create_model
from domainstudio.recipe.shapes import SHAPES
create_model(SHAPES["tiny"], 512, 0, 1).save_pretrained(sys.argv[1])
"""
"""Makes a base model that can write, though nothing sensible."""
WITHOUT_JOB = ("new", "new from base", "delete run", "mixture")
VICTIMS = ("command", "job", "job and all its processes", "command and job")


class RealCampaign(Campaign):
    """Trials as a person has them: `python -m domainstudio …`, and jobs in processes of their own."""

    def begin(self, operation: Operation) -> None:
        """Set the stage; what needs a model that writes is made when it is first needed: it takes torch."""
        folder = self.world.templates / operation.template
        if not folder.exists():
            (folder / "out").mkdir(parents=True)
            project = str(folder / "project")
            self._order("project", "new", project, "--base", str(self._writer()))
            if operation.template == "extended":
                for role in ("general", "domain"):
                    text = str(self.world.base / f"{role}.jsonl")
                    self._order("corpus", "import", project, text, "--role", role)
                self._order("tokenizer", "extend", project, "--tokens", "50")
        super().begin(operation)

    def _writer(self) -> Path:
        base = self.world.root / "writer"
        if not base.exists():
            shutil.copytree(self.world.base, base, ignore=shutil.ignore_patterns("*.jsonl"))
            subprocess.run([sys.executable, "-c", WRITER, str(base)], check=True)
        return base

    def _order(self, *words: str) -> None:
        assert self.command(list(words)) == 0, self.world.log.read_text()[-1500:]

    def command(self, words: list[str], death: Death | None = None) -> int:
        """Run a command as a process; return its exit code."""
        code = self._start(words).wait()
        wait_for_all()
        return code

    def _start(self, words: list[str]) -> subprocess.Popen[bytes]:
        with self.world.log.open("ab") as log:
            command = [sys.executable, "-m", "domainstudio", *words]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill_at_random(self, operation: Operation, drawn: random.Random, tally: Tally) -> bool:
        """Kill an operation at a moment drawn over the time it takes, and see what becomes of it.

        Returns whether there was still something to kill.
        """
        seconds = self.reference(operation).seconds
        victim = "command" if operation.name in WITHOUT_JOB else drawn.choice(VICTIMS)
        self.begin(operation)
        before = {job.job_id for job in self._jobs()}
        command = self._start(self.world.words(operation))
        if victim != "command":  # half of the time goes by before there is a job
            self._read_until(lambda: bool(self._begun(before)) or command.poll() is not None, tally)
            seconds /= 2
        moment, deadline = drawn.uniform(0, seconds), time.monotonic()
        deadline += moment
        self._read_until(lambda: time.monotonic() > deadline or command.poll() is not None, tally)
        doomed = self._begun(before) if victim != "command" else []
        for process in doomed:
            with suppress(ProcessLookupError):
                (os.killpg if "all" in victim else os.kill)(process, signal.SIGKILL)
        if victim.startswith("command"):
            command.kill()
        has_died = command.wait() == -signal.SIGKILL or bool(doomed)
        wait_for_all()
        if has_died:
            way: Way = drawn.choice(get_args(Way))
            self.judge(operation, f"{victim} after {moment:.2f} s, then {way}", way, tally)
        return has_died

    def _read_until(self, is_time: Callable[[], bool], tally: Tally) -> None:
        """Read the project as another program would, in the midst of it all: what it sees must be whole."""

        def read() -> int:
            check_whole(self.world.project)
            return 0

        while not is_time():
            if ended(in_child(read, self.world.log)) != 0:
                tally.broken.append(self._said("a reader saw something half written"))

    def _jobs(self) -> list[JobFolder]:
        return list(list_jobs(self.world.project / "jobs"))

    def _begun(self, before: set[str]) -> list[int]:
        """Return the living processes of jobs that were not there before."""
        records = [job.run_record() for job in self._jobs() if job.job_id not in before]
        return [one.pid for one in records if one is not None and one.liveness() == "alive"]
