"""The audit report for people: Markdown in the language of the person."""

import time
from collections.abc import Mapping, Sequence

from domainstudio.corpus.audit.report import (
    AuditReport,
    Figures,
    Missed,
    SampleFigures,
    SecondReview,
    band_name,
)
from domainstudio.corpus.duplicates.reasons import counted
from domainstudio.language import translate as _
from domainstudio.markdown import table
from domainstudio.units import format_count


def render(report: AuditReport) -> str:
    """Return the report as Markdown."""
    parts = [
        "# " + _("Audit of removed duplicates"),
        _("Made on {day} with Domain Studio.").format(day=_day(report.unix_seconds)),
        *_finding(report),
        "## " + _("Wrong removals"),
        *_removals(report.removals),
        "## " + _("Near misses: duplicates below the threshold"),
        *_near_misses(report.near_misses, report.missed),
        "## " + _("Survivors: the quality of what is kept"),
        *_survivors(report.survivors),
        "## " + _("Second review"),
        *_second_review(report.second_review),
        "## " + _("Who judged, and when"),
        *_reviewers(report),
        "## " + _("How to read the figures"),
        _method(),
        "## " + _("The sample"),
        *_sample(report),
    ]
    return "\n\n".join(parts) + "\n"


def _day(unix_seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(unix_seconds))


def _finding(report: AuditReport) -> list[str]:
    found = report.finding
    removed = sum(found.removed.values())
    sentence = _(
        "Of {documents} documents {removed} are marked as removed: they are the same as a document that is "
        "kept, or similar to it from {threshold:.2f} on (Jaccard). Nothing was deleted."
    ).format(
        documents=format_count(found.documents), removed=format_count(removed), threshold=found.threshold
    )
    reasons = [f"- {counted(reason, count)}" for reason, count in found.removed.items()]
    parameters = [[name, value] for name, value in found.parameters.items()]
    return [
        "## " + _("What was removed"),
        sentence,
        "\n".join(reasons),
        table([_("Parameter"), _("Value")], parameters),
    ]


def _removals(sample: SampleFigures) -> list[str]:
    total = sample.total
    if not total.size:
        return [_("Nothing was removed.")]
    if not total.checked:
        return [_("Nothing was checked yet: how many removals are wrong is not known."), *_unsure(total)]
    sentence = _(
        "{checked} of {size} removals were checked at random; wrong: {wrong}. Weighted by the sizes of the "
        "strata, {share} of all removals are wrong; 95 % interval: {interval}."
    ).format(**_words(total))
    return [
        sentence,
        *_unsure(total),
        *(_claim(*each) for each in sample.more_needed.items()),
        *_tables(sample, _("Wrong")),
    ]


def _claim(claim: str, more: int | None) -> str:
    share = f"{float(claim):.0%}"
    if more is None:
        return _("That {share} of them are right can no longer be claimed: too many were wrong.").format(
            share=share
        )
    if not more:
        return _("With 95 % confidence at least {share} of them are right.").format(share=share)
    return _("To claim that {share} of them are right takes {more} more without an error.").format(
        share=share, more=format_count(more)
    )


def _unsure(total: Figures) -> list[str]:
    """Return what the figures leave out, if anything."""
    sentences = []
    if total.unsure:
        sentences.append(
            _("Looked at and left undecided: {unsure}; they count as not checked.").format(
                unsure=format_count(total.unsure)
            )
        )
    if total.checked and total.unseen_share:
        sentences.append(
            _(
                "{share} lie in strata where nothing was checked yet; the interval allows them anything."
            ).format(share=f"{total.unseen_share:.1%}")
        )
    return sentences


def _near_misses(sample: SampleFigures | None, missed: Missed | None) -> list[str]:
    if sample is None or not sample.total.size:
        return [_("No pairs below the threshold are known.")]
    if missed is None:
        unknown = _("Nothing was checked yet: how many duplicates were missed is not known.")
        return [unknown, *_unsure(sample.total)]
    sentence = _(
        "{checked} of {size} pairs below the threshold were checked at random; duplicates: {wrong}. So "
        "{share} of these pairs were missed (95 % interval: {interval}), about {pairs} ({low} to {high})."
    ).format(
        **_words(sample.total),
        pairs=format_count(missed.pairs),
        low=format_count(missed.low),
        high=format_count(missed.high),
    )
    parts = [sentence]
    if missed.share is not None:
        parts.append(
            _("Of all duplicates down to the least similarity sampled {share} were missed, it seems.").format(
                share=f"{missed.share:.1%}"
            )
        )
    return [*parts, *_unsure(sample.total), *_tables(sample, _("Duplicates"))]


