"""Which machine this is, told by more than its name: a process can be looked for only where it runs."""

import hashlib
import os
import socket
import sys
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

Nearness = Literal["here", "before the last start", "elsewhere"]
_MACHINE_ID, _BOOT_ID = Path("/etc/machine-id"), Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")
_ALL_PROCESSES = "pid:[4026531836]"
"""The kernel's name for the processes of a whole machine; those of a container have another."""
_IS_RANDOM = 1 << 40
"""Set in what Python makes up where it finds no network card."""


class Machine(BaseModel):
    """Where a process runs. Only the host's name is always known; names change, and machines share them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str
    boot: str = ""
    """Another with each start of the machine; its containers have the same."""
    processes: str = ""
    """Which processes can be seen: those of the machine, or of one container."""
    machine: str = ""
    """Stays when the machine is renamed or started again; none in a container, whose image may be copied."""

    def nearness(self, here: "Machine") -> Nearness:
        """Return whether a process that runs on this machine can be found from `here`.

        Where it is not certain the answer is `elsewhere`: a job taken for dead would be started again.
        """
        is_same = self.host == here.host or (self.machine != "" and self.machine == here.machine)
        if not (self.boot and here.boot):
            return "here" if is_same else "elsewhere"
        if self.boot == here.boot:
            return "here" if is_same or self.processes == here.processes != "" else "elsewhere"
        return "before the last start" if is_same else "elsewhere"


def this_machine() -> Machine:
    """Return the machine that this process runs on."""
    boot, processes, machine = _lasting()
    return Machine(host=socket.gethostname(), boot=boot, processes=processes, machine=machine)


@lru_cache
def _lasting() -> tuple[str, str, str]:
    """Return (boot, processes, machine), which stay as they are while this process lives."""
    if sys.platform != "linux":
        return "", "", _hash_of(_network_card())
    try:
        boot, processes = _BOOT_ID.read_text().strip(), os.readlink(_PROCESSES)
    except OSError:  # /proc is hidden from us: the host's name is left
        return "", "", ""
    return boot, processes, _machine_id() if processes == _ALL_PROCESSES else ""


def _machine_id() -> str:
    """Return what tells this installation from its clones: the system's id, and a network card's address.

    The id itself is nobody else's business (man machine-id), so a hash is told.
    """
    try:
        known = _MACHINE_ID.read_text().strip()
    except OSError:
        known = ""
    card = _network_card()
    return _hash_of(known + card) if known and card else ""


def _network_card() -> str:
    address = uuid.getnode()
    return "" if address & _IS_RANDOM else f"{address:012x}"


def _hash_of(known: str) -> str:
    return hashlib.sha256(f"domainstudio {known}".encode()).hexdigest()[:16] if known else ""
