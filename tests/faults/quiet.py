"""Who reaches for the network: `.venv/bin/python tests/faults/quiet.py` (strace needed, some minutes).

The quick demo is done from nothing to its report, then its project is opened in a window and every step is
shown, all of it under strace: native code and processes of processes included. What any of them connects to,
sends to or listens at is printed, and nothing but this machine itself may be among it.
"""

import argparse
import ipaddress
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

Reached = Counter[tuple[str, str, str]]
"""(system call, host, port) → how often; ports on this machine itself are left out, as they are chance."""

_CALL = re.compile(r"^\d+ +(\w+)\(")
_HOST = re.compile(r'sin_addr=inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
_PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
_TRACED = "connect,bind,sendto,sendmsg,sendmmsg"


def reached(traces: Iterable[Path]) -> Reached:
    """Return what strace saw of addresses; sockets of files and of the kernel are left out."""
    found: Reached = Counter()
    for trace in traces:
        for line in trace.read_text(errors="replace").splitlines():
            call, host, port = _CALL.match(line), _HOST.search(line), _PORT.search(line)
            if call and host and port:
                name = host[1] or host[2]
                found[call[1], name, "" if is_here(name) else f"port {port[1]}"] += 1
    return found


def is_here(host: str) -> bool:
    """Return whether a numeric address is this machine itself; the unspecified one is every interface."""
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def traced(command: list[str], trace: Path) -> Reached:
    """Run a command under strace with all that comes of it and return what it reached for."""
    quiet = os.environ | {"QT_QPA_PLATFORM": "offscreen", "DOMAINSTUDIO_LANGUAGE": "en"}
    strace = ["strace", "-f", "-qq", "-s", "0", "-e", f"trace={_TRACED}", "-o", str(trace)]
    subprocess.run([*strace, *command], check=True, env=quiet, stdout=subprocess.DEVNULL)
    return reached([trace])


def show_window(project: Path, folder: Path) -> None:
    """Open a project in the window and show every step until it has read what it shows."""
    from PySide6.QtWidgets import QApplication

    from domainstudio.gui import theme
    from domainstudio.gui.preferences import Preferences
    from domainstudio.gui.window import Window

    application = QApplication([])
    theme.apply(application)
    window = Window(Preferences(folder / "preferences.ini"))
    window.show()
    window.open_project(project)
    for step in ("project", "corpus", "tokenizer", "mixture", "training", "runs", "export"):
        deadline = time.monotonic() + 120
        while window.shell is None or window.shell.pane is None or not window.shell.pane.states.is_settled:
            application.processEvents()
            assert time.monotonic() < deadline, "the window does not settle"
        window.shell.show_step(step)
    window.close()


def main() -> None:
    """Trace the demo and the window; end with 1 if anything but this machine was reached for."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--window", nargs=2, type=Path, metavar=("PROJECT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.window:
        show_window(*options.window)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        project = folder / "sample"
        commands = {
            "demo --quick": [
                sys.executable,
                "-m",
                "domainstudio",
                "demo",
                "--quick",
                "--folder",
                str(project),
            ],
            "the window, every step": [sys.executable, __file__, "--window", str(project), made],
        }
        away = False
        for number, (name, command) in enumerate(commands.items()):
            found = traced(command, folder / f"{number}.trace")
            print(f"{name}: {sum(found.values())} calls with an address")
            for (call, host, port), times in sorted(found.items()):
                away |= not is_here(host)
                print(f"  {call:9} {host:20} {port:9} {times:5} times{'' if is_here(host) else '  NOT HERE'}")
        print(
            "somebody reached for the network"
            if away
            else "nothing left this machine, nothing listened to it"
        )
    sys.exit(int(away))


if __name__ == "__main__":
    main()
