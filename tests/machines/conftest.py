"""Fixtures of machines reached by ssh: real ones, on loopback addresses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from remote_machine import SSHD, RemoteMachine, remote_machines

from domainstudio.machines.ssh import Connection


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[RemoteMachine]:
    """A machine at 127.0.0.1 whose host key is known."""
    if SSHD is None:
        pytest.skip("no sshd")
    with remote_machines(tmp_path / "machines") as (machine,):
        yield machine


@pytest.fixture
def connection(remote: RemoteMachine) -> Iterator[Connection]:
    """A connection to the machine."""
    yield remote.connection()
