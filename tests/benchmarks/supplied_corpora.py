"""The whole job on real text: `.venv/bin/python tests/benchmarks/supplied_corpora.py`.

A base from scratch on general_en, then medical_medquad in the three arms, all by command; prints gain and
forgetting against base and control. The corpora lie in DOMAINSTUDIO_CORPORA (default ../shared/data).
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA", ROOT.parent / "shared" / "data"))
BASE_TOKENS, ARM_TOKENS = "800k", "250k"


def run(*words: object) -> None:
    """Run one command, quietly unless it fails."""
    command = [sys.executable, "-m", "domainstudio", *(str(word) for word in words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")


def main() -> None:
    """Make the project, train base and arms, print the comparison."""
    if not (CORPORA / "general_en.jsonl.gz").is_file():
        raise SystemExit(f"The corpora are not in {CORPORA}: set DOMAINSTUDIO_CORPORA.")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "medicine"
        run("project", "new", project, "--from-scratch", "tiny")
        run(
            "corpus",
            "import",
            project,
            CORPORA / "general_en.jsonl.gz",
            "--role",
            "general",
            "--name",
            "general",
        )
        run(
            "corpus",
            "import",
            project,
            CORPORA / "medical_medquad.jsonl.gz",
            "--role",
            "domain",
            "--name",
            "medquad",
        )
        run("tokenizer", "train", project, "--size", "4096")
        run("tokenizer", "pack", project)
        run("recipe", "set", project, "preset=sample", "probe_tokens=16384")
        run("mixture", "set", project, "--share", "general=1", "--tokens", BASE_TOKENS, "--name", "base")
        run("train", "start", project, "--mixture", "base")
        run(
            "mixture",
            "set",
            project,
            "--share",
            "medquad=0.75",
            "--share",
            "general=0.25",
            "--tokens",
            ARM_TOKENS,
        )
        for arm in ("control", "naive", "treated"):
            run("train", "start", project, "--from", "train-1", "--arm", arm, "--set", "learning_rate=1e-3")
        for words in (["corpus", "table"], ["runs", "compare"], ["evaluation", "table"]):
            end = ["train-4"] if words[0] == "evaluation" else []
            subprocess.run([sys.executable, "-m", "domainstudio", *words, str(project), *end], check=True)
    print(f"{time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
