"""Canary facts: our lists, how endings are scored, and when a base knows too few to tell."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from support import Command

from domainstudio.evaluation.canaries import kept, needed
from domainstudio.language import RESOURCES
from domainstudio.project.project import Project
from domainstudio.recipe.canaries import FrozenCanary, parse, scored_from
from domainstudio.trainer.canaries import CanaryRows
from domainstudio.workflow.protection.canaries import OWN, frozen, listed
from domainstudio.workflow.training.starting import freeze

pytestmark = pytest.mark.usefixtures("warm_start")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_our_lists_are_whole_and_no_fact_is_asked_twice(language: str) -> None:
    file = RESOURCES / "canaries" / f"{language}.jsonl"
    facts = list(parse(file.read_text(encoding="utf-8"), str(file)))
    assert len(facts) == 40 and len({fact.prompt for fact in facts}) == 40
    for fact in facts:
        assert fact.right not in fact.wrong and len(set(fact.wrong)) == 3
        endings = (fact.right, *fact.wrong)
        assert all(ending.startswith(" ") == (language == "en") for ending in endings), fact
        assert not fact.prompt.endswith(" ")


def test_guessing_rarely_gives_as_many_as_are_needed() -> None:
    counts = [4] * 40
    guesses = np.random.default_rng(0).random((20_000, 40)) < 0.25
    assert 0.01 < float((guesses.sum(1) >= needed(counts)).mean()) < 0.05
    assert needed(counts) == 16
    assert needed([2]) == 2, "one fact of two endings can never tell"


def test_what_is_kept_counts_only_what_was_known() -> None:
    assert kept([0, 2], [True, True, False, True]) == 0.5
    assert math.isnan(kept([], [True]))


def test_choices_are_scored_from_the_first_token_in_which_any_leaves_the_prompt() -> None:
    prompt = [9, 1, 2, 3]
    assert scored_from(prompt, [[9, 1, 2, 3, 4], [9, 1, 2, 3, 5, 6]]) == 4
    assert scored_from(prompt, [[9, 1, 2, 3, 4], [9, 1, 2, 7]]) == 3, "a token reaches over the boundary"
    assert scored_from(prompt, [[9, 1, 2], [9, 1, 2, 3, 5]]) == 2, "every choice has a token that counts"


def test_rows_score_the_endings_alone() -> None:
    canary = FrozenCanary(prompt="a", right="b", choices=((9, 1, 2), (9, 1, 3, 4)), scored_from=2)
    rows = CanaryRows([canary])
    assert rows.inputs.tolist() == [[9, 1, 0], [9, 1, 3]] and rows.counts == [2]
    assert rows.labels.tolist() == [[-100, 2, -100], [-100, 3, 4]]
    assert rows.inputs.dtype == torch.int64


def test_facts_are_frozen_into_the_run_cut_with_its_tokenizer(small_project: Path) -> None:
    project = Project(small_project)
    spec, _processes = freeze(project, "base", "default", "default", {"canaries": "en"}, "treated")
    assert len(spec.canaries) == 40
    first = spec.canaries[0]
    assert (first.prompt, first.right) == ("The capital of France is", " Paris")
    assert len({choice[: first.scored_from] for choice in first.choices}) == 1
    assert len({choice[0] for fact in spec.canaries for choice in fact.choices}) == 1, "end-of-text first"
    assert frozen([], small_project, 64) == ()


def test_a_project_may_ask_its_own_facts_and_a_bad_list_is_named(
    small_project: Path, command: Command, refused: Command
) -> None:
    start = ["train", "start", small_project, "--set=canaries=own"]
    assert "canaries.jsonl" in refused(*start)
    file = small_project / OWN
    fact = {"prompt": "Spam is", "right": " ham", "wrong": [" eggs"]}
    file.write_text(json.dumps(fact) + "\n\n" + json.dumps({"prompt": "Spam"}) + "\n", encoding="utf-8")
    assert "Line 3" in refused(*start)
    file.write_text(json.dumps(fact) + "\n", encoding="utf-8")
    with Project(small_project) as project:
        assert [one.right for one in listed(project, "own")] == [" ham"]
    file.write_text("\n", encoding="utf-8")
    assert "0 canary facts" in refused(*start)
    assert "canaries_kept" in refused("train", "start", small_project, "--set=canaries_kept=0.9")
