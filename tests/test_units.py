"""Counts, sizes and durations as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.problems import UserError
from domainstudio.units import format_change, format_count, format_duration, parse_count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("245000", 245_000), ("245k", 245_000), ("245 K", 245_000), (" 20M ", 20_000_000),
        ("1.5m", 1_500_000), ("0.1M", 100_000), ("2B", 2_000_000_000), ("0.5t", 500_000_000_000),
        ("2万", 20_000), ("1.2亿", 120_000_000),
        ("1,000,000", 1_000_000), ("1_000_000", 1_000_000), ("１２", 12),
    ],
)  # fmt: skip
def test_counts_are_read_as_people_write_them(text: str, count: int) -> None:
    assert parse_count(text, "tokens") == count


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", ",", "k", "-5", "+5", "1 000", "20MB", "1e6", "0x10", "five", "nan", "inf", "1.2.3", "M20",
     "9" * 400],
)  # fmt: skip
def test_what_is_no_count_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse_count(text, "tokens")
    assert refusal.value.problem.code == "value.not_a_count"
    assert refusal.value.problem.field == "tokens"
    assert repr(text) in str(refusal.value)


@given(st.integers(1, 2**53))
def test_a_count_written_is_read_back(number: int) -> None:
    assert parse_count(format_count(number), "x") == parse_count(str(number), "x") == number


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"),
     (3599, "59 min 59 s"),
     (3600, "1 h 0 min"), (7500, "2 h 5 min"), (86_399, "23 h 59 min"),
     (86_400, "1 d 0 h"), (200_000, "2 d 7 h")],
)  # fmt: skip
def test_durations_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0312, "+0.031"), (-0.2164, "−0.216"), (0.0, "+0.000"), (12.5, "+12.500")]
)
def test_a_change_always_has_its_sign(value: float, text: str) -> None:
    assert format_change(value) == text
    assert format_change(value, 1)[0] == text[0]
