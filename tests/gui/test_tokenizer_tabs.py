"""The tabs Compare and Extend: measured by clicks, read back, and what they say when they cannot."""

from pathlib import Path

import pytest
import vocabularies
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from support import Command, OpenPane

from domainstudio.gui.panes.tokenizer.amount_tab import AmountTab
from domainstudio.gui.panes.tokenizer.compare_tab import CompareTab
from domainstudio.gui.panes.tokenizer.extend_tab import ExtendTab
from domainstudio.gui.panes.tokenizer.pane import TokenizerPane
from domainstudio.gui.panes.tokenizer.side_by_side import BothCut
from domainstudio.tokenizer.extension.check import Checked
from domainstudio.tokenizer.extension.report import ExtensionReport, Gain, SourceGain
from domainstudio.tokenizer.pieces import Piece

TEXTS = ["The law of contract is the law of promises; the law of tort is the law of wrongs.\n"] * 20


def cells(model: object) -> list[list[str]]:
    return [[column.text(row) for column in model.columns] for row in model.rows]  # type: ignore[attr-defined]


@pytest.fixture
def pane(small_project: Path, tmp_path: Path, command: Command, open_pane: OpenPane) -> TokenizerPane:
    other = tmp_path / "other"
    other.mkdir()
    vocabularies.llama_like(other, TEXTS, 400)
    command("tokenizer", "compare", small_project, "--tokenizer", other, "--sample", "100k")
    return open_pane(TokenizerPane, small_project)


