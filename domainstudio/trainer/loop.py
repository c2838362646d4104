"""The training loop: read it from top to bottom, it is all there is."""

import math
import time
from typing import Any, get_args

import torch
import torch.distributed as dist

from domainstudio.evaluation.spikes import SpikeState
from domainstudio.evaluation.stability import Stability
from domainstudio.jobs.checkpoints import latest_checkpoint, size_of
from domainstudio.jobs.events import Step
from domainstudio.jobs.folder import JobFolder, Request, Stop
from domainstudio.jobs.worker import Stopped
from domainstudio.model.folder import set_dropout
from domainstudio.model.held_out import HeldOutText, cross_entropy
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.recipe import Recipe, Stage
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer import checkpoints, protection
from domainstudio.trainer import engine as engines
from domainstudio.trainer.canaries import CanaryRows, answer
from domainstudio.trainer.checkpoints import Position
from domainstudio.trainer.data import TrainingData
from domainstudio.trainer.divergence import Divergence
from domainstudio.trainer.divergence import attach as attach_divergence
from domainstudio.trainer.guard import Guard, Verdict
from domainstudio.trainer.layers import keep_layer_map
from domainstudio.trainer.probes import measure
from domainstudio.trainer.recording import Recording
from domainstudio.trainer.reporter import Reporter
from domainstudio.trainer.rollback import SpikeWatch
from domainstudio.trainer.room import put_off
from domainstudio.trainer.springs import Springs

_STOPS: tuple[Stop | None, ...] = (None, *get_args(Stop))


