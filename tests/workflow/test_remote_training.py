"""The real trainer on another machine: it comes bit for bit to what it comes to here."""

import shutil
from pathlib import Path

import torch
from far_environment import machines_of_person
from safetensors.torch import load_file
from support import Command

from domainstudio.jobs.checkpoints import chosen_checkpoint
from domainstudio.jobs.folder import JobFolder
from domainstudio.workflow.training.starting import curves_of

QUICK = ["--set=steps=6", "--set=probe_every=3", "--set=checkpoint_every=6", "--set=seed=3"]


def test_a_run_there_comes_to_what_it_comes_to_here(
    trained_project: Path, tmp_path: Path, command: Command
) -> None:
    project = Path(shutil.copytree(trained_project, tmp_path / "small"))
    with machines_of_person(tmp_path, is_fake=False) as (far,):
        command("train", "start", project, "--from=train-1", *QUICK)
        command("train", "start", project, "--from=train-1", *QUICK, "--on", far.machine.name)
        here, there = (JobFolder(project / "jobs" / run) for run in ("train-2", "train-3"))
        assert there.status() == "done"
        losses = [curves_of(run).steps.column("loss").tolist() for run in (here, there)]
        assert losses[0] == losses[1] and len(losses[0]) == 6
        assert curves_of(here).probes == curves_of(there).probes
        weights = []
        for run in (here, there):
            checkpoint = chosen_checkpoint(run.result)
            assert checkpoint is not None
            weights.append(load_file(checkpoint.model / "model.safetensors"))
        assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])

        command("export", "model", project, "train-3", tmp_path / "exported")
        assert (tmp_path / "exported" / "model.safetensors").stat().st_size > 0
