"""Two windows and three commands on one project: `.venv/bin/python tests/faults/concurrency.py --rounds 60`.

Each round they do at the same moment what people do who do not know of each other: the same edit, imports
into one source, runs started, resumed and deleted, undo and redo. After each round nothing may be lost, done
twice or left over, and every refusal is one sentence; at the end both windows show the same, and undo takes
everything back and redo makes it again. `--scenes` names rounds to play instead of drawing them.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from faults import crowd_duplicates
from faults.crowd_world import (
    PATIENCE_SECONDS,
    World,
    count_done,
    crowd,
    edits_of,
    make_project,
    recipe_of,
    runs_of,
    sources_of,
    write_texts,
)
from faults.kill_world import check_unlocked, check_whole
from support import wait_until

from domainstudio.jobs.folder import list_jobs
from domainstudio.jobs.process import processes_of
from domainstudio.project import corpus as index
from domainstudio.project import duplicates, plans, verdicts
from domainstudio.project.database import transaction
from domainstudio.project.project import Project
from domainstudio.workflow import history, planning


def settings_at_once(world: World) -> None:
    """Each sets another setting of the recipe: all of them stand."""
    number = world.new_number()
    wished = {
        "learning_rate": f"{number}e-5",
        "floor": f"{number % 9 / 10}",
        "seed": f"{number}",
        "weight_decay": f"0.{number}",
        "probe_every": f"{number + 10}",
    }
    answers = world.at_once(*[("recipe", key, value) for key, value in wished.items()])
    assert all(answer.was_done for answer in answers), answers
    found = recipe_of(world.project)
    assert {key: float(found[key]) for key in wished} == {key: float(value) for key, value in wished.items()}


def mixtures_at_once(world: World) -> None:
    """Each saves a mixture of its own: one of them stands, whole."""
    tokens = [5000 + world.new_number() for _ in world.actors]
    answers = world.at_once(*[("mixture", str(n), str(n)) for n in tokens])
    assert all(answer.was_done for answer in answers), answers
    with Project(world.project, read_only=True) as project:
        mixture = planning.mixture_of(project)
    assert mixture.tokens in tokens and mixture.shares["guidelines"] == mixture.tokens


def undo_at_once(world: World) -> None:
    """All undo at once, then all redo: each takes back an edit of its own, and all come again."""
    with Project(world.project) as project:
        for seed in range(len(world.actors)):
            planning.set_recipe(project, {"seed": str(world.new_number() + 10_000 + seed)})
    before = recipe_of(world.project)
    assert all(answer.was_done for answer in world.all_at_once("undo"))
    assert edits_of(world.project)[: len(world.actors)] == [True] * len(world.actors)
    assert recipe_of(world.project)["seed"] != before["seed"]
    assert all(answer.was_done for answer in world.all_at_once("redo"))
    assert True not in edits_of(world.project)
    assert recipe_of(world.project) == before


def import_into_one(world: World) -> None:
    """Three import the same file into a source that is not there yet: each document is kept once."""
    file = write_texts(world, 200)
    order = ("import", str(file), f"shared-{world.number}", "domain")
    answers = world.at_once(order, order, order, ("look",), ("look",))
    assert all(answer.was_done for answer in answers), answers
    world.settle()
    found = sources_of(world.project)[order[2]]
    assert found.documents == 600 and found.training_documents + found.held_out_documents == 200, found


def import_with_two_roles(world: World) -> None:
    """Two import into one new source with different roles: what is there says truly what it is."""
    files, name = [write_texts(world, 50) for _ in range(2)], f"torn-{world.new_number()}"
    orders = [
        ("import", str(file), name, role) for file, role in zip(files, ("domain", "general"), strict=True)
    ]
    answers = world.at_once(*orders)
    world.settle()
    found = [one for key, one in sources_of(world.project).items() if key.startswith(name)]
    assert sum(one.documents for one in found) == 50 * sum(answer.was_done for answer in answers)
    if all(answer.was_done for answer in answers):
        assert sorted(one.role for one in found) == ["domain", "general"], found


def rename_while_importing(world: World) -> None:
    """A source gets another name while text is read into it: it stays one source.

    An import that comes when the old name is gone already makes a new source of that name.
    """
    files, name = [write_texts(world, 50) for _ in range(2)], f"old-{world.new_number()}"
    world.must("import", str(files[0]), name, "domain")
    world.settle()
    new = f"new-{world.number}"
    renamed, added = world.at_once(("rename", name, new), ("import", str(files[1]), name, "domain"))
    world.settle()
    found = {key: one.documents for key, one in sources_of(world.project).items() if key in (name, new)}
    works = [folder.spec().work for folder in list_jobs(world.project / "jobs", "import")]
    came_after = any(work["paths"] == [str(files[1])] and work["rule"] is None for work in works)
    lasting = new if renamed.was_done else name
    expected = {new: 50, name: 50} if came_after else {lasting: 50 + 50 * added.was_done}
    assert found == expected, (found, renamed, added)


def edit_one_source(world: World) -> None:
    """One renames a source while others change its role: neither takes the other back."""
    file, name = write_texts(world, 20), f"edited-{world.new_number()}"
    world.must("import", str(file), name, "domain")
    world.settle()
    new = f"renamed-{world.number}"
    renamed, *roles = world.at_once(("rename", name, new), *[("role", name, "task")] * 3)
    assert renamed.was_done, renamed
    found = sources_of(world.project)
    assert name not in found and found[new].role == (
        "task" if any(one.was_done for one in roles) else "domain"
    )


def pack_at_once(world: World) -> None:
    """Two pack while a third trains a vocabulary: all are committed, and the newest vocabulary counts."""
    before = count_done(world.project)
    world.at_once(
        ("pack",), ("pack",), ("tokenizer", "400"), ("look",)
    )  # it may be new before a pack is over
    world.settle()
    assert count_done(world.project) - before == Counter(pack=2, tokenizer=1)
    world.must("pack")
    world.settle()


def start_runs_at_once(world: World) -> None:
    """All start a run: each gets one of its own."""
    before = runs_of(world.project)
    assert all(answer.was_done for answer in world.all_at_once("train"))
    world.settle()
    new = {run: state for run, state in runs_of(world.project).items() if run not in before}
    assert len(new) == len(world.actors) and set(new.values()) == {"done"}, new


def delete_at_once(world: World) -> None:
    """All delete the same run: one does it, the others hear that there is none."""
    world.must("train")
    world.settle()
    run = list(runs_of(world.project))[-1]
    for number in range(500):  # much to remove, so that they meet
        (world.project / "jobs" / run / f"file-{number}").touch()
    answers = world.all_at_once("delete", run)
    assert sum(answer.was_done for answer in answers) == 1, answers
    assert run not in runs_of(world.project)


def delete_while_resuming(world: World) -> None:
    """Two delete a paused run that two others resume: it goes, or it runs; nothing is torn."""
    world.must("train")
    run = list(runs_of(world.project))[-1]
    world.settle()
    folder = world.project / "jobs" / run
    events = (folder / "events.jsonl").read_bytes()  # as if it had been paused: without its last word
    (folder / "events.jsonl").write_bytes(events[: events.rindex(b'{"v"')])
    answers = world.at_once(("resume", run), ("delete", run), ("resume", run), ("delete", run))
    world.settle()
    is_there = run in runs_of(world.project)
    assert is_there or any(answer.was_done for answer in (answers[1], answers[3])), answers
    assert is_there == folder.exists()


def report_at_once(world: World) -> None:
    """All write a report of one run into one file: it is whole."""
    target = world.project.parent / f"report-{world.new_number()}.html"
    run = next(run for run, state in runs_of(world.project).items() if state == "done")
    assert all(answer.was_done for answer in world.at_once(*[("report", run, str(target))] * 2))
    world.settle()
    assert target.read_text().rstrip().endswith("</html>")
    assert not list(target.parent.glob(".*report*"))


SCENES: dict[str, Callable[[World], None]] = {
    scene.__name__: scene
    for scene in (
        settings_at_once, mixtures_at_once, undo_at_once, edit_one_source, delete_at_once, start_runs_at_once,
        import_into_one, import_with_two_roles, rename_while_importing, pack_at_once, delete_while_resuming,
        report_at_once,
    )
} | crowd_duplicates.SCENES  # fmt: skip


def check_after_a_round(world: World) -> None:
    """Check that what is there is whole, and that nothing is held, at work or left over."""
    check_whole(world.project)
    crowd_duplicates.check_marks(world.project)
    wait_until(lambda: not any(processes_of(folder) for folder in list_jobs(world.project / "jobs")))
    left = [path.name for path in (world.project / "jobs").iterdir() if path.name.startswith(".")]
    assert not left, left
    with Project(world.project, read_only=True) as project:
        committed = {
            row["id"] for row in project.connection.execute("SELECT id FROM jobs WHERE committed_at")
        }
        imports = [row["job_id"] for row in project.connection.execute("SELECT job_id FROM imports")]
    done = {folder.job_id for folder in list_jobs(world.project / "jobs") if folder.status() == "done"}
    assert done <= committed, done - committed
    assert sorted(imports) == sorted(job for job in committed if job.startswith("import-"))


def check_the_journal(project: Path) -> None:
    """Check that undo leads back to the beginning and redo to what is there now."""

    def state(opened: Project) -> list[Any]:
        found = [plans.stored(opened.connection, "mixture", "default")]
        found.append(plans.stored(opened.connection, "recipe", "default"))
        found += [duplicates.standing(opened.connection), verdicts.verdicts(opened.connection)]
        found.append(crowd_duplicates.marks_of(opened.path))
        return found + [(name, one.role) for name, one in sources_of(opened.path).items()]

    with Project(project) as opened:
        before, count = state(opened), 0
        moved = make_way(opened)
        while history.undo(opened) is not None:
            count += 1
        while history.redo(opened) is not None:
            count -= 1
        with transaction(opened.connection):
            for source, name in moved:
                role = next(one.role for one in index.sources(opened.connection) if one.id == source)
                index.apply_source(opened.connection, source, name, role)
        assert count == 0 and state(opened) == before


def make_way(project: Project) -> list[tuple[int, str]]:
    """Rename sources that took the old name of one renamed before; return id and name of each.

    Undo refuses to give two sources one name: a person makes way first. These edits are not in the journal.
    """
    moved = []
    for source in index.sources(project.connection):
        old = source.name.startswith("old-")
        if old and index.find_source(project.connection, source.name.replace("old", "new")):
            with transaction(project.connection):
                index.apply_source(project.connection, source.id, f"moved-{source.id}", source.role)
            moved.append((source.id, source.name))
    return moved


def check_the_windows(world: World) -> None:
    """Check that both show the same in every pane, once they have read it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        one, other = world.shown()
        if one == other and all(one.values()):
            return
        sides = {
            step: (sorted(set(one[step]) - set(other[step])), sorted(set(other[step]) - set(one[step])))
            for step in one
        }
        apart = {step: found for step, found in sides.items() if any(found) or not one[step]}
        assert time.monotonic() < deadline, f"the windows show: {apart}, and say: {world.windows_say()}"


