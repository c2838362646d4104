"""One machine: what it has free, its GPUs, what runs there, and what is missing."""

import time
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.background import Background
from domainstudio.gui.panes.machines.installing import InstallPart
from domainstudio.gui.panes.machines.keeping import KeepingPart
from domainstudio.gui.panes.machines.part import Part
from domainstudio.gui.panes.machines.seen import (
    UNDER_WAY,
    UNKNOWN,
    Seen,
    foreign_processes,
    free_gpu_memory,
    free_of,
    in_gb,
    state_of,
)
from domainstudio.gui.panes.runs.words import state_icon
from domainstudio.gui.panes.runs.words import state_words as run_words
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.form import scrolled
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.table import OVERHANG, Column, beside_table
from domainstudio.gui.widgets.text import ElidedText, KeyNumber, Text
from domainstudio.language import one_line
from domainstudio.language import translate as _
from domainstudio.machines.probe import Gpu, Probe
from domainstudio.problems import sentence
from domainstudio.units import format_count, format_duration
from domainstudio.workflow.machines.remote import link_words


class MachinePage(QWidget):
    """Shows a machine of the list.

    Signals:
        ask_requested: it shall be asked again.
        removal_confirmed: it shall be taken off the list.
    """

    ask_requested = Signal()
    removal_confirmed = Signal()

    def __init__(self, seen: Seen, background: Background, project: str) -> None:
        """Show it; `project` is the name of this project's folder there."""
        super().__init__()
        self._seen, self._project = seen, project
        self._is_asking = False
        """Whether the line asks for consent to a removal."""
        self._numbers = {
            "gpu": KeyNumber(_("GPU memory")),
            "disk": KeyNumber(_("Disk")),
            "memory": KeyNumber(_("Main memory")),
            "processors": KeyNumber(_("Processors")),
            "python": KeyNumber(_("Python")),
        }
        self._title, self._facts = Text(seen.machine.name, "strong"), ElidedText("", "text", "text2")
        self.again = SecondaryButton(_("Ask again"), self.ask_requested.emit, "refresh").make_small()
        self.remove = SecondaryButton(_("Remove…"), self._on_remove_clicked).make_small()
        self.line = ProblemLine()
        self.installing = InstallPart(seen.machine, background)
        self.installing.ended.connect(self.ask_requested)
        self.gpus = Part(_("GPUs"), _gpu_columns(), _("None: a run there would take its processors."))
        self.runs = Part(_("Runs of this project there"), _run_columns(), _("None yet."))
        self.others = Part(_("Other processes of this program there"), _process_columns(), "")
        self.keeping = KeepingPart(seen.machine, background, project)
        self._told = QWidget()
        self._lay_out()
        self.show_seen(seen)

    def show_seen(self, seen: Seen) -> None:
        """Show what is known now."""
        self._seen = seen
        self.again.setEnabled(not seen.is_asked)
        problem = seen.answer.problem if seen.answer else None
        if problem is not None and not self._is_asking:
            links = [(_("Ask again"), self.ask_requested.emit)]
            is_passing = state_of(seen) == "attention"
            self.line.say("attention" if is_passing else "problem", sentence(problem), links)
        elif not self._is_asking:
            self.line.clear()
        self.runs.show_rows(seen.runs[::-1])
        found = seen.found
        self._told.setVisible(found is not None)
        self.gpus.setVisible(found is not None)
        self.others.setVisible(False)
        if found is not None and seen.answer is not None:
            self._show_found(found)
            self.installing.show_answer(seen.answer)
            self.keeping.show_answer(seen.answer)
        self.tell_time()

    def tell_time(self) -> None:
        """Say how long ago the machine answered."""
        seen, words = self._seen, [self._seen.machine.destination]
        if seen.found is not None:
            words.append(one_line(f"{seen.found.host} ({seen.found.system})"))
        if seen.answer is not None:
            ago = format_duration(time.time() - seen.answer.at)
            words.append(_("asked {ago} ago").format(ago=ago))
        self._facts.setText(", ".join(words))
        self.runs.table.viewport().update()  # what is said of a connection grows older too

    def _show_found(self, found: Probe) -> None:
        totals = [gpu.memory_bytes or 0 for gpu in found.gpus]
        self._numbers["gpu"].show_value(*free_of(free_gpu_memory(self._seen), sum(totals)))
        self._numbers["disk"].show_value(*free_of(found.free_disk_bytes, None))
        self._numbers["memory"].show_value(*free_of(found.free_memory_bytes, found.memory_bytes))
        self._numbers["processors"].show_value(format_count(found.processors))
        python = found.python.version if found.python else UNKNOWN
        packages = [
            f"{name} {found.packages[name]}" for name in ("torch", "deepspeed") if name in found.packages
        ]
        self._numbers["python"].show_value(python, "", one_line(", ".join(packages)))
        self.gpus.show_rows(found.gpus)
        others = foreign_processes(found, self._project)
        self.others.setVisible(bool(others))
        self.others.show_rows(others)

    def _on_remove_clicked(self) -> None:
        machine = self._seen.machine
        words = _(
            "{name} goes off your list, for every project, and no undo brings it back. Its folder there, "
            "{folder}, stays with all that is in it."
        ).format(name=machine.name, folder=machine.folder)
        if self._seen.under_way:
            runs = ", ".join(run.run for run in self._seen.under_way)
            words += " " + _("{runs} goes on there and is not followed any more.").format(runs=runs)
        self._is_asking = True
        remove = _("Remove {name}").format(name=machine.name)
        links = [(remove, self.removal_confirmed.emit), (_("Keep it"), self._on_kept)]
        self.line.say("attention", words, links)

    def _on_kept(self) -> None:
        self._is_asking = False
        self.line.clear()
        self.show_seen(self._seen)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._title)
        head.addWidget(self._facts, 1)
        head.addWidget(self.again)
        head.addWidget(self.remove)
        numbers = QHBoxLayout()
        numbers.setSpacing(32)
        for number in self._numbers.values():
            numbers.addWidget(number, 1)
        told = QVBoxLayout(self._told)
        told.setContentsMargins(0, 0, 0, 0)
        told.setSpacing(16)
        told.addLayout(beside_table(numbers))
        told.addLayout(beside_table(Text(_("Missing"), "strong"), self.installing))
        page = QWidget()
        layout = QVBoxLayout(page)
        side = theme.PADDING - OVERHANG
        layout.setContentsMargins(side, 16, side, 16)
        layout.setSpacing(16)
        layout.addLayout(beside_table(head, self.line))
        for part in (self._told, self.runs, self.gpus, self.keeping, self.others):
            layout.addWidget(part)
        layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(page))


