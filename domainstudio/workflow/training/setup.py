"""What training needs on this machine, and how to install it: a network call that only a person starts."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable

from domainstudio.machines import requirements
from domainstudio.problems import Problem, UserError

_MODULES = ("torch", "transformers", "deepspeed", "safetensors")


def missing_packages() -> list[str]:
    """Return which packages of domainstudio[train] cannot be imported, without importing any."""
    return [name for name in _MODULES if importlib.util.find_spec(name) is None]


def installation() -> list[str]:
    """Return the command that installs domainstudio[train] here, held to the pinned versions."""
    wanted = requirements.for_training() or list(_MODULES)
    versions = requirements.constraints()
    pinned = ["-c", str(versions)] if versions.is_file() else []
    return [sys.executable, "-P", "-m", "pip", "install", "--disable-pip-version-check", *pinned, *wanted]


def install(tell: Callable[[str], None]) -> None:
    """Install domainstudio[train], telling each line that the installer prints.

    Raises:
        UserError: the installer failed; its last line says why.
    """
    environment = os.environ | {"DS_BUILD_OPS": "0", "PYTHONUNBUFFERED": "1"}
    command = installation()
    tell(" ".join(command))
    last = ""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last = line.rstrip() or last
            tell(line.rstrip())
    importlib.invalidate_caches()
    if process.returncode:
        raise UserError(Problem("setup.failed", None, {"reason": last, "code": process.returncode}))
