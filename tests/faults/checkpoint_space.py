"""Checkpoints on a disk that fills up: `.venv/bin/python tests/faults/checkpoint_space.py --points 6`.

The real trainer, its ranks forked, runs on a small disk of its own, which another program fills: before the
start, between two checkpoints, and in the middle of writing one, at `--points` sizes of its half-written
folder. Each run must say so with the sizes, keep its last whole checkpoint, leave nothing half-written, go on
or be resumed once there is room, and end byte for byte as a run that nobody disturbed.
"""

import argparse
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from faults import forked_ranks
from faults.forked_ranks import Attempt
from faults.small_disk import SmallDisk, enter_namespace, small_disk
from faults.training_kills import Cell, differences, new_run, outcome
from support import wait_until

from domainstudio.jobs.checkpoints import (
    CHECKPOINTS,
    ROOM_TO_SPARE,
    checkpoint_name,
    latest_checkpoint,
    list_checkpoints,
    room_needed,
    size_of,
)
from domainstudio.jobs.events import JobProblem, Step
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.follow import read_events
from domainstudio.problems import sentence

STEPS, EVERY = 24, 4
DISK_BYTES = 400_000_000
CELLS = (Cell(2, 2, "fp32"), Cell(1, 1, "bf16"), Cell(2, 3, "fp32"))
LEFT_BYTES = 1 << 20
"""What the other program leaves: events of the run still fit, a checkpoint does not."""
PATIENCE_SECONDS = 300


@dataclass
class World:
    """The disk, the packed project on it, and how an undisturbed run of one cell ends."""

    disk: SmallDisk
    project: Path
    cell: Cell
    expected: dict[str, Any]
    size_bytes: int
    """Of a checkpoint."""

    def new_run(self) -> JobFolder:
        return new_run(self.project, self.cell, steps=str(STEPS), checkpoint_every=str(EVERY))

    def is_as_undisturbed(self, folder: JobFolder) -> None:
        """Assert that a run is done and left what the undisturbed one left."""
        assert folder.status() == "done", said(folder)
        found = differences(self.expected, outcome(folder))
        assert set(found) <= {"checkpoints"}, found
        assert not halves(folder)


def said(folder: JobFolder) -> list[str]:
    """Return the sentences of a run."""
    bodies = (event.body for event in read_events(folder))
    return [sentence(body.problem) for body in bodies if isinstance(body, JobProblem)]


def halves(folder: JobFolder) -> list[str]:
    names = [path.name for path in (folder.result / CHECKPOINTS).iterdir()]
    return [name for name in names if name.startswith(".")]


def steps_of(folder: JobFolder) -> list[int]:
    return [event.body.step for event in read_events(folder) if isinstance(event.body, Step)]


def well_ended(attempt: Attempt, folder: JobFolder) -> None:
    """Wait for the end of an attempt and assert that every rank has ended well."""
    codes = attempt.wait()
    assert set(codes) == {0}, (codes, said(folder), folder.log_file.read_text()[-3000:])


@contextmanager
def halted(attempt: Attempt) -> Iterator[None]:
    """Let no rank move within the block."""
    attempt.signal(signal.SIGSTOP)
    try:
        wait_until(attempt.is_frozen, PATIENCE_SECONDS)
        yield
    finally:
        attempt.signal(signal.SIGCONT)


def fill_while_writing(world: World, attempt: Attempt, folder: JobFolder, step: int, at_bytes: int) -> bool:
    """Fill the disk when so much of a checkpoint is written; return False if that came too late."""
    draft = folder.result / CHECKPOINTS / f".tmp-{checkpoint_name(step)}"
    whole = draft.with_name(checkpoint_name(step))
    wait_until(lambda: whole.exists() or size_of(draft) > at_bytes, PATIENCE_SECONDS)
    with halted(attempt):
        is_in_time = draft.exists()
        if is_in_time:
            world.disk.leave(LEFT_BYTES)
    return is_in_time


def filled_in_the_middle(world: World, at_share: float) -> str:
    """The disk is full while a checkpoint is written; the run goes on, and later ones are written."""
    folder = world.new_run()
    attempt = forked_ranks.start(folder)
    if not fill_while_writing(world, attempt, folder, 2 * EVERY, round(at_share * world.size_bytes)):
        attempt.wait()
        return "too late: the checkpoint was whole"
    wait_until(lambda: bool(said(folder)), PATIENCE_SECONDS)
    with halted(attempt):
        latest = latest_checkpoint(folder.result)
        assert latest is not None and latest.step in (EVERY, 2 * EVERY), "the last good one stays"
        world.disk.release()
    well_ended(attempt, folder)
    assert "was put off" in said(folder)[0] and " MB " in said(folder)[0], said(folder)
    world.is_as_undisturbed(folder)
    return "put off, went on" if latest.step == EVERY else "it just fitted, the next was put off"


def filled_at_the_end(world: World, at_share: float) -> str:
    """The disk is full while the last checkpoint is written; the run has failed and is resumed."""
    folder = world.new_run()
    attempt = forked_ranks.start(folder)
    if not fill_while_writing(world, attempt, folder, STEPS, round(at_share * world.size_bytes)):
        attempt.wait()
        return "too late: the checkpoint was whole"
    attempt.wait()
    if folder.status() == "done":
        world.disk.release()
        world.is_as_undisturbed(folder)
        return "it just fitted"
    return _failed_then_resumed(world, folder, STEPS - EVERY)


def full_before_the_start(world: World) -> str:
    """There is no room for one checkpoint: not a step is trained."""
    folder = world.new_run()
    world.disk.leave(ROOM_TO_SPARE)
    forked_ranks.start(folder).wait()
    assert not steps_of(folder)
    return _failed_then_resumed(world, folder, None)


