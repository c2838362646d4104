"""The real trainer is killed in every cell of processes, ZeRO stage and precision, and while it saves."""

import os
import random
import shutil
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from faults import forked_ranks
from faults.forked_ranks import Attempt
from faults.training_kills import CELLS, Cell, differences, drafts, freeze_in_save, lines, new_run, outcome
from support import wait_until

from domainstudio.jobs.checkpoints import CHECKPOINTS, list_checkpoints
from domainstudio.jobs.events import JobProblem
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.problems import sentence

SAVED_IN = (Cell(1, 2, "bf16"), Cell(2, 3, "fp32"))
SECONDS = 300
Start = Callable[..., Attempt]
Undisturbed = Callable[[Cell], dict[str, Any]]


@pytest.fixture(scope="module")
def project(packed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose runs are this module's."""
    forked_ranks.prepare()
    return Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("killed") / "small"))


@pytest.fixture(scope="module")
def undisturbed(project: Path) -> Undisturbed:
    """What an undisturbed run of a cell leaves."""

    @cache
    def run(cell: Cell) -> dict[str, Any]:
        folder = new_run(project, cell)
        go_on(folder)
        return outcome(folder) | {"lines": lines(folder)}

    return run


def go_on(folder: JobFolder) -> None:
    """Let a run go on to its end."""
    attempt = forked_ranks.start(folder)
    codes = attempt.wait()
    attempt.end()
    assert folder.status() == "done" and not any(codes), folder.log_file.read_text()[-3000:]


def last_problem(folder: JobFolder) -> str:
    problems = [event.body.problem for event in read_events(folder) if isinstance(event.body, JobProblem)]
    return sentence(problems[-1]) if problems else ""


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_killed_and_resumed_a_run_leaves_byte_for_byte_what_an_undisturbed_one_leaves(
    cell: Cell, project: Path, undisturbed: Undisturbed, start_ranks: Start
) -> None:
    """All its processes or one rank of two, at a moment between its first event and its last checkpoint."""
    expected, chance = undisturbed(cell), random.Random(str(cell))
    victims = chance.choice([(), (0,), (1,)]) if cell.processes == 2 else ()
    while True:
        folder, moment = new_run(project, cell), chance.randrange(1, expected["lines"] - 5)
        attempt = start_ranks(folder)
        wait_until(lambda folder=folder, moment=moment: lines(folder) >= moment, SECONDS)  # type: ignore[misc]
        attempt.signal(signal.SIGKILL, *victims)
        attempt.wait()  # a rank that is left alone ends by itself
        if folder.status() != "done":  # else this machine gave the run all its time between look and kill
            break
    if victims == (1,):
        assert folder.status() == "failed" and "Process 1 of the run died" in last_problem(folder)
    else:
        assert folder.status() == "interrupted"
    go_on(folder)
    assert differences(outcome(folder) | {"lines": expected["lines"]}, expected) == []
    assert not [path for path in folder.result.rglob(".*")], "nothing half-written stays"


@pytest.mark.parametrize("cell", SAVED_IN, ids=str)
def test_killed_inside_a_save_a_run_goes_on_from_the_checkpoint_before(
    cell: Cell, project: Path, undisturbed: Undisturbed, start_ranks: Start
) -> None:
    folder = new_run(project, cell)
    attempt = start_ranks(folder)
    freeze_in_save(attempt, after_step=3)
    half = sorted(drafts(folder)[0].rglob("*"))
    attempt.signal(signal.SIGKILL)
    attempt.wait()
    assert folder.status() == "interrupted"
    assert half and not (folder.result / CHECKPOINTS / "step-00000006").exists()
    go_on(folder)
    expected = undisturbed(cell)
    assert differences(outcome(folder) | {"lines": expected["lines"]}, expected) == []
    assert not [path for path in folder.result.rglob(".*")], "nothing half-written stays"


def test_a_rank_that_hangs_while_another_is_dead_ends_and_says_so(project: Path, start_ranks: Start) -> None:
    """As in a call of NCCL: rank 0 reads a file that never ends, and does not notice that rank 1 is dead."""
    folder = new_run(project, Cell(2, 1, "fp32"), steps="150", checkpoint_every="1000")
    attempt = start_ranks(folder, patience_seconds=0.2)
    wait_until(lambda: lines(folder) > 10, SECONDS)
    os.mkfifo(folder.path / "endless")
    (folder.path / "endless").rename(folder.path / "request.json")
    attempt.signal(signal.SIGKILL, 1)
    assert attempt.wait() == [2, -signal.SIGKILL]
    assert folder.status() == "failed" and "Process 1 of the run died" in last_problem(folder)


@pytest.mark.parametrize("harm", ["lost", "cut short"])
def test_a_damaged_checkpoint_is_refused_and_the_one_before_serves(
    harm: str, project: Path, undisturbed: Undisturbed, start_ranks: Start
) -> None:
    """DeepSpeed goes on without the optimizer's state where its file is gone, and says nothing."""
    cell = Cell(1, 1, "fp32")
    folder, expected = new_run(project, cell), undisturbed(cell)
    attempt = start_ranks(folder)
    wait_until(lambda: len(list_checkpoints(folder.result)) == 2, SECONDS)
    attempt.signal(signal.SIGKILL)
    attempt.wait()
    newest = list_checkpoints(folder.result)[-1].path
    (optimizer,) = newest.rglob("*_optim_states.pt")
    if harm == "lost":
        optimizer.unlink()
    else:
        os.truncate(optimizer, optimizer.stat().st_size // 2)
    assert start_ranks(folder).wait() == [2]
    assert folder.status() == "failed"
    assert str(newest) in last_problem(folder) and optimizer.name in last_problem(folder)
    shutil.rmtree(newest)
    go_on(folder)
    assert differences(outcome(folder) | {"lines": expected["lines"]}, expected) == []


@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_that_dies_on_its_way_is_not_waited_for(
    victim: int, project: Path, start_ranks: Start
) -> None:
    """Before it has met the others: those would wait for it for an hour."""
    folder = new_run(project, Cell(2, 1, "fp32"))
    attempt = start_ranks(folder, patience_seconds=0.2)
    attempt.signal(signal.SIGKILL, victim)
    attempt.wait()
    assert folder.status() in ("created", "failed", "interrupted")
    go_on(folder)
