"""Host keys: an unknown one is shown as it is and accepted only as shown, a changed one is refused."""

from pathlib import Path

import pytest
from remote_machine import SSHD, RemoteMachine, remote_machines

from domainstudio.machines.host_keys import unknown_key
from domainstudio.problems import UserError


def refusal(remote: RemoteMachine, *accepted: str) -> str:
    with pytest.raises(UserError) as raised:
        unknown_key(remote.machine, accepted)
    return raised.value.problem.code


def test_an_unknown_key_is_shown_and_only_that_one_is_accepted(remote: RemoteMachine) -> None:
    remote.known_hosts.unlink()
    with pytest.raises(UserError) as raised:
        remote.connection().run(["true"])
    assert raised.value.problem.code == "machine.unknown_key"
    key = unknown_key(remote.machine)
    assert key is not None
    assert (key.fingerprint, key.kind) == (remote.fingerprint(), "ED25519")
    assert remote.address in key.host and str(remote.port) in key.host
    other = "SHA256:" + "A" * 43
    assert unknown_key(remote.machine, [other]) == key
    assert unknown_key(remote.machine, [key.fingerprint[:-1]]) == key, "a part of it is not it"
    assert not remote.known_hosts.exists()
    assert unknown_key(remote.machine, [other, key.fingerprint]) is None
    assert remote.connection().run(["true"]).code == 0
    assert unknown_key(remote.machine) is None


def test_a_key_that_changed_between_showing_and_accepting_is_asked_again(remote: RemoteMachine) -> None:
    remote.known_hosts.unlink()
    shown = unknown_key(remote.machine)
    assert shown is not None
    remote.stop()
    remote.new_key("host_key")
    remote.start()
    found = unknown_key(remote.machine, [shown.fingerprint])
    assert found is not None and found.fingerprint == remote.fingerprint() != shown.fingerprint
    assert not remote.known_hosts.exists()


def test_a_changed_key_is_refused_whatever_is_accepted(remote: RemoteMachine) -> None:
    with remote.config.open("a") as target:
        target.write("    StrictHostKeyChecking no\n")
    known = remote.known_hosts.read_text()
    remote.stop()
    remote.new_key("host_key")
    remote.start()
    with pytest.raises(UserError) as raised:
        remote.connection().run(["true"])
    assert raised.value.problem.code == "machine.changed_key"
    assert f"{remote.known_hosts}:1" in str(raised.value)
    assert refusal(remote, remote.fingerprint()) == "machine.changed_key"
    assert remote.known_hosts.read_text() == known


def test_other_troubles_are_sentences_too(remote: RemoteMachine) -> None:
    remote.known_hosts.unlink()
    fingerprint = remote.fingerprint()
    remote.new_key("user_key")
    key = unknown_key(remote.machine)
    assert key is not None, "the key is shown before a user's key is tried"
    assert refusal(remote, fingerprint) == "machine.no_access"
    remote.stop()
    assert refusal(remote) == "machine.refused"


def test_no_secret_is_asked_for(remote: RemoteMachine, tmp_path: Path) -> None:
    """A key with a passphrase counts as no key: nothing asks for it, nothing waits."""
    remote.run_keygen("-p", "-P", "", "-N", "secret phrase", "-f", str(remote.folder / "user_key"))
    assert refusal(remote) == "machine.no_access"


def test_a_jump_host_is_asked_for_in_its_turn(tmp_path: Path) -> None:
    if SSHD is None:
        pytest.skip("no sshd")
    with remote_machines(tmp_path, 2) as (gate, target):
        target.config.write_text(
            target.config.read_text() + "    ProxyJump node-1\n" + gate.config.read_text()
        )
        gate.known_hosts.unlink()
        target.known_hosts.unlink()
        first = unknown_key(target.machine)
        assert first is not None and first.fingerprint == gate.fingerprint()
        second = unknown_key(target.machine, [first.fingerprint])
        assert second is not None and second.fingerprint == target.fingerprint()
        assert unknown_key(target.machine, [second.fingerprint]) is None
        finished = target.connection().run(["pwd"])
        assert finished.stdout.decode().strip() == str(target.home)
        target.connection().close()
