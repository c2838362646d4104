"""Unknown host keys, shown and asked: the key that a person accepted is the only one that ssh will add.

ssh asks by a program of ours (SSH_ASKPASS) that writes its question down. It answers only the question
whether to go on connecting, and only with a fingerprint that was accepted before, which OpenSSH compares with
the key itself; it answers nothing to a question for a password or a passphrase.
"""

import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domainstudio.language import one_line
from domainstudio.machines.capture import Finished, TooMuchOutput, TooSlow, run
from domainstudio.machines.machine import Machine
from domainstudio.machines.ssh import CONNECT_SECONDS, Connection, as_options, environment, program
from domainstudio.machines.ssh_words import trouble
from domainstudio.problems import Problem, UserError

_ASKED, _ACCEPTED = "DOMAINSTUDIO_HOST_KEYS_ASKED", "DOMAINSTUDIO_HOST_KEYS_ACCEPTED"
_ASKPASS = f"""#!/bin/sh
case "$1" in
*'continue connecting'*) ;;
*) exit 1 ;;
esac
printf '%s\\036' "$1" >> "${_ASKED}"
for fingerprint in ${_ACCEPTED}; do
    case "$1" in
    *" $fingerprint"*) printf '%s\\n' "$fingerprint"; exit 0 ;;
    esac
done
echo no
"""
_ASKING = (
    "BatchMode=no",
    "StrictHostKeyChecking=ask",
    "FingerprintHash=sha256",
    "NumberOfPasswordPrompts=0",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "ControlMaster=no",
    "ControlPath=none",
)
_END = "\036"
"""What our program writes after each question."""
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_QUESTION = re.compile(
    r"The authenticity of host '(?P<host>[^']+)' can't be established"
    r".*?(?P<kind>\S+) key fingerprint is:? (?P<fingerprint>" + _FINGERPRINT.pattern + ")",
    re.DOTALL,
)
_SECONDS = 4 * CONNECT_SECONDS


@dataclass(frozen=True)
class HostKey:
    """A host key that ssh does not know yet: of the machine itself, or of a jump host on the way."""

    host: str
    """As ssh writes it: name or [name]:port, with the address."""
    kind: str
    """Such as ED25519."""
    fingerprint: str
    """SHA256:…, to be compared with what who runs the machine says."""


def unknown_key(machine: Machine, accepted: Sequence[str] = ()) -> HostKey | None:
    """Return the first key on the way to a machine that is neither known nor accepted; None if there is none.

    Keys of the `accepted` fingerprints are added to the person's known hosts, by ssh itself.

    Raises:
        UserError: the machine cannot be reached for another reason, such as a key that changed.
    """
    if sys.platform == "win32":  # nothing there that ssh could ask by
        Connection(machine).run(["true"])
        return None
    with tempfile.TemporaryDirectory(prefix="domainstudio-") as folder:
        finished, questions = _connect(machine, accepted, Path(folder))
    for found in map(_QUESTION.search, questions):
        if found is not None and found["fingerprint"] not in accepted:
            return HostKey(one_line(found["host"]), found["kind"], found["fingerprint"])
    if finished.code == 255:
        raise UserError(trouble(machine, finished.stderr))
    return None


def _connect(machine: Machine, accepted: Sequence[str], folder: Path) -> tuple[Finished, list[str]]:
    """Connect once; return how ssh ended, and what it asked."""
    askpass, asked = folder / "askpass", folder / "asked"
    asked.touch()
    askpass.write_text(_ASKPASS)
    askpass.chmod(0o700)
    variables = {
        "DISPLAY": ":0",  # ssh before 8.4 asks by a program only where there is one
        **environment(),
        "SSH_ASKPASS": str(askpass),
        "SSH_ASKPASS_REQUIRE": "force",
        _ASKED: str(asked),
        _ACCEPTED: " ".join(filter(_FINGERPRINT.fullmatch, accepted)),
    }
    options = [*as_options(_ASKING), *Connection(machine).options()]
    command = [program("ssh"), *options, "--", machine.destination, "true"]
    try:
        finished = run(command, environment=variables, seconds=_SECONDS)
    except TooSlow:
        params = {"name": machine.name, "seconds": _SECONDS}
        raise UserError(Problem("machine.too_slow", None, params)) from None
    except TooMuchOutput:
        raise UserError(Problem("machine.too_much", None, {"name": machine.name})) from None
    return finished, asked.read_text(errors="replace").split(_END)
