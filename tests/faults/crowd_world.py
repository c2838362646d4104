"""Windows and command lines that a campaign gives orders to, and what it asks of the project they are at."""

import fcntl
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import golden_project
from support import wait_until

from domainstudio.jobs.folder import list_jobs
from domainstudio.project import jobs as index
from domainstudio.project.project import Project
from domainstudio.recipe.recipe import settings_of
from domainstudio.workflow import history, planning
from domainstudio.workflow.corpus import sources

PATIENCE_SECONDS = 300
CROWD = Path(__file__).with_name("crowd.py")
KINDS = ("window", "window", "commands", "commands", "commands")


@dataclass(frozen=True)
class Answer:
    """How one of them fared."""

    code: int
    told: str

    @property
    def was_done(self) -> bool:
        return self.code == 0


class Actor:
    """A window or a command line, in a process of its own."""

    def __init__(self, kind: str, project: Path, gun: Path, log: Path) -> None:
        """Start it."""
        environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "DOMAINSTUDIO_LANGUAGE": "en"}
        self.kind, self._log = kind, log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(CROWD), kind, str(project), str(gun)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )

    def order(self, *words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the {self.kind} is gone: {self.said()}"
        return dict(json.loads(line))

    def said(self) -> str:
        """Return what it has written on its terminal."""
        return self._log.read_text()

    def end(self) -> str:
        """Close it; return what it wrote on its terminal."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        code = self._process.wait(PATIENCE_SECONDS)
        self._process.stdout.close()
        return self.said() + (f"exit code {code}" if code else "")


@dataclass
class World:
    """A project, and those at work on it."""

    project: Path
    gun: Path
    actors: list[Actor]
    drawn: random.Random
    told: Counter[str] = field(default_factory=Counter)
    number: int = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        with self.gun.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def at_once(self, *orders: tuple[str, ...]) -> list[Answer]:
        """Give an order to each of as many actors, drawn at random; return how they fared, in this order."""
        chosen = self.drawn.sample(self.actors, len(orders))
        with self.held():
            for actor, order in zip(chosen, orders, strict=True):
                actor.order(*order)
                assert actor.hear() == {"ready": True}
        answers = [Answer(**actor.hear()) for actor in chosen]
        for order, answer in zip(orders, answers, strict=True):
            assert answer.code in (0, 2), f"{order}: {answer.told}"
            assert answer.code == 0 or (answer.told and "\n" not in answer.told), f"{order}: {answer.told}"
            self.told[answer.told.split("/")[0][:60] if answer.code else "done"] += 1
        return answers

    def must(self, *order: str) -> None:
        """Have one of them do what cannot be refused."""
        (answer,) = self.at_once(order)
        assert answer.was_done, (order, answer)

    def all_at_once(self, *order: str) -> list[Answer]:
        return self.at_once(*[order] * len(self.actors))

    def new_number(self) -> int:
        self.number += 1
        return self.number

    def shown(self) -> list[dict[str, list[str]]]:
        """Return what each window shows, by step."""
        windows = [actor for actor in self.actors if actor.kind == "window"]
        for window in windows:
            window.order("show")
        return [window.hear()["shown"] for window in windows]

    def windows_say(self) -> list[str]:
        """Return what the windows wrote on their terminals."""
        return [actor.said() for actor in self.actors if actor.kind == "window"]

    def settle(self) -> None:
        """Wait until no job is at work and every finished one is committed, by whomever."""
        with Project(self.project, read_only=True) as project:

            def is_settled() -> bool:
                folders = list(list_jobs(project.jobs))
                states = {folder.job_id: folder.status() for folder in folders}
                return "running" not in states.values() and all(
                    index.is_committed(project.connection, job)
                    for job, state in states.items()
                    if state == "done"
                )

            wait_until(is_settled, PATIENCE_SECONDS)


def write_texts(world: World, count: int) -> Path:
    """Write a file of documents that no other file holds."""
    number = world.new_number()
    file = world.project.parent / f"texts-{number}.jsonl"
    lines = [
        json.dumps({"text": f"Document {n} of file {number}, which nobody else has."}) for n in range(count)
    ]
    file.write_text("\n".join(lines) + "\n")
    return file


def sources_of(project: Path) -> dict[str, Any]:
    with Project(project, read_only=True) as opened:
        return {row.counts.name: row.counts for row in sources.table(opened)}


def recipe_of(project: Path) -> dict[str, Any]:
    with Project(project, read_only=True) as opened:
        return settings_of(planning.recipe_of(opened))


def runs_of(project: Path) -> dict[str, str]:
    return {folder.job_id: folder.status() for folder in list_jobs(project / "jobs", "train")}


def count_done(project: Path) -> Counter[str]:
    """Return how many jobs of each kind are done."""
    folders = list_jobs(project / "jobs")
    return Counter(folder.job_id.rsplit("-", 1)[0] for folder in folders if folder.status() == "done")


def edits_of(project: Path) -> list[bool]:
    """Return of every edit whether it is undone, newest first."""
    with Project(project, read_only=True) as opened:
        return [entry.is_undone for entry in history.history(opened, 10**6)]


def make_project(folder: Path) -> Path:
    """Make a project with two sources and two runs in which a run is short."""
    project = golden_project.make(folder)
    golden_project.command("recipe", "set", project, "steps=10")
    return project


@contextmanager
def crowd(project: Path, folder: Path, kinds: Sequence[str] = KINDS, seed: int = 1) -> Iterator[World]:
    """Put windows and command lines to work on a project, with what they need in a folder; end them all."""
    gun = folder / "gun"
    gun.touch()
    actors = [Actor(kind, project, gun, folder / f"{kind}-{n}.log") for n, kind in enumerate(kinds)]
    try:
        yield World(project, gun, actors, random.Random(seed))
    finally:
        said = [actor.end() for actor in actors]
    assert said == [""] * len(actors), "\n".join(said)
