"""Jobs as the project sees them: committed once, by whoever comes, and never half."""

import os
import signal
from pathlib import Path

import pytest
from support import dump, wait_until

from domainstudio.corpus.readers import ReaderSettings
from domainstudio.jobs.folder import list_jobs
from domainstudio.jobs.follow import follow
from domainstudio.jobs.process import kill
from domainstudio.problems import UserError
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.corpus import importing, sources
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.running import commit, commit_finished, resume


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder of 2,000 small text files, so that an import takes a moment."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(2000):
        (folder / f"{number:04}.txt").write_text(f"Document {number}. " + "Some words that repeat. " * 20)
    return folder


def new_project(tmp_path: Path) -> Project:
    return create(tmp_path / "project", ModelOrigin(preset="tiny"))


def finish(project: Project, job_id: str) -> None:
    for _event in follow(project.job(job_id)):
        continue


def test_nothing_is_visible_before_the_commit_and_a_repeat_is_a_no_op(tmp_path: Path, texts: Path) -> None:
    with new_project(tmp_path) as project:
        folder = importing.start_import(project, [texts], "texts", "general", ReaderSettings())
        finish(project, folder.job_id)
        assert folder.status() == "done"
        assert sources.table(project) == []
        assert commit(project, KINDS["import"], folder) is True
        committed = dump(project.path)
        assert len(committed["documents"]) == 2000
        assert commit(project, KINDS["import"], folder) is False
        assert commit_finished(project, KINDS) == []
        assert dump(project.path) == committed
        (row,) = sources.table(project)
        assert row.counts.training_documents + row.counts.held_out_documents == 2000
        assert row.counts.held_out_documents == 32


def test_a_commit_broken_off_is_finished_by_the_next(
    tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_project(tmp_path) as project:
        folder = importing.start_import(project, [texts], "texts", "general", ReaderSettings())
        finish(project, folder.job_id)
        with monkeypatch.context() as broken:
            broken.setattr("domainstudio.project.corpus._mark_copies", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                commit(project, KINDS["import"], folder)
        assert sources.table(project) == []
        assert commit(project, KINDS["import"], folder) is True
        assert len(dump(project.path)["documents"]) == 2000
        assert sources.table(project)[0].counts.documents == 2000


def test_kill_leaves_the_project_as_it_was_and_a_restart_completes_it(tmp_path: Path, texts: Path) -> None:
    with new_project(tmp_path) as project:
        before = dump(project.path)
        folder = importing.start_import(project, [texts], "texts", "general", ReaderSettings())
        wait_until(lambda: folder.last_event() is not None)
        record = folder.run_record()
        assert record is not None
        os.killpg(record.group, signal.SIGKILL)
        wait_until(lambda: folder.status() != "running")
        assert folder.status() == "interrupted"
        assert commit_finished(project, KINDS) == []
        after = dump(project.path)
        assert after.pop("jobs") == [("import-1", "import")] and before.pop("jobs") == []
        assert after == before
        assert not list((project.path / "documents").iterdir())
        resume(folder)
        finish(project, folder.job_id)
        assert commit_finished(project, KINDS) == ["import-1"]
        assert sources.table(project)[0].counts.documents == 2000
        assert not list(folder.path.glob(".tmp-*"))


def test_a_stopped_import_leaves_no_result(tmp_path: Path, texts: Path) -> None:
    with new_project(tmp_path) as project:
        folder = importing.start_import(project, [texts], "texts", "general", ReaderSettings())
        wait_until(lambda: folder.last_event() is not None)
        folder.ask_to_stop()
        finish(project, folder.job_id)
        if folder.status() == "done":
            pytest.fail("2,000 files were read before the request could be made: enlarge the sample")
        assert folder.status() == "stopped"
        assert not folder.result.exists()


def test_the_rule_of_the_first_import_holds_for_the_second(tmp_path: Path, texts: Path) -> None:
    """The same files again are all copies: nothing new to train on, and what was held out stays held out."""
    with new_project(tmp_path) as project:
        for _turn in range(2):
            folder = importing.start_import(project, [texts], "texts", "general", ReaderSettings())
            finish(project, folder.job_id)
            commit_finished(project, KINDS)
        (row,) = sources.table(project)
        assert row.counts.documents == 4000
        assert row.counts.training_documents == 1968
        assert row.counts.held_out_documents == 32
        assert row.counts.marks == {"duplicate": 2000}


def test_a_source_keeps_its_role(tmp_path: Path, texts: Path) -> None:
    with new_project(tmp_path) as project:
        folder = importing.start_import(project, [texts], "texts", "general", ReaderSettings())
        finish(project, folder.job_id)
        commit_finished(project, KINDS)
        with pytest.raises(UserError, match="already"):
            importing.start_import(project, [texts], "texts", "domain", ReaderSettings())


def test_a_running_job_is_not_started_twice(tmp_path: Path, texts: Path) -> None:
    with new_project(tmp_path) as project:
        folder = importing.start_import(project, [texts], "texts", "general", ReaderSettings())
        with pytest.raises(UserError, match="running already"):
            resume(folder)
        kill(folder)


def test_held_out_text_that_comes_later_marks_its_copies_in_training(tmp_path: Path) -> None:
    """Training text imported first is marked when a later source holds the same text out."""
    lines = [f"Sentence number {number} of a text that two sources share." for number in range(2000)]
    (tmp_path / "all.txt").write_text("")
    with new_project(tmp_path) as project:
        for name, role in (("first", "domain"), ("second", "general")):
            rows = lines if name == "first" else lines[1000:] + [f"Own sentence {n}." for n in range(5000)]
            file = tmp_path / f"{name}.jsonl"
            file.write_text("".join(f'{{"text": "{line}"}}\n' for line in rows))
            folder = importing.start_import(project, [file], name, role, ReaderSettings())  # type: ignore[arg-type]
            finish(project, folder.job_id)
            commit_finished(project, KINDS)
        first, second = sources.table(project)
        documents = project.connection.execute(
            "SELECT count(*) FROM documents AS train JOIN documents AS held USING (content_hash)"
            " WHERE held.held_out AND NOT train.held_out AND train.mark IS NULL"
        ).fetchone()[0]
        assert documents == 0
        assert any("held_out_copy" in row.counts.marks for row in (first, second))


def test_a_job_that_cannot_be_committed_keeps_no_other_from_it(tmp_path: Path, texts: Path) -> None:
    with new_project(tmp_path) as project:
        for source in ("first", "second"):
            folder = importing.start_import(project, [texts], source, "general", ReaderSettings())
            finish(project, folder.job_id)
        project.job("import-1").run_file.write_text("{")
        with pytest.raises(UserError, match="import-1"):
            commit_finished(project, KINDS)
        assert [row.counts.name for row in sources.table(project)] == ["second"]


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "a\0b", "\ud800", "x" * 101])
def test_a_source_is_not_given_a_name_that_no_table_could_show(
    tmp_path: Path, texts: Path, name: str
) -> None:
    with new_project(tmp_path) as project, pytest.raises(UserError) as refusal:
        importing.start_import(project, [texts], name, "general", ReaderSettings())
    assert refusal.value.problem.field == "name"
    assert list(list_jobs(tmp_path / "project" / "jobs")) == []


def test_a_path_that_is_no_text_is_refused_by_name(tmp_path: Path, texts: Path) -> None:
    odd = texts / os.fsdecode(b"caf\xe9.txt")
    odd.write_text("words")
    with new_project(tmp_path) as project, pytest.raises(UserError, match=r"caf\\udce9"):
        importing.start_import(project, [odd], "odd", "general", ReaderSettings())
