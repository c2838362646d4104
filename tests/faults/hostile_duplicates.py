"""Crafted searches, lists, verdicts: `.venv/bin/python tests/faults/hostile_duplicates.py --mutations 1000`.

A project in which near-duplicates were found, marked twice, judged and checked against evaluation items is
handed over by a stranger; a second search and a second check are done and not taken in yet. In each round one
file of these, or a row, is changed. Then commands list, judge, mark, undo and report, in a process with
little memory and little time. Each must end with 0 or with 2 and a sentence, and no file of the neighbour may
differ. Whatever file was changed: after each command those documents are marked that one of the true lists
marks, and a command that was refused has marked nothing.
"""

import argparse
import contextlib
import io
import json
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import golden_project
from faults.hostile import Verdict, in_child, judged
from faults.hostile_changes import Mutation
from faults.hostile_searches import mutate
from faults.hostile_world import World, add_weights, write_base

from domainstudio.cli.main import GROUPS
from domainstudio.project.project import Project
from domainstudio.workflow.duplicates.audit import Shown, open_audit
from domainstudio.workflow.duplicates.marking import Marking

QUEUES: tuple[Shown, ...] = ("random", "uncertain", "near_miss", "list", "second", "survivor")
MARKING = ("--threshold", "0.75")
Marks = list[tuple[int, str, int | None]]
"""Document, reason and witness."""


