"""The audit report: every figure from what was judged, and plain words where nothing was."""

import json
from collections.abc import Iterator

import pytest

from domainstudio.corpus.audit.intervals import Tally, needed_over_strata, weighted
from domainstudio.corpus.audit.report import AuditReport, Finding, Sampled, Stratum, make_report
from domainstudio.corpus.audit.report_text import render
from domainstudio.corpus.audit.verdicts import Decision, Key, Queue, Verdict

FINDING = Finding(
    threshold=0.8,
    parameters={"bands": "20 × 6", "seed": "7"},
    documents=1_000_000,
    removed={"same_words": 1_200, "near_duplicate": 4_000},
)
STRATA = [
    Stratum(band=(0.8, 0.85), language="en", source="law | `x`", size=3_000),
    Stratum(band=(0.95, 1.0), language="en", source="law | `x`", size=600),
    Stratum(band=(0.95, 1.0), language="zh", source="weekly <b>", size=400),
]
BELOW = [Stratum(band=(0.6, 0.8), language="en", source="law", size=500)]
KEPT = [Stratum(band=None, language="en", source="law", size=90_000)]
NOON = 1_700_000_000.0


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAINSTUDIO_LANGUAGE", "en")


def judge(
    queue: Queue, decisions: list[Decision], reviewer: str = "Ada", first: int = 0
) -> Iterator[Verdict]:
    """Verdicts on pairs numbered from `first`."""
    for number, decision in enumerate(decisions, first):
        removed, kept = number.to_bytes(16, "big"), (1000 + number).to_bytes(16, "big")
        yield Verdict(
            removed,
            None if queue == "survivor" else kept,
            decision,
            queue,
            reviewer,
            None if queue == "survivor" else 0.9,
            NOON + number,
        )


def keys(verdicts: list[Verdict], strata: int) -> dict[Key, int]:
    return {verdict.key: place % strata for place, verdict in enumerate(verdicts)}


@pytest.fixture
def report() -> AuditReport:
    """30 removals judged, 10 of each stratum: one wrong in the first, one undecided in the second."""
    decisions: list[Decision] = ["reject", "unsure", *["accept"] * 27, "keep"]
    random = list(judge("random", decisions))
    below = list(judge("near_miss", ["accept", *["reject"] * 9], first=100))
    kept = list(judge("survivor", ["reject", *["accept"] * 19], first=200))
    second = list(judge("second", ["accept", "accept", "accept", "split"], "Ben", first=0))
    return make_report(
        FINDING,
        Sampled(STRATA, keys(random, 3)),
        Sampled(BELOW, keys(below, 1)),
        Sampled(KEPT, keys(kept, 1)),
        random + below + kept + second + list(judge("uncertain", ["reject"] * 5, first=300)),
        NOON + 86_400,
    )


def test_the_figures_are_those_of_the_verdicts(report: AuditReport) -> None:
    counts = [Tally(3_000, 10, 1), Tally(600, 9, 0, 1), Tally(400, 10, 0)]
    total, expected = report.removals.total, weighted(counts)
    assert (total.size, total.checked, total.wrong, total.unsure) == (4_000, 29, 1, 1)
    assert total.share == pytest.approx(0.1 * 3_000 / 4_000)
    assert (total.low, total.high) == (expected.interval.low, expected.interval.high)
    assert report.removals.more_needed == {
        "0.97": needed_over_strata(counts, 0.97),
        "0.99": needed_over_strata(counts, 0.99),
    }
    assert {name: each.checked for name, each in report.removals.bands.items()} == {
        "0.80–0.85": 10,
        "0.95–1.00": 19,
    }
    assert {name: each.size for name, each in report.removals.languages.items()} == {"en": 3_600, "zh": 400}
    assert [each.wrong for each in report.removals.strata] == [1, 0, 0]


def test_near_misses_give_what_was_missed(report: AuditReport) -> None:
    assert report.missed is not None and report.near_misses is not None
    assert report.missed.pairs == pytest.approx(50)
    assert report.missed.low < 50 < report.missed.high
    assert report.missed.share == pytest.approx(50 / (50 + 4_000 * (1 - 0.075)))
    assert report.survivors is not None and report.survivors.total.share == pytest.approx(0.05)


