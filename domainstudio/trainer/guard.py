"""The guard of a run: what it decides at a probe, what that changes, and what a checkpoint keeps of it.

All ranks decide from the same sums of all ranks, so they decide alike.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from domainstudio.evaluation.budget import Budget, Standing, Watch, watch_budget
from domainstudio.evaluation.canaries import kept, needed
from domainstudio.evaluation.plateau import Plateau, watch_plateau
from domainstudio.jobs.events import Canaries, Intervention
from domainstudio.problems import Problem
from domainstudio.recipe.interventions import dropout_at, general_shares, rate_factor
from domainstudio.recipe.run import RunSpec
from domainstudio.trainer.reporter import Reporter


class GuardState(BaseModel):
    """What a guard knows and has done; with it a run goes on as if it had not been interrupted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    general: dict[str, float] = {}
    """Loss at step 0 of every general source, nats a token."""
    known: tuple[int, ...] = ()
    """Numbers of the canary facts right at step 0."""
    watch: Watch = Watch()
    plateau: Plateau = Plateau()
    interventions: tuple[Intervention, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether no step follows: an attempt that was killed at its end has nothing left to do."""
        return any(one.what == "end" for one in self.interventions)

    @property
    def best_is_result(self) -> bool:
        """Whether the budget has ended the run, with its best checkpoint as the result."""
        return any(one.what == "end" and one.reason != "plateau" for one in self.interventions)


@dataclass(frozen=True)
class Verdict:
    """What follows from a probe; it holds once the checkpoint that it wants is written."""

    state: GuardState
    done: tuple[Intervention, ...] = ()
    is_best: bool = False
    """Whether this step is the best within the budget so far, and wants a checkpoint."""

    @property
    def pauses(self) -> bool:
        """Whether the run ends here with a checkpoint, to go on later."""
        return any(one.what == "pause" for one in self.done)

    @property
    def ends(self) -> bool:
        """Whether this step is the last."""
        return any(one.what == "end" for one in self.done)

    @property
    def is_play(self) -> bool:
        """Whether it is a play for a plateau: a checkpoint stays from which one can go back."""
        return any(one.reason == "plateau" and one.what != "tell" for one in self.done)

    @property
    def wants_checkpoint(self) -> bool:
        """Whether a checkpoint of this step is to be written."""
        return self.is_best or self.is_play or self.pauses


class Guard:
    """Watches the probes of one run."""

    def __init__(self, spec: RunSpec, state: GuardState | None) -> None:
        """Go on from a checkpoint's state, or begin."""
        self._spec, self._budget = spec, Budget.of(spec.recipe)
        self.go_on_from(state or GuardState())
        general = sum(source.share for source in spec.sources if source.role == "general")
        self._general_share = general if any(source.role != "general" for source in spec.sources) else 1.0
        self._probed_general = {source.name for source in spec.held_out if source.role == "general"}
        domain = {source.name for source in spec.held_out if source.role == "domain"}
        self._probed_domain = domain & spec.trained_on or domain
        self._needed = needed([len(canary.choices) for canary in spec.canaries])

    def go_on_from(self, state: GuardState) -> None:
        """Know and have done what a checkpoint says; the best checkpoint of a trunk is none of its branch."""
        if state.watch.best_step <= self._spec.steps_before:
            own = state.watch.model_copy(update={"best_step": 0, "best_domain": None})
            state = state.model_copy(update={"watch": own})
        self.state = state

    @property
    def dropout(self) -> float:
        """The dropout of the coming step."""
        return dropout_at(self.state.interventions, self._spec.recipe.stage.dropout)

    @property
    def general_shares(self) -> list[tuple[int, float]]:
        """(first step, share of general text from it on) of every change so far."""
        return general_shares(self.state.interventions)

    def learning_rate(self, step: int) -> float:
        """Return the rate of a step: the schedule's, times what was done to it."""
        return self._spec.learning_rate_at(step) * rate_factor(self.state.interventions, step)

    def begin(self, losses: Mapping[str, float], right: Sequence[bool], reporter: Reporter) -> None:
        """Remember the losses (nats a token) and the canary facts of step 0."""
        general = {name: losses[name] for name in losses if name in self._probed_general}
        known = tuple(number for number, is_right in enumerate(right) if is_right)
        self.state = GuardState(general=general, known=known)
        self._tell_canaries(0, right, reporter)
        if right and not self._base_knows:
            params = {"right": len(known), "total": len(right), "needed": self._needed}
            reporter.warn(Problem("canaries.not_known", "canaries", params))

    def begin_branch(self, step: int, right: Sequence[bool], reporter: Reporter) -> None:
        """Tell the canary facts of the trunk's step 0 and of the step where a branch begins."""
        was_right = [number in self.state.known for number in range(len(right))]
        self._tell_canaries(0, was_right, reporter)
        self._tell_canaries(step, right, reporter)

    def judge(
        self,
        step: int,
        losses: Mapping[str, float],
        right: Sequence[bool],
        reporter: Reporter,
        *,
        is_last: bool,
    ) -> Verdict:
        """Return what follows from a probe after step 0; arguments as in `begin`."""
        self._tell_canaries(step, right, reporter)
        state, now = self.state, self._standing(step, losses, right, is_last)
        watch, done = watch_budget(self._budget, state.watch, now)
        plateau = state.plateau
        is_steady = step >= self._warmup and not is_last and not any(one.what != "alarm" for one in done)
        if now.domain is not None and is_steady:
            recipe = self._spec.recipe
            plateau, plays = watch_plateau(
                recipe.on_plateau, recipe.plateau_probes, plateau, step, now.domain
            )
            done += plays
        lasting = [one for one in done if one.what not in ("alarm", "tell")]
        after = {"watch": watch, "plateau": plateau, "interventions": (*state.interventions, *lasting)}
        is_best = watch.best_step == step
        return Verdict(state.model_copy(update=after), tuple(done), is_best=is_best)

    def settle(self, verdict: Verdict, reporter: Reporter, *, is_saved: bool) -> bool:
        """Take a verdict as done and tell it; return whether it changes the coming step.

        A play that could not get the checkpoint to go back to waits for the next probe.
        """
        if verdict.is_play and not is_saved:
            return False
        state = verdict.state
        if verdict.is_best and not is_saved:
            best = self.state.watch
            watch = state.watch.model_copy(
                update={"best_step": best.best_step, "best_domain": best.best_domain}
            )
            state = state.model_copy(update={"watch": watch})
        self.state = state
        self.tell(verdict.done, reporter)
        return bool(verdict.done)

    def tell(self, done: Sequence[Intervention], reporter: Reporter) -> None:
        """Report interventions."""
        for one in done:
            reporter.intervene(one)

    def _tell_canaries(self, step: int, right: Sequence[bool], reporter: Reporter) -> None:
        """Report the canary facts of a probe, if there are any."""
        if right:
            share = kept(self.state.known, right)
            reporter.canaries(Canaries(step, sum(right), len(right), self._needed, share))

    @property
    def _warmup(self) -> int:
        return self._spec.recipe.stage.warmup_in_steps(self._spec.schedule_steps)

    @property
    def _base_knows(self) -> bool:
        return len(self.state.known) >= self._needed

    def _has_fallen(self, step: int) -> bool:
        """Return whether the rate is below its highest so far, after warm-up."""
        highest = max(self.learning_rate(earlier) for earlier in {1, max(1, self._warmup), step})
        return step >= self._warmup and self.learning_rate(step) < highest

    def _standing(
        self, step: int, losses: Mapping[str, float], right: Sequence[bool], is_last: bool
    ) -> Standing:
        base = self.state.general
        rises = [losses[name] - before for name, before in base.items()]
        domain = [losses[name] for name in losses if name in self._probed_domain]
        shares = self.general_shares
        return Standing(
            step=step,
            forgetting=sum(rises) / len(rises) if rises else None,
            percent=100 * sum(rises) / (sum(base.values()) or math.inf) if rises else None,
            kept=kept(self.state.known, right) if right and self._base_knows else None,
            domain=sum(domain) / len(domain) if domain else None,
            general_share=shares[-1][1] if shares else self._general_share,
            has_fallen=self._has_fallen(step),
            is_last=is_last,
        )
