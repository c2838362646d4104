"""Reading some files of an import into shards of their own, and what the import must know of them."""

import shutil
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from domainstudio.corpus.facts import RejectionRecord
from domainstudio.corpus.readers import (
    Document,
    ReaderSettings,
    Rejection,
    format_of,
    is_isolated,
    origin_of,
    read_file,
)
from domainstudio.corpus.readers.compressed import is_compressed
from domainstudio.corpus.readers.items import Reason
from domainstudio.jobs.parallel import Cause, Loss, Tick, WorkerFailed
from domainstudio.language import one_line

LISTED_REJECTIONS = 1000
TASK_BYTES = 32 << 20
_COMPRESSED_WEIGHT = 6
_REASONS: dict[Cause, Reason] = {"death": "crashed", "memory": "too_large", "slowness": "too_slow"}


@dataclass(frozen=True)
class ReadingTask:
    """Files that one process reads, one after the other, into the folder of this task."""

    folder: Path
    files: tuple[Path, ...]
    settings: ReaderSettings
    size_bytes: int
    """About how much text there is to read."""
    is_isolated: bool
    """Whether a file is among them that may crash or fill the process that reads it."""
    first: int = 0
    """The place of these files in the task that was planned."""
    lost: Rejection | None = None
    """The file before these, which ended the process that read it."""


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
                    detail=one_line(rejection.detail[:200]),  # it may quote the file
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
    groups: list[tuple[list[Path], int]] = [([], 0)]
    for file in files:
        weight = text_bytes(file, settings)
        group, size = groups[-1]
        if group and size + weight > TASK_BYTES:
            groups.append(([file], weight))
        else:
            group.append(file)
            groups[-1] = (group, size + weight)
    return [
        ReadingTask(
            folder / f"task-{number:06d}",
            tuple(group),
            settings,
            size,
            any(is_isolated(file, settings) for file in group),
        )
        for number, (group, size) in enumerate(groups)
    ]


def read_task(task: ReadingTask, tick: Tick) -> Reading:
    """Read the files of a task into its folder, begun anew.

    `tick` is called with 1 after each file, with 0 at every document, and may raise.
    """
    from domainstudio.corpus.documents import ShardWriter  # pyarrow: not in the process that only hands out

    if task.folder.exists():
        shutil.rmtree(task.folder)
    task.folder.mkdir()
    reading, writer = Reading(), ShardWriter(task.folder)
    if task.lost is not None:
        reading.reject(task.lost)
        tick()
    for file in task.files:
        for item in read_file(file, task.settings):
            tick(0)
            match item:
                case Rejection():
                    reading.reject(item)
                case Document(text=text) if not text.strip():
                    reading.reject(Rejection(item.origin, item.position, "empty"))
                case _:
                    digest = writer.add(item)
                    reading.prefixes.append(int.from_bytes(digest[:8], "big"))
                    reading.lengths.append(len(item.text))
        tick()
    writer.close()
    reading.documents, reading.characters = writer.documents, writer.characters
    return reading


def without_lost_file(task: ReadingTask, loss: Loss) -> list[ReadingTask]:
    """Return the two tasks in place of one that a process was lost over: the files before and after that one.

    The file itself is a rejection of the second. None of them is read a third time.

    Raises:
        WorkerFailed: it was none of the files.
    """
    at = max(0, loss.parts - (task.lost is not None))
    if at >= len(task.files):
        raise WorkerFailed(f"a worker was lost after its last file ({loss.detail})")
    first = task.first + at + 1
    lost = Rejection(origin_of(task.files[at]), 0, _REASONS[loss.cause], loss.detail)
    return [
        replace(task, files=task.files[:at]),
        replace(
            task,
            folder=task.folder.with_name(f"{task.folder.name.partition('.')[0]}.{first:06d}"),
            files=task.files[at + 1 :],
            first=first,
            lost=lost,
        ),
    ]


def text_bytes(file: Path, settings: ReaderSettings) -> int:
    """Return about how much text there is to read in a file; it is not opened."""
    try:
        size_bytes = file.stat().st_size
    except OSError:
        return 0  # reading it will say what is wrong
    reader = format_of(file, settings)
    packs = is_compressed(file) or (reader is not None and reader.seeks)
    return size_bytes * _COMPRESSED_WEIGHT if packs else size_bytes
