"""The training loop: read it from top to bottom, it is all there is."""

import math
import time
from dataclasses import dataclass
from typing import Any, get_args

import torch
import torch.distributed as dist
from transformers import PreTrainedModel

from domainstudio.disk import disk_problem
from domainstudio.evaluation.spikes import SpikeState
from domainstudio.evaluation.stability import Stability
from domainstudio.jobs.checkpoints import CheckpointFolder, latest_checkpoint, size_of
from domainstudio.jobs.events import Step
from domainstudio.jobs.folder import JobFolder, Request, Stop
from domainstudio.jobs.worker import Stopped
from domainstudio.model.folder import set_dropout
from domainstudio.model.held_out import HeldOutText, cross_entropy
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer import checkpoints, protection, restoring
from domainstudio.trainer import engine as engines
from domainstudio.trainer.canaries import CanaryRows, answer
from domainstudio.trainer.data import TrainingData
from domainstudio.trainer.divergence import Divergence
from domainstudio.trainer.divergence import attach as attach_divergence
from domainstudio.trainer.guard import Guard, Verdict
from domainstudio.trainer.layers import keep_layer_map
from domainstudio.trainer.new_rows import NewRowsPhase
from domainstudio.trainer.outcome import Outcome
from domainstudio.trainer.position import Position
from domainstudio.trainer.probes import measure
from domainstudio.trainer.recording import Recording
from domainstudio.trainer.reporter import Reporter
from domainstudio.trainer.rollback import SpikeWatch
from domainstudio.trainer.room import put_off
from domainstudio.trainer.springs import Springs

_STOPS: tuple[Stop | None, ...] = (None, *get_args(Stop))


@dataclass(frozen=True)
class _Run:
    """A run under way: everything that its steps are made with, the same kinds on every rank."""

    spec: RunSpec
    folder: JobFolder
    reporter: Reporter
    device: torch.device
    engine: Any
    data: TrainingData
    held_out: list[HeldOutText]
    facts: CanaryRows
    guard: Guard
    watch: SpikeWatch
    stability: Stability
    springs: Springs | None
    divergence: Divergence | None
    recording: Recording | None
    new_rows: NewRowsPhase


def train(spec: RunSpec, folder: JobFolder, reporter: Reporter, device: torch.device) -> None:
    """Train from the last whole checkpoint, the trunk's, or step 0, to the end; all ranks call this.

    Raises:
        Stopped: somebody asked for it; a checkpoint of that step is on disk unless none was wanted.
        UserError: the model, the token files or the checkpoint do not fit the run.
    """
    run, step, is_over = _begin(spec, folder, reporter, device)
    while step < spec.steps and not is_over:
        step += 1
        loss = _take_step(run, step)
        if not run.stability.was_skipped and run.watch.wants_back(step, loss):
            step = _go_back(run, step, loss)
            continue
        is_over = _look_up(run, step)
    if run.recording is not None:
        run.recording.finish()
    keep_layer_map(run.engine, folder.result, step, run.springs, run.recording)


def _begin(
    spec: RunSpec, folder: JobFolder, reporter: Reporter, device: torch.device
) -> tuple[_Run, int, bool]:
    """Return the run, its last step so far, and whether its guard has ended it already."""
    stage = spec.recipe.stage
    found = checkpoints.newest_common(folder.result)
    before = found or restoring.trunk_of(spec, folder)
    last = before.step if before else 0
    said = latest_checkpoint(folder.result)
    if said is not None and said != found:
        reporter.begin_earlier(last + 1)
    _leave_if_asked(reporter, device, last, is_saved=True)
    data, held_out, model = _read(spec, folder, before)

    def go_on(done: int) -> None:
        reporter.measuring(done, stage.importance_sequences)
        _leave_if_asked(reporter, device, 0, is_saved=True)

    importance = None if before else protection.measure_importance(spec, folder.path, model, device, go_on)
    engine = engines.start_engine(model, spec.recipe)
    new_rows = NewRowsPhase(engine, spec)
    checkpoints.prepare(engine, folder.result, spec.recipe, last)
    result = restoring.first_result(spec, folder)
    position = restoring.restore(engine, before) if before else None
    guard = Guard(spec, position.guard if position else None)
    spikes = position.spikes if position else SpikeState()
    if before:
        springs = protection.attach_again(spec, engine, result)
    else:
        springs = protection.attach(spec, engine, result, importance)
    run = _Run(
        spec, folder, reporter, device, engine, data, held_out, CanaryRows(spec.canaries), guard,
        SpikeWatch(spec, folder, data, reporter, spikes), Stability(stage.learning_rate), springs,
        attach_divergence(spec, folder, result, device, is_new=before is None),
        Recording(spec, engine, folder.result, found) if stage.record_importance else None,
        new_rows,
    )  # fmt: skip
    if before:
        guard.tell(guard.state.interventions, reporter)  # once more: its events may be lost
        _obey(run)
        _name_best(run)
    if found:
        reporter.checkpoint(last, str(found.path.relative_to(folder.path)), size_of(found.path))
    else:
        _measure_beginning(run, last)
    _leave_if_asked(reporter, device, last, is_saved=True)
    return run, last, found is not None and guard.state.has_ended


