"""systemd-logind on a bus of the test's own: writes what it is asked into the file it is given."""

import os
import select
import sys
from pathlib import Path

from jeepney import FileDescriptor, HeaderFields, message_bus, new_method_return
from jeepney.io.blocking import open_dbus_connection


def main(file: Path) -> None:
    """Hand out one descriptor a call, and say when its holder has closed it."""
    held: list[int] = []
    with open_dbus_connection("SYSTEM", enable_fds=True) as connection:
        connection.send_and_get_reply(message_bus.RequestName("org.freedesktop.login1"))
        note(file, "ready")
        while True:
            readable, _, _ = select.select([connection.sock, *held], [], [], 0.05)
            for descriptor in [one for one in readable if one in held]:
                held.remove(descriptor)
                os.close(descriptor)
                note(file, "released")
            if connection.sock not in readable:
                continue
            message = connection.receive(timeout=1)
            if message.header.fields.get(HeaderFields.member) == "Inhibit":
                what, who, why, mode = message.body
                note(file, f"{what} {mode} {who}: {why}")
                mine, theirs = os.pipe()
                held.append(mine)
                answer = FileDescriptor(theirs)
                connection.send(new_method_return(message, "h", (answer,)))
                answer.close()


def note(file: Path, line: str) -> None:
    """Append a line."""
    with file.open("a", encoding="utf-8") as target:
        target.write(line + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
