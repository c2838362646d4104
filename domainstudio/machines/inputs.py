"""What a run needs on the machine where it is trained, and its spec as that machine shall read it."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.machine import this_machine
from domainstudio.paths import inside
from domainstudio.recipe.run import RunSpec

BASES = "bases"
"""Folder of the project there that holds models from outside of the project."""
_THERE = ".there"
"""In a job's folder: what of it is another file on its machines."""
_UP = "../../"
"""From a job folder to its project."""


@dataclass(frozen=True)
class Input:
    """A file or folder that a run reads."""

    local: Path
    there: str
    """Where it lies below the project's folder on the machine."""


def inputs_of(spec: RunSpec, job: Path) -> tuple[RunSpec, list[Input]]:
    """Return a run as another machine reads it, and all that must lie there.

    Files of the project lie there as they do here; a base model from elsewhere lies among the `bases`.

    Raises:
        UserError: the spec names a file of the project that is not inside it.
    """
    project = job.resolve().parents[1]
    names = [spec.tokenizer, *(one.tokens for one in (*spec.sources, *spec.general_text))]
    names += [one.tokens for one in spec.held_out]
    names += [name for name in (spec.importance, spec.branch.checkpoint if spec.branch else "") if name]
    found = {_below(project, job, name) for name in names}
    model = spec.model
    if model.folder is not None:
        folder = (job / model.folder).resolve()
        if folder.is_relative_to(project):
            found.add(_below(project, job, model.folder))
        else:
            there = f"{BASES}/{name_there(folder)}"
            found.add(Input(folder, there))
            model = model.model_copy(update={"folder": f"{_UP}{there}"})
    return spec.model_copy(update={"model": model}), sorted(found, key=lambda one: one.there)


def prepared(folder: JobFolder) -> tuple[Path, list[Input]]:
    """Write a run's spec as another machine shall read it; return its file, and all that must lie there.

    Raises:
        UserError: as `inputs_of`, or the spec is refused.
    """
    spec = folder.spec()
    work, inputs = inputs_of(spec.work_as(RunSpec, spec.job_id), folder.path)
    there = folder.path / _THERE
    there.mkdir(exist_ok=True)
    changed = spec.model_copy(update={"work": work.model_dump(mode="json")})
    file = there / "spec.json"
    file.write_bytes(changed.model_dump_json(indent=1).encode())
    return file, inputs


def files_of(inputs: list[Input]) -> Iterator[tuple[Path, str, str]]:
    """Yield (root, name below it, folder there) of every file; what is not here is left out.

    A checkpoint that only the machine has is not here: there it is found.
    """
    for one in inputs:
        if one.local.is_file():
            yield one.local.parent, one.local.name, os.path.dirname(one.there)
            continue
        for parent, _, names in os.walk(one.local):
            for name in sorted(names):
                yield one.local, os.path.relpath(os.path.join(parent, name), one.local), one.there


def _below(project: Path, job: Path, relative: str) -> Input:
    """Return an input of the project itself."""
    local = inside(project, os.path.relpath((job / relative).resolve(), project))
    return Input(local, local.relative_to(project).as_posix())


def name_there(folder: Path, mark: str = "") -> str:
    """Return a name for a folder from elsewhere: its own, as far as it is plain, and a hash.

    Args:
        folder: as it lies here.
        mark: tells apart what may lie at the same path, one after another.
    """
    plain = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in folder.name)
    known = f"{this_machine().host}\0{folder}\0{mark}"
    return f"{plain[:40]}-{hashlib.sha256(known.encode()).hexdigest()[:10]}"
