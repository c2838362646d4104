"""Import: files of one source become document shards, all accounted for, with a held-out rule."""

import shutil
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np

from domainstudio.corpus.facts import ImportSummary, RejectionRecord
from domainstudio.corpus.finding import files_of
from domainstudio.corpus.hashing import content_hash
from domainstudio.corpus.heldout import (
    FEW_DOCUMENTS,
    HeldOutRule,
    choose_threshold,
    cut_passages,
    passage_length,
    split_document,
)
from domainstudio.corpus.readers import Document, ReaderSettings
from domainstudio.corpus.reading import Reading, ReadingTask, plan, read_task, without_lost_file
from domainstudio.jobs.parallel import Guard, run_tasks
from domainstudio.problems import Problem, UserError

IN_PROCESS_BYTES = 8 << 20
"""Starting processes costs more than reading this much of what cannot harm the process that reads it."""
PATIENCE_SECONDS = 180.0
"""A file that gives neither a document nor a rejection for so long is rejected, and the import goes on."""
MEMORY_BYTES = 1 << 30
"""Data of one reading process: a file that takes more is rejected."""
_TICK_SECONDS = 0.2


class Importer:
    """One import in progress; `report(done files, all files)` is called several times a second, may raise."""

    def __init__(
        self,
        folder: Path,
        settings: ReaderSettings,
        report: Callable[[int, int], None],
        processes: int | None = None,
    ) -> None:
        """Write shards into the existing, empty `folder`; `processes` as in `run_tasks`."""
        self._folder = folder
        self._settings = settings
        self._report = report
        self._processes = processes
        self._files = 0
        self._last_report = time.monotonic()

    def run(self, paths: list[Path], frozen: HeldOutRule | None) -> ImportSummary:
        """Read everything; `frozen` is the rule of the source's first import, None if this is the first.

        Raises:
            UserError: nothing readable was found, or not one document was.
        """
        files = files_of(paths, self._settings)
        raw = self._folder / "raw"
        raw.mkdir()
        self._files = len(files)
        self._tell(0)
        tasks = plan(files, self._settings, raw)
        reading = self._read(tasks)
        self._tell(len(files))
        if not reading.documents:
            raise _nothing_readable(files, reading)
        shards = sorted(raw.glob("*/part-*.parquet"))
        rule = frozen or self._choose_rule(shards, reading)
        stored = self._store(shards, rule, reading.documents)
        shutil.rmtree(raw)
        return ImportSummary(
            files=len(files),
            documents=reading.documents,
            characters=reading.characters,
            rejected=reading.rejected,
            listed_rejections=reading.listed,
            stored_documents=stored,
            rule=rule,
        )

    def _read(self, tasks: list[ReadingTask]) -> Reading:
        whole = Reading()
        is_harmless = not any(task.is_isolated for task in tasks)
        is_small = sum(task.size_bytes for task in tasks) < IN_PROCESS_BYTES
        processes = 0 if is_small and is_harmless else self._processes
        guard = Guard(without_lost_file, PATIENCE_SECONDS, MEMORY_BYTES)
        for reading in run_tasks(read_task, tasks, self._tell, processes, guard):
            whole.add(reading)
        return whole

    def _tell(self, files_done: int) -> None:
        self._last_report = time.monotonic()
        self._report(files_done, self._files)

    def _tick(self) -> None:
        """Report while what was read is stored: a person who asks to stop waits no longer than a moment."""
        if time.monotonic() - self._last_report >= _TICK_SECONDS:
            self._tell(self._files)

    def _choose_rule(self, shards: list[Path], reading: Reading) -> HeldOutRule:
        from domainstudio.corpus.documents import read_documents

        if reading.documents >= FEW_DOCUMENTS:
            below = _threshold(reading.prefixes, reading.lengths)
            if int(below, 16):
                return HeldOutRule(unit="document", below=below)
        length = passage_length(reading.characters)
        prefixes, lengths = array("Q"), array("q")
        for document in read_documents(shards):
            self._tick()
            for passage in cut_passages(document.text, length):
                prefixes.append(int.from_bytes(content_hash(passage)[:8], "big"))
                lengths.append(len(passage))
        return HeldOutRule(unit="passage", below=_threshold(prefixes, lengths), passage_characters=length)

    def _store(self, shards: list[Path], rule: HeldOutRule, documents: int) -> int:
        """Give the shards their lasting place, cut into passages where the rule says so."""
        from domainstudio.corpus.documents import ShardWriter, read_documents, shard_name

        if rule.unit == "document":
            for number, shard in enumerate(shards):
                shard.rename(self._folder / shard_name(number))
            return documents
        writer = ShardWriter(self._folder)
        for document in read_documents(shards):
            self._tick()
            for text, held_out in split_document(document.text, rule):
                if text.strip():
                    writer.add(Document(text, document.origin, document.position, document.title), held_out)
        writer.close()
        for shard in shards:
            shard.unlink()
        return writer.documents


def _threshold(prefixes: "array[int]", lengths: "array[int]") -> str:
    return choose_threshold(np.frombuffer(prefixes, np.uint64), np.frombuffer(lengths, np.int64))


def _nothing_readable(files: list[Path], reading: Reading) -> UserError:
    nothing = RejectionRecord(origin=str(files[0]), position=0, reason="empty", detail="")
    first = next(iter(reading.listed), nothing)
    params = {"files": len(files), "place": f"{first.origin}:{first.position}", "trouble": first.reason}
    return UserError(Problem("corpus.no_documents", "path", params))
