"""What Python starts by itself wherever this folder is on PYTHONPATH: a guard against the network, above all.

`tests/conftest.py` puts it there, so all processes that the tests start have it, and all that those start.
Whoever reaches for another machine, by address or by name, or listens where another machine could reach it,
gets an error and is written down in the file that DOMAINSTUDIO_NETWORK_LOG names: one JSON object a line.
Native code passes unseen; `tests/faults/quiet.py` sees that too.
"""

import os
import sys
from typing import Any

LOG = "DOMAINSTUDIO_NETWORK_LOG"
_LOOPBACK = ("localhost", "ip6-localhost", "::1", "127.")
_NOWHERE = (None, "", b"")
_SHOWN_FRAMES = 12


def watch() -> None:
    """Hear of everything this process does with sockets, from now on."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    reached = _REACHED.get(event)
    if reached is None:
        return
    host = reached(*arguments)
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is not None and not _is_here(host):
        _write_down(event, host)
        raise PermissionError(f"the tests do not use the network: {event} {host}")


def _address(socket: Any, address: Any, *_: object) -> object:
    """Return the host that a socket is to reach; None for one that stays on this machine."""
    from _socket import AF_INET, AF_INET6

    return address[0] if socket.family in (AF_INET, AF_INET6) and isinstance(address, tuple) else None


def _listening(socket: Any, address: Any) -> object:
    """Return where a socket will listen: without a host that is every interface."""
    host = _address(socket, address)
    return "every interface" if host in ("", b"", "0.0.0.0", "::") else host


def _named(name: Any, *_: object) -> object:
    """Return a name that is looked up; no name is none."""
    return None if name in _NOWHERE else name


def _host_of(url: object, *_: object) -> object:
    from urllib.parse import urlsplit

    return urlsplit(str(url)).hostname


_REACHED = {
    "socket.connect": _address,
    "socket.bind": _listening,
    "socket.sendto": _address,
    "socket.sendmsg": _address,
    "socket.getaddrinfo": _named,
    "socket.gethostbyname": _named,
    "socket.gethostbyaddr": _named,
    "socket.getnameinfo": lambda address: address[0],
    "http.client.connect": lambda _connection, host, _port: host,
    "urllib.Request": _host_of,
}
"""Event → the host it is about. The last two tell of a connection through a proxy on this machine."""


def _is_here(host: str) -> bool:
    """Return whether a host is this machine: torchrun asks for the machine's own name."""
    own = os.uname().nodename
    return host.lower().startswith(_LOOPBACK) or host in (own, own.partition(".")[0])


def _write_down(event: str, host: str) -> None:
    """Append who did what; one write, so that two processes do not mix their lines."""
    import json
    import traceback

    stack = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_stack()[:-2]]
    line = {
        "pid": os.getpid(), "command": sys.orig_argv, "event": event, "host": host,
        "stack": stack[-_SHOWN_FRAMES:],
    }  # fmt: skip
    file = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")
    finally:
        os.close(file)


if __name__ == "sitecustomize" and LOG in os.environ:
    watch()
if __name__ == "sitecustomize" and "DOMAINSTUDIO_WARM_START" in os.environ:
    import warm

    warm.take_over()
