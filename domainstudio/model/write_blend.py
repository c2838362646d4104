"""`python -m domainstudio.model.write_blend FOLDER`: write a blend for an export, which has no torch."""

import sys
from pathlib import Path

from domainstudio.disk import disk_problem
from domainstudio.jobs.child import tell
from domainstudio.jobs.events import JobProblem, Progress
from domainstudio.jobs.spec import parse_model
from domainstudio.problems import UserError
from domainstudio.recipe.blend import BlendFiles


def main(target: Path) -> int:
    """Write the blend that standard input describes into an existing folder; tell on standard output."""
    out = sys.stdout.buffer
    files = parse_model(BlendFiles, sys.stdin.buffer.read(), "standard input")
    from domainstudio.model.blend import write_blend

    try:
        write_blend(files, target, lambda done, total: tell(out, Progress(done, total, "bytes", "blending")))
    except UserError as error:
        problem = error.problem
    except OSError as error:
        found = disk_problem(error, target)
        if found is None:
            raise
        problem = found
    else:
        return 0
    tell(out, JobProblem(problem.code, problem.field, dict(problem.params)))
    return 2


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
