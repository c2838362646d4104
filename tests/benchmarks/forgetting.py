"""What protects against forgetting, on real text: `.venv/bin/python tests/benchmarks/forgetting.py FOLDER`.

A base of 1.3 million parameters is trained from scratch on general_en, then the laboratory trains every
method on medical_medquad with three seeds and equal tokens, all by command. FOLDER keeps the project: a
comparison that was broken off goes on, and one with more methods trains only those. The corpora lie in
DOMAINSTUDIO_CORPORA (default ../shared/data).
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA", ROOT.parent / "shared" / "data"))
BASE_TOKENS, RUN_TOKENS, SEEDS = "1600k", "102400", "3"
METHODS = (
    "naive", "interpolation", "replay:0.05", "replay:0.1", "replay:0.25", "replay:0.5", "replay:0.75",
    "rate:0.3", "l2-sp:0.1", "l2-sp:1", "ewc:0.1", "ewc:1", "si:0.1", "si:1", "hierarchical:0.1",
    "hierarchical:1", "kl:0.1", "kl:1", "lora:16", "lora:16+rate:5", "expansion:2", "frozen:2",
    "replay:0.1+ewc:0.1", "replay:0.25+ewc:0.1", "replay:0.1+hierarchical:0.1",
)  # fmt: skip


def run(*words: object) -> None:
    """Run one command, quietly unless it fails."""
    command = [sys.executable, "-m", "domainstudio", *(str(word) for word in words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")


def make_base(project: Path) -> None:
    """Import both corpora and train the base."""
    run("project", "new", project, "--from-scratch", "tiny")
    for name, file, role in (("general", "general_en", "general"), ("medquad", "medical_medquad", "domain")):
        run("corpus", "import", project, CORPORA / f"{file}.jsonl.gz", "--role", role, "--name", name)
    run("tokenizer", "train", project, "--size", "4096")
    run("tokenizer", "pack", project)
    run("recipe", "set", project, "sequence_length=128", "micro_batch=8", "learning_rate=1e-3",
        "warmup_share=0.1", "probe_tokens=32768", "probe_every=1000", "checkpoint_every=100000")  # fmt: skip
    run("mixture", "set", project, "--share", "general=1", "--tokens", BASE_TOKENS,
        "--name", "base")  # fmt: skip
    run(
        "train",
        "start",
        project,
        "--mixture",
        "base",
        "--set",
        "micro_batch=16",
        "--set",
        "learning_rate=2e-3",
    )


def main() -> None:
    """Train what is not trained yet, and print the table."""
    if not (CORPORA / "general_en.jsonl.gz").is_file():
        raise SystemExit(f"The corpora are not in {CORPORA}: set DOMAINSTUDIO_CORPORA.")
    project = Path(sys.argv[1]).absolute()
    if not project.exists():
        make_base(project)
    run("mixture", "set", project, "--share", "medquad=1", "--tokens", RUN_TOKENS)
    print(f"general_en to medical_medquad, {RUN_TOKENS} tokens a run, {SEEDS} seeds\n", flush=True)
    table = ["laboratory", "run", project, "--from", "train-1", "--tokens", RUN_TOKENS, "--seeds", SEEDS,
             "--methods", ",".join(METHODS)]  # fmt: skip
    words = [sys.executable, "-m", "domainstudio", *map(str, table)]
    raise SystemExit(subprocess.run(words).returncode)


if __name__ == "__main__":
    main()
