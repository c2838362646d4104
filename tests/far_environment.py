"""This program as it lies on a machine of the tests, in an environment of its own; machines that have it."""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from remote_machine import SSHD, RemoteMachine, remote_machines

from domainstudio.machines import store
from domainstudio.project.project import Project
from domainstudio.workflow.machines.remote import key_there

_FAKE = "import fake_trainer; from domainstudio.jobs import process; process.command = fake_trainer.command"


@contextmanager
def machines_of_person(folder: Path, count: int = 1, *, is_fake: bool) -> Iterator[list[RemoteMachine]]:
    """Yield machines that this person has added, with this program; what the person keeps lies in `folder`.

    Args:
        folder: the machines' homes and the person's configuration come into it.
        count: so many, each with an address of its own.
        is_fake: the trainer there is the fake one.
    """
    if SSHD is None:
        pytest.skip("no sshd")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        with remote_machines(folder / "machines", count) as machines:
            for machine in machines:
                install(machine, is_fake=is_fake)
                store.add(machine.machine)
            yield machines


def install(remote: RemoteMachine, *, is_fake: bool) -> None:
    """Put an environment into the folder of a machine that sees this program and what is installed here."""
    folder = remote.home / remote.machine.folder / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    own = Path(__file__).parent
    seen = [str(own.parent), str(own), sysconfig.get_path("purelib"), *_also()]
    lines = [*seen, _FAKE] if is_fake else seen
    (packages / "program.pth").write_text("\n".join(lines) + "\n")


def _also() -> list[str]:
    """Return where packages are found beside the usual place, as in an environment that borrows them."""
    return [path for path in sys.path if path.endswith("site-packages")]


def uninstall(remote: RemoteMachine) -> None:
    """Take it away again."""
    shutil.rmtree(remote.home / remote.machine.folder / "env")


def key_of(project: Path) -> str:
    """Return what a project's folder is called on a machine."""
    with Project(project, read_only=True) as opened:
        return key_there(opened)
