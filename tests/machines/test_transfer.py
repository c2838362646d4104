"""Files brought to a machine and back: what differs alone, whole or not at all, resumed; odd names too."""

import os
import random
import shutil
from pathlib import Path

import pytest
from far_environment import install
from remote_machine import RemoteMachine

from domainstudio.machines import transfer
from domainstudio.machines.place import Place
from domainstudio.machines.ssh import Connection
from domainstudio.machines.transfer import STAGED, File, fetch, listed, send
from domainstudio.problems import Problem, UserError

TARGET = ".domainstudio/projects/law"
ODD = ["plain.bin", "a b.bin", "quote'\".bin", "$(touch x).bin", "法律.bin", "-rf.bin", "line\nbreak.bin"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def far(remote: RemoteMachine) -> RemoteMachine:
    install(remote, is_fake=True)
    return remote


@pytest.fixture(params=["rsync", "sftp"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Send by both programs."""
    if request.param == "sftp":
        monkeypatch.setattr(transfer, "_has_rsync", lambda _connection: False)
    elif shutil.which("rsync") is None:
        pytest.skip("no rsync")
    return str(request.param)


def files(root: Path, names: list[str]) -> list[File]:
    root.mkdir(exist_ok=True)
    dice = random.Random(1)
    for name in names:
        (root / name).write_bytes(dice.randbytes(20_000))
    return [File(root, name, "tokens") for name in names]


def told(_done: int, _total: int) -> None:
    """Nobody looks."""


def test_what_differs_is_sent_and_nothing_else(
    far: RemoteMachine, connection: Connection, tmp_path: Path, way: str
) -> None:
    sent = files(tmp_path / "here", ODD)
    assert send(Place(connection), sent, TARGET, told) == 20_000 * len(ODD)
    there = far.home / TARGET / "tokens"
    assert {one.name: one.read_bytes() for one in there.iterdir()} == {
        name: (tmp_path / "here" / name).read_bytes() for name in ODD
    }
    assert send(Place(connection), sent, TARGET, told) == 0
    (tmp_path / "here" / "plain.bin").write_bytes(b"changed")
    shown: list[tuple[int, int]] = []
    assert send(Place(connection), sent, TARGET, lambda done, total: shown.append((done, total))) == 7
    assert (there / "plain.bin").read_bytes() == b"changed" and shown[-1][0] == shown[-1][1]
    assert not any((far.home / TARGET / STAGED).iterdir())


def test_a_file_that_broke_off_goes_on_where_it_was(
    far: RemoteMachine, connection: Connection, tmp_path: Path, way: str
) -> None:
    (one,) = files(tmp_path / "here", ["large.bin"])
    digest = transfer.sha256(one.local)
    staged = far.home / TARGET / STAGED / digest
    staged.parent.mkdir(parents=True)
    staged.write_bytes(one.local.read_bytes()[:15_000])
    begun = staged.stat().st_ino
    send(Place(connection), [one], TARGET, told)
    arrived = far.home / TARGET / "tokens" / "large.bin"
    assert arrived.read_bytes() == one.local.read_bytes() and arrived.stat().st_ino == begun


def test_a_file_that_went_bad_on_the_way_is_refused_and_sent_anew(
    far: RemoteMachine, connection: Connection, tmp_path: Path, way: str
) -> None:
    (one,) = files(tmp_path / "here", ["large.bin"])
    staged = far.home / TARGET / STAGED / transfer.sha256(one.local)
    staged.parent.mkdir(parents=True)
    staged.write_bytes(b"x" * 20_000)
    if way == "rsync":  # sftp sends one of its size anew by itself
        with pytest.raises(UserError) as caught:
            send(Place(connection), [one], TARGET, told)
        assert caught.value.problem.code == "machine.damaged_file"
        assert not (far.home / TARGET / "tokens" / "large.bin").exists()
    send(Place(connection), [one], TARGET, told)
    assert (far.home / TARGET / "tokens" / "large.bin").read_bytes() == one.local.read_bytes()


def test_two_files_alike_are_sent_once_and_both_are_there(
    far: RemoteMachine, connection: Connection, tmp_path: Path
) -> None:
    alike = files(tmp_path / "here", ["a.bin", "b.bin"])
    shutil.copy(alike[0].local, alike[1].local)
    send(Place(connection), alike, TARGET, told)
    there = far.home / TARGET / "tokens"
    assert (there / "a.bin").read_bytes() == (there / "b.bin").read_bytes() == alike[0].local.read_bytes()


def test_what_is_not_here_is_named(far: RemoteMachine, connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        send(Place(connection), [File(tmp_path, "gone.bin", "tokens")], TARGET, told)
    assert caught.value.problem.code == "machine.file_gone"


def test_what_a_machine_made_comes_back_whole_and_resumed(
    far: RemoteMachine, connection: Connection, tmp_path: Path
) -> None:
    made = far.home / TARGET / "result" / "model"
    made.mkdir(parents=True)
    (made / "model.safetensors").write_bytes(os.urandom(3_000_000))
    (made / "config.json").write_text("{}")
    (made / ".tmp-half").write_text("not whole")
    (made / "odd name $x").write_text("a name that this program never gives")
    names = listed(Place(connection), TARGET, "result")
    assert names == ["result/model/config.json", "result/model/model.safetensors"]
    here = tmp_path / "here"
    here.mkdir()
    weights = made / "model.safetensors"
    begun = here / "result" / "model" / f".incoming-{transfer.sha256(weights)}"
    begun.parent.mkdir(parents=True)
    begun.write_bytes(weights.read_bytes()[:1_000_000])
    fetch(Place(connection), names, TARGET, here, told)
    assert (here / "result" / "model" / "model.safetensors").read_bytes() == weights.read_bytes()
    assert sorted(one.name for one in begun.parent.iterdir()) == ["config.json", "model.safetensors"]


def test_a_damaged_cache_of_checksums_is_begun_anew(
    far: RemoteMachine, connection: Connection, tmp_path: Path, cache: Path
) -> None:
    sent = files(tmp_path / "here", ["one.bin"])
    (cache / "domainstudio").mkdir(parents=True)
    for damaged in (b"", b"[1]", b'{"/x": 3}', b"\xff\xfe"):
        (cache / "domainstudio" / transfer.CACHE).write_bytes(damaged)
        send(Place(connection), sent, TARGET, told)
    assert (far.home / TARGET / "tokens" / "one.bin").exists()


def test_a_fetch_is_ended_within_a_file_and_goes_on_there(
    far: RemoteMachine, connection: Connection, tmp_path: Path
) -> None:
    made = far.home / TARGET / "result"
    made.mkdir(parents=True)
    (made / "weights").write_bytes(random.Random(2).randbytes(8 << 20))
    came, here = list[int](), tmp_path / "here"
    here.mkdir()

    def stop(done: int, _total: int) -> None:
        came.append(done)
        if done > 1 << 20:
            raise UserError(Problem("machine.stopped", None))

    with pytest.raises(UserError) as ended:
        fetch(Place(connection), ["result/weights"], TARGET, here, stop)
    assert ended.value.problem.code == "machine.stopped" and 0 < came[-1] < 8 << 20
    assert not (here / "result" / "weights").exists()
    again = list[int]()
    fetch(Place(connection), ["result/weights"], TARGET, here, lambda done, _: again.append(done))
    assert again[0] >= 1 << 20, "what had come was kept"
    assert (here / "result" / "weights").read_bytes() == (made / "weights").read_bytes()
