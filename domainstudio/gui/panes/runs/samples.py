"""Text samples: the base and a checkpoint go on with the same prompt, side by side."""

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from domainstudio.gui import theme
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.slider_row import name_spin_box
from domainstudio.gui.widgets.text import ElidedText, Text
from domainstudio.jobs.checkpoints import list_checkpoints
from domainstudio.jobs.folder import JobFolder, list_jobs
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.units import format_count
from domainstudio.workflow.overview import JobRow
from domainstudio.workflow.runs.samples import SAMPLES, Sample, samples_of, start_samples

DEFAULT_TOKENS, MOST_TOKENS = 64, 2048


@dataclass(frozen=True)
class _Found:
    run: str
    steps: list[int]
    samples: list[Sample]


class SamplesPage(QWidget):
    """Asks for a prompt, starts the job, shows both texts."""

    def __init__(self, session: Session) -> None:
        """Show an empty form."""
        super().__init__()
        self._session = session
        self._run, self._job = "", ""
        self._steps: list[int] = []
        self.prompt = QPlainTextEdit()
        self.prompt.setAccessibleName(_("Prompt"))
        self.prompt.setPlaceholderText(_("The beginning of a text; both models go on with it."))
        self.prompt.setTabChangesFocus(True)
        self.prompt.setFixedHeight(72)
        self.tokens = QSpinBox()
        name_spin_box(self.tokens, _("Tokens to write"))
        self.tokens.setRange(1, MOST_TOKENS)
        self.tokens.setValue(DEFAULT_TOKENS)
        self.tokens.setFixedWidth(72)
        self.checkpoint = QComboBox()
        self.checkpoint.setAccessibleName(_("Checkpoint"))
        self.checkpoint.setMinimumWidth(112)
        self.write = SecondaryButton(_("Write both texts"), self._on_write_clicked)
        self.prompt.textChanged.connect(self._allow)
        self._state = ElidedText("", "small", "text2")
        self._problem = ProblemLine()
        self._base_name, self._name = Text("", "strong"), Text("", "strong")
        self.base_text, self.text = _text_box(_("Text of the base")), _text_box(_("Text of the checkpoint"))
        self._note = Text("", "small", "text2", wrap=True)
        self._lay_out()
        self._show_sample(None)
        self._allow()
        session.jobs_changed.connect(self._on_jobs_changed)

    def show_run(self, run: str, checkpoints: int) -> None:
        """Show another run; `checkpoints` is how many it has told of: a new one is offered."""
        if (run, checkpoints) == (self._run, len(self._steps)):
            return
        if run != self._run:
            self._run, self._job = run, ""
            self._show_sample(None)
            self._state.setText("")
        self._session.read(partial(_look, run), self._on_found)

    def _on_found(self, found: _Found) -> None:
        if found.run != self._run:
            return
        if found.steps != self._steps:
            chosen, was_newest = self.checkpoint.currentData(), self.checkpoint.currentIndex() <= 0
            self._steps = found.steps
            self.checkpoint.clear()
            for step in reversed(found.steps):
                self.checkpoint.addItem(_("step {step}").format(step=format_count(step)), step)
            if not was_newest:
                self.checkpoint.setCurrentIndex(max(0, self.checkpoint.findData(chosen)))
        if found.samples and not self._job:
            self._show_sample(found.samples[0])
        self._allow()

    def _on_write_clicked(self) -> None:
        run, step = self._run, self.checkpoint.currentData()
        prompt, tokens = self.prompt.toPlainText(), self.tokens.value()

        def begin(project: Project) -> JobFolder:
            return start_samples(project, run, step, [prompt], tokens)

        self._problem.clear()
        self._job = "?"
        self._state.setText(_("starting"))
        self._allow()
        self._session.edit(begin, self._on_started, self._on_failed)

    def _on_started(self, folder: JobFolder) -> None:
        self._job = folder.job_id
        self._on_jobs_changed(self._session.jobs)

    def _on_failed(self, problem: Problem) -> None:
        self._job = ""
        self._state.setText("")
        self._problem.say("problem", sentence(problem))
        self._allow()

    def _on_jobs_changed(self, rows: list[JobRow]) -> None:
        row = next((row for row in rows if row.job_id == self._job), None)
        if row is None:
            return
        if row.status in ("created", "running"):
            words = _("{job}: {done} of {total}").format(job=row.job_id, done=row.done, total=row.total)
            self._state.setText(words if row.total else _(row.phase or "starting"))
            return
        job_id, self._job = self._job, ""
        self._state.setText("")
        if row.status == "done":
            self._session.read(partial(_read, job_id), self._on_samples)
        elif row.problem is not None:
            self._problem.say("problem", sentence(row.problem))
        self._allow()

    def _on_samples(self, samples: list[Sample]) -> None:
        self._show_sample(samples[0] if samples else None)

    def _show_sample(self, sample: Sample | None) -> None:
        for widget in (self._base_name, self._name, self.base_text, self.text, self._note):
            widget.setVisible(sample is not None)
        if sample is None:
            return
        self._base_name.setText(_("Base: {name}").format(name=sample.base_name))
        self._name.setText(sample.name)
        self.base_text.setPlainText(sample.prompt + sample.base)
        self.text.setPlainText(sample.prompt + sample.text)
        note = _("The base began from random weights: its text shows that, not what was forgotten.")
        self._note.setText(note if sample.base_is_random else "")
        if not self.prompt.toPlainText():
            self.prompt.setPlainText(sample.prompt)

    def _allow(self) -> None:
        has_all = bool(self.prompt.toPlainText().strip()) and self.checkpoint.count() > 0
        self.write.setEnabled(has_all and not self._job)
        if self._run and not self._steps and not self._job:
            self._state.setText(_("No checkpoint yet: the first one can be tried here."))

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        for label, control in ((_("Checkpoint"), self.checkpoint), (_("Tokens"), self.tokens)):
            row.addWidget(Text(label, "small", "text2"))
            row.addWidget(control)
        row.addWidget(self.write)
        row.addWidget(self._state, 1)
        texts = QGridLayout()
        texts.setHorizontalSpacing(24)
        texts.setVerticalSpacing(8)
        for column, (name, box) in enumerate(((self._base_name, self.base_text), (self._name, self.text))):
            texts.addWidget(name, 0, column)
            texts.addWidget(box, 1, column)
            texts.setColumnStretch(column, 1)
        texts.addWidget(self._note, 2, 0)
        texts.setRowStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 4, theme.PADDING, 16)
        layout.setSpacing(12)
        layout.addWidget(Text(_("Prompt"), "strong"))
        layout.addWidget(self.prompt)
        layout.addLayout(row)
        layout.addWidget(self._problem)
        layout.addLayout(texts, 1)
        layout.setAlignment(Qt.AlignmentFlag.AlignTop)


def _text_box(name: str) -> QPlainTextEdit:
    box = QPlainTextEdit()
    box.setReadOnly(True)
    box.setAccessibleName(name)
    box.setTabChangesFocus(True)
    return box


def _look(run: str, project: Project) -> _Found:
    """Return a run's checkpoints and what was last written with it."""
    steps = [checkpoint.step for checkpoint in list_checkpoints(project.job(run).result)]
    for folder in reversed(list(list_jobs(project.jobs, SAMPLES.name))):
        if folder.spec().work.get("run") == run and (found := samples_of(folder)):
            return _Found(run, steps, found)
    return _Found(run, steps, [])


def _read(job_id: str, project: Project) -> list[Sample]:
    return samples_of(project.job(job_id))
