"""The model card: what the model is made of, what it gained and forgot, and what these figures cannot say."""

import re

from domainstudio.export.facts import ReportFacts
from domainstudio.language import one_line
from domainstudio.units import format_change, format_count


def render_card(facts: ReportFacts, weights_sha256: str) -> str:
    """Return the card as Markdown, in English: it travels with the model."""
    parts = (
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\n---",
        f"# {_plain(facts.project)}, {_plain(facts.run)} at step {facts.done_steps:,}",
        f"Continued from {_plain(facts.origin)} on {format_count(facts.tokens)} tokens with Domain Studio.",
        "## Gain and forgetting\n\n" + _outcome(facts),
        "## Corpus and mixture\n\n" + _corpus(facts),
        "## Recipe\n\n" + _table(["setting", "value"], [[key, value] for key, value in facts.recipe.items()]),
        "## Evidence and limits\n\n" + _limits(facts),
        "## Made from\n\n" + _hashes(facts, weights_sha256),
    )
    return "\n\n".join(parts) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in (head, *rows)]
    lines.insert(1, "|" + " --- |" * len(head))
    return "\n".join(lines)


def _plain(cell: str) -> str:
    """Return a name that cannot end its column or line, or begin a tag, a link, a picture or code."""
    return re.sub(r"([\\|\[\]`])", r"\\\1", one_line(cell)).replace("<", "&lt;")


def _outcome(facts: ReportFacts) -> str:
    found = facts.outcome
    rows = [
        ["domain gain", _change(found.gain), _change(found.gain_against_control)],
        ["forgetting", _change(found.forgetting), _change(found.forgetting_against_control)],
    ]
    summary = _table(["nats a token", "against the base", "against the equal-token control"], rows)
    sources = [
        [
            probe.source, probe.role, f"{probe.base_nats:.3f}", f"{probe.nats:.3f}",
            format_change(probe.change), f"{probe.base_bits:.3f}", f"{probe.bits:.3f}",
        ]
        for probe in facts.probes
    ]  # fmt: skip
    head = ["held-out source", "role", "base", "after", "change", "base, bits a byte", "after, bits a byte"]
    return f"{summary}\n\n{_table(head, sources)}"


def _change(value: float | None) -> str:
    return "not measured" if value is None else format_change(value)


def _corpus(facts: ReportFacts) -> str:
    rows = [
        [
            source.name, source.role, source.text_origin, format_count(source.documents),
            format_count(source.characters / max(1, source.documents)), format_count(source.characters),
            f"{source.characters / max(1, source.tokens):.2f}", format_count(source.tokens),
            f"{source.share:.1%}", f"{source.epochs:.2f}", format_count(source.marked),
        ]
        for source in facts.sources
    ]  # fmt: skip
    head = [
        "source", "role", "origin", "documents", "characters/document", "characters", "characters/token",
        "tokens", "share of training", "epochs", "copies marked",
    ]  # fmt: skip
    return _table(head, rows)


def _limits(facts: ReportFacts) -> str:
    lines = [
        "- Losses are means over whole held-out documents, chosen by content hash and never trained on.",
        "- One run with one seed: no interval can be given.",
        "- No task was evaluated: lower loss on held-out text of a field is not skill in its tasks.",
    ]
    if facts.outcome.forgetting is None:
        lines.append("- No general source: what the model forgot was not measured.")
    if facts.outcome.gain_against_control is None:
        lines.append("- No control run: gain and forgetting include the effect of more training as such.")
    return "\n".join(lines)


def _hashes(facts: ReportFacts, weights_sha256: str) -> str:
    rows = [
        ["weights of this folder", weights_sha256],
        *([key, value] for key, value in facts.hashes.items()),
    ]
    return _table(["file", "SHA-256"], rows)
