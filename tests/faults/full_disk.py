"""A disk that is full at every point of writing: `.venv/bin/python tests/faults/full_disk.py [--points N]`.

Each operation is done on a small disk that ends after so many more bytes (or files), from none at all up to
just below what it takes. It must be refused with one sentence that says what is needed and what is free,
leave what was there before, and, once there is room, come to the same result as if nothing had been. Linux;
no rights are needed.
"""

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.small_disk import PAGE, SmallDisk, Told, command, enter_namespace, small_disk  # noqa: E402
from support import dump  # noqa: E402

from domainstudio.jobs.checkpoints import CHECKPOINTS, MODEL  # noqa: E402
from domainstudio.jobs.folder import list_jobs  # noqa: E402
from domainstudio.project.project import Project  # noqa: E402
from domainstudio.tokenizer.training.train import train_byte_level_bpe  # noqa: E402
from domainstudio.workflow.duplicates.audit import open_audit  # noqa: E402
from domainstudio.workflow.duplicates.marking import Marking  # noqa: E402

DISK_BYTES = 96 << 20
WEIGHTS_BYTES = 1 << 20
LEAST_TAKEN = 32 << 10
"""Bytes; a short edit may be over between two looks at the disk."""
JOB = re.compile(r"(import|tokenizer|pack|train|export|report|search|duplicates|contamination)-\d+")
TIME = re.compile(r'"unix_seconds":[\d.]+|\d{4}-\d\d-\d\d \d\d:\d\d UTC')
SIZE = r"[\d,.]+ [kMGT]?B"
SENTENCES = re.compile(
    rf"The disk of \S+ is too full: about {SIZE} are needed and {SIZE} are free; .*\."
    rf"|\S+ is done, but the disk of \S+ is too full .*\(about {SIZE} are needed and {SIZE} are free\): .*\."
    r"|The disk of \S+ has room left but can hold no more files: .*\."
)
PROBE = re.compile(r"step \d+: held-out ")
"""What a run that is followed tells while it goes on."""
REST = re.compile(r"^\.(tmp|new|backup|deleted|old|last)|\.tmp$")


@dataclass(frozen=True)
class Operation:
    """One thing a person does, and which earlier ones must have been done."""

    name: str
    words: Callable[[Path], list[object]]
    after: str = ""
    """The operation whose result is the state before this one; empty: no project."""
    makes: tuple[str, ...] = ()
    """Files and folders on the disk that it makes beside the project."""


def _shares(*values: float) -> list[object]:
    shares = [f"--share={name}={value}" for name, value in zip(("general", "domain"), values, strict=True)]
    return [*shares, "--tokens", "16k", "--max-epochs", "4"]


def _next_pair(disk: Path) -> list[object]:
    """Return the numbers of the pair that is judged next."""
    with Project(disk / "p", read_only=True) as project:
        audit = open_audit(project, Marking())
        queue = audit.queue("random")
        place = audit.place_of_next(queue)
        assert place is not None and queue.kept is not None
        ids = audit.search.found.ids
        return [int(ids[queue.removed[place]]), int(ids[queue.kept[place]])]


