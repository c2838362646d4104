"""Our Unigram against sentencepiece's own: `.venv/bin/python tests/benchmarks/vocabulary.py [MB …]`.

Both get the same pre-tokens, spelled in letters of bytes, and make vocabularies of 32,000 entries: ours from
counted types with weighted seeds and one EM; sentencepiece's own from every pre-token on a line of its own as
often as it stands in the text, and, third, from the same counts as ours with seeds of its own. Each runs in a
process of its own with one thread; reading the text, cutting and counting are counted on our side, writing
its input is not on theirs. Every twentieth document is held out, is trained on by nobody, and measures bytes
per token. DOMAINSTUDIO_CORPORA names the folder of the corpora (default ../shared/data). They hold about 95
MB to train on, English and Chinese: more is the same text again, which makes no new types; that is said.
"""

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, zip_longest
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import sentencepiece
from tokenizers import Tokenizer, models

from domainstudio.tokenizer.training.alphabet import LETTERS, spell
from domainstudio.tokenizer.training.counting import count_types
from domainstudio.tokenizer.training.splitting import compiled, expression
from domainstudio.tokenizer.training.unigram import LONGEST_PIECE, train_unigram
from domainstudio.tokenizer.vocabulary import END_OF_TEXT

ROOT = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA") or ROOT.parent / "shared" / "data")
NAMES = (
    "law_zh", "medical_medquad", "general_en", "general_zh", "medical_qa_sft", "medical_anatomy",
    "finance_textbook",
)  # fmt: skip
SIZES_MB = (10, 50, 300)
MOST_LINES_MB = 50
"""Sentencepiece by lines is left out beyond: of 300 MB it makes nothing in half an hour."""
ENTRIES = 32_000
HELD_OUT_EVERY = 20
PATTERN = expression("words", parts_digits=True)
OURS, LINES, COUNTS = "ours", "sentencepiece, a line for each pre-token", "sentencepiece, on counts"


def documents() -> Iterator[str]:
    """Yield the documents of all corpora in turn, one of each, for as long as it has more."""
    for rows in zip_longest(*(_rows(name) for name in NAMES)):
        yield from (row for row in rows if row is not None)