def _survivors(sample: SampleFigures | None) -> list[str]:
    if sample is None or not (sample.total.checked or sample.total.unsure):
        return [_("Nothing was checked yet.")]
    sentence = _(
        "{checked} of {size} kept documents were read at random; not fit to train on: {wrong}. Weighted, "
        "that is {share}; 95 % interval: {interval}."
    ).format(**_words(sample.total))
    return [sentence, *_unsure(sample.total), *_tables(sample, _("Not fit"))]


def _second_review(review: SecondReview) -> list[str]:
    if not review.pairs:
        return [_("No pair was judged by a second reviewer.")]
    sentence = _(
        "Pairs that a second reviewer judged without knowing the first verdict: {pairs}; with the same "
        "verdict: {agreed}."
    ).format(pairs=format_count(review.pairs), agreed=format_count(review.agreed))
    if review.kappa is None or review.standard_error is None:
        kappa = _("There is no kappa: both gave all pairs the same verdict, as chance would with it.")
    else:
        kappa = _("Cohen's kappa is {kappa:.2f}, with a standard error of {error:.2f}.").format(
            kappa=review.kappa, error=review.standard_error
        )
    words = {"right": _("removal right"), "wrong": _("removal wrong"), "unsure": _("undecided")}
    names = [words[name] for name in review.categories]
    rows = [[name, *map(format_count, row)] for name, row in zip(names, review.table, strict=True)]
    return [sentence, kappa, table([_("First, by second"), *names], rows)]


def _reviewers(report: AuditReport) -> list[str]:
    if not report.judged:
        return [_("Nobody yet.")]
    rows = []
    for name in dict.fromkeys(judged.reviewer for judged in report.judged):
        times = [judged.unix_seconds for judged in report.judged if judged.reviewer == name]
        rows.append([name, format_count(len(times)), _day(min(times)), _day(max(times))])
    return [table([_("Reviewer"), _("Verdicts"), _("First"), _("Last")], rows)]


def _method() -> str:
    sentences = (
        _("Samples are random within strata of similarity, language and source; only they feed the shares."),
        _(
            "Intervals are Wilson's (1927), over several strata at Kish's effective sample size and with the "
            "lower end of Fay and Feuer (1997)."
        ),
        _("Shares of near misses are of the pairs that were found; pairs less similar were not looked for."),
        _("Undecided ones are left out, so the shares are those of pairs that can be decided."),
    )
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _sample(report: AuditReport) -> list[str]:
    if not report.judged:
        return [_("Empty.")]
    lines = [
        " ".join((judged.queue, judged.removed, judged.kept or "-", judged.decision))
        for judged in report.judged
    ]
    explanation = _("Queue, content hash of the text, that of its witness, and the verdict:")
    return [explanation, "```text\n" + "\n".join(lines) + "\n```"]


def _words(total: Figures) -> dict[str, str]:
    return {
        "checked": format_count(total.checked),
        "size": format_count(total.size),
        "wrong": format_count(total.wrong),
        "share": "–" if total.share is None else f"{total.share:.1%}",
        "interval": _interval(total),
    }


def _interval(figures: Figures) -> str:
    return f"{figures.low:.1%}–{figures.high:.1%}"


def _tables(sample: SampleFigures, wrong: str) -> list[str]:
    """Return a table of each cut that has several parts, and of the strata where several cuts cross.

    Args:
        sample: its figures.
        wrong: the heading of what they count as wrong.
    """
    head = [_("In all"), _("Checked"), wrong, _("Undecided"), _("Share"), _("95 % interval")]
    cuts: Sequence[tuple[str, Mapping[str, Figures]]] = (
        (_("Similarity"), sample.bands),
        (_("Language"), sample.languages),
        (_("Source"), sample.sources),
    )
    found = [
        table([name, *head], [[part, *_cells(figures)] for part, figures in parts.items()])
        for name, parts in cuts
        if len(parts) > 1
    ]
    if len(found) != 1:
        names = [_("Similarity"), _("Language"), _("Source")]
        rows = [
            [
                "–" if each.stratum.band is None else band_name(each.stratum.band),
                each.stratum.language, each.stratum.source, *_cells(each),
            ]
            for each in sample.strata
        ]  # fmt: skip
        found.append(table([*names, *head], rows))
    return found


def _cells(figures: Figures) -> list[str]:
    words = _words(figures)
    counts = [words["size"], words["checked"], words["wrong"], format_count(figures.unsure)]
    return [*counts, words["share"], words["interval"]]
