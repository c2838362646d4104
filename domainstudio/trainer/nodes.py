"""The nodes of a run find each other at one address of node 0, and learn when one of them is gone.

Node 0 listens at that address alone. Whether another node lives is told by an open connection that is never
written to: the system closes it when its process dies, and asks across the network whether a machine that is
silent is still there. Nothing that Python does for a minute, such as a large checkpoint, looks like death.
"""

import hashlib
import ipaddress
import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil
import torch.distributed as dist
from torch._C._distributed_c10d import Store, TCPStore

from domainstudio.problems import Problem, UserError
from domainstudio.trainer.place import Place, leads_node

MEETING_SECONDS = 600.0
"""How long nodes may be started apart."""
SILENT_SECONDS, ASK_SECONDS, ASKED_TIMES = 10, 5, 4
"""A machine that says nothing for so long is asked so often before it counts as gone: 30 seconds in all."""
_CONNECTION_SECONDS = 5.0
_LOOK_SECONDS = 0.1
_WORD_BYTES = 2
_TOKEN_BYTES = 16


@dataclass(frozen=True)
class Meeting:
    """What a node needs in order to meet the others, and the reasons to wait no longer."""

    place: Place
    identity: str
    """Of what the run does: all nodes must agree."""
    leave: Callable[[], None]
    """Called while it waits: raises if there is no use in waiting on."""

    @classmethod
    def of(cls, place: Place, spec_file: Path, leave: Callable[[], None]) -> "Meeting":
        """Return the meeting of a run by its spec."""
        digest = hashlib.sha256(spec_file.read_bytes()).hexdigest()
        return cls(place, f"{digest} {place.ranks} {place.launch.nodes}", leave)


class Nodes:
    """The connections of this node's leader to those of others; other ranks watch their leader."""

    def __init__(self, own: int, connections: dict[int, socket.socket]) -> None:
        """Watch connections by the number of the node at their other end."""
        self.own, self._connections = own, connections
        self._gone: int | None = None
        self._is_told = False

    def gone(self) -> int | None:
        """Return the number of the node that was gone first."""
        if self._gone is None:
            said = (_word(connection, node) for node, connection in self._connections.items())
            self._gone = next((node for node in said if node is not None), None)
        return self._gone

    def tell(self, node: int) -> None:
        """Tell the others once which node is gone, so that they do not name the one that tells them."""
        if self._is_told:
            return
        self._is_told = True
        for connection in self._connections.values():
            with suppress(OSError):
                connection.send(node.to_bytes(_WORD_BYTES, "big"))

    def leave(self) -> None:
        """Be gone, as far as the others see."""
        for connection in self._connections.values():
            connection.close()


