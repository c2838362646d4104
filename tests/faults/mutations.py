"""Bad files through every reader: `.venv/bin/python tests/faults/mutations.py --cases 10000 --seed 1`.

Good files of every format, plain, compressed and in archives, are spoilt at random (bits, runs, cuts,
splices, claimed lengths, encodings, nesting, long lines) and read as an import reads them, in its guarded
processes. Then come files made on purpose: bombs, a hundred thousand columns or levels, offsets that lead
astray. A file is kept or rejected with its reason; an error in Python, a process that dies, more memory than
is allowed, and counts that do not agree are failures. What takes too long costs its file alone.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.bad_files import AUTO, MUTATORS, arrow, seeds, spoil, table
from faults.hostile_files import HOSTILE

from domainstudio.corpus.documents import read_documents, shards_of
from domainstudio.corpus.finding import files_of
from domainstudio.corpus.importing import MEMORY_BYTES
from domainstudio.corpus.readers import Document, ReaderSettings, compressed, read_file
from domainstudio.corpus.reading import Reading, ReadingTask, read_task
from domainstudio.jobs.parallel import Guard, Loss, Tick, run_tasks
from domainstudio.problems import UserError

PATIENCE_SECONDS = 60.0
BATCH, HOSTILE_BATCH = 50, 6
FLOOR_BYTES = compressed.EXPANSION_FLOOR_BYTES
SMALL_FLOOR_BYTES = 2 << 20
_SAVED_DATASET = 12
"""One case in so many is a folder that `datasets` saved, with its state spoilt."""
_STATE = b'{"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": "train", "_type": null}'


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    case: str
    reader: str
    kept: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    """Processor time: others may be at work on this machine."""
    peak_bytes: int = 0
    """Memory of the process at its highest while it read the file; 0 where the system does not tell."""
    failure: str = ""


@dataclass(frozen=True)
class Cases:
    """Cases that one process tries: a number is a random one, a name a hostile file in its folder."""

    folder: Path
    names: tuple[str, ...]
    seed: int
    floor_bytes: int
    """`EXPANSION_FLOOR_BYTES` for these: a small bomb is one too."""
    lost: Outcome | None = None
    """The case before these, which cost the process."""


def read_cases(cases: Cases, tick: Tick) -> list[Outcome]:
    """Try the cases one after the other."""
    compressed.EXPANSION_FLOOR_BYTES = cases.floor_bytes
    outcomes = []
    if cases.lost is not None:
        outcomes.append(cases.lost)
        tick()
    for name in cases.names:
        place = cases.folder / name
        try:
            reader, settings = _make(place, name, cases)
            outcomes.append(_read(place, name, reader, settings, lambda parts=1, /: tick(0)))
        except UserError as refusal:
            outcomes.append(Outcome(name, "saved dataset", rejected={refusal.problem.code: 1}))
        except MemoryError:
            raise  # as in an import, where it ends the process
        except Exception:  # a failure of the program, shown at the end
            outcomes.append(Outcome(name, "", failure=traceback.format_exc()))
        if name.isdecimal():  # a hostile file may be read again
            shutil.rmtree(place)
        shutil.rmtree(cases.folder / f"shards of {name}", ignore_errors=True)
        tick()
    return outcomes


def _make(place: Path, name: str, cases: Cases) -> tuple[str, ReaderSettings]:
    """Write the files of a case and return (reader, settings)."""
    if not name.isdecimal():
        return name, next(one.settings for one in HOSTILE if one.name == name)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    chance = random.Random(f"{cases.seed} {name}")
    if chance.randrange(_SAVED_DATASET) == 0:
        (place / "dataset_info.json").write_text("{}")
        (place / "data-00000-of-00001.arrow").write_bytes(arrow(table(), is_file=False))
        (place / "beside.txt").write_text("good")
        (place / "state.json").write_bytes(chance.choice(MUTATORS)(_STATE, chance))
        return "saved dataset", AUTO
    seed = chance.choice(seeds())
    file, data = spoil(seed, chance)
    (place / file).write_bytes(data)
    packed = file.rpartition(".")[2] if file != seed.name else ""
    return f"{seed.reader} {packed}".strip(), seed.settings


def _read(place: Path, name: str, reader: str, settings: ReaderSettings, tick: Tick) -> Outcome:
    _forget_peak()
    began = time.process_time()
    files = tuple(files_of([place], settings))
    shards = place.with_name(f"shards of {name}")
    reading = read_task(ReadingTask(shards, files, settings, 0, True), tick)
    seconds, peak_bytes = time.process_time() - began, _peak()
    outcome = Outcome(name, reader, reading.documents, reading.rejected, seconds, peak_bytes)
    failures = [*_disagreements(reading, files, shards, settings, tick)]
    if peak_bytes > MEMORY_BYTES:
        failures.append(f"{peak_bytes} bytes of memory")
    return replace(outcome, failure="; ".join(failures))


def _disagreements(
    reading: Reading, files: tuple[Path, ...], shards: Path, settings: ReaderSettings, tick: Tick
) -> Iterable[str]:
    """Yield where the account does not agree with what lies in the shards, and with what the readers say."""
    again: Counter[str] = Counter()
    for file in files:
        items: Counter[str] = Counter()
        for item in read_file(file, settings):
            tick(0)
            items[_state(item)] += 1
        if not items and settings.reader == "auto":
            yield f"nothing was said of {file.name}"
        again += items
        if file.suffix == ".jsonl":
            lines = sum(bool(line.strip()) for line in file.read_bytes().split(b"\n")) or 1  # none: "empty"
            if items.total() != lines:
                yield f"{lines} lines gave {items.total()}"
    if again != Counter({"kept": reading.documents}) + Counter(reading.rejected):
        yield f"read again {again}, at first {reading.documents} and {reading.rejected}"
    documents = characters = 0
    for document in read_documents(shards_of(shards)):
        documents += 1
        characters += len(document.text)
    if (documents, characters) != (reading.documents, reading.characters):
        yield f"{documents} documents of {characters} characters are stored"
    for record in reading.listed:
        record.model_dump_json()


def _state(item: object) -> str:
    if isinstance(item, Document):
        return "kept" if item.text.strip() else "empty"
    return str(getattr(item, "reason", item))


def _forget_peak() -> None:
    """Let the system begin to measure the highest memory of this process anew."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    if sys.platform != "linux":
        return 0
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def without_lost_case(cases: Cases, loss: Loss) -> list[Cases]:
    """As `without_lost_file` of the program: the cases before and after the one that cost a process."""
    at = loss.parts - (cases.lost is not None)
    reason = {"death": "crashed", "memory": "too_large", "slowness": "too_slow"}[loss.cause]
    failure = loss.detail if loss.cause == "death" else ""
    lost = Outcome(cases.names[at], "(lost)", rejected={reason: 1}, failure=failure)
    return [replace(cases, names=cases.names[:at]), replace(cases, names=cases.names[at + 1 :], lost=lost)]


