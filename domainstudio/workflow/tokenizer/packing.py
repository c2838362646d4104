"""Pack the corpus with the current tokenizer, and what the token files say of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domainstudio.disk import LEAST_ROOM
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import Worker
from domainstudio.mixture.shares import Role
from domainstudio.paths import write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project import corpus as index
from domainstudio.project import tokens
from domainstudio.project.project import Project
from domainstudio.project.tokens import Split, TokenFile
from domainstudio.tokenizer import packing, vocabulary
from domainstudio.tokenizer.encode import EncoderChoice, choose
from domainstudio.tokenizer.packed import read_meta
from domainstudio.workflow.running import Kind, Room, adopt, start
from domainstudio.workflow.tokenizer.train import _need_sources, current, rows_of

_CHARACTERS_A_TOKEN = 3

ENCODER = "encoder.json"
"""Beside the token files of a job: which library encoded them, and why."""

_SPLITS: tuple[Split, ...] = ("training", "held_out")

PackingState = Literal["no text", "no tokenizer", "not packed", "changed", "packed"]
"""changed: the corpus is no longer what the token files were made of."""


@dataclass(frozen=True)
class Fertility:
    """How a packed source is cut: its training tokens, and how much text one of them holds."""

    source: str
    role: Role
    documents: int
    tokens: int
    bytes_per_token: float | None
    """None without tokens."""
    characters_per_token: float | None
    """None also where the token file was made before characters were counted: pack again."""
    words_per_character: float | None
    """Of scripts that put spaces between words, on a sample of the documents."""
    unspaced_per_character: float | None
    """Characters of scripts that do not, on the same sample."""
    documents_sampled: int
    sentences_per_character: float | None = None
    """On the same sample; None where the token file was made before sentences were counted."""


class PackWork(BaseModel):
    """Encode every source with the tokenizer in `folder` (relative to the project)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str
    sha256: str


def start_packing(project: Project) -> JobFolder:
    """Start packing every source with the current tokenizer.

    Raises:
        UserError: there is no text or no tokenizer yet.
    """
    _need_sources(project)
    tokenizer = current(project)
    return start(project, PACK, PackWork(folder=tokenizer.folder, sha256=tokenizer.sha256))


def packed(project: Project, split: Split) -> list[TokenFile]:
    """Return the token file of every source for the current tokenizer.

    Raises:
        UserError: nothing is packed with it yet.
    """
    found = tokens.token_files(project.connection, current(project).sha256, split)
    if not found:
        raise UserError(Problem("tokens.none_yet", None, {"project": str(project.path)}))
    return found


def fertility(project: Project) -> list[Fertility]:
    """Return how each source is cut by the current tokenizer, from its token file.

    Raises:
        UserError: nothing is packed with it yet.
    """
    found = []
    for file in packed(project, "training"):
        meta = read_meta(project.inside(file.folder))
        sample = meta.sample
        characters = sample.characters if sample else 0
        found.append(
            Fertility(
                source=file.source,
                role=file.role,
                documents=meta.documents,
                tokens=meta.tokens,
                bytes_per_token=meta.bytes / meta.tokens if meta.tokens else None,
                characters_per_token=meta.characters / meta.tokens
                if meta.tokens and meta.characters is not None
                else None,
                words_per_character=sample.words / characters if sample and characters else None,
                unspaced_per_character=sample.unspaced / characters if sample and characters else None,
                documents_sampled=sample.documents if sample else 0,
                sentences_per_character=sample.sentences / characters
                if sample and characters and sample.sentences is not None
                else None,
            )
        )
    return found


