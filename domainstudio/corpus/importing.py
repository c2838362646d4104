"""Import: files of one source become document shards, all accounted for, with a held-out rule."""

from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np

from domainstudio.corpus.documents import ShardWriter, read_documents, shards_of
from domainstudio.corpus.facts import ImportSummary, RejectionRecord
from domainstudio.corpus.hashing import content_hash
from domainstudio.corpus.heldout import (
    FEW_DOCUMENTS,
    HeldOutRule,
    choose_threshold,
    cut_passages,
    passage_length,
    split_document,
)
from domainstudio.corpus.readers import Document, ReaderSettings, Rejection, files_of, read_file
from domainstudio.problems import Problem, UserError

LISTED_REJECTIONS = 1000


class Importer:
    """One import in progress; `report(done files, all files)` is called at each safe point and may raise."""

    def __init__(self, folder: Path, settings: ReaderSettings, report: Callable[[int, int], None]) -> None:
        """Write shards into the existing, empty `folder`."""
        self._folder = folder
        self._settings = settings
        self._report = report
        self._prefixes = array("Q")
        self._lengths = array("q")
        self._rejected: dict[str, int] = {}
        self._listed: list[RejectionRecord] = []

    def run(self, paths: list[Path], frozen: HeldOutRule | None) -> ImportSummary:
        """Read everything; `frozen` is the rule of the source's first import, None if this is the first.

        Raises:
            UserError: nothing readable was found, or not one document was.
        """
        files = files_of(paths, self._settings)
        raw = self._folder / "raw"
        raw.mkdir()
        writer = ShardWriter(raw)
        self._read(files, writer)
        if not writer.documents:
            raise self._nothing_readable(files)
        rule = frozen or self._choose_rule(raw, writer)
        stored = self._store(raw, rule, writer.documents)
        return ImportSummary(
            files=len(files),
            documents=writer.documents,
            characters=writer.characters,
            rejected=self._rejected,
            listed_rejections=self._listed,
            stored_documents=stored,
            rule=rule,
        )

    def _read(self, files: list[Path], writer: ShardWriter) -> None:
        for number, file in enumerate(files):
            self._report(number, len(files))
            for item in read_file(file, self._settings):
                match item:
                    case Rejection():
                        self._reject(item)
                    case Document(text=text) if not text.strip():
                        self._reject(Rejection(item.origin, item.position, "empty"))
                    case _:
                        digest = writer.add(item)
                        self._prefixes.append(int.from_bytes(digest[:8], "big"))
                        self._lengths.append(len(item.text))
        writer.close()
        self._report(len(files), len(files))

    def _reject(self, rejection: Rejection) -> None:
        self._rejected[rejection.reason] = self._rejected.get(rejection.reason, 0) + 1
        if len(self._listed) < LISTED_REJECTIONS:
            self._listed.append(
                RejectionRecord(
                    origin=rejection.origin,
                    position=rejection.position,
                    reason=rejection.reason,
                    detail=rejection.detail[:200],
                )
            )

    def _nothing_readable(self, files: list[Path]) -> UserError:
        nothing = RejectionRecord(origin=str(files[0]), position=0, reason="empty", detail="")
        first = next(iter(self._listed), nothing)
        params = {"files": len(files), "place": f"{first.origin}:{first.position}", "trouble": first.reason}
        return UserError(Problem("corpus.no_documents", "path", params))

    def _choose_rule(self, raw: Path, writer: ShardWriter) -> HeldOutRule:
        if writer.documents >= FEW_DOCUMENTS:
            below = choose_threshold(
                np.frombuffer(self._prefixes, np.uint64), np.frombuffer(self._lengths, np.int64)
            )
            if int(below, 16):
                return HeldOutRule(unit="document", below=below)
        length = passage_length(writer.characters)
        prefixes, lengths = array("Q"), array("q")
        for document in read_documents(shards_of(raw)):
            for passage in cut_passages(document.text, length):
                prefixes.append(int.from_bytes(content_hash(passage)[:8], "big"))
                lengths.append(len(passage))
        below = choose_threshold(np.frombuffer(prefixes, np.uint64), np.frombuffer(lengths, np.int64))
        return HeldOutRule(unit="passage", below=below, passage_characters=length)

    def _store(self, raw: Path, rule: HeldOutRule, documents: int) -> int:
        """Give the shards their lasting place, cut into passages where the rule says so."""
        if rule.unit == "document":
            for shard in shards_of(raw):
                shard.rename(self._folder / shard.name)
            raw.rmdir()
            return documents
        writer = ShardWriter(self._folder)
        for document in read_documents(shards_of(raw)):
            for text, held_out in split_document(document.text, rule):
                if text.strip():
                    writer.add(Document(text, document.origin, document.position, document.title), held_out)
        writer.close()
        for shard in shards_of(raw):
            shard.unlink()
        raw.rmdir()
        return writer.documents
