"""`python -m domainstudio.model JOB`: the process of a job that runs a model without training it."""

import sys
from pathlib import Path

from domainstudio.jobs.heavy_imports import heavy_imports
from domainstudio.jobs.worker import Worker, run
from domainstudio.paths import whole_folder
from domainstudio.recipe.blend import BlendWork
from domainstudio.recipe.generation import GenerateWork, SampleWork
from domainstudio.recipe.growth import FILE, MODEL, GrowWork
from domainstudio.recipe.scores import FILE as SCORES_FILE
from domainstudio.recipe.scores import ScoreWork


def _work(worker: Worker) -> None:
    """Do what the job's kind asks for; heavy libraries are imported once its work is known to be valid."""
    spec, where = worker.folder.spec(), str(worker.folder.path / "spec.json")
    if spec.kind == "samples":
        _sample(worker, spec.work_as(SampleWork, where))
    elif spec.kind == "blend":
        _measure_blends(worker, spec.work_as(BlendWork, where))
    elif spec.kind == "grow":
        _grow(worker, spec.work_as(GrowWork, where))
    elif spec.kind == "score":
        _score(worker, spec.work_as(ScoreWork, where))
    else:
        _generate(worker, spec.work_as(GenerateWork, where))


def _generate(worker: Worker, work: GenerateWork) -> None:
    worker.progress(0, 0, "", "loading")
    with heavy_imports():
        from domainstudio.model.generate import generate

    def report(tokens: int) -> None:
        worker.check_stop()
        worker.progress(min(tokens, work.tokens), work.tokens, "tokens", "generating")

    with whole_folder(worker.folder.result) as result:
        generate(work, worker.folder.path, result, report)


def _sample(worker: Worker, work: SampleWork) -> None:
    worker.progress(0, 0, "", "loading")
    with heavy_imports():
        from domainstudio.model.samples import continue_prompts

    def report(texts: int) -> None:
        worker.check_stop()
        worker.progress(texts, 2 * len(work.prompts), "texts", "generating")

    with whole_folder(worker.folder.result) as result:
        continue_prompts(work, worker.folder.path, result, report)


def _measure_blends(worker: Worker, work: BlendWork) -> None:
    worker.progress(0, 0, "", "loading")
    with heavy_imports():
        from domainstudio.model.blending import measure_blends

    def report(windows: int, total: int) -> None:
        worker.check_stop()
        worker.progress(windows, total, "windows", "measuring blends")

    with whole_folder(worker.folder.result) as result:
        measure_blends(work, worker.folder.path, result, report)


def _grow(worker: Worker, work: GrowWork) -> None:
    worker.progress(0, 0, "", "loading")
    from domainstudio.model.grow import write_grown

    def preparing(phase: str) -> None:
        worker.check_stop()
        worker.progress(0, 0, "", phase)

    with whole_folder(worker.folder.result) as result:
        (result / MODEL).mkdir()
        growth = write_grown(work, worker.folder.path, result / MODEL, preparing)
        (result / FILE).write_text(growth.model_dump_json(indent=1))


def _score(worker: Worker, work: ScoreWork) -> None:
    worker.progress(0, 0, "", "loading")
    from domainstudio.model.score import score

    def report(windows: int, total: int) -> None:
        worker.check_stop()
        worker.progress(windows, total, "windows", "measuring the base")

    with whole_folder(worker.folder.result) as result:
        (result / SCORES_FILE).write_text(score(work, worker.folder.path, report).model_dump_json(indent=1))


def main(path: Path) -> int:
    """Do the work of a job and return the exit code of its process."""
    return run(path, _work)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
