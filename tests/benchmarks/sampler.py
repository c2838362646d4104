"""Shares, repeats and speed of the sampler: `.venv/bin/python tests/benchmarks/sampler.py`."""

import time

from domainstudio.mixture.sampler import Sampler

SHARES, BLOCKS, DRAWS = [0.55, 0.25, 0.15, 0.05], [60_000, 40_000, 31_000, 7_001], 200_000


def main() -> None:
    """Print the worst error of a share, blocks drawn twice within an epoch, and times."""
    began = time.process_time()
    sampler = Sampler(SHARES, BLOCKS, seed=1)
    built = time.process_time() - began
    began = time.process_time()
    draws = [sampler.draw(number) for number in range(DRAWS)]
    used = time.process_time() - began
    counts = [sum(draw.source == source for draw in draws) for source in range(len(SHARES))]
    errors = [abs(count / DRAWS - share) * 100 for count, share in zip(counts, SHARES, strict=True)]
    repeats = DRAWS - len({(draw.source, draw.epoch, draw.block) for draw in draws})
    began = time.process_time()
    again = Sampler(SHARES, BLOCKS, seed=1).draw(DRAWS - 1)
    resumed = time.process_time() - began
    print(f"{DRAWS:,} draws, 4 sources: worst share error {max(errors):.5f} percentage points")
    print(f"blocks drawn twice within an epoch: {repeats}")
    print(f"planning {built * 1e3:.1f} ms, a draw {used / DRAWS * 1e6:.1f} µs")
    print(f"resuming at draw {DRAWS:,}: {resumed * 1e3:.1f} ms, the same draw: {again == draws[-1]}")


if __name__ == "__main__":
    main()