def _rows(name: str) -> Iterator[str]:
    with gzip.open(CORPORA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield row["text"] if "text" in row else f"{row['question']}\n{row['answer']}"


def write_text(file: Path, held_out: Path, size_bytes: int) -> float:
    """Write so much text, a JSON string a line, and what is held out; return how often it is repeated."""
    kept, held = [], []
    for number, text in enumerate(documents()):
        (held if number % HELD_OUT_EVERY == 0 else kept).append(text)
    whole = sum(len(text.encode()) for text in kept)
    written = 0
    with file.open("w", encoding="utf-8") as target:
        for text in cycle(kept):
            if written >= size_bytes:
                break
            target.write(json.dumps(text, ensure_ascii=False) + "\n")
            written += len(text.encode())
    with held_out.open("w", encoding="utf-8") as target:
        target.writelines(json.dumps(text, ensure_ascii=False) + "\n" for text in held)
    return max(1.0, written / whole)


def texts_in(file: Path) -> Iterator[str]:
    """Yield the texts of a file."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def write_lines(text: Path, target: Path) -> None:
    """Write every pre-token on a line."""
    split = compiled(PATTERN)
    with target.open("w", encoding="utf-8") as file:
        for document in texts_in(text):
            file.writelines(spell(part.encode("utf-8", "replace")) + "\n" for part in split.findall(document))


def write_counts(text: Path, target: Path) -> None:
    """Write every type with its count, and every byte once."""
    counts = count_types(texts_in(text), PATTERN).counts
    with target.open("w", encoding="utf-8") as file:
        file.writelines(f"{name}\t{count}\n" for name, count in counts.items())
        file.writelines(f"{letter}\t1\n" for letter in LETTERS)


def train(side: str, source: Path) -> list[tuple[str, float]]:
    """Return the pieces of one side, in this process."""
    if side == OURS:
        return train_unigram(count_types(texts_in(source), PATTERN).counts, ENTRIES, "words")
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        input=str(source), input_format="tsv" if side == COUNTS else "text", model_writer=written,
        model_type="unigram", vocab_size=ENTRIES, hard_vocab_limit=False, character_coverage=1.0,
        max_sentencepiece_length=LONGEST_PIECE["words"], num_threads=1, normalization_rule_name="identity",
        add_dummy_prefix=False, remove_extra_whitespaces=False, split_by_unicode_script=False,
        split_by_number=False, split_by_whitespace=False, split_digits=False, unk_id=0, unk_piece=END_OF_TEXT,
        bos_id=-1, eos_id=-1, pad_id=-1, train_extremely_large_corpus=True, minloglevel=1,
    )  # fmt: skip
    made = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    return [(made.id_to_piece(n), made.get_score(n)) for n in range(1, made.get_piece_size())]


def bytes_per_token(pieces: list[tuple[str, float]], held_out: Path) -> float:
    """Return how many bytes of held-out text a token holds."""
    counted = count_types(texts_in(held_out), PATTERN)
    known = {name for name, _ in pieces}
    least = min(score for _, score in pieces) - 10
    missing = [(letter, least) for letter in LETTERS if letter not in known]
    tokenizer = Tokenizer(models.Unigram([(END_OF_TEXT, least), *pieces, *missing], None, False))
    names = list(counted.counts)
    found = tokenizer.encode_batch(names, add_special_tokens=False)
    return counted.size_bytes / sum(
        counted.counts[name] * len(one.ids) for name, one in zip(names, found, strict=True)
    )


def measure(side: str, source: Path, held_out: Path) -> dict[str, float]:
    """Train one side in a process of its own; return its bytes per token, CPU seconds and peak memory."""
    command = [sys.executable, __file__, "--side", side, str(source), str(held_out)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{side}: ended with {done.returncode}: {done.stderr[-300:]}", flush=True)
        return {}
    return json.loads(done.stdout.splitlines()[-1])


def run_side(side: str, source: Path, held_out: Path) -> None:
    """Train one side and print what it took."""
    begin = resource.getrusage(resource.RUSAGE_SELF)
    pieces = train(side, source)
    end = resource.getrusage(resource.RUSAGE_SELF)
    cpu = end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime
    found = {"bytes_per_token": bytes_per_token(pieces, held_out), "cpu": cpu, "peak_mb": end.ru_maxrss / 1e3}
    print(json.dumps(found | {"entries": len(pieces) + 1}))


def main() -> None:
    """Measure every size given, or 10, 50 and 300 MB."""
    if sys.argv[1:2] == ["--side"]:
        run_side(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        return
    if not (CORPORA / "law_zh.jsonl.gz").is_file():
        print(f"skipped: there is no text in {CORPORA}; set DOMAINSTUDIO_CORPORA")
        return
    for megabytes in [int(word) for word in sys.argv[1:]] or SIZES_MB:
        with tempfile.TemporaryDirectory() as folder:
            _measure_size(megabytes, Path(folder))


def _measure_size(megabytes: int, folder: Path) -> None:
    text, held_out, lines, counts = (folder / name for name in ("text", "held_out", "lines", "counts"))
    repeated = write_text(text, held_out, megabytes * 10**6)
    write_counts(text, counts)
    sides = {OURS: text, COUNTS: counts}
    if megabytes <= MOST_LINES_MB:
        write_lines(text, lines)
        sides[LINES] = lines
    note = f", the same text {repeated:.1f} times" if repeated > 1 else ""
    print(f"\n{megabytes} MB{note}; held out {held_out.stat().st_size / 1e6:.1f} MB", flush=True)
    print(f"{'':42}{'bytes/token':>12}{'CPU-s':>9}{'CPU-s/MB':>10}{'peak MB':>9}", flush=True)
    found: dict[str, dict[str, float]] = {}
    for side, source in sides.items():
        began = time.monotonic()
        one = found[side] = measure(side, source, held_out)
        if one:
            numbers = f"{one['bytes_per_token']:12.4f}{one['cpu']:9.1f}{one['cpu'] / megabytes:10.2f}"
            print(f"{side:42}{numbers}{one['peak_mb']:9.0f}   ({time.monotonic() - began:.0f} s)", flush=True)
    for side in (LINES, COUNTS):
        if found.get(side) and found[OURS]:
            ratio = found[OURS]["bytes_per_token"] / found[side]["bytes_per_token"]
            cheaper = found[side]["cpu"] / found[OURS]["cpu"]
            print(
                f"against {side}: {100 * (ratio - 1):+.2f} % text a token, 1/{cheaper:.1f} of the CPU",
                flush=True,
            )


if __name__ == "__main__":
    main()
