"""What a machine may not do to those who listen to it: its words are held to their form and place."""

import shutil
from pathlib import Path

import pytest

from domainstudio.jobs.folder import create_job
from domainstudio.machines import transfer
from domainstudio.machines.carrier import Carrier
from domainstudio.machines.machine import Machine
from domainstudio.machines.place import Place
from domainstudio.machines.ssh import Connection
from domainstudio.problems import UserError
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.machines.remote import key_there
from domainstudio.workflow.training.starting import TRAIN, freeze

MACHINE = Machine(name="gpu-1", destination="gpu.example")


@pytest.mark.parametrize(
    "said", [b"{}", b"x", b'{"status": "eaten", "over": true}', b'{"status": "done", "over": 7}']
)
def test_a_state_of_another_form_is_refused_and_nothing_of_it_kept(small_project: Path, said: bytes) -> None:
    with Project(small_project) as project:
        spec, _processes = freeze(project, "base", "default", "default", {}, "treated")
        folder = create_job(project.jobs, "train", TRAIN.program, spec)
    with pytest.raises(UserError):
        Carrier(folder, [MACHINE])._take("state", 0, said)
    assert not (folder.path / "connection.json").exists()


def test_names_beyond_the_folder_that_was_asked_for_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        "result/best.json",
        "spec.json",
        "remote.json",
        "result/../spec.json",
        "/etc/passwd",
        "results/x",
        ".x",
    ]
    monkeypatch.setattr(transfer, "_ask", lambda *_, **__: transfer._Answer({}, 0, told))
    assert transfer.listed(Place(Connection(MACHINE)), "target", "result") == ["result/best.json"]


def test_a_project_made_anew_at_the_same_place_has_another_folder_there(tmp_path: Path) -> None:
    keys = set()
    for _ in range(2):
        with create(tmp_path / "law", ModelOrigin(preset="tiny")) as project:
            keys.add(key_there(project))
        shutil.rmtree(tmp_path / "law")
    assert len(keys) == 2 and all(key.startswith("law-") for key in keys)
