"""How the coming attempts of a run are started: kept beside its spec, on one node unless told otherwise."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from domainstudio.jobs.launch import LAUNCH, Launch, read_launch, write_launch
from domainstudio.jobs.process import command
from domainstudio.jobs.spec import JobSpec
from domainstudio.problems import UserError

SPEC = JobSpec(job_id="train-1", kind="train", program="domainstudio.trainer", processes=4, work={})
TWO_NODES = {"nodes": 2, "address": "node-0.cluster", "port": 29500}


def test_without_a_file_one_node_has_the_ranks_of_the_spec(tmp_path: Path) -> None:
    assert read_launch(tmp_path) == Launch()
    assert Launch().ranks_here(SPEC) == 4
    assert "--nproc-per-node=4" in command(SPEC, tmp_path)


def test_each_node_starts_its_own_ranks(tmp_path: Path) -> None:
    write_launch(tmp_path, Launch(node=1, **TWO_NODES))
    assert read_launch(tmp_path).node == 1
    assert "--nproc-per-node=2" in command(SPEC, tmp_path)
    write_launch(tmp_path, Launch(node=1, processes=6, **TWO_NODES))
    assert "--nproc-per-node=3" in command(SPEC, tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"nodes": 2},
        {**TWO_NODES, "node": 2},
        {**TWO_NODES, "processes": 3},
        {**TWO_NODES, "address": "-oProxyCommand=x"},
        {**TWO_NODES, "address": "a b"},
        {**TWO_NODES, "address": "a;reboot"},
        {**TWO_NODES, "address": "a\n"},
        {**TWO_NODES, "port": 65536},
        {"processes": 0},
        {"shell": "x"},
    ],
)
def test_what_cannot_be_started_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Launch.model_validate(wrong)


def test_a_damaged_file_and_ranks_that_nodes_cannot_share_are_told(tmp_path: Path) -> None:
    (tmp_path / LAUNCH).write_text('{"nodes": "many"}')
    with pytest.raises(UserError) as told:
        command(SPEC, tmp_path)
    assert told.value.problem.code == "document.invalid_field"
    with pytest.raises(UserError) as told:
        command(SPEC.model_copy(update={"processes": 3}), tmp_path, Launch(**TWO_NODES))
    assert told.value.problem.code == "launch.uneven"
