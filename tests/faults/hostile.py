"""Crafted projects and base models: `.venv/bin/python tests/faults/hostile.py --mutations 2000 --seed 1`.

A small project with two runs and a base model folder are handed over by a stranger: in each round one of
their files is changed (bits, bytes, lengths, values of JSON, cells of the database, headers), lost, or
replaced by a folder, a pipe or a link to a neighbour's files. Then commands read the project and a project is
made from the base model, in a process with little memory and little time. Each must end with 0 or with 2 and
a sentence; no file of the neighbour may differ, and no word of his may be shown.
"""

import argparse
import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import struct
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import golden_project
import psutil

from domainstudio.cli.main import GROUPS, run_command

SECRET = "the neighbour's own words"
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("project", "info"), ("project", "history"), ("project", "undo"), ("corpus", "table"),
    ("corpus", "documents"), ("corpus", "text", "7"), ("corpus", "rejections"), ("corpus", "readiness"),
    ("tokenizer", "table"), ("tokenizer", "pieces", "--text", "patient dose"), ("mixture", "show"),
    ("recipe", "show"), ("recipe", "plan"), ("runs", "list"), ("evaluation", "table", "train-1"),
    ("export", "candidates"),
)  # fmt: skip
ABSURD: tuple[Any, ...] = (
    None, -1, 0, 2**31, 2**63 - 1, -(2**63), 10**40, 1e308, float("nan"), True, "", "x", "\x1b]0;pwned\x07",
    "../../../neighbour", "/dev/zero", "<img src='file:///etc/passwd'>", "{0.__class__}", "x" * 100_000, [],
    {}, [[]], {"a": {"b": 1}},
)  # fmt: skip
_USED = (
    "domainstudio.workflow.kinds", "domainstudio.workflow.readiness", "domainstudio.workflow.candidates",
    "domainstudio.workflow.planned", "domainstudio.workflow.projects", "domainstudio.workflow.history",
    "domainstudio.workflow.cutting", "domainstudio.corpus.documents", "domainstudio.tokenizer.pieces",
)  # fmt: skip
SECONDS, MEMORY_BYTES = 240, 3 << 30
"""What a child may take for all commands together, and beyond what its parent has."""


@dataclass(frozen=True)
class Mutation:
    """What was done to which file."""

    kind: str
    file: str


@dataclass(frozen=True)
class Verdict:
    """How one command ended: its exit code, or what it should not have done."""

    command: str
    code: int
    trouble: str = ""


class World:
    """A pristine project and base model beside a neighbour's folder, and a copy of them to be harmed."""

    def __init__(self, folder: Path, project: Path, base: Path) -> None:
        """Copy what shall be harmed into `folder`, which must not exist."""
        self.pristine, self.given = folder / "pristine", folder / "given"
        self.neighbour, self.out = folder / "neighbour", folder / "out"
        shutil.copytree(project, self.pristine / "project")
        shutil.copytree(base, self.pristine / "base")
        self.neighbour.mkdir()
        for name in (".ssh", "notes"):
            (self.neighbour / name).mkdir()
            (self.neighbour / name / "key").write_text(SECRET)
        (self.neighbour / "tokenizer.json").write_text(json.dumps(SECRET))
        self._before = self.state()

    def restore(self) -> None:
        """Put the given files back as they were."""
        for folder in (self.given, self.out):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.pristine, self.given)

    def state(self) -> dict[str, bytes]:
        """Return the neighbour's files and folders."""
        return {
            str(path.relative_to(self.neighbour)): path.read_bytes() if path.is_file() else b""
            for path in sorted(self.neighbour.rglob("*"))
        }

    @property
    def is_unharmed(self) -> bool:
        """Whether nothing of the neighbour has changed."""
        return self.state() == self._before


def add_weights(project: Path) -> None:
    """Give the checkpoints of invented runs a small model, so that there is a header to change."""
    for model in project.glob("jobs/train-*/result/checkpoints/*/model"):
        write_base(model)


