"""What a person types to train a run without this program: commands, a DeepSpeed hostfile, an sbatch script.

Text to be read and copied, for the shell of a person; this program itself never runs any of it.
"""

import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from domainstudio.jobs.far_side import job_of_node
from domainstudio.jobs.launch import LAUNCH, Launch
from domainstudio.jobs.process import command, meeting_place, settings_of
from domainstudio.jobs.spec import JobSpec
from domainstudio.machines.errand import PROJECTS
from domainstudio.machines.inputs import Input
from domainstudio.machines.machine import Machine
from domainstudio.machines.nodes import MEETING_PORT
from domainstudio.machines.place import ENVIRONMENT
from domainstudio.machines.ssh import configuration

Kind = Literal["commands", "hostfile", "sbatch"]
CODE = "code"
"""Below the machine's folder: this program's own code, as it is sent by hand."""
_PACKAGE = Path(__file__).resolve().parents[1]
_JOB, _PYTHON = "@JOB@", "@PYTHON@"
"""Stand in a command line for what only the shell there knows; no quotes are put around them."""
_SIGNAL_SECONDS = 600
"""How long before the end of its time a batch job is asked for a checkpoint."""


@dataclass(frozen=True)
class HandRun:
    """A run that shall be started by hand."""

    job: Path
    """Its folder here."""
    spec: JobSpec
    spec_file: Path
    """The spec as other machines read it."""
    inputs: Sequence[Input]
    key: str
    """What the project's folder is called there."""

    def job_there(self, machine: Machine, node: int = 0) -> str:
        """Return the job's folder on a machine."""
        return f"{self._project(machine)}/jobs/{job_of_node(self.spec.job_id, node)}"

    def _project(self, machine: Machine) -> str:
        return f"{machine.folder}/{PROJECTS}/{self.key}"

    def sent(self, machine: Machine, node: int = 0) -> Iterator[tuple[Path, str]]:
        """Yield what lies here and where it shall lie there; of folders what is in them."""
        yield _PACKAGE, f"{machine.folder}/{CODE}/{_PACKAGE.name}"
        for one in self.inputs:
            if one.local.exists():  # a checkpoint that only the machine has is not here
                yield one.local, f"{self._project(machine)}/{one.there}"
        yield self.spec_file, f"{self.job_there(machine, node)}/spec.json"


def commands(run: HandRun, machines: Sequence[tuple[Machine, str]]) -> str:
    """Return what to type here, one block after another, to send, start, watch and fetch a run.

    Args:
        run: what shall be trained.
        machines: each with the address under which the others reach it, the first first.
    """
    launch = Launch(nodes=len(machines), address=machines[0][1], port=MEETING_PORT)
    blocks = [
        "# Each block is typed on the computer where the project lies. The Python environment of a machine\n"
        "# is made beforehand: domainstudio machines mend NAME."
    ]
    for node, (machine, _address) in enumerate(machines):
        blocks.append("\n".join([f"# {machine.name}: send", *_sending(run, machine, node)]))
    for node, (machine, _address) in enumerate(machines):
        own = launch.model_copy(update={"node": node})
        start = _on(machine, "\n".join([*_making_ready(run, machine, own), _detached(run, machine, own)]))
        blocks.append(f"# {machine.name}: start\n{start}")
    first = machines[0][0]
    job = run.job_there(first)
    ask = f"printf '%s' '{{\"stop\":\"checkpoint\"}}' > {_there(f'{job}/request.json')}"
    blocks.append(f"# stop it with a checkpoint\n{_on(first, ask)}")
    blocks.append("\n".join(["# what it has told so far, and what it has made", *_fetching(run, first)]))
    return "\n\n".join(blocks) + "\n"


def hostfile(run: HandRun, machines: Sequence[tuple[Machine, str]]) -> str:
    """Return the hostfile of DeepSpeed for these machines; arguments as in `commands`."""
    slots = Launch(nodes=len(machines), address=machines[0][1], port=MEETING_PORT).ranks_here(run.spec)
    lines = ["# DeepSpeed's hostfile (deepspeed --hostfile FILE …); this program starts torchrun by itself."]
    return "\n".join([*lines, *(f"{address} slots={slots}" for _machine, address in machines)]) + "\n"


