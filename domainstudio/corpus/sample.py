"""The sample corpus: technical English that already lies on this machine, in installed Python packages."""

import hashlib
import os
import sysconfig
from pathlib import Path

from domainstudio.problems import Problem, UserError

GENERAL = ("numpy", "pandas")
"""General text: these packages, beside the standard library and pydoc's topics."""

DOMAIN = ("torch", "transformers")
"""Domain text: documentation of deep-learning interfaces."""

_SKIPPED = {"site-packages", "test", "tests", "__pycache__", "idlelib", "lib2to3"}


def general_files(every: int = 1) -> list[Path]:
    """Return the sources of the general sample; `every` 8 keeps about one file in 8, and the topics."""
    standard = Path(sysconfig.get_path("stdlib"))
    topics = standard / "pydoc_data" / "topics.py"
    files = _sources(standard) + [file for name in GENERAL for file in _sources(_package(name))]
    return _slice([file for file in files if file != topics], every) + [topics] * topics.is_file()


def domain_files(every: int = 1) -> list[Path]:
    """Return the sources of the domain sample; `every` as in `general_files`.

    Raises:
        UserError: a package is not installed.
    """
    return _slice([file for name in DOMAIN for file in _sources(_package(name))], every)


def _package(name: str) -> Path:
    folder = Path(sysconfig.get_path("purelib")) / name
    if not folder.is_dir():
        raise UserError(Problem("sample.package_missing", None, {"package": name}))
    return folder


def _sources(folder: Path) -> list[Path]:
    files = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        files += [Path(parent) / name for name in sorted(names) if name.endswith(".py")]
    return files


def _slice(files: list[Path], every: int) -> list[Path]:
    """Keep about one file in `every`, chosen by its name alone, so the same on every machine."""
    return [
        file for file in files if hashlib.sha256("/".join(file.parts[-3:]).encode()).digest()[0] % every == 0
    ]
