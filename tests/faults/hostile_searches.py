"""How a stranger changes what a search for near-duplicates left, what was marked, and what was said of it."""

import contextlib
import json
import os
import pickle
import random
import shutil
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from faults.hostile_changes import ABSURD, Mutation, Way, change
from faults.hostile_world import World
from numpy.typing import NDArray

TABLES = ("verdicts", "removals", "findings", "contaminations", "journal", "documents")


class _Payload:
    """Would make a folder beside the neighbour's own if anybody unpickled it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self._folder),)


def mutate(world: World, chance: random.Random) -> Mutation:
    """Change something that has to do with near-duplicates in one way, both drawn."""
    project = world.given / "project"
    files = [file for file in sorted(project.glob("duplicates/*/*")) if file.is_file()]
    files += sorted(project.glob("jobs/*/result/duplicates/*"))
    results = sorted(project.glob("jobs/*/result/*.json"))
    drawn = chance.random()
    if drawn < 0.3:
        return change(project / "project.sqlite", world, chance, [_verdict] * 60 + [_row] * 60)
    if drawn < 0.4:
        return change(chance.choice(results), world, chance)
    file = chance.choice(files)
    own: list[Way] = [_values] * 20 + [_form] * 14 + [_other] * 4 if file.suffix == ".npy" else []
    return change(file, world, chance, own)


def _values(file: Path, _world: World, chance: random.Random) -> str:
    """Change some values, all of them, or their order, and leave type and length as they are."""
    values = np.load(file)
    field = chance.choice(values.dtype.names or ("",))
    column = values[field] if field else values
    flat = column if column.ndim == 1 else column.reshape(-1)
    if not len(flat):
        return " of none"
    way = chance.choice(("one", "one", "one", "all", "order", "pair"))
    if way == "order":
        flat[:] = flat[::-1].copy()
    elif way == "pair":
        one, other = chance.randrange(len(flat)), chance.randrange(len(flat))
        flat[one], flat[other] = flat[other].copy(), flat[one].copy()
    else:
        flat[slice(None) if way == "all" else chance.randrange(len(flat))] = _odd(flat, chance)
    np.save(file, values)
    return f" {way} {field}"


def _odd(values: NDArray[Any], chance: random.Random) -> Any:
    """Return a value that a column may hold by its type."""
    if values.dtype.kind == "f":
        odd = [float("nan"), float("inf"), float("-inf"), -0.0, 0.2, 0.71, 1.0, 1.0000001, 2.0, -1.0]
        return chance.choice(odd)
    if values.dtype.kind == "b":
        return bool(chance.getrandbits(1))
    bounds = np.iinfo(values.dtype)
    wanted = (-1, 0, 1, 5, len(values) - 1, len(values), len(values) + 1, bounds.max, bounds.min)
    return chance.choice([value for value in wanted if bounds.min <= value <= bounds.max])


def _form(file: Path, world: World, chance: random.Random) -> str:
    """Write the array as another type, shape or kind of file."""
    values = np.load(file)
    match way := chance.choice(
        ("dtype", "endianness", "object", "rows", "scalar", "fortran", "short", "long", "huge", "header",
         "zip", "version", "text")
    ):  # fmt: skip
        case "dtype":
            np.save(file, np.zeros(len(values), chance.choice(("f8", "i2", "U9", "V3", "m8[s]", "c16", "?"))))
        case "endianness":
            np.save(file, values.astype(values.dtype.newbyteorder(">")))
        case "object":
            many = np.empty(max(1, len(values)), object)
            many[:] = [_Payload(world.neighbour / "pwned")] * len(many)
            with file.open("wb") as target:
                np.lib.format.write_array(target, many, allow_pickle=True)
        case "rows":
            np.save(file, np.stack([values, values], axis=chance.choice((0, values.ndim))))
        case "scalar":
            np.save(file, values.reshape(-1)[0] if values.size else np.array(5))
        case "fortran":
            np.save(file, np.asfortranarray(np.stack([values, values])))
        case "short":
            np.save(file, values[: chance.randrange(len(values) + 1)])
        case "long":
            np.save(file, np.concatenate([values, values[:1], values]))
        case "huge":
            shape = chance.choice(_SHAPES)
            _write_header(
                file, f"{{'descr': {_descr(values)}, 'fortran_order': False, 'shape': {shape}, }}", values
            )
        case "header":
            _write_header(file, chance.choice(_HEADERS), values)
        case "zip":
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("first.npy", b"")
        case "version":
            with file.open("r+b") as target:
                target.seek(6)
                target.write(bytes([chance.choice((0, 2, 3, 9)), chance.choice((0, 1))]))
        case _:
            file.write_bytes(pickle.dumps(_Payload(world.neighbour / "pwned")))
    return f" {way}"


_SHAPES = (
    "(1152921504606846976,)", "(9999999999999999999999999999999,)", "(-1,)", "(0,)", "(68719476736,)",
    "(4, 1152921504606846976)", "(True,)", "(1.5,)",
)  # fmt: skip
_HEADERS = (
    "{" * 5000, "-" * 9000 + "1", "{[]: 1}", "'x' * 10", "", "\0", "[" * 60000,
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
)  # fmt: skip


def _descr(values: NDArray[Any]) -> str:
    return repr(np.lib.format.dtype_to_descr(values.dtype))


def _write_header(file: Path, header: str, values: NDArray[Any]) -> None:
    written = header.encode() + b"\n"
    file.write_bytes(b"\x93NUMPY\x01\x00" + len(written).to_bytes(2, "little") + written + values.tobytes())


def _other(file: Path, _world: World, chance: random.Random) -> str:
    """Put another column in its place, of this search or of another."""
    others = [other for other in sorted(file.parent.parent.glob("*/*.npy")) if other != file]
    other = chance.choice(others)
    shutil.copy(other, file)
    return f" by {other.parent.name}/{other.name}"


_TIMES = ('"2026-01-01"', '"yesterday"', "1e300", "-5", "NaN", "Infinity", "null", "1e11", "true", '"1"', "0")


def _verdict(file: Path, _world: World, chance: random.Random) -> str:
    """Change what a verdict says, under what it is kept, or add one of texts that nobody has."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        rows = database.execute("SELECT key, queue, reviewer, body, decided_at FROM verdicts").fetchall()
        key, queue, reviewer, body, decided_at = chance.choice(rows)
        values = json.loads(body)
        place = (key, queue, reviewer)
        match way := chance.choice(("time", "value", "word", "unknown", "key", "column", "json")):
            case "time":
                body = body.replace(str(values["unix_seconds"]), chance.choice(_TIMES))
            case "value":
                body = json.dumps(values | {chance.choice([*values, "more"]): chance.choice(ABSURD)})
            case "word":
                name = chance.choice(("decision", "queue"))
                body = json.dumps(
                    values | {name: chance.choice(("keep", "split", "survivor", "second", "list"))}
                )
            case "unknown":
                removed, kept = (chance.randbytes(16) for _ in range(2))
                body = json.dumps(values | {"removed": removed.hex(), "kept": kept.hex()})
                place = (b"".join(sorted((removed, kept))), queue, reviewer)
            case "key":
                place = (
                    chance.choice((b"", key[:7], key * 2, chance.randbytes(32), b"\xff" * 16)),
                    queue,
                    reviewer,
                )
            case "column":
                place = (
                    key,
                    chance.choice(("second", "x", "", "survivor")),
                    chance.choice(("", "x" * 9999, "\x1b[2J")),
                )
                decided_at = chance.choice((-1.0, 1e308, 0.0))
            case _:
                body = chance.choice(("", "null", "[]", "{", "[" * 99_999, "\x00"))
        with contextlib.suppress(sqlite3.Error):
            if way not in ("unknown",):
                database.execute(
                    "DELETE FROM verdicts WHERE key = ? AND queue = ? AND reviewer = ?",
                    (key, queue, reviewer),
                )
            database.execute("INSERT INTO verdicts VALUES (?, ?, ?, ?, ?)", (*place, body, decided_at))
    return f" {way}"


