"""The result of a search: plain columns on disk, and a summary that is written last."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domainstudio.corpus.duplicates.columns import mapped
from domainstudio.corpus.duplicates.plan import Settings
from domainstudio.paths import read_small, write_atomically

_SUMMARY = "summary.json"
_MOST_DOCUMENTS = (1 << 31) - 1
COLUMNS = (
    "first", "second", "similarity", "ids", "sources", "held_out", "characters", "bytes", "group"
)  # fmt: skip
"""Files of a result, each with the ending .npy."""


class Summary(BaseModel):
    """What was searched, how, and how much was found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_of: str
    """Hash of the documents, the settings and the program's way to search."""
    searched_by: str
    settings: Settings
    documents: int = Field(ge=0, le=_MOST_DOCUMENTS)
    held_out_documents: int = Field(ge=0, le=_MOST_DOCUMENTS)
    bytes: int = Field(ge=0)
    normalised_duplicates: int = Field(ge=0, le=_MOST_DOCUMENTS)
    """Documents that have the same tokens as an earlier one."""
    candidates: int = Field(ge=0)
    """Pairs that were compared."""
    pairs: int = Field(ge=0, lt=1 << 48)
    """Pairs that reach the floor."""


class Found:
    """A finished search; its columns are mapped, and those that lead from one to another were looked through.

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
            ValueError: it is damaged: a column is of another form, or leads nowhere.
        """
        summary = read_summary(folder)
        if summary is None:
            raise FileNotFoundError(folder / _SUMMARY)
        self.summary = summary
        documents, pairs = (summary.documents,), (summary.pairs,)
        self.first: NDArray[np.int32] = mapped(folder / "first.npy", "<i4", pairs)
        self.second: NDArray[np.int32] = mapped(folder / "second.npy", "<i4", pairs)
        self.similarity: NDArray[np.float32] = mapped(folder / "similarity.npy", "<f4", pairs)
        self.ids: NDArray[np.int64] = mapped(folder / "ids.npy", "<i8", documents)
        self.sources: NDArray[np.int32] = mapped(folder / "sources.npy", "<i4", documents)
        self.held_out: NDArray[np.bool_] = mapped(folder / "held_out.npy", "?", documents)
        self.characters: NDArray[np.int64] = mapped(folder / "characters.npy", "<i8", documents)
        self.bytes: NDArray[np.int64] = mapped(folder / "bytes.npy", "<i8", documents)
        self.group: NDArray[np.int32] = mapped(folder / "group.npy", "<i4", documents)
        if not (self._are_documents() and self._are_pairs()):
            raise ValueError(f"the columns of {folder} contradict each other")

    def _are_documents(self) -> bool:
        """Return whether what is said of documents can be, and groups have their first ones as heads."""
        count, group = self.summary.documents, self.group
        is_within = bool((group >= 0).all() and (group <= np.arange(count, dtype=np.int32)).all())
        return (
            is_within
            and bool((group[group] == group).all())
            and bool((self.held_out.view(np.uint8) <= 1).all())
            and min(int(column.min(initial=0)) for column in (self.ids, self.characters, self.bytes)) >= 0
        )

    def _are_pairs(self) -> bool:
        """Return whether pairs ascend, are of heads of groups, and are as alike as the search asked."""
        first, second = self.first, self.second
        if not len(first):
            return True
        if (
            int(first.min()) < 0
            or int(second.max()) >= self.summary.documents
            or bool((first >= second).any())
        ):
            return False
        number = first.astype(np.int64) << 32 | second
        return bool(
            (number[1:] > number[:-1]).all()
            and (self.group[first] == first).all()
            and (self.group[second] == second).all()
            and (self.similarity >= np.float32(self.summary.settings.floor)).all()
            and (self.similarity <= 1).all()
        )


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