def stopped_on_a_full_disk(world: World) -> str:
    """A pause is asked for while there is no room: the run has failed and is resumed."""
    folder = world.new_run()
    attempt = forked_ranks.start(folder)
    wait_until(lambda: max(steps_of(folder), default=0) > EVERY, PATIENCE_SECONDS)
    with halted(attempt):
        latest, is_saving = latest_checkpoint(folder.result), bool(halves(folder))
        world.disk.leave(ROOM_TO_SPARE)
        folder.ask_to_stop()
    attempt.wait()
    assert latest is not None
    return "too late: it was saving" if is_saving else _failed_then_resumed(world, folder, latest.step)


def _failed_then_resumed(world: World, folder: JobFolder, saved: int | None) -> str:
    assert folder.status() == "failed", folder.status()
    assert "A checkpoint needs" in said(folder)[-1] and " MB " in said(folder)[-1], said(folder)
    latest = latest_checkpoint(folder.result)
    assert (latest.step if latest else None) == saved and (latest is None or not halves(folder))
    world.disk.release()
    well_ended(forked_ranks.start(folder), folder)
    world.is_as_undisturbed(folder)
    return "failed with the sizes, resumed"


def short_for_a_while(world: World) -> str:
    """Room is missing between two checkpoints: they are put off until there is room."""
    folder = world.new_run()
    attempt = forked_ranks.start(folder)
    wait_until(lambda: latest_checkpoint(folder.result) is not None, PATIENCE_SECONDS)
    with halted(attempt):
        world.disk.leave(ROOM_TO_SPARE)
    wait_until(lambda: bool(said(folder)), PATIENCE_SECONDS)
    with halted(attempt):
        world.disk.release()
    well_ended(attempt, folder)
    assert "was put off" in said(folder)[0]
    world.is_as_undisturbed(folder)
    return "put off, went on"


def room_for_two(world: World) -> str:
    """Two checkpoints fit and a third does not: the oldest goes before the third is written."""
    folder = world.new_run()
    world.disk.leave(2 * world.size_bytes + ROOM_TO_SPARE + 2_000_000)
    well_ended(forked_ranks.start(folder), folder)
    assert not said(folder)
    world.disk.release()
    world.is_as_undisturbed(folder)
    return "went on without a word"


def world_of(disk: SmallDisk, project: Path, cell: Cell) -> World:
    """Train the undisturbed run of a cell."""
    folder = new_run(project, cell, steps=str(STEPS), checkpoint_every=str(EVERY))
    well_ended(forked_ranks.start(folder), folder)
    size = size_of(list_checkpoints(folder.result)[-1].path)
    assert room_needed(folder.result, 0) == size + ROOM_TO_SPARE
    world = World(disk, project, cell, outcome(folder), size)
    shutil.rmtree(folder.path)
    return world


def packed_project(folder: Path) -> None:
    """Make the small project that the tests use."""
    from conftest import DOMAIN, GENERAL, MIXTURE, RECIPE, STANDARD_LIBRARY

    from domainstudio.cli.main import run_command

    commands: list[list[object]] = [["project", "new", folder, "--from-scratch", "tiny"]]
    for role, names in (("general", GENERAL), ("domain", DOMAIN)):
        paths = [STANDARD_LIBRARY / name for name in names]
        commands.append(
            ["corpus", "import", folder, *paths, "--reader", "docstrings", "--role", role, "--name", role]
        )
    commands += [["tokenizer", "train", folder, "--size", "512"], ["tokenizer", "pack", folder]]
    commands += [["mixture", "set", folder, *MIXTURE], ["recipe", "set", folder, *RECIPE]]
    for words in commands:
        with redirect_stdout(StringIO()):
            assert run_command([*map(str, words)]) == 0


def main() -> None:
    """Print how often each case was tried and what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=6, help="sizes of a half-written checkpoint")
    parser.add_argument("--cells", type=int, default=len(CELLS), help="how many of the cells")
    parser.add_argument("--short", action="store_true", help="the few cases of the test command")
    parser.add_argument("--project", type=Path, help="a packed project, else one is made")
    options = parser.parse_args()
    cases: list[tuple[str, Callable[[World], str]]] = []
    for share in (point / options.points for point in range(options.points)):
        cases += [(f"filled at {share:.0%} of the last one", partial(filled_at_the_end, at_share=share))]
        if not options.short:
            cases += [
                (f"filled at {share:.0%} of a checkpoint", partial(filled_in_the_middle, at_share=share))
            ]
    cases += [("room for two, kept two", room_for_two)]
    if not options.short:
        cases += [
            ("full before the start", full_before_the_start),
            ("stopped on a full disk", stopped_on_a_full_disk),
            ("short for a while", short_for_a_while),
        ]
    found = Counter[tuple[str, str]]()
    with small_disk(DISK_BYTES) as disk:
        project = disk.path / "small"
        if options.project:
            shutil.copytree(options.project, project)
        else:
            packed_project(project)
        for cell in CELLS[: options.cells]:
            world = world_of(disk, project, cell)
            print(f"{cell}: a checkpoint has {world.size_bytes / 1e6:.1f} MB", flush=True)
            for name, case in cases:
                came = case(world)
                disk.release()
                found[name, came] += 1
                for folder in (project / "jobs").glob("train-*"):
                    shutil.rmtree(folder)
    for (name, came), count in found.items():
        print(f"{name:32} {came:38} {count}")
    print(f"{sum(found.values())} runs, none left half a checkpoint, each ended as undisturbed")


if __name__ == "__main__":
    enter_namespace()
    main()