_NUMBERS = (-1, 0, 1, 2, 3, 99, 2**31, 2**32 + 1, 2**63 - 1, -(2**63))
_ROWS = (
    "UPDATE removals SET id = {0} WHERE stands", "UPDATE removals SET stands = {0}",
    "UPDATE removals SET stands = {0} WHERE id = 1", "UPDATE removals SET documents = {0}",
    "UPDATE removals SET made_at = {0}", "UPDATE removals SET made_at = 9e999", "DELETE FROM removals",
    "UPDATE removals SET job_id = (SELECT max(job_id) FROM findings)", "UPDATE removals SET settings = '[]'",
    "UPDATE removals SET settings = json_set(settings, '$.threshold', {0})",
    "UPDATE removals SET settings = json_set(settings, '$.sources', json('[\"nobody\"]'))",
    "INSERT INTO removals VALUES ({0}, 'duplicates-1', '{{}}', 5, 1.0, 0)", "DELETE FROM findings",
    "UPDATE findings SET job_id = '../../../neighbour'", "UPDATE findings SET job_id = ''",
    "UPDATE findings SET job_id = 'removal-1'", "UPDATE findings SET summary = '{{'",
    "UPDATE contaminations SET found = {0}", "UPDATE contaminations SET name = char(27) || '[2J'",
    "UPDATE jobs SET committed_at = {0}", "UPDATE jobs SET committed_at = NULL WHERE kind = 'duplicates'",
    "UPDATE journal SET after = '\"{0}\"' WHERE target = 'removal:standing'",
    "UPDATE journal SET before = '{0}' WHERE target = 'removal:standing'",
    "UPDATE journal SET before = '{0}{0}{0}{0}' WHERE target = 'removal:standing'",
    "UPDATE journal SET after = NULL WHERE target LIKE 'verdict:%'",
    "UPDATE journal SET before = '{{}}' WHERE target LIKE 'verdict:%'",
    "UPDATE journal SET target = 'verdict:' || hex(zeroblob(16)) || ':random:x'",
    "UPDATE documents SET witness = {0}", "UPDATE documents SET witness = id WHERE mark IS NOT NULL",
    "UPDATE documents SET content_hash = zeroblob(16) WHERE id > 3", "UPDATE documents SET id = id + 1000",
    "UPDATE documents SET content_hash = zeroblob(3)", "UPDATE documents SET held_out = {0}",
    "UPDATE documents SET language = char({0})", "UPDATE documents SET source_id = 99 WHERE id > 60",
    "DELETE FROM documents WHERE id > 50", "UPDATE documents SET mark = 'near_duplicate'",
)  # fmt: skip


def _row(file: Path, _world: World, chance: random.Random) -> str:
    """Change rows of the index against every rule but the type."""
    statement = chance.choice(_ROWS).format(chance.choice(_NUMBERS))
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON"):
            database.execute(f"PRAGMA {pragma}")
        with contextlib.suppress(sqlite3.Error):  # a type that the column refuses
            database.execute(statement)
    return f" {statement[:70]}"
