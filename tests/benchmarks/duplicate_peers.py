"""What other programs remove: `PEERS/bin/python duplicate_peers.py NAME DOCUMENTS.jsonl FOLDER`.

Prints the numbers of the removed documents as JSON. NAME is rensa, datasketch, text-dedup or datatrove, each
as its documentation shows it for a threshold of 0.8 on 5-grams. rensa and datasketch leave the tokens to the
user: they are given those of the benchmark. The others have tokenizers of their own.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


def documents(file: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each document."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield int(row["id"]), row["text"]


def grams(text: str) -> list[str]:
    """Return the 5-grams of tokens as strings."""
    from duplicate_corpus import tokens

    found = tokens(text)
    return [" ".join(found[at : at + 5]) for at in range(len(found) - 4)]


def rensa(file: Path, _folder: Path) -> list[int]:
    """Return what RMinHashDeduplicator does not keep."""
    from rensa import RMinHashDeduplicator

    deduplicator = RMinHashDeduplicator(threshold=0.8, num_perm=128, use_lsh=True)
    numbered = [(number, members) for number, text in documents(file) if (members := grams(text))]
    kept = deduplicator.add_pairs((str(number), members) for number, members in numbered)
    return [number for (number, _), is_kept in zip(numbered, kept, strict=True) if not is_kept]


def datasketch(file: Path, _folder: Path) -> list[int]:
    """Return what MinHashLSH finds like one that was kept."""
    from datasketch import MinHash, MinHashLSH

    index, removed = MinHashLSH(threshold=0.8, num_perm=128), []
    for number, text in documents(file):
        if members := grams(text):
            signature = MinHash(num_perm=128)
            signature.update_batch([member.encode() for member in members])
            if index.query(signature):
                removed.append(number)
            else:
                index.insert(number, signature)
    return removed


def text_dedup(file: Path, folder: Path) -> list[int]:
    """Return what its command leaves out."""
    from datasets import load_from_disk

    words = ["--path", "json", "--data_files", str(file), "--split", "train", "--column", "text"]
    words += ["--cache_dir", str(folder / "cache"), "--output", str(folder / "kept"), "--num_proc", "1"]
    words += ["--ngram", "5", "--threshold", "0.8", "--num_perm", "128", "--batch_size", "1000"]
    subprocess.run([sys.executable, "-m", "text_dedup.minhash", *words], check=True, stdout=sys.stderr)
    kept = {int(number) for number in load_from_disk(str(folder / "kept"))["id"]}
    return [number for number, _ in documents(file) if number not in kept]


def datatrove(file: Path, folder: Path) -> list[int]:
    """Return what its four stages remove, 14 bands of 8 rows as for FineWeb, with its English tokenizer."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    at = {name: str(folder / name) for name in ("signatures", "buckets", "clusters", "kept", "removed")}
    reader = JsonlReader(str(file.parent), glob_pattern=file.name)
    stages = [
        ([reader, MinhashDedupSignature(at["signatures"], config=config)], 1),
        ([MinhashDedupBuckets(at["signatures"], at["buckets"], config=config)], 14),
        ([MinhashDedupCluster(at["buckets"], at["clusters"], config=config)], 1),
        (
            [
                reader,
                MinhashDedupFilter(
                    at["clusters"], exclusion_writer=JsonlWriter(at["removed"], compression=None)
                ),
                JsonlWriter(at["kept"], compression=None),
            ],
            1,
        ),
    ]
    for number, (pipeline, tasks) in enumerate(stages):
        logs = str(folder / f"log-{number}")
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=logs).run()
    files = Path(at["removed"]).rglob("*.jsonl")
    return [int(json.loads(line)["id"]) for file in files for line in file.read_text().splitlines()]


PEERS = {"rensa": rensa, "datasketch": datasketch, "text-dedup": text_dedup, "datatrove": datatrove}

if __name__ == "__main__":
    print(json.dumps(PEERS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
