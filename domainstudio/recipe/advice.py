"""What is doubtful about a run before it starts: rules with their sources, on plain numbers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from domainstudio.problems import Problem
from domainstudio.recipe.recipe import Recipe

MOST_EPOCHS = 4.0
"""Up to four epochs repeated text costs nothing measurable (arXiv 2305.16264)."""

FEWEST_STEPS = 100
"""Below this a schedule has no room for its shape; a rule of ours, without a source."""

_USUAL_PEAKS = (
    (70e6, 1e-3), (160e6, 6e-4), (410e6, 3e-4), (1e9, 3e-4), (1.4e9, 2e-4), (2.8e9, 1.6e-4), (6.9e9, 1.2e-4),
    (12e9, 1.2e-4),
)  # fmt: skip
"""Parameters and peak rate of pre-training of the Pythia suite (arXiv 2304.01373)."""

_SHARES_OF_PEAK = ((1e9, 0.02, 0.1), (100e9, 0.1, 0.3), (math.inf, 0.5, 1.0))
"""(tokens, from, to): below so many tokens a continued run takes from and to these shares of the peak of
pre-training. Our reading of arXiv 2308.04014 and 2403.08763, which re-warm up to the full peak for hundreds
of billions of tokens."""

STRONG_SHIFT = 0.3
"""Bits a byte that a base predicts domain text worse than general text, from which the shift counts as strong
and allows the rates of the next band. A rule of ours, without a source."""

_SHORT_STEPS = 500
_WARMUPS = ((0.05, 0.1), (0.01, 0.02))
"""Shares of a run below `_SHORT_STEPS` steps, and of a longer one, in which the rate rises. Gupta et al.
found 0.5, 1 and 2 percent alike in the end (arXiv 2308.04014); more for short runs is a rule of ours."""


@dataclass(frozen=True)
class PlannedText:
    """What a run is going to read, as far as the rules ask."""

    tokens: int
    general_share: float
    epochs: dict[str, float]
    """By source."""
    shift: float | None = None
    """See `STRONG_SHIFT`; None if it was not measured yet."""


@dataclass(frozen=True)
class Rewarming:
    """How a continued run should raise its rate, by its tokens and by how far its text is from the base's."""

    lowest: float
    """The peak is from here …"""
    highest: float
    """… to here."""
    usual: float
    """Peak rate of pre-training a model of this size."""
    least_warmup: int
    """Steps."""
    most_warmup: int
    tokens: int
    shift: float | None

    @property
    def is_shift_strong(self) -> bool:
        """Whether the measured shift allows more than the tokens do."""
        return self.shift is not None and self.shift >= STRONG_SHIFT


def rewarming(parameters: int, tokens: int, steps: int, shift: float | None = None) -> Rewarming:
    """Return the advice for a continued run.

    Args:
        parameters: of the model.
        tokens: that the run reads.
        steps: of the run.
        shift: bits a byte by which the base predicts the domain worse than general text, None if unknown.
    """
    band = next(number for number, (limit, *_) in enumerate(_SHARES_OF_PEAK) if tokens < limit)
    is_strong = shift is not None and shift >= STRONG_SHIFT
    allowed = min(band + is_strong, len(_SHARES_OF_PEAK) - 1)
    usual = usual_peak(parameters)
    least, most = _WARMUPS[steps >= _SHORT_STEPS]
    return Rewarming(
        lowest=_SHARES_OF_PEAK[band][1] * usual,
        highest=_SHARES_OF_PEAK[allowed][2] * usual,
        usual=usual,
        least_warmup=max(1, round(least * steps)),
        most_warmup=max(1, round(most * steps)),
        tokens=tokens,
        shift=shift,
    )


def usual_peak(parameters: int) -> float:
    """Return the peak rate usual in pre-training a model of this size, between the sizes of a known suite."""
    points = _USUAL_PEAKS
    if parameters <= points[0][0]:
        return points[0][1]
    for (small, high), (large, low) in zip(points, points[1:], strict=False):
        if parameters <= large:
            way = math.log(parameters / small) / math.log(large / small)
            return high * math.pow(low / high, way)
    return points[-1][1]


def doubts(
    recipe: Recipe, steps: int, text: PlannedText, continued_parameters: int | None
) -> Iterator[Problem]:
    """Yield what is doubtful about a recipe and its text.

    Args:
        recipe: how the run is trained.
        steps: how long it is.
        text: what it reads.
        continued_parameters: the size of the trained model it starts from, None from random weights.
    """
    if continued_parameters is not None:
        yield from _rate_is_high(recipe, steps, text, continued_parameters)
    repeated = {name: epochs for name, epochs in text.epochs.items() if epochs > MOST_EPOCHS}
    if repeated:
        name = max(repeated, key=lambda source: repeated[source])
        yield Problem("advice.many_epochs", f"shares.{name}", {"source": name, "epochs": repeated[name]})
    warmup = recipe.stage.warmup_in_steps(steps)
    if steps < FEWEST_STEPS:
        yield Problem("advice.few_steps", "steps", {"steps": steps, "least": FEWEST_STEPS})
    yield from _guard_is_idle(recipe, text)
    if 2 * warmup > steps:
        yield Problem("advice.long_warmup", "warmup_steps", {"warmup": warmup, "steps": steps})


def _guard_is_idle(recipe: Recipe, text: PlannedText) -> Iterator[Problem]:
    """Yield why a guard that shall act could not."""
    if recipe.on_budget == "alarm":
        return
    limits = (recipe.accepted_forgetting, recipe.accepted_percent, recipe.canaries_kept)
    if all(limit is None for limit in limits):
        yield Problem("advice.guard_without_limit", "accepted_forgetting", {})
    elif recipe.stage.schedule == "constant" and recipe.on_plateau != "act":
        yield Problem("advice.guard_never_acts", "schedule", {})
    if recipe.on_budget == "replay" and not text.general_share:
        yield Problem("advice.nothing_to_replay", "on_budget", {})


def _rate_is_high(recipe: Recipe, steps: int, text: PlannedText, parameters: int) -> Iterator[Problem]:
    """Yield that the rate is high while replay or warm-up, which would soften it, is missing."""
    highest = rewarming(parameters, text.tokens, steps, text.shift).highest
    if recipe.stage.learning_rate <= highest:
        return
    params = {"rate": recipe.stage.learning_rate, "highest": highest}
    has_replay, has_warmup = text.general_share > 0, recipe.stage.warmup_in_steps(steps) > 0
    if not has_replay and not has_warmup:
        yield Problem("advice.high_rate_bare", "learning_rate", params)
    elif not has_replay:
        yield Problem("advice.high_rate_without_replay", "learning_rate", params)
    elif not has_warmup:
        yield Problem("advice.high_rate_without_warmup", "learning_rate", params)
