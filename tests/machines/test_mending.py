"""Mending: the bundle arrives once and whole, the trainer runs from it, wheels become an environment."""

import hashlib
import os
import subprocess
import sys
import zipfile
import zlib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from remote_machine import RemoteMachine

from domainstudio.machines import requirements
from domainstudio.machines.bundle import bundle, provide
from domainstudio.machines.mending import Mending, mend, plan
from domainstudio.machines.probe import missing, probe
from domainstudio.machines.ssh import Connection
from domainstudio.problems import UserError

IMPORT_ALL = """
import importlib, pkgutil
for package in ('domainstudio.trainer', 'domainstudio.model'):
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, package + '.'):
        print('from', importlib.import_module(module.name).__file__)
"""


def wheel(folder: Path, name: str, version: str) -> Path:
    """Make the smallest wheel there is."""
    folder.mkdir(exist_ok=True)
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    file = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{module}.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tag)
        archive.writestr(f"{info}/RECORD", "")
    return file


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    for name, version in requirements.pinned(requirements.on_a_machine()).items():
        wheel(tmp_path / "wheels", name, version)
    return tmp_path / "wheels"


def test_the_bundle_arrives_whole_and_once(connection: Connection, remote: RemoteMachine) -> None:
    folder = remote.home / provide(connection)
    assert folder == remote.home / ".domainstudio" / bundle().name
    for part in ("trainer/__main__.py", "jobs/events.py", "recipe/run.py", "paths.py"):
        ours = Path(requirements.__file__).parents[1] / part
        assert (folder / "domainstudio" / part).read_bytes() == ours.read_bytes()
    assert (folder / "constraints.txt").read_bytes() == requirements.constraints().read_bytes()
    assert not (folder / "domainstudio" / "gui").exists()
    arrived = (folder / "constraints.txt").stat().st_mtime_ns
    assert remote.home / provide(connection) == folder
    assert (folder / "constraints.txt").stat().st_mtime_ns == arrived, "it is not sent again"
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]
    assert folder.parent.stat().st_mode & 0o077 == 0, "nobody else's business"
    assert probe(connection).bundles == (folder.name,)


