"""Which files an import reads: paths, folders and patterns, each readable file once, in a stable order."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from domainstudio.corpus.readers import ReaderSettings, endings, format_of
from domainstudio.corpus.readers.datasets_folder import data_files
from domainstudio.problems import Problem, UserError


def files_of(paths: list[Path], settings: ReaderSettings) -> list[Path]:
    """Return the files to read among and below `paths`, each once, in a stable order.

    Below folders and patterns what this program does not read is passed over; a file that is named itself
    is listed in any case, for the import to say that it cannot be read.

    Raises:
        UserError: a path does not exist, or nothing readable was found.
    """
    found: dict[Path, Path] = {}
    is_any_readable = False
    for path in paths:
        for file, is_named in _below(path):
            is_readable = format_of(file, settings) is not None
            if _waits_for_a_writer(file):
                continue
            is_any_readable |= is_readable
            if is_readable or is_named:
                # A link's target may lack the ending.
                found.setdefault(Path(os.path.realpath(file)), file.absolute())
    if not is_any_readable:
        names = ", ".join(str(path) for path in paths[:3])
        params = {"path": names, "endings": " ".join(endings())}
        raise UserError(Problem("corpus.no_files", "path", params))
    return list(found.values())


def name_of(path: Path) -> str:
    """Return the name of a source by default: that of the file or folder, without endings or a pattern."""
    parts = [part for part in Path(os.path.realpath(path)).parts if not glob.has_magic(part)]
    name = next((name for part in reversed(parts) if (name := part.split(".")[0])), "corpus")
    return os.fsencode(name).decode("utf-8", "replace")


def _waits_for_a_writer(file: Path) -> bool:
    """Return whether opening the file could hang for ever: a pipe, a socket, a device."""
    return os.path.exists(file) and not os.path.isfile(file)


def _below(path: Path) -> Iterator[tuple[Path, bool]]:
    """Yield (file, was it named itself?)."""
    # Not Path.is_dir: it raises for a name that no system has.
    if os.path.isdir(path):
        yield from ((file, False) for file in _walk(path))
    elif os.path.exists(path):
        yield path, True
    else:
        yield from ((file, False) for file in _matches(path))


def _matches(pattern: Path) -> Iterator[Path]:
    matches = sorted(glob.glob(str(pattern), recursive=True)) if glob.has_magic(str(pattern)) else []
    if not matches:
        raise UserError(Problem("corpus.path_missing", "path", {"path": str(pattern)}))
    for match in map(Path, matches):
        yield from _walk(match) if match.is_dir() else [match]


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        listed = data_files(Path(parent), names)
        yield from (Path(parent) / name for name in (sorted(names) if listed is None else listed))
