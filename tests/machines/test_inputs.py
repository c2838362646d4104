"""What a run needs on its machine: its own files in their places, a base from elsewhere among the bases."""

import shutil
from pathlib import Path

import pytest

from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.machines.inputs import BASES, files_of, inputs_of
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import ModelOrigin, RunSpec
from domainstudio.workflow.training.starting import TRAIN, freeze


@pytest.fixture
def project(trained_project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_project, tmp_path / "trained"))


def run_from(project: Path, origin: str) -> tuple[RunSpec, JobFolder]:
    with Project(project) as opened:
        spec, _processes = freeze(opened, origin, "default", "default", {}, "treated")
        return spec, create_job(opened.jobs, "train", TRAIN.program, spec)


def test_files_of_the_project_lie_there_as_here(project: Path) -> None:
    spec, job = run_from(project, "train-1")
    there, inputs = inputs_of(spec, job.path)
    assert there == spec
    found = {f"{folder}/{name}" for _root, name, folder in files_of(inputs)}
    assert "jobs/train-1/result/checkpoints/step-00000020/model/model.safetensors" in found
    assert all((project / name).is_file() for name in found)
    assert any(name.startswith("tokens/") for name in found) and any(n.startswith("models/") for n in found)
    assert not any("deepspeed" in name for name in found), "only the model of the checkpoint it starts from"


def test_a_base_from_elsewhere_lies_among_the_bases(project: Path, tmp_path: Path) -> None:
    spec, job = run_from(project, "train-1")
    base = tmp_path / "my models" / "pythia 410m"
    shutil.copytree(project / "jobs" / "train-1" / "result" / "checkpoints" / "step-00000020" / "model", base)
    spec = spec.model_copy(update={"model": ModelOrigin(folder=str(base))})
    there, inputs = inputs_of(spec, job.path)
    (own,) = [one for one in inputs if one.there.startswith(BASES)]
    assert own.local == base and there.model.folder == f"../../{own.there}"
    assert own.there.startswith(f"{BASES}/pythia-410m-")


@pytest.mark.parametrize("hostile", ["../../../../etc", "/etc", "../../../secrets", "../../tokens/../../x"])
def test_a_project_that_names_files_outside_of_it_is_refused(project: Path, hostile: str) -> None:
    spec, job = run_from(project, "train-1")
    with pytest.raises(UserError) as caught:
        inputs_of(spec.model_copy(update={"tokenizer": hostile}), job.path)
    assert caught.value.problem.code == "path.leaves_folder"
