"""Runs on other machines: started there, resumed, ended, and followed again by whatever window is opened."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.jobs.link import Link, read_link, write_link
from domainstudio.jobs.worker import attempts_in
from domainstudio.language import translate as _
from domainstudio.machines import store
from domainstudio.machines.assignment import Assignment, Fetch, read_assignment, write_assignment
from domainstudio.machines.errand import Errand
from domainstudio.machines.inputs import name_there
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


def launcher(project: Project, machine: str) -> Callable[[JobFolder], None]:
    """Return what starts a job of a project on a machine."""
    return lambda folder: launch(folder, machine, key_there(project))


def launch(folder: JobFolder, machine: str, key: str, fetch: Fetch = "model") -> None:
    """Have a job that was just created sent to a machine and started there.

    Raises:
        UserError: there is no machine of this name.
    """
    store.machine(machine)
    write_assignment(folder.path, Assignment(machine=machine, project=key, fetch=fetch))
    write_link(folder.path, Link(machine=machine, phase="starting", written=time.time()))
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
    write_assignment(folder.path, assignment.model_copy(update={"is_asked": True, "attempts": known}))
    link = read_link(folder.path)
    if link is not None:
        write_link(folder.path, link.model_copy(update={"phase": "starting", "problem": ""}))
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
    """End a job's processes on its machine by force, once a person agreed.

    Raises:
        UserError: the machine is not reached.
    """
    assignment = read_assignment(folder.path)
    if assignment is not None:
        Errand(folder, Connection(store.machine(assignment.machine))).kill()


def machine_of(folder: Path) -> str:
    """Return the name of the machine that a job runs on, empty for this one."""
    assignment = read_assignment(folder)
    return assignment.machine if assignment else ""


def fetch(folder: JobFolder, what: Fetch, tell: Callable[[int, int], None]) -> None:
    """Bring what a job has made so far, or in the end: the model of its result, or all of its checkpoints.

    Raises:
        UserError: the job runs here, its machine is not reached, or there is no room here.
    """
    assignment = read_assignment(folder.path)
    if assignment is None:
        raise UserError(Problem("machine.not_assigned", None, {"job": folder.job_id}))
    errand = Errand(folder, Connection(store.machine(assignment.machine)))
    errand.fetch(assignment.model_copy(update={"fetch": what}), tell)


def link_words(link: Link) -> str:
    """Return how a job on another machine is heard of: silence is never told as its end."""
    words = {
        "sending": _("sending to {machine}: {done} of {total}"),
        "starting": _("starting on {machine}"),
        "live": _("live on {machine}"),
        "reconnecting": _("reconnecting to {machine}, last seen {ago} ago: the run goes on there"),
        "refused": _("not connected to {machine}: {why}"),
        "fetching": _("fetching from {machine}: {done} of {total}"),
        "over": _("ran on {machine}"),
    }
    return words[link.standing].format(
        machine=link.machine,
        done=format_size(link.done),
        total=format_size(link.total),
        ago=format_duration(link.silence or 0.0),
        why=trouble_words(link) or "-",
    )


def trouble_words(link: Link) -> str:
    """Return why a machine is not heard of, empty if that is not known."""
    return sentence(link.trouble) if link.trouble else ""
