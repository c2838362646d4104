"""The tabs Size and Train: sizes measured and priced, one of them chosen and trained by clicks."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from support import Command, OpenPane

from domainstudio.gui.panes.tokenizer.pane import TokenizerPane
from domainstudio.gui.widgets.plot_content import Content


def cells(pane: TokenizerPane) -> list[list[str]]:
    model = pane.sizes.rows
    return [[column.text(row) for column in model.columns] for row in model.rows]


@pytest.fixture
def pane(small_project: Path, command: Command, open_pane: OpenPane) -> TokenizerPane:
    command("tokenizer", "size", small_project, "--largest", "1100")
    return open_pane(TokenizerPane, small_project)


def test_a_size_is_read_chosen_and_trained(pane: TokenizerPane, qtbot: QtBot) -> None:
    pane.show_tab("size")
    tab = pane.sizes
    qtbot.waitUntil(lambda: len(tab.rows.rows) == 4, timeout=10_000)
    assert [row[0] for row in cells(pane)] == ["512", "768", "1,024", "1,100"]
    assert [row[3] for row in cells(pane)][:2] == ["65,536", "98,304"]  # 128 wide, tied
    assert "scaling law" in tab.words.text() and "below 100 MB" in tab.small_line.text
    qtbot.waitUntil(lambda: bool(tab.bits.content.lines), timeout=10_000)
    content: Content = tab.bits.content
    assert len(content.lines[0].x) == 4 and "1,100" in content.events[0].text
    assert content.summary and content.read(9.6).title == "768 entries"  # type: ignore[union-attr]
    tab.table.selectRow(1)
    assert tab.train.text() == "Train 768 entries"
    tab.train.click()
    assert pane.tabs.key == "train" and pane.training.entries.value() == 768
    assert "size-1" in pane.training.origin.text() and not pane.training.choices.isEnabled()
    qtbot.waitUntil(pane.training.train.isEnabled, timeout=10_000)
    pane.training.train.click()
    qtbot.waitUntil(lambda: "768 entries" in pane.training.current.text(), timeout=60_000)
    pane.training.anew.click()
    assert pane.training.choices.isEnabled() and not pane.training.origin.isVisible()


def test_the_form_asks_for_chunks_only_where_they_are_merged(pane: TokenizerPane, qtbot: QtBot) -> None:
    pane.show_tab("train")
    tab = pane.training
    qtbot.waitUntil(tab.train.isEnabled, timeout=10_000)
    assert not tab.chunks.isEnabled()
    tab.choices.choose("unigram", "multi-word-unicode")
    assert tab.chunks.isEnabled()
    assert (tab.choices.kind, tab.choices.split) == ("unigram", "multi-word-unicode")


@pytest.mark.parametrize("key", ["size", "train"])
def test_every_control_has_a_name(pane: TokenizerPane, qtbot: QtBot, key: str) -> None:
    pane.show_tab(key)
    controls = [
        widget
        for widget in pane.findChildren(QWidget)
        if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert controls and all(widget.accessibleName() or getattr(widget, "text", str)() for widget in controls)