def _read(
    spec: RunSpec, folder: JobFolder, before: CheckpointFolder | None
) -> tuple[TrainingData, list[HeldOutText], PreTrainedModel]:
    """Return the text and the model of a run, from the disk of this node, once every rank has them.

    Raises:
        UserError: they do not fit the run; the same on every rank.
    """
    outcome, rank = Outcome(lambda error: disk_problem(error, folder.path)), dist.get_rank()
    with outcome.part():
        data = TrainingData(spec, folder.path, rank, dist.get_world_size())
        tokens, length = spec.recipe.probe_tokens, spec.recipe.stage.sequence_length
        held_out = [HeldOutText(source, folder.path, tokens, length) for source in spec.held_out]
        torch.manual_seed(spec.recipe.seed + rank)
        model = engines.make_model(spec, folder.path, before)
    outcome.share()
    return data, held_out, model


def _measure_beginning(run: _Run, step: int) -> None:
    """Measure where a run begins: at step 0, or where a branch leaves its trunk."""
    checkpoints.check_export(run.engine, run.folder.result)
    run.reporter.base(run.spec)
    measured, right = _probe_all(run, step)
    if run.spec.branch is not None:
        run.guard.begin_branch(step, right, run.reporter)
    else:
        run.guard.begin(measured, right, run.reporter)


def _take_step(run: _Run, step: int) -> float:
    """Do one optimizer step, report it and return its loss in nats a token."""
    recipe, engine, began = run.spec.recipe, run.engine, time.monotonic()
    rate = run.guard.learning_rate(step)
    engines.set_learning_rate(engine, rate)
    run.new_rows.begin_step(step)
    batches = list(run.data.micro_batches(step))
    loss, moved = _learn(engine, run.springs, run.divergence, step, batches, run.device)
    seen, seen_before = recipe.tokens_before(step + 1), recipe.tokens_before(step)
    point = Step(
        step=step,
        tokens=seen,
        loss=loss,
        learning_rate=rate,
        gradient_norm=float(engine.get_global_grad_norm() or 0.0),
        tokens_per_second=(seen - seen_before) / (time.monotonic() - began),
        memory_bytes=engines.memory_in_use(run.device),
        divergence=moved,
    )
    run.reporter.step(point)
    is_applied = engine.was_step_applied()
    run.reporter.warn(*run.stability.take(step, loss, point.gradient_norm, is_applied=is_applied))
    return loss


def _go_back(run: _Run, step: int, loss: float) -> int:
    """Take up the newest checkpoint once more because of a spike, and return its step."""
    position = run.watch.go_back(run.engine, step, loss)
    run.guard.go_on_from(position.guard)
    _obey(run)
    if run.recording is not None:
        run.recording.go_back_to(position.step)
    return position.step


def _look_up(run: _Run, step: int) -> bool:
    """Hear requests, probe and save where it is due; return whether the step was the last.

    Raises:
        Stopped: see `train`.
        UserError: a loss or the weights are no numbers, or a checkpoint that must be cannot be written.
    """
    spec, guard, reporter = run.spec, run.guard, run.reporter
    asked = _all_hear(reporter.take_request(), run.device)
    is_last = step == spec.steps or asked.stop == "keep"
    if asked.stop == "now" and not is_last:
        raise Stopped(step)
    verdict = Verdict(guard.state)
    if is_last or step % spec.recipe.probe_every == 0:
        verdict = guard.judge(step, *_probe_all(run, step), reporter, is_last=is_last)
        is_last = is_last or verdict.ends
    is_due = step % spec.recipe.checkpoint_every == 0 and not run.stability.was_skipped
    stops, is_saved = asked.stop is not None or verdict.pauses, False
    if is_last or stops or asked.checkpoint or is_due or verdict.wants_checkpoint:
        is_saved = _save(run, step, verdict, is_asked=asked.checkpoint, must_be=is_last or stops)
    if guard.settle(verdict, reporter, is_saved=is_saved):
        _obey(run)
    if is_last:
        _name_best(run)
        return True
    if is_saved:
        _leave_if_asked(reporter, run.device, step, is_saved=True)
    if stops:
        raise Stopped(step)
    return False


