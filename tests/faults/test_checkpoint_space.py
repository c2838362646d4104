"""Checkpoints and the disk: which stay, what goes when room is short, and a write that fails half-way."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults import checkpoint_space, forked_ranks
from faults.small_base import frozen, make_base, new_job
from faults.small_disk import can_mount
from faults.training_kills import Cell, new_run
from hypothesis import given
from hypothesis import strategies as st
from support import Command, wait_until

from domainstudio.jobs import checkpoints
from domainstudio.jobs.checkpoints import (
    CHECKPOINTS,
    KEPT,
    ROOM_TO_SPARE,
    checkpoint_name,
    latest_checkpoint,
    list_checkpoints,
    make_room,
    remove_halves,
    remove_older,
    room_needed,
)
from domainstudio.jobs.events import JobProblem
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.project.project import Project
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.training.planned import RunChoice, planned

SIZE = 1000


def write(result: Path, *steps: int, asked: tuple[int, ...] = ()) -> Path:
    """Leave checkpoints of `SIZE` bytes, some of which a person asked for."""
    for step in steps:
        folder = result / CHECKPOINTS / checkpoint_name(step)
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(bytes(SIZE))
        if step in asked:
            (folder / KEPT).touch()
    return result


def steps_in(result: Path) -> list[int]:
    return [checkpoint.step for checkpoint in list_checkpoints(result)]


def asked_in(result: Path) -> list[int]:
    """Return the steps of the checkpoints that a person asked for."""
    return [found.step for found in list_checkpoints(result) if (found.path / KEPT).exists()]


def disk_of(result: Path, size_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk have so many bytes for checkpoints."""

    def free(_folder: Path) -> int:
        return size_bytes - SIZE * len(steps_in(result))

    monkeypatch.setattr(checkpoints, "free_bytes", free)


def problems(folder: JobFolder) -> list[str]:
    return [event.body.code for event in read_events(folder) if isinstance(event.body, JobProblem)]


def test_the_newest_stay_and_those_asked_for(tmp_path: Path) -> None:
    write(tmp_path, 10, 20, 30, 40, 50, asked=(20,))
    remove_older(tmp_path, 2)
    assert steps_in(tmp_path) == [20, 40, 50]


def test_an_old_checkpoint_makes_room_before_the_new_one_only_if_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 10, 20, 30)
    disk_of(tmp_path, 4 * SIZE, monkeypatch)
    assert make_room(tmp_path, SIZE, keep=3) == SIZE and steps_in(tmp_path) == [10, 20, 30]
    disk_of(tmp_path, 3 * SIZE, monkeypatch)
    assert make_room(tmp_path, SIZE, keep=3) == SIZE and steps_in(tmp_path) == [20, 30]


@given(
    st.lists(st.integers(1, 99), unique=True, min_size=1, max_size=8),
    st.sets(st.integers(1, 99)),
    st.integers(1, 6),
    st.integers(0, 12),
)
def test_making_room_never_takes_what_will_be_kept(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], asked: set[int], keep: int, room: int
) -> None:
    result = write(tmp_path_factory.mktemp("room"), *steps, asked=tuple(asked))
    with pytest.MonkeyPatch.context() as patch:
        disk_of(result, room * SIZE, patch)
        make_room(result, SIZE, keep)
    left, newest = steps_in(result), sorted(steps)[-max(1, keep - 1) :]
    assert set(left) >= {*newest, *(asked & set(steps))}
    if room > len(left):
        assert len(left) == len(steps) or room - len(left) == 1, "no more goes than is needed"


def test_the_next_checkpoint_is_as_large_as_the_last(tmp_path: Path) -> None:
    assert room_needed(tmp_path, 77) == 77 + ROOM_TO_SPARE
    assert room_needed(write(tmp_path, 10), 77) == SIZE + ROOM_TO_SPARE


def test_halves_of_a_killed_attempt_are_swept_up(tmp_path: Path) -> None:
    write(tmp_path, 10)
    for name in (
        f"{CHECKPOINTS}/.tmp-step-00000020",
        f"{CHECKPOINTS}/.old-step-00000005",
        ".tmp-export-check",
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_bytes(b"half")
    remove_halves(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [CHECKPOINTS] and steps_in(tmp_path) == [10]


def test_a_plan_says_what_its_checkpoints_take_and_what_is_free(
    small_project: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project(small_project) as project:
        run = planned(project, RunChoice())
    assert run.disk_bytes == 3 * run.checkpoint_bytes
    assert run.required_bytes == 2 * run.checkpoint_bytes + ROOM_TO_SPARE
    for free, is_said in ((run.required_bytes, False), (run.required_bytes - 1, True)):
        monkeypatch.setattr(
            "domainstudio.workflow.training.planned.free_bytes", lambda _path, free=free: free
        )
        advice = command("recipe", "plan", small_project)["advice"]
        assert ("advice.disk" in [one["problem"]["code"] for one in advice]) == is_said


def test_a_write_that_fails_on_one_rank_puts_the_checkpoint_off_and_the_run_goes_on(
    small_project: Path,
) -> None:
    """Rank 1 may write no large file for a while, as over a quota; rank 0 may."""
    folder = new_run(small_project, Cell(2, 2, "fp32"), steps="60", checkpoint_every="3")
    attempt = forked_ranks.start(folder)
    wait_until(lambda: latest_checkpoint(folder.result) is not None, 300)
    folder.ask_for_checkpoint()
    wait_until(lambda: bool(asked_in(folder.result)), 300)
    pid = attempt.ranks[1].pid
    assert pid is not None
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    wait_until(lambda: bool(problems(folder)) or folder.status() != "running", 300)
    assert latest_checkpoint(folder.result) is not None
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert attempt.wait() == [0, 0]
    assert folder.status() == "done" and set(problems(folder)) == {"project.disk_limit"}
    assert steps_in(folder.result) == sorted({*asked_in(folder.result), 57, 60})
    assert not [entry for entry in (folder.result / CHECKPOINTS).iterdir() if entry.name.startswith(".")]


def test_a_run_goes_on_when_the_checkpoint_it_came_from_has_been_replaced(
    small_project: Path, tmp_path: Path
) -> None:
    """A run that another came from goes on too, and its old checkpoints go; the other has its own by then."""
    base = make_base(tmp_path / "base")
    spec = frozen(small_project, steps="60", checkpoint_every="2")
    folder = new_job(small_project, spec.model_copy(update={"model": ModelOrigin(folder=str(base))}))
    attempt = forked_ranks.start(folder)
    wait_until(lambda: latest_checkpoint(folder.result) is not None, 300)
    folder.ask_to_stop()
    assert attempt.wait() == [0] and folder.status() == "stopped"
    shutil.rmtree(base)
    assert forked_ranks.start(folder).wait() == [0] and folder.status() == "done"


@pytest.mark.skipif(not can_mount(), reason="this machine lets nobody mount a disk of their own")
def test_the_trainer_on_a_disk_that_fills_up(packed_project: Path) -> None:
    """The short form of the campaign: each case asserts what it has found, see its module."""
    options = ["--points", "1", "--cells", "1", "--short", "--project", str(packed_project)]
    program = [sys.executable, checkpoint_space.__file__, *options]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
