"""The report: one page that needs nothing else, says what is not known, and trusts no name."""

import math
import re
from html.parser import HTMLParser
from typing import Any

from domainstudio.evaluation.forgetting import Outcome
from domainstudio.export.card import render_card
from domainstudio.export.facts import ArmFacts, AuditFacts, ProbeFacts, ReportFacts, SourceFacts
from domainstudio.export.report import render

EVIL = '<img src=x onerror="alert(1)">\'&$\\foo$'


def source(name: str, role: str) -> SourceFacts:
    return SourceFacts(
        name=name, role=role, text_origin="documents", documents=1200, characters=360_000,
        tokens=90_000, held_out_documents=32, marked=17, rejected=5, share=0.75, epochs=1.25,
    )  # fmt: skip


def probe(name: str, role: str, after: float = 2.5) -> ProbeFacts:
    return ProbeFacts(
        source=name, role=role, curve=((0, 3.0), (50, 2.75), (100, after)), base_nats=3.0, nats=after,
        base_bits=1.25, bits=1.125, tokens=16_384,
    )  # fmt: skip


def facts(**changes: Any) -> ReportFacts:
    values: dict[str, Any] = {
        "project": "contracts", "run": "train-1", "status": "done", "origin": "tiny", "steps": 100,
        "done_steps": 100, "tokens": 102_400, "seconds": 61.0,
        "losses": tuple((step, 3.0 - step / 200) for step in range(1, 101)),
        "smoothed": tuple((step, 3.0 - step / 200) for step in range(1, 101, 10)),
        "sources": (source("law", "domain"), source("news", "general")),
        "probes": (probe("law", "domain"), probe("news", "general", 3.031)), "outcome": Outcome(0.5, 0.031),
        "accepted": 0.05, "arms": (), "recipe": {"learning_rate": "0.001"}, "attempts": 1,
        "hashes": {"tokenizer.json": "ab12"},
    }  # fmt: skip
    return ReportFacts(**values | changes)


class Page(HTMLParser):
    """What of a page could reach out or run, and what it says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words += f" {data}"


def assert_self_contained(html: str) -> None:
    page = Page(html)
    assert page.tags.isdisjoint({"script", "link", "iframe", "img", "object", "embed", "base"})
    for name, value in page.attributes:
        assert not name.startswith("on"), name
        if name in ("href", "src", "xlink:href", "rdf:resource", "data", "action"):
            assert value.startswith("#"), value
        elif not name.startswith("xmlns"):
            assert "//" not in value, (name, value)
    assert "@import" not in html
    assert all(target.startswith("#") for target in re.findall(r"url\(['\"]?([^)]*)", html))


def test_the_page_needs_nothing_from_elsewhere() -> None:
    html = render(facts())
    assert_self_contained(html)
    assert html.count("<svg") == 3
    assert "<style>" in html and ".plots" in html


def test_the_page_says_the_figures() -> None:
    words = Page(render(facts())).words
    for figure in ("+0.500", "+0.031", "−0.500", "102,400", "16,384", "75.0%", "1,200", "ab12", "1.125"):
        assert figure in words, figure
    assert "not measured" not in words


def test_without_general_text_forgetting_is_not_measured() -> None:
    page = Page(
        render(
            facts(
                probes=(probe("law", "domain"),),
                sources=(source("law", "domain"),),
                outcome=Outcome(0.5, None),
            )
        )
    )
    assert "not measured" in page.words
    assert "this report cannot say what the model forgot" in page.words
    assert "+0.500" in page.words


def test_a_run_before_its_second_probe_has_a_page() -> None:
    first = probe("law", "domain", 3.0).model_copy(update={"curve": ((0, 3.0),)})
    words = Page(
        render(facts(probes=(first,), losses=(), smoothed=(), done_steps=0, outcome=Outcome(0.0, None)))
    ).words
    assert "+0.000" in words


def test_a_run_that_diverged_has_a_page() -> None:
    losses = ((1, 3.0), (2, math.nan), (3, math.nan))
    words = Page(
        render(
            facts(
                probes=(probe("news", "general", math.nan),),
                losses=losses,
                smoothed=losses,
                outcome=Outcome(math.nan, 0.1),
            )
        )
    ).words
    assert "nan" in words


def test_names_are_shown_as_they_are_and_never_as_markup() -> None:
    html = render(
        facts(
            project=EVIL, run=EVIL, status=EVIL, origin=EVIL, sources=(source(EVIL, "domain"),),
            probes=(probe(EVIL, "domain"), probe(EVIL + "2", "general")), recipe={EVIL: EVIL},
            hashes={EVIL: EVIL},
        )
    )  # fmt: skip
    assert_self_contained(html)
    assert Page(html).words.count(EVIL) >= 12
    assert "<img" not in html


def test_chinese_names_are_text_in_the_figures_too() -> None:
    html = render(facts(probes=(probe("中国法律", "domain"),)))
    figures = html[html.index("class='plots'") : html.index("</section>", html.index("class='plots'"))]
    assert "中国法律 −0.500" in Page(figures).words


def test_equal_facts_make_equal_pages() -> None:
    assert render(facts()) == render(facts())


def test_a_resumed_run_says_so() -> None:
    assert "it had 3 attempts" in render(facts(attempts=3))
    assert "attempts" not in render(facts())


def test_arms_are_shown_on_one_chart_and_in_one_table() -> None:
    curve = ((0, 0.0), (10, 0.25))
    arms = tuple(
        ArmFacts(
            run=run,
            arm=arm,
            mixture=mixture,
            outcome=Outcome(0.5, 0.1, 0.4, 0.2),
            domain=curve,
            general=curve,
        )
        for run, arm, mixture in (("train-2", "naive", "law 100%"), ("train-3", "treated", "law 75%"))
    )
    page = Page(render(facts(arms=arms))).words
    for text in ("naive (train-2)", "treated (train-3)", "law 75%", "+0.400", "+0.200"):
        assert text in page
    assert "Arms" not in Page(render(facts(arms=arms[:1]))).words


def test_the_card_says_what_was_measured_and_what_was_not() -> None:
    card = render_card(facts(outcome=Outcome(0.5, None)), "ab" * 32)
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "| forgetting | not measured | not measured |" in card
    assert "No general source" in card and "No control run" in card
    assert "ab" * 32 in card and "| learning_rate | 0.001 |" in card
    measured = render_card(facts(outcome=Outcome(0.5, 0.1, 0.4, 0.2)), "0")
    assert "Near-duplicates were not removed." in measured
    audit = {"documents": 612, "threshold": 0.8, "checked": 0, "wrong": 0, "low": 0.0, "high": 1.0}
    assert "Nobody judged a sample" in render_card(facts(audit=AuditFacts(**audit)), "0")
    judged = render_card(facts(audit=AuditFacts(**audit | {"checked": 200, "wrong": 4, "high": 0.05})), "0")
    assert "Of 200 drawn at random a person found 4 wrong: with 95 % confidence 0.0% to 5.0% of all" in judged
    assert "| domain gain | +0.500 | +0.400 |" in measured
    assert "No control run" not in measured


def test_no_name_breaks_out_of_its_cell_in_the_card() -> None:
    card = render_card(facts(sources=(source("a|b\n<script>", "domain"),)), "0")
    assert "a\\|b &lt;script>" in card
