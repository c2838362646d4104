"""Whether a corpus is ready for training: a few rules with their sources, and the facts they judge."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from domainstudio.language import translate as _
from domainstudio.project.project import Project
from domainstudio.units import format_count
from domainstudio.workflow.corpus.sources import table

RETRIEVAL_TOKENS = 50_000_000
"""Below this, retrieving documents at question time may serve better: a rule of thumb of practice.

Training on 1.3 million raw tokens did not improve answers about them, 455 million synthetic ones made from
them did (arXiv 2409.07431); facts seen in one wording are hardly recalled (arXiv 2309.14316).
"""

AMPLE_TOKENS = 1_000_000_000
"""What published continued pre-training of general models took at least, as a rule of thumb."""

FEW_INSTRUCTIONS = 1000

Code = Literal[
    "no_domain", "few_characters", "few_tokens", "some_tokens", "ample_tokens", "tokens_unknown",
    "no_general", "no_held_out", "general", "no_instructions", "few_instructions", "instructions",
]  # fmt: skip
Severity = Literal["ok", "note", "attention"]


@dataclass(frozen=True)
class CorpusFacts:
    """What the rules judge; tokens are None until every domain source is packed."""

    domain_characters: int
    domain_tokens: int | None
    general_characters: int
    general_held_out: int
    instruction_documents: int
    instruction_share: float
    """Of all kept characters."""


@dataclass(frozen=True)
class Finding:
    """One judgement and the number it stands on."""

    code: Code
    severity: Severity
    number: float = 0


def judge(facts: CorpusFacts) -> Iterator[Finding]:
    """Yield a finding each on domain text, general text and instructions."""
    yield _domain(facts)
    if not facts.general_characters:
        yield Finding("no_general", "attention")
    elif not facts.general_held_out:
        yield Finding("no_held_out", "attention", facts.general_characters)
    else:
        yield Finding("general", "ok", facts.general_held_out)
    if not facts.instruction_documents:
        yield Finding("no_instructions", "note")
    elif facts.instruction_documents < FEW_INSTRUCTIONS:
        yield Finding("few_instructions", "note", facts.instruction_documents)
    else:
        yield Finding("instructions", "ok", facts.instruction_share)


def _domain(facts: CorpusFacts) -> Finding:
    if not facts.domain_characters:
        return Finding("no_domain", "attention")
    tokens = facts.domain_tokens
    if tokens is None:
        # A token is about a character or more: too few characters are too few tokens in any case.
        if facts.domain_characters < RETRIEVAL_TOKENS:
            return Finding("few_characters", "attention", facts.domain_characters)
        return Finding("tokens_unknown", "note", facts.domain_characters)
    if tokens < RETRIEVAL_TOKENS:
        return Finding("few_tokens", "attention", tokens)
    return Finding("ample_tokens" if tokens >= AMPLE_TOKENS else "some_tokens", "ok", tokens)


def read(project: Project) -> list[Finding]:
    """Return what the rules say of a project's corpus."""
    rows = table(project)
    domain = [row for row in rows if row.counts.role == "domain"]
    general = [row.counts for row in rows if row.counts.role == "general"]
    instructions = [row.counts for row in rows if row.counts.role == "instruction"]
    kept = sum(row.counts.training_characters for row in rows)
    tokens = [row.tokens for row in domain if row.tokens is not None]
    facts = CorpusFacts(
        domain_characters=sum(row.counts.training_characters for row in domain),
        domain_tokens=sum(tokens) if len(tokens) == len(domain) else None,
        general_characters=sum(counts.training_characters for counts in general),
        general_held_out=sum(counts.held_out_documents for counts in general),
        instruction_documents=sum(counts.training_documents for counts in instructions),
        instruction_share=sum(counts.training_characters for counts in instructions) / max(1, kept),
    )
    return list(judge(facts))


def words(finding: Finding) -> str:
    """Return a finding as a sentence in the person's language."""
    if finding.code == "instructions":
        return _("Instructions are {share:.1f} % of the characters kept.").format(share=100 * finding.number)
    return _templates()[finding.code].format(number=format_count(finding.number))


def _templates() -> dict[Code, str]:
    return {
        "no_domain": _("There is no domain text: give a source the role domain."),
        "few_tokens": _(
            "The domain text has {number} tokens. Below 50 million, retrieving documents at question time "
            "may serve better than training on them (rule of thumb; arXiv 2409.07431: 1.3 million raw tokens "
            "did not improve answers)."
        ),
        "few_characters": _(
            "The domain text has {number} characters. Below 50 million tokens, retrieving documents at "
            "question time may serve better than training on them (rule of thumb; arXiv 2409.07431: 1.3 "
            "million raw tokens did not improve answers)."
        ),
        "some_tokens": _(
            "The domain text has {number} tokens: enough for its terms and style. For knowledge, the rule of "
            "thumb is 1,000 million."
        ),
        "ample_tokens": _("The domain text has {number} tokens: ample."),
        "tokens_unknown": _("The domain text has {number} characters; packing tells how many tokens."),
        "no_general": _(
            "There is no general text: forgetting can be neither measured nor held off by replay."
        ),
        "no_held_out": _("No general text is held out, so forgetting cannot be measured: import more of it."),
        "general": _("General text is there, {number} documents of it held out to measure forgetting."),
        "no_instructions": _(
            "There are no instructions. They are not needed to begin; mixed in, about 5 % is usual."
        ),
        "few_instructions": _(
            "There are {number} instructions; about 1,000 are wanted for a model that shall follow them."
        ),
    }
