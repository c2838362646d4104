"""The three arms of a controlled comparison: same tokens, schedule and seed, other text."""

from pathlib import Path

import pytest

from domainstudio.mixture.shares import Arm, Mixture
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow import planning
from domainstudio.workflow.training.starting import freeze


def frozen(project: Project, arm: Arm) -> RunSpec:
    return freeze(project, "base", "default", "default", {}, arm)[0]


def test_arms_differ_in_their_text_alone(packed_project: Path) -> None:
    with Project(packed_project) as project:
        arms = {arm: frozen(project, arm) for arm in ("treated", "control", "naive")}  # type: ignore[arg-type]
    shares = {arm: {source.name: source.share for source in spec.sources} for arm, spec in arms.items()}
    assert shares == {
        "treated": {"general": 0.25, "domain": 0.75},
        "control": {"general": 1.0},
        "naive": {"domain": 1.0},
    }
    kept = [spec.model_dump(exclude={"sources", "arm"}) for spec in arms.values()]
    assert kept[0] == kept[1] == kept[2]


def test_a_control_takes_all_general_text_if_the_mixture_has_none(small_project: Path) -> None:
    with Project(small_project) as project:
        planning.set_mixture(project, Mixture(shares={"domain": 1.0}, tokens=2048))
        (source,) = frozen(project, "control").sources
        assert (source.name, source.share) == ("general", 1.0)


def test_an_arm_without_text_is_refused(small_project: Path) -> None:
    with Project(small_project) as project:
        planning.set_mixture(project, Mixture(shares={"general": 1.0}, tokens=2048))
        with pytest.raises(UserError, match="naive"):
            frozen(project, "naive")
