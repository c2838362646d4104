"""A machine by ssh: what it is called here, and what the system's ssh needs to reach it."""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_DESTINATION = re.compile(r"(?:\w[\w.+@-]{0,200}@)?(?:\w[\w.-]{0,200}|[0-9A-Fa-f:]{2,45}(?:%\w{1,16})?)")
_ADDRESS = re.compile(r"\w[\w.-]{0,200}|[0-9A-Fa-f:]{2,45}")
_FOLDER = re.compile(r"/?[\w.][\w.-]{0,100}(?:/[\w.][\w.-]{0,100}){0,15}")


class Machine(BaseModel):
    """A machine of this person; kept with the person's settings, never in a project that others may send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """What it is called here: small letters, digits and hyphens."""
    destination: str
    """`[user@]host`, or an alias of the person's ssh configuration, where port, key and jump host belong."""
    folder: str = ".domainstudio"
    """Where this program's files lie there: relative to the home folder, or absolute."""
    ssh_config: str = ""
    """Absolute path of another ssh configuration here than the person's own; empty for that."""
    address: str = ""
    """Where other machines of the same run reach it, name or number; empty for the HostName that ssh uses."""

    @field_validator("name")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("small letters, digits and hyphens, such as gpu-1")
        return value

    @field_validator("destination")
    @classmethod
    def _check_destination(cls, value: str) -> str:
        """Refuse what ssh could take for an option, or what a ProxyCommand could hand to a shell."""
        if not _DESTINATION.fullmatch(value):
            raise ValueError("user@host or a Host of the ssh configuration, where a port belongs too")
        return value

    @field_validator("folder")
    @classmethod
    def _check_folder(cls, value: str) -> str:
        if not _FOLDER.fullmatch(value) or {".", ".."} & set(value.split("/")):
            raise ValueError("a path of letters, digits, dots, hyphens and underscores")
        return value

    @field_validator("address")
    @classmethod
    def _check_address(cls, value: str) -> str:
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("a host's name or its IP address, without a port")
        return value

    @field_validator("ssh_config")
    @classmethod
    def _check_ssh_config(cls, value: str) -> str:
        if value and (not Path(value).is_absolute() or not value.isprintable()):
            raise ValueError("the absolute path of an ssh configuration")
        return value
