"""The canary facts of a run: a list of ours or the project's own, cut by the run's tokenizer."""

from pathlib import Path

from domainstudio.language import RESOURCES
from domainstudio.paths import read_small
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.canaries import MOST_CANARIES, Canary, FrozenCanary, parse, scored_from
from domainstudio.recipe.recipe import CanaryList
from domainstudio.tokenizer.encode import Encoder

OWN = "canaries.jsonl"
"""The project's own list, in its folder."""


def listed(project: Project, which: CanaryList) -> list[Canary]:
    """Return the facts of a list.

    Raises:
        UserError: the project's own list is missing, not readable, empty or endless.
    """
    if which == "off":
        return []
    file = project.path / OWN if which == "own" else RESOURCES / "canaries" / f"{which}.jsonl"
    try:
        text = read_small(file).decode()
    except (OSError, UnicodeDecodeError):
        raise UserError(Problem("canaries.missing", "canaries", {"file": str(file)})) from None
    found = list(parse(text, str(file)))
    if not 0 < len(found) <= MOST_CANARIES:
        params = {"file": str(file), "count": len(found), "most": MOST_CANARIES}
        raise UserError(Problem("canaries.bad_count", "canaries", params))
    return found


def frozen(canaries: list[Canary], tokenizer: Path, longest: int) -> tuple[FrozenCanary, ...]:
    """Return the facts as ids after an end-of-text, as a document begins; longer ones are left out.

    Args:
        canaries: the facts.
        tokenizer: its folder.
        longest: tokens of a sequence.

    Raises:
        UserError: none is short enough.
    """
    if not canaries:
        return ()
    encoder, made = Encoder(tokenizer), []
    for canary in canaries:
        endings = (canary.right, *canary.wrong)
        texts = [canary.prompt, *(canary.prompt + ending for ending in endings)]
        prompt, *choices = ([encoder.end_of_text, *ids.tolist()] for ids in encoder.encode(texts))
        if max(len(choice) for choice in choices) <= longest:
            made.append(
                FrozenCanary(
                    prompt=canary.prompt,
                    right=canary.right,
                    choices=tuple(tuple(choice) for choice in choices),
                    scored_from=max(1, scored_from(prompt, choices)),
                )
            )
    if not made:
        raise UserError(Problem("canaries.none_fit", "sequence_length", {"length": longest}))
    return tuple(made)