def test_trainer_and_model_run_from_the_bundle_with_the_packages_asked_for(
    connection: Connection, remote: RemoteMachine, tmp_path: Path
) -> None:
    """Whatever else they imported would be missing on a machine."""
    folder = remote.home / provide(connection)
    site = tmp_path / "site"
    _link_packages(site, requirements.on_a_machine())
    done = subprocess.run(
        [os.path.realpath(sys.executable), "-S", "-W", "ignore", "-c", IMPORT_ALL],
        capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": f"{folder}:{site}", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    files = [line for line in done.stdout.splitlines() if line.startswith("from /")]
    assert len(files) > 20 and all(file.startswith(f"from {folder}/") for file in files)


def _link_packages(site: Path, wanted: list[str]) -> None:
    """Make a folder of packages with nothing but those and what they require, as installed here."""
    site.mkdir()
    found: set[str] = set()
    pending = [Requirement(line) for line in wanted]
    while pending:
        one = pending.pop()
        if one.name in found or (one.marker is not None and not one.marker.evaluate({"extra": ""})):
            continue
        found.add(one.name)
        installed = metadata.distribution(one.name)
        pending += [Requirement(line) for line in installed.requires or []]
        for name in {file.parts[0] for file in installed.files or []} - {".."}:
            (site / name).unlink(missing_ok=True)
            (site / name).symlink_to(installed.locate_file(name))


@pytest.mark.parametrize("cut", [0, 1000, None])
def test_a_bundle_that_arrives_damaged_is_not_kept(
    connection: Connection, remote: RemoteMachine, cut: int | None
) -> None:
    data = zlib.compress(b"another" if cut is None else bundle().data[:cut])
    target = ".domainstudio/bundle-x"
    finished = connection.python("receive", target, hashlib.sha256(bundle().data).hexdigest(), input=data)
    assert finished.code == 1 and b"damaged" in finished.stderr
    assert not (remote.home / ".domainstudio").exists()


def test_a_machine_that_cannot_keep_it_says_why(connection: Connection, remote: RemoteMachine) -> None:
    (remote.home / ".domainstudio").write_text("a file in the way")
    with pytest.raises(UserError) as raised:
        provide(connection)
    assert raised.value.problem.code == "machine.not_kept" and "exists" in str(raised.value)


def test_wheels_become_an_environment_without_an_index(
    connection: Connection, remote: RemoteMachine, wheels: Path
) -> None:
    deepspeed = next(wheels.glob("deepspeed*"))
    content = deepspeed.read_bytes()
    deepspeed.unlink()
    planned = plan(remote.machine, probe(connection), wheels=wheels)
    assert list(remote.home.iterdir()) == [], "planning does nothing"
    with pytest.raises(UserError) as raised:
        mend(connection, planned, lambda line: None)
    assert raised.value.problem.code == "machine.command_failed" and "deepspeed" in str(raised.value)
    assert [lack.code for lack in missing("node-1", probe(connection))] == ["packages"]

    deepspeed.write_bytes(content)
    planned = plan(remote.machine, probe(connection), wheels=wheels)
    told: list[str] = []
    mend(connection, planned, told.append)
    assert told[0] == f"sending {deepspeed.name}" and told[1].startswith("$ "), "the others were there"
    assert [line for line in told if line.startswith("$ ")] == [f"$ {line}" for line in planned.lines()]
    assert any(line.startswith("Successfully installed") for line in told)
    found = probe(connection)
    assert found.packages == requirements.pinned(requirements.on_a_machine())
    assert missing("node-1", found) == []
    python = remote.home / ".domainstudio/env/bin/python"
    done = connection.run([str(python), "-c", "import torch; print(torch.version)"])
    assert done.stdout.decode().strip() == found.packages["torch"]

    damaged = remote.home / ".domainstudio/wheels" / planned.wheels[0].name
    damaged.write_bytes(b"torn")
    told.clear()
    mend(connection, planned, told.append)
    assert told[0] == f"sending {damaged.name}" and told[1].startswith("$ ")
    assert damaged.read_bytes() == planned.wheels[0].read_bytes()


def test_what_cannot_be_planned(connection: Connection, remote: RemoteMachine, tmp_path: Path) -> None:
    found = probe(connection)
    with pytest.raises(UserError) as raised:
        plan(remote.machine, found, wheels=tmp_path)
    assert raised.value.problem.code == "machine.no_wheels"
    with pytest.raises(UserError) as raised:
        plan(remote.machine, found.model_copy(update={"pythons": ()}))
    assert raised.value.problem.code == "machine.python_too_old"


def test_an_index_is_given_to_pip_and_versions_held(connection: Connection, remote: RemoteMachine) -> None:
    lines = plan(remote.machine, probe(connection), index="https://index.example/simple").lines()
    assert lines[0] == "python3 -m venv .domainstudio/env"
    assert "--index-url https://index.example/simple" in lines[1]
    assert f"-c .domainstudio/{bundle().name}/constraints.txt" in lines[1] and "'torch>=2.10'" in lines[1]


def test_a_connection_cut_in_the_midst_and_endless_output_are_sentences(
    connection: Connection, remote: RemoteMachine
) -> None:
    def cut(line: str) -> None:
        if line == "begun":
            connection.close()

    with pytest.raises(UserError) as raised:
        mend(connection, Mending(remote.machine, (("sh", "-c", "echo begun; sleep 5"),)), cut)
    assert raised.value.problem.code == "machine.lost"
    with pytest.raises(UserError) as raised:
        mend(connection, Mending(remote.machine, (("cat", "/dev/zero"),)), lambda line: None)
    assert raised.value.problem.code == "machine.too_much"


def test_a_machine_without_room_says_so_and_keeps_no_half(
    connection: Connection, remote: RemoteMachine, tmp_path: Path
) -> None:
    remote.program("python3", f'ulimit -f 4; exec {os.path.realpath(sys.executable)} "$@"')
    with pytest.raises(UserError) as raised:
        provide(connection)
    assert raised.value.problem.code == "machine.not_kept" and "File too large" in str(raised.value)
    assert list((remote.home / ".domainstudio").iterdir()) == []
    large = tmp_path / "large"
    large.write_bytes(bytes(100_000))
    with large.open("rb") as source:
        kept = connection.python("keep", ".domainstudio/wheels/large", "0" * 64, input=source)
    assert kept.code == 1 and b"File too large" in kept.stderr
    assert list((remote.home / ".domainstudio" / "wheels").iterdir()) == []
