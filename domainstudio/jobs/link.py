"""connection.json: what is known of a job that runs on another machine, and how well it is heard of."""

import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domainstudio.paths import read_small, write_atomically
from domainstudio.problems import Problem

LINK = "connection.json"
SILENT_SECONDS = 8.0
"""A carrier that has heard nothing for so long says so; the machine itself speaks every two seconds."""

Status = Literal["created", "running", "done", "stopped", "failed", "interrupted", "unknown"]
"""Of a job."""
Phase = Literal["sending", "starting", "live", "fetching", "reconnecting", "refused", "over"]


class Device(BaseModel):
    """What a GPU there does; None is not told."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    memory_used: int | None = None
    """Bytes."""
    memory_total: int | None = None
    utilisation: float | None = None
    """Per cent."""
    temperature: float | None = None
    """Degrees Celsius."""


class Standing(BaseModel):
    """What a machine tells of a job every few seconds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Status
    over: bool
    """Whether all is told."""
    devices: list[dict[str, str]] = []
    """By the names of nvidia-smi's fields."""


class Node(BaseModel):
    """What is known of a machine that trains a run together with its first."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    machine: str
    status: Status = "created"
    """Of its part of the job, as it told last."""
    last_seen: float | None = None
    """Unix seconds, by the clock here."""
    problem: str = ""
    """Code of why it is not heard of."""
    params: dict[str, str] = Field(default_factory=dict)
    last_line: str = ""
    """The end of what its part of the job has printed."""

    @property
    def trouble(self) -> Problem | None:
        """Why it is not heard of, None if it is."""
        return Problem(self.problem, None, self.params) if self.problem else None

    @property
    def silence(self) -> float:
        """Seconds since it was heard of, 0 if it never was."""
        return 0.0 if self.last_seen is None else max(0.0, time.time() - self.last_seen)


class Link(BaseModel):
    """Written by the carrier, read by everybody."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    machine: str
    """The first, if the job has several: what it tells and makes is there."""
    phase: Phase
    at: str = ""
    """Which of the others the phase, or the problem, is about; empty for the first."""
    nodes: tuple[Node, ...] = ()
    """The others."""
    written: float
    """Unix seconds, here."""
    last_seen: float | None = None
    """When the machine was heard of last, by the clock here."""
    status: Status = "created"
    """Of the job, as the machine told last."""
    done: int = 0
    total: int = 0
    """Bytes sent or fetched, and to be."""
    problem: str = ""
    """Code of why it is not connected."""
    params: dict[str, str] = Field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    """Of all machines."""

    @property
    def place(self) -> str:
        """The names of all machines, the first first."""
        return ", ".join([self.machine, *(node.machine for node in self.nodes)])

    def refused(self, problem: Problem) -> "Link":
        """Return that a person must mend something before the machine is heard of again."""
        params = {name: str(value) for name, value in problem.params.items()}
        changes = {"phase": "refused", "written": time.time(), "problem": problem.code, "params": params}
        return self.model_copy(update=changes)

    @property
    def trouble(self) -> Problem | None:
        """Why it is not connected, None if it is."""
        return Problem(self.problem, None, self.params) if self.problem else None

    @property
    def silence(self) -> float | None:
        """Seconds since the machine was heard of, None if it never was."""
        return None if self.last_seen is None else max(0.0, time.time() - self.last_seen)

    @property
    def is_heard(self) -> bool:
        """Whether nothing stands between this machine and that one, as far as is known."""
        return self.standing not in ("reconnecting", "refused")

    @property
    def standing(self) -> Phase:
        """The phase by now: silence ends what was live; where nothing began nothing is reconnected to."""
        if self.phase == "live" and (self.silence or 0.0) > SILENT_SECONDS:
            return "reconnecting"
        return "refused" if self.phase == "reconnecting" and self.is_awaited else self.phase

    @property
    def is_awaited(self) -> bool:
        """Whether a machine is still to tell of the attempt that was asked for."""
        return self.last_seen is None or self.status == "created"


def read_link(folder: Path) -> Link | None:
    """Return what is known of a job on another machine; None of one that is not, or if it is damaged."""
    try:
        return Link.model_validate_json(read_small(folder / LINK))
    except (FileNotFoundError, ValidationError):
        return None


def write_link(folder: Path, link: Link) -> None:
    """Replace what is known."""
    write_atomically(folder / LINK, link.model_dump_json().encode())
