"""Set up .venv and act: without words the window opens; else `demo --quick`, `test`, or any command.

The first call makes the environment and says what it does; later calls start at once. Only the standard
library is needed. Works from any folder; everything it makes lies in the checkout's .venv.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "bootstrap.stamp"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
EXTRAS = "gui,train,test"

QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
}
"""What Qt's window needs of the system on Linux, and the Debian package of each."""


def main(arguments: list[str]) -> int:
    """Set up what is missing, then run the tests or the command; return its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036
        print(f"Domain Studio needs Python 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    if not is_set_up():
        set_up()
    if arguments[:1] == ["test"]:
        return run_tests(arguments[1:])
    return subprocess.call([str(PYTHON), "-m", "domainstudio", *arguments])


def fingerprint() -> str:
    """Return a hash of everything the environment is made from."""
    digest = hashlib.sha256(f"{sys.version}{ROOT}{EXTRAS}".encode())
    for file in (ROOT / "pyproject.toml", ROOT / "packaging" / "constraints.txt", Path(__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_set_up() -> bool:
    """Return whether the environment was made from today's files."""
    return PYTHON.exists() and STAMP.is_file() and STAMP.read_text() == fingerprint()


def set_up() -> None:
    """Make the environment; the stamp is written last, so a broken-off set-up is begun again."""
    if not PYTHON.exists():
        say(f"making the environment {ENVIRONMENT}")
        subprocess.check_call([sys.executable, "-m", "venv", str(ENVIRONMENT)])
    say("installing the pinned packages (about 2 GB with PyTorch; one to several minutes)")
    constraints = str(ROOT / "packaging" / "constraints.txt")
    install = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-c",
        constraints,
    ]
    # torch comes first, by its exact version: then no other package can ask for a newer one.
    environment = os.environ | {"DS_BUILD_OPS": "0", "PIP_CONSTRAINT": constraints}
    subprocess.check_call([*install, "torch"], env=environment)
    subprocess.check_call([*install, "-e", f"{ROOT}[{EXTRAS}]"], env=environment)
    provide_qt_libraries()
    STAMP.write_text(fingerprint())
    say("the environment is ready")


def provide_qt_libraries() -> None:
    """Install the system libraries of Qt where that is possible, else say the command."""
    missing = missing_qt_libraries()
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing system libraries for the window: {' '.join(missing)}")
        quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
        updated = subprocess.call(["apt-get", "update", "-q"], **quiet)
        if updated == 0 and subprocess.call(command, **quiet) == 0:
            return
    say(f"the window still needs system libraries; install them with: sudo {' '.join(command)}")


def missing_qt_libraries() -> list[str]:
    """Return the Debian packages of libraries that cannot be loaded; none on other systems than Linux."""
    if sys.platform != "linux":
        return []
    missing = []
    for library, package in QT_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return missing


def run_tests(arguments: list[str]) -> int:
    """Run the checks one after another and return the first that fails; arguments go to pytest."""
    checks = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports"],
        ["pytest", *arguments],
    ]
    environment = os.environ | {"QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
    for check in checks if not arguments else checks[-1:]:
        say(" ".join(check))
        code = subprocess.call([str(PYTHON.parent / check[0]), *check[1:]], cwd=ROOT, env=environment)
        if code:
            return code
    return 0


def say(text: str) -> None:
    """Tell the person what happens."""
    print(f"[set-up] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
