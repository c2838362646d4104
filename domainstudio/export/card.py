"""The model card: what the model is made of, what it gained and forgot, and what these figures cannot say."""

from domainstudio.export.facts import ReportFacts
from domainstudio.markdown import plain, table
from domainstudio.units import format_change, format_count


def render_card(facts: ReportFacts, weights_sha256: str) -> str:
    """Return the card as Markdown, in English: it travels with the model."""
    parts = (
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\n---",
        f"# {plain(facts.project)}, {plain(facts.run)} at step {facts.done_steps:,}{_blend_title(facts)}",
        f"Continued from {plain(facts.origin)} on {format_count(facts.tokens)} tokens with Domain Studio.",
        *([plain(facts.blend.lineage)] if facts.blend else []),
        "## Gain and forgetting\n\n" + _outcome(facts),
        "## Corpus and mixture\n\n" + _corpus(facts),
        "## Recipe\n\n" + table(["setting", "value"], [[key, value] for key, value in facts.recipe.items()]),
        "## Evidence and limits\n\n" + _limits(facts),
        "## Made from\n\n" + _hashes(facts, weights_sha256),
    )
    return "\n\n".join(parts) + "\n"


def _blend_title(facts: ReportFacts) -> str:
    return f", {plain(facts.blend.title)}" if facts.blend else ""


def _outcome(facts: ReportFacts) -> str:
    if facts.blend and not facts.blend.is_measured:
        return "Not measured for this blend."
    found = facts.outcome
    rows = [
        ["domain gain", _change(found.gain), _change(found.gain_against_control)],
        ["forgetting", _change(found.forgetting), _change(found.forgetting_against_control)],
    ]
    summary = table(["nats a token", "against the base", "against the equal-token control"], rows)
    sources = [
        [
            probe.source, probe.role, f"{probe.base_nats:.3f}", f"{probe.nats:.3f}",
            format_change(probe.change), f"{probe.base_bits:.3f}", f"{probe.bits:.3f}",
        ]
        for probe in facts.probes
    ]  # fmt: skip
    head = ["held-out source", "role", "base", "after", "change", "base, bits a byte", "after, bits a byte"]
    return f"{summary}\n\n{table(head, sources)}"


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
    return f"{table(head, rows)}\n\n{_duplicates(facts)}"


def _duplicates(facts: ReportFacts) -> str:
    audit = facts.audit
    if audit is None:
        return "Near-duplicates were not removed."
    words = (
        f"{format_count(audit.documents)} documents were left out, each verified to be at least "
        f"{audit.threshold:.2f} alike (exact Jaccard similarity of 5-grams) one that was kept."
    )
    if not audit.checked:
        return f"{words} Nobody judged a sample of them."
    return (
        f"{words} Of {format_count(audit.checked)} drawn at random a person found {audit.wrong} wrong: with "
        f"95 % confidence {audit.low:.1%} to {audit.high:.1%} of all."
    )


def _limits(facts: ReportFacts) -> str:
    lines = [
        "- Losses are means over whole held-out documents, chosen by content hash and never trained on.",
        "- One run with one seed: no interval can be given.",
        "- No task was evaluated: lower loss on held-out text of a field is not skill in its tasks.",
    ]
    if facts.blend and not facts.blend.is_measured:
        lines.append("- This blend was not measured: the run's own figures say nothing of it.")
        return "\n".join(lines)
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
    return table(["file", "SHA-256"], rows)
