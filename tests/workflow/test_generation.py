"""Text written by the base model: what was written once is not written again."""

import json
import os
import shutil
from pathlib import Path

import pytest
from faults.kill_world import write_model
from support import Command, wait_until

from domainstudio.jobs.folder import create_job
from domainstudio.jobs.process import kill
from domainstudio.jobs.worker import Worker
from domainstudio.project.project import Project
from domainstudio.workflow.corpus.generation import (
    GENERATE,
    generated_file,
    generated_waiting,
    import_generated,
    written_already,
)
from domainstudio.workflow.projects import new_project
from domainstudio.workflow.running import relative_to_job
from domainstudio.workflow.tokenizer.train import current

pytestmark = pytest.mark.usefixtures("warm_start")


@pytest.fixture
def project(packed_project: Path, tmp_path: Path) -> Path:
    """A project whose base model has written 1,000 tokens, by order of a command that was killed."""
    base = tmp_path / "base"
    base.mkdir()
    write_model(base)
    shutil.copy(next((packed_project / "models").rglob("tokenizer.json")), base)
    with new_project(tmp_path / "project", base=base) as made:
        tokenizer = relative_to_job(made.inside(current(made).folder), made)
        work = GENERATE.work(model=str(base), tokenizer=tokenizer, tokens=1000)
        folder = create_job(made.jobs, GENERATE.name, GENERATE.program, work)
        folder.record_process(os.getpid(), 0)
        folder.result.mkdir()
        texts = [f"Written by the model, number {number}." for number in range(50)]
        lines = [json.dumps({"text": text}) for text in texts]
        generated_file(folder).write_text("\n".join(lines))
        Worker(folder).finish("done")
        return made.path


def test_text_whose_command_was_killed_before_its_import_is_imported_by_the_same_command(
    project: Path, command: Command
) -> None:
    """The window offers it; without this a command would have to write the very same text once more."""
    made = command("corpus", "generate", project, "--tokens", "1000", "--name", "own")
    assert (made["job"], made["result"]["documents"]) == ("import-1", 50)
    (row,) = command("corpus", "table", project)
    assert row["counts"]["text_origin"] == "written by a model"
    with Project(project) as opened:
        assert generated_waiting(opened) == []


def test_other_text_is_not_taken_for_what_was_asked_for(project: Path) -> None:
    with Project(project) as opened:
        assert written_already(opened, 1000) is not None
        assert written_already(opened, 2000) is None and written_already(opened, 1000, seed=1) is None


def test_text_whose_import_was_broken_off_is_waiting_again(project: Path) -> None:
    with Project(project) as opened:
        folder = import_generated(opened, "generate-1", "own")
        assert generated_waiting(opened) == []
        kill(folder)
        wait_until(lambda: folder.status() == "interrupted")
        assert generated_waiting(opened) == ["generate-1"]
