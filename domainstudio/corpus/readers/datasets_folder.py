"""Folders that `datasets` saved (save_to_disk): which of their files hold the rows, and in which order."""

from pathlib import Path

import orjson

STATE = "state.json"
_INFO = "dataset_info.json"


def data_files(folder: Path, names: list[str]) -> list[str] | None:
    """Return the data files of a saved dataset in order, None where the folder is none.

    Caches that `map` and `filter` left beside them are no part of the dataset. The splits of a DatasetDict
    are folders of their own, each of them such a dataset.
    """
    if STATE not in names or _INFO not in names:
        return None
    try:
        state = orjson.loads((folder / STATE).read_bytes())
        listed = [row["filename"] for row in state["_data_files"]]
    except (orjson.JSONDecodeError, OSError, KeyError, TypeError):
        return None  # some other program's state.json
    return [name for name in listed if isinstance(name, str) and Path(name).name == name]