def _name_best(run: _Run) -> None:
    """Name the best checkpoint so far, as the run's result if the guard has ended it."""
    state = run.guard.state
    if state.watch.best_step:
        checkpoints.name_best(run.folder.result, state.watch.best_step, is_result=state.best_is_result)


def _obey(run: _Run) -> None:
    """Let text and dropout of the coming step be what the guard wants; the rate is asked for at each."""
    run.data.change_replay(run.guard.general_shares)
    set_dropout(run.engine.module, run.guard.dropout)


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
    turns = engines.set_accumulation(engine, len(batches) + (divergence.turns if divergence else 0))

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
        for part in divergence.at(step, engine, device):
            learn_from(part * (divergence.strength * turns / divergence.turns))
            moved += part.detach() / divergence.turns
    sums = torch.stack([loss, moved])
    dist.all_reduce(sums)
    loss_mean, moved_mean = (sums / dist.get_world_size()).tolist()
    return loss_mean, moved_mean if divergence is not None else None


def _save(run: _Run, step: int, verdict: Verdict, *, is_asked: bool, must_be: bool) -> bool:
    """Write a checkpoint and report it; return False if the disk refuses and the run goes on without it.

    Raises:
        UserError: it cannot be written and the run ends with it, or its weights are no numbers.
    """
    result, recipe = run.folder.result, run.spec.recipe
    position = Position(
        step=step,
        next_draw=run.data.first_draw(step + 1),
        ranks=dist.get_world_size(),
        guard=verdict.state,
        spikes=run.watch.state,
    )
    marks = {"is_asked": is_asked or verdict.is_play, "is_best": verdict.is_best}
    try:
        saved = checkpoints.save(run.engine, position, result, recipe, run.recording, **marks)
    except UserError as error:
        if must_be or error.problem.code == "training.weights_lost":
            raise
        run.reporter.warn(put_off(error.problem, step))
        return False
    run.reporter.checkpoint(step, str(saved.path.relative_to(run.folder.path)), size_of(saved.path))
    return True


def _probe_all(run: _Run, step: int) -> tuple[dict[str, float], list[bool]]:
    """Measure and report the held-out loss of every source; return it (nats a token), and what is known."""
    losses, stage = dict[str, float](), run.spec.recipe.stage
    for text in run.held_out:
        _leave_if_asked(run.reporter, run.device, step, is_saved=step == 0)
        loss = measure(run.engine, text, stage.micro_batch, run.device)
        run.reporter.probe(step, text.source, loss)
        if not math.isfinite(loss.total_nats):
            params = {"source": text.source.name, "step": step}
            raise UserError(Problem("training.no_number", "learning_rate", params))
        losses[text.source.name] = loss.nats_per_token
    return losses, answer(run.engine, run.facts, stage.micro_batch * stage.sequence_length, run.device)


def _leave_if_asked(reporter: Reporter, device: torch.device, step: int, *, is_saved: bool) -> None:
    """Hear a stop also where minutes may pass without a step: loading, measuring, saving.

    Raises:
        Stopped: a stop is asked that loses nothing by coming here, or that wants no checkpoint.
    """
    asked = _all_hear(Request(stop=reporter.stop_asked()), device)
    if asked.stop == "now" or (asked.stop == "checkpoint" and is_saved):
        raise Stopped(step)


def _all_hear(request: Request, device: torch.device) -> Request:
    """Return what any node was asked on every rank, so that all obey at one step: the most that was asked."""
    number = torch.tensor(2 * _STOPS.index(request.stop) + request.checkpoint, device=device)
    dist.all_reduce(number, dist.ReduceOp.MAX)
    stop, checkpoint = divmod(int(number), 2)
    return Request(stop=_STOPS[stop], checkpoint=bool(checkpoint))
