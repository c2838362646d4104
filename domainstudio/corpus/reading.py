"""Reading some files of an import into shards of their own, and what the import must know of them."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domainstudio.corpus.facts import RejectionRecord
from domainstudio.corpus.readers import Document, ReaderSettings, Rejection, format_of, read_file
from domainstudio.corpus.readers.compressed import is_compressed

LISTED_REJECTIONS = 1000
TASK_BYTES = 32 << 20
_COMPRESSED_WEIGHT = 6


@dataclass(frozen=True)
class ReadingTask:
    """Files that one process reads, one after the other, into the folder of this task."""

    folder: Path
    files: tuple[Path, ...]
    settings: ReaderSettings
    size_bytes: int
    """About how much text there is to read."""


@dataclass
class Reading:
    """What was read: counts, rejections, and of each document its hash's beginning and its length."""

    documents: int = 0
    characters: int = 0
    prefixes: "array[int]" = field(default_factory=lambda: array("Q"))
    lengths: "array[int]" = field(default_factory=lambda: array("q"))
    rejected: dict[str, int] = field(default_factory=dict)
    listed: list[RejectionRecord] = field(default_factory=list)

    def reject(self, rejection: Rejection) -> None:
        """Count a rejection, and list it while the list is not full."""
        self.rejected[rejection.reason] = self.rejected.get(rejection.reason, 0) + 1
        if len(self.listed) < LISTED_REJECTIONS:
            self.listed.append(
                RejectionRecord(
                    origin=rejection.origin,
                    position=rejection.position,
                    reason=rejection.reason,
                    detail=rejection.detail[:200],
                )
            )

    def add(self, other: "Reading") -> None:
        """Take in what a later task read."""
        self.documents += other.documents
        self.characters += other.characters
        self.prefixes.extend(other.prefixes)
        self.lengths.extend(other.lengths)
        for reason, count in other.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count
        self.listed += other.listed[: LISTED_REJECTIONS - len(self.listed)]


def plan(files: Sequence[Path], settings: ReaderSettings, folder: Path) -> list[ReadingTask]:
    """Group files, in their order, into tasks of about `TASK_BYTES`: by sizes alone, so always alike."""
    tasks: list[ReadingTask] = []
    group: list[Path] = []
    size = 0
    for file in files:
        weight = _weight(file, settings)
        if group and size + weight > TASK_BYTES:
            tasks.append(ReadingTask(folder / f"task-{len(tasks):06d}", tuple(group), settings, size))
            group, size = [], 0
        group.append(file)
        size += weight
    return [*tasks, ReadingTask(folder / f"task-{len(tasks):06d}", tuple(group), settings, size)]


def read_task(task: ReadingTask, file_done: Callable[[], None]) -> Reading:
    """Read the files of a task into its folder; `file_done` is called after each, and may raise."""
    return read_files(task, lambda: None, file_done)


def read_files(task: ReadingTask, tick: Callable[[], None], file_done: Callable[[], None]) -> Reading:
    """As `read_task`; `tick` is called at every document and may raise."""
    from domainstudio.corpus.documents import ShardWriter  # pyarrow: not in the process that only hands out

    task.folder.mkdir()
    reading, writer = Reading(), ShardWriter(task.folder)
    for file in task.files:
        for item in read_file(file, task.settings):
            tick()
            match item:
                case Rejection():
                    reading.reject(item)
                case Document(text=text) if not text.strip():
                    reading.reject(Rejection(item.origin, item.position, "empty"))
                case _:
                    digest = writer.add(item)
                    reading.prefixes.append(int.from_bytes(digest[:8], "big"))
                    reading.lengths.append(len(item.text))
        file_done()
    writer.close()
    reading.documents, reading.characters = writer.documents, writer.characters
    return reading


def _weight(file: Path, settings: ReaderSettings) -> int:
    try:
        size_bytes = file.stat().st_size
    except OSError:
        return 0  # reading it will say what is wrong
    reader = format_of(file, settings)
    packs = is_compressed(file) or (reader is not None and reader.seeks)
    return size_bytes * _COMPRESSED_WEIGHT if packs else size_bytes