def _texts(role: str) -> Callable[[Path], list[object]]:
    return lambda disk: ["corpus", "import", disk / "p", disk / f"{role}.jsonl", "--role", role]


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("new", lambda disk: ["project", "new", disk / "p", "--from-scratch", "tiny"]),
        Operation("new on a base", lambda disk: ["project", "new", disk / "p", "--base", disk / "base"]),
        Operation("import", _texts("general"), "new"),
        Operation("second import", _texts("domain"), "import"),
        Operation(
            "search", lambda disk: ["corpus", "documents", disk / "p", "--search", "ab"], "second import"
        ),
        Operation(
            "tokenizer", lambda disk: ["tokenizer", "train", disk / "p", "--size", "600"], "second import"
        ),
        Operation("pack", lambda disk: ["tokenizer", "pack", disk / "p"], "tokenizer"),
        Operation("mixture", lambda disk: ["mixture", "set", disk / "p", *_shares(0.5, 0.5)], "pack"),
        Operation("undo", lambda disk: ["project", "undo", disk / "p"], "mixture"),
        Operation(
            "recipe",
            lambda disk: ["recipe", "set", disk / "p", "sequence_length=64", "micro_batch=2"],
            "mixture",
        ),
        Operation("train", lambda disk: ["train", "start", disk / "p"], "recipe"),
        Operation("rename", lambda disk: ["corpus", "rename", disk / "p", "domain", "field"], "train"),
        Operation("delete", lambda disk: ["runs", "delete", disk / "p", "train-1"], "train"),
        Operation(
            "export model",
            lambda disk: ["export", "model", disk / "p", "train-1", disk / "out"],
            "train",
            ("out",),
        ),
        Operation(
            "export report",
            lambda disk: ["export", "report", disk / "p", "train-1", disk / "out.html"],
            "train",
            ("out.html",),
        ),
        Operation("find", lambda disk: ["duplicates", "find", disk / "p"], "second import"),
        Operation("mark", lambda disk: ["duplicates", "mark", disk / "p"], "find"),
        Operation(
            "mark anew", lambda disk: ["duplicates", "mark", disk / "p", "--threshold", "0.75"], "mark"
        ),
        Operation("unmark", lambda disk: ["duplicates", "unmark", disk / "p"], "mark"),
        Operation("undo mark", lambda disk: ["project", "undo", disk / "p"], "mark"),
        Operation(
            "contamination",
            lambda disk: ["duplicates", "contamination", disk / "p", disk / "items.jsonl"],
            "second import",
        ),
        Operation(
            "decide",
            lambda disk: ["audit", "decide", disk / "p", *_next_pair(disk), "reject", "--reviewer", "eve"],
            "mark",
        ),
        Operation("undo decide", lambda disk: ["project", "undo", disk / "p"], "decide"),
        Operation(
            "audit report",
            lambda disk: ["audit", "report", disk / "p", disk / "audit.md"],
            "decide",
            ("audit.md",),
        ),
    )
}


@dataclass
class Outcome:
    """What came of one operation at all its points."""

    taken_bytes: int = 0
    points: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass
class Campaign:
    """The states before and after each operation, kept outside the small disk."""

    disk: SmallDisk
    kept: Path
    after: dict[str, Any] = field(default_factory=dict)
    taken_bytes: dict[str, int] = field(default_factory=dict)

    def prepare(self, wanted: list[str]) -> None:
        """Do every operation once, undisturbed."""
        needed = list(wanted)
        for name in needed:
            before = OPERATIONS[name].after
            needed += [before] if before and before not in needed else []
        for operation in [each for name, each in OPERATIONS.items() if name in needed]:
            self.restore(operation)
            told = command(self.disk, *operation.words(self.disk.path))
            assert told.code == 0, (operation.name, told, jobs_badly_ended(self.disk.path / "p"))
            if operation.name == "train":
                _add_weights(self.disk.path / "p")
            self.taken_bytes[operation.name] = max(told.taken_bytes, LEAST_TAKEN)
            self.after[operation.name] = visible(self.disk.path, operation)
            shutil.copytree(self.disk.path, self.kept / operation.name)

    def restore(self, operation: Operation) -> None:
        """Bring the disk into the state before the operation."""
        self.disk.release()
        for entry in self.disk.path.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        before = self.kept / (operation.after or "given")
        shutil.copytree(before, self.disk.path, dirs_exist_ok=True)

    def try_at(self, operation: Operation, limit: Callable[[], None], outcome: Outcome) -> None:
        """Do an operation on a disk that is limited, judge what came of it, then do it with room."""
        self.restore(operation)
        before, words = visible(self.disk.path, operation), operation.words(self.disk.path)
        limit()
        told = command(self.disk, *words)
        self.disk.release()
        now = visible(self.disk.path, operation)
        outcome.points += 1
        after = self.after[operation.name]
        if told.code == 0:
            outcome.kinds["fits"] += 1
            outcome.faults += [] if now == after else [f"done, but not whole: {difference(after, now)}"]
            return
        outcome.kinds["refused"] += 1
        outcome.faults += told_badly(told) + jobs_badly_ended(self.disk.path / "p")
        if _rows(now) not in (_rows(before), _rows(after)):
            outcome.faults.append(f"half a state is seen: {difference(before, now)}")
        command(self.disk, "project", "info", self.disk.path / "p")
        if before != after == visible(self.disk.path, operation):
            outcome.kinds["taken in later"] += 1
            return
        again = command(self.disk, *words)
        now = visible(self.disk.path, operation)
        if again.code != 0 or now != after:
            outcome.faults.append(f"repeated: code {again.code}, {again.err}{difference(after, now)}")
        command(self.disk, "project", "info", self.disk.path / "p")
        outcome.faults += rests(self.disk.path)


