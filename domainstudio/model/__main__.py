"""`python -m domainstudio.model JOB`: the process of a job that runs a model without training it."""

import sys
from pathlib import Path

from domainstudio.jobs.worker import Worker, run
from domainstudio.paths import whole_folder
from domainstudio.recipe.blend import BlendWork
from domainstudio.recipe.generation import GenerateWork, SampleWork


def _work(worker: Worker) -> None:
    """Do what the job's kind asks for; heavy libraries are imported once its work is known to be valid."""
    spec, where = worker.folder.spec(), str(worker.folder.path / "spec.json")
    if spec.kind == "samples":
        _sample(worker, spec.work_as(SampleWork, where))
    elif spec.kind == "blend":
        _measure_blends(worker, spec.work_as(BlendWork, where))
    else:
        _generate(worker, spec.work_as(GenerateWork, where))


def _generate(worker: Worker, work: GenerateWork) -> None:
    worker.progress(0, 0, "", "loading")
    from domainstudio.model.generate import generate

    def report(tokens: int) -> None:
        worker.check_stop()
        worker.progress(min(tokens, work.tokens), work.tokens, "tokens", "generating")

    with whole_folder(worker.folder.result) as result:
        generate(work, worker.folder.path, result, report)


def _sample(worker: Worker, work: SampleWork) -> None:
    worker.progress(0, 0, "", "loading")
    from domainstudio.model.samples import continue_prompts

    def report(texts: int) -> None:
        worker.check_stop()
        worker.progress(texts, 2 * len(work.prompts), "texts", "generating")

    with whole_folder(worker.folder.result) as result:
        continue_prompts(work, worker.folder.path, result, report)


def _measure_blends(worker: Worker, work: BlendWork) -> None:
    worker.progress(0, 0, "", "loading")
    from domainstudio.model.blending import measure_blends

    def report(windows: int, total: int) -> None:
        worker.check_stop()
        worker.progress(windows, total, "windows", "measuring blends")

    with whole_folder(worker.folder.result) as result:
        measure_blends(work, worker.folder.path, result, report)


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), _work))