def try_spoilt(cases: int, seed: int) -> list[Outcome]:
    """Try so many spoilt files and return what became of each, in their order."""
    with tempfile.TemporaryDirectory() as place:
        return _try(Path(place), [str(number) for number in range(cases)], seed, FLOOR_BYTES)


def try_hostile(*, is_long: bool) -> list[Outcome]:
    """Try every hostile file; the bombs of the short form are small, and so is what they may expand to."""
    with tempfile.TemporaryDirectory() as place:
        for one in HOSTILE:
            (Path(place) / one.name).mkdir()
            (Path(place) / one.name / one.name).write_bytes(one.build(one.most if is_long else one.size))
        names, floor_bytes = [one.name for one in HOSTILE], FLOOR_BYTES if is_long else SMALL_FLOOR_BYTES
        return _try(Path(place), names, 0, floor_bytes, HOSTILE_BATCH)


def _try(folder: Path, names: list[str], seed: int, floor_bytes: int, batch: int = BATCH) -> list[Outcome]:
    batches = [names[start : start + batch] for start in range(0, len(names), batch)]
    tasks = [Cases(folder, tuple(some), seed, floor_bytes) for some in batches]
    guard = Guard(without_lost_case, PATIENCE_SECONDS, MEMORY_BYTES)
    return [one for some in run_tasks(read_cases, tasks, lambda parts: None, 2, guard) for one in some]


def failures_of(outcomes: list[Outcome]) -> list[str]:
    """Return what is wrong: failures, and hostile files of which something else became than they allow."""
    wrong = [f"{one.case} ({one.reader}): {one.failure}" for one in outcomes if one.failure]
    allowed = {one.name: one.outcomes for one in HOSTILE}
    for one in outcomes:
        found = {*one.rejected, *(["kept"] * bool(one.kept))}
        if one.case in allowed and not found <= allowed[one.case]:
            wrong.append(f"{one.case}: {sorted(found)}, not {sorted(allowed[one.case])}")
    return wrong


def _row(name: str, some: list[Outcome]) -> str:
    rejected: Counter[str] = Counter()
    for one in some:
        rejected.update(one.rejected)
    slowest = max(some, key=lambda one: one.seconds)
    peak = max(one.peak_bytes for one in some)
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in rejected.most_common())
    kept = sum(one.kept for one in some)
    return f"{name:24} {len(some):>6,} {kept:>9,} {slowest.seconds:>7.2f} {peak / 1e6:>6.0f}  {reasons}"


def main() -> None:
    """Print a row for each reader and each hostile file; exit with 1 if anything failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-hostile", action="store_true")
    options = parser.parse_args()
    outcomes = try_spoilt(options.cases, options.seed)
    by_reader: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by_reader.setdefault(one.reader, []).append(one)
    allowed = f"{MEMORY_BYTES / 1e6:,.0f} MB"
    print(f"{len(outcomes):,} spoilt files, seed {options.seed}; a reading process may take {allowed}\n")
    head = f"{'':24} {'files':>6} {'kept':>9} {'slowest':>7} {'most':>6}\n"
    head += f"{'reader':24} {'':>6} {'documents':>9} {'CPU s':>7} {'MB':>6}  rejected"
    print(head)
    print("\n".join(_row(reader, by_reader[reader]) for reader in sorted(by_reader)))
    if not options.no_hostile:
        made = try_hostile(is_long=True)
        outcomes += made
        patience = f"{PATIENCE_SECONDS:.0f} s"
        print(f"\n{len(made)} files made on purpose; one that gives no sign for {patience} is ended\n")
        print(head.replace("reader", "file  "))
        print("\n".join(_row(one.case, [one]) for one in made))
    failures = failures_of(outcomes)
    print(f"\nfailures: {len(failures)}")
    print("\n".join(failures))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
