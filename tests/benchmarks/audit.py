"""Audit: how long a pair's difference and a sample take: `python tests/benchmarks/audit.py CORPORA`.

CORPORA is the folder of the supplied corpora. Texts of 60,000 characters in which a fifth of the words or
characters is edited in runs of several lengths; texts with nothing in common; statutes with amended versions;
RapidFuzz alone and difflib on the same tokens beside. CPU milliseconds, the best of three.
"""

import argparse
import difflib
import gzip
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from domainstudio.corpus.audit.difference import difference
from domainstudio.corpus.audit.sampling import (
    band_edges,
    bands,
    permanent_numbers,
    random_sample,
    stratify,
    uncertain_first,
)
from domainstudio.corpus.audit.tokens import cut

CHARACTERS, SHARE, RUNS = 60_000, 0.2, (1, 3, 6, 60)
PAIRS, STRATA = 1_000_000, (3, 12)


def milliseconds(work: Callable[[], object], times: int = 3) -> float:
    """Return the least CPU time of several."""
    found = []
    for _ in range(times):
        begin = time.process_time()
        work()
        found.append(1000 * (time.process_time() - begin))
    return min(found)


def texts(file: Path) -> Iterator[tuple[str, str]]:
    """Yield title and text of each document."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            yield row["title"], row["text"]


def edited(text: str, run: int) -> str:
    """Return the text with a fifth of its tokens replaced, in runs of so many tokens, by others of it."""
    chance = random.Random(run)
    starts = cut(text).starts.tolist()
    tokens = [text[begin:end] for begin, end in zip(starts, starts[1:], strict=False)]
    made, place = list[str](), 0
    while place < len(tokens):
        if chance.random() < SHARE / run:
            made += chance.choices(tokens, k=chance.randint(0, 2 * run))
            place += run
        else:
            made.append(tokens[place])
            place += 1
    return "".join(made)


def compare(name: str, left: str, right: str) -> None:
    """Print the time of one difference, and of two others on the same tokens."""
    keys = [cut(text).keys.tolist() for text in (left, right)]
    ours = milliseconds(lambda: difference(left, right))
    alone = milliseconds(lambda: Levenshtein.opcodes(*keys))
    classic = milliseconds(lambda: difflib.SequenceMatcher(None, *keys).get_opcodes(), 1)
    blocks = len(difference(left, right))
    print(
        f"{name:<24} {ours:8.1f} ms {blocks:7,} blocks; RapidFuzz alone {alone:6.1f}, difflib {classic:8.1f}"
    )


def statutes(file: Path) -> None:
    """Print the times of all amended versions beside the one before."""
    versions = defaultdict[str, list[str]](list)
    for title, text in texts(file):
        versions[title.split("(")[0]].append(text)
    pairs = [pair for each in versions.values() for pair in zip(each, each[1:], strict=False)]
    spent = sorted(
        (milliseconds(lambda pair=pair: difference(*pair)), len(pair[0]) + len(pair[1])) for pair in pairs
    )
    print(
        f"{len(pairs)} pairs of statutes: median {spent[len(spent) // 2][0]:.1f} ms, "
        f"most {spent[-1][0]:.1f} ms for {spent[-1][1]:,} characters in both"
    )


def sampling() -> None:
    """Print the time of a sample of a million pairs."""
    chance = np.random.default_rng(0)
    hashes = chance.integers(0, 2**64, (PAIRS, 4), dtype=np.uint64)
    similarities = chance.uniform(0.8, 1, PAIRS)
    columns = [chance.integers(0, width, PAIRS) for width in STRATA]
    numbers = permanent_numbers(7, hashes)

    def draw() -> None:
        strata = stratify([bands(similarities, band_edges(0.8, 1.0)), *columns])
        random_sample(permanent_numbers(7, hashes), strata, 600)

    print(f"a stratified sample of {PAIRS:,} pairs: {milliseconds(draw):.0f} ms")
    order = milliseconds(lambda: uncertain_first(similarities, 0.8, numbers))
    print(f"all of them, uncertain first: {order:.0f} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    corpora = parser.parse_args().corpora
    chinese = "".join(text for _, text in texts(corpora / "law_zh.jsonl.gz"))
    english = "".join(text for _, text in texts(corpora / "general_en.jsonl.gz"))
    difference("the first call", "loads RapidFuzz")
    for name, text in (("Chinese", chinese), ("English", english)):
        for run in RUNS:
            compare(f"{name}, runs of {run}", text[:CHARACTERS], edited(text[:CHARACTERS], run))
        compare(f"{name}, unlike", text[:CHARACTERS], text[-CHARACTERS:])
        million = milliseconds(lambda text=text: difference(text[:1_000_000], text[-1_000_000:]))
        print(f"{name}, two unlike texts of a million characters: {million:.0f} ms")
    statutes(corpora / "law_zh.jsonl.gz")
    sampling()


if __name__ == "__main__":
    main()
