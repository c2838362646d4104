"""What this program carries to a machine: its own code, as far as a trainer needs it, and tested versions.

A bundle is named by what is in it, so it is sent once; a run there takes its code from `FOLDER/bundle-HASH`
by PYTHONPATH, whatever another version of the program sends meanwhile.
"""

import hashlib
import io
import tarfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from domainstudio.machines import requirements
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, UserError

_PACKAGE = Path(__file__).resolve().parents[1]
_STAYS_HERE = {"cli", "export", "gui", "machines", "project", "resources", "workflow", "__main__.py"}
_SECONDS = 300
CONSTRAINTS = "constraints.txt"
"""The tested versions, within a bundle."""


@dataclass(frozen=True)
class Bundle:
    """The code that a machine is sent."""

    data: bytes
    """An uncompressed tar."""
    digest: str
    """Its SHA-256."""

    @property
    def name(self) -> str:
        """The folder's name there."""
        return f"bundle-{self.digest[:16]}"


@cache
def bundle() -> Bundle:
    """Return this program's bundle; the same code gives the same bytes on any machine."""
    files = {CONSTRAINTS: requirements.constraints()}
    for file in _PACKAGE.rglob("*.py"):
        relative = file.relative_to(_PACKAGE)
        if relative.parts[0] not in _STAYS_HERE:
            files[f"{_PACKAGE.name}/{relative.as_posix()}"] = file
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, file in sorted(files.items()):
            content = file.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    data = packed.getvalue()
    return Bundle(data, hashlib.sha256(data).hexdigest())


def provide(connection: Connection) -> str:
    """Send the bundle unless it is there; return the folder in which it lies there.

    Raises:
        UserError: the machine cannot be reached, or could not keep it.
    """
    carried = bundle()
    target = f"{connection.machine.folder}/{carried.name}"
    if connection.run(["test", "-d", target]).code:
        packed = zlib.compress(carried.data, 9)
        finished = connection.python("receive", target, carried.digest, input=packed, seconds=_SECONDS)
        check_kept(connection, carried.name, finished.code, finished.stderr)
    return target


def check_kept(connection: Connection, what: str, code: int, stderr: bytes) -> None:
    """Raise a UserError if a machine could not keep what it was sent; its last line says why."""
    if code:
        lines = stderr.decode("utf-8", "replace").split("\n")
        reason = next((line for line in reversed(lines) if line.strip()), "-")
        params = {"name": connection.machine.name, "what": what, "reason": reason}
        raise UserError(Problem("machine.not_kept", None, params))
