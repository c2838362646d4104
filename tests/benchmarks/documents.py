"""The document browser over ten million documents: `python tests/benchmarks/documents.py [--documents N]`.

Builds a project database directly, with a few real shards of text, and prints the time of a page of 200 rows
at random positions of every filter, of totals, of a document's text, and of two position tables made by a
job; then the memory of a process that has the browser open.
"""

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from domainstudio.corpus.documents import ShardWriter
from domainstudio.corpus.facts import ImportSummary
from domainstudio.corpus.heldout import HeldOutRule
from domainstudio.corpus.readers import Document
from domainstudio.jobs.follow import follow
from domainstudio.project import corpus, documents, jobs
from domainstudio.project.database import transaction
from domainstudio.project.documents import KEPT, DocumentFilter
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.corpus import search
from domainstudio.workflow.corpus.sources import read_document

PAGE, SHARD_ROWS, LOOKS = 200, 50_000, 300
SOURCES = {"guidelines": 0.5, "articles": 0.3, "web": 0.2}
_INSERT = (
    "INSERT INTO documents"
    " (job_id, shard, row, content_hash, characters, bytes, held_out, mark, title, source_id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def build(folder: Path, number: int) -> Project:
    """Make a project of `number` documents: 1 % held out, 4 % marked, in no order."""
    project = create(folder, ModelOrigin(preset="tiny"))
    chance = random.Random(0)
    connection = project.connection
    for place, (source, share) in enumerate(SOURCES.items(), 1):
        job, count = f"import-{place}", round(number * share)
        jobs.register(connection, job, "import")
        rule = HeldOutRule(unit="document", below="0" * 32)
        summary = ImportSummary(
            files=1, documents=count, characters=count * 2000, rejected={"bad_json": 7}, listed_rejections=[],
            stored_documents=count, rule=rule,
        )  # fmt: skip
        jobs.commit(
            connection, job, partial(corpus.accept_import, connection, job, source, "domain", summary)
        )
        with transaction(connection):
            connection.executemany(_INSERT, (_row(chance, job, place, row) for row in range(count)))
        write_shards(project.path / "documents" / job)
    last = connection.execute("SELECT max(id) FROM documents").fetchone()[0]
    begun = time.perf_counter()
    with transaction(connection):
        documents.recount(connection, range(last // documents.BLOCK + 1))
    print(f"totals of all blocks counted anew: {time.perf_counter() - begun:.1f} s")
    return project


def _row(chance: random.Random, job: str, source_id: int, row: int) -> tuple[object, ...]:
    dice = chance.random()
    mark = "duplicate" if dice < 0.03 else "held_out_copy" if dice < 0.04 else None
    characters = chance.randrange(200, 60_000)
    digest = chance.getrandbits(128).to_bytes(16, "big")
    shard = f"part-{row // SHARD_ROWS:05d}.parquet"
    held_out = mark is None and dice > 0.99
    title = f"Document {row} of the source about one thing and another"
    return job, shard, row % SHARD_ROWS, digest, characters, characters, held_out, mark, title, source_id


def write_shards(folder: Path) -> None:
    """Write one full shard of text; the others are not read here."""
    folder.mkdir(parents=True)
    writer = ShardWriter(folder)
    for row in range(SHARD_ROWS):
        text = f"Text number {row}. " + "It says the same again and again. " * 60
        writer.add(Document(text, "a.jsonl", row, ""))
    writer.close()


def timed(action: Callable[..., object], *arguments: object) -> float:
    begun = time.perf_counter()
    action(*arguments)
    return 1000 * (time.perf_counter() - begun)


def report(what: str, times: list[float]) -> None:
    times.sort()
    middle, high = statistics.median(times), times[int(len(times) * 0.95)]
    print(f"{what:44} median {middle:7.2f} ms   95 % {high:7.2f} ms   most {times[-1]:7.2f} ms")


def pages(project: Project) -> None:
    """Print the time of pages at random positions of every filter."""
    chance = random.Random(1)
    for name, wanted in {
        "all sources, kept": DocumentFilter(None, KEPT),
        "one source, kept": DocumentFilter(2, KEPT),
        "all sources, held out": DocumentFilter(None, ("held_out",)),
        "all sources, marked": DocumentFilter(None, ("duplicate", "held_out_copy")),
        "all sources, everything": DocumentFilter(None, ()),
    }.items():
        opening = timed(documents.listing, project.connection, wanted)
        listed = documents.listing(project.connection, wanted)
        places = [chance.randrange(max(1, listed.total - PAGE)) for _ in range(LOOKS)]
        found = [timed(listed.page, project.connection, at, PAGE) for at in places]
        report(f"page: {name} ({listed.total:,}, opened in {opening:.0f} ms)", found)


def texts(project: Project) -> None:
    """Print the time of a document's text."""
    rows = documents.listing(project.connection, DocumentFilter()).page(project.connection, 0, 2000)
    read_document(project, rows[0].id)
    chance = random.Random(2)
    looks = [chance.choice(rows).id for _ in range(LOOKS)]
    report("text of a document", [timed(read_document, project, document) for document in looks])


def position_tables(project: Project) -> None:
    """Print how long sorting takes as a job, and pages of what it made."""
    chance = random.Random(3)
    for key in ("characters", "title"):
        begun = time.perf_counter()
        folder = search.start_search(project, DocumentFilter(), sort=key)  # type: ignore[arg-type]
        for _event in follow(folder):
            continue
        found = search.found(folder)
        print(f"sorted by {key}: {found.total:,} documents in {time.perf_counter() - begun:.0f} s")
        places = [chance.randrange(found.total - PAGE) for _ in range(LOOKS)]
        report("page by position", [timed(found.page, project, at, PAGE) for at in places])


def memory(folder: Path) -> None:
    """Look at many pages and a text as the window does; print what the process holds."""
    with Project(folder, read_only=True) as project:
        listed = documents.listing(project.connection, DocumentFilter())
        for at in range(0, listed.total, max(1, listed.total // 200)):
            rows = listed.page(project.connection, at, PAGE)
        read_document(project, listed.page(project.connection, 0, 1)[0].id)
        corpus.counts(project.connection)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"a process that browsed {len(rows)} rows 200 times and read a text: {peak:.0f} MiB at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000_000)
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        memory(options.memory_of)
        return
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        with build(Path(folder) / "large", options.documents) as project:
            size = (project.path / "project.sqlite").stat().st_size / 1e9
            seconds = time.perf_counter() - begun
            print(f"{options.documents:,} documents, {size:.2f} GB, built in {seconds:.0f} s")
            report("totals of all sources", [timed(corpus.counts, project.connection) for _ in range(20)])
            pages(project)
            texts(project)
            position_tables(project)
            subprocess.run([sys.executable, __file__, "--memory-of", str(project.path)], check=True)


if __name__ == "__main__":
    main()
