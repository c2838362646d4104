"""Judging: the queue of pairs, the pair that is shown, and the keys that say what becomes of it."""

from functools import partial

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.corpus.audit.verdicts import Decision, Verdict
from domainstudio.gui import theme
from domainstudio.gui.models.paged import PAGE_ROWS
from domainstudio.gui.panes.duplicates.cluster import ClusterStrip, matrix_page
from domainstudio.gui.panes.duplicates.pair import PairTexts
from domainstudio.gui.panes.duplicates.queue import PairsModel, PairsView
from domainstudio.gui.panes.duplicates.queue_choice import QueueChoice
from domainstudio.gui.panes.duplicates.triage import TriageRow
from domainstudio.gui.panes.duplicates.view import Judged, PairView, read_pair
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem
from domainstudio.project.project import Project
from domainstudio.units import format_count
from domainstudio.workflow.duplicates import judging
from domainstudio.workflow.duplicates.audit import AuditQueue
from domainstudio.workflow.duplicates.cluster import Cluster, Matrix, matrix
from domainstudio.workflow.duplicates.judging import PairRow

_QUEUE_WIDTH = 312


class JudgingBox(QWidget):
    """What is judged and what was said of it; a pair is read ahead while the one before is looked at.

    Signals:
        queue_chosen: another queue is wanted.
    """

    queue_chosen = Signal(str)

    def __init__(self, session: Session, pane: QWidget) -> None:
        """Hear the keys wherever the focus is in `pane`."""
        super().__init__()
        self._session = session
        self._judged: Judged | None = None
        self._shown: PairView | None = None
        self._ahead: PairView | None = None
        self.place, self._wanted = -1, -1
        self._asked_text = -1
        """Position of a text that is to be judged as soon as the list of clusters is there."""
        self.queues = QueueChoice()
        self.model = PairsModel()
        self.pairs = PairsView(self.model)
        self._count = Text("", "small", "text2")
        self.texts = PairTexts()
        self.strip = ClusterStrip()
        self.triage = TriageRow(pane)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._queue_box())
        layout.addWidget(hairline(is_vertical=True))
        layout.addWidget(self._pair_box(), 1)
        self.queues.chosen.connect(self.queue_chosen)
        self.model.page_requested.connect(self._on_page_requested)
        self.pairs.pair_chosen.connect(self.show_place)
        self.strip.text_chosen.connect(self._on_text_chosen)
        self.strip.matrix_asked.connect(self._on_matrix_asked)
        self.triage.chosen.connect(self._on_action)

    def show_judged(self, judged: Judged) -> None:
        """Show a queue; the pair that is shown stays where the queue is the same."""
        before, self._judged = self._judged, judged
        is_same = before is not None and _is_same_queue(before.queue, judged.queue)
        if not is_same:
            self.place, self._shown, self._ahead = -1, None, None
        first = self._place_of_text(judged)
        if judged.queue.name == self.queues.key:
            self._asked_text = -1
        words = _("{count} pairs") if judged.queue.kept is not None else _("{count} texts")
        self._count.setText(words.format(count=format_count(len(judged.queue))))
        self.model.show_listing(len(judged.queue))
        self.triage.set_judging(bool(len(judged.queue)))
        if is_same:
            self.model.show_current(self.place)
        elif len(judged.queue):
            self.show_place(first if first is not None else judged.next_place or 0)
        else:
            self.texts.show_nothing()
            self.strip.show_cluster(None, -1)

    def _queue_box(self) -> QWidget:
        box = QWidget()
        box.setFixedWidth(_QUEUE_WIDTH)
        head = QHBoxLayout()
        head.setContentsMargins(theme.SPLIT_PADDING, 0, theme.SPLIT_PADDING, 4)
        head.addWidget(self._count)
        head.addStretch(1)
        head.addWidget(Text(_("Texts"), "small", "text2"))
        head.addSpacing(20)
        head.addWidget(Text(_("Least"), "small", "text2"))
        choice = QHBoxLayout()
        choice.setContentsMargins(theme.SPLIT_PADDING, 8, theme.SPLIT_PADDING, 8)
        choice.addWidget(self.queues)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(choice)
        layout.addWidget(hairline())
        layout.addSpacing(6)
        layout.addLayout(head)
        layout.addWidget(hairline())
        layout.addWidget(self.pairs, 1)
        return box

    def _pair_box(self) -> QWidget:
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.texts, 1)
        layout.addWidget(self.strip)
        layout.addWidget(hairline())
        layout.addWidget(self.triage)
        return box

    def _on_page_requested(self, generation: int, page: int) -> None:
        if self._judged is not None:
            question = partial(_read_page, self._judged, generation, page)
            self._session.read(question, self._on_page, self._on_refused)

    def _on_page(self, answer: tuple[int, int, list[PairRow]]) -> None:
        self.model.take_page(*answer)

    def show_place(self, place: int) -> None:
        """Show a pair, at once if it was read ahead."""
        if self._judged is None or not 0 <= place < len(self._judged.queue):
            return
        self._wanted = place
        self.pairs.go_to(place)
        self.model.show_current(place)
        ahead = self._ahead
        if ahead is not None and ahead.queue is self._judged.queue and ahead.pair.row.place == place:
            self._on_pair(ahead)
        else:
            self._session.read(partial(_read_pair, self._judged, place), self._on_pair, self._on_refused)

    def _on_pair(self, view: PairView) -> None:
        if self._judged is None or view.pair.row.place != self._wanted:
            return
        self._shown, self.place = view, view.pair.row.place
        self.texts.show_pair(view, self._judged.marking.threshold)
        self.strip.show_cluster(view.cluster, int(view.queue.removed[self.place]))
        kept = view.queue.kept
        can_keep = kept is not None and not self._judged.audit.search.found.held_out[kept[self.place]]
        self.triage.set_judging(True, can_keep, is_alone=kept is None)
        following = self._judged.audit.place_of_next(self._judged.queue, self.place)
        if following is not None and following != self.place:
            self._session.read(partial(_read_pair, self._judged, following), self._on_ahead)

    def _on_ahead(self, view: PairView) -> None:
        self._ahead = view

    def _on_text_chosen(self, position: int) -> None:
        """Judge another text of the cluster: in this queue, or in the list, which has them all."""
        if self._judged is None:
            return
        self._asked_text = position
        place = self._place_of_text(self._judged)
        if place is not None:
            self._asked_text = -1
            self.show_place(place)
        else:
            self.queues.choose("list")
            self.queue_chosen.emit("list")

    def _place_of_text(self, judged: Judged) -> int | None:
        """Return the place of the text that was asked for; None if there is none, or not in this queue."""
        places = np.flatnonzero(judged.queue.removed == self._asked_text)
        return int(places[0]) if len(places) else None

    def _on_matrix_asked(self) -> None:
        if self._judged is not None and self._shown is not None and self._shown.cluster is not None:
            question = partial(_read_matrix, self._judged, self._shown.cluster)
            self._session.read(question, self._on_matrix, self._on_refused)

    def _on_matrix(self, matrix: Matrix) -> None:
        if self._judged is not None:
            page = matrix_page(matrix, self._judged.marking.threshold, self.window())
            page.finished.connect(page.deleteLater)
            page.open()

    def _on_action(self, action: str) -> None:
        if action == "undo":
            self._session.undo()
        elif action == "next":
            self._show_next()
        else:
            self._decide(action)  # type: ignore[arg-type]

    def _decide(self, decision: Decision) -> None:
        judged, shown = self._judged, self._shown
        if judged is None or shown is None or self.place != self._wanted:
            return  # nobody has seen the pair that is on its way
        change = partial(_decide, judged, self.place, decision, self.queues.reviewer)
        self._session.edit(change, self._on_decided, topics=frozenset({"duplicates"}))
        self._show_next()

    def _on_decided(self, _verdict: Verdict) -> None:
        """The session says that verdicts have changed; the recount follows."""

    def _show_next(self) -> None:
        if self._judged is not None:
            place = self._judged.audit.place_of_next(self._judged.queue, self.place)
            if place is not None:
                self.show_place(place)

    def _on_refused(self, problem: Problem) -> None:
        self._session.problem_found.emit(problem)


def _read_page(
    judged: Judged, generation: int, page: int, project: Project
) -> tuple[int, int, list[PairRow]]:
    return generation, page, judging.rows(project, judged.audit, judged.queue, page * PAGE_ROWS, PAGE_ROWS)


def _read_pair(judged: Judged, place: int, project: Project) -> PairView:
    return read_pair(project, judged.audit, judged.queue, place)


def _read_matrix(judged: Judged, cluster: Cluster, project: Project) -> Matrix:
    return matrix(project, judged.audit.search, cluster)


def _decide(judged: Judged, place: int, decision: Decision, reviewer: str, project: Project) -> Verdict:
    return judging.decide(project, judged.audit, judged.queue, place, decision, reviewer)


def _is_same_queue(one: AuditQueue, other: AuditQueue) -> bool:
    return (
        one.name == other.name
        and len(one) == len(other)
        and all((mine == theirs).all() for mine, theirs in zip(one.sides, other.sides, strict=True))
    )
