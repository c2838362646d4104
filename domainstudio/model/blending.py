"""The held-out loss of blends, one after the other in one model: its weights are replaced in place."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import PreTrainedModel

from domainstudio.jobs.folder import JobFolder
from domainstudio.model.blend import Blender
from domainstudio.model.folder import load_model
from domainstudio.model.held_out import HeldOutText, measure_alone
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.blend import (
    POINTS_FILE,
    Blend,
    BlendLoss,
    BlendPoint,
    BlendPoints,
    BlendWork,
)
from domainstudio.recipe.run import folder_of


def measure_blends(work: BlendWork, job: Path, result: Path, report: Callable[[int, int], None]) -> None:
    """Write `points.json` into `result`.

    Args:
        work: what to measure; its folders are relative to `job`.
        job: the job folder.
        result: where the points go.
        report: called with (windows scored, windows in all); may raise to stop.

    Raises:
        UserError: the models cannot be loaded or are not of one shape, or a loss is no number.
    """
    recipe = work.spec.recipe
    texts = [
        HeldOutText(source, job, recipe.probe_tokens, recipe.stage.sequence_length)
        for source in work.spec.held_out
    ]
    trained = [JobFolder(job).reach(folder) for folder in work.trained]
    needs_base = any(blend.needs_base for blend in work.blends)
    chat = next((blend.chat for blend in work.blends if blend.chat), None)
    blender = Blender(
        trained, folder_of(work.spec.model, job) if needs_base else None, Path(chat) if chat else None
    )
    model = _ready(load_model(trained[-1]), work)
    all_windows = sum(len(text.inputs) for text in texts) * len(work.blends)
    points, done = list[BlendPoint](), 0
    for blend in work.blends:
        _replace_weights(model, blender, blend)
        losses = []
        for text in texts:
            began = done

            def tell(windows: int, began: int = began) -> None:
                report(began + windows, all_windows)

            losses.append(_loss(model, text, work, tell))
            done += len(text.inputs)
        points.append(BlendPoint(blend=blend, losses=tuple(losses)))
    (result / POINTS_FILE).write_text(BlendPoints(points=tuple(points)).model_dump_json(indent=1))


def _ready(model: PreTrainedModel, work: BlendWork) -> PreTrainedModel:
    """Return the model as a run's engine probes it: in the recipe's precision, on the GPU if there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() and not work.on_cpu else "cpu")
    if work.spec.recipe.precision == "bf16":
        model = model.to(torch.bfloat16)
    return model.to(device).eval()


@torch.no_grad()
def _replace_weights(model: PreTrainedModel, blender: Blender, blend: Blend) -> None:
    """Put a blend's weights into the model, a tensor at a time.

    Raises:
        UserError: the architecture is loaded under other names than it is saved.
    """
    places = model.state_dict()
    for name in blender.layout.tensors:
        if name not in places:
            raise UserError(Problem("blend.other_names", None, {"name": name}))
        places[name].copy_(blender.tensor(blend, name))


def _loss(
    model: PreTrainedModel, text: HeldOutText, work: BlendWork, report: Callable[[int], None]
) -> BlendLoss:
    loss = measure_alone(model, text, work.spec.recipe.stage.micro_batch, report)
    if not math.isfinite(loss.total_nats):
        params = {"source": text.source.name, "run": work.run, "step": work.step}
        raise UserError(Problem("blend.no_number", None, params))
    return BlendLoss(
        source=text.source.name,
        role=text.source.role,
        nats_per_token=loss.nats_per_token,
        bits_per_byte=loss.bits_per_byte,
        tokens=loss.tokens,
    )
