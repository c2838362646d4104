"""The pane Duplicates: what a threshold removes, how sure that is, and the pair to judge."""

from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.pane import Pane
from domainstudio.gui.panes.duplicates.items import ItemsPage
from domainstudio.gui.panes.duplicates.judging import JudgingBox
from domainstudio.gui.panes.duplicates.marking import MarkingBox
from domainstudio.gui.panes.duplicates.sample import SampleRow, SampleTable
from domainstudio.gui.panes.duplicates.view import Judged, Opened, judge, open_search
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.form import hairline, scrolled
from domainstudio.gui.widgets.problem_line import PaneProblem, ProblemLine
from domainstudio.language import translate as _
from domainstudio.project.project import Project
from domainstudio.units import format_count
from domainstudio.workflow.duplicates import finding, judging
from domainstudio.workflow.duplicates.audit import CLAIM
from domainstudio.workflow.duplicates.marking import LARGE_CLUSTER, Marking, Search
from domainstudio.workflow.overview import JobRow

_RECOUNT_MILLISECONDS = 40
_TOP_HEIGHT = 268


class DuplicatesPane(Pane):
    """Finds near-duplicates, and lets a person judge their removal."""

    step = "duplicates"
    topics = frozenset({"corpus", "tokens", "duplicates", "checks"})

    def __init__(self, session: Session) -> None:
        """Build the pane; what was found comes with the first refresh."""
        purpose = _("Nothing is deleted: near-copies are marked with their witness, and you check a sample.")
        super().__init__(session, _("Duplicates"), purpose)
        self._search: Search | None = None
        self._opened: Opened | None = None
        self._judged: Judged | None = None
        self._is_finding = False
        self._seen = ""
        self._evaluation = self.header.add_secondary(_("Evaluation items…"), self.show_items)
        self._report = self.header.add_secondary(_("Audit report…"), self._on_report_clicked, "export")
        self._again = self.header.add_secondary(_("Search again"), self._on_find_clicked)
        self._again.narrow_icon, self._evaluation.narrow_icon = "refresh", "search"
        self._unmark = self.header.add_secondary(_("Use all again"), self._on_unmark_clicked)
        self.header.set_primary(_("Mark as duplicates"), self._on_mark_clicked)
        self.line, self.items_line = ProblemLine(), ProblemLine()
        self.items = ItemsPage(session)
        self.marking, self.sample = MarkingBox(), SampleTable()
        self.judging = JudgingBox(session, self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_RECOUNT_MILLISECONDS)
        self._timer.timeout.connect(self._recount)
        self._lay_out()
        self._connect()

    # Building

    def _lay_out(self) -> None:
        top = QWidget()
        top.setFixedHeight(_TOP_HEIGHT)
        columns = QHBoxLayout(top)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(0)
        right = QWidget()
        box = QVBoxLayout(right)
        box.setContentsMargins(theme.PADDING, 10, theme.SPLIT_PADDING, 6)
        box.addWidget(self.sample)
        columns.addWidget(self.marking, 1)
        columns.addWidget(hairline(is_vertical=True))
        columns.addWidget(right, 1)
        page = QWidget()
        page.setMinimumWidth(1)  # in height alone it is scrolled where a sentence above takes the room
        whole = QVBoxLayout(self.content)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scrolled(page))
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.line)
        layout.addWidget(top)
        layout.addWidget(hairline())
        layout.addWidget(self.judging, 1)
        around = self.layout()
        assert isinstance(around, QVBoxLayout)
        around.insertWidget(2, self.items_line)
        around.addWidget(self.items, 1)
        self.items.hide()

    def _connect(self) -> None:
        self.marking.changed.connect(self._on_marking_changed)
        self.sample.cut_chosen.connect(self._recount)
        self.judging.queue_chosen.connect(self._on_queue_chosen)
        self.items.closed.connect(self.close_items)
        self.items.corpus_requested.connect(self._on_corpus_clicked)
        self.session.jobs_changed.connect(self._on_jobs_changed)

    # Reading

    def refresh(self) -> None:
        """Open the newest search, if it is another, and judge it anew."""
        if self._opened is None:
            self.show_loading()
        self.session.read(partial(open_search, before=self._search), self._on_opened, self._on_failed)

    def _on_opened(self, opened: Opened) -> None:
        is_other = opened.search is not self._search
        self._opened, self._search = opened, opened.search
        self.items.show_checks(opened.checks, opened.documents)
        self._evaluation.setVisible(bool(opened.documents))
        self._say_items()
        if opened.search is None:
            self._show_empty()
            return
        if is_other:
            self.marking.show_search(opened.search)
            if opened.standing is not None:
                self.marking.show_marking(Marking.model_validate_json(opened.standing.settings))
        self.show_ready()
        self._report.show()
        self._again.show()
        self._recount()

    def _recount(self) -> None:
        if self._search is not None:
            shown = self.judging.queues.key
            is_same = self._judged is not None and self._judged.queue.name == shown
            after = self.judging.place if is_same else -1
            question = partial(_judge, self._search, self.marking.marking, shown, after, self.sample.cut)
            self.session.read(question, self._on_judged, self._on_failed)

    def _on_judged(self, judged: Judged) -> None:
        self._judged = judged
        self.marking.show_preview(judged.preview)
        self.sample.show_sample(_sample_rows(judged), _sentence(judged))
        self._say_state()
        self.judging.show_judged(judged)

    def _show_empty(self) -> None:
        assert self._opened is not None
        for button in (self._report, self._again, self._unmark):
            button.hide()
        count = self._opened.documents
        if self._is_finding:
            title = _("Comparing {count} documents…").format(count=format_count(count))
            self.show_empty(
                "document", title, _("Its progress stands below; you may go on elsewhere."), "", None
            )
        elif not count:
            text = _("Import documents first: then near-copies among them are found here.")
            self.show_empty("document", _("No text yet"), text, _("Go to Corpus"), self._on_corpus_clicked)
        else:
            text = _(
                "Each of {count} documents is compared with every other. About 50 MB of text are read in a "
                "second; nothing is removed by it."
            )
            self.show_empty(
                "document",
                _("Near-duplicates were not looked for yet"),
                text.format(count=format_count(count)),
                _("Find near-duplicates"),
                self._on_find_clicked,
                _("More thoroughly"),
                self._on_thorough_clicked,
            )

    def _say_state(self) -> None:
        """Say what is marked now, and whether the search knows all documents."""
        assert self._opened is not None and self._judged is not None
        opened, preview = self._opened, self._judged.preview
        count = len(preview.removals.documents)
        self.header.set_primary(
            _("Mark {count} as duplicates").format(count=format_count(count)), self._on_mark_clicked
        )
        self._unmark.setVisible(opened.standing is not None)
        self._again.setEnabled(not self._is_finding)
        if opened.is_stale:
            words = _("Documents have come or gone since the search: search again to compare them too.")
            self.line.say("attention", words, [(_("Search again"), self._on_find_clicked)])
        elif self._judged.unseen_large:
            words = _(
                "Nobody has looked yet at {count} of the clusters of over {most} texts: "
                "judge a pair of each first."
            ).format(most=LARGE_CLUSTER, count=format_count(self._judged.unseen_large))
            self.line.say("attention", words, [(_("Look at them"), self._on_look_clicked)])
        else:
            self.line.clear()
        self._tell_problems()

    def _say_items(self) -> None:
        """Say that evaluation items occur, until a person has looked at them."""
        checks = self._opened.checks if self._opened is not None else []
        if checks and self.items.isVisible():
            self._seen = checks[0].job_id
        unseen = takewhile(lambda check: check.job_id != self._seen, checks)
        found = next((check.result for check in unseen if check.result.found), None)
        if found is None:
            self.items_line.clear()
        else:
            words = _("{found} of the {items} items of {name} occur in the text that is trained on.").format(
                found=format_count(found.found), items=format_count(found.items), name=found.name
            )
            links = [(_("Show them"), self.show_items), (_("Leave it"), self._on_leave_clicked)]
            self.items_line.say("attention", words, links)
        self._tell_problems()

    def _tell_problems(self) -> None:
        told = ((self.items_line, "items"), (self.line, ""))
        self.set_problems([PaneProblem("attention", line.text, field) for line, field in told if line.text])

    # What a person does

    def show_items(self) -> None:
        """Show the evaluation items that were looked for, in place of the pairs."""
        for part in self._parts:
            part.hide()
        self.items.show()
        self._say_items()
        self.items.take_focus()

    def close_items(self) -> None:
        """Show the pairs again, the focus on what had opened the page."""
        if self.items.isHidden():
            return
        self.items.hide()
        for part in self._parts:
            part.show()
        self._evaluation.setFocus()

    def _on_leave_clicked(self) -> None:
        if self._opened is not None and self._opened.checks:
            self._seen = self._opened.checks[0].job_id
        self._say_items()

    def _on_marking_changed(self, _marking: Marking) -> None:
        self._timer.start()

    def _on_queue_chosen(self, _name: str) -> None:
        self._recount()

    def _on_look_clicked(self) -> None:
        self.judging.queues.choose("list")
        self._recount()

    def _on_find_clicked(self) -> None:
        self.session.edit(finding.start_find)

    def _on_thorough_clicked(self) -> None:
        self.session.edit(partial(finding.start_find, thorough=True))

    def _on_mark_clicked(self) -> None:
        change = partial(finding.mark, marking=self.marking.marking)
        self.session.edit(change, topics=frozenset({"corpus", "duplicates"}))

    def _on_unmark_clicked(self) -> None:
        self.session.edit(finding.unmark, topics=frozenset({"corpus", "duplicates"}))

    def _on_corpus_clicked(self) -> None:
        self.go_requested.emit("corpus")

    def _on_report_clicked(self) -> None:
        name = str(self.session.path / "audit.md")
        chosen, _filter = QFileDialog.getSaveFileName(
            self, _("Audit report…"), name, _("Markdown or JSON (*.md *.json)")
        )
        if chosen:
            self.write_report(Path(chosen))

    def write_report(self, file: Path) -> None:
        """Write the audit report of what is chosen."""
        self.session.edit(partial(judging.write_report, marking=self.marking.marking, file=file))

    def _on_jobs_changed(self, jobs: Sequence[JobRow]) -> None:
        self.items.show_jobs(jobs)
        is_finding = any(job.kind == "duplicates" and job.status == "running" for job in jobs)
        if is_finding != self._is_finding:
            self._is_finding = is_finding
            if self._opened is not None and self._opened.search is None:
                self._show_empty()
            self._again.setEnabled(not is_finding)

    # Overridden from Qt

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Take the checks as seen if they are what is shown."""
        super().showEvent(event)
        self._say_items()

    # Overridden from Pane

    def focus_field(self, field: str) -> None:
        """Put the focus on the threshold, or on the pairs; show the evaluation items."""
        if field == "items":
            self.show_items()
            return
        self.close_items()
        (self.marking.chart if field == "threshold" else self.judging.pairs).setFocus()

    def memory(self) -> dict[str, Any]:
        """Return the marking, the queue, and the newest check of evaluation items that was seen."""
        return {
            "marking": self.marking.marking.model_dump(mode="json"),
            "queue": self.judging.queues.key,
            "seen": self._seen,
        }

    def remember(self, values: dict[str, Any]) -> None:
        """Take back what `memory` returned."""
        self._seen = str(values.get("seen") or "")
        try:
            self.marking.show_marking(Marking.model_validate(values.get("marking") or {}))
        except ValueError:  # of another version of this program
            self.marking.show_marking(Marking())
        self.judging.queues.choose(str(values.get("queue")))


def _judge(search: Search, marking: Marking, shown: Any, after: int, cut: Any, project: Project) -> Judged:
    return judge(project, search, marking, shown, after, cut)


def _sample_rows(judged: Judged) -> list[SampleRow]:
    rows = []
    for number, found in enumerate(judged.table):
        is_total = number == len(judged.table) - 1
        estimate = found.estimate
        checked = round(estimate.checked)
        interval = (estimate.interval.low, estimate.interval.high)
        rows.append(
            SampleRow(
                label=_("All, weighted") if is_total else found.part,
                pairs=estimate.size,
                checked=checked + estimate.unsure,
                drawn=found.drawn,
                wrong=estimate.wrong,
                share=estimate.share if checked else None,
                interval=interval if checked else None,
                is_total=is_total,
            )
        )
    return rows or [SampleRow(_("All, weighted"), 0, 0, 0, 0, None, None, True)]


def _sentence(judged: Judged) -> str:
    """Say what the sample allows to claim, and what is needed for more."""
    if not judged.table:
        return _("Nothing is removed at this threshold.")
    total = judged.table[-1]
    if not total.estimate.checked:
        return _("No pair of the random sample was judged yet: nothing is known of the removals.")
    words = _("With 95 % confidence at most {most:.1f} % of the removals are wrong.").format(
        most=100 * total.estimate.interval.high
    )
    wrong = 100 * (1 - CLAIM)
    if judged.needed is None:
        return words
    if not judged.needed:
        return f"{words} " + _("That is enough to say: at most {wrong:.0f} %.").format(wrong=wrong)
    more = _("{count} more random pairs without an error are needed to say: at most {wrong:.0f} %.")
    return f"{words} " + more.format(count=format_count(judged.needed), wrong=wrong)
