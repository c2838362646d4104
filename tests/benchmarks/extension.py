"""Extended vocabularies: `.venv/bin/python tests/benchmarks/extension.py`.

First what continued merging saves on held-out text against the same pieces as added tokens. Then a small base
is trained on general English, and new rows that begin as the mean of their old pieces are set against random
ones, in bits a byte of held-out medical text, before and after training on it. The corpora lie in
DOMAINSTUDIO_CORPORA (default ../shared/data).
"""

import copy
import gzip
import itertools
import json
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import torch
from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedModel

from domainstudio.model.create import create_model
from domainstudio.model.grow import grow
from domainstudio.model.held_out import cross_entropy
from domainstudio.recipe.shapes import SHAPES
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.extension.check import check
from domainstudio.tokenizer.extension.extend import Extension, extend, load_extended
from domainstudio.tokenizer.extension.report import NewRows
from domainstudio.tokenizer.training.train import train_byte_level_bpe

ROOT = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA", ROOT.parent / "shared" / "data"))
SIZE, PIECES, CHARACTERS, HELD_OUT_SHARE = 8000, 1000, 3_000_000, 10
LENGTH, ROWS, BASE_STEPS, FIELD_STEPS, RATE = 128, 16, 500, 120, 2e-3
MEASURED_AT = (0, 30, 60, 120)


def texts(name: str) -> tuple[list[str], list[str]]:
    """Return the beginning of a corpus: to count and train on, and every tenth document held out."""
    found, characters = [], 0
    with gzip.open(CORPORA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            found.append(json.loads(line)["text"][:20_000])
            characters += len(found[-1])
            if characters > CHARACTERS:
                break
    held_out = found[::HELD_OUT_SHARE]
    return [text for place, text in enumerate(found) if place % HELD_OUT_SHARE], held_out


def count(tokenizer: Tokenizer, held_out: list[str]) -> int:
    """Return the tokens of some texts."""
    return sum(len(one.ids) for one in tokenizer.encode_batch(held_out, add_special_tokens=False))


def with_added(folder: Path, extension: Extension, grown: Tokenizer, *, is_word: bool) -> Tokenizer:
    """Return the base with the same pieces, as far as they are whole characters, as added tokens."""
    tokenizer = vocabulary.load(folder)
    strings = [grown.decode([extension.first_id + place]) for place in range(len(extension.pieces))]
    whole = {string.strip() if is_word else string for string in strings if "\ufffd" not in string}
    tokenizer.add_tokens(
        [
            AddedToken(one, single_word=is_word, lstrip=is_word, normalized=False)
            for one in sorted(whole - {""})
        ]
    )
    return tokenizer


def compare(folder: Path, general: list[str]) -> None:
    """Print tokens of held-out text by every way of adding pieces."""
    base = vocabulary.load(folder)
    print(
        f"\n{'held-out tokens':<18}{'base':>10}"
        f"{'merged on':>18}{'added, raw':>18}{'added, words':>18}  come back"
    )
    for name in ("medical_medquad", "finance_textbook", "law_zh"):
        counted, held_out = texts(name)
        extension = extend(folder, lambda counted=counted: counted, PIECES)
        check(extension, folder, held_out)
        grown = load_extended(extension, folder)
        ways = [grown, *(with_added(folder, extension, grown, is_word=is_word) for is_word in (False, True))]
        for label, sample in ((name, held_out), ("  general text", general)):
            before = count(base, sample)
            cells = [
                f"{after:>9,} {100 * (after / before - 1):>+6.2f} %"
                for after in (count(way, sample) for way in ways)
            ]
            exact = [
                f"{sum(way.decode(way.encode(text).ids) == text for text in sample)}/{len(sample)}"
                for way in ways
            ]
            print(f"{label:<18}{before:>10,}{''.join(f'{cell:>18}' for cell in cells)}  {' '.join(exact)}")


def blocks(tokenizer: Tokenizer, found: list[str], end: int) -> torch.Tensor:
    """Return texts as rows of LENGTH tokens."""
    ids = list(itertools.chain.from_iterable([*one.ids, end] for one in tokenizer.encode_batch(found)))
    return torch.tensor(ids[: len(ids) // LENGTH * LENGTH]).view(-1, LENGTH)


def batches(rows: torch.Tensor, seed: int) -> Iterator[torch.Tensor]:
    """Yield batches without end, drawn anew each time all were seen."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from rows[torch.randperm(len(rows), generator=generator)].split(ROWS)


def train(model: PreTrainedModel, rows: torch.Tensor, steps: int, rate: float) -> Iterator[int]:
    """Train, yielding the number of steps done, 0 first."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
    yield 0
    for step, batch in enumerate(itertools.islice(batches(rows, 1), steps), 1):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, step / 20)
        cross_entropy(model(input_ids=batch[:, :-1]).logits, batch[:, 1:]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        yield step


@torch.no_grad()
def bits_a_byte(model: PreTrainedModel, tokenizer: Tokenizer, held_out: list[str], end: int) -> float:
    """Return the loss of the held-out text in bits a byte."""
    nats, size_bytes = 0.0, 0
    for text in held_out:
        ids = tokenizer.encode(text[:600]).ids
        inputs = torch.tensor([[end, *ids]])
        nats += float(cross_entropy(model(input_ids=inputs[:, :-1]).logits, inputs[:, 1:], reduction="sum"))
        size_bytes += len(text[:600].encode())
    return nats / size_bytes / math.log(2)


def randomly(model: PreTrainedModel, rows: NewRows) -> None:
    """Give a grown model random new rows, as spread as the old ones."""
    generator = torch.Generator().manual_seed(0)
    matrices = {model.get_input_embeddings().weight, model.get_output_embeddings().weight}
    for matrix in matrices:
        deviation = float(matrix.data[: rows.first].std())
        matrix.data[rows.first :].normal_(0.0, deviation, generator=generator)


def main() -> None:
    """Print both comparisons."""
    if not (CORPORA / "general_en.jsonl.gz").is_file():
        raise SystemExit(f"The corpora are not in {CORPORA}: set DOMAINSTUDIO_CORPORA.")
    general, general_held_out = texts("general_en")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train_byte_level_bpe(iter(general), SIZE, folder)
        compare(folder, general_held_out)
        field, held_out = texts("medical_medquad")
        extension = extend(folder, lambda: field, PIECES)
        old, new = vocabulary.load(folder), load_extended(extension, folder)
    end, held_out = vocabulary.end_of_text(old), held_out[:80]
    base = create_model(SHAPES["tiny"], SIZE, end, seed=0)
    for _step in train(base, blocks(old, general, end), BASE_STEPS, RATE):
        pass
    rows = NewRows(first=extension.first_id, base_ids=tuple(piece.base_ids for piece in extension.pieces))
    mean, random = copy.deepcopy(base), copy.deepcopy(base)
    grow(mean, rows)
    grow(random, rows)
    randomly(random, rows)
    print(f"\nbits a byte of held-out medical text, by steps of {ROWS * LENGTH:,} tokens on it")
    print(f"{'':<24}" + "".join(f"{step:>10}" for step in MEASURED_AT))
    for label, model, tokenizer in (
        ("old vocabulary", base, old),
        ("new rows: mean", mean, new),
        ("new rows: random", random, new),
    ):
        measured = [
            bits_a_byte(model, tokenizer, held_out, end)
            for step in train(model, blocks(tokenizer, field, end), FIELD_STEPS, RATE / 4)
            if step in MEASURED_AT
        ]
        print(f"{label:<24}" + "".join(f"{bits:>10.3f}" for bits in measured), flush=True)


if __name__ == "__main__":
    main()
