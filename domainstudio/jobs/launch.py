"""launch.json of a job folder: on how many processes and nodes the coming attempts of a run are started.

What a run computes is in its spec, which never changes; this says where, and each node has its own.
"""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from domainstudio.jobs.spec import JobSpec, parse_model
from domainstudio.paths import read_small, write_atomically
from domainstudio.problems import Problem, UserError

LAUNCH = "launch.json"
_ADDRESS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:_-]{0,251}[A-Za-z0-9])?")
"""A host name or an IP address: no option, no space, nothing that a shell would read."""


class Launch(BaseModel):
    """Where this node stands among those of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    processes: int | None = Field(default=None, ge=1, le=4096)
    """Ranks on all nodes together; None takes as many as the spec says."""
    nodes: int = Field(default=1, ge=1, le=512)
    node: int = Field(default=0, ge=0)
    """The number of this node; node 0 hears requests and tells what the run does."""
    address: str = Field(default="", max_length=253)
    """Of node 0, where the ranks of several nodes meet: it listens there and nowhere else."""
    port: int = Field(default=0, ge=0, le=65535)

    @field_validator("address")
    @classmethod
    def _is_plain(cls, address: str) -> str:
        if address and not _ADDRESS.fullmatch(address):
            raise ValueError("an address is a host name or an IP address")
        return address

    @model_validator(mode="after")
    def _agrees(self) -> "Launch":
        if self.node >= self.nodes:
            raise ValueError("nodes are numbered from 0")
        if self.nodes > 1 and not (self.address and self.port):
            raise ValueError("several nodes need the address and the port of node 0")
        if self.processes is not None and self.processes % self.nodes:
            raise ValueError("every node has as many processes")
        return self

    def ranks(self, spec: JobSpec) -> int:
        """Return how many ranks the run has on all nodes together."""
        return self.processes or spec.processes

    def ranks_here(self, spec: JobSpec) -> int:
        """Return how many ranks this node has.

        Raises:
            UserError: the ranks that the spec asks for are no multiple of the nodes.
        """
        ranks = self.ranks(spec)
        if ranks % self.nodes:
            params = {"processes": ranks, "nodes": self.nodes}
            raise UserError(Problem("launch.uneven", "processes", params))
        return ranks // self.nodes


def read_launch(job: Path) -> Launch:
    """Return how a job folder's attempts are started: on one node, as its spec says, if nothing else is said.

    Raises:
        UserError: the file is damaged.
    """
    file = job / LAUNCH
    try:
        return parse_model(Launch, read_small(file), str(file))
    except FileNotFoundError:
        return Launch()


def write_launch(job: Path, launch: Launch) -> None:
    """Let the coming attempts of a job be started like that."""
    write_atomically(job / LAUNCH, launch.model_dump_json().encode())
