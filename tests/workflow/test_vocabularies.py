"""Vocabularies sized and trained by command, on the text of a project."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from support import Command, wait_until

from domainstudio.jobs.events import JobProblem
from domainstudio.jobs.folder import PARTS
from domainstudio.jobs.follow import follow
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.tokenizer import vocabulary
from domainstudio.workflow.running import resume
from domainstudio.workflow.tokenizer.size_words import row_of, sentences, small_text_words
from domainstudio.workflow.tokenizer.sizes_found import largest_of, newest_sizing
from domainstudio.workflow.tokenizer.sizing import start_sizing, table_of
from domainstudio.workflow.tokenizer.train import start_training


def rows_of(document: Any) -> list[tuple[int, float]]:
    return [(row["size"], row["bytes_per_token"]) for row in document["result"]["rows"]]


def test_a_vocabulary_is_sized_and_the_chosen_size_is_cut_from_the_largest(
    small_project: Path, command: Command, refused: Command
) -> None:
    found = command("tokenizer", "size", small_project, "--largest", "1500")
    sizes = rows_of(found)
    assert [size for size, _ in sizes] == [512, 768, 1024, 1500]
    assert sizes == sorted(sizes, key=lambda row: row[1])
    with Project(small_project) as project:
        newest = newest_sizing(project)
        assert newest is not None and newest[0] == found["job"] == "size-1"
        table = table_of(project, *newest)
        folder = largest_of(project, "size-1")
        warnings = [event.body.code for event in follow(project.job("size-1"))
                    if event and isinstance(event.body, JobProblem)]  # fmt: skip
    assert warnings == ["tokenizer.little_text"]
    assert vocabulary.size_of(vocabulary.load(folder)) == 1500
    assert not (folder.parent / "parts").exists()
    # The tiny shape has 791,680 parameters beside one table of width 128.
    assert (table.body.hidden, table.body.parameters, table.body.is_tied) == (128, 791_680, True)
    row = row_of(table, 1000)
    assert row.size == 1024 and row.cost.embedding_parameters == 1024 * 128
    tokens = table.text_bytes / row.bytes_per_token
    assert row.cost.flops == pytest.approx(6 * (791_680 + 1024 * 128) * tokens)
    assert "1,500 entries, at its edge" in sentences(table)[0]
    assert "below 100 MB" in small_text_words(table)

    trained = command("tokenizer", "train", small_project, "--sizing", "size-1", "--size", "768")
    assert trained["result"]["vocabulary"] == 768
    again = command("tokenizer", "train", small_project, "--size", "768")
    assert again["result"]["sha256"] == trained["result"]["sha256"]
    assert "up to 1,500" in refused(
        "tokenizer", "train", small_project, "--sizing", "size-1", "--size", "9999"
    )
    assert "sized no vocabulary" in refused("tokenizer", "train", small_project, "--sizing", "tokenizer-1")


def test_unigram_is_pruned_from_the_largest_or_merged_from_chunks(
    small_project: Path, command: Command, refused: Command
) -> None:
    kind = ("--kind", "unigram", "--split", "multi-word-unicode")
    command("tokenizer", "size", small_project, *kind, "--largest", "1000")
    made = [
        command("tokenizer", "train", small_project, "--size", "600", *choice)["result"]
        for choice in (["--sizing", "size-1"], [*kind, "--chunks", "3"])
    ]
    text = "def merge(one, two):\n\treturn [１２3, '合同', \"é\"]  # \x00 😀"
    for row in made:
        folder = small_project / row["folder"]
        tokenizer = vocabulary.load(folder)
        document = json.loads((folder / vocabulary.FILE).read_bytes())
        assert document["model"]["type"] == "Unigram" and row["vocabulary"] == 600
        assert tokenizer.decode(tokenizer.encode(text).ids) == text
    assert [(small_project / row["folder"] / "sentencepiece.model").is_file() for row in made] == [
        True,
        False,
    ]
    assert command("tokenizer", "pack", small_project)["result"][0]["tokens"] > 0
    assert "more than one only for" in refused("tokenizer", "train", small_project, "--chunks", "2")


def test_impossible_choices_start_nothing(small_project: Path, tmp_path: Path) -> None:
    with Project(small_project) as project:
        before = sorted(project.jobs.iterdir())
        for code, wish in (
            ("tokenizer.bad_size", lambda: start_sizing(project, largest=100)),
            ("tokenizer.bad_types", lambda: start_sizing(project, most_types=5)),
            ("tokenizer.bad_types", lambda: start_training(project, 512, most_types=10**9)),
            ("tokenizer.bad_chunks", lambda: start_training(project, 512, kind="unigram", chunks=0)),
            ("tokenizer.no_sizing", lambda: start_training(project, 512, sizing="size-1")),
        ):
            with pytest.raises(UserError) as refusal:
                wish()
            assert refusal.value.problem.code in (code, "job.missing"), code
        assert sorted(project.jobs.iterdir()) == before


def test_text_with_too_many_types_is_thinned_and_the_person_is_told(
    small_project: Path, command: Command
) -> None:
    words = "".join(f"{number:x}x{number * 7919 % 100_003:x} " for number in range(60_000))
    words = "".join(letter if not letter.isdigit() else "ghijklmnop"[int(letter)] for letter in words)
    file = small_project.parent / "many.txt"
    file.write_text(words)
    command("corpus", "import", small_project, file, "--role", "domain", "--name", "many")
    command("tokenizer", "train", small_project, "--size", "600", "--most-types", "10000")
    with Project(small_project) as project:
        jobs = sorted(project.jobs.glob("tokenizer-*"))
        told = [event.body for event in follow(project.job(jobs[-1].name))
                if event and isinstance(event.body, JobProblem)]  # fmt: skip
    assert [body.code for body in told] == ["tokenizer.types_thinned"]
    assert told[0].params["seen"] > 50_000 and told[0].params["kept"] < 11_000


def test_a_training_that_was_killed_goes_on_where_it_was(small_project: Path) -> None:
    with Project(small_project) as project:
        whole, folder = (start_training(project, 600, kind="unigram", chunks=4) for _ in range(2))
        parts = folder.path / PARTS / "parts"
        wait_until(lambda: any(parts.glob("chunk-*.json")))
        record = folder.run_record()
        assert record is not None
        os.killpg(record.group, signal.SIGKILL)
        wait_until(lambda: folder.status() == "interrupted")
        kept = {file.name: file.stat().st_mtime_ns for file in parts.glob("chunk-*.json")}
        resume(folder)
        seen: dict[str, int] = {}
        for _event in follow(folder):
            seen |= {file.name: file.stat().st_mtime_ns for file in parts.glob("chunk-*.json")}
        for _event in follow(whole):
            continue
        assert (folder.status(), whole.status()) == ("done", "done")
        assert kept and kept.items() <= seen.items()
        made = [(job.result / "tokenizer" / vocabulary.FILE).read_bytes() for job in (folder, whole)]
    assert made[0] == made[1]
