"""Verdicts: which of them is in force, and what the sample's ones add up to."""

import pytest

from domainstudio.corpus.audit.agreement import agreement
from domainstudio.corpus.audit.intervals import Tally
from domainstudio.corpus.audit.verdicts import (
    OUTCOMES,
    Decision,
    Key,
    Queue,
    Verdict,
    account_name,
    in_force,
    reviewed_twice,
    tallies,
)

A, B, C, D = (bytes([number]) * 16 for number in range(1, 5))


def verdict(
    decision: Decision,
    removed: bytes = B,
    kept: bytes | None = A,
    queue: Queue = "random",
    reviewer: str = "Ada",
) -> Verdict:
    return Verdict(removed, kept, decision, queue, reviewer, None if kept is None else 0.87, 1_700_000_000.0)


def test_a_verdict_holds_whichever_of_the_two_is_kept() -> None:
    assert verdict("accept", B, A).key == verdict("accept", A, B).key == (A, B)
    assert verdict("accept", B, None, "survivor").key == (B,)


@pytest.mark.parametrize(
    ("queue", "right", "wrong"),
    [
        ("random", {"accept", "keep"}, {"reject", "split"}),
        ("second", {"accept", "keep"}, {"reject", "split"}),
        ("near_miss", {"reject", "split"}, {"accept", "keep"}),
        ("survivor", {"accept"}, {"reject"}),
    ],
)
def test_what_a_decision_says_about_the_program(
    queue: Queue, right: set[Decision], wrong: set[Decision]
) -> None:
    assert {verdict(each, queue=queue).outcome for each in right} == {"right"}
    assert {verdict(each, queue=queue).outcome for each in wrong} == {"wrong"}
    assert verdict("unsure", queue=queue).outcome == "unsure"


def test_a_chosen_pair_has_no_outcome() -> None:
    with pytest.raises(ValueError, match="uncertain"):
        _ = verdict("accept", queue="uncertain").outcome


def test_a_person_may_think_again_and_another_does_not_overrule() -> None:
    taken = [verdict("accept"), verdict("reject", reviewer="Ben"), verdict("unsure"), verdict("reject", C)]
    found = in_force(taken, "random")
    assert {key: each.decision for key, each in found.items()} == {(A, B): "unsure", (A, C): "reject"}
    assert in_force(taken, "near_miss") == {}


def test_only_the_random_sample_feeds_the_estimate_and_unsure_is_counted_apart() -> None:
    taken = [
        verdict("accept", B),
        verdict("reject", C),
        verdict("unsure", D),
        verdict("reject", B, C, "uncertain"),
        verdict("reject", B, D, "list"),
        verdict("reject", B, A, "second", "Ben"),
        verdict("reject", C, D),
    ]
    stratum_of: dict[Key, int] = {(A, B): 0, (A, C): 1, (A, D): 1, (B, C): 0, (B, D): 0}
    # The last pair is no longer removed: it is in no stratum.
    assert tallies(taken, "random", stratum_of, [100, 50, 7]) == [
        Tally(100, 1, 0, 0),
        Tally(50, 1, 1, 1),
        Tally(7, 0, 0, 0),
    ]


def test_a_near_miss_that_is_a_duplicate_is_a_miss() -> None:
    taken = [verdict("accept", queue="near_miss"), verdict("reject", C, queue="near_miss")]
    assert tallies(taken, "near_miss", {(A, B): 0, (A, C): 0}, [40]) == [Tally(40, 2, 1)]


def test_the_second_review_is_another_person_s() -> None:
    taken = [
        verdict("accept", B),
        verdict("reject", C),
        verdict("accept", D),
        verdict("keep", B, queue="second", reviewer="Ben"),
        verdict("accept", C, queue="second", reviewer="Ben"),
        verdict("reject", D, queue="second", reviewer="Ada"),
        verdict("reject", D, B, queue="second", reviewer="Ben"),
    ]
    first, second = reviewed_twice(taken)
    assert first == {(A, B): "right", (A, C): "wrong", (A, D): "right"}
    assert second == {(A, B): "right", (A, C): "right"}
    assert agreement(first, second, OUTCOMES).table == ((1, 0, 0), (1, 0, 0), (0, 0, 0))


def test_an_account_without_a_name_judges_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)
    assert account_name() == "–"
    monkeypatch.setenv("LOGNAME", "ana")
    assert account_name() == "ana"
