"""Kills of everything but training: `.venv/bin/python tests/faults/kills.py --kills 100 --seed 1`.

First each operation dies at every point at which it writes (see write_points): the command, its job's
process, or both, by a kill or by a power cut that takes what was not synced. Then real processes are killed
at random moments, while the project is read. After each death the project is looked at, the operation is gone
on with as its message says (`runs resume`) or begun anew, and the whole project is compared bit for bit with
one that was left alone.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.kill_trials import Campaign, Death, Reference, Tally, Victim, Way, adopt_orphans
from faults.kill_world import OPERATIONS
from faults.random_kills import REAL_OPERATIONS, RealCampaign
from faults.write_points import Manner

Row = tuple[str, Tally]


def deaths_of(reference: Reference, most: int, drawn: random.Random) -> list[Death]:
    """Return a death at every point of command and job, or `most` of them; the rest of each is drawn."""
    in_job = reference.job_points
    points: dict[Victim, int] = {"command": reference.command_points, "job": in_job, "both": in_job}
    deaths = [
        Death(victim, at, drawn.choice(get_args(Manner)), drawn.choice(get_args(Way)))
        for victim, count in points.items()
        for at in range(count)
    ]
    return drawn.sample(deaths, min(most or len(deaths), len(deaths)))


def by_point(root: Path, most: int, only: list[str], drawn: random.Random) -> list[Row]:
    """Kill forked processes at their writing points."""
    campaign, rows = Campaign(root), list[Row]()
    for operation in OPERATIONS:
        if not only or operation.name in only:
            tally = Tally()
            for death in deaths_of(campaign.reference(operation), most, drawn):
                campaign.trial(operation, death, tally)
            rows.append((operation.name, tally))
            print(_line((operation.name, tally.deaths, *tally.broken)), file=sys.stderr, flush=True)
    return rows


def by_chance(root: Path, kills: int, only: list[str], drawn: random.Random) -> list[Row]:
    """Kill real processes at moments drawn over the time that they take."""
    campaign = RealCampaign(root)
    chosen = [one for one in REAL_OPERATIONS if not only or one.name in only]
    tallies = {one.name: Tally() for one in chosen}
    number = 0
    while sum(tally.deaths for tally in tallies.values()) < kills:
        operation = chosen[number % len(chosen)]
        number += campaign.kill_at_random(operation, drawn, tallies[operation.name])
        print(_line((operation.name, *tallies[operation.name].broken)), file=sys.stderr, flush=True)
    return list(tallies.items())


def table(rows: Iterable[Row]) -> str:
    """Return the result as a table."""
    heads = ("operation", "deaths", "before", "after", "whole", "resumed", "anew", "identical")
    lines, sums = [_line(heads)], [0] * 7
    for name, tally in rows:
        same = tally.deaths - len(tally.broken)
        ways = (tally.nothing_to_do, tally.resumed, tally.anew)
        row = (tally.deaths, tally.before, tally.after, *ways, same)
        sums = [a + b for a, b in zip(sums, row, strict=True)]
        lines.append(_line((name, *row)))
    return "\n".join([*lines, _line(("all", *sums))])


def _line(cells: tuple[object, ...]) -> str:
    return f"{cells[0]:18}" + "".join(f"{cell!s:>11}" for cell in cells[1:])


def main() -> int:
    """Run the campaign and print what came of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=100, help="of real processes, at random moments")
    options.add_argument("--points", type=int, help="of each operation (all; 0: none)")
    options.add_argument("--only", default="", help="names of operations, with commas")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    os.environ |= {"DOMAINSTUDIO_LANGUAGE": "en", "OMP_NUM_THREADS": "1"}
    adopt_orphans()
    root, drawn = Path(tempfile.mkdtemp(prefix="kills-")), random.Random(given.seed)
    try:
        only = [name for name in given.only.split(",") if name]
        pointed = by_point(root / "points", given.points or 0, only, drawn) if given.points != 0 else []
        chanced = by_chance(root / "chance", given.kills, only, drawn) if given.kills else []
    finally:
        shutil.rmtree(root)
    for title, rows in (("At the points where something is written", pointed), ("At random", chanced)):
        if rows:
            print(f"{title}:\n{table(rows)}\n")
    broken = [finding for _name, tally in (*pointed, *chanced) for finding in tally.broken]
    print("\n".join(broken) if broken else "Nothing was found broken.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
