"""Fixtures for the whole suite: a small real project made by commands, and no network for anybody."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from every_process import sitecustomize as guard
from every_process import warm
from hypothesis import HealthCheck, settings
from support import Command, wait_until

from domainstudio.cli.main import run_command
from domainstudio.jobs.process import QUIET_ENVIRONMENT

STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
GENERAL = ("email", "json", "pydoc_data", "argparse.py")
DOMAIN = ("asyncio", "concurrent", "multiprocessing", "threading.py")
RECIPE = ["sequence_length=64", "micro_batch=2", "dropout=0.1"]
RECIPE += ["probe_tokens=1024", "probe_every=50", "checkpoint_every=40", "control=never"]
MIXTURE = ["--share", "general=0.25", "--share", "domain=0.75", "--tokens", "20480", "--max-epochs", "4"]
SLOW_FOLDERS = {"faults", "trainer", "workflow"}
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Guard this process and all that come of it, before any test is imported, and have each use one thread.

    The models are small, and threads that share their cores with another test wait for each other.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    _handle, os.environ[guard.LOG] = tempfile.mkstemp(suffix=".network")
    os.close(_handle)
    paths = [str(Path(guard.__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    guard.watch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders whose tests last: what is short fills the end, where processes would idle."""
    items.sort(key=lambda item: not SLOW_FOLDERS.intersection(item.path.parts))


def pytest_unconfigure() -> None:
    """Remove the guard's list."""
    Path(os.environ[guard.LOG]).unlink()


@pytest.fixture(scope="session", autouse=True)
def quiet() -> Iterator[None]:
    """Fail at the end if any process reached for the network, in whatever test."""
    yield
    reached = Path(os.environ[guard.LOG]).read_text()
    assert not reached, f"somebody used the network:\n{reached}"


@pytest.fixture(scope="session")
def warm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The process that ranks are forked from: the socket it answers at."""
    path = str(tmp_path_factory.mktemp("warm") / "server")
    environment = {**os.environ, **QUIET_ENVIRONMENT}
    words = [sys.executable, warm.__file__, path]
    server = subprocess.Popen(words, env=environment, cwd="/", stdin=subprocess.DEVNULL)
    wait_until(lambda: Path(path).exists() or server.poll() is not None)
    assert server.poll() is None
    yield path
    server.kill()
    server.wait()


@pytest.fixture(scope="module")
def warm_start(warm_server: str) -> Iterator[None]:
    """Fork runs and models, for tests of what they compute and not of how they start and die."""
    with warm.started(warm_server):
        yield


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences are compared in English wherever the tests run."""
    monkeypatch.setenv("DOMAINSTUDIO_LANGUAGE", "en")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command that must succeed and return its JSON document."""

    def run(*arguments: object) -> Any:
        capsys.readouterr()
        code = run_command([*(str(argument) for argument in arguments), "--json"])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    return run


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command that must be refused with one sentence, and return it."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        code = run_command([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert code == 2 and captured.out == "", captured
        assert captured.err.count("\n") == 1, captured.err
        return captured.err

    return run


def _read(project: Path, role: str, names: tuple[str, ...]) -> list[object]:
    paths = [STANDARD_LIBRARY / name for name in names]
    return ["corpus", "import", project, *paths, "--reader", "docstrings", "--role", role, "--name", role]


@pytest.fixture(scope="session")
def packed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two sources, tokenizer, token files, mixture and recipe; copy it before changing it."""
    project = tmp_path_factory.mktemp("packed") / "small"
    for arguments in (
        ["project", "new", project, "--from-scratch", "tiny"],
        _read(project, "general", GENERAL),
        _read(project, "domain", DOMAIN),
        ["tokenizer", "train", project, "--size", "512"],
        ["tokenizer", "pack", project],
        ["mixture", "set", project, *MIXTURE],
        ["recipe", "set", project, *RECIPE],
    ):
        assert run_command([str(argument) for argument in arguments]) == 0, arguments
    return project


@pytest.fixture(scope="session")
def trained_project(packed_project: Path, warm_server: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed project with one finished run of 20 steps; copy it before changing it."""
    project = Path(shutil.copytree(packed_project, tmp_path_factory.mktemp("trained") / "small"))
    settings = ["steps=20", "probe_every=5", "checkpoint_every=10"]
    arguments = [part for setting in settings for part in ("--set", setting)]
    with warm.started(warm_server):
        assert run_command(["train", "start", str(project), *arguments]) == 0
    return project


@pytest.fixture
def small_project(packed_project: Path, tmp_path: Path) -> Path:
    """A copy of the packed project that the test may change."""
    return Path(shutil.copytree(packed_project, tmp_path / "small"))
