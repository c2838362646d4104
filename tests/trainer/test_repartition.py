"""A checkpoint of some ranks goes on on another number of them, whatever way DeepSpeed had cut it."""

from pathlib import Path
from typing import Any

import pytest
from trainer.script_ranks import said_by_first

pytestmark = pytest.mark.usefixtures("warm_start")


def told(root: Path, zero: int, precision: str, ranks: int, ranks_then: int) -> Any:
    """Return what rank 0 of so many says."""
    meeting = root / f"meet-{ranks}-{ranks_then}"
    meeting.mkdir()
    words = (meeting, root / "saved", zero, precision, ranks_then)
    return said_by_first("repartition_ranks.py", ranks, *words)


@pytest.mark.parametrize(
    ("zero", "precision", "then", "now"),
    [(1, "bf16", 2, 1), (3, "fp32", 1, 2), *(
        pytest.param(*case, marks=pytest.mark.long)
        for case in [(1, "fp32", 1, 2), (2, "fp32", 2, 1), (2, "bf16", 1, 2), (3, "bf16", 2, 1)]
    )],
)  # fmt: skip
def test_weights_and_moments_are_the_saved_ones_to_the_bit(
    zero: int, precision: str, then: int, now: int, tmp_path: Path
) -> None:
    saved, said = told(tmp_path, zero, precision, then, 0)
    assert len(saved) > 20
    taken, says = told(tmp_path, zero, precision, now, then)
    assert taken == saved
    assert says == pytest.approx(said, rel=1e-5)
