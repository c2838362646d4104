"""What the guard of a run did and what became of the canary facts, in words."""

from domainstudio.jobs.events import Intervention
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_count
from domainstudio.workflow.runs.run_list import RunRow


def intervention_label(done: Intervention) -> str:
    """Return an intervention in a few words."""
    match done.what:
        case "alarm":
            return _("over the budget")
        case "pause":
            return _("paused by the guard")
        case "replay":
            return _("replay {share:.0f} %").format(share=100 * done.value)
        case "rate":
            return _("rate × {factor:.2g}").format(factor=done.value)
        case "dropout":
            return _("dropout {share:.0f} %").format(share=100 * done.value)
        case "end":
            return _("ended by the guard")
        case "tell":
            return _("plateau")
        case other:
            return other


def intervention_words(done: Intervention) -> str:
    """Return an intervention as a sentence."""
    step, reason = format_count(done.step), _reason(done)
    match done.what:
        case "alarm":
            return _("Step {step}: {reason}.").format(step=step, reason=_measured(done))
        case "pause":
            words = _("Step {step}: the guard paused the run, {reason}; resume it if that shall be so.")
            return words.format(step=step, reason=reason)
        case "replay":
            words = _("Step {step}: general text is {share:.0f} % of the mixture from here on, {reason}.")
            return words.format(step=step, reason=reason, share=100 * done.value)
        case "rate":
            words = _("Step {step}: the rate is multiplied by {factor:.2g} from here on, {reason}.")
            return words.format(step=step, reason=reason, factor=done.value)
        case "dropout":
            words = _("Step {step}: dropout is {share:.0f} % from here on, {reason}.")
            return words.format(step=step, reason=reason, share=100 * done.value)
        case "end" if done.value:
            words = _(
                "Step {step}: the guard ended the run, {reason}; its result is step {best}, the best within "
                "the budget."
            )
            return words.format(step=step, reason=reason, best=format_count(done.value))
        case "end" if done.reason == "plateau":
            return _("Step {step}: the guard ended the run, {reason}.").format(step=step, reason=reason)
        case "end":
            words = _(
                "Step {step}: the guard ended the run, {reason}; no measurement after step 0 was within the "
                "budget, so its last checkpoint is the result."
            )
            return words.format(step=step, reason=reason)
        case "tell":
            words = _("Step {step}: domain loss stands still at {loss:.3f} nats a token.")
            return words.format(step=step, loss=done.value)
        case other:
            return _("Step {step}: {what}.").format(step=step, what=other)


def facts_words(row: RunRow) -> str:
    """Return what became of the canary facts that a run's base knew, empty without any."""
    facts = row.canaries
    if facts is None:
        return ""
    if facts.kept is None:
        words = _(
            "Canary facts: {right} of {total} right. The base knew too few of them to tell what it forgot "
            "({before}; fewer than {needed} may be guesses)."
        )
    else:
        words = _(
            "Canary facts: {kept:.0f} % of the {before} that the base knew are still known, {right} of "
            "{total} are right."
        )
    return words.format(
        right=facts.right,
        total=facts.total,
        before=facts.right_before,
        needed=facts.needed,
        kept=100 * (facts.kept or 0.0),
    )


def _reason(done: Intervention) -> str:
    """Return why, as the middle of a sentence."""
    reasons = {
        "nats": _("for it forgot more than is accepted"),
        "percent": _("for it forgot more than is accepted"),
        "canaries": _("for too few canary facts are still known"),
        "explosion": _("for the loss on general text explodes"),
        "plateau": _("for domain loss stands still"),
    }
    return reasons.get(done.reason, done.reason)


def _measured(done: Intervention) -> str:
    """Return what was measured when a limit was passed, as a clause."""
    if done.reason == "canaries":
        return _("of the canary facts that the base knew, only {share:.0f} % are still known").format(
            share=100 * done.value
        )
    change = _("{percent:.1f} %").format(percent=done.value) if done.reason == "percent" else ""
    change = change or _("{change} nats a token").format(change=format_change(done.value))
    return _("general loss has risen by {change}, more than is accepted").format(change=change)
