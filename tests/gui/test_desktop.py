"""What the window asks of the desktop: no sleep while a run trains."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import wait_until

ASK = """
import sys
from domainstudio.gui.desktop import Desktop
desktop = Desktop()
desktop.keep_awake(True)
desktop.keep_awake(True)
desktop.notify("finished", is_watched=False)
sys.stdin.readline()
if sys.argv[1] == "closes":
    desktop.keep_awake(False)
    desktop.close()
    print("closed")
    sys.stdin.readline()
"""


@pytest.fixture
def bus() -> Iterator[dict[str, str]]:
    """The environment of a session bus of the test's own."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("no dbus-daemon on this machine")
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"], stdout=subprocess.PIPE, text=True
    )
    assert daemon.stdout is not None
    address = daemon.stdout.readline().strip()
    yield os.environ | dict.fromkeys(("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"), address)
    daemon.terminate()
    daemon.wait()
    daemon.stdout.close()


@pytest.fixture
def login(bus: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """A login manager on that bus, and the file of its calls."""
    calls = tmp_path / "calls"
    script = Path(__file__).parent / "fake_login.py"
    fake = subprocess.Popen([sys.executable, str(script), str(calls)], env=bus)
    wait_until(lambda: calls.is_file() and "ready" in calls.read_text())
    yield calls
    fake.kill()
    fake.wait()


def window(environment: dict[str, str], how: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", ASK, how]
    return subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_the_machine_is_kept_awake_once_and_let_go(bus: dict[str, str], login: Path) -> None:
    with window(bus, "closes") as process:
        assert process.stdin and process.stdout
        wait_until(lambda: "Inhibit" in login.read_text() or "sleep" in login.read_text())
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "closed\n"
        wait_until(lambda: "released" in login.read_text(), 20)
        process.stdin.write("\n")
    held = "sleep:idle block Domain Studio: A model is being trained."
    assert login.read_text().splitlines() == ["ready", held, "released"]


def test_a_window_that_is_killed_lets_the_machine_sleep(bus: dict[str, str], login: Path) -> None:
    with window(bus, "dies") as process:
        wait_until(lambda: "sleep" in login.read_text())
        process.kill()
    wait_until(lambda: "released" in login.read_text(), 20)


@pytest.mark.parametrize("address", ["", "unix:path=/nowhere/at/all"])
def test_a_machine_without_these_services_is_left_in_peace(bus: dict[str, str], address: str) -> None:
    environment = bus | (dict.fromkeys(("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"), address))
    done = subprocess.run(
        [sys.executable, "-c", ASK, "closes"],
        env=environment if address else bus,
        input="\n\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")