def train(spec: RunSpec, folder: JobFolder, reporter: Reporter, device: torch.device) -> None:
    """Train from the last whole checkpoint, the trunk's, or step 0, to the end; all ranks call this.

    Raises:
        Stopped: somebody asked for it; a checkpoint of that step is on disk unless none was wanted.
        UserError: the model, the token files or the checkpoint do not fit the run.
    """
    recipe, stage = spec.recipe, spec.recipe.stage
    rank, world = dist.get_rank(), dist.get_world_size()
    data = TrainingData(spec, folder.path, rank, world)
    held_out = [HeldOutText(source, folder.path, spec) for source in spec.held_out]
    facts = CanaryRows(spec.canaries)
    torch.manual_seed(recipe.seed + rank)
    found = latest_checkpoint(folder.result)
    before = found or checkpoints.trunk_of(spec, folder)
    last = before.step if before else 0
    _leave_if_asked(reporter, device, last, is_saved=True)
    model = engines.make_model(spec, folder.path, before)

    def go_on(done: int) -> None:
        reporter.measuring(done, stage.importance_sequences)
        _leave_if_asked(reporter, device, 0, is_saved=True)

    importance = None if before else protection.measure_importance(spec, folder.path, model, device, go_on)
    engine = engines.start_engine(model, recipe)
    checkpoints.prepare(engine, folder.result, recipe)

    stability = Stability(stage.learning_rate)
    if before:
        position = checkpoints.restore(engine, before)
        guard = Guard(spec, position.guard)
        watch = SpikeWatch(spec, folder, data, reporter, position.spikes)
        _take_up(guard, engine, data, folder, reporter)
        springs = protection.attach_again(spec, engine, checkpoints.first_result(spec, folder))
    else:
        guard, watch = Guard(spec, None), SpikeWatch(spec, folder, data, reporter, SpikeState())
        springs = protection.attach(spec, engine, folder.result, importance)
    if found:
        reporter.checkpoint(last, str(found.path.relative_to(folder.path)), size_of(found.path))
    else:
        checkpoints.check_export(engine, folder.result)
        reporter.base(spec)
        measured, right = _probe_all(engine, held_out, facts, last, reporter, stage, device)
        if before:
            guard.begin_branch(last, right, reporter)
        else:
            guard.begin(measured, right, reporter)
    recording = Recording(spec, engine, folder.result, found) if stage.record_importance else None
    result = checkpoints.first_result(spec, folder)
    divergence = attach_divergence(spec, folder, result, device, is_new=before is None)
    _leave_if_asked(reporter, device, last, is_saved=True)
    has_ended = found is not None and guard.state.has_ended
    step = last
    while step < spec.steps and not has_ended:
        step += 1
        began = time.monotonic()
        rate = guard.learning_rate(step)
        engines.set_learning_rate(engine, rate)
        loss, moved = _learn(engine, springs, divergence, step, list(data.micro_batches(step)), device)
        seen, seen_before = recipe.tokens_before(step + 1), recipe.tokens_before(step)
        point = Step(
            step=step,
            tokens=seen,
            loss=loss,
            learning_rate=rate,
            gradient_norm=float(engine.get_global_grad_norm() or 0.0),
            tokens_per_second=(seen - seen_before) / (time.monotonic() - began),
            memory_bytes=engines.memory_in_use(device),
            divergence=moved,
        )
        reporter.step(point)
        is_applied = engine.was_step_applied()
        reporter.warn(*stability.take(step, loss, point.gradient_norm, is_applied=is_applied))
        if not stability.was_skipped and watch.wants_back(step, loss):
            position = watch.go_back(engine, step, loss)
            guard.go_on_from(position.guard)
            _obey(guard, engine, data)
            if recording is not None:
                recording.go_back_to(position.step)
            step = position.step
            continue

        asked = _all_hear(reporter.take_request(), device)
        is_last = step == spec.steps or asked.stop == "keep"
        if asked.stop == "now" and not is_last:
            raise Stopped(step)
        verdict = Verdict(guard.state)
        if is_last or step % recipe.probe_every == 0:
            found_now = _probe_all(engine, held_out, facts, step, reporter, stage, device)
            verdict = guard.judge(step, *found_now, reporter, is_last=is_last)
            is_last = is_last or verdict.ends
        is_due = step % recipe.checkpoint_every == 0 and not stability.was_skipped
        stops, is_saved = asked.stop is not None or verdict.pauses, False
        if is_last or stops or asked.checkpoint or is_due or verdict.wants_checkpoint:
            position = Position(
                step=step,
                next_draw=data.first_draw(step + 1),
                ranks=world,
                guard=verdict.state,
                spikes=watch.state,
            )
            marks = {"is_asked": asked.checkpoint or verdict.is_play, "is_best": verdict.is_best}
            must_be = is_last or stops
            is_saved = _save(engine, position, folder, recipe, reporter, recording, must_be=must_be, **marks)
        if guard.settle(verdict, reporter, is_saved=is_saved):
            _obey(guard, engine, data)
        if is_last:
            _name_best(guard, folder)
            break
        if is_saved:
            _leave_if_asked(reporter, device, step, is_saved=True)
        if stops:
            raise Stopped(step)
    if recording is not None:
        recording.finish()
    keep_layer_map(engine, folder.result, step, springs, recording)


def _take_up(guard: Guard, engine: Any, data: TrainingData, folder: JobFolder, reporter: Reporter) -> None:
    """Go on with everything that the guard had changed, and name it once more: its events may be lost."""
    guard.tell(guard.state.interventions, reporter)
    _obey(guard, engine, data)
    _name_best(guard, folder)


def _name_best(guard: Guard, folder: JobFolder) -> None:
    """Name the best checkpoint so far, as the run's result if the guard has ended it."""
    best_step = guard.state.watch.best_step
    if best_step:
        checkpoints.name_best(folder.result, best_step, is_result=guard.state.best_is_result)


def _obey(guard: Guard, engine: Any, data: TrainingData) -> None:
    """Let text and dropout of the coming step be what the guard wants; the rate is asked for at each."""
    data.change_replay(guard.general_shares)
    set_dropout(engine.module, guard.dropout)