def visible(disk: Path, operation: Operation) -> dict[str, Any]:
    """Return what a person can see of a disk: rows that count and whole files, numbers of jobs left out."""
    project, found = disk / "p", dict[str, Any]()
    if (project / "project.sqlite").is_file():
        for table, rows in dump(project).items():
            if table not in ("jobs", "sqlite_sequence"):
                found[table] = [_plain(row) for row in rows if _counts(table, row)]
    places = [project / name for name in ("documents", "duplicates", "models", "tokens")]
    for place in [*places, *(disk / name for name in operation.makes)]:
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.is_file() and not any(REST.search(part) for part in file.parts):
                found[_plain(str(file.relative_to(disk)))] = _hash(file)
    runs = list_jobs(project / "jobs", "train")
    found["runs"] = [_plain(job.job_id) for job in runs if job.status() == "done"]
    return found


def _hash(file: Path) -> str:
    """Return the hash of a file, of a report without the time when it was made."""
    data = file.read_bytes()
    return hashlib.sha256(TIME.sub("", data.decode()).encode() if file.suffix == ".md" else data).hexdigest()


def _rows(state: dict[str, Any]) -> dict[str, Any]:
    """Return what of a state is shown: a file that no row names yet is not."""
    return {name: rows for name, rows in state.items() if isinstance(rows, list)}


def _counts(table: str, row: tuple[Any, ...]) -> bool:
    """Return whether a row is to be seen: no document of an import that was not taken in yet, no time."""
    is_staged = table == "documents" and row[2] is None
    return not is_staged and not (table == "facts" and row[0] == "created_at")


def _plain(value: Any) -> Any:
    """Return a value without times and the numbers of jobs, which another attempt has others of."""
    if isinstance(value, tuple):
        return tuple(_plain(each) for each in value)
    return TIME.sub("", JOB.sub(r"\1-N", value)) if isinstance(value, str) else value


def told_badly(told: Told) -> list[str]:
    """Return what is wrong with the words of a refusal."""
    lines = [line for line in told.err.splitlines() if not PROBE.match(line)]
    if told.code == 2 and len(lines) == 1 and SENTENCES.fullmatch(lines[0]):
        return []
    return [f"code {told.code}, said: {told.err or 'nothing'}"]


def jobs_badly_ended(project: Path) -> list[str]:
    """Return the jobs whose state is not the truth: none of them was killed."""
    found = []
    for job in list_jobs(project / "jobs"):
        log = job.log_file.read_text() if job.log_file.exists() else ""
        if job.status() in ("interrupted", "running") or "Traceback" in log:
            found.append(f"{job.job_id} is {job.status()}; its log: {log[-600:]}")
    return found


def rests(disk: Path) -> list[str]:
    """Return temporary files that nobody has removed."""
    found = (file for file in disk.rglob("*") if REST.search(file.name))
    return [f"left behind: {file.relative_to(disk)}" for file in found]


