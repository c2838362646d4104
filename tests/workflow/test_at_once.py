"""Several programs on one project, and a project that is moved while one is at work."""

import threading
from collections.abc import Callable
from pathlib import Path

import fake_trainer
import pytest
from support import wait_until

from domainstudio.cli.main import run_command
from domainstudio.corpus.readers import ReaderSettings
from domainstudio.jobs import process
from domainstudio.jobs.events import JobProblem, Step
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.follow import read_events
from domainstudio.mixture.shares import Role, TextOrigin
from domainstudio.problems import UserError
from domainstudio.project import corpus as index
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow import planning
from domainstudio.workflow.corpus import importing, sources
from domainstudio.workflow.corpus.importing import IMPORT, ImportWork
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.running import commit, commit_finished, resume, start
from domainstudio.workflow.runs import asking
from domainstudio.workflow.training import starting


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return create(tmp_path / "project", ModelOrigin(preset="tiny"))


def over(folder: JobFolder) -> str:
    wait_until(lambda: folder.status() not in ("created", "running"), 120)
    return folder.status()


def work_of(file: Path, role: Role, origin: TextOrigin = "documents") -> ImportWork:
    settings = ReaderSettings()
    return ImportWork(
        paths=(str(file),), source="law", role=role, settings=settings, rule=None, text_origin=origin
    )


