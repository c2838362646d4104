"""Near-duplicates against other programs: `.venv/bin/python tests/benchmarks/duplicates.py [--peers PYTHON]`.

Real sections with planted copies (`duplicate_corpus.py`); what is true is found by plain code that compares
exact sets. In turn, each in a process of its own with one thread, our search and those of other programs
(`duplicate_peers.py`, run by the Python of a virtual environment that has them) remove what is 0.8 alike; the
CPU seconds of each process and its children count, from start to end. Recall is the share of true pairs of
which one is removed, precision the share of the removed that are like one that is kept. Last the search alone
on much made text, with the memory of all its processes (proportional: shared pages are counted once).
DOMAINSTUDIO_CORPORA names the folder of the corpora (default ../shared/data); without it nothing is done.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "HF_DATASETS_OFFLINE": "1"}

import numpy as np
import psutil
import pyarrow.parquet as pq
from duplicate_corpus import Section, made, sections, tokens, true_pairs, with_copies

from domainstudio.corpus.documents import ShardWriter, shards_of
from domainstudio.corpus.duplicates.finding import find
from domainstudio.corpus.duplicates.found import Found
from domainstudio.corpus.duplicates.plan import Part, Settings
from domainstudio.corpus.duplicates.policies import Policy, rank
from domainstudio.corpus.duplicates.star import Documents, Pairs, apply
from domainstudio.corpus.readers import Document

ROOT = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA") or ROOT.parent / "shared" / "data")
PEERS = ("rensa", "datasketch", "text-dedup", "datatrove")
RATIOS = {"rensa": 5, "datasketch": 9, "text-dedup": 15, "datatrove": 40}
THRESHOLD = 0.8
LEAST_RECALL = 0.995
MEMORY_MB, DOCUMENT_BYTES = 250, 100


def store(texts: Iterable[str], folder: Path) -> None:
    """Write document shards, as an import does."""
    folder.mkdir()
    writer = ShardWriter(folder)
    for text in texts:
        writer.add(Document(text, "", 0, ""))
    writer.close()


def parts_of(folder: Path) -> list[Part]:
    """Return all documents in the shards of a folder as one source."""
    parts, first = [], 0
    for shard in shards_of(folder):
        rows = np.arange(pq.read_metadata(shard).num_rows)
        nothing = np.zeros(len(rows), np.int32)
        parts.append(Part(shard, rows, first + rows, nothing, nothing.astype(bool)))
        first += len(rows)
    return parts


def search(shards: Path, result: Path, processes: int) -> None:
    """Search."""
    result.mkdir()
    find(result, parts_of(shards), Settings(), lambda done, total, phase: None, processes)


def remove(result: Path) -> None:
    """Print what is removed with its witness, as JSON."""
    found = Found(result)
    ranks = rank(Policy("first"), found.ids, found.sources, found.characters)
    documents = Documents(found.group, ranks, found.held_out, found.sources)
    pairs = Pairs(found.first, found.second, found.similarity)
    removals = apply(pairs, documents, THRESHOLD, np.empty((0, 2), np.int64))
    print(json.dumps([removals.documents.tolist(), removals.witnesses.tolist()]))


def measured(words: list[str]) -> tuple[str, float, float, float]:
    """Run a command; return its output, CPU seconds, seconds and the most memory of its processes in MB."""
    before, began, most = os.times(), time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(words, stdout=output, stderr=errors)
        while child.poll() is None:
            most = max(most, memory(psutil.Process(child.pid)))
            time.sleep(0.1)
        seconds, after = time.monotonic() - began, os.times()
        output.seek(0)
        errors.seek(0)
        if child.returncode:
            raise RuntimeError(f"{words} ended with {child.returncode}: {errors.read()[-2000:]}")
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return output.read(), used, seconds, most / 1e6


def memory(root: psutil.Process) -> int:
    """Return the proportional set size of a process and all below it, in bytes."""
    total = 0
    try:
        for process in [root, *root.children(recursive=True)]:
            total += process.memory_full_info().pss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return total
    return total


class Truth:
    """Which documents of a corpus are alike, by plain code."""

    def __init__(self, corpus: list[Section]) -> None:
        """Compare all with all."""
        texts = [section.text for section in corpus]
        self.pairs = true_pairs(texts, THRESHOLD)
        self.languages = [section.language for section in corpus]
        same: dict[tuple[str, ...], list[int]] = {}
        for number, text in enumerate(texts):
            if stream := tuple(tokens(text)):
                same.setdefault(stream, []).append(number)
        for group in same.values():
            self.pairs |= {(one, two): 1.0 for at, one in enumerate(group) for two in group[at + 1 :]}
        self.partners: dict[int, set[int]] = {}
        for one, two in self.pairs:
            self.partners.setdefault(one, set()).add(two)
            self.partners.setdefault(two, set()).add(one)

    def recall(self, removed: set[int], language: str) -> float:
        """Return the share of true pairs of which one is removed."""
        own = [pair for pair in self.pairs if self.languages[pair[0]] == language]
        return sum(not removed.isdisjoint(pair) for pair in own) / len(own)

    def precision(self, removed: set[int]) -> float:
        """Return the share of removed documents that are like one that is kept."""
        return sum(not self.partners.get(one, set()) <= removed for one in removed) / max(1, len(removed))


def race(corpus: list[Section], truth: Truth, peers: str | None, turns: int, folder: Path) -> bool:
    """Let all remove in turn; print what each found and used; return whether ours is good enough."""
    megabytes = sum(len(section.text.encode()) for section in corpus) / 1e6
    store((section.text for section in corpus), folder / "shards")
    lines = folder / "documents.jsonl"
    rows = ({"id": str(number), "text": section.text} for number, section in enumerate(corpus))
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    names = ["ours", *(PEERS if peers else ())]
    used: dict[str, list[float]] = {name: [] for name in names}
    removed: dict[str, set[int]] = {}
    most: dict[str, float] = {}
    witnesses: list[tuple[int, int]] = []
    for turn in range(turns):
        for name in names:
            place = folder / f"{name}-{turn}"
            if name == "ours":
                words = [sys.executable, __file__, "--search", str(folder / "shards"), str(place), "0"]
                words.append("--remove")
            else:
                place.mkdir()
                peer = str(Path(__file__).with_name("duplicate_peers.py"))
                words = [str(peers), peer, name, str(lines), str(place)]
            output, seconds, _, most[name] = measured(words)
            used[name].append(seconds)
            found = json.loads(output.splitlines()[-1])
            if name == "ours":
                witnesses = list(zip(*found, strict=True))
                found = found[0]
            removed[name] = set(found)
    print(f"{len(corpus):,} documents, {megabytes:.1f} MB, {len(truth.pairs):,} true pairs at {THRESHOLD}; "
          f"medians of {turns} turns\n")  # fmt: skip
    print("            CPU s  MB/CPU-s  ratio (aim)  peak MB  recall en     zh  precision  removed")
    ours = median(used["ours"])
    for name in names:
        seconds = median(used[name])
        aim = f"({RATIOS[name]})" if name in RATIOS else ""
        recalls = [truth.recall(removed[name], language) for language in ("en", "zh")]
        speed = f"{seconds:6.2f} {megabytes / seconds:9.2f} {seconds / ours:6.1f} {aim:>5}"
        quality = f"{recalls[0]:10.4f} {recalls[1]:.4f} {truth.precision(removed[name]):10.4f}"
        print(f"{name:10} {speed} {most[name]:8.0f} {quality} {len(removed[name]):8}", flush=True)
    justified = sum(
        witness in truth.partners.get(one, set()) and witness not in removed["ours"]
        for one, witness in witnesses
    )
    print(f"\nours: {justified} of {len(witnesses)} removals are true of the very witness they name")
    recalls = [truth.recall(removed["ours"], language) for language in ("en", "zh")]
    return min(recalls) >= LEAST_RECALL and justified == len(witnesses)


def grow(kept: list[Section], sizes: list[float], folder: Path) -> bool:
    """Search made text of some sizes (GB); print speed and memory; return whether the memory is in bounds."""
    print("\nmade text    documents  processes  CPU s  MB/CPU-s  seconds   MB/s  peak MB  bound")
    is_within = True
    for size in sizes:
        shards = folder / f"made-{size}"
        store(made(kept, int(size * 1e9), random.Random(0)), shards)
        documents = sum(len(part.rows) for part in parts_of(shards))
        for processes in ("0", "2"):
            place = folder / f"found-{size}-{processes}"
            words = [sys.executable, __file__, "--search", str(shards), str(place), processes]
            _, used, seconds, most = measured(words)
            bound = MEMORY_MB + documents * DOCUMENT_BYTES / 1e6
            is_within &= most <= bound
            speed = f"{used:6.1f} {size * 1e3 / used:9.1f} {seconds:8.1f} {size * 1e3 / seconds:6.1f}"
            print(
                f"{size:6.1f} GB {documents:14,} {processes:>10} {speed} {most:8.0f} {bound:6.0f}", flush=True
            )
    return is_within


def main() -> None:
    """Print all figures; exit with 1 if ours are not what they must be."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--peers", help="Python of an environment with rensa, datasketch, text-dedup, datatrove"
    )
    parser.add_argument("--sections", type=int, help="so many of all sections; by default all")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--made", type=float, nargs="*", default=[0.5, 2.0], help="sizes of made text in GB")
    parser.add_argument("--search", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--remove", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.search:
        shards, result, processes = options.search
        search(Path(shards), Path(result), int(processes))
        if options.remove:
            remove(Path(result))
        return
    if not CORPORA.is_dir():
        print(f"skipped: there is no folder {CORPORA}; set DOMAINSTUDIO_CORPORA")
        return
    chooser = random.Random(0)
    kept = sections(CORPORA)
    corpus = with_copies(chooser.sample(kept, min(options.sections or len(kept), len(kept))), chooser)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        is_good = race(corpus, Truth(corpus), options.peers, options.turns, folder)
        is_within = grow(kept, options.made, folder)
    sys.exit(not (is_good and is_within))


if __name__ == "__main__":
    main()