def difference(expected: dict[str, Any], found: dict[str, Any]) -> str:
    """Return the first difference in a few words."""
    for key in [*expected, *found]:
        if expected.get(key) != found.get(key):
            return f"{key}: {str(expected.get(key))[:200]} became {str(found.get(key))[:200]}"
    return "none"


def write_inputs(folder: Path) -> None:
    """Write texts to import and the folder of a base model."""
    words = [hashlib.sha256(str(number).encode()).hexdigest()[:7] for number in range(3000)]
    for role, step in (("general", 7), ("domain", 11)):
        rows = [" ".join(words[(row * 13 + n * step) % 3000] for n in range(150)) for row in range(400)]
        (folder / f"{role}.jsonl").write_text("".join(f'{{"text": "{role} {row}"}}\n' for row in rows))
    items = [
        {"question": " ".join(words[n * 7 % 3000] for n in range(start, start + 20))} for start in (0, 5)
    ]
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    _write_model(folder / "base")
    train_byte_level_bpe(iter(words), 300, folder / "base")


def _write_model(folder: Path) -> None:
    """Write a model folder of one tensor: enough for what reads its configuration and copies its weights."""
    folder.mkdir()
    config = '{"model_type": "gpt_neox", "vocab_size": 300, "max_position_embeddings": 64}'
    (folder / "config.json").write_text(config)
    tensor = f'{{"w": {{"dtype": "U8", "shape": [{WEIGHTS_BYTES}], "data_offsets": [0, {WEIGHTS_BYTES}]}}}}'
    data = len(tensor).to_bytes(8, "little") + tensor.encode() + bytes(WEIGHTS_BYTES)
    (folder / "model.safetensors").write_bytes(data)


def _add_weights(project: Path) -> None:
    """Give the checkpoints of the fake trainer something to export."""
    for checkpoint in (project / "jobs" / "train-1" / "result" / CHECKPOINTS).iterdir():
        _write_model(checkpoint / MODEL)


def points(taken_bytes: int, most: int) -> list[int]:
    """Return how much room to leave: none, then evenly spread up to just below what is taken, in pages."""
    pages = -(-taken_bytes // PAGE)
    count = min(most, pages)
    return [pages * number // count * PAGE for number in range(count)]


def attempt(campaign: Campaign, operation: Operation, most_points: int, most_inodes: int) -> Outcome:
    """Do one operation at all its points."""
    outcome = Outcome(campaign.taken_bytes[operation.name])
    disk = campaign.disk
    for size_bytes in points(outcome.taken_bytes, most_points):
        campaign.try_at(operation, lambda size=size_bytes: disk.leave(size), outcome)  # type: ignore[misc]
    for count in range(most_inodes):
        campaign.try_at(operation, lambda count=count: disk.leave_inodes(count), outcome)  # type: ignore[misc]
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=40, help="amounts of room to try with each operation")
    parser.add_argument("--inodes", type=int, default=12, help="numbers of files still allowed to try")
    parser.add_argument("operations", nargs="*", metavar="OPERATION", help="by default all")
    enter_namespace()
    options = parser.parse_args()
    wanted = options.operations or list(OPERATIONS)
    is_whole = True
    with tempfile.TemporaryDirectory() as kept, small_disk(DISK_BYTES) as disk:
        (Path(kept) / "given").mkdir()
        write_inputs(Path(kept) / "given")
        campaign = Campaign(disk, Path(kept))
        campaign.prepare(wanted)
        print(f"{'operation':15} {'takes':>8} {'points':>6}  what came of it")
        for name in wanted:
            outcome = attempt(campaign, OPERATIONS[name], options.points, options.inodes)
            came = ", ".join(f"{count} {kind}" for kind, count in outcome.kinds.items())
            print(f"{name:15} {outcome.taken_bytes // 1024:>5} KiB {outcome.points:>6}  {came}", flush=True)
            for fault, count in Counter(outcome.faults).items():
                print(f"    FAULT ({count} times): {fault}", flush=True)
            is_whole = is_whole and not outcome.faults
    sys.exit(not is_whole)


if __name__ == "__main__":
    main()
