"""Finding: from documents to verified pairs, in steps that leave whole files, so that a kill costs little."""

import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tokenize import TokenError
from typing import Any, Literal, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from domainstudio.corpus.duplicates.candidates import Links, link, linked, read_keys, unpack, weed
from domainstudio.corpus.duplicates.columns import read_column, write_column, write_pieces
from domainstudio.corpus.duplicates.found import Found, Summary, read_summary, remove, write_summary
from domainstudio.corpus.duplicates.plan import Part, Settings, cut, fingerprint, searched_by
from domainstudio.corpus.duplicates.signing import Signed, representatives, sign_block
from domainstudio.corpus.duplicates.verification import Sets, SetsTask, Verifier, verified_file, write_sets
from domainstudio.jobs.parallel import Tick, run_tasks
from domainstudio.paths import write_atomically

Phase = Literal["reading", "linking", "weeding", "collecting", "comparing"]
Report = Callable[[int, int, Phase], None]

MOST_PROCESSES = 2
_COMPRESSION = 3
"""Text is about so many times the size of its shard."""
SMALL_BYTES = 256 << 20
"""Less than this is worked on in this process: each other takes 0.6 CPU seconds and 70 MB to start."""

_WORK, _MADE_OF = "work", "made_of"
_Task = TypeVar("_Task")
_OF_DAMAGE = (
    ValueError, LookupError, TypeError, OverflowError, MemoryError, EOFError, SyntaxError, TokenError,
    BadZipFile, FileNotFoundError, IsADirectoryError, NotADirectoryError,
)  # fmt: skip
"""What reading a part may raise that is not what it was, or not there."""


def find(
    folder: Path, parts: Sequence[Part], settings: Settings, report: Report, processes: int | None = None
) -> Summary:
    """Find all pairs of documents that are near-duplicates, and which documents have the same tokens.

    Held-out documents are compared with the others, not with each other. What is whole of an earlier search
    of the same documents with the same settings is not done again; what is there of another, or is found
    damaged on the way, goes.

    Args:
        folder: holds the result (`Found` reads it), and meanwhile what that is made of; it exists.
        parts: the documents, each once, at least one.
        settings: bands, rows and the least similarity.
        report: told how much of which phase is done: documents read, bands linked, blocks weeded, documents
            collected, pairs compared; may raise to stop.
        processes: as in `run_tasks`, but None for what suits the machine and the amount of text.
    """
    made_of = fingerprint(parts, settings)
    search = _Search(folder, parts, settings, report, processes)
    is_begun = any(folder.iterdir())
    try:
        summary = _finished(folder, made_of) or search.run(made_of)
        Found(folder)
    except _OF_DAMAGE:
        if not is_begun:
            raise
        _empty(folder)
        summary = search.run(made_of)
    shutil.rmtree(folder / _WORK, ignore_errors=True)
    return summary


def _finished(folder: Path, made_of: str) -> Summary | None:
    """Return the summary of a search of the same that came to its end.

    Raises:
        ValueError: its columns are not what it made.
    """
    summary = read_summary(folder)
    return Found(folder).summary if summary and summary.made_of == made_of else None


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


