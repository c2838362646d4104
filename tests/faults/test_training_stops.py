"""A stop is heard by every rank at one step: while a save takes long, while loading, while measuring."""

import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from faults import forked_ranks
from faults.forked_ranks import Attempt
from faults.training_kills import Cell, drafts, freeze_in_save, new_run
from support import wait_until

from domainstudio.jobs.checkpoints import list_checkpoints
from domainstudio.jobs.events import JobProblem, Probe, Progress, State, Step
from domainstudio.jobs.folder import JobFolder, Stop
from domainstudio.jobs.follow import read_events
from domainstudio.problems import sentence

SECONDS = 300
Start = Callable[[JobFolder], Attempt]
Body = TypeVar("Body")


@pytest.fixture(scope="module")
def project(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose runs are this module's."""
    forked_ranks.prepare()
    return Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("stopped") / "small"))


def all_of(folder: JobFolder, kind: type[Body]) -> list[Body]:
    return [event.body for event in read_events(folder) if isinstance(event.body, kind)]


def last_word(folder: JobFolder) -> State:
    return all_of(folder, State)[-1]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_stop_asked_during_a_slow_save_ends_the_run_with_that_save(
    processes: int, project: Path, start_ranks: Start
) -> None:
    """Also when the system asks twice by signal; rank 1 is the slow one, rank 0 waits for it."""
    folder = new_run(project, Cell(processes, 2, "fp32"), steps="100")
    attempt = start_ranks(folder)
    freeze_in_save(attempt, after_step=0)
    (half,) = drafts(folder)
    saved = int(half.name.rpartition("-")[2])
    if processes == 2:
        attempt.signal(signal.SIGCONT, 0)
    for _ in range(2):
        attempt.signal(signal.SIGTERM)
        folder.ask_to_stop()
    attempt.signal(signal.SIGCONT)
    assert attempt.wait() == [0] * processes
    assert last_word(folder) == State("stopped", saved)
    assert [checkpoint.step for checkpoint in list_checkpoints(folder.result)][-1] == saved
    assert all_of(folder, Step)[-1].step == saved, "no step and no second save after it"
    assert "Traceback" not in folder.log_file.read_text()


@pytest.mark.parametrize("how", ["checkpoint", "now"])
def test_a_stop_asked_while_the_model_is_loaded_is_heard_before_the_first_step(
    how: Stop, project: Path, start_ranks: Start
) -> None:
    folder = new_run(project, Cell(2, 1, "fp32"))
    attempt = start_ranks(folder)
    wait_until(lambda: bool(all_of(folder, Progress)), SECONDS)
    folder.ask_to_stop(how)
    assert attempt.wait() == [0, 0]
    assert last_word(folder) == State("stopped", 0)
    assert not all_of(folder, Step) and not all_of(folder, Probe)


def test_a_stop_asked_during_long_probes_is_heard_before_the_first_step(
    project: Path, start_ranks: Start
) -> None:
    folder = new_run(project, Cell(2, 1, "fp32"), probe_tokens="60000")
    attempt = start_ranks(folder)
    wait_until(lambda: bool(all_of(folder, Probe)), SECONDS)
    folder.ask_to_stop()
    assert attempt.wait() == [0, 0]
    assert last_word(folder) == State("stopped", 0)
    assert not all_of(folder, Step)


def test_an_export_that_fails_at_step_0_on_one_rank_ends_all_with_one_sentence(
    project: Path, start_ranks: Start
) -> None:
    """Rank 0 alone tries the export; here its disk takes no file of the model's size."""
    folder = new_run(project, Cell(2, 1, "fp32"))
    attempt = start_ranks(folder)
    attempt.limit(0, resource.RLIMIT_FSIZE, 1 << 20)
    assert attempt.wait() == [2, 2]
    assert last_word(folder).state == "failed"
    (problem,) = all_of(folder, JobProblem)
    assert problem.code.startswith("project.disk_")
    log = folder.log_file.read_text()
    assert sentence(problem.problem) in log, "rank 1 says the same"
    assert "Traceback" not in log
