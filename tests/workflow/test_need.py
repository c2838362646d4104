"""Whether a corpus needs an adaptation: what the numbers speak for, and the words."""

import pytest

from domainstudio.workflow.tokenizer.need import Need, Side
from domainstudio.workflow.tokenizer.need_words import number_words, verdict_words


def side(per_byte: float | None, bits: float | None = None, *, per_character: float | None = None) -> Side:
    return Side(per_byte, 6 * per_byte if per_byte else None, per_character, bits)


@pytest.mark.parametrize(
    ("domain", "general", "verdict"),
    [
        (side(0.30, 1.5), side(0.22, 1.0), "vocabulary"),
        (side(0.24, 1.5), side(0.22, 1.0), "training"),
        (side(0.24, 1.05), side(0.22, 1.0), "neither"),
        (side(0.24), side(0.22), "unknown"),
        (side(0.24, 1.5), None, "unknown"),
        (side(None, 1.5, per_character=2.1), side(0.22, 1.0), "vocabulary"),
        (side(None, 1.5, per_character=0.8), side(0.22, 1.0), "training"),
    ],
)
def test_the_numbers_speak(domain: Side, general: Side | None, verdict: str) -> None:
    need = Need(domain, general, ())
    assert need.verdict == verdict
    lines = number_words(need)
    assert lines and verdict_words(need)
    assert ("bits a byte" in lines[-1]) == (domain.bits_per_byte is not None)


def test_the_gap_is_named_with_its_sign() -> None:
    assert (
        "0.30 tokens a byte in the field, 0.22 in general text, +36 %"
        in number_words(Need(side(0.30), side(0.22), ()))[0]
    )
    assert "−9 %" in number_words(Need(side(0.20), side(0.22), ()))[0]
    assert Need(side(0.3), None, ()).gap is None
