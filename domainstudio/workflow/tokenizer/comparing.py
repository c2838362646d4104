"""Compare tokenizers on a sample of every source: the job, its result, and the tokenizers there are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.spec import parse_model
from domainstudio.jobs.worker import Worker
from domainstudio.paths import read_small, write_atomically
from domainstudio.problems import Problem, UserError
from domainstudio.project import tokens
from domainstudio.project.project import Project
from domainstudio.tokenizer.comparison.measures import measure
from domainstudio.tokenizer.comparison.table import FILE, Compared, Comparison
from domainstudio.tokenizer.comparison.terms import TermCounts, cut_worst
from domainstudio.tokenizer.extension.report import TOKENIZER
from domainstudio.tokenizer.pieces import Piece
from domainstudio.tokenizer.reading import pieces_by, read
from domainstudio.workflow.corpus.text_sample import SourceText, samples
from domainstudio.workflow.running import Kind, start
from domainstudio.workflow.tokenizer.extending import newest_extension
from domainstudio.workflow.tokenizer.train import _need_sources

SAMPLE_BYTES = 2_000_000
"""Of each source at most."""
MOST_TOKENIZERS = 8
_MOST_TERMS = 40


class CompareWork(BaseModel):
    """Cut a sample of each source by several tokenizers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokenizers: tuple[tuple[str, str], ...] = Field(min_length=1, max_length=MOST_TOKENIZERS)
    """Name and path of each; a path within the project is relative to it."""
    reference: str
    sample_bytes: int = Field(default=SAMPLE_BYTES, gt=0, le=10**9)
    """Of each source."""


@dataclass(frozen=True)
class KnownTokenizer:
    """A tokenizer that may be compared."""

    name: str
    path: str
    """Within the project relative to it, else absolute."""
    is_current: bool = False


def known_tokenizers(project: Project) -> list[KnownTokenizer]:
    """Return the project's tokenizers, the current one first, its last extension, those compared before."""
    rows = tokens.all_tokenizers(project.connection)
    found = {
        row.folder: KnownTokenizer(Path(row.folder).name, row.folder, is_current=number == 0)
        for number, row in enumerate(rows)
    }
    extended = newest_extension(project) if rows else None
    if extended is not None and extended[1].pieces:
        folder = extended[0]
        place = str((folder.result / TOKENIZER).relative_to(project.path))
        found[place] = KnownTokenizer(folder.job_id, place)
    for folder in list_jobs(project.jobs, COMPARE.name):
        work = folder.spec().work_as(CompareWork, f"{folder.job_id}/spec.json")
        for name, path in work.tokenizers:
            found.setdefault(path, KnownTokenizer(name, path))
    return list(found.values())


def place_of(project: Project, path: str) -> Path:
    """Return where a tokenizer lies.

    Raises:
        UserError: a relative path leads out of the project.
    """
    return Path(path) if Path(path).is_absolute() else project.inside(path)


def cut_by(project: Project, path: str, text: str) -> list[Piece]:
    """Return a text in the pieces of a known tokenizer.

    Raises:
        UserError: it is not there any more.
    """
    return pieces_by(place_of(project, path), text.encode("utf-8", "replace").decode())