def test_the_second_review_is_compared_with_the_first(report: AuditReport) -> None:
    review = report.second_review
    assert review.table == ((1, 1, 0), (1, 0, 0), (1, 0, 0))
    assert (review.pairs, review.agreed) == (4, 1)
    assert review.kappa is not None and review.kappa < 0


def test_json_comes_back_as_the_same_report(report: AuditReport) -> None:
    assert AuditReport.model_validate_json(report.model_dump_json()) == report
    judged = json.loads(report.model_dump_json())["judged"]
    assert len(judged) == 30 + 10 + 20 + 4
    assert judged[0]["removed"] == "0" * 32 and judged[0]["decision"] == "reject"


def test_the_text_says_what_the_figures_say(report: AuditReport) -> None:
    text = render(report)
    more = report.removals.more_needed["0.97"]
    for words in (
        "Of 1,000,000 documents 5,200 are marked as removed",
        "| bands | 20 × 6 |",
        "29 of 4,000 removals were checked at random; wrong: 1",
        "7.5% of all removals are wrong",
        "Looked at and left undecided: 1",
        f"To claim that 97% of them are right takes {more:,} more without an error.",
        "10 of 500 pairs below the threshold were checked at random; duplicates: 1",
        "20 of 90,000 kept documents were read at random; not fit to train on: 1",
        "the first verdict: 4; with the same verdict: 1.",
        "| Ada | 60 | 2023-11-14 22:13 UTC |",
        "Made on 2023-11-15 22:13 UTC",
        f"random {'0' * 32} {1000:032x} reject",
    ):
        assert words in text, words


def test_names_cannot_break_a_table(report: AuditReport) -> None:
    rows = [line for line in render(report).splitlines() if "law" in line or "weekly" in line]
    assert any("law \\| \\`x\\`" in row for row in rows)
    assert any("weekly &lt;b>" in row for row in rows)


def test_without_a_verdict_it_says_that_nothing_is_known() -> None:
    empty = make_report(FINDING, Sampled(STRATA, {}), Sampled(BELOW, {}), Sampled(KEPT, {}), [], NOON)
    assert empty.removals.total.share is None and empty.missed is None and empty.judged == ()
    assert (empty.removals.total.low, empty.removals.total.high) == (0, 1)
    text = render(empty)
    assert "Nothing was checked yet: how many removals are wrong is not known." in text
    assert "Nothing was checked yet: how many duplicates were missed is not known." in text
    assert "No pair was judged by a second reviewer." in text
    assert "0.0%" not in text, "no share is claimed"


def test_what_was_not_looked_at_is_said() -> None:
    random = list(judge("random", ["accept"] * 10))
    found = make_report(FINDING, Sampled(STRATA, keys(random, 1)), None, None, random, NOON)
    text = render(found)
    assert "25.0% lie in strata where nothing was checked yet" in text
    assert "No pairs below the threshold are known." in text


def test_claims_that_hold_and_that_no_longer_can() -> None:
    few = [Stratum(band=(0.8, 1.0), language="en", source="law", size=20)]
    right, wrong = list(judge("random", ["accept"] * 20)), list(judge("random", ["reject", *["accept"] * 19]))
    sure = render(make_report(FINDING, Sampled(few, keys(right, 1)), None, None, right, NOON))
    assert "With 95 % confidence at least 99% of them are right." in sure
    lost = render(make_report(FINDING, Sampled(few, keys(wrong, 1)), None, None, wrong, NOON))
    assert "That 97% of them are right can no longer be claimed" in lost


def test_one_verdict_for_all_has_no_kappa() -> None:
    taken = [*judge("random", ["accept"] * 5), *judge("second", ["accept"] * 5, "Ben")]
    found = make_report(FINDING, Sampled(STRATA, keys(taken[:5], 3)), None, None, taken, NOON)
    assert found.second_review.why_none == "one category"
    assert "There is no kappa" in render(found)


def test_it_speaks_chinese(report: AuditReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAINSTUDIO_LANGUAGE", "zh_CN")
    text = render(report)
    assert "# 去重审计报告" in text and "4,000 次移除" in text
