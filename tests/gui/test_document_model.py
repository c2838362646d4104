"""The paged model against a list: pages come late, in any order, after another listing, or not at all."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from domainstudio.gui.models import paged
from domainstudio.gui.models.documents import CHARACTERS, TITLE, DocumentsModel
from domainstudio.gui.models.paged import PAGE_ROWS
from domainstudio.project.documents import DocumentRow


def rows(first: int, total: int, label: str = "") -> list[DocumentRow]:
    return [
        DocumentRow(n, 1, "import-1", "part", n, f"{label}{n}", n * 1000, None, "training", None)
        for n in range(first, min(first + PAGE_ROWS, total))
    ]


def cell(model: DocumentsModel, position: int, column: int = TITLE) -> str:
    return str(model.data(model.index(position, column)))


def test_it_is_a_sound_model_whatever_has_come(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    model = DocumentsModel()
    qtmodeltester.check(model)
    generation = model.show_listing(3 * PAGE_ROWS + 7)
    model.take_page(generation, 3, rows(3 * PAGE_ROWS, model.total))
    qtmodeltester.check(model)


def test_a_page_seen_is_asked_for_once_and_shown_when_it_comes(qtbot: QtBot) -> None:
    model = DocumentsModel()
    asked: list[tuple[int, int]] = []
    model.page_requested.connect(lambda *page: asked.append(page))
    generation = model.show_listing(10_000_000)
    assert (cell(model, 9_999_999), cell(model, 9_999_999, CHARACTERS)) == ("…", "")
    cell(model, 9_999_998)
    qtbot.waitUntil(lambda: bool(asked))
    assert asked == [(generation, 49_999)]
    model.take_page(generation, 49_999, rows(49_999 * PAGE_ROWS, model.total))
    assert cell(model, 9_999_999) == "9999999"
    assert cell(model, 9_999_999, CHARACTERS) == "9,999,999,000"
    assert model.data(model.index(9_999_999, 1), Qt.ItemDataRole.AccessibleTextRole) == "9,999,999,000"


def test_after_a_long_scroll_the_last_page_seen_is_asked_for_first(qtbot: QtBot) -> None:
    model = DocumentsModel()
    asked: list[int] = []
    model.page_requested.connect(lambda _generation, page: asked.append(page))
    generation = model.show_listing(10_000)
    for page in range(40):
        cell(model, page * PAGE_ROWS)
    while model._waiting or model._under_way is not None:
        model.ask_next()
        model.take_page(generation, asked[-1], rows(asked[-1] * PAGE_ROWS, 10_000))
    assert asked == [39, 38, 37, 36]


def test_a_page_that_cannot_be_read_is_left_alone(qtbot: QtBot) -> None:
    model = DocumentsModel()
    generation = model.show_listing(10)
    cell(model, 0)
    model.ask_next()
    model.fail_page(generation, 0)
    assert cell(model, 0) == "…" and not model._waiting
    model.show_listing(10)
    cell(model, 0)
    assert model._waiting == [0]


class LatePages(RuleBasedStateMachine):
    """A listing is a list of titles; whatever is shown is of the present one."""

    @initialize()
    def begin(self) -> None:
        self.model = DocumentsModel()
        self.titles: list[str] = []
        self.on_their_way: list[tuple[int, int, list[DocumentRow]]] = []
        self.model.page_requested.connect(self.on_request)

    def on_request(self, generation: int, page: int) -> None:
        total = len(self.titles)
        found = [
            DocumentRow(n, 1, "", "", n, self.titles[n], 1, None, "training", None)
            for n in range(page * PAGE_ROWS, min((page + 1) * PAGE_ROWS, total))
        ]
        self.on_their_way.append((generation, page, found))

    @rule(total=st.integers(0, 30), label=st.text("xyz", max_size=3))
    def list_others(self, total: int, label: str) -> None:
        self.titles = [f"{label}{number}" for number in range(total)]
        self.model.show_listing(total)

    @precondition(lambda self: self.titles)
    @rule(share=st.floats(0, 1, exclude_max=True))
    def look(self, share: float) -> None:
        position = int(share * len(self.titles))
        assert cell(self.model, position) in (self.titles[position], "…")

    @rule()
    def turn_of_the_loop(self) -> None:
        self.model.ask_next()

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data(), fails=st.booleans())
    def arrive(self, data: st.DataObject, fails: bool) -> None:
        place = data.draw(st.integers(0, len(self.on_their_way) - 1))
        generation, page, found = self.on_their_way.pop(place)
        if fails:
            self.model.fail_page(generation, page)
        else:
            self.model.take_page(generation, page, found)

    @invariant()
    def it_agrees_with_the_list(self) -> None:
        assert self.model.rowCount() == len(self.titles)
        assert len(self.model._pages) <= paged.KEPT_PAGES
        for page, found in self.model._pages.items():
            first = page * PAGE_ROWS
            assert [row.title for row in found] == self.titles[first : first + PAGE_ROWS]

    @invariant()
    def what_is_wanted_comes(self) -> None:
        present = [page for generation, page, _ in self.on_their_way if generation == self.model.generation]
        assert self.model._under_way is None or self.model._under_way in present
        for page in self.model._waiting:
            assert page not in self.model._pages


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "machine" in request.node.name:
        monkeypatch.setattr(paged, "PAGE_ROWS", 4)
        monkeypatch.setattr(paged, "KEPT_PAGES", 3)
        monkeypatch.setitem(globals(), "PAGE_ROWS", 4)


def test_machine_of_late_pages(qapp: object) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(LatePages, settings=settings(max_examples=60, deadline=None))