def _gpu_columns() -> list[Column]:
    def percent(gpu: Gpu) -> str:
        return UNKNOWN if gpu.utilisation_percent is None else f"{gpu.utilisation_percent:.0f}"

    def degrees(gpu: Gpu) -> str:
        return UNKNOWN if gpu.temperature_celsius is None else f"{gpu.temperature_celsius:.0f}"

    number = partial(Column, is_number=True, width=120)
    return [
        Column(_("GPU"), lambda gpu: one_line(gpu.name)),
        number(_("Free (GB)"), lambda gpu: in_gb(gpu.free_bytes)),
        number(_("Memory (GB)"), lambda gpu: in_gb(gpu.memory_bytes)),
        number(_("Utilisation (%)"), percent),
        number(_("Temperature (°C)"), degrees),
        Column(_("Driver"), lambda gpu: one_line(gpu.driver), token=lambda _gpu: "text2", width=112),
    ]


def _run_columns() -> list[Column]:
    return [
        Column(_("Run"), lambda run: run.run, width=136),
        Column(_("State"), run_words, state=state_icon, width=224),
        Column(
            _("Step"),
            lambda run: _("{step} of {steps}").format(
                step=format_count(run.step), steps=format_count(run.steps)
            ),
            width=176,
        ),
        Column(
            _("Connection"),
            lambda run: link_words(run.link) if run.link and run.status in UNDER_WAY else UNKNOWN,
            token=lambda _run: "text2",
        ),
    ]


def _process_columns() -> list[Column]:
    return [
        Column(_("Process"), lambda process: str(process.pid), is_number=True, width=96),
        Column(
            _("Command"),
            lambda process: one_line(process.command),
            token=lambda _process: "text2",
            tooltip=lambda process: one_line(process.command),
        ),
    ]
