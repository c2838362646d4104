"""Text that a run's base and one of its checkpoints write after the same prompts."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.spec import invalid_field, parse_model
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.generation import SAMPLES_FILE, Continuations, SampleWork
from domainstudio.recipe.run import folder_of
from domainstudio.workflow.running import Kind, relative_to_job, start, work_of
from domainstudio.workflow.training.starting import TRAIN, find_checkpoint, run_spec

SAMPLES = Kind("samples", SampleWork, program="domainstudio.model")


@dataclass(frozen=True)
class Sample:
    """What base and checkpoint made of one prompt."""

    prompt: str
    base: str
    text: str
    name: str
    """RUN@STEP of the checkpoint."""
    base_name: str
    base_is_random: bool
    """A base from scratch knows nothing: its text shows that, not what was forgotten."""


def start_samples(
    project: Project,
    run: str,
    step: int | None,
    prompts: Sequence[str],
    tokens: int,
    *,
    temperature: float = 0.0,
    seed: int = 0,
) -> JobFolder:
    """Start continuing prompts with a run's base and with its checkpoint of a step, the newest if None.

    While a run is training the models run on the CPU: they must not take its memory.

    Raises:
        UserError: there is no such checkpoint, its base is gone, or a number is out of range.
    """
    spec = run_spec(project, run)
    checkpoint = find_checkpoint(project.job(run), "" if step is None else str(step))
    base = spec.model
    if base.folder is not None and not folder_of(base, project.jobs / "job").is_dir():
        raise UserError(Problem("samples.base_gone", "run", {"run": run, "base": base.name}))
    is_training = any(folder.status() == "running" for folder in list_jobs(project.jobs, TRAIN.name))
    try:
        work = SampleWork(
            run=run,
            step=checkpoint.step,
            checkpoint=relative_to_job(checkpoint.model, project),
            base=base,
            base_seed=spec.recipe.seed,
            vocabulary=spec.vocabulary,
            tokenizer=spec.tokenizer,
            prompts=tuple(prompts),
            tokens=tokens,
            temperature=temperature,
            seed=seed,
            on_cpu=is_training,
        )
    except ValidationError as error:
        raise invalid_field(error, "samples") from None
    return start(project, SAMPLES, work)


def samples_of(folder: JobFolder) -> list[Sample]:
    """Return what a job wrote, nothing before it is done.

    Raises:
        UserError: its result is damaged.
    """
    file = folder.result / SAMPLES_FILE
    if not file.is_file():
        return []
    work: SampleWork = work_of(folder.spec(), SAMPLES)
    made = parse_model(Continuations, file.read_bytes(), str(file))
    return [
        Sample(
            prompt=one.prompt,
            base=one.base,
            text=one.text,
            name=f"{work.run}@{work.step}",
            base_name=work.base.name,
            base_is_random=work.base.preset is not None,
        )
        for one in made.samples
    ]
