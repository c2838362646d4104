"""What jobs will write is known before they begin, and what cannot fit is not begun."""

from pathlib import Path

import pytest

from domainstudio.jobs.checkpoints import ROOM_TO_SPARE, size_of
from domainstudio.jobs.folder import list_jobs
from domainstudio.problems import UserError, sentence
from domainstudio.project.project import Project
from domainstudio.recipe.run import ModelOrigin
from domainstudio.units import format_size
from domainstudio.workflow import running
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.running import Kind, Room, start, work_of
from domainstudio.workflow.training.starting import freeze, size_of_run, start_run


def test_a_job_that_cannot_fit_is_refused_with_its_size_and_leaves_nothing(small_project: Path) -> None:
    kind = Kind("search", ModelOrigin, room=lambda project, work: Room(project.path, 9 * 10**18, 10**18))
    with Project(small_project) as project:
        with pytest.raises(UserError) as refusal:
            start(project, kind, ModelOrigin(preset="tiny"))
        assert not list(list_jobs(project.jobs, "search"))
    assert "about 9,000,000.0 TB are needed" in sentence(refusal.value.problem)


def test_a_job_whose_process_cannot_be_started_leaves_nothing(
    small_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(small_project / "no such program"))
    kind = KINDS["tokenizer"]
    with Project(small_project) as project:
        before = [folder.job_id for folder in list_jobs(project.jobs)]
        with pytest.raises(FileNotFoundError):
            start(project, kind, kind.work(size=300))
        assert [folder.job_id for folder in list_jobs(project.jobs)] == before


@pytest.mark.parametrize(
    ("job", "made"), [("import-1", "documents"), ("tokenizer-1", "models"), ("pack-1", "tokens")]
)
def test_what_is_expected_holds_what_was_made(packed_project: Path, job: str, made: str) -> None:
    with Project(packed_project, read_only=True) as project:
        spec = project.job(job).spec()
        kind = KINDS[spec.kind]
        assert kind.room is not None
        room = kind.room(project, work_of(spec, kind))
    assert room.place == packed_project
    assert room.least_bytes <= size_of(packed_project / made / job) <= room.needed_bytes


def test_a_run_whose_first_checkpoint_cannot_fit_is_not_begun(
    packed_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trainer would find out after it has loaded everything."""
    monkeypatch.setattr(running, "free_bytes", lambda place: 20 << 20)
    monkeypatch.setattr("domainstudio.disk.free_bytes", lambda place: 20 << 20)
    with Project(packed_project) as project:
        before = [folder.job_id for folder in list_jobs(project.jobs)]
        with pytest.raises(UserError) as refusal:
            start_run(project)
        assert [folder.job_id for folder in list_jobs(project.jobs)] == before
        spec, _processes = freeze(project, "base", "default", "default", {}, "treated")
        needed = ROOM_TO_SPARE + spec.recipe.checkpoint_bytes(size_of_run(project, spec))
    assert refusal.value.problem.code == "project.disk_full"
    assert refusal.value.problem.params["needed"] == format_size(needed)
