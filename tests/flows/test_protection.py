"""Methods are compared on one's own text, the budget is set, and a plan is taken into Training."""

import shutil
from pathlib import Path

import pytest
from flows.screen import Screen

from domainstudio.project.project import Project
from domainstudio.workflow.planning import mixture_of, recipe_of

SECONDS = 240.0
"""For three short runs on a machine that has other things to do."""
UNTICKED = (
    "Interpolation", "Replay 5 %", "Replay 10 %", "Replay 25 %", "Rate × 0.3", "L2-SP 1", "EWC 1",
    "Path integral 1", "Hierarchical 1", "LoRA, rank 64",
)  # fmt: skip


@pytest.mark.usefixtures("warm_start")
def test_methods_are_compared_and_one_is_taken(screen: Screen, trained_project: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(trained_project, tmp_path / "small"))
    screen.start()
    screen.open_project(project)
    screen.key("ctrl+6")
    screen.wait_for("No methods have been compared yet")
    for method in UNTICKED:
        screen.click(method, "QCheckBox")
    screen.fill("Seeds", "1")
    screen.fill("Tokens of each run", "1280")
    screen.key("Tab")
    screen.wait_for("3 runs of 10 steps, 1,280 tokens each.")
    screen.click("Compare methods", "SecondaryButton")
    screen.wait_for("One seed shows no spread", SECONDS)
    screen.wait_for("Finished: Comparing methods")

    screen.click("Replay 50 %", "cell")
    screen.wait_for("general 1 : 1 domain")
    screen.fill("Forgetting budget", "2")
    screen.key("Return")
    screen.wait_for("Within the budget of +2.000, with one seed")
    screen.choose("If a run passes the budget", "Pause the run")
    screen.click("Use this plan in Training", "PrimaryButton")
    screen.wait_for("Replay 50.0 %")
    screen.wait_for(lambda: _is_taken(project))


def _is_taken(project: Path) -> bool:
    with Project(project, read_only=True) as opened:
        recipe, shares = recipe_of(opened), mixture_of(opened).shares
    assert recipe.stage.spring == "none"
    limits = (recipe.accepted_forgetting, recipe.on_budget)
    return limits == (2.0, "pause") and shares["general"] / sum(shares.values()) == pytest.approx(0.5)