def write_base(folder: Path, tokenizer: Path | None = None) -> Path:
    """Write a base model folder whose weights are a few zeros; nothing but their header is read here."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512, "hidden_size": 4,
        "num_hidden_layers": 1, "max_position_embeddings": 2048,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {
        "lm_head.weight": {"dtype": "F32", "shape": [512, 4], "data_offsets": [0, 8192]},
        "model.norm.weight": {"dtype": "F32", "shape": [4], "data_offsets": [8192, 8208]},
    }
    (folder / "model.safetensors").write_bytes(safetensors(tensors, 8208))
    if tokenizer is not None:
        shutil.copy(tokenizer / "tokenizer.json", folder)
        (folder / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}')
    return folder


def safetensors(header: Any, data_bytes: int) -> bytes:
    """Return a safetensors file with a header and zeros behind it."""
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + bytes(data_bytes)


def mutate(world: World, chance: random.Random) -> Mutation:
    """Change one of the given files in one way, both drawn."""
    files = [path for path in sorted(world.given.rglob("*")) if path.is_file()]
    special = [path for path in files if path.suffix in (".sqlite", ".json", ".jsonl", ".safetensors")]
    file = chance.choice(special if chance.random() < 0.7 else files)
    ways = [_bits, _bytes, _cut, _grown, _lost, _replaced, _replaced]
    match file.suffix:
        case ".json":
            ways += [_json_value] * 12
        case ".jsonl":
            ways += [_line] * 12
        case ".safetensors":
            ways += [_header] * 12
        case ".sqlite":
            ways += [_cell] * 40 + [_statement] * 8
    way = chance.choice(ways)
    detail = way(file, world, chance)
    return Mutation(way.__name__.strip("_") + detail, str(file.relative_to(world.given)))


def _bits(file: Path, _world: World, chance: random.Random) -> str:
    data = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 3, 30))):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)
    return ""


def _bytes(file: Path, _world: World, chance: random.Random) -> str:
    data = bytearray(file.read_bytes())
    start = chance.randrange(len(data) + 1)
    data[start : start + chance.choice((1, 8, 512))] = chance.choice((b"\0", b"\xff")) * chance.choice(
        (1, 8, 512)
    )
    file.write_bytes(data)
    return ""


def _cut(file: Path, _world: World, chance: random.Random) -> str:
    os.truncate(file, chance.randrange(file.stat().st_size + 1))
    return ""


def _grown(file: Path, _world: World, chance: random.Random) -> str:
    os.truncate(
        file, file.stat().st_size + chance.choice((1, 4096, 1 << 40))
    )  # the last is a sparse terabyte
    return ""


def _lost(file: Path, _world: World, _chance: random.Random) -> str:
    file.unlink()
    return ""


def _replaced(file: Path, world: World, chance: random.Random) -> str:
    """Put something else in the place of the file, or of one of the folders above it."""
    top = world.given / file.relative_to(world.given).parts[0]
    places = [file, *(parent for parent in file.parents if top in parent.parents)]
    place = chance.choice(places)
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    match kind := chance.choice(
        ("folder", "pipe", "link to a file", "link to a folder", "link to itself", "zero")
    ):
        case "folder":
            place.mkdir()
        case "pipe":
            os.mkfifo(place)
        case "link to a file":
            place.symlink_to(world.neighbour / "notes" / "key")
        case "link to a folder":
            place.symlink_to(world.neighbour)
        case "link to itself":
            place.symlink_to(place)
        case _:
            place.symlink_to("/dev/zero")
    return f" by a {kind}"


def _json_value(file: Path, _world: World, chance: random.Random) -> str:
    values = json.loads(file.read_bytes())
    file.write_text(json.dumps(_with_absurd(values, chance)))
    return ""


def _line(file: Path, _world: World, chance: random.Random) -> str:
    lines = file.read_bytes().splitlines()
    number = chance.randrange(len(lines))
    lines[number] = json.dumps(_with_absurd(json.loads(lines[number]), chance)).encode()
    if chance.random() < 0.05:
        lines[number] = b"[" * 100_000
    file.write_bytes(b"\n".join(lines) + b"\n")
    return ""


def _header(file: Path, _world: World, chance: random.Random) -> str:
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = _with_absurd(json.loads(data[8 : 8 + length]), chance)
    file.write_bytes(safetensors(header, len(data) - 8 - length))
    return ""


def _with_absurd(values: Any, chance: random.Random) -> Any:
    """Return a JSON document with one of its values replaced, or one more key."""
    places = list(_places(values))
    if not places:
        return chance.choice(ABSURD)
    holder, key = chance.choice(places)
    if isinstance(holder, dict) and chance.random() < 0.1:
        holder["surprise"] = chance.choice(ABSURD)
    else:
        holder[key] = chance.choice(ABSURD)
    return values


def _places(values: Any) -> Iterator[tuple[Any, Any]]:
    items = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    for key, value in items:
        yield values, key
        yield from _places(value)


def _cell(file: Path, _world: World, chance: random.Random) -> str:
    """Change one cell, or all cells of a column, against every rule but the type."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON", "journal_mode = WAL"):
            database.execute(f"PRAGMA {pragma}")
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        table = chance.choice([name for name in names if not name.startswith("sqlite_")])
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        column, value = chance.choice(columns), chance.choice(ABSURD)
        if isinstance(value, list | dict):
            value = json.dumps(value)
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            value = float(value)
        where = "" if chance.random() < 0.3 else f" WHERE {column} = (SELECT min({column}) FROM {table})"
        with contextlib.suppress(sqlite3.Error):  # a type that the column refuses: the file stays whole
            database.execute(f"UPDATE OR IGNORE {table} SET {column} = ?{where}", (value,))
    return f" {table}.{column}"


