"""Crafted searches, lists and verdicts in short: a sentence, and never a wrong text marked."""

import json
import random
from pathlib import Path

import golden_project
from faults.hostile_duplicates import Trials, audit
from faults.hostile_world import World, write_base

ROUNDS = 8


def test_a_changed_search_list_or_verdict_is_answered_or_refused(small_project: Path, tmp_path: Path) -> None:
    drawn, texts = random.Random(1), list[str]()
    for _ in range(12):
        words = drawn.choices([f"word{number}" for number in range(2000)], k=120)
        texts += [
            " ".join(words),
            " ".join([*words[:60], "other", *words[61:]]),
            " ".join([*words[:110], "end"]),
        ]
    file = tmp_path / "copies.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    golden_project.command("corpus", "import", small_project, file, "--role", "domain")
    golden_project.command("duplicates", "find", small_project)
    audit(small_project, texts[0])
    trials = Trials(World(tmp_path / "world", small_project, write_base(tmp_path / "base")))
    for number in range(ROUNDS):
        mutation, verdicts = trials.play(random.Random(f"short {number}"))
        troubles = [verdict for verdict in verdicts if verdict.trouble]
        assert not troubles, (number, mutation, troubles)
