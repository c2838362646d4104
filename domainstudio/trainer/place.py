"""Where a rank stands among those of its run: torchrun knows one node, launch.json says which of how many."""

import os
from dataclasses import dataclass

from domainstudio.jobs.launch import Launch
from domainstudio.jobs.spec import JobSpec


@dataclass(frozen=True)
class Place:
    """A rank among all, and how its run is started."""

    launch: Launch
    rank: int
    ranks: int

    @property
    def is_alone(self) -> bool:
        """Whether the run is on one node, so that nothing of it listens to other machines."""
        return self.launch.nodes == 1


def take_place(spec: JobSpec, launch: Launch) -> Place:
    """Return the place of this rank, and tell it to torch and DeepSpeed where torchrun would.

    Raises:
        UserError: the nodes cannot share the ranks.
    """
    here = launch.ranks_here(spec)
    place = Place(launch, launch.node * here + int(os.environ["LOCAL_RANK"]), launch.ranks(spec))
    os.environ |= {
        "RANK": str(place.rank),
        "WORLD_SIZE": str(place.ranks),
        "LOCAL_WORLD_SIZE": str(here),
        "GROUP_RANK": str(launch.node),
        "GROUP_WORLD_SIZE": str(launch.nodes),
    }
    return place


def leads_node() -> bool:
    """Return whether this rank writes the files of its node, whose disk no other node sees."""
    return os.environ["LOCAL_RANK"] == "0"


def is_first_node() -> bool:
    """Return whether this rank is on the node that tells of the run and has all that it makes."""
    return int(os.environ["RANK"]) < int(os.environ.get("LOCAL_WORLD_SIZE", os.environ["WORLD_SIZE"]))


def ranks_here() -> range:
    """Return the ranks of this node."""
    first = int(os.environ["RANK"]) - int(os.environ["LOCAL_RANK"])
    return range(first, first + int(os.environ["LOCAL_WORLD_SIZE"]))
