"""The Corpus pane on a real project: import by drop, browsing, search, rejections, edits in place, states."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from domainstudio.gui.panes.corpus.general import GeneralText
from domainstudio.gui.panes.corpus.importing import ImportForm
from domainstudio.gui.panes.corpus.pane import CorpusPane
from domainstudio.gui.panes.corpus.sources import ROLE, source_rows
from domainstudio.gui.panes.corpus.text import DocumentView
from domainstudio.gui.session import Session
from domainstudio.jobs.events import Progress, Start
from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.jobs.worker import Worker
from domainstudio.mixture.shares import Mixture
from domainstudio.problems import Problem
from domainstudio.project import corpus, plans
from domainstudio.project.documents import DocumentRow
from domainstudio.project.project import Project, create
from domainstudio.recipe.generation import FILE, GenerateWork
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.corpus.generation import GENERATE
from domainstudio.workflow.corpus.importing import ImportWork
from domainstudio.workflow.corpus.sources import SHOWN_CHARACTERS, DocumentText
from domainstudio.workflow.overview import JobRow

SECONDS = 20_000
Opened = Callable[[Path], CorpusPane]


@pytest.fixture
def opened(qtbot: QtBot) -> Iterator[Opened]:
    """Return a function that shows the pane of a project and waits until it has read it."""
    sessions: list[Session] = []

    def open_pane(project: Path) -> CorpusPane:
        session = Session(project)
        sessions.append(session)
        pane = CorpusPane(session)
        qtbot.addWidget(pane)
        pane.resize(1224, 836)
        pane.show()
        qtbot.waitUntil(lambda: pane._view is not None, timeout=SECONDS)
        return pane

    yield open_pane
    for session in sessions:
        session.close()


@pytest.fixture
def empty_project(tmp_path: Path) -> Path:
    with create(tmp_path / "new", ModelOrigin(preset="tiny")) as project:
        return project.path


def cells(model: QAbstractItemModel, column: int = 0) -> list[str]:
    return [str(model.data(model.index(row, column))) for row in range(model.rowCount())]


def choose_reason(pane: CorpusPane, key: str) -> None:
    keys = [row.key for row in pane.browser.reasons.rows.rows]
    pane.browser.reasons.setCurrentIndex(pane.browser.reasons.rows.index(keys.index(key), 0))


def shown_title(pane: CorpusPane) -> str:
    return pane.browser.text._title.text()


def test_it_shows_sources_their_account_and_the_first_document(
    packed_project: Path, opened: Opened, qtbot: QtBot
) -> None:
    pane = opened(packed_project)
    assert cells(pane.table.rows) == ["general", "domain", "Kept, all sources"]
    with Project(packed_project, read_only=True) as project:
        counts = corpus.counts(project.connection)
    kept = sum(count.training_documents + count.held_out_documents for count in counts)
    assert cells(pane.table.rows, 2)[-1] == f"{kept:,}"
    words = [label.text() for label in pane.account.findChildren(QLabel)]
    assert f"{kept:,}" in words and {"kept", "marked", "rejected"} < set(words)
    qtbot.waitUntil(lambda: bool(pane.browser.text.text.toPlainText()), timeout=SECONDS)
    assert pane.browser.model.total == kept
    assert shown_title(pane) == cells(pane.browser.model)[0]
    assert pane.card.isVisible()
    assert any("retriev" in label.text() for label in pane.card.findChildren(QLabel))


def test_a_source_and_a_reason_filter_the_documents(
    packed_project: Path, opened: Opened, qtbot: QtBot
) -> None:
    pane = opened(packed_project)
    with Project(packed_project, read_only=True) as project:
        domain = next(count for count in corpus.counts(project.connection) if count.name == "domain")
    pane.table.setCurrentIndex(pane.table.rows.index(1, 0))
    kept = domain.training_documents + domain.held_out_documents
    qtbot.waitUntil(lambda: pane.browser.model.total == kept, timeout=SECONDS)
    choose_reason(pane, "held_out")
    qtbot.waitUntil(lambda: pane.browser.model.total == domain.held_out_documents, timeout=SECONDS)
    qtbot.waitUntil(lambda: "never trained on" in pane.browser.text._words.text(), timeout=SECONDS)
    assert pane.memory()["source"] == "domain" and pane.memory()["reason"] == "held_out"


def test_a_copy_shows_its_witness_and_the_arrows_lead_back(
    packed_project: Path, opened: Opened, qtbot: QtBot
) -> None:
    pane = opened(packed_project)
    with Project(packed_project, read_only=True) as project:
        marked = sum(c.marked for c in corpus.counts(project.connection))
    assert marked
    choose_reason(pane, "marked")
    link = pane.browser.text._link
    qtbot.waitUntil(lambda: pane.browser.model.total == marked and link.isVisible(), timeout=SECONDS)
    qtbot.mouseClick(link, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.browser.text._place.text() == "outside the list", timeout=SECONDS)
    pane.browser.text.step_requested.emit(1)
    qtbot.waitUntil(lambda: pane.browser.text._place.text() == f"1 of {marked:,}", timeout=SECONDS)


def test_text_is_found_sorted_and_the_list_comes_back(
    small_project: Path, opened: Opened, qtbot: QtBot
) -> None:
    pane = opened(small_project)
    qtbot.waitUntil(lambda: pane.browser.model.total > 0, timeout=SECONDS)
    whole = pane.browser.model.total
    find = pane.browser.find_box
    qtbot.keyClicks(find.field, "THREAD")
    qtbot.keyClick(find.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: find._has_found, timeout=SECONDS)
    found = pane.browser.model.total
    assert 0 < found < whole
    assert find._words.text() == f"{found:,} hold “THREAD”"
    qtbot.waitUntil(lambda: "thread" in pane.browser.text.text.toPlainText().casefold(), timeout=SECONDS)
    pane.browser.documents.horizontalHeader().sectionClicked.emit(1)
    assert find.order.currentText() == "Longest first"
    qtbot.waitUntil(lambda: find._has_found, timeout=SECONDS)
    qtbot.waitUntil(lambda: "…" not in cells(pane.browser.model), timeout=SECONDS)
    sizes = [int(text.replace(",", "")) for text in cells(pane.browser.model, 1)]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == found
    qtbot.keyClick(find.field, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: pane.browser.model.total == whole, timeout=SECONDS)
    assert not find.field.text()


def test_a_search_taken_back_at_once_leaves_the_list_as_it_was(
    small_project: Path, opened: Opened, qtbot: QtBot
) -> None:
    pane = opened(small_project)
    qtbot.waitUntil(lambda: pane.browser.model.total > 0, timeout=SECONDS)
    whole = pane.browser.model.total
    find = pane.browser.find_box
    qtbot.keyClicks(find.field, "thread")
    qtbot.keyClick(find.field, Qt.Key.Key_Return)
    qtbot.keyClick(find.field, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: find._job is None and not find.is_showing, timeout=SECONDS)
    qtbot.waitUntil(
        lambda: all(job.status not in ("created", "running") for job in pane.session.jobs), timeout=SECONDS
    )
    assert pane.browser.model.total == whole
    qtbot.waitUntil(lambda: find._words.text() == f"{whole:,} documents", timeout=SECONDS)


def test_files_dropped_are_imported_and_what_was_rejected_is_shown(
    empty_project: Path, tmp_path: Path, opened: Opened, qtbot: QtBot
) -> None:
    lines = tmp_path / "notes.jsonl"
    lines.write_text('{"text": "one"}\n{broken\n{"text": "two"}\n{"no": 1}\n')
    pane = opened(empty_project)
    assert not pane.states.is_ready
    assert "There is no text yet" in [label.text() for label in pane.states.findChildren(QLabel)]
    pane.receive_paths([lines])
    assert pane.states.is_ready and pane.form.name.text() == "notes"
    qtbot.waitUntil(pane.form.start.isEnabled, timeout=SECONDS)
    assert pane.form.start.text() == "Import 1 file"
    pane.form.role.setCurrentIndex(1)
    qtbot.mouseClick(pane.form.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane._view is not None and bool(pane._view.table), timeout=SECONDS)
    assert cells(pane.table.rows) == ["notes"] and cells(pane.table.rows, ROLE) == ["general"]
    choose_reason(pane, "rejected")
    assert cells(pane.browser.rejections, 1) == ["Broken JSON line", "No text in its field"]
    assert shown_title(pane) == "Broken JSON line"
    choose_reason(pane, "rejected:missing_text")
    assert cells(pane.browser.rejections, 1) == ["No text in its field"]
    choose_reason(pane, "kept")
    qtbot.waitUntil(lambda: pane.browser.text.text.toPlainText() == "one", timeout=SECONDS)


def test_an_import_that_is_refused_says_why_beside_its_field(
    small_project: Path, tmp_path: Path, opened: Opened, qtbot: QtBot
) -> None:
    pane = opened(small_project)
    pane.receive_paths([tmp_path / "nowhere"])
    qtbot.waitUntil(lambda: "does not exist" in pane.form.problem.text, timeout=SECONDS)
    assert not pane.form.start.isEnabled()
    note = tmp_path / "note.txt"
    note.write_text("a note")
    pane.form.begin([note])
    qtbot.waitUntil(pane.form.start.isEnabled, timeout=SECONDS)
    pane.form.name.setText("domain")
    pane.form.role.setCurrentIndex(1)
    qtbot.mouseClick(pane.form.start, Qt.MouseButton.LeftButton)
    error = pane.form.rows["role"]._error
    qtbot.waitUntil(lambda: "has the role domain already" in error.text(), timeout=SECONDS)
    assert pane.form.start.isEnabled()


def test_name_and_role_are_changed_in_place(small_project: Path, opened: Opened, qtbot: QtBot) -> None:
    pane = opened(small_project)
    index = pane.table.rows.index(1, ROLE)
    pane.table._on_clicked(index)
    editor = pane.table.findChild(QComboBox)
    assert editor is not None
    editor.setCurrentIndex(editor.findData("task"))
    editor.activated.emit(editor.currentIndex())
    qtbot.waitUntil(lambda: cells(pane.table.rows, ROLE)[1] == "task", timeout=SECONDS)
    pane.table.rows.setData(pane.table.rows.index(1, 0), "threads")
    qtbot.waitUntil(lambda: cells(pane.table.rows)[1] == "threads", timeout=SECONDS)
    with Project(small_project) as project:
        mixture = plans.load(project.connection, "mixture", "default", Mixture)
    assert mixture is not None and set(mixture.shares) == {"general", "threads"}
    pane.table.rows.setData(pane.table.rows.index(1, 0), "general")
    qtbot.waitUntil(lambda: "named general already" in pane.problem.text, timeout=SECONDS)
    assert cells(pane.table.rows)[1] == "threads"


def at_work(project: Path, source: str) -> JobFolder:
    work = ImportWork(paths=("/nowhere",), source=source, role="domain", settings={}, rule=None)  # type: ignore[arg-type]
    return create_job(project / "jobs", "import", "domainstudio.workflow", work)


def test_an_import_at_work_stands_in_place_of_its_numbers(
    packed_project: Path,
) -> None:
    from domainstudio.workflow.corpus.sources import table

    with Project(packed_project, read_only=True) as project:
        rows = table(project)
    job = JobRow("import-9", "import", "domain", "running", "importing", 1126, 1846, "files", 9.0, 240.0)
    shown = source_rows(rows, [job, JobRow("import-10", "import", "news", "created")])
    assert [row.name for row in shown] == ["general", "domain", "news", ""]
    assert shown[1].cells[2] == "Importing: 1,126 of 1,846 files, about 4 min 0 s left"
    assert shown[2].cells[:3] == ("news", "", "Importing…") and not shown[2].is_editable
    assert shown[0].cells[3] != "–" and shown[3].cells[0] == "Kept, all sources"


def test_an_import_that_died_is_told_and_can_be_left(
    small_project: Path, opened: Opened, qtbot: QtBot
) -> None:
    folder = at_work(small_project, "news")
    folder.record_process(1, 0)
    record = (folder.path / "run.json").read_text().replace('"started":', '"started":9')
    (folder.path / "run.json").write_text(record)
    Worker(folder).emit(Start(0))
    pane = opened(small_project)
    qtbot.waitUntil(lambda: "The import into news was interrupted" in pane.problem.text, timeout=SECONDS)
    pane._on_leave_it_clicked()
    assert pane.problem.text == "" and folder.job_id in pane.memory()["dismissed"]


def test_an_import_that_fails_says_why(
    empty_project: Path, tmp_path: Path, opened: Opened, qtbot: QtBot
) -> None:
    lines = tmp_path / "broken.jsonl"
    lines.write_text("{broken\n")
    pane = opened(empty_project)
    pane.receive_paths([lines])
    qtbot.waitUntil(pane.form.start.isEnabled, timeout=SECONDS)
    qtbot.mouseClick(pane.form.start, Qt.MouseButton.LeftButton)
    words = "The import into broken failed: None of the 1 files holds a readable document"
    qtbot.waitUntil(lambda: words in pane.problem.text, timeout=SECONDS)
    pane._on_leave_it_clicked()
    assert "There is no text yet" in [label.text() for label in pane.states.findChildren(QLabel)]


def test_text_that_the_model_wrote_waits_to_be_imported(
    small_project: Path, opened: Opened, qtbot: QtBot
) -> None:
    work = GenerateWork(model="m", tokenizer="t", tokens=10, seed=0)
    folder = create_job(small_project / "jobs", GENERATE.name, GENERATE.program, work)
    folder.record_process(1, 0)
    folder.result.mkdir()
    (folder.result / FILE).write_text('{"text": "Once upon a time."}\n' * 3)
    worker = Worker(folder)
    worker.emit(Progress(3, 3, "tokens", "writing"))
    worker.finish("done")
    pane = opened(small_project)
    qtbot.waitUntil(lambda: "not imported yet" in pane.problem.text, timeout=SECONDS)
    pane._on_import_it_clicked()
    name = "generated · written by a model"
    qtbot.waitUntil(lambda: name in cells(pane.table.rows), timeout=SECONDS)
    qtbot.waitUntil(lambda: not pane.problem.text, timeout=SECONDS)


def test_general_text_from_a_random_model_is_refused_in_a_sentence(
    small_project: Path, opened: Opened, qtbot: QtBot
) -> None:
    pane = opened(small_project)
    pane.focus_field("general")
    pane.general.tokens.setText("many")
    pane.general._on_write_clicked()
    assert "no whole number" in pane.general.problem.text
    pane.general.tokens.setText("100k")
    pane.general._on_write_clicked()
    qtbot.waitUntil(lambda: "random weights" in pane.general.problem.text, timeout=SECONDS)
    pane.general.cancelled.emit()
    assert pane.table.isVisible()


def test_what_cannot_be_read_leaves_what_was_read_before(
    small_project: Path, opened: Opened, qtbot: QtBot
) -> None:
    pane = opened(small_project)
    qtbot.waitUntil(lambda: bool(pane.browser.text.text.toPlainText()), timeout=SECONDS)
    shards = list((small_project / "documents").rglob("*.parquet"))
    for shard in shards:
        shard.unlink()
    pane.browser.text.step_requested.emit(1)
    qtbot.waitUntil(lambda: "cannot be read" in pane.browser.text._problem.text, timeout=SECONDS)
    rows = cells(pane.table.rows)
    pane._on_read_failed(Problem("project.damaged", None, {"file": "project.sqlite"}))
    assert "damaged" in pane.problem.text and cells(pane.table.rows) == rows


def test_a_huge_document_is_cut_and_its_lines_are_broken(qtbot: QtBot) -> None:
    view = DocumentView()
    qtbot.addWidget(view)
    row = DocumentRow(1, 1, "import-1", "part", 0, "Long", 3 * SHOWN_CHARACTERS, "zh", "training", None)
    view.show_document(DocumentText(row, "law", "a.txt", 0, "字" * SHOWN_CHARACTERS, None), "1 of 1")
    assert "first 200,000 of 600,000 characters" in view._problem.text
    assert view.text.toPlainText().replace("\n", "") == "字" * SHOWN_CHARACTERS
    assert view.text.document().blockCount() == 50
    assert "Chinese" in view._origin.text()
    view.show_document(DocumentText(row, "law", "a.txt", 3, "<b>x</b>", None), "1 of 1")
    assert view.text.toPlainText() == "<b>x</b>"


def test_every_control_has_a_name_and_the_pane_remembers_where_it_was(
    packed_project: Path, opened: Opened, qtbot: QtBot
) -> None:
    pane = opened(packed_project)
    assert not pane.findChildren(ImportForm) and not pane.findChildren(GeneralText)
    for field in ("import", "general"):
        pane.focus_field(field)
    pane.general.cancelled.emit()
    controls = [
        widget
        for widget in pane.findChildren(QWidget)
        if isinstance(widget, QAbstractButton | QLineEdit | QComboBox) or widget in (pane.table,)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
    ]
    assert {pane.form.start, pane.general.tokens, pane.table} <= {*controls} and len(controls) > 20
    assert [type(widget).__name__ for widget in controls if not widget.accessibleName()] == []
    pane.remember({"source": "domain", "reason": "held_out", "widths": [200, 300, 700], "card": False})
    pane.refresh()
    qtbot.waitUntil(lambda: pane.browser.reasons.key == "held_out", timeout=SECONDS)
    assert pane._source == "domain" and not pane.card.isVisible()
    pane.remember({"widths": "broken", "card": 3, "dismissed": None})
