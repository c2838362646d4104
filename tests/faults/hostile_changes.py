"""How a stranger changes one of the files that are handed over."""

import contextlib
import json
import os
import random
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.hostile_world import World, safetensors

ABSURD: tuple[Any, ...] = (
    None, -1, 0, 2**31, 2**63 - 1, -(2**63), 10**40, 1e308, float("nan"), True, "", "x", "\x1b]0;pwned\x07",
    "../../../neighbour", "/dev/zero", "<img src='file:///etc/passwd'>", "{0.__class__}", "x" * 100_000, [],
    {}, [[]], {"a": {"b": 1}},
)  # fmt: skip


Way = Callable[[Path, World, random.Random], str]
"""Changes a file and says what more there is to say of it."""


@dataclass(frozen=True)
class Mutation:
    """What was done to which file."""

    kind: str
    file: str


def mutate(world: World, chance: random.Random) -> Mutation:
    """Change one of the given files in one way, both drawn."""
    files = [path for path in sorted(world.given.rglob("*")) if path.is_file()]
    special = [path for path in files if path.suffix in (".sqlite", ".json", ".jsonl", ".safetensors")]
    return change(chance.choice(special if chance.random() < 0.7 else files), world, chance)


def change(file: Path, world: World, chance: random.Random, own: Sequence[Way] = ()) -> Mutation:
    """Change a file in one way, drawn from those that suit its kind and some of its own."""
    ways: list[Way] = [_bits, _bytes, _cut, _grown, _lost, _replaced, _replaced]
    match file.suffix:
        case ".json":
            ways += [_json_value] * 12
        case ".jsonl":
            ways += [_line] * 12
        case ".safetensors":
            ways += [_header] * 12
        case ".sqlite":
            ways += [_cell] * 40 + [_statement] * 8
    way = chance.choice([*ways, *own])
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
