"""The Corpus pane: sources and their account, whether they are enough, and every document of them."""

from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.pane import Pane
from domainstudio.gui.panes.corpus.account import AccountLine, ReadinessCard
from domainstudio.gui.panes.corpus.browser import DocumentBrowser
from domainstudio.gui.panes.corpus.general import GENERATED, GeneralText
from domainstudio.gui.panes.corpus.importing import ImportForm
from domainstudio.gui.panes.corpus.sources import SourcesTable, source_rows, source_scales
from domainstudio.gui.panes.corpus.view import CorpusView, read_view
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.problem_line import PaneProblem, ProblemLine
from domainstudio.jobs.folder import JobFolder
from domainstudio.language import translate as _
from domainstudio.mixture.shares import Role
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.workflow import running
from domainstudio.workflow.corpus.generation import GENERATE, import_generated
from domainstudio.workflow.corpus.importing import IMPORT
from domainstudio.workflow.corpus.readiness import words
from domainstudio.workflow.corpus.sources import rename_source, set_role
from domainstudio.workflow.overview import JobRow

_ACTIVE = ("created", "running")
_TO_SHOW = {"no_domain": "sources", "no_general": "general", "no_held_out": "general"}
"""Findings that the problems bar names too, and where it leads."""


class CorpusPane(Pane):
    """Bring in text, give each source a role, and see what was left out and why."""

    step = "corpus"
    topics = frozenset({"corpus", "tokens"})

    def __init__(self, session: Session) -> None:
        """Build the pane; it is filled when it is shown."""
        super().__init__(
            session,
            _("Corpus"),
            _("Bring in text, give each source a role, and see what was left out and why."),
        )
        self._view: CorpusView | None = None
        self._source, self._reason = "", ""
        self._is_card_open: bool | None = None
        self._writing: set[str] = set()
        self._dismissed: set[str] = set()
        self._failed_now: set[str] = set()
        self._told = ""
        self._is_starting = False
        self.table = SourcesTable()
        self.account = AccountLine()
        self.card = ReadinessCard()
        self.problem = ProblemLine()
        self.browser = DocumentBrowser(session)
        self._pages = QStackedWidget()
        self._general_button = self.header.add_secondary(_("General text…"), self._on_general_clicked)
        self.header.set_primary(_("Import…"), self._on_import_clicked, "plus")
        self._lay_out()
        self.table.source_chosen.connect(self._on_source_chosen)
        self.table.renamed.connect(self._on_renamed)
        self.table.role_chosen.connect(self._on_role_chosen)
        self.account.readiness_requested.connect(self._on_readiness_clicked)
        self.card.general_requested.connect(self._on_general_clicked)
        session.jobs_changed.connect(self._on_jobs_changed)
        session.job_ended.connect(self._on_job_ended)

    def _lay_out(self) -> None:
        self._main = QWidget()
        column = QVBoxLayout(self._main)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        around = QVBoxLayout()
        around.setContentsMargins(theme.PADDING - 8, 0, theme.PADDING - 8, 0)
        around.addWidget(self.table)
        column.addWidget(self.problem)
        column.addLayout(around)
        column.addWidget(self.account)
        column.addWidget(self.card)
        column.addWidget(hairline())
        column.addWidget(self.browser, 1)
        self._pages.addWidget(self._main)
        layout = QVBoxLayout(self.content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._pages)

    @cached_property
    def form(self) -> ImportForm:
        """The form of an import, made when it is first opened: it would hold up the pane."""
        made = ImportForm(self.session)
        made.started.connect(self._on_import_started)
        made.cancelled.connect(self._on_back)
        self._pages.addWidget(made)
        return made

    @cached_property
    def general(self) -> GeneralText:
        """The ways to get general text, made when they are first opened."""
        made = GeneralText(self.session)
        made.import_requested.connect(self._on_general_import_requested)
        made.started.connect(self._on_general_started)
        made.cancelled.connect(self._on_back)
        self._pages.addWidget(made)
        return made

    def refresh(self) -> None:
        """Read the account of the corpus."""
        if self._view is None:
            self.show_loading()
        self.session.read(read_view, self._on_view, self._on_read_failed)

    def receive_paths(self, paths: list[Path]) -> None:
        """Offer to import what was dropped onto the window."""
        if self._pages.currentWidget() is self.form:
            self.form.add_paths(paths)
        else:
            self._show_page(self.form)
            self.form.begin(paths)

    def focus_field(self, field: str) -> None:
        """Go to the find box, the form of an import or a row of the table."""
        if field == "import":
            self._on_import_clicked()
        elif field == "general":
            self._on_general_clicked()
        elif field == "find" and self._pages.currentWidget() is self._main:
            self.browser.find_box.field.setFocus()
        else:
            self.table.setFocus()

    def memory(self) -> dict[str, Any]:
        """Return the chosen source and row of reasons, the columns' widths, and whether the card is open."""
        reasons = self.browser.reasons
        return {
            "source": self._source,
            "reason": reasons.key if reasons.rows.rows else self._reason,
            "widths": self.browser.splitter.sizes(),
            "card": self._is_card_open,
            "dismissed": sorted(self._dismissed),
        }

    def remember(self, values: dict[str, Any]) -> None:
        """Take back what `memory` returned."""
        self._source, self._reason = str(values.get("source", "")), str(values.get("reason", ""))
        widths = values.get("widths")
        if isinstance(widths, list) and len(widths) == 3 and all(isinstance(one, int) for one in widths):
            self.browser.splitter.setSizes(widths)
        if isinstance(values.get("card"), bool):
            self._is_card_open = values["card"]
        self._dismissed = {str(job) for job in values.get("dismissed") or ()}

    # Reading

    def _on_view(self, view: CorpusView) -> None:
        self._view = view
        if self._is_card_open is None and view.table:
            self._is_card_open = any(finding.severity == "attention" for finding in view.findings)
        if self._source not in {row.counts.name for row in view.table}:
            self._source = view.table[0].counts.name if len(view.table) == 1 else ""
        self._show()
        if view.table:
            self.browser.show_view(view, self._source, self._reason)
            self._reason = ""

    def _on_read_failed(self, problem: Problem) -> None:
        if self._view is None:
            self.show_error(problem, _("Read again"), self.refresh)
        else:  # what was read before stays
            self.problem.say("problem", sentence(problem), [(_("Read again"), self.refresh)])

    def _show(self) -> None:
        """Show everything but the documents."""
        view = self._view
        if view is None:
            return
        imports = [job for job in self.session.jobs if job.kind == IMPORT.name and job.status in _ACTIVE]
        self._say(view)
        is_form = self._pages.currentWidget() is not self._main
        if not view.table and not imports and not is_form and not self.problem.text:
            if not self._is_import_near():
                self._show_empty()
            return
        self.states.show_ready()
        self._show_header(not is_form)
        self.table.show_sources(source_rows(view.table, imports), source_scales(view.table), self._source)
        self.account.setVisible(bool(view.table))
        self.browser.setVisible(bool(view.table))
        self.card.setVisible(bool(view.table) and bool(self._is_card_open))
        if view.table:
            self.account.show_view(view, self._source, bool(self._is_card_open))
            self.card.show_findings(view.findings)
        self.set_problems(
            [
                PaneProblem("attention", words(finding), _TO_SHOW[finding.code])
                for finding in view.findings
                if view.table and finding.code in _TO_SHOW
            ]
        )

    def _is_import_near(self) -> bool:
        """Whether an import was started a moment ago, or is done and about to be committed."""
        done = any(job.kind == IMPORT.name and job.status == "done" for job in self.session.jobs)
        return self._is_starting or done

    def _show_empty(self) -> None:
        self._general_button.hide()
        self.show_empty(
            "document",
            _("There is no text yet"),
            _(
                "Import the documents of your field: folders, texts, tables, web pages, archives. You can "
                "also drop them onto this window. Nothing is changed or deleted where they lie."
            ),
            _("Import…"),
            self._on_import_clicked,
            _("Ways to get general text"),
            self._on_general_clicked,
        )

    def _say(self, view: CorpusView) -> None:
        """Say what went wrong with an import, or what waits for one."""
        for job in self.session.jobs:
            if job.job_id in self._dismissed or job.kind not in (IMPORT.name, GENERATE.name):
                continue
            if job.status == "interrupted" or (job.status == "failed" and job.job_id in self._failed_now):
                self._say_job(job)
                return
        waiting = [job for job in view.generated if job not in self._writing | self._dismissed]
        if waiting:
            self.problem.say(
                "attention",
                _("Text written by the base model ({job}) is not imported yet.").format(job=waiting[0]),
                [
                    (_("Import it"), self._on_import_it_clicked),
                    (_("Leave it"), self._on_leave_it_clicked),
                ],
            )
            self._told = waiting[0]
        else:
            self.problem.clear()

    def _say_job(self, job: JobRow) -> None:
        what = _("The import into {source}").format(source=job.subject) if job.subject else job.job_id
        if job.status == "interrupted":
            text = _("{job} was interrupted; nothing of it is in the corpus.").format(job=what)
        else:
            why = sentence(job.problem) if job.problem else _("its job.log has the details")
            text = _("{job} failed: {why}").format(job=what, why=why)
        self.problem.say(
            "problem",
            text,
            [
                (_("Start it again"), self._on_start_again_clicked),
                (_("Leave it"), self._on_leave_it_clicked),
            ],
        )
        self._told = job.job_id

    # What a person does

    def _on_source_chosen(self, source: str) -> None:
        if self._view is None or source == self._source:
            return
        self._source = source
        self.account.show_view(self._view, source, bool(self._is_card_open))
        self.browser.show_view(self._view, source)

    def _on_renamed(self, name: str, new: str) -> None:
        if name == self._source:
            self._source = new.strip() or name
        self._edit(partial(_rename, name, new))

    def _on_role_chosen(self, name: str, role: str) -> None:
        self._edit(partial(_set_role, name, role))

    def _edit(self, change: Any) -> None:
        self.session.edit(change, None, self._on_edit_failed, frozenset({"corpus", "plans"}))

    def _on_edit_failed(self, problem: Problem) -> None:
        self.problem.say("problem", sentence(problem), [(_("Close"), self.problem.clear)])

    def _on_readiness_clicked(self) -> None:
        self._is_card_open = not self._is_card_open
        self._show()

    def _on_import_clicked(self) -> None:
        self._show_page(self.form)
        self.form.begin([])

    def _on_general_clicked(self) -> None:
        self._show_page(self.general)
        self.general.setFocus()

    def _on_general_import_requested(self) -> None:
        self._show_page(self.form)
        self.form.begin([], "general")

    def _on_general_started(self, job_id: str) -> None:
        if job_id:
            self._writing.add(job_id)
        self._on_import_started()

    def _on_back(self) -> None:
        self._show_page(self._main)
        self._show()

    def _show_page(self, page: QWidget) -> None:
        self._pages.setCurrentWidget(page)
        self.states.show_ready()
        self._show_header(page is self._main)

    def _show_header(self, is_shown: bool) -> None:
        self._general_button.setVisible(is_shown)
        self._show_header_primary(is_shown)

    # Jobs

    def _on_jobs_changed(self, _jobs: list[JobRow]) -> None:
        self._is_starting = False
        if self.isVisible():
            self._show()

    def _on_job_ended(self, job: JobRow) -> None:
        if job.status == "failed":
            self._failed_now.add(job.job_id)
        if job.kind == GENERATE.name and job.status == "done" and job.job_id in self._writing:
            self._import_generated(job.job_id)
        elif job.kind in (IMPORT.name, GENERATE.name):
            self.refresh()

    def _import_generated(self, job_id: str) -> None:
        self._writing.add(job_id)
        self.session.edit(partial(_import_generated, job_id), self._on_generated_taken, self._on_edit_failed)

    def _on_generated_taken(self, _folder: JobFolder) -> None:
        self.refresh()

    def _on_import_started(self) -> None:
        self._is_starting = True
        self._on_back()

    def _on_import_it_clicked(self) -> None:
        self._import_generated(self._told)

    def _on_start_again_clicked(self) -> None:
        self._failed_now.discard(self._told)
        self.session.edit(partial(_resume, self._told), None, self._on_edit_failed)
        self.problem.clear()

    def _on_leave_it_clicked(self) -> None:
        self._dismissed.add(self._told)
        self._show()


def _rename(name: str, new: str, project: Project) -> None:
    rename_source(project, name, new)


def _set_role(name: str, role: str, project: Project) -> None:
    set_role(project, name, cast(Role, role))


def _import_generated(job_id: str, project: Project) -> JobFolder:
    return import_generated(project, job_id, GENERATED)


def _resume(job_id: str, project: Project) -> None:
    running.resume(project.job(job_id))