def _learn(
    engine: Any,
    springs: Springs | None,
    divergence: Divergence | None,
    step: int,
    batches: list[torch.Tensor],
    device: torch.device,
) -> tuple[float, float | None]:
    """Do one optimizer step and return its loss and, if it is part of the aim, the divergence from the base.

    Both are in nats a token, the mean over all ranks. The aim is the mean loss plus strength times
    divergence: that is one micro-batch more, and DeepSpeed divides each by their number.
    """
    loss, moved = torch.zeros(2, device=device)
    turns = engines.set_accumulation(engine, len(batches) + (divergence is not None))

    def learn_from(part: torch.Tensor) -> None:
        engine.backward(part)
        if springs is not None and engine.is_gradient_accumulation_boundary():
            springs.before_step()
        engine.step()

    for batch in batches:
        batch = batch.to(device)
        logits = engine(input_ids=batch[:, :-1], use_cache=False).logits
        micro_loss = cross_entropy(logits, batch[:, 1:])
        learn_from(micro_loss * (turns / len(batches)))
        loss += micro_loss.detach() / len(batches)
    if divergence is not None:
        moved = divergence.at(step, engine, device)
        learn_from(moved * (divergence.strength * turns))
    sums = torch.stack([loss, moved.detach()])
    dist.all_reduce(sums)
    loss_mean, moved_mean = (sums / dist.get_world_size()).tolist()
    return loss_mean, moved_mean if divergence is not None else None


def _save(
    engine: Any,
    position: Position,
    folder: JobFolder,
    recipe: Recipe,
    reporter: Reporter,
    recording: Recording | None,
    *,
    is_asked: bool,
    is_best: bool,
    must_be: bool,
) -> bool:
    """Write a checkpoint and report it; return False if the disk refuses and the run goes on without it.

    Raises:
        UserError: it cannot be written and the run ends with it, or its weights are no numbers.
    """
    try:
        saved = checkpoints.save(
            engine, position, folder.result, recipe, recording, is_asked=is_asked, is_best=is_best
        )
    except UserError as error:
        if must_be or error.problem.code == "training.weights_lost":
            raise
        reporter.warn(put_off(error.problem, position.step))
        return False
    reporter.checkpoint(position.step, str(saved.path.relative_to(folder.path)), size_of(saved.path))
    return True


def _probe_all(
    engine: Any,
    texts: list[HeldOutText],
    facts: CanaryRows,
    step: int,
    reporter: Reporter,
    stage: Stage,
    device: torch.device,
) -> tuple[dict[str, float], list[bool]]:
    """Measure and report the held-out loss of every source; return it (nats a token), and what is known."""
    losses = dict[str, float]()
    for text in texts:
        _leave_if_asked(reporter, device, step, is_saved=step == 0)
        loss = measure(engine, text, stage.micro_batch, device)
        reporter.probe(step, text.source, loss)
        if not math.isfinite(loss.total_nats):
            params = {"source": text.source.name, "step": step}
            raise UserError(Problem("training.no_number", "learning_rate", params))
        losses[text.source.name] = loss.nats_per_token
    return losses, answer(engine, facts, stage.micro_batch * stage.sequence_length, device)


def _leave_if_asked(reporter: Reporter, device: torch.device, step: int, *, is_saved: bool) -> None:
    """Hear a stop also where minutes may pass without a step: loading, measuring, saving.

    Raises:
        Stopped: a stop is asked that loses nothing by coming here, or that wants no checkpoint.
    """
    asked = _all_hear(Request(stop=reporter.stop_asked()), device)
    if asked.stop == "now" or (asked.stop == "checkpoint" and is_saved):
        raise Stopped(step)


def _all_hear(request: Request, device: torch.device) -> Request:
    """Return what rank 0 was asked on every rank, so that all obey at one step: one number is broadcast."""
    number = torch.tensor(2 * _STOPS.index(request.stop) + request.checkpoint, device=device)
    dist.broadcast(number, src=0)
    stop, checkpoint = divmod(int(number), 2)
    return Request(stop=_STOPS[stop], checkpoint=bool(checkpoint))
