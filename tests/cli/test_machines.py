"""`domainstudio machines`: a machine is added after its key was accepted, probed and mended on consent."""

import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest
from remote_machine import SSHD, RemoteMachine, remote_machines
from support import Command

from domainstudio.cli.main import run_command


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteMachine]:
    """A machine whose key is not known yet."""
    if SSHD is None:
        pytest.skip("no sshd")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    with remote_machines(tmp_path / "machines") as (machine,):
        machine.known_hosts.unlink()
        yield machine


def adding(remote: RemoteMachine, *more: str) -> list[str]:
    return ["machines", "add", "gpu", remote.alias, "--ssh-config", str(remote.config), *more]


def answered(words: str, *arguments: str) -> int:
    """Run a command at a terminal where this is typed; return its exit code."""
    ours, theirs = pty.openpty()
    os.write(ours, words.encode() + b"\n")
    with os.fdopen(theirs) as terminal, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", terminal)
        code = run_command(list(arguments))
    os.close(ours)
    return code


def test_a_machine_is_added_with_its_fingerprint_listed_probed_and_removed(
    remote: RemoteMachine, command: Command, refused: Command
) -> None:
    assert command("machines", "list") == []
    sentence = refused(*adding(remote))
    assert remote.fingerprint() in sentence
    assert remote.fingerprint() in refused(*adding(remote, "--accept-key", "SHA256:" + "x" * 43))
    assert command("machines", "list") == []
    command(*adding(remote, "--accept-key", remote.fingerprint()))
    (listed,) = command("machines", "list")
    assert (listed["name"], listed["destination"]) == ("gpu", remote.alias)
    assert "already" in refused(*adding(remote))
    found = command("machines", "probe", "gpu")
    assert found["probe"]["host"] == os.uname().nodename
    assert [one["code"] for one in found["missing"]] == ["packages"]
    assert command("machines", "remove", "gpu")["name"] == "gpu"
    assert "gpu" in refused("machines", "probe", "gpu")


def test_a_probe_is_told_in_words(
    remote: RemoteMachine, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command(*adding(remote, "--accept-key", remote.fingerprint()))
    remote.program("nvidia-smi", "printf 'A\\033[31mB, 81920, 80000, 550, 3, 41\\n'")
    assert run_command(["machines", "probe", "gpu"]) == 0
    told = capsys.readouterr().out
    assert "GPU: A\\u001b[31mB, 83.9 GB free of 85.9 GB, driver 550, 3 %, 41 °C" in told
    assert "mend it: domainstudio machines mend gpu" in told


def test_on_a_terminal_the_key_is_asked_for(
    remote: RemoteMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answered("no", *adding(remote)) == 2
    assert remote.fingerprint() in capsys.readouterr().err
    assert not remote.known_hosts.exists()
    assert answered("yes", *adding(remote)) == 0
    assert remote.known_hosts.exists()


def test_nothing_is_installed_without_consent(
    remote: RemoteMachine, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command(*adding(remote, "--accept-key", remote.fingerprint()))
    assert run_command(["machines", "mend", "gpu"]) == 2
    shown = capsys.readouterr().err
    assert "python3 -m venv .domainstudio/env" in shown and "--yes" in shown
    assert answered("no", "machines", "mend", "gpu") == 2
    assert list(remote.home.iterdir()) == []


def test_mistakes_get_one_sentence(remote: RemoteMachine, tmp_path: Path, refused: Command) -> None:
    assert "destination" in refused("machines", "add", "gpu", "a b")
    assert "name" in refused("machines", "add", "GPU", "a")
    assert "folder" in refused(*adding(remote, "--folder", "../x"))
    assert "ssh configuration" in refused("machines", "add", "gpu", "a", "--ssh-config", tmp_path / "none")
    remote.stop()
    assert "nothing answers ssh" in refused(*adding(remote))
