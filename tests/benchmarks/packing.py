"""Packing against `datasets.map`: `.venv/bin/python tests/benchmarks/packing.py`.

Both encode the same documents with the same tokenizer in one process and one thread: ours from document
shards to token files with offsets and checksums, `datasets.map(batched=True)` with transformers' fast
tokenizer from its Arrow file to its Arrow file. Turns alternate; the CPU seconds of the process count, ours
with opening the tokenizer, theirs without. First the ids of every document are compared. DOMAINSTUDIO_CORPORA
names the folder of the corpora (default ../shared/data); without it there is nothing to do.
DOMAINSTUDIO_TOKENIZER may name the folder of a tokenizer, to save the minute of training one.
"""

import gzip
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

import numpy as np
from datasets import Dataset, disable_progress_bars
from transformers import PreTrainedTokenizerFast

from domainstudio.corpus.documents import ShardWriter, shards_of
from domainstudio.corpus.readers import Document
from domainstudio.tokenizer import packing
from domainstudio.tokenizer.encode import Encoder, EncoderChoice, choose
from domainstudio.tokenizer.packed import PackedTokens
from domainstudio.tokenizer.training.train import train_byte_level_bpe

ROOT = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA") or ROOT.parent / "shared" / "data")
NAMES = (
    "medical_medquad",
    "medical_anatomy",
    "medical_qa_sft",
    "finance_textbook",
    "general_en",
    "general_zh",
    "law_zh",
)
VOCABULARY = 32_000
TRAINING_CHARACTERS = 50_000_000
TURNS = 3


