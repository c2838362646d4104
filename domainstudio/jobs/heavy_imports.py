"""How torch and its kin are imported: without looking for what nobody threw away."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heavy_imports() -> Iterator[None]:
    """Import large libraries while the block runs, faster.

    An import makes millions of objects that stay, and Python's collector goes through them again and again,
    once more when the process ends. Without that the trainer and torchrun start in two thirds of the time
    (`tests/benchmarks/starts.py`).
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
