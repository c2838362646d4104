"""A project from a stranger in the window: a sentence in place of a crash; names are shown, never obeyed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import golden_project
from pytestqt.qtbot import QtBot
from support import OpenWindow

from domainstudio.gui.widgets.notice import NoticeLine
from domainstudio.gui.widgets.text import ElidedText, tip
from domainstudio.jobs.folder import list_jobs
from domainstudio.project.project import DATABASE
from domainstudio.workflow.steps import STEPS

MARKUP = "<img src='file:///etc/passwd'><b>x</b>"


def change(project: Path, *statements: str) -> None:
    with closing(sqlite3.connect(project / DATABASE, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def test_a_database_with_a_trigger_is_refused_with_a_sentence(
    open_window: OpenWindow, small_project: Path, qtbot: QtBot
) -> None:
    change(small_project, "CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM sources; END")
    window = open_window()
    window.open_project(small_project)
    notice = window.findChild(NoticeLine)
    qtbot.waitUntil(lambda: "not of this program" in notice.text, timeout=30_000)
    assert window.shell is None


def test_every_pane_stands_on_crafted_rows_and_jobs(
    open_window: OpenWindow, small_project: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    """What cannot be believed is told of, and the rest of the window goes on."""
    golden_project.write_run(small_project, "naive", 0.9, 0.2)
    (run,) = list_jobs(small_project / "jobs", "train")
    (run.result / "metrics").symlink_to(tmp_path)
    change(
        small_project,
        f"UPDATE sources SET name = name || '{MARKUP.replace(chr(39), chr(39) * 2)}'",
        "UPDATE documents SET title = char(27) || '[2J' || title, shard = '../../../x' WHERE id < 9",
        'UPDATE journal SET label = \'{"message": "{a:>999999999}", "params": {}}\'',
        "UPDATE token_files SET folder = '../../..' WHERE id = 1",
    )
    window = open_window(small_project)
    for step in STEPS:
        window.shell.show_step(step)
        qtbot.waitUntil(lambda: window.shell.pane.states.is_settled, timeout=60_000)


def test_a_tooltip_shows_markup_as_it_is(qtbot: QtBot) -> None:
    """Qt takes what looks like markup for markup, and would load the pictures it names."""
    label = ElidedText()
    qtbot.addWidget(label)
    label.setText(MARKUP)
    assert label.toolTip() == tip(MARKUP) and "&lt;img" in tip(MARKUP) and "<img" not in tip(MARKUP)
    assert tip("law") == "law"
