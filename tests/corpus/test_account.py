"""The account of an import as a person reads it: an equation of real numbers that holds."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support import Command

from domainstudio.cli.main import run_command


def row(text: str) -> str:
    return json.dumps({"text": text}) + "\n"


@pytest.fixture
def project(tmp_path: Path, command: Command) -> Path:
    command("project", "new", tmp_path / "p", "--from-scratch", "tiny")
    return tmp_path / "p"


def printed(project: Path, capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    assert run_command(["corpus", "import", str(project), *map(str, words), "--role", "domain"]) == 0
    return capsys.readouterr().out


def numbers(line: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", line)]


def test_read_is_kept_and_marked_and_rejected(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [row(f"Document {number}. " + "Some words. " * 30) for number in range(400)]
    (tmp_path / "a.jsonl").write_text("".join(lines) + "".join(lines[:25]) + "{bad\n" * 12 + '{"n": 1}\n')
    out = printed(project, capsys, tmp_path / "*.jsonl", "--name", "law").splitlines()
    assert out[0].startswith("law: 1 files")
    assert numbers(out[1]) == [438, 400, 25, 13]
    assert out[2:4] == ["  bad_json: 12", "  missing_text: 1"]
    assert out[4].startswith(f"  {tmp_path / 'a.jsonl'}:426: bad_json")
    assert out[-1] == "  … and 3 more"


def test_cut_documents_are_counted_whole(
    project: Path, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """A book of which passages are held out is stored in pieces, and is still one document."""
    for number in range(3):
        text = " ".join(f"Sentence {number} {word} of a book." for word in range(4000))
        (tmp_path / f"{number}.txt").write_text(text)
    (tmp_path / "copy.md").write_text((tmp_path / "1.txt").read_text())
    (tmp_path / "empty.txt").touch()
    out = printed(project, capsys, tmp_path / "*.txt", tmp_path / "copy.md", "--name", "books").splitlines()
    assert numbers(out[1]) == [5, 3, 1, 1]
    assert numbers(out[2])[0] > 4
    again: dict[str, Any] = command(
        "corpus", "import", project, tmp_path / "2.txt", "--name", "books", "--role", "domain"
    )["result"]
    assert again["account"] == {"read": 1, "kept": 0, "marked": 1, "rejected": 0}