def packing_state(project: Project) -> PackingState:
    """Return whether there are token files, and of the corpus as it is now."""
    counts = index.counts(project.connection)
    if not counts:
        return "no text"
    tokenizer = tokens.current_tokenizer(project.connection)
    if tokenizer is None:
        return "no tokenizer"
    files = {
        (file.source, split): file
        for split in _SPLITS
        for file in tokens.token_files(project.connection, tokenizer.sha256, split)
    }
    if not files:
        return "not packed"
    for count in counts:
        wanted: dict[Split, tuple[int, int]] = {
            "training": (count.training_documents, count.training_characters),
            "held_out": (count.held_out_documents, count.held_out_characters),
        }
        for split, (documents, characters) in wanted.items():
            file = files.get((count.name, split))
            if file is None or file.documents != documents:
                return "changed"
            if read_meta(project.inside(file.folder)).characters not in (None, characters):
                return "changed"
    return "packed"


def _run_packing(worker: Worker, work: PackWork, folder: Path, result: Path) -> None:
    """Make the parts that earlier attempts of this job left unmade, then the meta.json of each token file."""
    with Project(folder, read_only=True) as project:
        tokenizer = project.inside(work.folder)
        if vocabulary.hash_of(tokenizer) != work.sha256:
            raise UserError(Problem("tokenizer.changed", None, {"folder": str(tokenizer)}))
        files = {
            target: packing.plan_source(target, rows_of(project, source, held_out=split == "held_out"))
            for source, split, target in _targets(project, result)
        }
    plans = [plan for parts in files.values() for plan in parts]
    choice = _choose_encoder(worker, tokenizer, plans)
    write_atomically(result / "tokens" / ENCODER, choice.model_dump_json(indent=1).encode())
    total = sum(len(plan.rows) for plan in plans)

    def report(done: int) -> None:
        worker.check_stop()
        worker.progress(done, total, "documents", "packing")

    packing.pack(files, tokenizer, choice, report)


def _targets(project: Project, result: Path) -> Iterator[tuple[index.Source, Split, Path]]:
    """Yield the folder of each token file, made if need be."""
    for source in index.sources(project.connection):
        for split in _SPLITS:
            target = result / "tokens" / f"source-{source.id}" / split
            for place in (result / "tokens", target.parent, target):
                place.mkdir(exist_ok=True)
            yield source, split, target


def _choose_encoder(worker: Worker, tokenizer: Path, plans: list[packing.PartPlan]) -> EncoderChoice:
    def heard(texts: Iterator[str]) -> Iterator[str]:
        for text in texts:
            worker.check_stop()
            yield text

    worker.progress(0, 0, "", "comparing encoders")
    choice = choose(tokenizer, heard(packing.sample(plans)))
    print(f"encoding with {choice.library}: {choice.reason}", flush=True)
    return choice


def _commit_packing(project: Project, work: PackWork, folder: JobFolder) -> Callable[[], None]:
    target = project.path / "tokens" / folder.job_id
    adopt(folder.result / "tokens", target)
    rows = []
    for source in index.sources(project.connection):
        for split in _SPLITS:
            path = target / f"source-{source.id}" / split
            if path.is_dir():
                meta = read_meta(path)
                relative = str(path.relative_to(project.path))
                file = TokenFile(
                    source.name, source.role, split, relative, meta.tokens, meta.documents, meta.bytes
                )
                rows.append((source.id, file))

    def make_visible() -> None:
        for source_id, file in rows:
            tokens.add_token_file(project.connection, folder.job_id, source_id, work.sha256, file)

    return make_visible


def _room_to_pack(project: Project, _work: PackWork) -> Room:
    """Return about what the token files take: an id for every few characters, two numbers a document."""
    counts = index.counts(project.connection)
    characters = sum(count.training_characters + count.held_out_characters for count in counts)
    documents = sum(count.training_documents + count.held_out_documents for count in counts)
    id_bytes = 2 if current(project).vocabulary <= 65_536 else 4
    packed_bytes = characters // _CHARACTERS_A_TOKEN * id_bytes + 16 * documents
    return Room(project.path, LEAST_ROOM + packed_bytes, packed_bytes // 4)


PACK = Kind("pack", PackWork, run=_run_packing, commit=_commit_packing, room=_room_to_pack, keeps_parts=True)
