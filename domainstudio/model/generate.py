"""Text that a model writes by itself, sampled from its whole distribution."""

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import torch
from tokenizers import Tokenizer

from domainstudio.jobs.folder import JobFolder
from domainstudio.model.folder import load_model, write_plainly
from domainstudio.recipe.generation import FILE, GenerateWork
from domainstudio.tokenizer import vocabulary


def generate(work: GenerateWork, job: Path, result: Path, report: Callable[[int], None]) -> None:
    """Write documents as JSON lines into `result`.

    Args:
        work: what to write; its folders are relative to `job`.
        job: the job folder.
        result: where `generated.jsonl` goes.
        report: called with the tokens written after each batch; may raise to stop.

    Raises:
        UserError: the model or its tokenizer cannot be loaded.
    """
    folder = JobFolder(job).reach(work.tokenizer)
    tokenizer = vocabulary.load(folder)
    done = 0
    with (result / FILE).open("wb") as target, vocabulary.panics(folder):
        for text, tokens in _documents(work, job, tokenizer):
            if text.strip():
                target.write(orjson.dumps({"text": text}) + b"\n")
            done += tokens
            report(done)
            if done >= work.tokens:
                return


@torch.no_grad()
def _documents(work: GenerateWork, job: Path, tokenizer: Tokenizer) -> Iterator[tuple[str, int]]:
    """Yield (text, tokens) without end, a batch at a time, each begun from end-of-text alone."""
    model = load_model((job / work.model).resolve()).eval()
    write_plainly(model)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    end = vocabulary.end_of_text(tokenizer)
    longest = min(work.longest, int(model.config.max_position_embeddings) - 1)
    torch.manual_seed(work.seed)
    while True:
        begin = torch.full((work.batch, 1), end, device=device)
        rows = model.generate(
            begin,
            attention_mask=torch.ones_like(begin),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            max_new_tokens=longest,
            eos_token_id=end,
            pad_token_id=end,
        )[:, 1:]
        for row in rows.tolist():
            ids = row[: row.index(end)] if end in row else row
            yield tokenizer.decode(ids), len(ids) + 1
