"""Crafted projects and base models: `.venv/bin/python tests/faults/hostile.py --mutations 2000 --seed 1`.

A small project with two runs and a base model folder are handed over by a stranger: in each round one of
their files is changed (bits, bytes, lengths, values of JSON, cells of the database, headers), lost, or
replaced by a folder, a pipe or a link to a neighbour's files. Then commands read the project and a project is
made from the base model, in a process with little memory and little time. Each must end with 0 or with 2 and
a sentence; no file of the neighbour may differ, and no word of his may be shown.
"""

import argparse
import contextlib
import os
import random
import resource
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from faults.hostile_changes import mutate
from faults.hostile_world import SECRET, World, build

from domainstudio.cli.main import GROUPS, run_command

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("project", "info"), ("project", "history"), ("project", "undo"), ("corpus", "table"),
    ("corpus", "documents"), ("corpus", "text", "7"), ("corpus", "rejections"), ("corpus", "readiness"),
    ("tokenizer", "table"), ("tokenizer", "pieces", "--text", "patient dose"), ("mixture", "show"),
    ("recipe", "show"), ("recipe", "plan"), ("runs", "list"), ("evaluation", "table", "train-1"),
    ("export", "candidates"),
)  # fmt: skip
_USED = (
    "domainstudio.workflow.kinds",
    "domainstudio.workflow.corpus.readiness",
    "domainstudio.workflow.export.candidates",
    "domainstudio.workflow.training.planned",
    "domainstudio.workflow.projects",
    "domainstudio.workflow.history",
    "domainstudio.workflow.tokenizer.cutting",
    "domainstudio.corpus.documents",
    "domainstudio.tokenizer.pieces",
)
SECONDS, MEMORY_BYTES = 240, 3 << 30
"""What a child may take for all commands together, and beyond what its parent has."""


@dataclass(frozen=True)
class Verdict:
    """How one command ended: its exit code, or what it should not have done."""

    command: str
    code: int
    trouble: str = ""


def verdicts(world: World) -> list[Verdict]:
    """Run every command in a child bounded in time and memory, and judge what each did."""
    project, new = world.given / "project", world.out / "new"
    commands = [[*command[:2], str(project), *command[2:]] for command in COMMANDS]
    commands.append(["project", "new", str(new), "--base", str(world.given / "base")])
    return judged(world, commands, in_child(commands))


def judged(world: World, commands: list[list[str]], answers: list[tuple[int, str]]) -> list[Verdict]:
    """Judge how commands ended, and what became of the neighbour."""
    found = []
    for command, (code, shown) in zip(commands, answers, strict=False):
        trouble = ""
        if code not in (0, 2):
            trouble = shown[-3000:]
        elif SECRET in shown or "\x1b" in shown:
            trouble = f"showed {shown[:500]!r}"
        elif code == 2 and not shown.strip():
            trouble = "refused without a word"
        found.append(Verdict(" ".join(command[:2]), code, trouble))
    if not world.is_unharmed:
        found.append(Verdict("all of them", 1, "the neighbour's files are others now"))
    if any(SECRET.encode() in file.read_bytes() for file in world.out.rglob("*") if file.is_file()):
        found.append(Verdict("all of them", 1, "the neighbour's words were copied"))
    return found


def in_child(
    commands: list[list[str]], after_each: Callable[[int], None] = lambda _number: None
) -> list[tuple[int, str]]:
    """Run commands in a child; return the exit code of each and what it showed.

    The code is negative if a signal ended the child (the alarm is 14); commands behind that one are left out.

    Args:
        commands: words.
        after_each: called in the child with the number of the command that has ended.
    """
    with tempfile.TemporaryDirectory() as place:
        shown = [Path(place) / str(number) for number in range(len(commands))]
        child = os.fork()
        if not child:
            _live_as_child(commands, shown, after_each)
        _, status = os.waitpid(child, 0)
        codes = [int(done.read_text()) for file in shown if (done := file.with_suffix(".code")).exists()]
        if status:
            codes.append(os.waitstatus_to_exitcode(status))
        return [(code, file.read_text("utf-8", "replace")) for code, file in zip(codes, shown, strict=False)]


def _live_as_child(commands: list[list[str]], shown: list[Path], after_each: Callable[[int], None]) -> None:
    try:
        signal.alarm(SECONDS)
        most = psutil.Process().memory_info().vms + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number, (command, file) in enumerate(zip(commands, shown, strict=True)):
            with file.open("w", encoding="utf-8", errors="surrogateescape") as target:
                os.dup2(target.fileno(), 2)  # what libraries in other languages say
                with contextlib.redirect_stdout(target), contextlib.redirect_stderr(target):
                    code = _exit_code(command)
            file.with_suffix(".code").write_text(str(code))
            after_each(number)
    finally:
        os._exit(0)


def _exit_code(command: list[str]) -> int:
    try:
        return run_command(command)
    except BaseException:  # also what is no Exception: it would end the window too
        traceback.print_exc()
        return 70


def main() -> int:
    """Do the campaign and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for name in (*(f"domainstudio.cli.{group}" for group in GROUPS), *_USED):  # before any fork
        import_module(name)
    codes: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    troubles = 0
    with tempfile.TemporaryDirectory() as place:
        world = build(Path(place))
        for number in range(options.mutations):
            world.restore()
            mutation = mutate(world, random.Random(f"{options.seed} {number}"))
            kinds[mutation.kind.split()[0]] += 1
            for verdict in verdicts(world):
                codes[verdict.code] += 1
                if verdict.trouble:
                    troubles += 1
                    print(
                        f"{number}: {mutation} → {verdict.command}, {verdict.code}\n{verdict.trouble}",
                        flush=True,
                    )
    print(f"{options.mutations:,} mutations: " + ", ".join(f"{kind} {n}" for kind, n in kinds.most_common()))
    print(f"{codes.total():,} commands: {codes[0]:,} answered, {codes[2]:,} refused with a sentence")
    print(f"tracebacks, signals, timeouts, words or files of others: {troubles}")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
