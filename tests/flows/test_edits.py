"""Edits by keyboard alone, and language and theme by the mouse while a project is open."""

from pathlib import Path

import pytest
from flows.screen import SIZE, Screen
from PySide6.QtGui import QColor

from domainstudio.project.project import Project
from domainstudio.workflow import planning

WINDOW = {"light": QColor("#FFFFFF"), "dark": QColor("#16181B")}
"""The ground of the content in each theme, as the look has it."""
EMPTY = (SIZE[0] // 2, SIZE[1] - 48)
"""A point of the pane where nothing is written."""


def share_of(project: Path, source: str) -> float:
    """Return the share that is saved."""
    with Project(project, read_only=True) as opened:
        return planning.mixture_of(opened).shares[source]


def test_a_share_is_typed_taken_back_and_made_again_by_keyboard_alone(
    screen: Screen, small_project: Path
) -> None:
    assert share_of(small_project, "domain") == 0.75
    screen.start()
    screen.open_project(small_project)
    screen.key("ctrl+5")
    screen.wait_for("Share of domain in %")
    screen.tab_to("Share of domain in %")
    screen.key("ctrl+a")
    screen.type("60")
    screen.key("Return")
    screen.wait_for(lambda: share_of(small_project, "domain") == pytest.approx(0.6))
    assert share_of(small_project, "general") == pytest.approx(0.4)
    screen.wait_for("Replay: 40.0 %")

    screen.key("ctrl+z")
    screen.wait_for("Undone: ")
    assert share_of(small_project, "domain") == 0.75
    screen.wait_for("Replay: 25.0 %")

    screen.key("ctrl+shift+z")
    screen.wait_for("Done again: ")
    assert share_of(small_project, "domain") == pytest.approx(0.6)
    screen.wait_for("Replay: 40.0 %")

    screen.key("ctrl+a")
    screen.type("7")
    screen.key("ctrl+z")
    screen.wait_for(lambda: screen.find("Share of domain in %", "QLineEdit").text == "60.0")
    assert share_of(small_project, "domain") == pytest.approx(0.6), "typing is taken back, not the edit"


def test_language_and_theme_change_by_the_menu_and_the_project_stays_open(
    screen: Screen, small_project: Path
) -> None:
    screen.start()
    screen.open_project(small_project)
    screen.click("Mixture", "SidebarItem")
    screen.wait_for("Replay: 25.0 %")
    screen.menu("View", "Language", "简体中文")
    screen.wait_for("回放: 25.0 %")
    assert screen.says("small – Domain Studio") and not screen.says("Replay")

    screen.menu("视图", "主题", "深色")
    screen.wait_for(lambda: screen.picture().pixelColor(*EMPTY) == WINDOW["dark"])
    screen.menu("视图", "主题", "浅色")
    screen.wait_for(lambda: screen.picture().pixelColor(*EMPTY) == WINDOW["light"])
    screen.menu("视图", "语言", "English")
    screen.wait_for("Replay: 25.0 %")
    assert screen.says("small – Domain Studio") and not screen.says("回放")
