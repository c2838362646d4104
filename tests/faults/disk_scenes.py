"""A disk that changes under jobs and commands: `.venv/bin/python tests/faults/disk_scenes.py [SCENE…]`.

Each scene has a small disk of its own that is filled, emptied, made read-only or taken away meanwhile. Linux;
no rights are needed.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.small_disk import SmallDisk, code_of, command, enter_namespace, fork, small_disk  # noqa: E402

from domainstudio.jobs import worker as worker_module  # noqa: E402
from domainstudio.jobs.events import JobProblem, Log, Progress, State  # noqa: E402
from domainstudio.jobs.folder import JobFolder, create_job  # noqa: E402
from domainstudio.jobs.follow import read_events  # noqa: E402
from domainstudio.jobs.output import survive_a_full_disk  # noqa: E402
from domainstudio.jobs.worker import Worker, conclude  # noqa: E402
from domainstudio.recipe.run import ModelOrigin  # noqa: E402

DISK_BYTES = 96 << 20
LOOKS = (("project", "info"), ("corpus", "table"), ("runs", "list"), ("mixture", "show"))


def new_job(disk: SmallDisk) -> JobFolder:
    return create_job(disk.path / "jobs", "train", "domainstudio.trainer", ModelOrigin(preset="tiny"))


def bodies(folder: JobFolder) -> list[object]:
    return [event.body for event in read_events(folder)]


def what_a_full_disk_does_not_take_is_written_in_order_once_there_is_room(disk: SmallDisk) -> None:
    folder = new_job(disk)
    worker = Worker(folder)
    disk.leave(0)
    for number in range(200):
        worker.emit(Progress(number, 200, "steps", "training"))
    assert len(bodies(folder)) < 200
    disk.release()
    worker.finish("done")
    assert bodies(folder) == [
        *(Progress(number, 200, "steps", "training") for number in range(200)), State("done"),
    ]  # fmt: skip


def a_job_that_ends_on_a_full_disk_says_so(disk: SmallDisk) -> None:
    folder = new_job(disk)
    worker = Worker(folder)
    worker.begin()
    disk.leave(0)

    def work() -> None:
        for number in range(100_000):
            worker.emit(Log(f"line {number}"))
        raise AssertionError("nothing stopped it")

    assert conclude(worker, work) == 2
    problem, state = bodies(folder)[-2:]
    assert isinstance(problem, JobProblem) and problem.code == "project.disk_full", problem
    assert state == State("failed") and folder.last_event().body == state  # type: ignore[union-attr]
    assert not folder.reserved.exists()


def a_disk_that_stays_full_is_told_of_while_the_work_goes_on(disk: SmallDisk) -> None:
    folder = new_job(disk)
    worker_module.SHORT_SECONDS = 0.0
    worker = Worker(folder)
    disk.leave(0)
    for number in range(1000):
        worker.emit(Log(f"line {number}"))
    told = [body.code for body in bodies(folder) if isinstance(body, JobProblem)]
    assert told == ["job.waits_for_room"]
    worker.finish("stopped")
    assert bodies(folder)[-1] == State("stopped")


def what_libraries_write_on_a_full_disk_is_refused_in_a_sentence(disk: SmallDisk) -> None:
    import numpy as np
    import torch
    from safetensors.torch import save_file

    from domainstudio.corpus.documents import ShardWriter
    from domainstudio.corpus.readers import Document
    from domainstudio.tokenizer.packed import PartWriter
    from domainstudio.tokenizer.training.train import train_byte_level_bpe

    def shards() -> None:
        writer = ShardWriter(disk.path)
        for number in range(20_000):
            writer.add(Document(f"{number**5} " * 20, "a.txt", number))
        writer.close()

    def tokens() -> None:
        with PartWriter(disk.path, 0, "uint16", 0) as writer:
            writer.add([np.arange(2, dtype=np.uint16)] * 4000, [5] * 4000)
            writer.close("a hash")

    def offsets() -> None:
        with PartWriter(disk.path, 0, "uint16", 0) as writer:
            writer.add([np.empty(0, np.uint16)] * 3000, [0] * 3000)
            writer.close("a hash")

    def tokenizer() -> None:
        train_byte_level_bpe(iter([str(number**3) for number in range(3000)]), 600, disk.path)

    def weights() -> None:
        save_file({"weights": torch.zeros(10_000)}, disk.path / "model.safetensors")

    disk.leave(8192)
    with tempfile.TemporaryDirectory() as elsewhere:
        for write in (shards, tokens, offsets, tokenizer, weights):
            folder = JobFolder(Path(elsewhere, write.__name__))
            folder.path.mkdir()
            assert conclude(Worker(folder), write) == 2, folder.job_id
            problem, state = bodies(folder)
            assert isinstance(problem, JobProblem) and problem.code.startswith("project.disk"), problem
            assert state == State("failed")
            for file in disk.path.iterdir():
                if file != disk.filler:
                    file.unlink()


def a_request_to_stop_finds_room_on_a_full_disk(disk: SmallDisk) -> None:
    folder = new_job(disk)
    folder.reserve()
    disk.leave(0)
    folder.ask_to_stop("now")
    assert folder.stop_asked() == "now"


def a_full_log_takes_words_and_not_the_work(disk: SmallDisk) -> None:
    folder = new_job(disk)
    worker = Worker(folder)

    def work() -> int:
        survive_a_full_disk()
        for number in range(1000):
            print("a line of a library", number, file=(sys.stdout, sys.stderr)[number % 2], flush=True)
        return conclude(worker, lambda: None)

    with folder.log_file.open("ab") as log:
        disk.leave(0)
        assert code_of(fork(work, log.fileno(), log.fileno())) == 0
    assert bodies(folder) == [State("done")]


def a_full_disk_can_be_looked_at_and_runs_deleted_to_make_room(disk: SmallDisk) -> None:
    project = make_project(disk)
    disk.leave(0)
    for words in LOOKS:
        told = command(disk, *words, project)
        assert told.code == 0 and "disk" not in told.err, (words, told)
    told = command(disk, "runs", "delete", project, "train-1")
    assert told.code == 0 and disk.free_bytes > 0, told


def a_read_only_disk_can_be_looked_at_and_refuses_every_edit(disk: SmallDisk) -> None:
    project = make_project(disk)
    disk.make_read_only()
    for words in LOOKS:
        told = command(disk, *words, project)
        assert told.code == 0 and "disk" not in told.err, (words, told)
    edits: tuple[tuple[object, ...], ...] = (
        ("mixture", "set", project, "--share", "law=1", "--tokens", "1.5k"),
        ("recipe", "set", project, "micro_batch=4"),
        ("project", "undo", project),
        ("corpus", "import", project, disk.path / "law.txt", "--role", "general"),
        ("tokenizer", "pack", project),
        ("train", "start", project),
        ("runs", "delete", project, "train-1"),
        ("project", "new", disk.path / "other", "--from-scratch", "tiny"),
    )
    for words in edits:
        told = command(disk, *words)
        assert told.code == 2 and told.err.count("\n") == 1, (words, told)
        assert "may not be written" in told.err or "Read-only file system" in told.err, (words, told)


def nothing_is_written_where_a_disk_was_that_is_gone(disk: SmallDisk) -> None:
    project = make_project(disk)
    events = project / "jobs" / "train-2" / "events.jsonl"

    def take_away() -> bool:
        is_at_work = events.is_file() and b'"step":3' in events.read_bytes()
        if is_at_work:
            disk.take_away()
        return is_at_work

    told = command(disk, "train", "start", project, "--set", "micro_batch=1", meanwhile=take_away)
    assert told.code == 2 and "was moved, deleted or replaced" in told.err.splitlines()[-1], told
    assert not list(disk.path.rglob("*"))


def preferences_are_the_old_ones_or_the_new_ones(disk: SmallDisk) -> None:
    from domainstudio.gui.preferences import Preferences

    file = disk.path / "domainstudio.ini"
    Preferences(file).scale = 125
    disk.leave(0)
    preferences = Preferences(file)
    for folder in range(30):
        preferences.keep_memory(str(folder), {"text": "x" * 1000})
    assert Preferences(file).scale == 125
    disk.release()
    preferences.scale = 150
    assert Preferences(file).scale == 150 and len(str(Preferences(file).memory("29"))) > 1000


def make_project(disk: SmallDisk) -> Path:
    """Make a project with a mixture and a finished run."""
    project, text = disk.path / "p", disk.path / "law.txt"
    text.write_text("The court held that the contract was void. " * 200)
    for words in (
        ("project", "new", project, "--from-scratch", "tiny"),
        ("corpus", "import", project, text, "--role", "general", "--name", "law"),
        ("tokenizer", "train", project, "--size", "300"),
        ("tokenizer", "pack", project),
        ("mixture", "set", project, "--share", "law=1", "--tokens", "1k", "--max-epochs", "9"),
        ("recipe", "set", project, "sequence_length=16", "micro_batch=2"),
        ("train", "start", project),
    ):
        told = command(disk, *words)
        assert told.code == 0, (words, told)
    return project


SCENES: tuple[Callable[[SmallDisk], None], ...] = (
    what_a_full_disk_does_not_take_is_written_in_order_once_there_is_room,
    a_job_that_ends_on_a_full_disk_says_so,
    a_disk_that_stays_full_is_told_of_while_the_work_goes_on,
    what_libraries_write_on_a_full_disk_is_refused_in_a_sentence,
    a_request_to_stop_finds_room_on_a_full_disk,
    a_full_log_takes_words_and_not_the_work,
    a_full_disk_can_be_looked_at_and_runs_deleted_to_make_room,
    a_read_only_disk_can_be_looked_at_and_refuses_every_edit,
    nothing_is_written_where_a_disk_was_that_is_gone,
    preferences_are_the_old_ones_or_the_new_ones,
)


def play(scene: Callable[[SmallDisk], None]) -> int:
    with small_disk(DISK_BYTES) as disk:
        scene(disk)
    return 0


def main() -> None:
    enter_namespace()
    codes = []
    for scene in SCENES:
        if len(sys.argv) == 1 or scene.__name__ in sys.argv:
            codes.append(code_of(fork(partial(play, scene), 1, 2)))
            print("badly" if codes[-1] else "well ", scene.__name__, flush=True)
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
