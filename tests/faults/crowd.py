"""Windows and commands, each in a process of its own, that wait for one signal: driven by crowd_world.py.

`python crowd.py window PROJECT GUN` and `python crowd.py commands PROJECT GUN` take an order a line, say that
they are ready, and act when GUN is let go: the campaign holds a lock on that file, and all wait for it. Jobs
are real processes; only the trainer is the fake one.
"""

import fcntl
import json
import os
import select
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fake_trainer
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QAbstractScrollArea, QApplication

from domainstudio.cli.main import GROUPS, run_command
from domainstudio.corpus.audit.verdicts import Decision
from domainstudio.corpus.readers import ReaderSettings
from domainstudio.gui import theme
from domainstudio.gui.preferences import Preferences
from domainstudio.gui.session import ALL_TOPICS
from domainstudio.gui.window import Window
from domainstudio.jobs import process
from domainstudio.jobs.spec import JobSpec
from domainstudio.mixture.shares import Mixture
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.workflow import history, planning, running
from domainstudio.workflow.corpus import contamination, importing, sources
from domainstudio.workflow.duplicates import finding, judging
from domainstudio.workflow.duplicates.audit import open_audit
from domainstudio.workflow.duplicates.marking import Marking
from domainstudio.workflow.export import exporting
from domainstudio.workflow.runs import asking
from domainstudio.workflow.steps import STEPS
from domainstudio.workflow.tokenizer import packing, train
from domainstudio.workflow.training import starting

LOOK_MILLISECONDS = 5
COMMANDS: dict[str, str] = {
    "import": "corpus import {project} {0} --name {1} --role {2}",
    "rename": "corpus rename {project} {0} {1}",
    "role": "corpus role {project} {0} {1}",
    "tokenizer": "tokenizer train {project} --size {0}",
    "pack": "tokenizer pack {project}",
    "recipe": "recipe set {project} {0}={1}",
    "mixture": "mixture set {project} --share guidelines={0} --share encyclopedia=1000 --tokens {1} "
    "--max-epochs 50",
    "undo": "project undo {project}",
    "redo": "project redo {project}",
    "train": "train start {project}",
    "stop": "runs pause {project} {0}",
    "resume": "runs resume {project} {0}",
    "delete": "runs delete {project} {0}",
    "report": "export report {project} {0} {1}",
    "find": "duplicates find {project}",
    "mark": "duplicates mark {project} --threshold {0}",
    "unmark": "duplicates unmark {project}",
    "decide": "audit decide {project} {0} {1} {2} --reviewer {3} --threshold 0.7",
    "items": "duplicates contamination {project} {0}",
    "look": "project info {project}",
}
"""What a person does → the words of its command, without a space in any argument."""

EDITS: dict[str, Callable[..., Any]] = {
    "import": lambda project, path, name, role: importing.start_import(
        project, [Path(path)], name, role, ReaderSettings()
    ),
    "rename": lambda project, name, new: sources.rename_source(project, name, new),
    "role": lambda project, name, role: sources.set_role(project, name, role),
    "tokenizer": lambda project, size: train.start_training(project, int(size)),
    "pack": lambda project: packing.start_packing(project),
    "recipe": lambda project, key, value: planning.set_recipe(project, {key: value}),
    "mixture": lambda project, share, tokens: planning.set_mixture(
        project,
        Mixture(shares={"guidelines": float(share), "encyclopedia": 1000}, tokens=int(tokens), max_epochs=50),
    ),
    "undo": lambda project: history.undo(project),
    "redo": lambda project: history.redo(project),
    "train": lambda project: starting.start_run(project),
    "stop": lambda project, run: asking.pause(project, run),
    "resume": lambda project, run: running.resume(project.job(run)),
    "delete": lambda project, run: asking.delete(project, run),
    "report": lambda project, run, target: exporting.start_report(project, run, Path(target)),
    "find": lambda project: finding.start_find(project),
    "mark": lambda project, threshold: finding.mark(project, Marking(threshold=float(threshold))),
    "unmark": lambda project: finding.unmark(project),
    "decide": lambda project, *words: _decide(project, *words),
    "items": lambda project, file: contamination.start_check(project, Path(file), Path(file).stem),
    "look": lambda project: project.name,
}
"""The same → what a window has its session do."""


