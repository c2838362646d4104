"""Whether training stays on its feet: what loss and gradient of each step say (pure rules).

All three are rules of ours, without a source: they compare a run with itself, so that no scale need be
known.
"""

import math
from collections import deque
from statistics import median

from domainstudio.problems import Problem, UserError

MEMORY = 50
"""Steps that a rule looks back on."""
SKIPS_TO_END = 3
"""So many steps without a number among the last `SKIPS_WITHIN` end a run: one may be a bad batch."""
SKIPS_WITHIN = 100
LONG_GRADIENT = 10.0
"""Times the median of the last steps, of which `FEWEST_NORMS` must be known."""
FEWEST_NORMS = 20
RISEN_STEPS = 10
"""So many steps in a row must lie above every one of the `MEMORY` before them."""
RISEN_NATS = 0.5
"""Nats a token between the medians of the two, below which a rise may be the text."""


class Stability:
    """Takes the steps of one attempt in their order; each warning is given once."""

    def __init__(self, learning_rate: float) -> None:
        """Know nothing yet; `learning_rate` is the peak rate, which sentences name."""
        self._rate = learning_rate
        self._skipped: deque[int] = deque()
        self._norms: deque[float] = deque(maxlen=MEMORY)
        self._losses: deque[float] = deque(maxlen=MEMORY + RISEN_STEPS)
        self._said: set[str] = set()
        self.was_skipped = False
        """Whether the last step moved nothing: what was bad may be bad for good, and is not worth saving."""

    def take(self, step: int, loss: float, gradient_norm: float, *, is_applied: bool) -> list[Problem]:
        """Return what a person should know after a step.

        Args:
            step: counted from 1.
            loss: nats a token, the mean over all ranks.
            gradient_norm: before clipping.
            is_applied: False if the optimizer left the step out because of its gradient.

        Raises:
            UserError: too many of the last steps were no numbers.
        """
        self.was_skipped = not (is_applied and math.isfinite(loss) and math.isfinite(gradient_norm))
        if self.was_skipped:
            return self._skip(step)
        return [*self._long_gradient(step, gradient_norm), *self._rising_loss(step, loss)]

    def _skip(self, step: int) -> list[Problem]:
        self._skipped.append(step)
        while self._skipped[0] <= step - SKIPS_WITHIN:
            self._skipped.popleft()
        if len(self._skipped) >= SKIPS_TO_END:
            params = {"step": step, "count": len(self._skipped), "within": SKIPS_WITHIN, "rate": self._rate}
            raise UserError(Problem("training.diverged", "learning_rate", params))
        return self._once(
            Problem("training.step_skipped", "learning_rate", {"step": step, "rate": self._rate})
        )

    def _long_gradient(self, step: int, norm: float) -> list[Problem]:
        usual = median(self._norms) if len(self._norms) >= FEWEST_NORMS else math.inf
        self._norms.append(norm)
        if norm <= LONG_GRADIENT * usual:
            return []
        params = {"step": step, "norm": norm, "usual": usual}
        return self._once(Problem("training.long_gradient", "learning_rate", params))

    def _rising_loss(self, step: int, loss: float) -> list[Problem]:
        self._losses.append(loss)
        if len(self._losses) < MEMORY + RISEN_STEPS:
            return []
        losses = list(self._losses)
        before, now = losses[:MEMORY], losses[MEMORY:]
        if min(now) <= max(before) or median(now) - median(before) < RISEN_NATS:
            return []
        params = {"step": step, "before": median(before), "now": median(now), "rate": self._rate}
        return self._once(Problem("training.loss_rises", "learning_rate", params))

    def _once(self, problem: Problem) -> list[Problem]:
        if problem.code in self._said:
            return []
        self._said.add(problem.code)
        return [problem]
