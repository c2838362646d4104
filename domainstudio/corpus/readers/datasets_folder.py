"""Folders that `datasets` saved (save_to_disk): which of their files hold the rows, and in which order."""

import os
from pathlib import Path

import orjson

STATE = "state.json"
STATE_BYTES = 4 << 20
"""A larger one is some other program's: a hundred thousand data files take this much."""
_NAME_BYTES = 255
_INFO = "dataset_info.json"


def data_files(folder: Path, names: list[str]) -> list[str] | None:
    """Return the data files of a saved dataset in order, None where the folder is none.

    Caches that `map` and `filter` left beside them are no part of the dataset. The splits of a DatasetDict
    are folders of their own, each of them such a dataset.
    """
    if STATE not in names or _INFO not in names or not (folder / STATE).is_file():
        return None
    try:
        with (folder / STATE).open("rb") as file:
            state = orjson.loads(file.read(STATE_BYTES))
        listed = [row["filename"] for row in state["_data_files"]]
    except (orjson.JSONDecodeError, OSError, KeyError, TypeError):
        return None  # some other program's state.json
    return [name for name in listed if _is_name(name)]


def _is_name(name: object) -> bool:
    """Return whether a file of a folder can have this name."""
    if not isinstance(name, str) or Path(name).name != name:
        return False
    return "\0" not in name and len(os.fsencode(name)) <= _NAME_BYTES
