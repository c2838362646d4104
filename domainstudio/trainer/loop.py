"""The training loop: read it from top to bottom, it is all there is."""

import time
from typing import Any, get_args

import torch
import torch.distributed as dist

from domainstudio.jobs.checkpoints import latest_checkpoint, size_of
from domainstudio.jobs.events import Step
from domainstudio.jobs.folder import JobFolder, Request, Stop
from domainstudio.jobs.worker import Stopped
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer import checkpoints
from domainstudio.trainer import engine as engines
from domainstudio.trainer.checkpoints import Position
from domainstudio.trainer.data import TrainingData
from domainstudio.trainer.probes import HeldOutText, cross_entropy, measure
from domainstudio.trainer.reporter import Reporter

_STOPS: tuple[Stop | None, ...] = (None, *get_args(Stop))


def train(spec: RunSpec, folder: JobFolder, reporter: Reporter) -> None:
    """Train from the last whole checkpoint, or from step 0, to the end; all ranks call this.

    Raises:
        Stopped: somebody asked for it; a checkpoint of that step is on disk unless none was wanted.
        UserError: the model, the token files or the checkpoint do not fit the run.
    """
    recipe, stage = spec.recipe, spec.recipe.stage
    reporter.preparing("loading")
    device = engines.start_process_group()
    rank, world = dist.get_rank(), dist.get_world_size()
    data = TrainingData(spec, folder.path, rank, world)
    held_out = [HeldOutText(source, folder.path, spec) for source in spec.held_out]
    torch.manual_seed(recipe.seed + rank)
    engine = engines.start_engine(engines.make_model(spec, folder.path), recipe)

    found = latest_checkpoint(folder.result)
    last = checkpoints.restore(engine, found).step if found else 0
    if not found:
        checkpoints.check_export(engine, folder.result)
        _probe_all(engine, held_out, 0, reporter, stage.micro_batch, device)

    for step in range(last + 1, spec.steps + 1):
        began = time.monotonic()
        rate = stage.learning_rate_at(step, spec.steps)
        engines.set_learning_rate(engine, rate)
        accumulation = engines.set_accumulation(engine, stage.accumulation_at(step))
        loss = torch.zeros((), device=device)
        for batch in data.micro_batches(step):
            batch = batch.to(device)
            logits = engine(input_ids=batch[:, :-1], use_cache=False).logits
            micro_loss = cross_entropy(logits, batch[:, 1:])
            engine.backward(micro_loss)
            engine.step()
            loss += micro_loss.detach() / accumulation
        dist.all_reduce(loss)
        seen, seen_before = recipe.tokens_before(step + 1), recipe.tokens_before(step)
        point = Step(
            step=step,
            tokens=seen,
            loss=float(loss) / world,
            learning_rate=rate,
            gradient_norm=float(engine.get_global_grad_norm() or 0.0),
            tokens_per_second=(seen - seen_before) / (time.monotonic() - began),
            memory_bytes=engines.memory_in_use(device),
        )
        reporter.step(point, spec.steps)

        asked = _all_hear(reporter.take_request(), device)
        is_last = step == spec.steps or asked.stop == "keep"
        if asked.stop == "now" and not is_last:
            raise Stopped(step)
        if is_last or step % recipe.probe_every == 0:
            _probe_all(engine, held_out, step, reporter, stage.micro_batch, device)
        if is_last or asked.stop or asked.checkpoint or step % recipe.checkpoint_every == 0:
            position = Position(step=step, next_draw=data.first_draw(step + 1), ranks=world)
            saved = checkpoints.save(engine, position, folder.result, recipe.keep_checkpoints)
            reporter.checkpoint(step, str(saved.path.relative_to(folder.path)), size_of(saved.path))
        if is_last:
            return
        if asked.stop:
            raise Stopped(step)


def _probe_all(
    engine: Any,
    texts: list[HeldOutText],
    step: int,
    reporter: Reporter,
    micro_batch: int,
    device: torch.device,
) -> None:
    """Measure and report the held-out loss of every source."""
    for text in texts:
        reporter.probe(step, text.source, measure(engine, text, micro_batch, device))


def _all_hear(request: Request, device: torch.device) -> Request:
    """Return what rank 0 was asked on every rank, so that all obey at one step: one number is broadcast."""
    number = torch.tensor(2 * _STOPS.index(request.stop) + request.checkpoint, device=device)
    dist.broadcast(number, src=0)
    stop, checkpoint = divmod(int(number), 2)
    return Request(stop=_STOPS[stop], checkpoint=bool(checkpoint))
