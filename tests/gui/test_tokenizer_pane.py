"""The pane Tokenizer: a vocabulary by clicks, tokens of each source, and texts in coloured pieces."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from support import Command, OpenPane

from domainstudio.gui import theme
from domainstudio.gui.panes.tokenizer.pane import TokenizerPane, total_of
from domainstudio.project.project import Project
from domainstudio.workflow.tokenizer.packing import fertility


@pytest.fixture
def pane(packed_project: Path, open_pane: OpenPane) -> TokenizerPane:
    return open_pane(TokenizerPane, packed_project)


def cells(pane: TokenizerPane) -> list[list[str]]:
    return [[column.text(row) for column in pane.model.columns] for row in pane.model.rows]


def test_it_shows_what_one_token_of_each_source_holds(pane: TokenizerPane, packed_project: Path) -> None:
    with Project(packed_project, read_only=True) as project:
        sources = fertility(project)
    rows = cells(pane)
    assert [row[0] for row in rows] == ["general", "domain", "All"]
    assert rows[0][3] == f"{sources[0].tokens:,}"
    assert rows[0][4] == f"{sources[0].bytes_per_token:.2f}"
    assert rows[2][2] == f"{sum(source.documents for source in sources):,}"
    assert "512" in pane.entries.accessibleName()
    assert pane.header.primary is not None and not pane.header.primary.isVisible()


def test_the_total_weighs_sources_by_their_tokens(packed_project: Path) -> None:
    with Project(packed_project, read_only=True) as project:
        sources = fertility(project)
    total = total_of(sources)
    assert total.bytes_per_token is not None
    size_bytes = sum((source.bytes_per_token or 0) * source.tokens for source in sources)
    assert total.bytes_per_token * total.tokens == pytest.approx(size_bytes)


def test_a_typed_text_is_shown_in_pieces(pane: TokenizerPane, qtbot: QtBot) -> None:
    qtbot.keyClicks(pane.cut.field, "the law ")
    pane.cut.field.insertPlainText("€ of")
    qtbot.waitUntil(lambda: bool(pane.cut.pieces.pieces), timeout=10_000)
    qtbot.waitUntil(lambda: pane.cut.pieces.pieces[-1].end == len("the law € of".encode()), timeout=10_000)
    assert "hexadecimal" in pane.cut.count.text()
    assert "E2" in pane.cut.pieces.toPlainText()
    assert f"{len(pane.cut.pieces.pieces)} tokens" in pane.cut.pieces.accessibleDescription()
    pane.cut.field.clear()
    qtbot.waitUntil(lambda: not pane.cut.pieces.pieces, timeout=10_000)


def test_a_random_document_comes_from_the_source_chosen(pane: TokenizerPane, qtbot: QtBot) -> None:
    pane.cut.sources.setCurrentText("domain")
    pane.cut.random.click()
    qtbot.waitUntil(lambda: "From domain:" in pane.cut.count.text(), timeout=10_000)
    text = pane.cut.field.toPlainText()
    assert pane.cut.pieces.pieces[-1].end == len(text.encode())


def test_the_token_shows_under_the_pointer(pane: TokenizerPane, qtbot: QtBot) -> None:
    pane.cut.field.setPlainText("law")
    qtbot.waitUntil(lambda: bool(pane.cut.pieces.pieces), timeout=10_000)
    view = pane.cut.pieces
    assert view.words_at(0).startswith(f"Token {view.pieces[0].identifier}, bytes 1 to ")
    cursor = view.textCursor()
    for number in range(len(view.pieces)):
        cursor.setPosition(view._cuts[number])
        assert view.piece_at(view.cursorRect(cursor).center() + QPoint(3, 0)) == number


def test_pieces_take_the_colours_of_the_theme(pane: TokenizerPane, qtbot: QtBot) -> None:
    pane.cut.field.setPlainText("law")
    qtbot.waitUntil(lambda: bool(pane.cut.pieces.pieces), timeout=10_000)
    theme.choose("dark")
    cursor = pane.cut.pieces.textCursor()
    cursor.setPosition(1)
    assert cursor.charFormat().background().color() == theme.color("select")


def test_a_vocabulary_is_trained_and_the_text_packed_by_clicks(
    tmp_path: Path, command: Command, open_pane: OpenPane, qtbot: QtBot
) -> None:
    project = tmp_path / "p"
    command("project", "new", project, "--from-scratch", "tiny")
    (tmp_path / "a.txt").write_text("Some text of law and order. " * 400)
    command("corpus", "import", project, tmp_path / "a.txt", "--role", "domain")
    pane = open_pane(TokenizerPane, project)
    button = pane.header.primary
    assert button is not None and button.text() == "Train vocabulary"
    assert not pane.cut.isVisible()
    pane.size_field.setValue(300)
    button.click()
    qtbot.waitUntil(lambda: button.text() == "Pack token files" and button.isEnabled(), timeout=60_000)
    assert pane.cut.isVisible()
    button.click()
    qtbot.waitUntil(
        lambda: [row[0] for row in cells(pane)] == ["a"] and not button.isVisible(), timeout=60_000
    )
    assert not pane.size_field.isVisible()
    pane.train.click()
    assert pane.tabs.key == "train"


def test_without_text_it_leads_to_the_corpus(tmp_path: Path, command: Command, open_pane: OpenPane,
                                             qtbot: QtBot) -> None:  # fmt: skip
    command("project", "new", tmp_path / "p", "--from-scratch", "tiny")
    pane = open_pane(TokenizerPane, tmp_path / "p")
    assert not pane.states.is_ready
    with qtbot.waitSignal(pane.go_requested) as went:
        pane._on_corpus_clicked()
    assert went.args == ["corpus"]


def test_every_control_has_a_name(pane: TokenizerPane) -> None:
    controls = [
        widget
        for widget in pane.findChildren(QWidget)
        if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert len(controls) >= 6
    assert [type(widget) for widget in controls if not widget.accessibleName()] == []
