"""How the project's tokenizer cuts a text: one that a person gives, or a document of the project."""

import random
from dataclasses import dataclass

from domainstudio.problems import Problem, UserError
from domainstudio.project import documents
from domainstudio.project.project import Project
from domainstudio.tokenizer.pieces import Piece, cut
from domainstudio.workflow.corpus import sources
from domainstudio.workflow.tokenizer.train import current

MOST_CHARACTERS = 4_000
"""Of a longer text the beginning is cut and shown."""


@dataclass(frozen=True)
class CutText:
    """A text in the pieces of a tokenizer."""

    text: str
    """At most `MOST_CHARACTERS` of it."""
    is_beginning: bool
    """The text is longer."""
    pieces: list[Piece]
    source: str = ""
    """Of a document: its source and what it is called."""
    title: str = ""


def cut_text(project: Project, text: str) -> CutText:
    """Return a text, its beginning if it is long, in the pieces of the current tokenizer.

    Raises:
        UserError: the project has no tokenizer yet.
    """
    shown = text[:MOST_CHARACTERS].encode("utf-8", "replace").decode()
    return CutText(shown, len(text) > len(shown), cut(project.inside(current(project).folder), shown))


def cut_random_document(project: Project, source: str = "", seed: int | None = None) -> CutText:
    """Return a random document, of one source or of all, in pieces; every document is equally likely.

    Args:
        project: where it lies.
        source: a source's name, empty for all.
        seed: chooses the document; None for another one each time.

    Raises:
        UserError: there is no such source, no document, or no tokenizer yet.
    """
    found, title = _random_document(project, source, seed)
    cut_beginning = cut_text(project, found.text)
    return CutText(cut_beginning.text, cut_beginning.is_beginning, cut_beginning.pieces, found.source, title)


def random_text(project: Project) -> str:
    """Return the beginning of a random document.

    Raises:
        UserError: there is none.
    """
    return _random_document(project, "", None)[0].text[:MOST_CHARACTERS]


def _random_document(project: Project, source: str, seed: int | None) -> tuple[sources.DocumentText, str]:
    chosen = sources.source_named(project, source).id if source else None
    listing = documents.listing(project.connection, documents.DocumentFilter(chosen))
    if not listing.total:
        raise UserError(Problem("corpus.none_yet", None, {"project": str(project.path)}))
    place = random.Random(seed).randrange(listing.total)
    row = listing.page(project.connection, place, 1)[0]
    return sources.read_document(project, row.id, MOST_CHARACTERS + 1), row.title
