"""What ssh says when it fails, as a problem that a person can mend."""

import re

from domainstudio.machines.machine import Machine
from domainstudio.problems import Problem

_SHOWN_CHARACTERS = 300


def trouble(machine: Machine, stderr: bytes) -> Problem:
    """Return why ssh did not reach a machine, or lost it, from what it wrote (never translated)."""
    said = stderr.decode("utf-8", "replace")
    name, destination = machine.name, machine.destination
    if re.search(r"IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|key for .* has changed", said):
        where = _where(said)
        params = {"name": name, "destination": destination, "where": where or "known_hosts"}
        return Problem("machine.changed_key", "destination", params)
    if re.search(r"host key is known for|Host key verification failed", said):
        return Problem("machine.unknown_key", "destination", {"name": name, "destination": destination})
    reason = _reason(said)
    if "Could not resolve hostname" in said:
        return Problem("machine.not_found", "destination", {"name": name, "destination": destination})
    if re.search(r"Permission denied|Too many authentication failures", said):
        return Problem("machine.no_access", "destination", {"name": name, "destination": destination})
    if "Connection refused" in said:
        return Problem("machine.refused", "destination", {"name": name, "destination": destination})
    if re.search(r"Connection timed out|Operation timed out|No route to host|Network is unreachable", said):
        params = {"name": name, "destination": destination, "reason": reason}
        return Problem("machine.unreachable", "destination", params)
    if re.search(r"Bad configuration option|bad configuration options|Can't open user config file", said):
        return Problem("machine.bad_configuration", "ssh_config", {"name": name, "reason": reason})
    return Problem("machine.lost", None, {"name": name, "reason": reason})


def _where(said: str) -> str:
    """Return FILE:LINE of the key that is known, empty if ssh did not say it."""
    found = re.search(r"key in (.+):(\d+)", said)
    return f"{found[1]}:{found[2]}" if found else ""


def _reason(said: str) -> str:
    """Return the last line that ssh wrote."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][-_SHOWN_CHARACTERS:] if lines else "-"