class _Search:
    """One search: its phases, and what all of them need."""

    def __init__(
        self, folder: Path, parts: Sequence[Part], settings: Settings, report: Report, processes: int | None
    ) -> None:
        self._folder = folder
        self._work = folder / _WORK
        self._parts = parts
        self._settings = settings
        self._report = report
        self._blocks = cut(parts)
        self._signed = [Signed(self._work, block.number) for block in self._blocks]
        self._starts = np.array([block.start for block in self._blocks], np.int64)
        self._documents = sum(len(part.rows) for part in parts)
        self._processes = processes

    def run(self, made_of: str) -> Summary:
        """Do what is left to do and return the summary."""
        self._begin(made_of)
        self._sign()
        group = representatives(self._signed, self._documents)
        self._link(group)
        self._weed(group)
        self._collect()
        self._compare()
        return self._finish(made_of, group)

    def _begin(self, made_of: str) -> None:
        """Keep what is there of a search of the same, otherwise begin anew."""
        note = self._work / _MADE_OF
        remove(self._folder)
        if not note.exists() or note.read_text() != made_of:
            if self._work.exists():
                shutil.rmtree(self._work)
            self._work.mkdir()
            write_atomically(note, made_of.encode())

    def _sign(self) -> None:
        left = [
            block for block, signed in zip(self._blocks, self._signed, strict=True) if not signed.is_whole
        ]
        done = self._documents - sum(len(block.rows) for block in left)
        work = partial(sign_block, self._work, self._settings.banding)
        size_bytes = sum(shard.stat().st_size for shard in {block.shard for block in left})
        self._run(work, left, "reading", done, self._documents, size_bytes * _COMPRESSION)

    def _link(self, group: NDArray[np.int32]) -> None:
        """Link the documents of each band; of those with the same tokens the first stands for all."""
        links = self._links()
        has_shingles = read_keys(self._signed, 0) != 0
        positions = np.flatnonzero(has_shingles & (group == np.arange(len(group))))
        for band, one in enumerate(links):
            if not one.is_whole:
                one.write(link(read_keys(self._signed, band)[positions], positions))
            self._report(band + 1, len(links), "linking")

    def _links(self) -> list[Links]:
        return [Links(self._work, band) for band in range(self._settings.bands)]

    def _weed(self, group: NDArray[np.int32]) -> None:
        """Write the candidates of each block; two that stand for held-out documents only are none."""
        is_held_out = np.ones(len(group), bool)
        is_held_out[group[~self._column("held_out")]] = False
        links = self._links()
        for block, file in zip(self._blocks, self._candidate_files(), strict=True):
            if not file.exists():
                found = [
                    weed(block.number, self._starts, pairs, self._signed, self._settings.floor)
                    for pairs in linked(links, block.start, block.end, is_held_out)
                ]
                write_column(file, np.concatenate(found))
            self._report(block.number + 1, len(self._blocks), "weeding")

    def _candidate_files(self) -> list[Path]:
        return [self._work / f"candidates-{block.number:05d}.npy" for block in self._blocks]

    def _collect(self) -> None:
        """Write the sets of all documents of candidates, block by block."""
        is_candidate = np.zeros(self._documents, bool)
        for file in self._candidate_files():
            for positions in unpack(np.load(file)):
                is_candidate[positions] = True
        left, done, size_bytes = list[SetsTask](), 0, 0
        for block in self._blocks:
            places = np.flatnonzero(is_candidate[block.start : block.end])
            if Sets(self._work, block.number).is_whole:
                done += len(places)
            elif len(places):
                left.append(SetsTask(block, places))
                size_bytes += int(np.load(self._signed[block.number].sizes)[1, places].sum())
        documents = int(is_candidate.sum())
        self._run(partial(write_sets, self._work), left, "collecting", done, documents, size_bytes)

    def _compare(self) -> None:
        left, done, pairs = list[Path](), 0, 0
        for block, file in zip(self._blocks, self._candidate_files(), strict=True):
            count = len(read_column(file))
            pairs += count
            if verified_file(self._work, block.number).exists():
                done += count
            elif count:
                left.append(file)
        verifier = Verifier(self._work, self._starts, self._settings.floor)
        size_bytes = sum(Sets(self._work, block.number).size_bytes for block in self._blocks)
        self._run(verifier.verify, left, "comparing", done, pairs, size_bytes)

    def _run(
        self,
        work: Callable[[_Task, Tick], None],
        left: Sequence[_Task],
        phase: Phase,
        done: int,
        total: int,
        size_bytes: int,
    ) -> None:
        self._report(done, total, phase)
        processes = self._processes
        if processes is None:
            processes = 0 if size_bytes < SMALL_BYTES else min(MOST_PROCESSES, os.cpu_count() or 1)
        run_tasks(work, left, lambda more: self._report(done + more, total, phase), processes)

    def _column(self, name: Literal["ids", "sources", "held_out"]) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in self._parts])

    def _finish(self, made_of: str, group: NDArray[np.int32]) -> Summary:
        """Write the columns, then the summary."""
        held_out = self._column("held_out")
        characters, size_bytes = np.concatenate([np.load(block.sizes) for block in self._signed], axis=1)
        pairs = self._write_pairs()
        columns = {
            "ids": self._column("ids"),
            "sources": self._column("sources"),
            "held_out": held_out,
            "characters": characters,
            "bytes": size_bytes,
            "group": group,
        }
        for name, values in columns.items():
            write_column(self._folder / f"{name}.npy", values)
        summary = Summary(
            made_of=made_of,
            searched_by=searched_by(),
            settings=self._settings,
            documents=len(group),
            held_out_documents=int(held_out.sum()),
            bytes=int(size_bytes.sum()),
            normalised_duplicates=int((group != np.arange(len(group))).sum()),
            candidates=sum(len(read_column(file)) for file in self._candidate_files()),
            pairs=pairs,
        )
        write_summary(self._folder, summary)
        return summary

    def _write_pairs(self) -> int:
        """Write the columns of pairs, block after block, and return how many pairs there are."""
        files = [verified_file(self._work, block.number) for block in self._blocks]
        files = [file for file in files if file.exists()]
        shape = (sum(len(read_column(file)) for file in files),)
        first = (unpack(np.load(file)["pair"])[0] for file in files)
        write_pieces(self._folder / "first.npy", first, np.int32, shape)
        second = (unpack(np.load(file)["pair"])[1] for file in files)
        write_pieces(self._folder / "second.npy", second, np.int32, shape)
        similarity = (np.load(file)["similarity"] for file in files)
        write_pieces(self._folder / "similarity.npy", similarity, np.float32, shape)
        return shape[0]
