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
TEST_PROGRAMS = {
    "Xvfb": "xvfb",
    "xdotool": "xdotool",
    "dbus-daemon": "dbus",
    "sshd": "openssh-server",
    "rsync": "rsync",
}
TEST_FONTS = {
    "NotoSans-Regular.ttf": "fonts-noto-core",
    "NotoSansMono-Regular.ttf": "fonts-noto-mono",
    "NotoSansCJK-Regular.ttc": "fonts-noto-cjk",
}
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
"""What tests of the window and of machines use on Linux; without it they are skipped."""
WITH_WINDOWS = ("tests/gui", "tests/flows")
"""Tests that run one after another: a window that shares its cores answers late."""


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
    if missing and not install_from_debian(missing, "system libraries for the window"):
        say(f"the window still needs system libraries; install them with: {debian_command(missing)}")


def provide_test_programs() -> None:
    """Install display, hands, fonts and an ssh server for the tests where possible, else say the command."""
    missing = missing_test_programs()
    if missing and not install_from_debian(missing, "what the tests use"):
        say(f"some tests will be skipped; install what they use: {debian_command(missing)}")


def install_from_debian(packages: list[str], what: str) -> bool:
    """Install Debian packages if we may; return whether they are there now."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say(f"installing {what}: {' '.join(packages)}")
    quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    updated = subprocess.call(["apt-get", "update", "-q"], **quiet)
    return updated == 0 and subprocess.call(install, **quiet) == 0


def debian_command(packages: list[str]) -> str:
    """Return what a person types to install Debian packages."""
    return f"sudo apt-get install --no-install-recommends {' '.join(packages)}"


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


def missing_test_programs() -> list[str]:
    """Return the Debian packages of programs and fonts that are not found, none but on Linux."""
    if sys.platform != "linux":
        return []
    places = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    missing = [
        package for program, package in TEST_PROGRAMS.items() if not shutil.which(program, path=places)
    ]
    for file, package in TEST_FONTS.items():
        if not any(next(folder.rglob(file), None) for folder in FONT_FOLDERS):
            missing.append(package)
    return missing


def run_tests(arguments: list[str]) -> int:
    """Run the checks one after another and return the first that fails; arguments go to pytest."""
    without_windows = [f"--ignore={folder}" for folder in WITH_WINDOWS]
    processors = os.cpu_count() or 1  # one more test than these: a run that starts waits now and then
    side_by_side = ["--dist", "loadscope", "--no-loadscope-reorder"]
    checks = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports"],
        ["pytest", "-n", str(min(4, processors + 1)), *side_by_side, *without_windows],
        ["pytest", "-n", str(min(4, processors)), *side_by_side, *WITH_WINDOWS],
    ]
    if arguments:
        checks = [["pytest", *arguments]]
    provide_test_programs()
    environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ}
    for check in checks:
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