def test_settings_changed_at_once_all_stand(project: Project) -> None:
    """Each change was made of what was read before, so that the last one took all others back."""
    wished = {"seed": "7", "floor": "0.3", "learning_rate": "2e-3", "weight_decay": "0.2", "probe_every": "9"}
    gate = threading.Barrier(len(wished))

    def set_one(key: str, value: str) -> None:
        with Project(project.path) as mine:
            gate.wait()
            for _turn in range(10):
                planning.set_recipe(mine, {key: "0" if key in ("seed", "floor") else "1"})
                planning.set_recipe(mine, {key: value})

    threads = [threading.Thread(target=set_one, args=pair) for pair in wished.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recipe = planning.recipe_of(project)
    stage = recipe.stage
    assert (recipe.seed, stage.floor, stage.learning_rate, stage.weight_decay) == (7, 0.3, 2e-3, 0.2)
    assert recipe.probe_every == 9


def test_a_role_given_while_the_source_was_renamed_does_not_rename_it_back(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "law.txt").write_text("A law of one sentence.\n")
    assert over(start(project, IMPORT, work_of(tmp_path / "law.txt", "domain"))) == "done"
    commit_finished(project, KINDS)
    found = sources.source_named(project, "law")
    with Project(project.path) as other:
        sources.rename_source(other, "law", "statutes")
    index.edit_source(project.connection, found.id, role="task")
    assert [(one.name, one.role) for one in index.sources(project.connection)] == [("statutes", "task")]


@pytest.mark.parametrize(
    ("role", "origin"), [("general", "documents"), ("domain", "written by a model")], ids=["role", "origin"]
)
def test_two_imports_that_begin_a_source_at_once_do_not_pass_for_each_other(
    project: Project, tmp_path: Path, role: Role, origin: TextOrigin
) -> None:
    """Text of the field counted as general text, and text that a model wrote as documents."""
    for name in ("first", "second"):
        lines = [f"Sentence {number} of the {name} file." for number in range(40)]
        (tmp_path / f"{name}.md").write_text("\n\n".join(lines))
    folders = [
        start(project, IMPORT, work_of(tmp_path / "first.md", "domain")),
        start(project, IMPORT, work_of(tmp_path / "second.md", role, origin)),
    ]
    assert [over(folder) for folder in folders] == ["done", "done"]
    with pytest.raises(UserError) as refusal:
        importing.start_import(project, [tmp_path / "first.md"], "law", "task", ReaderSettings())
    assert refusal.value.problem.code == "corpus.other_role"
    commit_finished(project, KINDS)
    found = [(row.counts.name, row.counts.role, row.counts.text_origin) for row in sources.table(project)]
    assert found == [("law", "domain", "documents"), ("law-2", role, origin)]


def test_a_source_that_is_renamed_while_text_comes_into_it_stays_one(
    project: Project, tmp_path: Path
) -> None:
    """Its documents would come into a second source, under the old name."""
    (tmp_path / "law.txt").write_text("A law of one sentence.\n")
    assert over(start(project, IMPORT, work_of(tmp_path / "law.txt", "domain"))) == "done"
    commit_finished(project, KINDS)
    (tmp_path / "more.txt").write_text("Another law.\n")
    folder = importing.start_import(project, [tmp_path / "more.txt"], "law", "domain", ReaderSettings())
    assert over(folder) == "done"
    sources.rename_source(project, "law", "statutes")
    sources.set_role(project, "statutes", "task")
    commit_finished(project, KINDS)
    found = [(row.counts.name, row.counts.role, row.counts.documents) for row in sources.table(project)]
    assert found == [("statutes", "task", 2)]


def test_a_source_that_another_import_also_begins_is_not_renamed_until_that_is_committed(
    project: Project, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        (tmp_path / f"{name}.txt").write_text(f"The {name} law.\n")
    first = start(project, IMPORT, work_of(tmp_path / "first.txt", "domain"))
    second = start(project, IMPORT, work_of(tmp_path / "second.txt", "domain"))
    assert over(first) == "done" and over(second) == "done"
    commit(project, IMPORT, first)
    with pytest.raises(UserError, match="is going on"):
        sources.rename_source(project, "law", "statutes")
    commit_finished(project, KINDS)
    sources.rename_source(project, "law", "statutes")
    assert [row.counts.documents for row in sources.table(project)] == [2]


@pytest.fixture
def start_run(small_project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., JobFolder]:
    """Start a run of the fake trainer; it waits for nobody."""
    monkeypatch.setattr(process, "command", fake_trainer.command)

    def begin(**behaviour: float) -> JobFolder:
        with Project(small_project) as project, monkeypatch.context() as patch:
            patch.setattr(process, "start", lambda _folder: None)
            folder = starting.start_run(project)
        fake_trainer.Behaviour(**behaviour).write(folder)  # type: ignore[arg-type]
        process.start(folder)
        return folder

    return begin


def test_a_run_whose_project_is_moved_says_so_and_goes_on_from_there(
    start_run: Callable[..., JobFolder], tmp_path: Path
) -> None:
    """It trained on, deaf, and left its checkpoints in a new folder where the project had been."""
    folder = start_run(steps=400, seconds_per_step=0.02, checkpoint_every=50)
    wait_until(lambda: any(isinstance(event.body, Step) for event in read_events(folder)))
    project = folder.path.parents[1]
    moved = project.rename(tmp_path / "moved")
    folder = JobFolder(moved / "jobs" / folder.job_id)
    assert over(folder) == "failed"
    problems = [one.body.problem for one in read_events(folder) if isinstance(one.body, JobProblem)]
    assert [problem.code for problem in problems] == ["project.moved"]
    assert not project.exists()
    fake_trainer.Behaviour(steps=10).write(folder)
    resume(folder)
    assert over(folder) == "done"


@pytest.mark.parametrize(
    ("how", "words"), [("moved", "was moved, deleted or replaced"), ("deleted", "There is no job")]
)
def test_who_watches_a_run_that_goes_away_is_not_told_that_its_process_died(
    start_run: Callable[..., JobFolder],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    how: str,
    words: str,
) -> None:
    folder = start_run(stall_after=3)
    wait_until(lambda: any(isinstance(event.body, Step) for event in read_events(folder)))
    project = folder.path.parents[1]
    gone = folder.path if how == "deleted" else project
    there, running = tmp_path / "there", process.processes_of(folder)

    def take_away() -> None:
        wait_until(lambda: "step 0" in capsys.readouterr().err)  # the watcher tells of the first probe
        gone.rename(there)

    threading.Thread(target=take_away).start()
    assert run_command(["runs", "watch", str(project), folder.job_id]) == 2
    assert words in capsys.readouterr().err
    assert running
    for each in running:  # its job folder no longer leads to it
        each.kill()


def test_of_two_who_delete_a_run_the_second_hears_that_there_is_none(
    start_run: Callable[..., JobFolder],
) -> None:
    folder = start_run(steps=5)
    assert over(folder) == "done"
    project, refusals = Project(folder.path.parents[1]), list[UserError]()

    def delete() -> None:
        try:
            asking.delete(project, folder.job_id)
        except UserError as error:
            refusals.append(error)

    with folder.held():
        second = threading.Thread(target=delete)
        second.start()
        second.join(1)  # it waits for the lock by now
        folder.path.rename(project.jobs / ".deleted")
    second.join()
    assert [error.problem.code for error in refusals] == ["job.missing"]
    assert list(list_jobs(project.jobs, "train")) == []
