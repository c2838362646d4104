"""A run's curves as files: derived from events.jsonl, opened by memory map, rebuilt at need.

result/metrics/<offset>-<random>/   whole or not there; the greatest offset that can be read counts
    index.json                      the byte of events.jsonl up to which it holds, and what is no column
    steps/<column>.npy              the columns, and <column>.blocks.npy the first level of each pyramid
    superseded-<n>/…                the tails that later attempts did again
"""

import hashlib
import json
import operator
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import numpy as np

from domainstudio.jobs.arrays import save_array
from domainstudio.jobs.columns import BLOCK, DTYPES, FACTOR, PLOTTED, Array, Columns
from domainstudio.jobs.curves import Curves, Mark, MarkKind
from domainstudio.jobs.events import (
    Canaries,
    Checkpoint,
    Intervention,
    JobProblem,
    OneBody,
    Probe,
    checked,
)
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import Tail
from domainstudio.paths import read_small, whole_folder
from domainstudio.problems import UserError

METRICS = "metrics"
VERSION = 1
LONG_TAIL_BYTES = 8 << 20
"""A tail of events.jsonl that is worth saving: about a quarter of a second of reading."""
_FINGERPRINT_BYTES = 4096
_DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, RecursionError, UserError)
_PROBE_FIELDS = tuple(field.name for field in fields(Probe))
_CHECKPOINT_FIELDS = tuple(field.name for field in fields(Checkpoint))
_INTERVENTION_FIELDS = tuple(field.name for field in fields(Intervention))
_CANARIES_FIELDS = tuple(field.name for field in fields(Canaries))


class Metrics:
    """Follows the curves of one run: opens what was saved, then reads only what was written since."""

    def __init__(self, folder: JobFolder) -> None:
        """Open what was saved, if it still belongs to the run's events."""
        self._folder = folder
        self._saved, self.curves = _open_saved(folder)
        self._tail = Tail(folder, self._saved)

    def poll(self, most_bytes: int | None = None) -> bool:
        """Take in the events that have become whole since the last call; return whether there were any.

        With `most_bytes` a long file is read in several calls.
        """
        return self.curves.extend(self._tail.poll(most_bytes)) > 0

    @property
    def unread_bytes(self) -> int:
        """Bytes of events that were not taken in yet."""
        return self._folder.events_size_bytes() - self._tail.offset

    def save_long_tail(self) -> None:
        """Save if so much was read since the last save that the next reader should be spared it.

        A growing run is saved again when it has doubled, so that all saves together cost what one does. Where
        the folder cannot be written, later readers wait a little longer and nothing is lost.
        """
        if self._tail.offset - self._saved > max(LONG_TAIL_BYTES, self._saved):
            with suppress(OSError):
                self.save()
            self._saved = self._tail.offset

    def save(self) -> None:
        """Write the curves as files; older ones go.

        Raises:
            OSError: the folder cannot be written.
        """
        offset = self._tail.offset
        target = self._folder.result / METRICS / f"{offset:015d}-{uuid4().hex[:8]}"
        self._folder.result.mkdir(exist_ok=True)
        with whole_folder(target) as draft:
            _write_columns(self.curves.steps, draft / "steps")
            for number, tail in enumerate(self.curves.superseded):
                _write_columns(tail, draft / f"superseded-{number}")
            index = _index(self.curves) | {
                "offset": offset,
                "fingerprint": _fingerprint(self._folder, offset),
            }
            (draft / "index.json").write_text(json.dumps(index), encoding="utf-8")
        self._saved = offset
        for other in target.parent.iterdir():
            if other.name < target.name:
                shutil.rmtree(other, ignore_errors=True)


def read(folder: JobFolder) -> Curves:
    """Return the curves of a run as its events stand now."""
    metrics = Metrics(folder)
    metrics.poll()
    return metrics.curves


