"""The status strip: jobs, how they are asked to end, and the way to a problem's field."""

from dataclasses import replace
from pathlib import Path

from pytestqt.qtbot import QtBot
from support import OpenWindow

from domainstudio.gui.widgets.job_line import JobLine
from domainstudio.gui.widgets.problem_line import PaneProblem
from domainstudio.gui.widgets.status_strip import Located, StatusStrip
from domainstudio.workflow.overview import JobRow

JOB = JobRow("import-1", "import", "books", "running", "importing", 61, 100, "files", 4.0, 90.0)


def words(line: JobLine) -> tuple[str, str]:
    return line._words.text(), line._link.text()


def test_a_job_tells_how_far_it_is(qtbot: QtBot) -> None:
    line = JobLine()
    qtbot.addWidget(line)
    line.show_job(JOB)
    assert words(line) == ("importing · 61 of 100 files · 4 files/s · 1 min 30 s left", "Cancel")
    line.show_job(replace(JOB, kind="train", job_id="train-1", unit="steps", phase="training", rate=15_386.0))
    assert words(line) == ("step 61 of 100 · 15,386 tokens/s · 1 min 30 s left", "Pause")


def test_force_is_offered_late_and_only_once_more_confirmed(qtbot: QtBot) -> None:
    line = JobLine()
    qtbot.addWidget(line)
    line._patience.setInterval(10)
    line.show_job(JOB)
    with qtbot.waitSignal(line.stop_requested) as asked:
        line._link.click()
    assert asked.args == ["import-1"] and words(line)[0] == "stopping at the next safe point"
    with qtbot.assertNotEmitted(line.kill_requested):
        qtbot.waitUntil(lambda: words(line)[1] == "End it by force…")
        line._link.click()
    with qtbot.waitSignal(line.kill_requested) as killed:
        line._link.click()
    assert killed.args == ["import-1"]
    line.show_job(replace(JOB, job_id="import-2"))
    assert words(line)[1] == "Cancel", "another job is asked first"


def test_the_gravest_problem_stands_first_and_leads_to_its_field(qtbot: QtBot) -> None:
    strip = StatusStrip()
    qtbot.addWidget(strip)
    assert strip._fine.isVisibleTo(strip)
    attention = Located("mixture", PaneProblem("attention", "Books repeat", "shares.books"))
    problem = Located("training", PaneProblem("problem", "The rate is no number", "learning_rate"))
    strip.show_problems([attention, problem])
    assert strip._problem.accessibleName() == "1 problem: The rate is no number"
    with qtbot.waitSignal(strip.problem_chosen) as chosen:
        strip._problem.click()
    assert chosen.args == [problem]
    strip.show_problems([attention])
    assert strip._problem.accessibleName() == "1 to look at: Books repeat"


def test_more_jobs_open_as_a_list(qtbot: QtBot) -> None:
    strip = StatusStrip()
    qtbot.addWidget(strip)
    strip.show()
    strip.show_jobs([JOB, replace(JOB, job_id="import-2", subject="web"), replace(JOB, status="done")])
    assert strip._more.text() == "+1 jobs"
    strip.open_list()
    assert strip._list is not None
    names = [line._name.text() for line in strip._list._lines]
    assert names == ["Importing books", "Importing web"]
    strip._list.close()


def test_a_wrong_value_is_a_problem_that_leads_to_its_field(
    open_window: OpenWindow, small_project: Path, qtbot: QtBot
) -> None:
    window = open_window(small_project, "training")
    window.shell.pane.set_problems([PaneProblem("problem", "The rate is no number", "learning_rate")])
    window.shell.show_step("corpus")
    window.do("show problem")
    assert window.shell.step == "training"
    focused = window.focusWidget()
    assert focused is not None and focused.accessibleName() == "Peak rate"
