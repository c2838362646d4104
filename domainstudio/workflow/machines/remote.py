"""Runs on other machines: started there, resumed, ended, and followed again by whatever window is opened."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.link import Link, Node, read_link, write_link
from domainstudio.jobs.worker import attempts_in
from domainstudio.language import translate as _
from domainstudio.machines import store
from domainstudio.machines.assignment import (
    Assignment,
    Fetch,
    assignment_of,
    read_assignment,
    write_assignment,
)
from domainstudio.machines.errand import Errand
from domainstudio.machines.inputs import name_there
from domainstudio.machines.nodes import Nodes
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, UserError, sentence
from domainstudio.project.project import Project
from domainstudio.units import format_duration, format_size

_PROGRAM = "domainstudio.machines"


def machine_names() -> list[str]:
    """Return the names of the person's machines, none if their list cannot be read: its own pane says why."""
    try:
        return [one.name for one in store.machines()]
    except UserError:
        return []


def key_there(project: Project) -> str:
    """Return what a project's folder is called on every machine; one that is made anew here is another."""
    return name_there(project.path, project.made)


def names_in(machines: str) -> tuple[str, ...]:
    """Return the machines' names in `A` or `A,B`, as a person gives them.

    Raises:
        UserError: there is no machine of a name, or one is named twice.
    """
    names = tuple(name.strip() for name in machines.split(","))
    for name in names:
        store.machine(name)
        if names.count(name) > 1:
            raise UserError(Problem("machine.named_twice", "machine", {"name": name}))
    return names


def shared(machines: str, processes: int) -> tuple[str, ...]:
    """Return the names of the machines that share out the processes of a run.

    Raises:
        UserError: as `names_in`, or the processes are no multiple of their number.
    """
    names = names_in(machines)
    if processes % len(names):
        params = {"processes": processes, "nodes": len(names)}
        raise UserError(Problem("launch.uneven", "processes", params))
    return names


def launcher(project: Project, machines: str, processes: int) -> Callable[[JobFolder], None]:
    """Return what starts a job of a project on machines, `A` or `A,B`; errors as in `shared`."""
    names = shared(machines, processes)
    return lambda folder: launch(folder, names, key_there(project))


def launch(folder: JobFolder, machines: Sequence[str], key: str, fetch: Fetch = "model") -> None:
    """Have a job that was just created sent to machines and started there, the first of which tells of it."""
    first, *others = machines
    assignment = Assignment(machine=first, others=tuple(others), project=key, fetch=fetch)
    write_assignment(folder.path, assignment)
    nodes = tuple(Node(machine=name) for name in others)
    write_link(folder.path, Link(machine=first, nodes=nodes, phase="starting", written=time.time()))
    carry(folder)


