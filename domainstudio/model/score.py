"""The loss of a model on held-out text, without a run."""

import math
from collections.abc import Callable
from pathlib import Path

import torch

from domainstudio.model.folder import load_model
from domainstudio.model.held_out import HeldOutText, measure_alone
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.scores import Scores, ScoreWork, SourceScore

_MICRO_BATCH = 4


def score(work: ScoreWork, job: Path, report: Callable[[int, int], None]) -> Scores:
    """Return the loss on each source, as a run's probe at step 0 measures it.

    Args:
        work: what to measure; its folders are relative to `job`.
        job: the job folder.
        report: called with (windows scored, windows in all); may raise to stop.

    Raises:
        UserError: the model cannot be loaded, or a loss is no number.
    """
    model = load_model((job / work.model).resolve())
    length = min(work.length, model.config.max_position_embeddings)
    texts = [HeldOutText(source, job, work.tokens, length) for source in work.held_out]
    total, done = sum(len(text.inputs) for text in texts), 0
    if torch.cuda.is_available():
        model = model.to(dtype=torch.bfloat16, device="cuda")
    model.eval()
    found = []
    for text in texts:
        began = done

        def tell(windows: int, began: int = began) -> None:
            report(began + windows, total)

        loss = measure_alone(model, text, _MICRO_BATCH, tell)
        done += len(text.inputs)
        if not math.isfinite(loss.total_nats):
            raise UserError(Problem("model.no_number", "base", {"source": text.source.name}))
        if loss.tokens:
            found.append(
                SourceScore(
                    source=text.source.name, role=text.source.role, bits_per_byte=loss.bits_per_byte,
                    tokens=loss.tokens,
                )
            )  # fmt: skip
    return Scores(sources=tuple(found))
