"""A part of a job in another program: it tells how far it is, passes on its problem, ends with its job."""

from pathlib import Path

import psutil
import pytest

from domainstudio.jobs.child import ChildFailed, run_child
from domainstudio.jobs.events import Progress
from domainstudio.model.create import create_model
from domainstudio.problems import UserError
from domainstudio.recipe.blend import Blend, BlendFiles
from domainstudio.recipe.shapes import SHAPES


def files(folder: Path) -> bytes:
    blend = Blend(kind="average", amount=1)
    return BlendFiles(blend=blend, trained=(str(folder),), base=None).model_dump_json().encode()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    create_model(SHAPES["tiny"], 300, 0, 1).save_pretrained(tmp_path / "model")
    (tmp_path / "out").mkdir()
    return tmp_path / "model"


def test_it_tells_how_far_it_is_and_ends_when_nobody_listens_any_more(model: Path) -> None:
    out = model.with_name("out")
    told = list(run_child("domainstudio.model.write_blend", out, files(model)))
    assert all(isinstance(body, Progress) for body in told) and len(told) > 1
    assert (out / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    before = set(psutil.Process().children())
    going = run_child("domainstudio.model.write_blend", out, files(model))
    next(going)
    going.close()
    assert set(psutil.Process().children()) <= before


def test_its_problem_is_passed_on_and_any_other_end_is_a_failure(model: Path) -> None:
    (model / "model.safetensors").unlink()
    with pytest.raises(UserError, match="no .safetensors weights"):
        list(run_child("domainstudio.model.write_blend", model.with_name("out"), files(model)))
    with pytest.raises(ChildFailed, match="ended with 1"):
        list(run_child("domainstudio.model.write_blend", model.with_name("out"), b"no JSON"))