def start_comparison(
    project: Project, paths: Iterable[Path] = (), reference: str = "", sample_bytes: int = SAMPLE_BYTES
) -> JobFolder:
    """Start comparing the project's current tokenizer with others.

    Args:
        project: its sources are cut.
        paths: tokenizers besides, each a file or a folder.
        reference: the name of the one that is 100 %; empty for the first.
        sample_bytes: of each source at most.

    Raises:
        UserError: there is no text or no tokenizer, a path holds none, or no tokenizer has that name.
    """
    _need_sources(project)
    known = known_tokenizers(project)
    names_of = {one.path: one.name for one in known}
    current = [(one.name, one.path) for one in known if one.is_current]
    others = [
        (names_of.get(_relative(project, path), _name_of(path)), _relative(project, path)) for path in paths
    ]
    named = _named([*current, *others])
    if not named:
        raise UserError(Problem("tokenizer.none_yet", None, {"project": str(project.path)}))
    if len(named) > MOST_TOKENIZERS:
        params = {"most": MOST_TOKENIZERS, "count": len(named)}
        raise UserError(Problem("tokenizer.too_many", "tokenizer", params))
    for _name, path in named:
        read(place_of(project, path))
    names = [name for name, _path in named]
    if reference and reference not in names:
        wanted = {"name": reference, "known": ", ".join(names)}
        raise UserError(Problem("tokenizer.unknown", "reference", wanted))
    work = CompareWork(tokenizers=tuple(named), reference=reference or names[0], sample_bytes=sample_bytes)
    return start(project, COMPARE, work)


def comparison_of(folder: JobFolder) -> Comparison:
    """Return what a finished job found.

    Raises:
        UserError: its result is damaged.
        FileNotFoundError: it is gone.
    """
    file = folder.result / FILE
    return parse_model(Comparison, read_small(file), str(file))


def newest_comparison(project: Project) -> Comparison | None:
    """Return the last comparison that is done."""
    done = [folder for folder in list_jobs(project.jobs, COMPARE.name) if folder.status() == "done"]
    return comparison_of(done[-1]) if done else None


def term_counts(found: Sequence[SourceText], *, general: bool, heard: Callable[[], None]) -> TermCounts:
    """Return how often the terms of the general sources, or of all others, occur in their samples."""
    counts = TermCounts()
    for sample in found:
        if (sample.source.role == "general") == general:
            for text in sample.texts():
                heard()
                counts.add(text)
    return counts


def _name_of(path: Path) -> str:
    place = path.resolve()
    return place.parent.name if place.name == "tokenizer.json" else place.name


def _relative(project: Project, path: Path) -> str:
    place = path.resolve()
    inside = place.is_relative_to(project.path)
    return str(place.relative_to(project.path)) if inside else str(place)


def _named(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return each path once, and no name twice: what shares one gets a number."""
    named: dict[str, str] = {}
    for name, path in found:
        if path in named.values():
            continue
        number, free = 2, name
        while free in named:
            free, number = f"{name} ({number})", number + 1
        named[free] = path
    return list(named.items())


def _run(worker: Worker, work: CompareWork, folder: Path, result: Path) -> None:
    with Project(folder, read_only=True) as project:
        found = samples(project, work.sample_bytes)
        vocabularies = [(name, read(place_of(project, path))) for name, path in work.tokenizers]
        worker.progress(0, 0, "", "reading")
        sources = tuple(sample.described() for sample in found)
        domain = term_counts(found, general=False, heard=worker.check_stop)
        general = term_counts(found, general=True, heard=worker.check_stop)
        total = len(found) * len(vocabularies)
        compared = []
        for place, (name, vocabulary) in enumerate(vocabularies):
            measures = []
            for number, sample in enumerate(found):
                worker.progress(place * len(found) + number, total, "samples", "cutting")
                measures.append(measure(vocabulary, sample.texts(), lambda _bytes: worker.check_stop()))
            terms = cut_worst(vocabulary, domain, general, _MOST_TERMS)
            new = cut_worst(vocabulary, domain, general, _MOST_TERMS, only_new=True)
            compared.append(
                Compared(
                    name=name, kind=vocabulary.kind, size=vocabulary.size, measures=tuple(measures),
                    worst_terms=tuple(terms), new_terms=tuple(new),
                )
            )  # fmt: skip
        worker.progress(total, total, "samples", "cutting")
    made = Comparison(sources=sources, tokenizers=tuple(compared), reference=work.reference)
    write_atomically(result / FILE, made.model_dump_json(indent=1).encode())


COMPARE = Kind("compare", CompareWork, run=_run)
