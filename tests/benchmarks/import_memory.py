"""Speed and memory of an import: `.venv/bin/python tests/benchmarks/import_memory.py [--files N]`.

Writes JSON lines made of real text (DOMAINSTUDIO_CORPORA, see shared/data/README.md), imports them by command
and samples the memory of all its processes: proportional (PSS: shared pages counted once) and resident.
"""

import argparse
import gzip
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import psutil

CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA", Path(__file__).parents[3] / "shared" / "data"))
SOURCES = ("medical_medquad.jsonl.gz", "general_en.jsonl.gz", "law_zh.jsonl.gz")
SAMPLE_SECONDS = 0.1
LIMIT_MB = 300


def paragraphs() -> list[str]:
    """Return the paragraphs of the real texts."""
    found = []
    for name in SOURCES:
        with gzip.open(CORPORA / name) as rows:
            found += [part for row in rows for part in orjson.loads(row)["text"].split("\n") if part.strip()]
    return found


def documents(size_bytes: int) -> Iterator[bytes]:
    """Yield JSON lines of about 5 kB: real paragraphs in a new order, each document its own."""
    chooser, parts, number = random.Random(0), paragraphs(), 0
    while size_bytes > 0:
        wanted, text = chooser.expovariate(1 / 4000) + 500, f"Document {number}."
        while len(text) < wanted:
            text += "\n" + chooser.choice(parts)
        line = orjson.dumps({"text": text, "title": f"Title {number}"}) + b"\n"
        yield line
        size_bytes -= len(line)
        number += 1


def write(folder: Path, size_bytes: int, files: int) -> tuple[int, int]:
    """Write the input and return (documents, bytes)."""
    lines = size = 0
    for number in range(files):
        with (folder / f"{number:03}.jsonl").open("wb") as target:
            for line in documents(size_bytes // files):
                target.write(line.replace(b'"Document ', f'"Document {number}-'.encode(), 1))
                lines, size = lines + 1, size + len(line)
    return lines, size


def memory(root: psutil.Process) -> dict[str, tuple[int, int]]:
    """Return (PSS, RSS) in bytes of each process of the tree, by what it is."""
    found = {}
    for process in [root, *root.children(recursive=True)]:
        try:
            info, words = process.memory_full_info(), process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        kind = next((name for name in ("resource_tracker", "spawn_main") if name in " ".join(words)), None)
        kind = kind or ("job" if "domainstudio.workflow" in words else "command")
        found[f"{kind} {process.pid}"] = (info.pss, info.rss)
    return found


def main() -> None:
    """Print the figures; exit with 1 beyond the limit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--files", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, project = Path(place) / "in", str(Path(place) / "project")
        folder.mkdir()
        lines, size_bytes = write(folder, options.megabytes * 10**6, options.files)
        program = [sys.executable, "-m", "domainstudio"]
        new = [*program, "project", "new", project, "--from-scratch", "tiny"]
        subprocess.run(new, check=True, capture_output=True)
        before, began = os.times(), time.monotonic()
        words = ["corpus", "import", project, str(folder), "--role", "domain"]
        child = subprocess.Popen([*program, *words], stdout=subprocess.PIPE, text=True)
        peak_pss, peak_rss, at_peak = 0, 0, dict[str, tuple[int, int]]()
        while child.poll() is None:
            now = memory(psutil.Process(child.pid))
            peak_rss = max(peak_rss, sum(rss for _, rss in now.values()))
            if (pss := sum(pss for pss, _ in now.values())) > peak_pss:
                peak_pss, at_peak = pss, now
            time.sleep(SAMPLE_SECONDS)
        wall, after = time.monotonic() - began, os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        print(f"{size_bytes / 1e6:,.0f} MB of JSON lines, {lines:,} documents, {options.files} file(s)")
        print(f"wall {wall:.1f} s = {size_bytes / 1e6 / wall:.1f} MB/s")
        print(f"CPU  {used:.1f} s = {size_bytes / 1e6 / used:.1f} MB per CPU-second, commit included")
        print(f"peak of all processes: PSS {peak_pss / 1e6:.0f} MB, RSS {peak_rss / 1e6:.0f} MB")
        print("at the peak of PSS: ", end="")
        print(", ".join(f"{name.split()[0]} {pss / 1e6:.0f}" for name, (pss, _) in at_peak.items()))
        print(child.communicate()[0].strip())
    sys.exit(child.returncode or peak_pss > LIMIT_MB * 10**6)


if __name__ == "__main__":
    main()
