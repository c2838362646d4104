"""A small world to kill in: projects to begin from, operations, and what a project is, bit for bit."""

import hashlib
import json
import os
import random
import shutil
import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import golden_project
import pyarrow.parquet as pq
from support import dump

from domainstudio.cli.main import run_command
from domainstudio.jobs.checkpoints import list_checkpoints
from domainstudio.jobs.folder import list_jobs
from domainstudio.paths import sync_folder
from domainstudio.project.migration import MIGRATIONS
from domainstudio.project.project import DATABASE
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.packed import PackedTokens

_VOLATILE = ("events.jsonl", "job.log", "run.json", "creator.json", "heartbeat.json", ".start.lock")
"""Of a job folder: they tell of the attempts, not of what was made."""


@dataclass(frozen=True)
class Operation:
    """What a person does: a command on a project that begins as a template."""

    name: str
    template: str
    command: str
    """Words; {project}, {out} and {base} are filled in."""
    is_resumed_only: bool = False
    """Its target is taken as soon as it is whole: nobody would order it once more."""


OPERATIONS = (
    Operation("new", "nothing", "project new {project} --from-scratch tiny"),
    Operation("new from base", "nothing", "project new {project} --base {base}"),
    Operation("import", "general", "corpus import {project} {base}/domain.jsonl --role domain"),
    Operation("find duplicates", "trained", "duplicates find {project} --thorough"),
    Operation("mark duplicates", "trained", "duplicates mark {project} --threshold 0.7"),
    Operation("train tokenizer", "trained", "tokenizer train {project} --size 500"),
    Operation("train Unigram", "trained", "tokenizer train {project} --kind unigram --size 500 --chunks 2"),
    Operation("size", "trained", "tokenizer size {project} --largest 600"),
    Operation("compare", "trained", "tokenizer compare {project} --tokenizer {base} --sample 50k"),
    Operation("extend", "based", "tokenizer extend {project} --tokens 50"),
    Operation("pack", "trained", "tokenizer pack {project}"),
    Operation("search", "trained", "corpus documents {project} --search river --json"),
    Operation("export model", "trained", "export model {project} train-1@40 {out}/model", True),
    Operation("export report", "trained", "export report {project} train-2 {out}/report.html"),
    Operation("delete run", "trained", "runs delete {project} train-1"),
    Operation("mixture", "trained", "mixture set {project} --share guidelines=0.5 --share encyclopedia=0.5 "
              "--tokens 10240"),
    Operation("recipe", "trained", "recipe set {project} steps=60"),
    Operation("rename", "trained", "corpus rename {project} guidelines advice"),
    Operation("undo", "trained", "project undo {project}"),
    Operation("redo", "undone", "project redo {project}"),
    Operation("migrate", "old", "project info {project}"),
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """The folders of a campaign."""

    root: Path

    @property
    def stage(self) -> Path:
        """Where a trial takes place: emptied before each."""
        return self.root / "stage"

    @property
    def templates(self) -> Path:
        """What a stage may be before an operation, by name."""
        return self.root / "templates"

    @property
    def project(self) -> Path:
        """The project of a trial."""
        return self.stage / "project"

    @property
    def out(self) -> Path:
        """Where a trial exports to."""
        return self.stage / "out"

    @property
    def base(self) -> Path:
        """A base model, and files to import."""
        return self.root / "base"

    @property
    def log(self) -> Path:
        """What commands printed."""
        return self.root / "log"

    def words(self, operation: Operation) -> list[str]:
        """Return an operation's command line."""
        return [
            word.format(project=self.project, out=self.out, base=self.base)
            for word in operation.command.split()
        ]

    def set_up(self, template: str) -> None:
        """Make the stage as it is before an operation."""
        shutil.rmtree(self.stage, ignore_errors=True)
        shutil.copytree(self.templates / template, self.stage)
        sync_folder(self.root)


def build(world: World) -> None:
    """Make the templates and what they need; called in a process of its own."""
    templates = world.templates
    trained = templates / "trained" / "project"
    for name in ("nothing", "general", "trained", "based"):
        (templates / name / "out").mkdir(parents=True)
    golden_project.make(world.root / "golden").rename(trained)
    world.base.mkdir()
    shutil.copy(next((trained / "models").rglob(vocabulary.FILE)), world.base)
    for folder in (world.base, *(found.model for found in list_checkpoints(trained / "jobs/train-1/result"))):
        write_model(folder)
    _write_texts(world.base)
    general = templates / "general" / "project"
    golden_project.command("project", "new", general, "--from-scratch", "tiny")
    golden_project.command("corpus", "import", general, world.base / "general.jsonl", "--role", "general")
    based = templates / "based" / "project"
    golden_project.command("project", "new", based, "--base", world.base)
    for role in ("general", "domain"):
        golden_project.command("corpus", "import", based, world.base / f"{role}.jsonl", "--role", role)
    shutil.copytree(templates / "trained", templates / "undone")
    golden_project.command("project", "undo", templates / "undone" / "project")
    shutil.copytree(templates / "general", templates / "old")
    _make_old(templates / "old" / "project")


def write_model(folder: Path) -> None:
    """Write what a model folder must have before torch sees it: a configuration, and weights."""
    config = {"model_type": "gpt_neox", "vocab_size": 512, "max_position_embeddings": 64}
    (folder / "config.json").write_text(json.dumps(config))
    tensor = {"dtype": "F32", "shape": [50_000], "data_offsets": [0, 200_000]}
    header = json.dumps({"embeddings": tensor}).encode()
    weights = struct.pack("<Q", len(header)) + header + random.Random(1).randbytes(200_000)
    (folder / "model.safetensors").write_bytes(weights)


def _write_texts(folder: Path) -> None:
    """Write three sources; the second holds copies of the first, of its held-out part too, and of itself."""
    drawn = random.Random(7)
    words = ["river", "city", "history", "music", "language", "planet", "animal", "theory", "village"]
    general = [" ".join(drawn.choices(words, k=40)) for _ in range(900)]
    own = [" ".join(drawn.choices(words, k=40)) for _ in range(500)]
    large = [" ".join(drawn.choices(words, k=400)) for _ in range(5_000)]
    for name, texts in (("general", general), ("domain", own + general[:400] + own[:40]), ("large", large)):
        lines = [json.dumps({"text": text}) for text in texts]
        (folder / f"{name}.jsonl").write_text("\n".join([*lines, '{"text": 7}', "{torn"]) + "\n")


def _make_old(project: Path) -> None:
    """Put a database of the first version in place of a project's: without sources, with what it is."""
    with closing(sqlite3.connect(project / DATABASE)) as database:
        facts = database.execute("SELECT key, value FROM facts").fetchall()
    for file in project.glob(f"{DATABASE}*"):
        file.unlink()
    for name in ("documents", "jobs"):
        shutil.rmtree(project / name)
        (project / name).mkdir()
    with closing(sqlite3.connect(project / DATABASE)) as database:
        database.executescript((MIGRATIONS / "0001_spine.sql").read_text())
        database.executemany("INSERT INTO facts VALUES (?, ?)", facts)
        database.execute("PRAGMA user_version = 1")
        database.commit()


Tables = dict[str, list[list[Any]]]


def visible(project: Path) -> Tables:
    """Return what a person sees of a project's tables, as JSON has it: nothing of jobs not committed."""
    if not (project / DATABASE).is_file():
        return {}
    tables = dump(project)
    tables.pop("jobs")
    tables["facts"] = [row for row in tables["facts"] if row[0] != "created_at"]
    with closing(sqlite3.connect(project / DATABASE)) as database:
        database.row_factory = sqlite3.Row
        if "documents" in tables:
            seen = {
                row["id"] for row in database.execute("SELECT id FROM documents WHERE source_id NOT NULL")
            }
            tables["documents"] = [row for row in tables["documents"] if row[0] in seen]
    return dict(json.loads(json.dumps(tables, default=repr)))


@dataclass(frozen=True)
class Snapshot:
    """All there is of a stage, but for what tells of attempts and of time."""

    tables: Tables
    jobs: tuple[str, ...]
    files: dict[str, str]
    """Path → SHA-256."""

    @classmethod
    def of(cls, world: World, abandoned: frozenset[str] = frozenset()) -> "Snapshot":
        """Take it without jobs that were left broken off, whose names go to those that took their place."""
        names = _true_names(world, abandoned)
        tables = json.loads(_renamed(json.dumps(visible(world.project)), names))
        jobs = [job for job in _jobs(world) if job not in abandoned and not is_passing(job)]
        files = {
            _renamed(path, names): hashlib.sha256(_renamed_bytes(data, names)).hexdigest()
            for path, data in _files(world)
            if not any(f"jobs/{job}/" in path for job in abandoned) and "/jobs/search-" not in path
        }
        return cls(tables, tuple(_renamed(job, names) for job in jobs), files)


def is_passing(job: str) -> bool:
    """Return whether a job is nobody's lasting work: a few searches stay for other windows, then they go."""
    return job.startswith("search-")


def _jobs(world: World) -> list[str]:
    return [folder.job_id for folder in list_jobs(world.project / "jobs")]


def _true_names(world: World, abandoned: frozenset[str]) -> dict[str, str]:
    """Return the present name of each job that was begun anew → its name had the first not been killed."""
    names: dict[str, str] = {}
    for job in sorted(abandoned):
        kind, number = job.rsplit("-", 1)
        names[f"{kind}-{int(number) + 1}"] = job
    return names


def _renamed(text: str, names: dict[str, str]) -> str:
    for present, true in names.items():
        text = text.replace(present, true)
    return text


def _renamed_bytes(data: bytes, names: dict[str, str]) -> bytes:
    for present, true in names.items():
        data = data.replace(present.encode(), true.encode())
    return data


def _files(world: World) -> Iterator[tuple[str, bytes]]:
    for file in sorted(world.stage.rglob("*")):
        name = str(file.relative_to(world.stage))
        is_database = file.name.startswith("project") and ".sqlite" in file.name
        if file.is_file() and not (file.name in _VOLATILE or is_database or "/." in f"/{name}"):
            yield name, file.read_bytes()


def leftovers(world: World) -> list[str]:
    """Return everything hidden that a person would never look for, and that takes room."""
    names = (str(file.relative_to(world.stage)) for file in world.stage.rglob(".*"))
    return sorted(name for name in names if not name.endswith(".lock"))


def let_days_pass(world: World) -> None:
    """Let two days pass for what was left over: what nobody can be asked about is kept for one."""
    before = time.time() - 2 * 86_400
    for name in leftovers(world):
        with suppress(FileNotFoundError):
            os.utime(world.stage / name, (before, before))


def check_whole(project: Path) -> None:
    """Check that everything the database names lies there whole, and that its counts agree."""
    if not (project / DATABASE).is_file():
        return
    with closing(sqlite3.connect(f"file:{project / DATABASE}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        database.execute("BEGIN")  # all questions see one state
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not database.execute("PRAGMA foreign_key_check").fetchall()
        for row in database.execute("SELECT folder, sha256, vocabulary FROM tokenizers"):
            assert vocabulary.hash_of(project / row["folder"]) == row["sha256"], row["folder"]
        for row in database.execute("SELECT folder, tokens, documents FROM token_files"):
            _check_tokens(project / row["folder"], row["tokens"], row["documents"])
        if database.execute("PRAGMA user_version").fetchone()[0] >= 3:
            _check_documents(database, project)


def _check_tokens(folder: Path, tokens: int, documents: int) -> None:
    meta = PackedTokens(folder).meta
    assert (meta.tokens, meta.documents) == (tokens, documents), folder
    for part in meta.parts:
        assert hashlib.sha256((folder / f"{part.name}.bin").read_bytes()).hexdigest() == part.sha256, folder


def _check_documents(database: sqlite3.Connection, project: Path) -> None:
    parts = database.execute(
        "SELECT job_id, shard, count(*) AS rows FROM documents WHERE source_id NOT NULL GROUP BY 1, 2"
    ).fetchall()
    for part in parts:
        with pq.ParquetFile(project / "documents" / part["job_id"] / part["shard"]) as shard:
            assert shard.metadata.num_rows == part["rows"], dict(part)
            shard.read()
    named = {(part["job_id"], part["shard"]) for part in parts}
    stored = {
        (job, file.name)
        for (job,) in database.execute("SELECT job_id FROM imports").fetchall()
        for file in (project / "documents" / job).iterdir()
    }
    assert named == stored
    blocks = "SELECT source_id, state, sum(documents) FROM document_blocks GROUP BY 1, 2 ORDER BY 1, 2"
    rows = "SELECT source_id, state, count(*) FROM documents WHERE source_id NOT NULL GROUP BY 1, 2"
    counted = database.execute(f"{rows} ORDER BY 1, 2").fetchall()
    assert list(map(tuple, database.execute(blocks))) == list(map(tuple, counted))


def check_unlocked(project: Path) -> None:
    """Check that nobody holds a lock: on the database, or on the start of a job."""
    import fcntl

    if (project / DATABASE).is_file():
        with closing(sqlite3.connect(project / DATABASE, timeout=0)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
    for file in project.rglob("*.lock"):
        with file.open("a+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def look(project: Path) -> None:
    """Do what looks at a project."""
    if not (project / DATABASE).is_file():
        assert run_command(["project", "info", str(project)]) == 2
        return
    for words in ("project info", "corpus table", "runs list", "project history"):
        assert run_command([*words.split(), str(project)]) == 0, words
