"""A model that is given rows for new pieces of its vocabulary: the mean of the rows of their old pieces."""

from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from domainstudio.model.folder import load_model, save_model, write_plainly
from domainstudio.model.held_out import cross_entropy
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.growth import Growth, GrowWork
from domainstudio.recipe.tensor_files import tensor_files
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.extension.report import ROWS_FILE, NewRows, read_rows

MULTIPLE = 128
"""Rows of an embedding: matrix products of such sizes are fast."""
LARGEST_CHANGE = 1e-5
"""How far a logit of an old token may be from what it was, in fp32; of the largest, where that is above 1:
larger matrices are summed in another order."""
_PROBED_TOKENS = 1024
_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@torch.no_grad()
def grow(model: PreTrainedModel, rows: NewRows) -> None:
    """Give a model rows for new pieces, in place: the embedding, and the output matrix where it has its own.

    A new row is the mean of the rows of the base ids of its piece (Hewitt 2021; science.md 4.4), so a new
    piece begins as what the base made of it. Rows that only fill up to a multiple of `MULTIPLE` are the mean
    of all rows: a token that no text has then takes little of the probability. Unused rows that the base has
    already are taken for new pieces first.

    Args:
        model: fp32 on the CPU.
        rows: the first new id, and the base ids of each new piece, all below it.

    Raises:
        UserError: the model is no architecture whose vocabulary can be grown.
    """
    before = int(model.get_input_embeddings().weight.shape[0])
    wanted = rows.first + len(rows.base_ids)
    if rows.first > before or any(max(ids, default=before) >= before for ids in rows.base_ids):
        params = {"model": before, "tokenizer": rows.first}
        raise UserError(Problem("model.vocabulary", "base", params))
    size = max(before, -(-wanted // MULTIPLE) * MULTIPLE)
    matrices = _matrices(model)
    means = [_rows_for(matrix, rows) for matrix in matrices]
    fillings = [matrix.mean(dim=0) for matrix in matrices]
    if size > before:
        model.resize_token_embeddings(size, mean_resizing=False)
    grown = _matrices(model)
    if [matrix.shape[0] for matrix in grown] != [size] * len(matrices) or model.config.vocab_size != size:
        raise UserError(Problem("model.not_grown", "base", {"architecture": type(model).__name__}))
    for matrix, mean, filling in zip(grown, means, fillings, strict=True):
        matrix[before:] = filling
        matrix[rows.first : wanted] = mean


def _rows_for(matrix: torch.Tensor, rows: NewRows) -> torch.Tensor:
    """Return [new pieces, ...] means over the base ids of each."""
    found = torch.empty((len(rows.base_ids), *matrix.shape[1:]), dtype=matrix.dtype)
    for place, ids in enumerate(rows.base_ids):
        found[place] = matrix[list(ids)].mean(dim=0)
    return found


def _matrices(model: PreTrainedModel) -> list[torch.Tensor]:
    """Return the embedding, and what else has a row for each token: an output matrix of its own, its bias."""
    embedding = model.get_input_embeddings().weight
    output = model.get_output_embeddings()
    found = [embedding.data]
    if output is not None and output.weight.data_ptr() != embedding.data_ptr():
        found.append(output.weight.data)
    if output is not None and getattr(output, "bias", None) is not None:
        found.append(output.bias.data)
    return found


def is_tied(model: PreTrainedModel) -> bool:
    """Return whether the output matrix is the embedding."""
    output = model.get_output_embeddings()
    return output is not None and output.weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()


def write_grown(work: GrowWork, job: Path, target: Path, preparing: Callable[[str], None]) -> Growth:
    """Write the grown model with its tokenizer into an existing, empty folder.

    The weights keep the types they have in the base's files.

    Args:
        work: the model, the extended tokenizer, the base's, and texts to compare on.
        job: paths are relative to it.
        target: gets the model.
        preparing: told what begins; may raise to stop.

    Raises:
        UserError: a folder is refused, or old logits are not what they were.
    """
    source, extended = (job / work.model).resolve(), (job / work.tokenizer).resolve()
    rows = read_rows(extended)
    old, new = (_encoder(folder) for folder in ((job / work.base_tokenizer).resolve(), extended))
    model = load_model(source)
    model.eval()
    write_plainly(model)
    before, parameters = int(model.config.vocab_size), model.num_parameters()
    preparing("measuring")
    logits, nats_before = _probe(model, old, work.probe, rows.first)
    preparing("growing")
    grow(model, rows)
    preparing("measuring")
    same, _nats = _probe(model, old, work.probe, rows.first)
    change = max(float((one - other).abs().max()) for one, other in zip(logits, same, strict=True))
    if not change <= LARGEST_CHANGE * max(1.0, max(float(one.abs().max()) for one in logits)):
        raise UserError(Problem("model.not_grown", "base", {"architecture": type(model).__name__}))
    _none, nats_after = _probe(model, new, work.probe, 0)
    preparing("saving")
    save_model(model, _in_types_of(source, model), target)
    vocabulary.copy(extended, target)
    (target / ROWS_FILE).write_text(rows.model_dump_json())
    return Growth(
        rows_before=before,
        rows=int(model.config.vocab_size),
        new=len(rows.base_ids),
        is_tied=is_tied(model),
        added_parameters=model.num_parameters() - parameters,
        largest_change=change,
        nats_before=nats_before,
        nats_after=nats_after,
    )


def _encoder(folder: Path) -> Tokenizer:
    tokenizer = vocabulary.load(folder)
    tokenizer.encode_special_tokens = True
    return tokenizer


@torch.no_grad()
def _probe(
    model: PreTrainedModel, tokenizer: Tokenizer, texts: tuple[str, ...], kept: int
) -> tuple[list[torch.Tensor], float]:
    """Return the logits of the first `kept` tokens on each text, and nats a byte over all."""
    end = vocabulary.end_of_text(tokenizer)
    most = min(_PROBED_TOKENS, model.config.max_position_embeddings)
    logits: list[torch.Tensor] = []
    nats, size_bytes = 0.0, 0
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids[:most]
        if not ids:
            continue
        inputs = torch.tensor([[end, *ids]])
        found: torch.Tensor = model(input_ids=inputs[:, :-1], use_cache=False).logits
        nats += float(cross_entropy(found, inputs[:, 1:], reduction="sum"))
        size_bytes += len(tokenizer.decode(ids, skip_special_tokens=False).encode())
        logits.append(found[0, :, :kept].clone())
    return logits, nats / max(1, size_bytes)


def _in_types_of(source: Path, model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return each weight once, in the type of the base's files; what came from 16 bits goes back exactly."""
    tensors = tensor_files(source).tensors
    found: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, weights in model.state_dict().items():
        if weights.data_ptr() not in seen:
            seen.add(weights.data_ptr())
            found[name] = weights.to(_dtype_of(tensors[name].dtype)) if name in tensors else weights
    model.config.dtype = next(iter(found.values())).dtype
    return found


def _dtype_of(name: str) -> torch.dtype:
    return _DTYPES.get(name, torch.float32)
