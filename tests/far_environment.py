"""This program as it lies on a machine of the tests: in an environment of its own."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from remote_machine import RemoteMachine

from domainstudio.project.project import Project
from domainstudio.workflow.remote import key_there

_FAKE = "import fake_trainer; from domainstudio.jobs import process; process.command = fake_trainer.command"


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
