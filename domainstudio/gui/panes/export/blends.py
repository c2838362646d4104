"""Between base and checkpoint: measure blends of their weights, then drag along them."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.evaluation.blends import verdict
from domainstudio.gui.job_words import progress_of
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import LinkButton, SecondaryButton
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.share_slider import ShareSlider
from domainstudio.gui.widgets.text import ElidedText, Text
from domainstudio.jobs.folder import JobFolder
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.units import format_change
from domainstudio.workflow.export.blend_words import verdict_words, words_of
from domainstudio.workflow.export.blending import (
    BLEND,
    BlendOutlook,
    BlendRow,
    outcomes,
    outlook,
    start_blending,
)
from domainstudio.workflow.export.candidates import Candidate
from domainstudio.workflow.overview import JobRow


class BlendStrip(QWidget):
    """A button until the blends of the chosen checkpoint are measured, then a slider over them.

    Signals:
        measured: other blends are known, or none.
        chosen: the BlendRow a person chose.
    """

    measured = Signal()
    chosen = Signal(object)

    def __init__(self, session: Session) -> None:
        """Know no checkpoint yet."""
        super().__init__()
        self._session = session
        self._candidate: Candidate | None = None
        self._job = ""
        self.rows: tuple[BlendRow, ...] = ()
        """What was measured, in the order asked for."""
        self._title = Text("", "small strong")
        self._about = Text("", "small", "text2", wrap=True)
        self.measure = SecondaryButton(_("Measure blends"), self._on_measure_clicked).make_small()
        self._state = ElidedText("", "small", "text2")
        self.slider = ShareSlider(_("Share of the way from the base to the checkpoint"), 10)
        self.slider.valueChanged.connect(self._on_slider_moved)
        self.words = Text("", "text", wrap=True)
        self.verdict = Text("", "small", "text2", wrap=True)
        self.take = LinkButton(_("Choose it"), self._on_take_clicked, "small")
        self.problem = ProblemLine()
        self._lay_out()
        self._show()
        session.jobs_changed.connect(self._on_jobs_changed)

    def show_candidate(self, one: Candidate) -> None:
        """Show what is known of the blends of another checkpoint."""
        if self._candidate is None or one.name != self._candidate.name:
            self._candidate, self.rows, self._job = one, (), ""
            self.problem.clear()
            self._about.setText("")
            self._show()
            self._look()

    def show_chosen(self, row: BlendRow | None) -> None:
        """Stand where the chosen blend lies; without one at the checkpoint itself."""
        between = self._between
        if row is None or row in between:
            self.slider.show_value(between.index(row) if row else len(between) - 1)
        self.slider.setAccessibleDescription(_described(row) if row else "")
        self.words.setText(_described(row) if row else _("Drag from the checkpoint towards its base."))

    @property
    def _between(self) -> tuple[BlendRow, ...]:
        return tuple(row for row in self.rows if row.blend.kind == "interpolation")

    def _look(self) -> None:
        if self._candidate is not None:
            question = partial(outlook, run=self._candidate.run, step=self._candidate.step)
            self._session.read(question, self._on_found, self._on_refused)

    def _on_found(self, found: BlendOutlook) -> None:
        one = self._candidate
        if one is None or (found.run, found.step) != (one.run, one.step):
            return
        self.rows = found.rows
        self._about.setText(sentence(found.refusal) if found.refusal else _(
            "Weights between the base and this checkpoint mostly forget less and gain less: to measure them "
            "takes no training."))  # fmt: skip
        self.measure.setEnabled(found.refusal is None)
        self._show()
        self.measured.emit()
        self._on_jobs_changed(self._session.jobs)

    def _show(self) -> None:
        """Show the slider where there is something to drag over, else the button."""
        one, between = self._candidate, self._between
        words = _("Afterwards, without training: between {origin} and {name}")
        if one is not None:
            origin = one.origin.rstrip("/").rsplit("/", 1)[-1]
            self._title.setText(words.format(origin=origin, name=one.name))
        if between:
            self.slider.show_steps(len(between) - 1)
        for part in self._sliding:
            part.setVisible(bool(between))
        for part in (self._about, self.measure, self._state):
            part.setVisible(not between)
        found = verdict(outcomes(self.rows), one.accepted) if one and self.rows else None
        self.verdict.setText(verdict_words(self.rows))
        self.take.setVisible(bool(between and found and found.best.share))

    def _on_measure_clicked(self) -> None:
        one = self._candidate
        if one is None:
            return
        self.problem.clear()
        self.measure.setEnabled(False)
        self._state.setText(_("starting"))

        def begin(project: Project) -> JobFolder:
            return start_blending(project, one.name)

        self._session.edit(begin, self._on_started, self._on_refused)

    def _on_started(self, folder: JobFolder) -> None:
        self._job = folder.job_id
        self._on_jobs_changed(self._session.jobs)

    def _on_refused(self, problem: Problem) -> None:
        self._job = ""
        self._state.setText("")
        self.measure.setEnabled(True)
        self.problem.say("problem", sentence(problem))

    def _on_jobs_changed(self, rows: list[JobRow]) -> None:
        """Follow the job that measures, also one that this pane has not started."""
        one = self._candidate
        row = next((row for row in rows if row.job_id == self._job), None)
        if row is None and one is not None and not self.rows:
            row = next((job for job in rows if _measures(job, one.run)), None)
        if row is None:
            return
        if row.status in ("created", "running"):
            self._job = row.job_id
            self.measure.setEnabled(False)
            self._state.setText(progress_of(row) or _("starting"))
            return
        self._job = ""
        self._state.setText("")
        self.measure.setEnabled(True)
        if row.status == "done":
            self._look()
        elif row.problem is not None:
            self._on_refused(row.problem)

    def _on_slider_moved(self, value: int) -> None:
        if value < len(self._between):
            self.chosen.emit(self._between[value])

    def _on_take_clicked(self) -> None:
        found = verdict(outcomes(self.rows), self.rows[0].accepted) if self.rows else None
        for row in self._between:
            if found is not None and row.blend.amount == found.best.share:
                self.chosen.emit(row)

    def _lay_out(self) -> None:
        sliding = QHBoxLayout()
        sliding.setSpacing(12)
        ends = [Text(_("base"), "small", "text2"), Text(_("checkpoint"), "small", "text2")]
        for part in (ends[0], self.slider, ends[1]):
            sliding.addWidget(part, 1 if part is self.slider else 0)
        asking = QHBoxLayout()
        asking.setSpacing(12)
        asking.addWidget(self.measure)
        asking.addWidget(self._state, 1)
        judging = QHBoxLayout()
        judging.setSpacing(12)
        judging.addWidget(self.verdict, 1)
        judging.addWidget(self.take)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._title)
        layout.addWidget(self._about)
        layout.addLayout(asking)
        layout.addLayout(sliding)
        layout.addWidget(self.words)
        layout.addLayout(judging)
        layout.addWidget(self.problem)
        self._sliding = (*ends, self.slider, self.words, self.verdict, self.take)


def _measures(job: JobRow, run: str) -> bool:
    return job.kind == BLEND.name and job.subject == run and job.status in ("created", "running")


def _described(row: BlendRow) -> str:
    """Return a blend with its two numbers in words."""
    words = _("{blend}: gain {gain}, forgetting {forgetting} nats a token.")
    name = words_of(row.blend, row.steps)
    return words.format(
        blend=name[:1].upper() + name[1:],
        gain="–" if row.gain is None else format_change(row.gain),
        forgetting="–" if row.forgetting is None else format_change(row.forgetting),
    )