def carry(folder: JobFolder) -> None:
    """Start the process that carries a job, in a session of its own: it outlives this one."""
    with (folder.path / "carrier.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", _PROGRAM, str(folder.path.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=os.path.abspath(os.sep),
            start_new_session=True,
        )
    with suppress(ProcessLookupError, FileNotFoundError):  # it has ended already
        folder.record_carrier(process.pid)
    threading.Thread(target=process.wait, name=f"reaper of {folder.job_id}'s carrier", daemon=True).start()


def is_remote(folder: JobFolder) -> bool:
    """Return whether a job runs on another machine."""
    return read_assignment(folder.path) is not None


def resume_there(folder: JobFolder) -> None:
    """Have a job that stopped, failed or was interrupted started again where it ran."""
    assignment = read_assignment(folder.path)
    if assignment is None:
        raise ValueError("the job runs here")
    folder.clear_request()
    known = attempts_in(folder.events_file)
    asked = {"is_asked": True, "is_begun": False, "attempts": known}
    write_assignment(folder.path, assignment.model_copy(update=asked))
    link = read_link(folder.path)
    if link is not None:
        awaited = {"phase": "starting", "status": "created", "problem": "", "at": ""}
        write_link(folder.path, link.model_copy(update=awaited))
    carry(folder)


def follow_again(project: Project, *, also_refused: bool = True) -> list[str]:
    """Have every job on another machine carried that is not over, unless it is; return their names.

    Args:
        project: of the jobs.
        also_refused: those too that a person had to mend something for: it may be mended by now.
    """
    begun = []
    for folder in list_jobs(project.jobs):
        assignment, link = read_assignment(folder.path), read_link(folder.path)
        is_over = link is not None and link.phase == "over"
        is_refused = link is not None and link.phase == "refused"
        if assignment is None or folder.is_carried() or (is_over and not assignment.is_asked):
            continue
        if is_refused and not also_refused:
            continue
        carry(folder)
        begun.append(folder.job_id)
    return begun


def kill_there(folder: JobFolder) -> None:
    """End a job's processes on its machines by force, once a person agreed.

    Raises:
        UserError: a machine is not reached; on the others they are ended.
    """
    assignment = assignment_of(folder.path)
    Nodes(folder, [store.machine(name) for name in assignment.machines]).kill()


def discard_there(folder: JobFolder) -> None:
    """Remove a job that is over from its machines, with all that it made there.

    Raises:
        UserError: a machine is not reached; from the others it is gone.
    """
    assignment = assignment_of(folder.path)
    Nodes(folder, [store.machine(name) for name in assignment.machines]).discard()


def machine_of(folder: Path) -> str:
    """Return the machines that a job runs on as `A` or `A,B`, empty for this one."""
    assignment = read_assignment(folder)
    return ",".join(assignment.machines) if assignment else ""


def fetch(folder: JobFolder, what: Fetch, tell: Callable[[int, int], None]) -> None:
    """Bring what a job has made so far, or in the end: the model of its result, or all of its checkpoints.

    Raises:
        UserError: the job runs here, its machine is not reached, or there is no room here.
    """
    assignment = assignment_of(folder.path)
    errand = Errand(folder, Connection(store.machine(assignment.machine)))
    errand.fetch(assignment.model_copy(update={"fetch": what}), tell)


def link_words(link: Link) -> str:
    """Return how a job on other machines is heard of: silence is never told as its end."""
    words = {
        "sending": _("sending to {machine}: {done} of {total}"),
        "starting": _("starting on {place}"),
        "live": _("live on {place}"),
        "reconnecting": _("reconnecting to {machine}, last seen {ago} ago: the run goes on there"),
        "refused": _("not connected to {machine}: {why}"),
        "fetching": _("fetching from {machine}: {done} of {total}"),
        "over": _("ran on {place}"),
    }
    said = words[link.standing]
    if link.standing == "reconnecting" and link.status in ("done", "stopped", "failed", "interrupted"):
        said = _("reconnecting to {machine}, where what is left of the run is ended")
    told = said.format(
        machine=link.at or link.machine,
        place=link.place,
        done=format_size(link.done),
        total=format_size(link.total),
        ago=format_duration(link.silence or 0.0),
        why=trouble_words(link) or "-",
    )
    return "; ".join([told, *_node_words(link)])


def _node_words(link: Link) -> Iterator[str]:
    """Yield what is to be said of machines that train the run together with the first."""
    for node in link.nodes if link.standing == "live" else ():
        if node.status in ("failed", "interrupted"):
            words = _("{machine} has ended its part: {line}")
            yield words.format(machine=node.machine, line=node.last_line or "-")
        elif node.trouble is not None and node.last_seen is not None:
            words = _("{machine} was last seen {ago} ago: the run goes on")
            yield words.format(machine=node.machine, ago=format_duration(node.silence))
    if link.standing == "over" and link.trouble is not None:
        yield trouble_words(link)
    for node in link.nodes if link.standing == "over" else ():
        if node.status == "failed":
            words = _("the last that {machine} printed: {line}")
            yield words.format(machine=node.machine, line=node.last_line or "-")


def trouble_words(link: Link) -> str:
    """Return why a machine is not heard of, empty if that is not known."""
    return sentence(link.trouble) if link.trouble else ""