def play(world: World, scenes: list[str]) -> None:
    """Play some scenes and check everything that shall hold."""
    for number, scene in enumerate(scenes, 1):
        SCENES[scene](world)
        world.settle()
        check_after_a_round(world)
        print(f"{number:4} {scene}", file=sys.stderr, flush=True)
    check_the_windows(world)


def main() -> int:
    """Play many rounds and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenes", nargs="+", choices=SCENES)
    options = parser.parse_args()
    drawn = random.Random(options.seed)
    rounds = options.scenes or [drawn.choice(list(SCENES)) for _ in range(options.rounds)]
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "work")
        with crowd(project, Path(folder), seed=options.seed) as world:
            play(world, rounds)
        check_the_journal(project)
        check_unlocked(project)
        left = [one for one in psutil.process_iter(["environ"]) if folder in str(one.info["environ"])]
        assert not left, left
    print(f"Two windows and three command lines, {len(rounds)} rounds:")
    for scene, count in sorted(Counter(rounds).items()):
        words = (SCENES[scene].__doc__ or "").split("\n")[0]
        print(f"  {count:3}  {words}")
    done = world.told.pop("done")
    print(f"{done} orders done, {world.told.total()} refused in a sentence:")
    for words, count in world.told.most_common():
        print(f"  {count:3}  {words}…")
    print("Nothing is lost, done twice or left over; both windows show the same; undo and redo lead back.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
