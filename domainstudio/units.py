"""Counts, sizes and durations as people write and read them."""

import re
import time
from decimal import Decimal

from domainstudio.language import preferred
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError

_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12, "万": 10**4, "亿": 10**8}


def parse_count(text: str, field: str) -> int:
    """Return the whole number meant by `20M`, `245k`, `1_000,000` or `2万`.

    Raises:
        UserError: the text is no such number; `field` names where it stood.
    """
    match = re.fullmatch(r"(\d[\d,_]*)(\.\d+)?\s*([kKmMbBtT万亿]?)", text.strip())
    if match:
        whole, fraction, unit = match.groups()
        number = Decimal(whole.replace(",", "").replace("_", "") + (fraction or "")) * _FACTORS[unit.lower()]
        if 0 < number < 10**18 and number == int(number):
            return int(number)
    raise UserError(Problem("value.not_a_count", field, {"value": text}))


def format_count(number: int | float) -> str:
    """Return a count with thousands separated by commas: 612,480."""
    return f"{number:,.0f}"


def big_unit() -> tuple[float, str]:
    """Return (divisor, sign) of the unit in which tables give tokens and characters: millions, or 亿."""
    return (1e8, "亿") if preferred() == "zh_CN" else (1e6, "M")


def unit_of(largest: float) -> tuple[float, str]:
    """Return (divisor, sign) of the unit for counts up to `largest`: the big one, else 万 from a million on.

    Below that counts are given as they are: (1, "").
    """
    divisor, sign = big_unit()
    if largest >= divisor:
        return divisor, sign
    return (1e4, "万") if preferred() == "zh_CN" and largest >= 1e6 else (1, "")


def format_size(size_bytes: float) -> str:
    """Return a size on disk in its largest unit: 1.2 GB (powers of ten, as disks are sold)."""
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size_bytes >= factor:
            return f"{size_bytes / factor:,.1f} {unit}"
    return f"{size_bytes:,.0f} B"


def format_duration(seconds: float) -> str:
    """Return a duration in its two largest units: 2 h 5 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return _("{s} s").format(s=whole)
    if whole < 3600:
        return _("{m} min {s} s").format(m=whole // 60, s=whole % 60)
    if whole < 86400:
        return _("{h} h {m} min").format(h=whole // 3600, m=whole % 3600 // 60)
    return _("{d} d {h} h").format(d=whole // 86400, h=whole % 86400 // 3600)


def format_rate(rate: float) -> str:
    """Return a learning rate as people write it: 3e-5, 0."""
    if not rate:
        return "0"
    mantissa, exponent = f"{rate:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def format_change(value: float, digits: int = 3) -> str:
    """Return a signed difference with a true minus: +0.031, −0.216."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−")


def format_day(then: float, now: float) -> str:
    """Return a time in the past as a person says it: today 14:02, yesterday, 2026-11-12."""
    day, today = time.localtime(then), time.localtime(now)
    if day[:3] == today[:3]:
        return _("today {time}").format(time=time.strftime("%H:%M", day))
    if time.localtime(now - 86_400)[:3] == day[:3]:
        return _("yesterday")
    return time.strftime("%Y-%m-%d", day)
