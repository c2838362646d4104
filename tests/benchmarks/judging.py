"""A million verified pairs to judge: `python tests/benchmarks/judging.py [--pairs N] [--documents N]`.

Builds a project database and the result of a search directly, with a few real shards of text, and prints how
long what the pane asks takes: a recount at another threshold, clusters, queues, a page of a queue, the next
pair with its texts and their difference, and a reviewer's decision; then the memory of the process. The
clusters are pairs and a few large ones.
"""

import argparse
import random
import resource
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from documents import SHARD_ROWS, build, report, timed

from domainstudio.corpus.audit.difference import difference
from domainstudio.corpus.duplicates.found import Summary, write_summary
from domainstudio.corpus.duplicates.plan import Settings, searched_by
from domainstudio.project import duplicates as index
from domainstudio.project import jobs
from domainstudio.project.project import Project
from domainstudio.workflow.duplicates import audit, finding, judging
from domainstudio.workflow.duplicates.marking import Marking, Search

LOOKS, PAGE = 40, 200


def lay_down(project: Project, pairs: int) -> None:
    """Write the result of a search: pairs of neighbours, and some documents that hundreds are like."""
    columns = [part.columns for part in index.compared_parts(project.connection)]
    rows, ids, sources, held_out = (np.concatenate(one) for one in zip(*columns, strict=True))
    chance = np.random.default_rng(1)
    first = chance.integers(0, len(ids) - 2, pairs * 3 // 2)
    second = first + 1
    large = chance.integers(0, len(first), len(first) // 50)
    second[large] = len(ids) - 1 - chance.integers(0, 40, len(large))
    packed = np.unique(first << 32 | second)
    packed = packed[(packed >> 32) < (packed & 0xFFFFFFFF)]
    packed = np.sort(chance.permutation(packed)[:pairs])
    folder = project.path / index.FOLDER / "duplicates-1"
    folder.mkdir(parents=True)
    compared = list(index.compared_parts(project.connection))
    arrays = {
        "first": (packed >> 32).astype(np.int32),
        "second": (packed & 0xFFFFFFFF).astype(np.int32),
        "similarity": (0.7 + 0.3 * chance.random(len(packed))).astype(np.float32),
        "ids": ids.astype(np.int64),
        "sources": sources.astype(np.int32),
        "held_out": held_out.astype(bool),
        "characters": np.full(len(ids), 2_000, np.int64),
        "bytes": np.full(len(ids), 2_000, np.int64),
        "group": np.arange(len(ids), dtype=np.int32),
        "hashes": np.concatenate([part.hashes for part in compared]),
        "languages": np.concatenate([part.languages for part in compared]),
    }
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    summary = Summary(
        made_of="made", searched_by=searched_by(), settings=Settings(), documents=len(ids),
        held_out_documents=int(held_out.sum()), bytes=2_000 * len(ids), normalised_duplicates=0,
        candidates=len(packed), pairs=len(packed),
    )  # fmt: skip
    write_summary(folder, summary)
    jobs.register(project.connection, "duplicates-1", "duplicates")
    accept = partial(index.accept_finding, project.connection, "duplicates-1", summary.model_dump_json())
    jobs.commit(project.connection, "duplicates-1", accept)


def recounts(search: Search) -> None:
    """Print the time of counts at other thresholds, then of another policy."""
    first = timed(search.preview, Marking())
    print(f"the first count, which opens the columns: {first:.0f} ms")
    thresholds = random.Random(2).sample(range(700, 1000), LOOKS)
    report("a recount", [timed(search.preview, Marking(threshold=one / 1000)) for one in thresholds])
    print(f"another policy: {timed(search.preview, Marking(keep='newest')):.0f} ms")


def judge(project: Project) -> None:
    """Print the time of all that a reviewer waits for."""
    opened = audit.open_audit(project, Marking(threshold=0.7))
    print(f"clusters at 0.7: {timed(lambda: opened.clusters):.0f} ms, {len(opened.clusters.kept):,} of them")
    for name in ("random", "uncertain", "near_miss", "list"):
        print(f"queue {name}: {timed(opened.queue, name):.0f} ms")  # type: ignore[arg-type]
    queue = opened.queue("uncertain")
    print(f"pairs in it: {len(queue):,}")
    chance = random.Random(3)
    ids = opened.search.found.ids
    starts = [chance.randrange(len(queue)) for _ in range(LOOKS)]
    report("a page of it", [timed(judging.rows, project, opened, queue, start, PAGE) for start in starts])
    here = ids[queue.removed] % 1_000_000_007 <= SHARD_ROWS
    here &= ids[queue.kept] <= SHARD_ROWS
    places = np.flatnonzero(here)[:LOOKS].tolist()
    report(
        "the next pair, with texts and difference",
        [timed(_show, project, opened, queue, place) for place in places],
    )
    report(
        "a decision",
        [timed(judging.decide, project, opened, queue, place, "reject", "one") for place in places],
    )
    print(f"opened again with these decisions: {timed(_again, project):.0f} ms")


def _show(project: Project, opened: audit.Audit, queue: audit.AuditQueue, place: int) -> None:
    pair = judging.pair(project, opened, queue, place)
    difference(pair.removed.text, pair.kept.text)


def _again(project: Project) -> None:
    opened = audit.open_audit(project, Marking())
    opened.place_of_next(opened.queue("random"))
    finding.preview(project, Marking())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_500_000)
    parser.add_argument("--documents", type=int, default=4_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = build(Path(folder) / "large", options.documents)
        begun = time.perf_counter()
        lay_down(project, options.pairs)
        print(f"laid down in {time.perf_counter() - begun:.0f} s")
        with project:
            search = finding.search_of(project)
            print(f"{search.found.summary.documents:,} documents, {search.found.summary.pairs:,} pairs")
            recounts(search)
            judge(project)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"most memory of this process, the building of it included: {most:.0f} MB")


if __name__ == "__main__":
    main()