def sbatch(run: HandRun, login: Machine, nodes: int) -> str:
    """Return a batch script for Slurm, where all nodes see the folder of the machine to log in to.

    Args:
        run: what shall be trained.
        login: where the files are sent and `sbatch` is typed.
        nodes: as many nodes.
    """
    ranks = Launch(nodes=nodes, address="head", port=MEETING_PORT).ranks_here(run.spec)
    launch = '{"nodes":%d,"node":%d,"address":"%s","port":%d}'
    given = '"$SLURM_NNODES" "$SLURM_NODEID" "$HEAD" "$PORT"'
    words = _torchrun(run.spec, login, Launch(nodes=nodes, address="head", port=MEETING_PORT))
    job = _there(run.job_there(login))
    steps = [
        f"job={job}",
        "# Every node has a job folder of its own.",
        'if [ "$SLURM_NODEID" -gt 0 ]; then',
        f"  own={_there(run.job_there(login))}.node-$SLURM_NODEID",
        '  mkdir -p "$own" && cp "$job"/spec.json "$own"/ && job=$own',
        "fi",
        f'printf {shlex.quote(launch)} {given} > "$job"/{LAUNCH}',
        _clearing(),
        f'cd / && exec {_environment(login)} {words} >> "$job"/job.log 2>&1',
    ]
    head = [
        "#!/bin/bash",
        f"#SBATCH --job-name={run.spec.job_id}",
        f"#SBATCH --nodes={nodes}",
        "#SBATCH --ntasks-per-node=1",
        f"#SBATCH --gpus-per-node={ranks}",
        f"#SBATCH --signal=TERM@{_SIGNAL_SECONDS}",
        "# Lines that your cluster may want: --partition, --account, --time, --cpus-per-task, --mem.",
        "# Its files come from here beforehand, by what is typed on the computer of the project:",
        *(f"#   {line}" for line in _sending(run, login, 0)),
        "# and what it has told and made goes back by:",
        *(f"#   {line}" for line in _fetching(run, login)),
        "set -euo pipefail",
        'HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        f"PORT=$(({MEETING_PORT} + SLURM_JOB_ID % 1000))",
        "export HEAD PORT",
    ]
    node_script = "\n".join(steps)
    return "\n".join([*head, f"srun bash -euc {shlex.quote(node_script)}"]) + "\n"


def _sending(run: HandRun, machine: Machine, node: int) -> Iterator[str]:
    """Yield the commands that bring all that a run reads."""
    wanted = list(run.sent(machine, node))
    parents = sorted({os.path.dirname(there) for _local, there in wanted})
    yield _on(machine, shlex.join(["mkdir", "-p", "--", *parents]))
    for local, there in wanted:
        source = f"{local}/" if local.is_dir() else str(local)
        target = f"{there}/" if local.is_dir() else there
        yield _rsync(machine, "--copy-links", "--exclude=__pycache__", source, _at(machine, target))


def _fetching(run: HandRun, machine: Machine) -> Iterator[str]:
    """Yield the command that brings events, log, and all checkpoints into the project."""
    left_out = ["--exclude=spec.json", f"--exclude=/{LAUNCH}", "--exclude=.*"]
    yield _rsync(machine, *left_out, _at(machine, f"{run.job_there(machine)}/"), f"{run.job}/")


def _rsync(machine: Machine, *words: str) -> str:
    ssh = shlex.join(["ssh", *configuration(machine)])
    return shlex.join(["rsync", "--archive", "--secluded-args", "-e", ssh, *words])


def _at(machine: Machine, path: str) -> str:
    host = machine.destination
    is_ipv6 = host.rpartition("@")[2].count(":") > 1
    user, at, name = host.rpartition("@")
    return f"{user}{at}[{name}]:{path}" if is_ipv6 else f"{host}:{path}"


def _on(machine: Machine, script: str) -> str:
    """Return the command that has a shell of the machine do something."""
    return shlex.join(["ssh", *configuration(machine), "--", machine.destination, script])


def _making_ready(run: HandRun, machine: Machine, launch: Launch) -> list[str]:
    """Return the lines of shell that say which node this is, in a job folder that is ready for it."""
    told = json.dumps(launch.model_dump())
    return [
        f"job={_there(run.job_there(machine, launch.node))}",
        f"printf '%s' {shlex.quote(told)} > \"$job\"/{LAUNCH}",
        _clearing(),
    ]


def _clearing() -> str:
    """Return the line of shell that removes what an earlier attempt left to find each other by."""
    meeting = meeting_place(Path()).name
    return f'rm -rf "$job"/{meeting} "$job"/request.json && mkdir "$job"/{meeting}'


def _detached(run: HandRun, machine: Machine, launch: Launch) -> str:
    """Return the line of shell that starts a node and leaves it alone."""
    words = f"{_environment(machine)} {_torchrun(run.spec, machine, launch)}"
    return f'cd / && setsid nohup {words} >> "$job"/job.log 2>&1 < /dev/null &'


def _environment(machine: Machine) -> str:
    """Return `env` with what the trainer is told by variables."""
    values = [shlex.quote(f"{name}={value}") for name, value in settings_of(Path(_JOB)).items()]
    code = f"PYTHONPATH={_there(f'{machine.folder}/{CODE}')}"
    return " ".join(["env", code, *values]).replace(_JOB, '"$job"')


def _torchrun(spec: JobSpec, machine: Machine, launch: Launch) -> str:
    """Return torchrun's command line for one node, as this program would start it."""
    words = [_PYTHON if word == sys.executable else word for word in command(spec, Path(_JOB), launch)]
    python = _there(f"{machine.folder}/{ENVIRONMENT}/bin/python")
    return shlex.join(words).replace(_JOB, '"$job"').replace(_PYTHON, python)


def _there(path: str) -> str:
    """Return a path of a machine for its shell: absolute, or from the home folder."""
    return shlex.quote(path) if path.startswith("/") else f'"$HOME"/{shlex.quote(path)}'