def _word(connection: socket.socket, node: int) -> int | None:
    """Return which node a connection tells of: the one at its other end, if it is closed."""
    try:
        said = connection.recv(_WORD_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return node
    return int.from_bytes(said, "big") if len(said) == _WORD_BYTES else node


def meet(meeting: Meeting) -> tuple[Store, Nodes | None]:
    """Return the store of the ranks of all nodes once all are here, and the leader's connections.

    Raises:
        UserError: a node does not come, does something else, or node 0 cannot listen at its address.
        Exception: what `meeting.leave` raises.
    """
    deadline = time.monotonic() + MEETING_SECONDS
    store = _listen(meeting) if meeting.place.rank == 0 else _find(meeting, deadline)
    try:
        _wait_for_all(meeting, store, deadline)
        nodes = _connect(meeting.place, store) if leads_node() else None
    except (dist.DistError, OSError) as error:
        raise UserError(_missing(meeting.place, 1 if meeting.place.launch.node == 0 else 0)) from error
    return store, nodes


def interface(address: str, port: int) -> str:
    """Return the name of this node's network interface that leads to an address."""
    family, _, _, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(target)
        own = str(probe.getsockname()[0])
    for name, addresses in psutil.net_if_addrs().items():
        if any(own == one.address.partition("%")[0] for one in addresses):
            return str(name)
    return "lo" if ipaddress.ip_address(own).is_loopback else ""


def _listen(meeting: Meeting) -> Store:
    launch = meeting.place.launch
    try:
        server = _server(launch.address, launch.port)
    except OSError as error:
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else str(error)  # looking up a name has its own numbers
        params = {"address": launch.address, "port": launch.port, "reason": reason}
        raise UserError(Problem("nodes.no_address", "address", params)) from None
    return _store(meeting.place, server.detach())


def _find(meeting: Meeting, deadline: float) -> Store:
    """Return the store of node 0, waiting until it is there."""
    launch = meeting.place.launch
    while True:
        try:
            with socket.create_connection((launch.address, launch.port), _CONNECTION_SECONDS):
                pass
            return _store(meeting.place, None)
        except (OSError, dist.DistError):
            meeting.leave()
            if time.monotonic() > deadline:
                raise UserError(_missing(meeting.place, 0)) from None
            time.sleep(_LOOK_SECONDS)


def _store(place: Place, listening: int | None) -> TCPStore:
    return TCPStore(
        place.launch.address,
        place.launch.port,
        place.ranks,
        listening is not None,
        timedelta(seconds=MEETING_SECONDS),
        wait_for_workers=False,
        master_listen_fd=listening,
    )


def _wait_for_all(meeting: Meeting, store: Store, deadline: float) -> None:
    place = meeting.place
    store.set(f"here/{place.rank}", meeting.identity)
    names = [f"here/{rank}" for rank in range(place.ranks)]
    while not store.check(names):
        meeting.leave()
        if time.monotonic() > deadline:
            rank = next(rank for rank, name in enumerate(names) if not store.check([name]))
            raise UserError(_missing(place, rank // (place.ranks // place.launch.nodes)))
        time.sleep(_LOOK_SECONDS)
    for rank, name in enumerate(names):
        if store.get(name).decode() != meeting.identity:
            node = rank // (place.ranks // place.launch.nodes)
            raise UserError(Problem("nodes.differ", None, {"node": max(node, place.launch.node)}))


def _connect(place: Place, store: Store) -> Nodes:
    """Return connections between node 0 and each other node, all leaders taking part."""
    launch, connections = place.launch, dict[int, socket.socket]()
    if launch.node > 0:
        port, _, word = store.get("connections").decode().partition(" ")
        connection = socket.create_connection((launch.address, int(port)), _CONNECTION_SECONDS)
        connection.sendall(bytes.fromhex(word) + launch.node.to_bytes(_WORD_BYTES, "big"))
        return Nodes(launch.node, {0: _kept_alive(connection)})
    token = secrets.token_bytes(_TOKEN_BYTES)
    with _server(launch.address, 0) as server:
        store.set("connections", f"{server.getsockname()[1]} {token.hex()}")
        server.settimeout(MEETING_SECONDS)
        while len(connections) < launch.nodes - 1:
            connection, _ = server.accept()
            connection.settimeout(_CONNECTION_SECONDS)
            said = connection.recv(_TOKEN_BYTES + _WORD_BYTES)
            if secrets.compare_digest(said[:_TOKEN_BYTES], token):
                connections[int.from_bytes(said[_TOKEN_BYTES:], "big")] = _kept_alive(connection)
            else:
                connection.close()
    return Nodes(0, connections)


def _server(address: str, port: int) -> socket.socket:
    family, _, _, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(target[:2], family=family)


def _kept_alive(connection: socket.socket) -> socket.socket:
    connection.settimeout(0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", SILENT_SECONDS),
        ("TCP_KEEPINTVL", ASK_SECONDS),
        ("TCP_KEEPCNT", ASKED_TIMES),
    ):
        connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection


def _missing(place: Place, node: int) -> Problem:
    launch = place.launch
    return Problem("nodes.missing", None, {"node": node, "address": launch.address, "port": launch.port})
