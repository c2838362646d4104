"""How long a run takes to start: importing the trainer with and without Python's search for cycles.

    python tests/benchmarks/starts.py

Each way in a process of its own, by turns; processor seconds of the whole process, its end included.
"""

import os
import statistics
import subprocess
import sys

ROUNDS = 7
_WITH = "from domainstudio.jobs.heavy_imports import heavy_imports\nwith heavy_imports():\n    "
WORK = {"the trainer": "import domainstudio.trainer.loop", "torchrun": "import torch.distributed.run"}


def seconds(code: str) -> float:
    """Return the processor seconds of a new process that runs some code."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def main() -> None:
    """Print the median of each way and their ratio."""
    for name, code in WORK.items():
        found: dict[str, list[float]] = {"plain": [], "heavy_imports": []}
        for _round in range(ROUNDS):
            found["plain"].append(seconds(code))
            found["heavy_imports"].append(seconds(_WITH + code))
        plain, ours = (statistics.median(each) for each in found.values())
        print(f"{name}: {plain:.2f} s as Python imports, {ours:.2f} s by heavy_imports: {ours / plain:.2f}")


if __name__ == "__main__":
    main()
