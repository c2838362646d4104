"""A run that a person starts by hand: prepared here, and how it is sent, started and fetched as text."""

from domainstudio.jobs.folder import JobFolder
from domainstudio.machines import by_hand, store
from domainstudio.machines.by_hand import HandRun, Kind
from domainstudio.machines.inputs import prepared
from domainstudio.machines.machine import Machine
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.workflow.machines.remote import key_there, shared
from domainstudio.workflow.training.starting import run_spec


def script(project: Project, run: str, kind: Kind, machines: str, nodes: int = 1) -> str:
    """Return what starts a run by hand.

    Args:
        project: of the run.
        run: one that is not running, such as `train prepare` makes.
        kind: commands to type here, a hostfile for DeepSpeed, or a batch script for Slurm.
        machines: names of the person's machines with commas between; for Slurm the one to log in to.
        nodes: how many nodes Slurm shall give.

    Raises:
        UserError: there is no such run or machine, the run goes on, or its processes cannot be shared out.
    """
    run_spec(project, run)
    folder = project.job(run)
    if folder.status() in ("running", "unknown"):
        raise UserError(Problem("run.still_running", "run", {"run": run}))
    names = shared(machines, folder.spec().processes)
    listed = [store.machine(name) for name in names]
    hand = _hand_run(project, folder)
    if kind == "sbatch":
        if len(listed) > 1:
            raise UserError(Problem("machine.one_to_log_in", "on", {}))
        return by_hand.sbatch(hand, listed[0], nodes)
    reached = [(machine, _address(machine)) for machine in listed]
    return by_hand.commands(hand, reached) if kind == "commands" else by_hand.hostfile(hand, reached)


def _hand_run(project: Project, folder: JobFolder) -> HandRun:
    spec_file, inputs = prepared(folder)
    return HandRun(folder.path.resolve(), folder.spec(), spec_file.resolve(), inputs, key_there(project))


def _address(machine: Machine) -> str:
    return machine.address or Connection(machine).host_name()