_STATEMENTS = (
    "DELETE FROM facts", "DELETE FROM imports", "DELETE FROM document_blocks", "DELETE FROM jobs",
    "DROP TABLE journal", "DROP TABLE token_files", "DROP INDEX documents_by_state",
    "ALTER TABLE sources RENAME COLUMN role TO roll", "PRAGMA user_version = 0", "PRAGMA user_version = 1",
    "PRAGMA user_version = 99", "PRAGMA user_version = -5",
    "CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM sources; END",
    "CREATE VIEW endless AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
    "CREATE VIRTUAL TABLE v USING fts5(x)",
    "INSERT INTO journal (label, target, after, changed_at) VALUES ('{}', 'source:1', '{}', 1)",
    "INSERT INTO journal (label, target, after, changed_at)"
    " VALUES ('{\"message\": \"{a:>999999999}\", \"params\": {\"a\": \"x\"}}', 'recipe:x', '{}', 1)",
)  # fmt: skip


def _statement(file: Path, _world: World, chance: random.Random) -> str:
    statement = chance.choice(_STATEMENTS)
    with (
        contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database,
        contextlib.suppress(sqlite3.Error),
    ):
        database.execute(statement)
    return f" {statement[:40]}"


def verdicts(world: World) -> list[Verdict]:
    """Run every command in a child bounded in time and memory, and judge what each did."""
    project, new = world.given / "project", world.out / "new"
    commands = [[*command[:2], str(project), *command[2:]] for command in COMMANDS]
    commands.append(["project", "new", str(new), "--base", str(world.given / "base")])
    found = []
    for command, (code, shown) in zip(commands, in_child(commands), strict=False):
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
        found.append(Verdict("project new", 1, "the neighbour's words were copied"))
    return found


def in_child(commands: list[list[str]]) -> list[tuple[int, str]]:
    """Run commands in a child; return the exit code of each and what it showed.

    The code is negative if a signal ended the child (the alarm is 14); commands behind that one are left out.
    """
    with tempfile.TemporaryDirectory() as place:
        shown = [Path(place) / str(number) for number in range(len(commands))]
        child = os.fork()
        if not child:
            _live_as_child(commands, shown)
        _, status = os.waitpid(child, 0)
        codes = [int(done.read_text()) for file in shown if (done := file.with_suffix(".code")).exists()]
        if status:
            codes.append(os.waitstatus_to_exitcode(status))
        return [(code, file.read_text("utf-8", "replace")) for code, file in zip(codes, shown, strict=False)]


def _live_as_child(commands: list[list[str]], shown: list[Path]) -> None:
    try:
        signal.alarm(SECONDS)
        most = psutil.Process().memory_info().vms + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for command, file in zip(commands, shown, strict=True):
            with file.open("w", encoding="utf-8", errors="surrogateescape") as target:
                os.dup2(target.fileno(), 2)  # what libraries in other languages say
                with contextlib.redirect_stdout(target), contextlib.redirect_stderr(target):
                    code = _exit_code(command)
            file.with_suffix(".code").write_text(str(code))
    finally:
        os._exit(0)


def _exit_code(command: list[str]) -> int:
    try:
        return run_command(command)
    except BaseException:  # also what is no Exception: it would end the window too
        traceback.print_exc()
        return 70


def build(folder: Path) -> World:
    """Make the project with its runs, and a base model, in an empty folder."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        project = golden_project.make(folder / "made")
    add_weights(project)
    base = write_base(folder / "made" / "base", project / "models" / "tokenizer-1")
    return World(folder / "world", project, base)


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
