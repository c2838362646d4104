"""Export a run's model, and the report about it."""

from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from domainstudio.disk import LEAST_ROOM
from domainstudio.evaluation.budget import accepted_in_nats
from domainstudio.evaluation.forgetting import changes, outcome
from domainstudio.evaluation.held_out import HeldOut
from domainstudio.export import report
from domainstudio.export.card import render_card
from domainstudio.export.facts import ArmFacts, AuditFacts, Curve, ProbeFacts, ReportFacts, SourceFacts
from domainstudio.export.model_folder import (
    check_target,
    fill_model_folder,
    hash_weights,
    write_model_folder,
)
from domainstudio.jobs.checkpoints import size_of
from domainstudio.jobs.columns import Columns
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.envelope import Line, envelope, smoothed
from domainstudio.jobs.events import Probe
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import Worker
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project import duplicates
from domainstudio.project.project import Project
from domainstudio.project.verdicts import verdicts
from domainstudio.recipe.base_model import read_base_model
from domainstudio.recipe.blend import Blend
from domainstudio.recipe.recipe import settings_of
from domainstudio.recipe.run import RunSpec
from domainstudio.tokenizer.packed import read_meta
from domainstudio.workflow.corpus import sources
from domainstudio.workflow.duplicates.audit import Audit
from domainstudio.workflow.duplicates.finding import standing_marking
from domainstudio.workflow.duplicates.marking import Search
from domainstudio.workflow.export.blended_export import (
    as_far_as_there_are,
    blended_facts,
    tokenizer_of,
    write_blend,
)
from domainstudio.workflow.export.blending import blend_files
from domainstudio.workflow.running import Kind, Room, start
from domainstudio.workflow.runs.run_list import RunList, RunRow
from domainstudio.workflow.training.starting import curves_of, find_checkpoint, run_spec

_LATER = "computed when the model is exported"


class ExportWork(BaseModel):
    """Write the model of a run's checkpoint to a folder; without a step, the newest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    step: int | None = None
    target: str
    blend: Blend | None = None
    """Of the checkpoint with other models; without it the checkpoint itself."""


class ReportWork(BaseModel):
    """Write the report of a run to a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    target: str


def start_model_export(project: Project, run: str, target: Path, blend: Blend | None = None) -> JobFolder:
    """Start writing a model folder; `run` is RUN or RUN@STEP, `blend` what is made of its checkpoint.

    Raises:
        UserError: there is no such checkpoint, the folder is taken, or the models cannot be blended.
    """
    name, _, step = run.partition("@")
    run_spec(project, name)
    checkpoint = find_checkpoint(project.job(name), step)
    check_target(target)
    if blend is not None:
        blend = as_far_as_there_are(blend, blend_files(project, name, checkpoint.step, blend))
    work = ExportWork(run=name, step=checkpoint.step, target=str(target.resolve()), blend=blend)
    return start(project, MODEL, work)


def start_report(project: Project, run: str, target: Path) -> JobFolder:
    """Start writing a report.

    Raises:
        UserError: there is no such run, it has no points yet, or `target` is a folder.
    """
    run_spec(project, run)
    if not curves_of(project.job(run)).probes:
        raise UserError(Problem("report.no_points", "run", {"run": run}))
    if target.is_dir() or not target.resolve().parent.is_dir():
        raise UserError(Problem("export.bad_file", "dest", {"file": str(target)}))
    return start(project, REPORT, ReportWork(run=run, target=str(target.resolve())))


def card_preview(project: Project, run: str, blend: Blend | None = None) -> str:
    """Return the model card that an export of RUN or RUN@STEP would write, but for hashes of weights.

    Raises:
        UserError: there is no such checkpoint, or the models cannot be blended.
    """
    name, _, step = run.partition("@")
    run_spec(project, name)
    checkpoint = find_checkpoint(project.job(name), step)
    facts = gather_facts(project, name, checkpoint.step)
    if blend is not None:
        files = blend_files(project, name, checkpoint.step, blend)
        facts = blended_facts(project, facts, name, checkpoint.step, files, hashed=lambda _folder: _LATER)
    return render_card(facts, _LATER)


def _run_model(worker: Worker, work: ExportWork, folder: Path, _result: Path) -> None:
    worker.progress(0, 0, "", "copying")
    with Project(folder, read_only=True) as project:
        spec, job = run_spec(project, work.run), project.job(work.run)
        checkpoint = find_checkpoint(job, str(work.step))
        facts = gather_facts(project, work.run, checkpoint.step)
        tokenizer = job.reach(spec.tokenizer)
        read_base_model(checkpoint.model)
        if work.blend is None:
            card = partial(render_card, facts)
            write_model_folder(checkpoint.model, tokenizer, Path(work.target), card)
            return
        files = blend_files(project, work.run, checkpoint.step, work.blend)
        facts = blended_facts(project, facts, work.run, checkpoint.step, files, hashed=hash_weights)
        card, fill = partial(render_card, facts), partial(write_blend, worker, files)
        tokenizer = tokenizer_of(files, tokenizer, spec.tokenizer_sha256)
        fill_model_folder(fill, tokenizer, Path(work.target), card)


def _run_report(worker: Worker, work: ReportWork, folder: Path, _result: Path) -> None:
    worker.progress(0, 0, "", "drawing")
    with Project(folder, read_only=True) as project:
        facts = gather_facts(project, work.run)
    target = Path(work.target)
    write_atomically(target, report.render(facts).encode(), f".tmp-{target.name}")