def build(folder: Path) -> World:
    """Make the project, and a base model, in an empty folder."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        project = golden_project.make(folder / "made")
        audit(project, next((project.parent / "guidelines").glob("*.txt")).read_text()[:400])
    add_weights(project)
    return World(folder / "world", project, write_base(folder / "made" / "base"))


def audit(project: Path, question: str) -> None:
    """Mark twice, judge in every queue, look for an item, and leave a search and a check not taken in."""
    golden_project.command("duplicates", "mark", project, "--threshold", "0.9")
    golden_project.command("duplicates", "mark", project, "--threshold", "0.7")
    for queue in QUEUES:
        for decision in ("accept", "reject", "unsure"):
            pair = _pair(project, queue)
            reviewer = "ben" if queue == "second" else "eve"
            words = ["audit", "decide", project, *pair, decision, "--queue", queue, "--reviewer", reviewer]
            if pair:
                golden_project.command(*words)
    items = project.parent / "items.jsonl"
    items.write_text("".join(json.dumps({"question": each}) + "\n" for each in (question, "Why?")))
    golden_project.command("duplicates", "contamination", project, items)
    golden_project.command("duplicates", "find", project, "--thorough")
    _leave_untaken(project)


def _pair(project: Path, queue: Shown, place: int | None = None) -> list[int]:
    """Return the documents of a member of a queue: by default of that which is judged next, if any is."""
    with Project(project, read_only=True) as opened:
        found = open_audit(opened, Marking(threshold=0.7))
        members = found.queue(queue)
        place = found.place_of_next(members) if place is None else place
        return [] if place is None else [int(found.search.found.ids[side[place]]) for side in members.sides]


def _leave_untaken(project: Path) -> None:
    with contextlib.closing(sqlite3.connect(project / "project.sqlite", isolation_level=None)) as database:
        for table, job in (("findings", "duplicates-2"), ("contaminations", "contamination-1")):
            database.execute(f"DELETE FROM {table} WHERE job_id = ?", (job,))
            database.execute("UPDATE jobs SET committed_at = NULL WHERE id = ?", (job,))
    shutil.move(project / "duplicates" / "duplicates-2", project / "jobs/duplicates-2/result/duplicates")


def commands_on(world: World, pair: list[int]) -> list[list[str]]:
    """Return what is done with the project: everything that reads a search, a list or a verdict."""
    shown = [("audit", "next", "--queue", queue) for queue in QUEUES]
    undone = [("project", verb) for verb in ("undo", "undo", "undo", "redo", "redo", "redo")]
    commands: list[tuple[str, ...]] = [
        ("duplicates", "list", *MARKING), *shown, ("audit", "sample"), ("duplicates", "mark", *MARKING),
        *undone,
        ("audit", "report", str(world.out / "report.md")), ("project", "info"), ("recipe", "plan"),
        ("corpus", "table"), ("project", "history"), ("duplicates", "unmark"),
        ("audit", "decide", *map(str, pair), "accept", "--reviewer", "kim", "--threshold", "0.7"),
    ]  # fmt: skip
    project = str(world.given / "project")
    return [[*command[:2], project, *command[2:]] for command in commands]


def marks(project: Path) -> Marks:
    """Return the near-duplicates that are marked."""
    query = (
        "SELECT id, mark, witness FROM documents WHERE mark NOT IN ('duplicate', 'held_out_copy') ORDER BY id"
    )
    with contextlib.closing(sqlite3.connect(f"file:{project}/project.sqlite?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


class Trials:
    """Rounds in one world, and what must hold in each."""

    def __init__(self, world: World) -> None:
        """See which lists are true ones, on the project as it was made."""
        self._world = world
        self._pair = _pair(world.pristine / "project", "random", 0)
        self._true: list[Marks] = []
        world.restore()
        (world.out).mkdir()
        answers, self._true = self._act()
        refused = [
            (command, said) for command, (code, said) in zip(self.commands, answers, strict=True) if code
        ]
        assert not refused, refused

    @property
    def commands(self) -> list[list[str]]:
        """What is done in each round."""
        return commands_on(self._world, self._pair)

    def _act(self) -> tuple[list[tuple[int, str]], list[Marks]]:
        """Run the commands; return how they ended, and what was marked before them and after each."""
        project, seen = self._world.given / "project", self._world.out / "seen"
        with seen.open("w") as lines:
            print(json.dumps(_marks_or_none(project)), file=lines, flush=True)
            answers = in_child(
                self.commands,
                lambda _number: print(json.dumps(_marks_or_none(project)), file=lines, flush=True),
            )
        states = [json.loads(line) for line in seen.read_text().splitlines()]
        seen.unlink()
        return answers, states

    def play(self, chance: random.Random) -> tuple[Mutation, list[Verdict]]:
        """Change something, run all commands and judge them."""
        self._world.restore()
        self._world.out.mkdir()
        mutation = mutate(self._world, chance)
        answers, states = self._act()
        verdicts = judged(self._world, self.commands, answers)
        if not mutation.file.endswith(".sqlite"):
            verdicts += self._wrongly_marked(answers, states)
        return mutation, verdicts

    def _wrongly_marked(self, answers: list[tuple[int, str]], states: list[Marks]) -> list[Verdict]:
        found = []
        ended = zip(self.commands, answers, states, states[1:], strict=False)
        for command, (code, shown), before, after in ended:
            name = " ".join(command[:2])
            if code and before != after:
                found.append(Verdict(name, code, f"refused, and yet marked: {shown}"))
            elif after not in self._true:
                found.append(Verdict(name, code, f"marked what no search found: {after}"))
        return found


def _marks_or_none(project: Path) -> Marks | None:
    if not (project / "project.sqlite").is_file():  # a pipe would be waited for
        return None
    try:
        return marks(project)
    except sqlite3.Error:  # the database is what was changed
        return None


def main() -> int:
    """Do the campaign and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the round to begin with")
    options = parser.parse_args()
    for name in GROUPS:  # before any fork
        import_module(f"domainstudio.cli.{name}")
    codes: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    troubles = 0
    with tempfile.TemporaryDirectory() as place:
        trials = Trials(build(Path(place)))
        for number in range(options.first, options.first + options.mutations):
            mutation, verdicts = trials.play(random.Random(f"{options.seed} {number}"))
            kinds[mutation.kind.split()[0]] += 1
            codes.update(verdict.code for verdict in verdicts)
            for verdict in (verdict for verdict in verdicts if verdict.trouble):
                troubles += 1
                words = f"{number}: {mutation} → {verdict.command}, {verdict.code}\n{verdict.trouble}"
                print(words, flush=True)
    print(f"{options.mutations:,} mutations: " + ", ".join(f"{kind} {n}" for kind, n in kinds.most_common()))
    print(f"{codes.total():,} commands: {codes[0]:,} answered, {codes[2]:,} refused with a sentence")
    print(f"tracebacks, signals, timeouts, wrong marks, words or files of others: {troubles}")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
