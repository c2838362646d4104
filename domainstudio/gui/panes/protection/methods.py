"""Methods in words, in a table and as points: what each gained, forgot and costs."""

from dataclasses import dataclass

from domainstudio.evaluation.comparison import Estimate
from domainstudio.gui.widgets.comparison_chart import MethodPoint, Shape
from domainstudio.gui.widgets.table import Column
from domainstudio.language import translate as _
from domainstudio.recipe.methods import NAIVE
from domainstudio.units import format_change
from domainstudio.workflow.protection.laboratory_table import LaboratoryRow, interval_words
from domainstudio.workflow.protection.method_words import method_words
from domainstudio.workflow.protection.protecting import Shown


@dataclass(frozen=True)
class MethodLine:
    """One line of the table: measured, or planned and still to come."""

    name: str
    row: LaboratoryRow | None
    extra_bytes: int
    is_budgeted: bool


def lines_of(shown: Shown) -> list[MethodLine]:
    """Return the lines of a laboratory, the measured by gain, then what is to come."""
    is_budgeted = shown.work.budget is not None
    measured = sorted(shown.rows, key=lambda row: -row.gain.mean)
    return [
        *(MethodLine(row.method, row, shown.extra_bytes.get(row.method, 0), is_budgeted) for row in measured),
        *(MethodLine(name, None, shown.extra_bytes.get(name, 0), is_budgeted) for name in shown.planned),
    ]


def points_of(shown: Shown) -> list[MethodPoint]:
    """Return the measured methods as points of the chart."""
    return [
        MethodPoint(
            name=method_words(row.method),
            shape=_shape(row.method),
            forgetting=row.forgetting.mean,
            gain=row.gain.mean,
            forgetting_half=row.forgetting.half or 0.0,
            gain_half=row.gain.half or 0.0,
            is_on_front=row.is_on_front,
        )
        for row in shown.rows
    ]


def _shape(name: str) -> Shape:
    kind = name.partition(":")[0]
    if name == NAIVE or (kind == "replay" and "+" not in name):
        return "disc"
    return "diamond" if kind == "interpolation" else "square"


def _number(found: Estimate | None) -> str:
    return "–" if found is None else format_change(found.mean)


def columns() -> list[Column]:
    """Return the columns of methods and what they cost."""
    return [
        Column(_("Method"), lambda line: method_words(line.name), style=_style, tooltip=_tip),
        Column(_("Gain"), lambda line: _number(line.row and line.row.gain), is_number=True, width=62),
        Column(
            _("Forgetting"), lambda line: _number(line.row and line.row.forgetting), is_number=True, width=74
        ),
        Column(_("Memory (MB)"), lambda line: f"{line.extra_bytes / 1e6:,.1f}", is_number=True, width=92),
        Column(_("Time (%)"), _time, is_number=True, width=62),
        Column(_("Budget"), _verdict, state=_state, width=84),
    ]


def interval_columns() -> list[Column]:
    """Return the columns of the chart's table twin: every number with its interval."""
    return [
        Column(_("Method"), lambda line: method_words(line.name)),
        Column(_("Seeds"), lambda line: str(line.row.seeds) if line.row else "–", is_number=True, width=48),
        Column(_("Gain"), lambda line: _interval(line.row and line.row.gain), is_number=True, width=164),
        Column(
            _("Forgetting"),
            lambda line: _interval(line.row and line.row.forgetting),
            is_number=True,
            width=164,
        ),
        Column(
            _("Kept (%)"),
            lambda line: _percent(line.row and line.row.gain_kept),
            is_number=True,
            width=62,
        ),
        Column(
            _("Removed (%)"),
            lambda line: _percent(line.row and line.row.forgetting_removed),
            is_number=True,
            width=84,
        ),
    ]


def _interval(found: Estimate | None) -> str:
    return "–" if found is None else interval_words(found)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}".replace("-", "−")


def _style(line: MethodLine) -> str:
    return "strong" if line.row is not None and line.row.is_on_front else "text"


def _tip(line: MethodLine) -> str:
    return line.name


def _time(line: MethodLine) -> str:
    more = line.row.more_time if line.row else None
    return "–" if more is None else format_change(100 * more, 0)


def _verdict(line: MethodLine) -> str:
    if line.row is None:
        return _("to come")
    if not line.is_budgeted:
        return _("none")
    return _("within") if line.row.is_within else _("over")


def _state(line: MethodLine) -> str:
    if line.row is None:
        return "todo"
    if not line.is_budgeted:
        return ""
    return "ready" if line.row.is_within else "attention"
