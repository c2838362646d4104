"""`python -m domainstudio.model JOB`: the process of a job that runs a model without training it."""

import sys
from pathlib import Path

import orjson

from domainstudio.jobs.spec import parse_model
from domainstudio.jobs.worker import Worker, run
from domainstudio.paths import whole_folder
from domainstudio.recipe.generation import GenerateWork


def _work(worker: Worker) -> None:
    folder = worker.folder
    work = parse_model(GenerateWork, orjson.dumps(folder.spec().work), str(folder.path / "spec.json"))
    worker.progress(0, 0, "", "loading")
    from domainstudio.model.generate import generate

    def report(tokens: int) -> None:
        worker.check_stop()
        worker.progress(min(tokens, work.tokens), work.tokens, "tokens", "generating")

    with whole_folder(folder.result) as result:
        generate(work, folder.path, result, report)


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), _work))
