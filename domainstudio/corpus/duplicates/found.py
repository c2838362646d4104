"""The result of a search: plain columns on disk, and a summary that is written last."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from domainstudio.corpus.duplicates.columns import read_column
from domainstudio.corpus.duplicates.plan import Settings
from domainstudio.paths import read_small, write_atomically

_SUMMARY = "summary.json"


class Summary(BaseModel):
    """What was searched, how, and how much was found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_of: str
    """Hash of the documents, the settings and the program's way to search."""
    searched_by: str
    settings: Settings
    documents: int
    held_out_documents: int
    bytes: int
    normalised_duplicates: int
    """Documents that have the same tokens as an earlier one."""
    candidates: int
    """Pairs that were compared."""
    pairs: int
    """Pairs that reach the floor."""


class Found:
    """A finished search; its columns are mapped, nothing is read until it is used.

    Attributes:
        summary: what was found.
        first, second: int32 [pairs]: the positions of two documents, the lower first; ascending. Each stands
            for all that have the same tokens.
        similarity: float32 [pairs]: the exact Jaccard similarity of their shingles.
        ids: int64 [documents]: as given.
        sources: int32 [documents]: as given.
        held_out: bool [documents]: as given.
        characters, bytes: int64 [documents].
        group: int32 [documents]: the position of the first document with the same tokens, for most their own.
    """

    def __init__(self, folder: Path) -> None:
        """Open a result.

        Raises:
            FileNotFoundError: the search has not come to its end.
        """
        summary = read_summary(folder)
        if summary is None:
            raise FileNotFoundError(folder / _SUMMARY)
        self.summary = summary
        self.first: NDArray[np.int32] = read_column(folder / "first.npy")
        self.second: NDArray[np.int32] = read_column(folder / "second.npy")
        self.similarity: NDArray[np.float32] = read_column(folder / "similarity.npy")
        self.ids: NDArray[np.int64] = read_column(folder / "ids.npy")
        self.sources: NDArray[np.int32] = read_column(folder / "sources.npy")
        self.held_out: NDArray[np.bool_] = read_column(folder / "held_out.npy")
        self.characters: NDArray[np.int64] = read_column(folder / "characters.npy")
        self.bytes: NDArray[np.int64] = read_column(folder / "bytes.npy")
        self.group: NDArray[np.int32] = read_column(folder / "group.npy")


def read_summary(folder: Path) -> Summary | None:
    """Return the summary of a finished search; None if there is none, or it is of another version."""
    try:
        return Summary.model_validate_json(read_small(folder / _SUMMARY))
    except (FileNotFoundError, ValidationError):
        return None


def write_summary(folder: Path, summary: Summary) -> None:
    """Write the summary, which makes the columns a result."""
    write_atomically(folder / _SUMMARY, summary.model_dump_json(indent=1).encode())


def remove(folder: Path) -> None:
    """Remove a result, its summary first: what is left of it then is none."""
    (folder / _SUMMARY).unlink(missing_ok=True)
    for file in folder.glob("*.npy"):
        file.unlink()
