"""The end of a log: bounded, whole characters, whatever is written and however it is cut."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.jobs import log as module
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.log import KEPT_BYTES, LONGEST_LINE, LogTail


def appended(folder: JobFolder, data: bytes) -> None:
    with folder.log_file.open("ab") as log:
        log.write(data)


def test_a_log_that_is_not_there_yet_says_nothing(tmp_path: Path) -> None:
    assert LogTail(JobFolder(tmp_path)).poll() is None


def test_a_break_that_is_cut_does_not_take_the_next_one_along(tmp_path: Path) -> None:
    tail, shown = LogTail(JobFolder(tmp_path)), ""
    for piece in (b"a\r", b"\n", b"\n", b"b"):
        appended(JobFolder(tmp_path), piece)
        came = tail.poll()
        assert came is not None
        shown = came.text if came.is_anew else shown + came.text
    assert shown == "a\n\nb"


@given(st.text(alphabet="aé領🎓\r\n", max_size=60), st.data())
def test_text_cut_anywhere_reads_as_it_was_written(text: str, data: st.DataObject) -> None:
    import tempfile

    written, shown = text.encode(), ""
    with tempfile.TemporaryDirectory() as made:
        folder = JobFolder(Path(made))
        tail = LogTail(folder)
        while written:
            size = data.draw(st.integers(1, 7))
            appended(folder, written[:size])
            written = written[size:]
            piece = tail.poll()
            assert piece is not None
            shown = piece.text if piece.is_anew else shown + piece.text
        assert tail.poll() is None
    assert shown == text.replace("\r\n", "\n").replace("\r", "\n")


def test_of_a_gigabyte_only_the_end_is_read(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    with folder.log_file.open("wb") as log:
        log.truncate(1 << 30)
        log.seek(0, os.SEEK_END)
        log.write("\nlearned 領域\nthe end\n".encode())
    tail = LogTail(folder)
    piece = tail.poll()
    assert piece is not None and piece.is_anew
    assert piece.text.endswith("learned 領域\nthe end\n")
    assert len(piece.text) <= KEPT_BYTES * 1.01
    assert piece.size_bytes > 1 << 30 and piece.skipped_bytes > (1 << 30) - KEPT_BYTES
    appended(folder, b"more\n")
    piece = tail.poll()
    assert piece is not None and piece.text == "more\n" and not piece.is_anew


def test_a_flood_between_two_looks_leaves_out_its_middle(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    tail = LogTail(folder)
    appended(folder, b"first\n")
    assert tail.poll() is not None
    appended(folder, b"x" * 100 + b"\n" + b"0123456789\n" * (KEPT_BYTES // 8))
    piece = tail.poll()
    assert piece is not None and piece.is_anew
    assert piece.text.startswith("0123456789\n") and "first" not in piece.text


def test_a_line_without_end_is_broken(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    appended(folder, b"#" * 10_000)
    tail = LogTail(folder)
    piece = tail.poll()
    assert piece is not None
    assert max(map(len, piece.text.split("\n"))) <= LONGEST_LINE
    assert piece.text.replace("\n", "") == "#" * 10_000


def test_a_log_that_was_made_anew_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", 1000)
    folder = JobFolder(tmp_path)
    appended(folder, b"long line\n" * 10)
    tail = LogTail(folder)
    tail.poll()
    folder.log_file.write_bytes(b"short\n")
    piece = tail.poll()
    assert piece is not None and piece.is_anew and piece.text == "short\n"
