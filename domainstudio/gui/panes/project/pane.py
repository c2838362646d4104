"""The project: what it is made of, what comes next, and every edit with undo."""

import time
from dataclasses import dataclass

from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.desktop import open_folder
from domainstudio.gui.pane import Pane
from domainstudio.gui.session import ALL_TOPICS, Session
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.form import hairline
from domainstudio.gui.widgets.table import OVERHANG, Column, RowsModel, Table, beside_table
from domainstudio.gui.widgets.text import ElidedText, KeyNumber, Text
from domainstudio.jobs.checkpoints import size_of
from domainstudio.language import translate as _
from domainstudio.project.journal import Entry
from domainstudio.project.project import Project
from domainstudio.units import format_count, format_day, format_size
from domainstudio.workflow import history
from domainstudio.workflow.steps import STEPS, Facts, StepState, read_facts, states, step_names

MOST_EDITS = 12


@dataclass(frozen=True)
class _Contents:
    facts: Facts
    size_bytes: int
    edits: list[Entry]


class ProjectPane(Pane):
    """Key numbers, the way through the steps, and the edits."""

    step = "project"
    topics = ALL_TOPICS

    def __init__(self, session: Session) -> None:
        """Build the pane; it is filled when it is shown."""
        super().__init__(
            session,
            _("Project"),
            _("One folder holds everything; every edit is saved and can be undone."),
        )
        self.header.add_secondary(_("Open the folder"), self._on_folder_clicked, "folder")
        self._undo = self.header.add_secondary(_("Undo"), self._on_undo_clicked)
        self._redo = self.header.add_secondary(_("Redo"), self._on_redo_clicked)
        self._numbers = {
            "base": KeyNumber(_("Base model")),
            "documents": KeyNumber(_("Documents kept")),
            "vocabulary": KeyNumber(_("Vocabulary")),
            "runs": KeyNumber(_("Runs")),
            "disk": KeyNumber(_("On disk")),
        }
        self._folder = ElidedText(str(session.path), "text", "text2")
        self._way = _Way(self)
        self._model = RowsModel(
            [
                Column(_("Edit"), lambda entry: entry.label.words(), token=_entry_token),
                Column(
                    _("State"),
                    lambda entry: _("undone") if entry.is_undone else "",
                    token=_entry_token,
                    width=120,
                ),
                Column(
                    _("When"),
                    lambda entry: format_day(entry.changed_at, time.time()),
                    True,
                    _entry_token,
                    width=140,
                ),
            ]
        )
        self._edits = Table(_("Edits"))
        self._edits.show_model(self._model)
        self._no_edits = Text(_("No edit was made yet."), "text", "text2")
        self._contents: _Contents | None = None
        self._build()
        session.jobs_changed.connect(self._show_way)
        session.runs_changed.connect(self._show_way)

    def refresh(self) -> None:
        """Read facts, size and edits."""
        self.show_loading()
        self.session.read(_read, self._on_read, self._on_failed)

    def _build(self) -> None:
        numbers = QHBoxLayout()
        numbers.setSpacing(32)
        for number in self._numbers.values():
            numbers.addWidget(number, 1)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        side = theme.PADDING - OVERHANG
        layout.setContentsMargins(side, theme.PADDING, side, theme.PADDING)
        layout.setSpacing(8)
        layout.addLayout(beside_table(numbers, self._folder))
        layout.addSpacing(16)
        layout.addLayout(beside_table(hairline()))
        layout.addSpacing(8)
        layout.addLayout(beside_table(Text(_("The way"), "strong"), self._way))
        layout.addSpacing(16)
        layout.addLayout(beside_table(Text(_("Edits, the newest first"), "strong"), self._no_edits))
        layout.addWidget(self._edits)
        layout.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(inner)
        outer = QVBoxLayout(self.content)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _on_read(self, contents: _Contents) -> None:
        self._contents = contents
        facts = contents.facts
        kind = _("from scratch") if facts.is_from_scratch else _("continued")
        self._numbers["base"].show_value(facts.base, "", kind)
        self._numbers["documents"].show_value(format_count(facts.documents))
        vocabulary = "–" if facts.vocabulary is None else format_count(facts.vocabulary)
        self._numbers["vocabulary"].show_value(vocabulary, "", _("entries"))
        number, unit = format_size(contents.size_bytes).split(" ")
        self._numbers["disk"].show_value(number, unit)
        self._model.show_rows(contents.edits[:MOST_EDITS])
        self._edits.fit_height(MOST_EDITS)
        self._edits.setVisible(bool(contents.edits))
        self._no_edits.setVisible(not contents.edits)
        self._undo.setEnabled(any(not entry.is_undone for entry in contents.edits))
        self._redo.setEnabled(any(entry.is_undone for entry in contents.edits))
        self._show_way()
        self.show_ready()

    def _show_way(self, _rows: object = None) -> None:
        if self._contents is not None:
            runs = self.session.run_rows
            self._numbers["runs"].show_value(format_count(len(runs)))
            self._way.show_states(states(self._contents.facts, self.session.jobs, runs))

    def _on_undo_clicked(self) -> None:
        self.session.undo()

    def _on_redo_clicked(self) -> None:
        self.session.redo()

    def _on_folder_clicked(self) -> None:
        open_folder(self.session.path)


class _Way(QWidget):
    """The steps as links with what each says of itself; the first that is not done stands out."""

    def __init__(self, pane: Pane) -> None:
        super().__init__()
        self._pane = pane
        self._links: dict[str, LinkButton] = {}
        self._words: dict[str, Text] = {}
        self._marks: dict[str, Text] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        names, purposes = step_names(), step_purposes()
        for step in STEPS[1:]:
            link = LinkButton(names[step], self._on_clicked)
            link.setObjectName(step)
            link.setFixedWidth(120)
            self._links[step], self._words[step] = link, Text("", "text", "text2")
            self._words[step].setFixedWidth(232)
            self._marks[step] = Text("", "small strong", "accent")
            row = QHBoxLayout()
            row.setSpacing(16)
            row.addWidget(link)
            row.addWidget(self._words[step])
            row.addWidget(ElidedText(purposes[step], "text", "text2"))
            row.addWidget(self._marks[step])
            row.addStretch(1)
            layout.addLayout(row)

    def show_states(self, found: dict[str, StepState]) -> None:
        """Show the states and mark what comes next."""
        following = next(
            (step for step in STEPS[1:] if found[step].state in ("todo", "attention", "problem")), ""
        )
        for step in STEPS[1:]:
            self._words[step].setText(found[step].words)
            self._marks[step].setText(_("next") if step == following else "")

    def _on_clicked(self) -> None:
        sender = self.sender()
        assert sender is not None
        self._pane.go_requested.emit(sender.objectName())


def step_purposes() -> dict[str, str]:
    """Return what each step is for."""
    return {
        "corpus": _("bring in text of your field, and general text against forgetting"),
        "duplicates": _("find near-copies, check a sample, mark them"),
        "tokenizer": _("turn the text into tokens"),
        "mixture": _("how much of each source the model reads"),
        "protection": _("how much general ability may be lost, and what keeps it"),
        "training": _("rate, batch, steps; then start"),
        "machines": _("GPU machines reached by ssh; this computer needs none"),
        "runs": _("watch gain and forgetting, pause, resume, compare"),
        "export": _("choose the checkpoint, write model and report"),
    }


def _entry_token(entry: Entry) -> str:
    return "text2" if entry.is_undone else "text"


def _read(project: Project) -> _Contents:
    return _Contents(read_facts(project), size_of(project.path), history.history(project))
