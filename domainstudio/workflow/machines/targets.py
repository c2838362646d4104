"""What the machines that a run shall be trained on have: as they said when they were asked last."""

from domainstudio.machines import store
from domainstudio.machines.machine import Machine
from domainstudio.machines.probe import Probe, last_probe, probe
from domainstudio.machines.ssh import Connection
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.hardware import CPU, Hardware, of_listing
from domainstudio.workflow.machines.remote import names_in


def hardware_there(machines: str, *, asking: bool = False) -> Hardware:
    """Return the hardware of machines, `A` or `A,B`; of several as much of each as the least of them has.

    Args:
        machines: names of the person's machines with commas between.
        asking: ask a machine now that was never asked.

    Raises:
        UserError: there is no machine of a name, or it was never asked what it has, or cannot be.
    """
    found = [_hardware(_told(store.machine(name), asking=asking)) for name in names_in(machines)]
    least = min(found, key=lambda one: (not one.is_cpu, one.memory_bytes))
    devices = min(one.devices for one in found)
    return Hardware(least.name, least.memory_bytes, devices, len(found), is_here=True)


def _told(machine: Machine, *, asking: bool) -> Probe:
    found = last_probe(machine)
    if found is None and asking:
        found = probe(Connection(machine))
    if found is None:
        raise UserError(Problem("machine.not_asked", "machine", {"name": machine.name}))
    return found


def _hardware(found: Probe) -> Hardware:
    """Return the GPUs of a machine, else its processor."""
    lines = [f"{gpu.name}, {gpu.memory_bytes >> 20}" for gpu in found.gpus if gpu.memory_bytes is not None]
    gpus = of_listing("\n".join(lines))
    return gpus or Hardware(CPU, found.memory_bytes or 0)