def save_elsewhere(folder: JobFolder) -> threading.Thread:
    """Have a process of its own leave the curves as files; the thread returned lives as long as it does."""
    command = [sys.executable, "-P", "-m", "domainstudio.jobs", "curves", str(folder.path)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    name = f"reaper of {folder.job_id}'s columns"
    thread = threading.Thread(target=subprocess.run, args=(command,), kwargs=quiet, name=name, daemon=True)
    thread.start()
    return thread


def save_at_end(folder: JobFolder) -> None:
    """Leave a run's curves as files: its last deed, so that whoever opens it need not read every event.

    A disk that is full or gone costs later readers some time and nothing else.
    """
    metrics = Metrics(folder)
    metrics.poll()
    with suppress(OSError):
        metrics.save()


def _open_saved(folder: JobFolder) -> tuple[int, Curves]:
    """Return offset and curves of the newest save that is whole and belongs to the events; else nothing."""
    parent = folder.result / METRICS
    names = [each.name for each in parent.iterdir()] if parent.is_dir() else []
    for name in sorted((name for name in names if not name.startswith(".")), reverse=True):
        try:
            index = json.loads(read_small(parent / name / "index.json"))
            offset = int(index["offset"])
            is_known = index["version"] == VERSION and 0 <= offset <= folder.events_size_bytes()
            if is_known and index["fingerprint"] == _fingerprint(folder, offset):
                return offset, _curves(index, parent / name)
        except _DAMAGED:
            continue  # damaged, or removed by another reader: the events say it all again
    return 0, Curves()


def _fingerprint(folder: JobFolder, offset: int) -> str:
    """Return a hash of the bytes of events.jsonl that end at `offset`."""
    first = max(0, offset - _FINGERPRINT_BYTES)
    with folder.open_events() as events:
        events.seek(first)
        return hashlib.blake2b(events.read(offset - first), digest_size=16).hexdigest()


def _index(curves: Curves) -> dict[str, Any]:
    """Return everything that is not a column as values for Python's JSON, which knows NaN."""
    probe, checkpoint = operator.attrgetter(*_PROBE_FIELDS), operator.attrgetter(*_CHECKPOINT_FIELDS)
    intervention = operator.attrgetter(*_INTERVENTION_FIELDS)
    canaries = operator.attrgetter(*_CANARIES_FIELDS)
    return {
        "version": VERSION,
        "superseded": len(curves.superseded),
        "probes": [probe(point) for point in curves.probes],
        "superseded_probes": [probe(point) for point in curves.superseded_probes],
        "checkpoints": [checkpoint(point) for point in curves.checkpoints],
        "interventions": [intervention(one) for one in curves.interventions],
        "canaries": [canaries(one) for one in curves.canaries],
        "marks": [asdict(mark) for mark in curves.marks],
        "attempts": curves.attempts,
        "last_time": curves.last_time,
        "worked_seconds": curves.worked_seconds,
        "last_elapsed": curves.last_elapsed,
    }


def _curves(index: dict[str, Any], folder: Path) -> Curves:
    """Return the curves that an index and its folder hold.

    Raises:
        OSError, ValueError, LookupError, TypeError, EOFError: something is damaged.
    """
    return Curves(
        steps=_open_columns(folder / "steps"),
        probes=[_point(Probe, _PROBE_FIELDS, values) for values in index["probes"]],
        checkpoints=[_point(Checkpoint, _CHECKPOINT_FIELDS, values) for values in index["checkpoints"]],
        # Neither is in a save of an earlier version, whose runs had none.
        interventions=[
            _point(Intervention, _INTERVENTION_FIELDS, values) for values in index.get("interventions", [])
        ],
        canaries=[_point(Canaries, _CANARIES_FIELDS, values) for values in index.get("canaries", [])],
        superseded=[_open_columns(folder / f"superseded-{n}") for n in range(index["superseded"])],
        superseded_probes=[_point(Probe, _PROBE_FIELDS, values) for values in index["superseded_probes"]],
        marks=[_mark(values) for values in index["marks"]],
        attempts=int(index["attempts"]),
        last_time=float(index["last_time"]),
        worked_seconds=float(index["worked_seconds"]),
        last_elapsed=None if (elapsed := index["last_elapsed"]) is None else float(elapsed),
    )


def _point(kind: type[OneBody], names: tuple[str, ...], values: list[Any]) -> OneBody:
    return checked(kind, dict(zip(names, values, strict=True)))


def _mark(values: dict[str, Any]) -> Mark:
    told = values["problem"]
    problem = checked(JobProblem, told).problem if told else None
    if values["kind"] not in get_args(MarkKind):
        raise ValueError("a mark of another kind")
    return Mark(values["kind"], int(values["step"]), float(values["time"]), problem)


def _write_columns(columns: Columns, folder: Path) -> None:
    folder.mkdir()
    for name in DTYPES:
        save_array(folder / f"{name}.npy", columns.column(name))
    for name in PLOTTED:
        save_array(folder / f"{name}.blocks.npy", columns.level(name, 1))


def _open_columns(folder: Path) -> Columns:
    """Return columns over memory maps.

    Raises:
        OSError, ValueError, EOFError: a file is missing, or not what it should be.
    """
    arrays = {name: _open_array(folder / f"{name}.npy", dtype) for name, dtype in DTYPES.items()}
    levels = {name: _open_array(folder / f"{name}.blocks.npy", BLOCK) for name in PLOTTED}
    length = len(arrays["step"])
    if any(len(array) != length for array in arrays.values()):
        raise ValueError("columns of several lengths")
    if any(len(level) != length // FACTOR for level in levels.values()):
        raise ValueError("a pyramid of another length")
    return Columns.over(arrays, levels)


def _open_array(file: Path, dtype: np.dtype[Any]) -> Array:
    array = np.load(file, mmap_mode="r", allow_pickle=False)
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"{file.name} is not a column")
    return np.asarray(array)
