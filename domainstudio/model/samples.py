"""Base and checkpoint go on with the same prompts, one model loaded after the other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from domainstudio.jobs.folder import JobFolder
from domainstudio.model.create import create_model
from domainstudio.model.folder import load_model, write_plainly
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.generation import SAMPLES_FILE, Continuation, Continuations, SampleWork
from domainstudio.recipe.run import folder_of
from domainstudio.recipe.shapes import SHAPES
from domainstudio.tokenizer import vocabulary


def continue_prompts(work: SampleWork, job: Path, result: Path, report: Callable[[int], None]) -> None:
    """Write `samples.json` into `result`.

    Args:
        work: what to write; its folders are relative to `job`.
        job: the job folder.
        result: where the continuations go.
        report: called with the number of continuations written; may raise to stop.

    Raises:
        UserError: a model or the tokenizer cannot be loaded, or a prompt is too long for the model.
    """
    folder = JobFolder(job).reach(work.tokenizer)
    tokenizer = vocabulary.load(folder)
    end = vocabulary.end_of_text(tokenizer)
    texts: list[list[str]] = []
    for make in (_base, _checkpoint):
        model = make(work, job, end).eval()
        write_plainly(model)
        texts.append([])
        for number, prompt in enumerate(work.prompts):
            with vocabulary.panics(folder):
                texts[-1].append(_continuation(model, tokenizer, end, prompt, work, number))
            report(len(texts[-1]) + len(work.prompts) * (len(texts) - 1))
        del model
    made = [
        Continuation(prompt=prompt, base=base, text=text)
        for prompt, base, text in zip(work.prompts, *texts, strict=True)
    ]
    (result / SAMPLES_FILE).write_text(Continuations(samples=tuple(made)).model_dump_json(indent=1))


def _base(work: SampleWork, job: Path, end: int) -> PreTrainedModel:
    if work.base.preset is not None:
        return create_model(SHAPES[work.base.preset], work.vocabulary, end, work.base_seed)
    return load_model(folder_of(work.base, job))


def _checkpoint(work: SampleWork, job: Path, _end: int) -> PreTrainedModel:
    return load_model(JobFolder(job).reach(work.checkpoint))


@torch.no_grad()
def _continuation(
    model: PreTrainedModel, tokenizer: Tokenizer, end: int, prompt: str, work: SampleWork, number: int
) -> str:
    """Return what the model writes after end-of-text and the prompt: the beginning of a document."""
    device = torch.device("cuda" if torch.cuda.is_available() and not work.on_cpu else "cpu")
    ids = [end, *tokenizer.encode(prompt, add_special_tokens=False).ids]
    positions = int(model.config.max_position_embeddings)
    if len(ids) + work.tokens > positions:
        params = {"tokens": len(ids), "asked": work.tokens, "positions": positions}
        raise UserError(Problem("samples.too_long", "prompt", params))
    begin = torch.tensor([ids], device=device)
    how: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    if work.temperature:
        torch.manual_seed(work.seed + number)
        how = {"do_sample": True, "temperature": work.temperature, "top_p": 1.0, "top_k": 0}
    row = (
        model.to(device)
        .generate(
            begin,
            attention_mask=torch.ones_like(begin),
            max_new_tokens=work.tokens,
            eos_token_id=end,
            pad_token_id=end,
            **how,
        )[0, len(ids) :]
        .tolist()
    )
    return str(tokenizer.decode(row[: row.index(end)] if end in row else row))
