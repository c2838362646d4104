"""Export a run's model, and the report about it."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from domainstudio.evaluation.forgetting import changes, forgetting, gain
from domainstudio.export import report
from domainstudio.export.model_folder import check_target, write_model_folder
from domainstudio.export.report import ProbeFacts, ReportFacts, SourceFacts
from domainstudio.jobs.curves import Curves
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import Worker
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.recipe import field_help
from domainstudio.recipe.run import ModelOrigin, RunSpec
from domainstudio.tokenizer.packed import read_meta
from domainstudio.workflow import corpus
from domainstudio.workflow.running import Kind, start
from domainstudio.workflow.training import curves_of, find_checkpoint, run_spec


class ExportWork(BaseModel):
    """Write the model of a run's checkpoint to a folder; without a step, the newest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    step: int | None = None
    target: str


class ReportWork(BaseModel):
    """Write the report of a run to a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    target: str


def start_model_export(project: Project, run: str, target: Path) -> JobFolder:
    """Start writing a model folder; `run` is RUN or RUN@STEP.

    Raises:
        UserError: there is no such checkpoint, or the folder is taken.
    """
    name, _, step = run.partition("@")
    run_spec(project, name)
    checkpoint = find_checkpoint(project.job(name), step)
    check_target(target)
    return start(project, MODEL, ExportWork(run=name, step=checkpoint.step, target=str(target.resolve())))


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


def _run_model(worker: Worker, work: ExportWork, folder: Path, _result: Path) -> None:
    worker.progress(0, 0, "", "copying")
    with Project(folder, read_only=True) as project:
        spec, job = run_spec(project, work.run), project.job(work.run)
        checkpoint = find_checkpoint(job, str(work.step))
        write_model_folder(checkpoint.model, (job.path / spec.tokenizer).resolve(), Path(work.target))


def _run_report(worker: Worker, work: ReportWork, folder: Path, _result: Path) -> None:
    worker.progress(0, 0, "", "drawing")
    with Project(folder, read_only=True) as project:
        facts = gather_facts(project, work.run)
    write_atomically(Path(work.target), report.render(facts).encode())


def gather_facts(project: Project, run: str) -> ReportFacts:
    """Return what the report of a run says."""
    job, spec = project.job(run), run_spec(project, run)
    curves = curves_of(job)
    changed = changes(curves.probes)
    last = curves.steps[-1] if curves.steps else None
    return ReportFacts(
        project=project.name,
        run=run,
        status=job.status(),
        origin=_origin_text(spec.model),
        steps=spec.steps,
        done_steps=last.step if last else 0,
        tokens=last.tokens if last else 0,
        seconds=sum(_seconds(spec, point.tokens_per_second) for point in curves.steps),
        losses=tuple((point.step, point.loss) for point in curves.steps),
        sources=tuple(_sources(project, spec, last.tokens if last else 0)),
        probes=tuple(_probes(curves)),
        gain=gain(changed, spec.trained_on),
        forgetting=forgetting(changed),
        recipe=_recipe(spec),
        hashes=_hashes(job, spec),
        attempts=curves.attempts,
    )


def _seconds(spec: RunSpec, tokens_per_second: float) -> float:
    return spec.recipe.tokens_per_step() / tokens_per_second


def _origin_text(origin: ModelOrigin) -> str:
    if origin.run is not None:
        return f"{origin.run}@{origin.step}"
    return str(origin.preset or origin.folder)


def _sources(project: Project, spec: RunSpec, tokens: int) -> list[SourceFacts]:
    shares = {source.name: source.share for source in spec.sources}
    rows = []
    for row in corpus.table(project):
        share = shares.get(row.counts.name, 0.0)
        rows.append(
            SourceFacts(
                name=row.counts.name,
                role=row.counts.role,
                documents=row.counts.training_documents,
                characters=row.counts.training_characters,
                tokens=row.tokens or 0,
                held_out_documents=row.counts.held_out_documents,
                marked=row.counts.duplicates + row.counts.held_out_copies,
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


def _recipe(spec: RunSpec) -> dict[str, str]:
    values: dict[str, Any] = spec.recipe.model_dump() | spec.recipe.stage.model_dump()
    return {name: str(values[name]) for name, _, _ in field_help()}


def _hashes(job: JobFolder, spec: RunSpec) -> dict[str, str]:
    """Return the hash of the tokenizer and of every token file the run read."""
    found = {"tokenizer.json": spec.tokenizer_sha256}
    for source in spec.sources:
        for part in read_meta((job.path / source.tokens).resolve()).parts:
            found[f"{source.name}/{part.name}.bin"] = part.sha256
    return found


MODEL = Kind("export", ExportWork, run=_run_model)
REPORT = Kind("report", ReportWork, run=_run_report)
