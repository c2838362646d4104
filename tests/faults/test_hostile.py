"""What a stranger hands over is answered or refused in a sentence, and leads nowhere: the short form."""

import random
from pathlib import Path

import golden_project
import pytest
from faults.hostile import verdicts
from faults.hostile_changes import mutate
from faults.hostile_world import World, add_weights, write_base


@pytest.fixture
def world(small_project: Path, tmp_path: Path) -> World:
    golden_project.write_run(small_project, "naive", 0.9, 0.2)
    golden_project.write_run(small_project, "treated", 0.7, 0.1)
    add_weights(small_project)
    (tokenizer,) = (folder for folder in (small_project / "models").iterdir() if folder.is_dir())
    return World(tmp_path / "world", small_project, write_base(tmp_path / "base", tokenizer))


def test_a_changed_project_is_answered_or_refused_in_a_sentence(world: World) -> None:
    for number in range(30):
        world.restore()
        mutation = mutate(world, random.Random(f"short {number}"))
        troubles = [verdict for verdict in verdicts(world) if verdict.trouble]
        assert not troubles, (number, mutation, troubles)


def test_an_unchanged_project_is_answered(world: World) -> None:
    """Else the campaign would prove that everything is refused."""
    world.restore()
    assert {verdict.code for verdict in verdicts(world)} == {0}
