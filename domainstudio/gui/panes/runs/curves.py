"""What the plots of a run show: each function turns the curves in sight into the content of one plot."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from domainstudio.evaluation.held_out import HeldOut, Points
from domainstudio.gui.panes.runs.words import x_title
from domainstudio.gui.widgets.plot_content import (
    ACCEPTED_DASH,
    DASHES,
    Content,
    EndLabel,
    EventLine,
    LevelLine,
    PlotLine,
    Range,
    Reading,
)
from domainstudio.jobs.columns import Array
from domainstudio.jobs.curves import Curves, Mark
from domainstudio.jobs.envelope import envelope, smoothed, thinned
from domainstudio.jobs.events import Probe
from domainstudio.language import translate as _
from domainstudio.recipe.run import RunSpec
from domainstudio.units import big_unit, format_change, format_count, format_rate
from domainstudio.workflow.runs.interventions import intervention_label

Axis = Literal["step", "tokens", "seconds"]
TOKEN_OF_ROLE = {"general": "forget", "domain": "domain"}
_UNKNOWN = "–"


@dataclass
class ShownRun:
    """One run with its held-out curves, which are made anew only after a new probe."""

    name: str
    curves: Curves
    _probes: list[Probe] = field(default_factory=list)
    _seen: int = -1
    _held_out: HeldOut = field(default_factory=lambda: HeldOut(()))

    @property
    def held_out(self) -> HeldOut:
        """The held-out curves as they are now."""
        probes = self.curves.probes
        if probes is not self._probes or len(probes) != self._seen:
            self._probes, self._seen = probes, len(probes)
            self._held_out = HeldOut(probes)
        return self._held_out


@dataclass
class Shown:
    """The run in sight, how it is looked at, and what lies beside it."""

    run: ShownRun
    spec: RunSpec
    axis: Axis = "step"
    is_against_base: bool = True
    others: list[ShownRun] = field(default_factory=list)
    control: ShownRun | None = None
    accepted: float | None = None
    """The accepted forgetting in nats a token, None without one."""

    @property
    def curves(self) -> Curves:
        """The curves of the run in sight."""
        return self.run.curves

    def looks_like(self, other: "Shown") -> bool:
        """Return whether another shows the same runs in the same way: only their points may differ."""
        return self._way() == other._way()

    def _way(self) -> tuple[object, ...]:
        others = [run.name for run in self.others]
        return self.run.name, self.axis, self.is_against_base, others, self.accepted, self.control is None

    def whole(self) -> Range:
        """Return the x range that holds every run in sight."""
        ends = [1.0]
        for curves in (self.curves, *(other.curves for other in self.others)):
            for columns in (curves.steps, *curves.superseded):
                if len(columns):
                    ends.append(float(columns.column(self.axis)[-1]))
        return 0.0, max(ends)

    def unit(self) -> tuple[float, str]:
        """Return (divisor, words) of the x axis."""
        last = self.whole()[1]
        if self.axis == "tokens":
            divisor, sign = big_unit()
            if last >= divisor / 20:
                return divisor, _("tokens ({unit})").format(unit=sign)
            return 1.0, _("in tokens")
        if self.axis == "seconds":
            for seconds, words in ((86_400.0, _("days")), (3600.0, _("hours")), (60.0, _("minutes"))):
                if last >= 3 * seconds:
                    return seconds, words
            return 1.0, _("seconds")
        return 1.0, _("step")


def loss_content(shown: Shown, x_range: Range | None, points: int) -> Content:
    """Return the training loss: raw, smoothed above it, tails in grey, other runs smoothed."""
    steps = shown.curves.steps
    raw = envelope(steps, shown.axis, "loss", x_range, points)
    smooth = smoothed(steps, shown.axis, "loss", x_range)
    tails = [envelope(tail, shown.axis, "loss", x_range, points) for tail in shown.curves.superseded]
    lines = [PlotLine(tail.x, tail.y, "border", 1.0) for tail in tails]
    lines.append(PlotLine(raw.x, raw.y, "train raw", 1.0))
    tails = [smoothed(tail, shown.axis, "loss", x_range) for tail in shown.curves.superseded]
    lines += [PlotLine(tail.x, tail.y, "border", 2.0) for tail in tails]
    labels = []
    for other in shown.others:
        line = smoothed(other.curves.steps, shown.axis, "loss", x_range)
        lines.append(PlotLine(line.x, line.y, "text2"))
        labels += _label(line.y, other.name, "text2")
    lines.append(PlotLine(smooth.x, smooth.y, "train", 2.0))
    last = _last(smooth.y)
    if last is not None:
        labels += [EndLabel(last, f"{last:.3f}", "train", True), EndLabel(last, _("smoothed"), "text2")]

    def read(x: float) -> Reading | None:
        row = _nearest(steps.column(shown.axis), x)
        if row is None:
            return None
        at, loss = float(steps.column(shown.axis)[row]), float(steps.column("loss")[row])
        mean = float(np.interp(at, smooth.x, smooth.y)) if len(smooth.x) else np.nan
        rows = [(_("loss"), _number(loss), "train raw"), (_("smoothed"), _number(mean), "train")]
        for other in shown.others:
            near = _nearest(other.curves.steps.column(shown.axis), at)
            if near is not None:
                rows.append((other.name, _number(float(other.curves.steps.column("loss")[near])), "text2"))
        return Reading(at, x_title(steps, row), rows)

    words = _("Training loss of {run}: {last} nats a token, smoothed, at step {step}.")
    return Content(
        whole=shown.whole(),
        lines=lines,
        labels=labels,
        events=[*events(shown), *_gap_event(raw.gaps)],
        checkpoints=shown.curves.at_steps(shown.axis, [point.step for point in shown.curves.checkpoints]),
        gaps=raw.gaps,
        summary=words.format(
            run=shown.run.name, last=_number(last), step=format_count(shown.curves.step_reached())
        ),
        read=read,
        x_divisor=shown.unit()[0],
        x_unit=shown.unit()[1],
        empty=_("The first point comes with the first step."),
    )


def held_out_content(shown: Shown, x_range: Range | None, points: int) -> Content:
    """Return held-out loss by source, against the base or absolute; other runs by the mean of domain text."""
    found = shown.run.held_out.curves
    lines, labels, rows = _tails(shown), list[EndLabel](), list[tuple[str, Array, Array, str]]()
    levels: list[LevelLine] = []
    for other in shown.others:
        means = other.held_out.domain_change if shown.is_against_base else other.held_out.domain_loss
        lines.append(_line(shown, other, means, points))
        labels += _label(means[1], other.name, "text2")
    used: dict[str, int] = {}
    for source in found:
        token = TOKEN_OF_ROLE.get(source.role, "text")
        dash = DASHES[used.setdefault(token, 0) % len(DASHES)]
        used[token] += 1
        values = source.change if shown.is_against_base else source.nats
        x = shown.curves.at_steps(shown.axis, source.steps)
        line = thinned(x, values, points)
        lines.append(PlotLine(line.x, line.y, token, 1.5, dash))
        last = _last(values)
        if last is not None:
            words = format_change(last) if shown.is_against_base else f"{last:.3f}"
            labels.append(EndLabel(last, f"{source.source} {words}", token))
        if not shown.is_against_base and np.isfinite(source.base):
            levels.append(LevelLine(source.base, token))
        rows.append((source.source, x, values, token))
    if shown.is_against_base and found:
        levels.append(LevelLine(0.0, "text2"))
        labels.append(EndLabel(0.0, _("base"), "text2"))
    ends = [f"{name} {_signed(_last(values), shown.is_against_base)}" for name, _x, values, _token in rows]
    return Content(
        whole=shown.whole(),
        lines=lines,
        levels=levels,
        labels=labels,
        summary=_("Held-out loss of {run}: {values}.").format(run=shown.run.name, values=", ".join(ends)),
        read=_reader(shown, rows, is_signed=shown.is_against_base),
        x_divisor=shown.unit()[0],
        x_unit=shown.unit()[1],
        is_signed=shown.is_against_base,
        empty=_("The first measurement comes before the first step."),
    )


def forgetting_content(shown: Shown, x_range: Range | None, points: int) -> Content:
    """Return the rise of general loss against the base, against the control, and the line accepted."""
    rows: list[tuple[str, Array, Array, str]] = []
    lines, labels = list[PlotLine](), list[EndLabel]()
    for other in shown.others:
        lines.append(_line(shown, other, other.held_out.forgetting, points))
        labels += _label(other.held_out.forgetting[1], other.name, "text2")
    if shown.control is not None:
        steps, values = shown.run.held_out.forgetting_against(shown.control.held_out)
        x = shown.curves.at_steps(shown.axis, steps)
        line = thinned(x, values, points)
        lines.append(PlotLine(line.x, line.y, "forget", 1.5, DASHES[1]))
        if (end := _last(values)) is not None:
            text = _("against control {change}").format(change=format_change(end))
            labels.append(EndLabel(end, text, "forget"))
        rows.append((_("against control"), x, values, "forget"))
    steps, values = shown.run.held_out.forgetting
    x = shown.curves.at_steps(shown.axis, steps)
    line = thinned(x, values, points)
    lines.append(PlotLine(line.x, line.y, "forget", 1.5, ends_in_dot=True))
    rows.insert(0, (_("against the base"), x, values, "forget"))
    last = _last(values)
    levels = [LevelLine(0.0, "text2")] if len(values) else []
    if last is not None:
        labels.append(EndLabel(last, _("now {change}").format(change=format_change(last)), "forget", True))
        labels.append(EndLabel(0.0, _("base"), "text2"))
    if shown.accepted is not None and len(values):
        levels.append(LevelLine(shown.accepted, "forget", ACCEPTED_DASH))
        text = _("accepted {change}").format(change=format_change(shown.accepted))
        labels.append(EndLabel(shown.accepted, text, "forget", True))
    return Content(
        whole=shown.whole(),
        lines=lines,
        levels=levels,
        labels=labels,
        events=events(shown) if len(values) else [],
        summary=_("Forgetting of {run}: {change} nats a token against the base.").format(
            run=shown.run.name, change=_signed(last)
        ),
        read=_reader(shown, rows, is_signed=True),
        x_divisor=shown.unit()[0],
        x_unit=shown.unit()[1],
        is_signed=True,
        empty=_("No general text is held out in this run: what it forgets cannot be measured."),
    )


def column_content(name: str, words: Callable[[float], str], divisor: float = 1.0) -> Callable[..., Content]:
    """Return the maker of a small plot of one column; `words` writes a value."""

    def make(shown: Shown, x_range: Range | None, points: int) -> Content:
        steps = shown.curves.steps
        line = envelope(steps, shown.axis, name, x_range, points)
        values = steps.column(name)

        def read(x: float) -> Reading | None:
            row = _nearest(steps.column(shown.axis), x)
            if row is None:
                return None
            value = words(float(values[row]) / divisor)
            return Reading(float(steps.column(shown.axis)[row]), x_title(steps, row), [("", value, "text")])

        newest = words(float(values[-1]) / divisor) if len(values) else _UNKNOWN
        return Content(
            whole=shown.whole(),
            lines=[PlotLine(line.x, line.y / divisor, "text2", 1.0)],
            gaps=line.gaps,
            value=newest,
            summary=_("Newest value: {value}.").format(value=newest),
            read=read,
        )

    return make


rate_content = column_content("learning_rate", format_rate)
gradient_content = column_content("gradient_norm", lambda value: f"{value:.2f}")
speed_content = column_content("tokens_per_second", format_count)
memory_content = column_content("memory_bytes", lambda value: f"{value:.1f}", 1e9)


def events(shown: Shown) -> list[EventLine]:
    """Return the dotted lines: where attempts broke off and went on, what was amiss, what the guard did."""
    made: list[tuple[int, str]] = []
    marks = shown.curves.marks
    for before, mark in zip([None, *marks], marks, strict=False):
        words = _event_words(before, mark)
        if words and before is not None and mark.kind == "start" and made and made[-1][0] == before.step:
            made.pop()
        if words:
            made.append((mark.step - (mark.kind == "start"), words))
    done = [(one.step, intervention_label(one)) for one in shown.curves.interventions]
    by_guard = {one.step for one in shown.curves.interventions if one.what == "pause"}
    made = [event for event in made if event[0] not in by_guard or event[1] != _("paused")]
    made = sorted(made + done, key=lambda event: event[0])
    places = shown.curves.at_steps(shown.axis, [step for step, _words in made])
    return [EventLine(float(x), words) for x, (_step, words) in zip(places, made, strict=True)]


def _event_words(before: Mark | None, mark: Mark) -> str:
    """Return what a mark is called, nothing for the beginning and the end of a run that went well."""
    if mark.kind == "start" and before is not None:
        step = format_count(mark.step - 1) if mark.step else "0"
        if before.kind == "stopped" and mark.step - 1 == before.step:
            return _("paused, resumed")
        if before.kind in ("stopped", "failed"):
            return _("resumed from {step}").format(step=step)
        return _("interrupted, resumed from {step}").format(step=step)
    words = {"stopped": _("paused"), "failed": _("failed"), "problem": _("problem")}
    return words.get(mark.kind, "")


def _gap_event(gaps: Array) -> list[EventLine]:
    return [EventLine(float(gaps[0]), _("not a number"))] if len(gaps) else []


def _line(shown: Shown, other: ShownRun, means: Points, points: int) -> PlotLine:
    line = thinned(other.curves.at_steps(shown.axis, means[0]), means[1], points)
    return PlotLine(line.x, line.y, "text2")


def _tails(shown: Shown) -> list[PlotLine]:
    """Return the superseded held-out points as grey lines, one a source and attempt."""
    bases = {curve.source: curve.base for curve in shown.run.held_out.curves}
    tails: dict[str, list[list[Probe]]] = {}
    for probe in shown.curves.superseded_probes:
        parts = tails.setdefault(probe.source, [])
        if not parts or parts[-1][-1].step >= probe.step:
            parts.append([])
        parts[-1].append(probe)
    lines = []
    for name, parts in tails.items():
        base = bases.get(name, 0.0) if shown.is_against_base else 0.0
        for part in parts:
            x = shown.curves.at_steps(shown.axis, [probe.step for probe in part])
            lines.append(PlotLine(x, np.array([p.nats_per_token - base for p in part], "f8"), "border", 1.0))
    return lines


def _reader(
    shown: Shown, rows: Iterable[tuple[str, Array, Array, str]], *, is_signed: bool
) -> Callable[[float], Reading | None]:
    kept = [row for row in rows if len(row[1])]

    def read(x: float) -> Reading | None:
        if not kept:
            return None
        near = _nearest(kept[0][1], x)
        at = float(kept[0][1][near]) if near is not None else x
        told = []
        for name, places, values, token in kept:
            place = _nearest(places, at)
            if place is not None:
                told.append((name, _signed(float(values[place]), is_signed), token))
        steps = shown.curves.steps
        row = _nearest(steps.column(shown.axis), at) if at else None
        return Reading(at, x_title(steps, row), told)

    return read


def _nearest(x: Array, value: float) -> int | None:
    """Return the index nearest to a value in ascending x."""
    if not len(x):
        return None
    # A float sought among integers would turn the whole column into floats.
    sought = np.array(np.ceil(value) if x.dtype.kind == "i" else value).astype(x.dtype)
    place = int(np.searchsorted(x, sought))
    if place == len(x) or (place and value - x[place - 1] < x[place] - value):
        place -= 1
    return place


def _label(y: Array, name: str, token: str) -> list[EndLabel]:
    last = _last(y)
    return [] if last is None else [EndLabel(last, name, token)]


def _last(y: Array) -> float | None:
    known = np.flatnonzero(np.isfinite(y))
    return float(y[known[-1]]) if len(known) else None


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None or not np.isfinite(value) else f"{value:.3f}"


def _signed(value: float | None, is_signed: bool = True) -> str:
    if value is None or not np.isfinite(value):
        return _UNKNOWN
    return format_change(value) if is_signed else f"{value:.3f}"