def texts_of(name: str) -> list[str]:
    """Return the documents of a corpus; a question and its answer are one."""
    with gzip.open(CORPORA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [row["text"] if "text" in row else f"{row['question']}\n{row['answer']}" for row in rows]


def train(corpora: dict[str, list[str]], folder: Path) -> None:
    """Train a vocabulary as `domainstudio tokenizer train` does: on text evenly thinned."""
    texts = [text for corpus in corpora.values() for text in corpus]
    share = min(1.0, TRAINING_CHARACTERS / sum(map(len, texts)))
    kept = [text for n, text in enumerate(texts, 1) if int(n * share) > int((n - 1) * share)]
    train_byte_level_bpe(iter(kept), VOCABULARY, folder)


def store(texts: list[str], folder: Path) -> list[Path]:
    """Write document shards, as an import does."""
    folder.mkdir()
    writer = ShardWriter(folder)
    for text in texts:
        writer.add(Document(text, "", 0, ""))
    writer.close()
    return shards_of(folder)


def different(texts: list[str], tokenizer: Path, folder: Path) -> int:
    """Return how many documents of a token file have other ids than `tokenizers` gives."""
    tokens = PackedTokens(folder)
    encoder = Encoder(tokenizer)
    stream, _ = tokens.whole_documents(tokens.meta.tokens)
    place = wrong = 0
    for first in range(0, len(texts), 256):
        for ids in encoder.encode(texts[first : first + 256]):
            wrong += not np.array_equal(stream[place : place + len(ids) + 1], [*ids, tokens.meta.end_of_text])
            place += len(ids) + 1
    return wrong + (place != len(stream))


def seconds(action: Callable[[], object]) -> float:
    """Return the CPU seconds of this process for an action."""
    before = time.process_time()
    action()
    return time.process_time() - before


class Corpus:
    """One corpus as both ways find it: document shards, and an Arrow file."""

    def __init__(self, texts: list[str], folder: Path) -> None:
        """Store the documents."""
        folder.mkdir()
        self.texts = texts
        self.megabytes = sum(len(text.encode()) for text in texts) / 1e6
        self.shards = store(texts, folder / "shards")
        Dataset.from_dict({"text": texts}).save_to_disk(folder / "arrow")
        self.dataset = Dataset.load_from_disk(folder / "arrow")


def pack(corpora: list[Corpus], tokenizer: Path, choice: EncoderChoice, folder: Path) -> None:
    """Pack in one process, as one job does, into one token file for each corpus."""
    files = {}
    for number, corpus in enumerate(corpora):
        target = folder / str(number)
        target.mkdir(parents=True)
        rows = np.arange(len(corpus.texts))
        files[target] = packing.plan_source(target, [(shard, rows) for shard in corpus.shards])
    packing.pack(files, tokenizer, choice, lambda done: None, 1)


def map_with_datasets(corpora: list[Corpus], tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Encode with `datasets.map`."""

    def encode(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        found = tokenizer(batch["text"], add_special_tokens=False, return_attention_mask=False)
        return {"input_ids": found["input_ids"]}

    folder.mkdir()
    for number, corpus in enumerate(corpora):
        cache = str(folder / f"{number}.arrow")
        corpus.dataset.map(
            encode, batched=True, remove_columns=["text"], cache_file_name=cache, load_from_cache_file=False
        )


def main() -> None:
    """Print the check of the ids, the medians and their ratio."""
    if not CORPORA.is_dir():
        print(f"skipped: there is no folder {CORPORA}; set DOMAINSTUDIO_CORPORA")
        return
    disable_progress_bars()
    texts = {name: texts_of(name) for name in NAMES}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tokenizer = Path(os.environ.get("DOMAINSTUDIO_TOKENIZER") or folder / "tokenizer")
        if not tokenizer.is_dir():
            tokenizer.mkdir()
            train(texts, tokenizer)
        corpora = {name: Corpus(corpus, folder / name) for name, corpus in texts.items()}
        choice = check(corpora, tokenizer, folder / "checked")
        race(corpora, tokenizer, choice, folder)


def check(corpora: dict[str, Corpus], tokenizer: Path, folder: Path) -> EncoderChoice:
    """Choose the library as a job does, then compare the ids of every document; a difference ends the run."""
    each = 1000 // len(corpora)
    sample = (text for corpus in corpora.values() for text in corpus.texts[:: len(corpus.texts) // each + 1])
    began = time.process_time()
    choice = choose(tokenizer, sample)
    used = time.process_time() - began
    print(f"{choice.library}: {choice.reason}: {choice.documents_compared} documents, {used:.1f} CPU s\n")
    pack(list(corpora.values()), tokenizer, choice, folder)
    for number, (name, corpus) in enumerate(corpora.items()):
        wrong = different(corpus.texts, tokenizer, folder / str(number))
        words = f"{len(corpus.texts):6} documents, {corpus.megabytes:5.1f} MB: {wrong} with other ids"
        print(f"{name:17} {words}", flush=True)
        if wrong:
            sys.exit(1)
    return choice


def race(corpora: dict[str, Corpus], tokenizer: Path, choice: EncoderChoice, folder: Path) -> None:
    """Time both ways in turn: each corpus alone, then all as one job."""
    fast = PreTrainedTokenizerFast(
        tokenizer_file=str(tokenizer / "tokenizer.json"), split_special_tokens=True
    )
    groups = {name: [corpus] for name, corpus in corpora.items()} | {"all, one job": list(corpora.values())}
    print(
        f"\nMB per CPU second     MB   packing  datasets.map   ratio (least, most)   medians of {TURNS} turns"
    )
    for name, group in groups.items():
        turns = []
        for turn in range(TURNS):
            target = folder / f"{name} {turn}"
            ours = seconds(lambda: pack(group, tokenizer, choice, target / "ours"))  # noqa: B023
            theirs = seconds(lambda: map_with_datasets(group, fast, target / "theirs"))  # noqa: B023
            shutil.rmtree(target)
            turns.append((ours, theirs))
        megabytes = sum(corpus.megabytes for corpus in group)
        ours, theirs = (megabytes / median(values) for values in zip(*turns, strict=True))
        ratios = sorted(slow / quick for quick, slow in turns)
        print(f"{name:17} {megabytes:6.1f} {ours:9.2f} {theirs:13.2f} {ours / theirs:7.2f} "
              f"({ratios[0]:.2f}, {ratios[-1]:.2f})", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
