"""A short run that ends in an open window is followed by its control, or the window says why not."""

import os
import shutil
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from support import OpenWindow

from domainstudio.gui.window import Window
from domainstudio.jobs import process
from domainstudio.jobs.events import Step
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.worker import Worker
from domainstudio.project.project import Project
from domainstudio.workflow.planning import mixture_of, set_mixture
from domainstudio.workflow.training.starting import TRAIN, freeze, run_spec


@pytest.fixture
def project(trained_project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_project, tmp_path / "trained"))


def running(project: Path) -> Worker:
    """Leave a run that this process seems to train."""
    with Project(project) as opened:
        spec, _processes = freeze(opened, "train-1", "default", "default", {"control": "short"}, "treated")
        folder = create_job(opened.jobs, TRAIN.name, TRAIN.program, spec)
    folder.record_process(os.getpid(), folder.events_size_bytes())
    worker = Worker(folder)
    worker.emit(Step(1, 128, 5.0, 1e-3, 1.0, 1e6, 1))
    return worker


def end(window: Window, worker: Worker, qtbot: QtBot) -> None:
    """Let the run end after the window has seen it run."""
    session = window._session
    assert session is not None
    qtbot.waitUntil(lambda: any(job.status == "running" for job in session.jobs), timeout=10_000)
    worker.finish("done")


def test_its_control_starts_at_once_and_is_told_of(
    project: Path, open_window: OpenWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[JobFolder] = []
    monkeypatch.setattr(process, "start", started.append)
    worker = running(project)
    window = open_window(project)
    end(window, worker, qtbot)
    qtbot.waitUntil(lambda: "train-3, the control" in window.notice.accessibleName(), timeout=10_000)
    assert [folder.job_id for folder in started] == ["train-3"]
    with Project(project) as opened:
        assert run_spec(opened, "train-3").arm == "control"


def test_if_general_text_does_not_suffice_it_says_so(
    project: Path, open_window: OpenWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[JobFolder] = []
    monkeypatch.setattr(process, "start", started.append)
    worker = running(project)
    with Project(project) as opened:
        little = mixture_of(opened, "default").model_copy(update={"max_epochs": 1e-6})
        set_mixture(opened, little, allow_shortfall=True)
    window = open_window(project)
    end(window, worker, qtbot)
    qtbot.waitUntil(lambda: "No control follows" in window.notice.accessibleName(), timeout=10_000)
    assert "general" in window.notice.accessibleName() and not started