def _decide(project: Project, removed: str, kept: str, decision: Decision, reviewer: str) -> None:
    audit = open_audit(project, Marking(threshold=0.7))
    queue = audit.queue("random")
    place = judging.place_of(audit, queue, int(removed), int(kept))
    judging.decide(project, audit, queue, place, decision, reviewer)


def wait_for_the_gun(gun: Path) -> None:
    """Return when the campaign lets go."""
    with gun.open("rb") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)


def tell(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def use_the_fake_trainer() -> None:
    real = process.command

    def command(spec: JobSpec, path: Path) -> list[str]:
        return (
            fake_trainer.command(spec, path) if spec.program == "domainstudio.trainer" else real(spec, path)
        )

    process.command = command


class Person(QObject):
    """Gives a window the orders that come in, and tells how they ended."""

    def __init__(self, window: Window, gun: Path) -> None:
        """Begin to listen."""
        super().__init__()
        self._window, self._gun = window, gun
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._listen)
        self._timer.start(LOOK_MILLISECONDS)

    def _listen(self) -> None:
        session = self._window.session
        if session is None or not select.select([sys.stdin], [], [], 0)[0]:
            return
        line = sys.stdin.readline()
        if not line:
            self._window.close()
            QApplication.quit()
            return
        deed, *arguments = json.loads(line)
        if deed == "show":
            tell(shown=shown(self._window))
            return
        tell(ready=True)
        wait_for_the_gun(self._gun)
        change = partial(_call, EDITS[deed], arguments)
        session.edit(change, self._on_done, self._on_refused, ALL_TOPICS)

    def _on_done(self, _value: object) -> None:
        tell(code=0, told="")

    def _on_refused(self, problem: Problem) -> None:
        tell(code=2, told=sentence(problem))


def _call(change: Callable[..., Any], arguments: list[str], project: Project) -> Any:
    return change(project, *arguments)


def shown(window: Window) -> dict[str, list[str]]:
    """Return what each pane shows in words and cells, but for times and what belongs to this window alone.

    How far a list was scrolled does, so each is shown from its beginning.
    """
    from flows.driven_window import items_of

    assert window.shell is not None
    found = {}
    before = window.shell.step
    for step in STEPS:
        window.shell.show_step(step)
        QApplication.processEvents()
        for area in window.shell.pane.findChildren(QAbstractScrollArea):
            area.verticalScrollBar().setValue(0)
        QApplication.processEvents()
        top = window.notice.mapToGlobal(window.notice.rect().topLeft()).y()
        found[step] = [item["text"] for item in items_of(window) if item["text"] and item["top"] < top]
        if step == "project":
            window.shell.pane.refresh()  # the room that it takes on the disk is as it was when it was read
    window.shell.show_step(before)
    return found


def be_a_window(project: Path, gun: Path) -> int:
    application = QApplication(sys.argv[:1])
    theme.apply(application)
    with tempfile.TemporaryDirectory() as folder:
        window = Window(Preferences(Path(folder) / "preferences.ini"))
        window.resize(1440, 1400)
        window.show()
        window.open_project(project)
        person = Person(window, gun)
        code = application.exec()
        person.deleteLater()
    return code


def be_commands(project: Path, gun: Path) -> int:
    """Run each order in a fork of this process, which has read the libraries already."""
    for group in GROUPS:
        import_module(f"domainstudio.cli.{group}")
    for line in sys.stdin:
        deed, *arguments = json.loads(line)
        words = COMMANDS[deed].format(*arguments, project=project).split()
        with tempfile.TemporaryFile() as said:
            tell(ready=True)
            pid = os.fork()
            if pid == 0:
                _be_the_command(words, gun, said.fileno())
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            said.seek(0)
            tell(code=code, told=said.read().decode().strip())
    return 0


def _be_the_command(words: list[str], gun: Path, said: int) -> None:
    code = 1
    try:
        with open(os.devnull, "rb+") as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(nothing.fileno(), 1)
        os.dup2(said, 2)
        wait_for_the_gun(gun)
        code = run_command(words)
        sys.stderr.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


if __name__ == "__main__":
    kind, where, starter = sys.argv[1:]
    use_the_fake_trainer()
    sys.exit((be_a_window if kind == "window" else be_commands)(Path(where), Path(starter)))
