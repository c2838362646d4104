"""A machine to reach by ssh: a real sshd on a loopback address with keys, home folder and programs.

`remote_machines` yields as many as are asked for; each has an address of its own and shares nothing with
the others. What lies in `bin` comes first on the remote PATH; `home` is what the remote side has for a home.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from every_process import sitecustomize as guard
from support import wait_until

from domainstudio.machines.machine import Machine
from domainstudio.machines.ssh import Connection

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
_WRAPPER = """#!/bin/sh
export HOME='{home}' PATH='{bin}':"$PATH" PYTHONPATH='{guard}' {log_name}='{log}'
unset XDG_RUNTIME_DIR
cd "$HOME" && exec sh -c "$SSH_ORIGINAL_COMMAND"
"""
_SERVER = """
ListenAddress {address}:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/sshd.pid
ForceCommand {folder}/wrapper
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
MaxStartups 100
MaxSessions 50
Subsystem sftp /usr/lib/openssh/sftp-server
"""
_CLIENT = """
Host {alias}
    HostName {address}
    Port {port}
    IdentityFile {folder}/user_key
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
"""


class RemoteMachine:
    """One sshd and what belongs to it, all below `folder`."""

    def __init__(self, folder: Path, number: int, address: str = "", within: Sequence[str] = ()) -> None:
        """Make keys and configurations; `start` starts it.

        Args:
            folder: of its own.
            number: makes the name, and the address 127.0.0.NUMBER unless another is given.
            address: where it listens.
            within: a command that runs sshd where that address is, such as in a network of its own.
        """
        self.folder, self.address, self.alias = folder, address or f"127.0.0.{number}", f"node-{number}"
        self._within = within
        self.home, self.bin, self.config = folder / "home", folder / "bin", folder / "ssh_config"
        self.known_hosts = folder / "known_hosts"
        for made in (self.home, self.bin):
            made.mkdir(parents=True)
        self.new_key("host_key")
        self.new_key("user_key")
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
        (self.bin / "python3").symlink_to(os.path.realpath(sys.executable))
        self.port = 2222 if within else _free_port(self.address)
        self._write_configurations()
        self._server: subprocess.Popen[bytes] | None = None
        self.know_key()

    @property
    def machine(self) -> Machine:
        """Return it as a person has added it."""
        return Machine(name=self.alias, destination=self.alias, ssh_config=str(self.config))

    def connection(self) -> Connection:
        """Return a connection to it."""
        return Connection(self.machine)

    def new_key(self, name: str) -> None:
        """Make a key pair anew, such as `host_key`."""
        file = self.folder / name
        file.unlink(missing_ok=True)
        self.run_keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(file))

    def know_key(self) -> None:
        """Put the host key among the known ones."""
        kind, key, _ = (self.folder / "host_key.pub").read_text().split(" ", 2)
        self.known_hosts.write_text(f"[{self.address}]:{self.port} {kind} {key}\n")

    def fingerprint(self) -> str:
        """Return the fingerprint of the host key by ssh-keygen."""
        return self.run_keygen("-l", "-f", str(self.folder / "host_key.pub")).split()[1]

    def run_keygen(self, *arguments: str) -> str:
        """Run ssh-keygen and return what it says."""
        command = ["ssh-keygen", *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return done.stdout

    def program(self, name: str, source: str) -> None:
        """Put a program of shell on the remote PATH."""
        file = self.bin / name
        file.unlink(missing_ok=True)
        file.write_text(f"#!/bin/sh\n{source}\n")
        file.chmod(0o755)

    def start(self) -> None:
        """Start sshd and wait until it listens."""
        assert SSHD is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.folder / "sshd.log").open("wb") as log:
            command = [*self._within, SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
            self._server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        wait_until(self._listens, 20)

    def stop(self) -> None:
        """End sshd; sessions that it has begun go on until their connection is closed."""
        self.connection().close()
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
            self._server = None

    def _listens(self) -> bool:
        said = (self.folder / "sshd.log").read_text()
        assert self._server is not None and self._server.poll() is None, said
        return f"Server listening on {self.address} port {self.port}" in said

    def _write_configurations(self) -> None:
        words = {"folder": self.folder, "address": self.address, "port": self.port, "alias": self.alias}
        (self.folder / "sshd_config").write_text(_SERVER.format(**words))
        self.config.write_text(_CLIENT.format(**words))
        self.config.chmod(0o600)
        wrapper = self.folder / "wrapper"
        wrapper.write_text(_WRAPPER.format(
            home=self.home, bin=self.bin, guard=Path(guard.__file__).parent, log_name=guard.LOG,
            log=os.environ[guard.LOG]))  # fmt: skip
        wrapper.chmod(0o755)


@contextmanager
def remote_machines(folder: Path, count: int = 1) -> Iterator[list[RemoteMachine]]:
    """Yield running machines 127.0.0.1, 127.0.0.2, …, all gone at the end."""
    with ExitStack() as stack:
        machines = []
        for number in range(1, count + 1):
            machine = RemoteMachine(folder / f"node-{number}", number)
            machine.start()
            stack.callback(machine.stop)
            machines.append(machine)
        yield machines


def _free_port(address: str) -> int:
    with socket.socket() as found:
        found.bind((address, 0))
        return int(found.getsockname()[1])
