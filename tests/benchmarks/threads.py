"""A small model's arithmetic on a machine that is busy and one that is not, by how long idle threads spin.

    .venv/bin/python tests/benchmarks/threads.py

Each line is a process of its own with two threads, by turns with and without two others that keep both cores
at work; the seconds are those on the clock, the best of three.
"""

import os
import subprocess
import sys

WORK = """
import time, torch
torch.set_num_threads(2)
layer = torch.nn.TransformerEncoderLayer(128, 4, 512, batch_first=True)
net = torch.nn.TransformerEncoder(layer, 4)
optimizer = torch.optim.AdamW(net.parameters())
text = torch.randn(2, 64, 128)
for step in range(120):
    if step == 20:
        begin = time.monotonic()
    net(text).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
print(time.monotonic() - begin)
"""
BUSY = "while True: pass"
ROUNDS = 3


def seconds(spins: str) -> float:
    """Return how long the work takes."""
    settings = {"GOMP_SPINCOUNT": spins} if spins else {}
    done = subprocess.run(
        [sys.executable, "-c", WORK], capture_output=True, text=True, check=True, env=os.environ | settings
    )
    return float(done.stdout)


def main() -> None:
    """Print both ways, quiet and busy."""
    for others in (0, 2):
        load = [subprocess.Popen([sys.executable, "-c", BUSY]) for _number in range(others)]
        found: dict[str, list[float]] = {"": [], "1000": []}
        for _round in range(ROUNDS):
            for spins, times in found.items():
                times.append(seconds(spins))
        for process in load:
            process.kill()
            process.wait()
        plain, ours = (min(times) for times in found.values())
        state = f"{others} others at work" if others else "nobody else at work"
        print(f"{state}: {plain:.2f} s as it is, {ours:.2f} s with 1,000 spins: {ours / plain:.2f}")


if __name__ == "__main__":
    main()