def gather_facts(project: Project, run: str, step: int | None = None) -> ReportFacts:
    """Return what the report of a run says, or the card of its checkpoint at `step`."""
    job, spec = project.job(run), run_spec(project, run)
    curves = curves_of(job)
    is_end = step is None or step >= curves.step_reached()
    if step is not None:
        curves.steps = curves.steps.rows(0, curves.steps.before(step + 1))
        curves.probes = [point for point in curves.probes if point.step <= step]
    points = curves.steps
    tokens = int(points.column("tokens")[-1]) if len(points) else 0
    runs = RunList(project)
    runs.refresh()
    return ReportFacts(
        project=project.name,
        run=run,
        status=job.status(),
        origin=spec.model.name,
        steps=spec.steps,
        done_steps=curves.step_reached(),
        tokens=tokens,
        seconds=_seconds(spec, points),
        losses=_drawn(envelope(points, "step", "loss")),
        smoothed=_drawn(smoothed(points, "step", "loss")),
        sources=tuple(_sources(project, spec, tokens)),
        probes=tuple(_probes(curves)),
        outcome=runs.row(run).outcome if is_end else outcome(changes(curves.probes), spec.trained_on),
        accepted=accepted_in_nats(spec.recipe, HeldOut(curves.probes).general_base),
        arms=tuple(_arm(project, runs.row(name)) for name in runs.comparable(run)),
        recipe=settings_of(spec.recipe),
        hashes=_hashes(job, spec),
        audit=_audit(project),
        attempts=curves.attempts,
    )


def _seconds(spec: RunSpec, points: Columns) -> float:
    """Return how long the steps took, from their tokens and their speed."""
    if not len(points):
        return 0.0
    before = spec.recipe.tokens_before(int(points.column("step")[0]))
    tokens = np.diff(points.column("tokens"), prepend=before)
    return float(np.sum(tokens / points.column("tokens_per_second")))


def _drawn(line: Line) -> Curve:
    return tuple((round(x), y) for x, y in zip(line.x.tolist(), line.y.tolist(), strict=True))


def _arm(project: Project, row: RunRow) -> ArmFacts:
    """Return what the comparison says of one run."""
    spec = run_spec(project, row.run)
    probes = curves_of(project.job(row.run)).probes
    shares = sorted(spec.sources, key=lambda source: -source.share)
    return ArmFacts(
        run=row.run,
        arm=row.arm,
        mixture=", ".join(f"{source.name} {source.share:.0%}" for source in shares),
        outcome=row.outcome,
        domain=_mean_change([probe for probe in probes if probe.role == "domain"]),
        general=_mean_change([probe for probe in probes if probe.role == "general"]),
    )


def _mean_change(probes: list[Probe]) -> Curve:
    """Return the mean change against step 0 over sources, by step."""
    base = {probe.source: probe.nats_per_token for probe in probes if probe.step == 0}
    by_step: dict[int, list[float]] = {}
    for probe in probes:
        if probe.source in base:
            by_step.setdefault(probe.step, []).append(probe.nats_per_token - base[probe.source])
    return tuple((step, sum(values) / len(values)) for step, values in by_step.items())


def _sources(project: Project, spec: RunSpec, tokens: int) -> list[SourceFacts]:
    shares = {source.name: source.share for source in spec.sources}
    rows = []
    for row in sources.table(project):
        share = shares.get(row.counts.name, 0.0)
        rows.append(
            SourceFacts(
                name=row.counts.name,
                role=row.counts.role,
                text_origin=row.counts.text_origin,
                documents=row.counts.training_documents,
                characters=row.counts.training_characters,
                tokens=row.tokens or 0,
                held_out_documents=row.counts.held_out_documents,
                marked=row.counts.marked,
                rejected=row.counts.rejected,
                share=share,
                epochs=share * tokens / row.tokens if row.tokens else 0.0,
            )
        )
    return rows


def _probes(curves: Curves) -> list[ProbeFacts]:
    return [
        ProbeFacts(
            source=change.source,
            role=change.role,
            curve=tuple(
                (point.step, point.nats_per_token) for point in curves.probes if point.source == change.source
            ),
            base_nats=change.base_nats,
            nats=change.nats,
            base_bits=change.base_bits,
            bits=change.bits,
            tokens=next(point.tokens for point in curves.probes if point.source == change.source),
        )
        for change in changes(curves.probes)
    ]


def _audit(project: Project) -> AuditFacts | None:
    """Return what is known of the near-duplicates that are marked now."""
    standing = duplicates.standing(project.connection)
    if standing is None:
        return None
    marking = standing_marking(project)
    try:
        search = Search(project, standing.job_id)
    except UserError:  # its files are gone: then nothing is known of a sample
        return AuditFacts(
            documents=standing.documents, threshold=marking.threshold, checked=0, wrong=0, low=0, high=1
        )
    estimate = Audit(search, marking, verdicts(project.connection)).estimate
    return AuditFacts(
        documents=standing.documents,
        threshold=marking.threshold,
        checked=round(estimate.checked),
        wrong=estimate.wrong,
        low=estimate.interval.low,
        high=estimate.interval.high,
    )


def _hashes(job: JobFolder, spec: RunSpec) -> dict[str, str]:
    """Return the hash of the tokenizer and of every token file the run read."""
    found = {"tokenizer.json": spec.tokenizer_sha256}
    for source in spec.sources:
        for part in read_meta(job.reach(source.tokens)).parts:
            found[f"{source.name}/{part.name}.bin"] = part.sha256
    return found


def _room(project: Project, work: ExportWork) -> Room:
    """Return what the weights take, to the byte, and a little more for tokenizer and card."""
    checkpoint = find_checkpoint(project.job(work.run), str(work.step))
    weights = size_of(checkpoint.model)
    return Room(Path(work.target), weights + LEAST_ROOM, weights)


MODEL = Kind("export", ExportWork, run=_run_model, room=_room)
REPORT = Kind("report", ReportWork, run=_run_report)
