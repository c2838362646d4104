"""The packages that training needs, held to the versions that were tested together."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from domainstudio.language import RESOURCES

_OF_EVERY_JOB = ("numpy", "orjson", "psutil", "pydantic")
"""Those of the program's own packages that the trainer and the model import."""


def constraints() -> Path:
    """Return the list of tested versions: inside an installed package, or in packaging/ of a checkout."""
    installed = RESOURCES / "constraints.txt"
    return installed if installed.is_file() else RESOURCES.parent / "packaging" / "constraints.txt"


def for_training() -> list[str]:
    """Return the requirements of domainstudio[train] as pip is given them."""
    checkout = RESOURCES.parent / "pyproject.toml"
    if checkout.is_file():
        project = tomllib.loads(checkout.read_text(encoding="utf-8"))["project"]
        return list(project["optional-dependencies"]["train"])
    try:
        listed = requires("domainstudio") or []
    except PackageNotFoundError:
        listed = []
    return [line.split(";")[0].strip() for line in listed if 'extra == "train"' in line]


def on_a_machine() -> list[str]:
    """Return what a machine needs that only trains: the extra, and what every job imports."""
    return [*for_training(), *_OF_EVERY_JOB]


def pinned(requirements: list[str]) -> dict[str, str]:
    """Return package → tested version of each requirement that is in the list of versions."""
    known = dict(
        (_plain(name), version)
        for name, version in re.findall(r"(?m)^([\w.-]+)==(\S+)", constraints().read_text(encoding="utf-8"))
    )
    names = [_plain(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in requirements]
    return {name: known[name] for name in names if name in known}


def _plain(name: str) -> str:
    """Return a package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
