"""The connection by ssh: arguments arrive as they are, troubles are sentences, one master is shared."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError
from remote_machine import RemoteMachine

from domainstudio.machines.machine import Machine
from domainstudio.machines.ssh import Connection
from domainstudio.machines.ssh_words import trouble
from domainstudio.problems import UserError, sentence

ECHO = "import os, sys; sys.stdout.buffer.write(b'|'.join(map(os.fsencode, sys.argv[1:])))"
ODD = ["a b", "it's", 'say "x"', "$(touch x)", "`touch x`", "a\nb", "中文 文件", "-n", "", "*", "\\n"]
ODD += [";touch x", "~", "!!", "&"]


def code_of(connection: Connection, *argv: str, **more: float) -> str:
    with pytest.raises(UserError) as raised:
        connection.run(argv or ("true",), **more)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    return raised.value.problem.code


def test_arguments_arrive_as_they_are(connection: Connection, remote: RemoteMachine) -> None:
    finished = connection.run(["python3", "-c", ECHO, *ODD])
    assert finished.code == 0, finished.stderr
    assert finished.stdout.decode().split("|") == ODD
    assert list(remote.home.iterdir()) == []


def test_a_command_has_its_code_its_outputs_and_home(connection: Connection, remote: RemoteMachine) -> None:
    finished = connection.run(["sh", "-c", "pwd; echo no >&2; exit 7"])
    assert (finished.code, finished.stderr) == (7, b"no\n")
    assert Path(finished.stdout.decode().strip()) == remote.home


def test_input_is_given_whole_as_bytes_or_as_a_file(connection: Connection, tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    assert connection.run(["wc", "-c"], input=data).stdout.split() == [b"1280000"]
    file = tmp_path / "data"
    file.write_bytes(data)
    with file.open("rb") as source:
        assert connection.run(["wc", "-c"], input=source).stdout.split() == [b"1280000"]
    assert connection.run(["true"], input=data).code == 0, "a command that reads nothing"


def test_two_commands_share_one_master_that_goes_away(connection: Connection, remote: RemoteMachine) -> None:
    def connections() -> int:
        return (remote.folder / "sshd.log").read_text().count("Accepted publickey")

    connection.run(["true"])
    connection.run(["true"])
    assert connections() == 1
    connection.close()
    connection.run(["true"])
    assert connections() == 2


def test_a_place_that_others_may_enter_or_that_is_too_long_is_not_used_for_a_master(
    remote: RemoteMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to_all = tmp_path / f"domainstudio-{os.getuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    long = tmp_path / ("x" * 100)
    long.mkdir()
    for place in (tmp_path, long):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
        assert remote.connection().run(["true"]).code == 0
        assert "ControlPath=none" in remote.connection().options()
    assert list(open_to_all.iterdir()) == []


def test_many_commands_at_once_on_a_new_connection(connection: Connection) -> None:
    with ThreadPoolExecutor(12) as pool:
        finished = list(pool.map(lambda number: connection.run(["echo", str(number)]), range(24)))
    assert [(one.code, int(one.stdout)) for one in finished] == [(0, number) for number in range(24)]


def test_a_stream_is_read_as_it_comes(connection: Connection) -> None:
    with connection.stream(["sh", "-c", "echo first; echo second >&2; exec sleep 5"], merged=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline(), process.stdout.readline()] == [b"first\n", b"second\n"]
        process.kill()


def test_endless_output_is_cut_off(connection: Connection) -> None:
    assert code_of(connection, "cat", "/dev/zero") == "machine.too_much"
    assert code_of(connection, "sh", "-c", "exec cat /dev/zero >&2") == "machine.too_much"


def test_a_command_that_does_not_end_is_given_up(connection: Connection) -> None:
    assert code_of(connection, "sleep", "5", seconds=0.5) == "machine.too_slow"


def test_another_user_key_is_refused_in_a_sentence(connection: Connection, remote: RemoteMachine) -> None:
    remote.new_key("user_key")
    assert code_of(connection) == "machine.no_access"


def test_no_listener_and_no_such_name(remote: RemoteMachine) -> None:
    remote.stop()
    assert code_of(remote.connection()) == "machine.refused"
    remote.config.write_text("Host node-1\n  HostName nobody.invalid\n  CanonicalizeHostname no\n")
    assert code_of(remote.connection()) == "machine.not_found"
    remote.config.write_text("Host node-1\n  Nonsense yes\n")
    assert code_of(remote.connection()) == "machine.bad_configuration"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("ssh: connect to host 10.0.0.9 port 22: Connection timed out", "machine.unreachable"),
        ("ssh: connect to host 10.0.0.9 port 22: Operation timed out", "machine.unreachable"),
        ("ssh: connect to host 10.0.0.9 port 22: No route to host", "machine.unreachable"),
        ("Connection timed out during banner exchange", "machine.unreachable"),
        (
            "Received disconnect from 10.0.0.9: Too many authentication failures",
            "machine.no_access",
        ),
        ("Timeout, server 10.0.0.9 not responding.", "machine.lost"),
        ("kex_exchange_identification: Connection closed by remote host\r\n", "machine.lost"),
        ("", "machine.lost"),
        ("\x1b[31m\udcff" * 10_000, "machine.lost"),
    ],
)
def test_what_ssh_says_elsewhere(said: str, code: str) -> None:
    problem = trouble(Machine(name="gpu", destination="gpu"), said.encode("utf-8", "surrogateescape"))
    assert problem.code == code
    words = sentence(problem)
    assert words.isprintable() and len(words) < 1000


def test_a_missing_ssh_is_a_sentence(remote: RemoteMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(remote.bin))
    assert code_of(remote.connection()) == "machine.no_ssh"


def test_the_persons_remote_command_and_forwardings_do_not_get_in_the_way(remote: RemoteMachine) -> None:
    with remote.config.open("a") as target:
        target.write("    RemoteCommand touch there\n    LocalForward 127.0.0.1:1 127.0.0.1:1\n")
        target.write("    RequestTTY yes\n    ForwardAgent yes\n    StrictHostKeyChecking no\n")
    finished = remote.connection().run(["sh", "-c", 'echo "$SSH_AUTH_SOCK"; test ! -t 1'])
    assert (finished.code, finished.stdout) == (0, b"\n")


@pytest.mark.parametrize(
    "field",
    [
        {"destination": "-oProxyCommand=touch x"}, {"destination": "a b"}, {"destination": "a\nb"},
        {"destination": "a\n"}, {"destination": ""}, {"destination": "me@-oX"}, {"destination": "$(touch x)"},
        {"destination": "a;b"}, {"destination": "a@b`x`"}, {"destination": "ssh://a:22"},
        {"name": "-x"}, {"name": "../x"}, {"name": "A"}, {"name": "a" * 40},
        {"folder": "../up"}, {"folder": "a/../../b"}, {"folder": "-rf"}, {"folder": "a b"},
        {"folder": "$HOME"}, {"folder": "~/x"}, {"folder": ""}, {"folder": "."}, {"folder": "a/./b"},
        {"folder": "/"}, {"folder": "a\n"}, {"ssh_config": "here"}, {"ssh_config": "-v"}, {"extra": "x"},
    ],
)  # fmt: skip
def test_hostile_machines_are_refused(field: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Machine(**({"name": "a", "destination": "b"} | field))


@pytest.mark.parametrize(
    "destination", ["gpu", "me@gpu.example.org", "me@x@gate", "10.0.0.1", "fe80::1%eth0", "机器"]
)
def test_usual_destinations_are_taken(destination: str) -> None:
    assert Machine(name="gpu-1", destination=destination, folder="/data/me/.ds").destination == destination
