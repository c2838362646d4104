"""The pane Mixture: what is moved, typed and locked is shown at once, saved soon after, and can be undone."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from support import Command, OpenPane

from domainstudio.gui.panes.mixture.pane import MixturePane
from domainstudio.gui.widgets.buttons import LinkButton, PrimaryButton
from domainstudio.gui.window import Window
from domainstudio.mixture.shares import Mixture
from domainstudio.project.project import Project
from domainstudio.workflow import history, planning
from domainstudio.workflow.corpus import sources


@pytest.fixture
def pane(small_project: Path, open_pane: OpenPane) -> MixturePane:
    return open_pane(MixturePane, small_project)


def saved(project: Path) -> Mixture:
    with Project(project, read_only=True) as found:
        return planning.mixture_of(found)


def wait_saved(qtbot: QtBot, pane: MixturePane) -> Mixture:
    pane.save_pending()
    qtbot.waitUntil(lambda: not pane._is_saving, timeout=10_000)
    return saved(pane.session.path)


def link(pane: MixturePane, words: str) -> LinkButton:
    found = [
        button for button in pane.findChildren(LinkButton) if button.isVisible() and words in button.text()
    ]
    assert found, [button.text() for button in pane.findChildren(LinkButton)]
    return found[0]


def test_it_shows_the_saved_mixture_in_every_notation(pane: MixturePane) -> None:
    assert (pane.head.ratio.text, pane.head.replay.text, pane.head.domain.text) == ("1 : 3", "25.0", "75.0")
    assert pane.head.tokens.text() == "20,480"
    assert pane.table.rows["domain"].spin.value() == 75.0
    assert pane.table.rows["domain"].tokens.text == "15,360"
    assert pane.presets.buttons["replay-25"].isChecked()
    assert pane.amount.lines[0][0] == "Words"
    assert not pane.problems


def test_a_drag_rescales_the_others_at_once_and_is_saved_as_one_edit(pane: MixturePane, qtbot: QtBot) -> None:
    slider = pane.table.rows["general"].slider
    middle = slider.height() // 2

    def at(share: float) -> QPoint:
        return QPoint(round(8 + share * (slider.width() - 16)), middle)

    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=at(0.3))
    for share in (1.0, 0.9, 0.5):
        qtbot.mouseMove(slider, at(share))
        slider.mouseMoveEvent(_move(slider, at(share)))
        assert pane.table.rows["domain"].spin.value() == pytest.approx(100 - 100 * share, abs=0.5)
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=at(0.5))
    found = wait_saved(qtbot, pane)
    assert found.shares["general"] == pytest.approx(0.5, abs=0.01)
    assert sum(found.shares.values()) == pytest.approx(1, abs=1e-9)
    with Project(pane.session.path) as project:
        assert [entry.target for entry in history.history(project)].count("mixture:default") == 2


def _move(widget: QWidget, place: QPoint) -> object:
    from PySide6.QtCore import QEvent, QPointF
    from PySide6.QtGui import QMouseEvent

    button = Qt.MouseButton.LeftButton
    where = QPointF(place)
    return QMouseEvent(
        QEvent.Type.MouseMove, where, QPointF(widget.mapToGlobal(place)), button, button,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip


def test_keys_and_the_spin_box_move_a_share_too(pane: MixturePane, qtbot: QtBot) -> None:
    row = pane.table.rows["general"]
    row.slider.setFocus()
    qtbot.keyClick(row.slider, Qt.Key.Key_Right)
    assert row.spin.value() == pytest.approx(25.1)
    row.spin.setFocus()
    row.spin.selectAll()
    qtbot.keyClicks(row.spin, "40")
    qtbot.keyClick(row.spin, Qt.Key.Key_Return)
    assert pane.head.ratio.text == "1 : 1.5"
    assert wait_saved(qtbot, pane).shares == pytest.approx({"general": 0.4, "domain": 0.6})


def test_a_locked_source_stays_and_the_lock_is_saved(pane: MixturePane, qtbot: QtBot) -> None:
    row = pane.table.rows["general"]
    row.lock.click()
    assert not row.slider.isEnabled() and row.lock.accessibleName() == "Unlock general"
    pane.table.rows["domain"].spin.setValue(50)
    assert pane.table.rows["domain"].spin.value() == 75.0
    assert not pane.presets.buttons["replay-10"].isEnabled()
    assert wait_saved(qtbot, pane).locked == ("general",)


@pytest.mark.parametrize(
    ("number", "text", "replay"), [("ratio", "1 : 4", 0.2), ("replay", "10 %", 0.1), ("domain", "60", 0.4)]
)
def test_each_notation_can_be_typed(
    pane: MixturePane, qtbot: QtBot, number: str, text: str, replay: float
) -> None:
    field = getattr(pane.head, number)
    field.begin_typing()
    field.field.setText(text)
    qtbot.keyClick(field.field, Qt.Key.Key_Return)
    assert wait_saved(qtbot, pane).shares["general"] == pytest.approx(replay)


def test_what_is_no_ratio_is_said_and_nothing_moves(pane: MixturePane, qtbot: QtBot) -> None:
    pane.head.ratio.begin_typing()
    pane.head.ratio.field.setText("many")
    qtbot.keyClick(pane.head.ratio.field, Qt.Key.Key_Return)
    assert "'many'" in pane.line.text
    assert pane.head.ratio.text == "1 : 3"
    pane.head.ratio.begin_typing()
    pane.head.ratio.field.setText("1:1")
    qtbot.keyClick(pane.head.ratio.field, Qt.Key.Key_Escape)
    assert pane.head.ratio.text == "1 : 3"


def test_a_preset_sets_the_ratio(pane: MixturePane, qtbot: QtBot) -> None:
    pane.presets.buttons["chathome"].click()
    assert pane.head.ratio.text == "5 : 1"
    assert wait_saved(qtbot, pane).shares["general"] == pytest.approx(5 / 6)


def type_tokens(pane: MixturePane, qtbot: QtBot, text: str) -> None:
    pane.head.tokens.setFocus()
    pane.head.tokens.selectAll()
    qtbot.keyClicks(pane.head.tokens, text)
    qtbot.keyClick(pane.head.tokens, Qt.Key.Key_Return)


@pytest.mark.parametrize(
    ("words", "check"),
    [
        ("Lower", lambda found, before: found.shares["domain"] < before.shares["domain"]),
        ("Allow", lambda found, before: found.max_epochs > before.max_epochs),
        ("Train on", lambda found, before: found.tokens < 500_000),
    ],
)
def test_a_shortage_is_named_with_remedies_that_mend_it(
    pane: MixturePane, qtbot: QtBot, words: str, check: Callable[[Mixture, Mixture], bool]
) -> None:
    before = saved(pane.session.path)
    type_tokens(pane, qtbot, "500k")
    assert any(problem.field == "shares.domain" for problem in pane.problems)
    assert wait_saved(qtbot, pane).tokens == 500_000, "the wish is kept, though a run of it is refused"
    line = next(line for line in pane.shortages.lines if "domain is read" in line.text)

    def offered() -> list[LinkButton]:
        links = line.findChildren(LinkButton)
        return [button for button in links if button.text().startswith(words) and not button.isHidden()]

    qtbot.waitUntil(lambda: bool(offered()))
    offered()[0].click()
    assert not any(problem.field == "shares.domain" for problem in pane.problems)
    assert check(wait_saved(qtbot, pane), before)


def test_a_wish_that_could_not_be_saved_stays_until_it_is(pane: MixturePane, qtbot: QtBot) -> None:
    with closing(sqlite3.connect(pane.session.path / "project.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        type_tokens(pane, qtbot, "500k")
        pane.save_pending()
        qtbot.waitUntil(lambda: bool(pane.line.text), timeout=20_000)
        other.rollback()
    refreshed = pane._facts
    pane.refresh()
    qtbot.waitUntil(lambda: pane._facts is not refreshed)
    assert pane.head.tokens.text() == "500,000"
    link(pane, "Save again").click()
    assert wait_saved(qtbot, pane).tokens == 500_000


def test_a_problem_leads_to_its_field(pane: MixturePane, qtbot: QtBot) -> None:
    qtbot.waitUntil(pane.isActiveWindow, timeout=5_000)
    pane.focus_field("shares.domain")
    assert pane.table.rows["domain"].spin.hasFocus()
    pane.focus_field("tokens")
    assert pane.head.tokens.hasFocus()


def test_undo_elsewhere_shows_here(pane: MixturePane, qtbot: QtBot) -> None:
    pane.presets.buttons["replay-5"].click()
    wait_saved(qtbot, pane)
    pane.session.edit(history.undo, topics=frozenset({"plans"}))
    qtbot.waitUntil(lambda: pane.head.replay.text == "25.0", timeout=10_000)
    assert saved(pane.session.path).shares["general"] == 0.25


def test_a_change_that_was_not_saved_yet_outlives_news_of_the_project(
    pane: MixturePane, qtbot: QtBot
) -> None:
    pane.presets.buttons["replay-10"].click()
    rename = partial(sources.rename_source, name="domain", new="field")
    with qtbot.waitSignal(pane.session.changed, timeout=10_000):
        pane.session.edit(lambda project: planning.set_recipe(project, {"warmup_steps": "3"}),
                          topics=frozenset({"plans"}))  # fmt: skip
    pane.refresh()
    assert pane.head.replay.text == "10.0"
    assert wait_saved(qtbot, pane).shares["general"] == pytest.approx(0.1)
    pane.session.edit(rename, topics=frozenset({"corpus", "plans"}))
    qtbot.waitUntil(lambda: "field" in pane.table.rows, timeout=10_000)
    assert pane.head.replay.text == "10.0"


def test_hiding_the_pane_saves_what_was_moved(pane: MixturePane, qtbot: QtBot) -> None:
    pane.presets.buttons["replay-10"].click()
    pane.hide()
    qtbot.waitUntil(lambda: not pane._is_saving, timeout=10_000)
    assert saved(pane.session.path).shares["general"] == pytest.approx(0.1)


def test_without_token_files_it_says_why_and_packs(tmp_path: Path, command: Command, open_pane: OpenPane,
                                                   qtbot: QtBot) -> None:  # fmt: skip
    project = tmp_path / "p"
    command("project", "new", project, "--from-scratch", "tiny")
    pane = open_pane(MixturePane, project)
    with qtbot.waitSignal(pane.go_requested) as went:
        primary(pane).click()
    assert went.args == ["corpus"]
    (tmp_path / "a.txt").write_text("Some text of law and order. " * 400)
    command("corpus", "import", project, tmp_path / "a.txt", "--role", "domain")
    command("tokenizer", "train", project, "--size", "300")
    pane.refresh()
    qtbot.waitUntil(lambda: primary(pane).text() == "Pack token files", timeout=10_000)
    primary(pane).click()
    qtbot.waitUntil(lambda: pane.states.is_ready, timeout=60_000)
    assert "proposal" in pane.line.text
    link(pane, "Keep it").click()
    found = wait_saved(qtbot, pane)
    assert found.tokens == planning.mixture_facts(Project(project)).sources[0].tokens
    qtbot.waitUntil(lambda: "No source is general text" in pane.line.text, timeout=10_000)
    assert not pane.header.primary or not pane.header.primary.isVisible()


def primary(pane: MixturePane) -> PrimaryButton:
    return next(b for b in pane.states.findChildren(PrimaryButton) if b.isVisible())


def test_a_changed_corpus_offers_to_pack_again(
    small_project: Path, command: Command, open_pane: OpenPane
) -> None:
    more = small_project.parent / "more.txt"
    more.write_text("A document that came later. " * 50)
    command("corpus", "import", small_project, more, "--role", "domain", "--name", "domain")
    pane = open_pane(MixturePane, small_project)
    assert "changed since" in pane.stale_line.text
    assert pane.header.primary is not None and pane.header.primary.isVisible()


def test_every_control_has_a_name_and_tab_reaches_it(pane: MixturePane) -> None:
    controls = [
        widget
        for widget in pane.findChildren(QWidget)
        if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert len(controls) > 12
    assert [type(widget) for widget in controls if not widget.accessibleName()] == []
    reached, widget = set(), pane.nextInFocusChain()
    while widget is not pane:
        reached.add(widget)
        widget = widget.nextInFocusChain()
    assert not [widget.accessibleName() for widget in controls if widget not in reached]


def test_undo_takes_back_what_was_moved_a_moment_ago(
    small_project: Path, open_window: Callable[..., Window], qtbot: QtBot
) -> None:
    window = open_window(small_project, "mixture")
    pane = window.shell.pane if window.shell else None
    assert isinstance(pane, MixturePane)
    pane.presets.buttons["replay-5"].click()
    assert pane.head.replay.text == "5.0"
    window.do("undo")
    qtbot.waitUntil(lambda: pane.head.replay.text == "25.0", timeout=10_000)
    window.do("redo")
    qtbot.waitUntil(lambda: pane.head.replay.text == "5.0", timeout=10_000)
    pane.presets.buttons["replay-10"].click()
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=10_000)
    assert saved(small_project).shares["general"] == pytest.approx(0.1), "closing the window loses nothing"
