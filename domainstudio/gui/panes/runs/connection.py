"""How a run on another machine is heard of, in words: silence is attention, and nothing is guessed."""

from collections.abc import Sequence
from dataclasses import dataclass

from domainstudio.jobs.link import Device, Link
from domainstudio.language import translate as _
from domainstudio.units import format_count, format_duration, format_size
from domainstudio.workflow.machines.remote import trouble_words
from domainstudio.workflow.runs.run_list import RunRow

_GB = 1e9
_GOES_ON = ("created", "running", "unknown")


@dataclass(frozen=True)
class Telling:
    """What stands beside the plots: the state, what an action would do, what a failure would cost."""

    icon: str
    token: str
    state: str
    fact: str
    plan: str
    cost: str


def link_of(row: RunRow) -> Link | None:
    """Return the link of a run that goes on elsewhere, or could not be begun there; None of any other."""
    link = row.link
    if link is None or (row.status not in _GOES_ON and link.phase != "refused"):
        return None
    return link


def link_in_question(row: RunRow) -> Link | None:
    """Return the link if nothing is heard of such a run."""
    link = link_of(row)
    return None if link is None or link.is_heard else link


def connection_words(row: RunRow) -> str | None:
    """Return the state of a run in a few words where its connection is what there is to say."""
    link = link_of(row)
    match link.standing if link else "":
        case "sending":
            share = 100 * link.done / link.total if link and link.total else 0.0
            return _("Sending, {share:.0f} %").format(share=share)
        case "starting":
            return _("Starting")
        case "reconnecting":
            return _("Reconnecting")
        case "refused":
            return _("Not connected")
    return None


def telling_of_link(row: RunRow, saved: int, goes_on: str) -> Telling | None:
    """Return what is said of a run whose connection is what there is to say.

    Args:
        row: the run.
        saved: the step of its newest checkpoint, 0 if there is none.
        goes_on: where it would go on, if that is known.
    """
    link = link_of(row)
    match link.standing if link else "":
        case "sending" if link is not None:
            fact = _("{done} of {total}").format(done=format_size(link.done), total=format_size(link.total))
            plan = _("What {machine} has already is not sent again; cut off, it goes on where it was.")
            plan = plan.format(machine=link.at or link.machine)
            return Telling("play-ring", "accent", _("Sending:"), fact, plan, "")
        case "starting" if link is not None:
            return Telling("play-ring", "accent", _("Starting:"), link.place, "", "")
        case "reconnecting" if link is not None:
            fact = _("seen {ago} ago").format(ago=format_duration(link.silence or 0.0))
            return Telling(
                "triangle", "attention", _("Reconnecting:"), fact, _silence(link), _seen(row, saved)
            )
        case "refused" if link is not None:
            left = goes_on if row.status == "interrupted" else _seen(row, saved)
            why = trouble_words(link)
            if link.phase == "reconnecting":
                why += " " + _("It is tried again by itself.")
            where = link.at or link.machine
            return Telling("triangle", "attention", _("Not connected:"), where, why.strip(), left)
    return None


def _silence(link: Link) -> str:
    """Say what silence means, and what not."""
    why = trouble_words(link) or _("{machine} does not answer.").format(machine=link.machine)
    means = _(
        "That says nothing about the run: it needs no connection to go on, and the curves fill in when "
        "{machine} is back."
    )
    return f"{why} {means.format(machine=link.machine)}"


def _seen(row: RunRow, saved: int) -> str:
    if not row.step:
        return ""
    words = _("Last seen at step {step}, last checkpoint at step {saved}.")
    if not saved:
        words = _("Last seen at step {step}, before its first checkpoint.")
    asked = _("A pause asked for now is sent on reconnecting.")
    return f"{words.format(step=format_count(row.step), saved=format_count(saved))} {asked}"


def devices_words(devices: Sequence[Device]) -> str:
    """Return what the GPUs of a machine do: memory used, utilisation, temperature; of several their range."""
    if not devices:
        return ""
    name = devices[0].name if len(devices) == 1 else f"{len(devices)} × {devices[0].name}"
    parts = []
    total = max((one.memory_total or 0) for one in devices)
    used = _range([one.memory_used / _GB for one in devices if one.memory_used is not None], 1)
    if used and total:
        parts.append(_("{used} of {total} GB").format(used=used, total=f"{total / _GB:,.1f}"))
    if busy := _range([one.utilisation for one in devices if one.utilisation is not None]):
        parts.append(_("{range} % busy").format(range=busy))
    if heat := _range([one.temperature for one in devices if one.temperature is not None]):
        parts.append(_("{range} °C").format(range=heat))
    return _("{name}: {facts}").format(name=name, facts=", ".join(parts) or "–")


def _range(values: Sequence[float], digits: int = 0) -> str:
    """Return the least and the most of some values, empty without any."""
    if not values:
        return ""
    least, most = (f"{value:,.{digits}f}" for value in (min(values), max(values)))
    return least if least == most else _("{least} to {most}").format(least=least, most=most)
