"""Files and folders that are whole or not there."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import wait_until

from domainstudio.disk import disk_problem, no_room
from domainstudio.paths import inside, locked, move_whole, whole_folder, write_atomically
from domainstudio.problems import UserError

# Writes more than it may to a file and tells how that ended.
FULL_DISK = """
import resource, sys
from pathlib import Path
from domainstudio.paths import write_atomically

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_atomically(Path(sys.argv[1]), b"new" * 1000)
"""

# Writes the same file for ever.
WRITER = """
import sys
from pathlib import Path
from domainstudio.paths import write_atomically

while True:
    for letter in b"ab":
        write_atomically(Path(sys.argv[1]), bytes([letter]) * 5000)
"""

# Takes the lock, says so, and holds it until it is told to let go.
HOLDER = """
import sys
from pathlib import Path
from domainstudio.paths import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    write_atomically(file, b"old")
    failed = subprocess.run([sys.executable, "-c", FULL_DISK, file], capture_output=True, check=False)
    assert failed.returncode == 1 and b"OSError" in failed.stderr
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, file])
        wait_until(file.exists)
        seen = set[bytes]()
        while len(seen) < 2:
            content = file.read_bytes()
            assert content in (b"a" * 5000, b"b" * 5000)
            seen.add(content)
        writer.kill()
        writer.wait()
        assert file.read_bytes() in seen


def test_threads_that_write_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    troubles: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(20):
                write_atomically(file, b"{}")
        except OSError as error:
            troubles.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_appears_only_when_it_is_finished(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with whole_folder(target) as draft:
        (draft / "sub").mkdir()
        (draft / "sub" / "weights").write_bytes(b"1")
        assert not target.exists()
    assert (target / "sub" / "weights").read_bytes() == b"1"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for ending in (ZeroDivisionError, KeyboardInterrupt):
        with pytest.raises(ending), whole_folder(target) as draft:
            (draft / "weights").write_bytes(b"1")
            raise ending
        assert list(tmp_path.iterdir()) == []


def test_a_taken_name_keeps_its_content_and_leaves_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "theirs").touch()
    with pytest.raises(OSError), whole_folder(target) as draft:
        (draft / "ours").touch()
    assert list(tmp_path.iterdir()) == [target]
    assert [file.name for file in target.iterdir()] == ["theirs"]


def test_what_a_killed_process_left_of_a_folder_is_not_mixed_in(tmp_path: Path) -> None:
    (tmp_path / ".tmp-model").mkdir()
    (tmp_path / ".tmp-model" / "old shard").touch()
    with whole_folder(tmp_path / "model") as draft:
        (draft / "shard").touch()
    assert [file.name for file in (tmp_path / "model").iterdir()] == ["shard"]


def test_a_folder_moves_with_its_read_only_files(tmp_path: Path) -> None:
    source = tmp_path / "draft"
    source.mkdir()
    (source / "tokenizer.json").write_text("{}")
    (source / "tokenizer.json").chmod(0o444)
    move_whole(source, tmp_path / "deep" / "tokenizer")
    assert (tmp_path / "deep" / "tokenizer" / "tokenizer.json").read_text() == "{}"
    assert not source.exists()


@pytest.mark.parametrize(
    "relative", ["..", "../other", "a/../../other", "/etc/passwd", "link/file", "inner/../link", "link"]
)
def test_a_path_that_leads_out_is_refused(tmp_path: Path, relative: str) -> None:
    folder = tmp_path / "project"
    (folder / "inner").mkdir(parents=True)
    (tmp_path / "project-other").mkdir()
    (folder / "link").symlink_to(tmp_path / "project-other")
    with pytest.raises(UserError, match="leads out of") as refused:
        inside(folder, relative)
    assert relative in str(refused.value)


@pytest.mark.parametrize("relative", ["a", "a/b.txt", "a/../b", "./a", "inner-link/x", ""])
def test_a_path_that_stays_is_given_also_through_links_and_before_it_exists(
    tmp_path: Path, relative: str
) -> None:
    folder = tmp_path / "project"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner-link").symlink_to("inner")
    reached = tmp_path / "by-link"
    reached.symlink_to(folder)
    assert inside(folder, relative) == folder / relative
    assert inside(reached, relative) == reached / relative


def test_a_lock_keeps_another_process_out_until_it_is_let_go(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with locked(file):
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert holder.stdin is not None and holder.stdout is not None
        wait_until(lambda: _waits_in_flock(holder.pid))
    assert holder.stdout.readline() == b"held\n"
    holder.communicate(b"\n")
    with locked(file):
        assert holder.returncode == 0


def test_a_dead_process_holds_no_lock(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        entered = threading.Event()

        def enter() -> None:
            with locked(file):
                entered.set()

        thread = threading.Thread(target=enter)
        thread.start()
        wait_until(lambda: _waits_in_flock(os.getpid()))
        assert not entered.is_set()
        os.kill(holder.pid, signal.SIGKILL)
        thread.join(20)
        assert entered.is_set()


def _waits_in_flock(pid: int) -> bool:
    """Return whether the kernel has this process waiting for a lock."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f" {pid} " in line for line in lines)


def test_the_disk_named_is_the_one_that_is_full(tmp_path: Path) -> None:
    copied = OSError(errno.ENOSPC, "No space left", "/data/source", None, str(tmp_path / "target"))
    several = shutil.Error([("/data/source", str(tmp_path / "target"), "[Errno 28] No space left on device")])
    for error in (copied, several):
        problem = disk_problem(error, Path("/elsewhere"))
        assert problem is not None and problem.params["file"] == str(tmp_path / "target")


@pytest.mark.parametrize(
    "words", ["No space left on device (os error 28)", "Detail: [errno 28] No space left on device"]
)
def test_a_full_disk_is_known_in_the_words_of_other_languages(words: str, tmp_path: Path) -> None:
    problem = disk_problem(Exception(words), tmp_path)
    assert problem is not None and problem.code == "project.disk_filled"
    assert disk_problem(Exception("a bug of the program"), tmp_path) is None


def test_a_full_disk_is_told_with_what_is_needed_and_what_is_free(tmp_path: Path) -> None:
    problem = no_room(tmp_path / "not" / "there" / "yet", 10**18)
    assert problem.params["needed"] == "1,000,000.0 TB" and problem.params["free"].endswith("B")


def test_a_file_that_cannot_be_written_is_named_without_its_draft(tmp_path: Path) -> None:
    with pytest.raises(OSError) as refusal:
        write_atomically(tmp_path / "not there" / "report.html", b"")
    assert refusal.value.filename == str(tmp_path / "not there" / "report.html")


def test_of_two_who_write_one_folder_at_once_the_second_is_told(tmp_path: Path) -> None:
    """It threw away what the first had written so far, and the rest of both became one folder."""
    target = tmp_path / "model"
    with whole_folder(target) as draft:
        (draft / "weights").write_bytes(b"1")
        with pytest.raises(UserError, match="Another process is writing"), whole_folder(target):
            pass
        (draft / "tokenizer").write_bytes(b"2")
    assert sorted(file.name for file in target.iterdir()) == ["tokenizer", "weights"]
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_is_made_where_a_folder_was_moved_away(tmp_path: Path) -> None:
    gone = tmp_path / "project" / "jobs" / "train-1" / "result"
    with pytest.raises(FileNotFoundError), whole_folder(gone):
        pass
    (tmp_path / "made").mkdir()
    with pytest.raises(FileNotFoundError):
        move_whole(tmp_path / "made", gone)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
