"""The probe: what there is on a real machine, what is missing, and answers that make no sense."""

import ast
import json
import os
import platform
import sys
from pathlib import Path

import pytest
from remote_machine import RemoteMachine

from domainstudio.machines import probe as probing
from domainstudio.machines.probe import Probe, missing, probe
from domainstudio.machines.ssh import Connection
from domainstudio.problems import UserError

TWO_GPUS = """
echo 'NVIDIA A100-SXM4-40GB, 40960, 38000, 550.54.15, 3, 41'
echo 'NVIDIA A100-SXM4-40GB, 40960, [N/A], 550.54.15, [N/A], 44'
"""


def test_what_there_is(remote: RemoteMachine) -> None:
    remote.program("nvidia-smi", TWO_GPUS)
    own = "folder-of-this-test"  # what other tests run at the same time has to do with theirs
    found = probe(Connection(remote.machine.model_copy(update={"folder": own})))
    first, second = found.gpus
    assert (first.name, first.memory_bytes, first.free_bytes) == (
        "NVIDIA A100-SXM4-40GB", 40960 << 20, 38000 << 20)  # fmt: skip
    assert (first.driver, first.utilisation_percent, first.temperature_celsius) == ("550.54.15", 3, 41)
    assert (second.free_bytes, second.utilisation_percent) == (None, None)
    assert found.host == os.uname().nodename
    assert found.processors == len(os.sched_getaffinity(0))
    assert found.memory_bytes and found.free_memory_bytes and found.free_memory_bytes < found.memory_bytes
    assert found.free_disk_bytes
    assert found.python is not None and found.python.command == "python3"
    assert found.python.version == platform.python_version()
    assert {"rsync", "setsid"} == set(found.programs)
    assert (found.packages, found.bundles, found.processes) == ({}, (), ())
    assert list(remote.home.iterdir()) == [], "asking leaves nothing there"


def test_a_machine_without_gpu_or_with_an_odd_answer(connection: Connection, remote: RemoteMachine) -> None:
    remote.program("nvidia-smi", "echo 'No devices were found'; exit 6")
    assert probe(connection).gpus == ()
    remote.program("nvidia-smi", "printf 'a,b\\n\\377\\377,1,2,3,4,x\\n'")
    (gpu,) = probe(connection).gpus
    assert gpu.memory_bytes == 1 << 20 and gpu.temperature_celsius is None


def test_processes_of_this_program_are_named(connection: Connection, remote: RemoteMachine) -> None:
    folder = remote.home / ".domainstudio"
    folder.mkdir()
    script, gate = folder / "run.sh", folder / "gate"
    os.mkfifo(gate)
    script.write_text(f"echo ready; read line < {gate}\n")
    for words in (str(script), ".domainstudio/run.sh"):
        with connection.stream(["sh", words]) as process:
            try:
                assert process.stdout is not None and process.stdout.readline() == b"ready\n"
                found = {one.command for one in probe(connection).processes}
                assert f"sh {words}" in found
                gate.write_text("go\n")
            finally:
                process.kill()  # else a failure would wait for a line that never comes


def test_what_is_missing_has_one_command_each() -> None:
    bare = Probe(
        host="h", system="Linux", processors=1, memory_bytes=1, free_memory_bytes=1, free_disk_bytes=1,
        gpus=(), pythons=(), packages={}, bundles=(), programs=(), processes=(),
    )  # fmt: skip
    lacks = missing("gpu", bare)
    assert [lack.code for lack in lacks] == ["python", "setsid", "packages", "rsync"]
    assert all(lack.command and lack.words() for lack in lacks)
    assert [lack.code for lack in lacks if not lack.is_needed] == ["rsync"]
    packed_apart = probing.Python(command="python3", version="3.12.1", makes_environments=False)
    old = probing.Python(command="python3", version="3.9.18", makes_environments=True)
    newer = bare.model_copy(update={"pythons": (old, packed_apart), "programs": ("rsync", "setsid")})
    first, packages = missing("gpu", newer)
    assert (first.code, first.command) == ("environments", "sudo apt-get install python3.12-venv")
    assert packages.command == "domainstudio machines mend gpu"
    assert any(name.startswith("torch 2.") for name in packages.names)
    wanted = probing.pinned(probing.on_a_machine())
    assert {"torch", "deepspeed", "numpy", "pydantic"} <= wanted.keys()
    built = wanted | {"torch": wanted["torch"] + "+cu126"}
    assert [lack.code for lack in missing("gpu", newer.model_copy(update={"packages": built}))] == [
        "environments"
    ]
    built["numpy"] = "1.0"
    (_, packages) = missing("gpu", newer.model_copy(update={"packages": built}))
    assert packages.names == (f"numpy {wanted['numpy']}",)


@pytest.mark.parametrize(
    "answer",
    ["", "hello", "[]", "{}", json.dumps({"host": "x" * 1000}), "NaN", "echo 5 >&2; exit 3", "[" * 100_000],
)
def test_an_answer_that_makes_no_sense_is_a_sentence(
    connection: Connection, remote: RemoteMachine, answer: str
) -> None:
    (remote.bin / "answer").write_text(answer)
    source = answer if "exit" in answer else f"cat {remote.bin / 'answer'}"
    remote.program("python3", source)
    with pytest.raises(UserError) as raised:
        probe(connection)
    assert raised.value.problem.code == "machine.bad_answer" and "\n" not in str(raised.value)


def test_a_machine_without_python_is_a_sentence(connection: Connection, remote: RemoteMachine) -> None:
    remote.program("python3", "exit 127")
    with pytest.raises(UserError) as raised:
        probe(connection)
    assert raised.value.problem.code == "machine.no_python"


@pytest.mark.parametrize("script", sorted((Path(probing.__file__).parent / "scripts").glob("*.py")))
def test_scripts_are_written_for_old_pythons_and_need_nothing(script: Path) -> None:
    tree = ast.parse(script.read_text(), feature_version=(3, 6))
    imported = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= sys.stdlib_module_names
    assert len(script.read_bytes()) < 100_000, "Linux takes no longer argument than 128 KiB"