def test_tokenizers_stand_beside_each_other_on_every_source(pane: TokenizerPane, qtbot: QtBot) -> None:
    tab = pane.parts["compare"]
    assert isinstance(tab, CompareTab)
    pane.show_tab("compare")
    qtbot.waitUntil(lambda: len(tab.model.rows) == 2, timeout=10_000)
    assert [row[0] for row in cells(tab.model)] == ["tokenizer-1", "other"]
    assert cells(tab.model)[0][4] == "100 %" and tab.table.isColumnHidden(6)
    assert max(row.share for row in tab.model.rows) == 1
    tab.sources.setCurrentIndex(2)
    assert "domain" in tab.sources.currentText()
    assert not tab.table.isColumnHidden(6)
    assert all("–" not in row[5:7] for row in cells(tab.model))
    assert "The reference is tokenizer-1" in tab.note.text()
    assert "The base was not measured" in tab.need.numbers.text() and tab.need.verdict.text()
    assert not tab.need.measure.isVisible()  # random weights
    assert cells(tab.terms) and "tokenizer-1" in tab.terms_title.text()
    tab.table.selectRow(1)
    assert "other" in tab.terms_title.text()
    tab.compare.click()
    qtbot.waitUntil(lambda: not tab.compare.isEnabled(), timeout=10_000)
    qtbot.waitUntil(lambda: tab.compare.isEnabled(), timeout=60_000)
    qtbot.waitUntil(lambda: tab._facts.found.sources[0].every == 1, timeout=10_000)
    assert pane.memory() == {"tab": "compare"}
    controls = [
        widget
        for widget in pane.findChildren(QWidget)
        if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert [type(widget) for widget in controls if not widget.accessibleName()] == []


def test_one_text_is_cut_by_two_tokenizers(pane: TokenizerPane, qtbot: QtBot) -> None:
    tab = pane.parts["compare"]
    assert isinstance(tab, CompareTab)
    pane.show_tab("compare")
    qtbot.waitUntil(lambda: tab.texts.boxes[1].currentText() == "other", timeout=10_000)
    qtbot.keyClicks(tab.texts.field, "the law of contract")
    left, right = tab.texts.views
    qtbot.waitUntil(lambda: bool(left.pieces and right.pieces), timeout=10_000)
    qtbot.waitUntil(lambda: left.pieces[-1].end == right.pieces[-1].end == 19, timeout=10_000)
    assert [piece.text for piece in left.pieces] != [piece.text for piece in right.pieces]
    assert f"{len(right.pieces)} tokens" in tab.texts.counts[1].text()
    tab.texts.random.click()
    qtbot.waitUntil(lambda: len(tab.texts.field.toPlainText()) > 19, timeout=10_000)
    tab.add(Path("/nowhere"))
    tab.compare.click()
    assert not tab.line.isVisible()  # what is not there is left out


def test_a_late_answer_leaves_what_was_typed_meanwhile(
    pane: TokenizerPane, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = pane.parts["compare"]
    assert isinstance(tab, CompareTab)
    pane.show_tab("compare")
    qtbot.waitUntil(lambda: tab.texts.boxes[1].currentText() == "other", timeout=10_000)
    asked = []
    monkeypatch.setattr(pane.session, "read", lambda _question, answered, _failed: asked.append(answered))
    qtbot.keyClicks(tab.texts.field, "the law")
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=10_000)
    qtbot.keyClicks(tab.texts.field, " of contract")
    asked[0](BothCut("the law", ([Piece("the law", 5, 0, 7)], [])))
    assert tab.texts.field.toPlainText() == "the law of contract"
    qtbot.waitUntil(lambda: len(asked) == 2, timeout=10_000)  # and the rest is asked for

    beginning = BothCut("the law", ([], []), is_beginning=True)
    asked[1](beginning)
    assert "Only the beginning is shown." in tab.texts.counts[0].text()


def test_an_extension_is_shown_with_its_verdict_and_curve(pane: TokenizerPane, qtbot: QtBot) -> None:
    tab = pane.parts["extend"]
    assert isinstance(tab, ExtendTab)
    pane.show_tab("extend")
    qtbot.waitUntil(lambda: "random weights" in tab.line.text, timeout=10_000)
    assert not tab.extend.isEnabled() and not tab.grow.isVisible()
    gains = [Gain(pieces=pieces, domain=1000 - saved, general=500) for pieces, saved in ((0, 0), (100, 620))]
    report = ExtensionReport(
        kind="byte-level BPE", entries=512, pieces=100, gains=tuple(gains),
        sources=(SourceGain(name="Chinese law", role="domain", before=1000, after=380),),
        examples=("合同", "法院"), checked=Checked(documents=10, characters=99, unchanged_lines=3),
        counted_characters=12345,
    )  # fmt: skip
    tab._on_facts(type(tab._facts)(is_from_scratch=False, has_grown=False, report=report))  # type: ignore[arg-type, misc]
    assert "save 62.0 % of the tokens of Chinese law: do it" in tab.verdict.text()
    assert cells(tab.gains)[1] == ["100", "380", "62.00 %", "500"]
    assert cells(tab.sources)[0][-1] == "62.00 %"
    assert "合同" in tab.examples.text() and tab.grow.isVisible()
    tab.plot.grab()
    assert [label.text for label in tab.plot.content.labels] == ["field 62.0", "general 0.0"]
    reading = tab.plot.content.read(90.0)
    assert reading is not None and reading.rows[0][1] == "62.00 %"
    tab.grow.click()
    qtbot.waitUntil(lambda: "extend it first" in tab.line.text, timeout=10_000)


def test_an_amount_is_reckoned_in_every_unit_as_it_is_typed(
    packed_project: Path, open_pane: OpenPane, qtbot: QtBot
) -> None:
    pane = open_pane(TokenizerPane, packed_project)
    tab = pane.parts["arithmetic"]
    assert isinstance(tab, AmountTab)
    pane.show_tab("arithmetic")
    qtbot.waitUntil(lambda: len(tab.model.rows) == 2, timeout=10_000)
    assert cells(tab.model)[0][1] == "100,000,000" and "Measured" in tab.note.text()
    tab.unit.setCurrentText("Books")
    tab.field.setText("2")
    qtbot.waitUntil(lambda: cells(tab.model)[0][-1] == "2.0", timeout=10_000)
    assert cells(tab.model)[0][4] == "180,000"
    tab.field.setText("many")
    assert "no whole number" in tab.line.text
    pane.focus_field("size")
    assert pane.tabs.key == "train"
