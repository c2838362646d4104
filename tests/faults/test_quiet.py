"""Nothing reaches for the network unasked: the guard in every process of the tests, and what it lets pass."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from every_process import sitecustomize as guard
from faults.quiet import is_here, reached
from pydantic import BaseModel
from support import wait_until

from domainstudio.jobs import process
from domainstudio.jobs.folder import create_job

REFUSED = {
    "an address": "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)",
    "a name": "import socket; socket.create_connection(('example.org', 80), timeout=1)",
    "a datagram": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'here', ('192.0.2.1', 9))",
    "an open port": "import socket; socket.create_server(('', 0))",
    "a page": "import urllib.request; urllib.request.urlopen('http://example.org')",
    "a page through a proxy": (
        "import os, urllib.request; os.environ['http_proxy'] = 'http://127.0.0.1:9'; "
        "urllib.request.urlopen('http://example.org')"
    ),
    "a page as libraries fetch it": "import requests; requests.get('https://example.org')",
    "asyncio": "import asyncio; asyncio.run(asyncio.open_connection('192.0.2.1', 80))",
    "a grandchild": (
        "import subprocess, sys; subprocess.run([sys.executable, '-P', '-c', "
        "\"import socket; socket.getaddrinfo('example.org', 80)\"], check=True)"
    ),
    "a forked server": (
        "import multiprocessing, socket; "
        "pool = multiprocessing.get_context('forkserver').Pool(1); "
        "pool.apply(socket.gethostbyname, ('example.org',))"
    ),
}
"""Addresses of RFC 5737 and names of RFC 2606: should the guard fail, nobody is harmed."""

ALLOWED = """
import socket, urllib.request
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
with socket.create_server(("::1", 0), family=socket.AF_INET6):
    socket.getaddrinfo("localhost", 0)
socket.getfqdn()
socket.socketpair()
urllib.request.urlopen("file:///dev/null")
"""


def child(code: str, log: Path) -> tuple[int, list[dict[str, Any]]]:
    """Run code in a process of its own; return its exit code and what the guard wrote down."""
    environment = os.environ | {guard.LOG: str(log)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL)
    return ended.returncode, written(log)


def written(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.mark.parametrize("way", REFUSED)
def test_whoever_reaches_for_the_network_is_refused_and_named(way: str, tmp_path: Path) -> None:
    code, told = child(REFUSED[way], tmp_path / "log")
    assert code and told, "nobody noticed"
    assert told[0]["host"] in ("192.0.2.1", "example.org", "every interface") and told[0]["stack"]
    assert "python" in told[0]["command"][0]


def test_what_stays_on_this_machine_passes(tmp_path: Path) -> None:
    assert child(ALLOWED, tmp_path / "log") == (0, [])


class Work(BaseModel):
    """Nothing to do."""


def test_the_processes_of_jobs_are_guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv(guard.LOG, str(log))
    monkeypatch.setattr(process, "command", lambda *_: [sys.executable, "-c", REFUSED["an address"]])
    folder = create_job(tmp_path / "jobs", "import", "domainstudio.workflow", Work())
    process.start(folder)
    wait_until(lambda: folder.liveness() == "dead")
    assert [each["host"] for each in written(log)] == ["192.0.2.1"]
    assert "PermissionError" in folder.log_file.read_text()


def test_this_process_is_guarded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(guard.LOG, str(tmp_path / "log"))
    with pytest.raises(PermissionError, match="192.0.2.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    assert written(tmp_path / "log")


def test_a_trace_tells_who_reached_for_what(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text(
        """7 connect(3, {sa_family=AF_UNIX, sun_path="/run/x"}, 110) = 0
7 sendto(3, "GET http://192.0.2.7", 20, MSG_NOSIGNAL, NULL, 0) = 20
8 connect(4, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}, 16) = 0
8 connect(4, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}, 16) = 0
9 bind(12, {sa_family=AF_INET6, sin6_port=htons(0), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::", """
        """&sin6_addr), sin6_scope_id=0}, 28) = 0
9 connect(3, {sa_family=AF_INET6, sin6_port=htons(9), inet_pton(AF_INET6, "::ffff:127.0.0.1", """
        """&sin6_addr), sin6_scope_id=0}, 28) = -1 EINPROGRESS (Operation now in progress)
9 bind(6, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("127.0.0.1")}, 16 <unfinished ...>
"""
    )
    assert reached([trace]) == {
        ("connect", "10.0.0.1", "port 53"): 2,
        ("bind", "::", "port 0"): 1,
        ("connect", "::ffff:127.0.0.1", ""): 1,
        ("bind", "127.0.0.1", ""): 1,
    }
    assert not any(map(is_here, ("10.0.0.1", "::", "0.0.0.0", "2001:db8::1")))
    assert all(map(is_here, ("127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1")))
