"""Every pane: each control has a name, Tab reaches it, nothing is left untranslated, nothing is clipped."""

import re
from gettext import NullTranslations
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTableView,
    QTextEdit,
    QWidget,
)
from support import OpenWindow

from domainstudio import language
from domainstudio.gui.widgets.text import ElidedText
from domainstudio.gui.window import Window
from domainstudio.workflow.steps import STEPS

PLACES = ("start", "new", "sample", *STEPS, "no runs", "no export")
EMPTY = {"no runs": "runs", "no export": "export"}
"""Place → step of a project in which nothing was trained."""
CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)
DATA = re.compile(
    r"Domain Studio|arXiv|small|general|domain|tiny|default|train|reader|json|docstrings|email"
    r"|argparse|asyncio"
)


def shown(open_window: OpenWindow, project: Path, packed: Path, place: str) -> Window:
    """Return a window that shows one place."""
    if place in STEPS:
        return open_window(project, place)
    if place in EMPTY:
        return open_window(packed, EMPTY[place])
    window = open_window()
    assert window.start is not None
    if place == "new":
        window.start.show_new()
    elif place == "sample":
        window.start.show_sample()
    return window


def controls(window: Window) -> list[QWidget]:
    """Return what a person can act on in what is shown."""
    return [
        widget
        for widget in window.centralWidget().findChildren(QWidget)
        if isinstance(widget, CONTROLS)
        and not isinstance(widget, QScrollBar)
        and widget.isVisible()
        and widget.isEnabled()
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not (isinstance(widget, QLineEdit) and isinstance(widget.parent(), QAbstractSpinBox | QComboBox))
    ]


@pytest.mark.parametrize("place", PLACES)
def test_every_control_has_an_accessible_name(
    open_window: OpenWindow, trained_project: Path, packed_project: Path, place: str
) -> None:
    window = shown(open_window, trained_project, packed_project, place)
    found = controls(window)
    assert found
    unnamed = [type(widget).__name__ for widget in found if not widget.accessibleName().strip()]
    assert unnamed == []


@pytest.mark.parametrize("place", PLACES)
def test_tab_reaches_every_control(
    open_window: OpenWindow, trained_project: Path, packed_project: Path, place: str
) -> None:
    window = shown(open_window, trained_project, packed_project, place)
    window.activateWindow()
    wanted = {widget for widget in controls(window) if widget.focusPolicy() & Qt.FocusPolicy.TabFocus}
    first = window.focusWidget() or next(iter(wanted))
    first.setFocus()
    reached: set[QWidget] = set()
    for _ in range(4 * len(wanted) + 40):
        focused = window.focusWidget()
        if focused is None:
            break
        reached.add(focused)
        proxy = focused.parentWidget()
        if isinstance(proxy, QAbstractSpinBox | QComboBox):
            reached.add(proxy)
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    missed = wanted - reached
    exclusive = {
        widget
        for widget in missed
        if isinstance(widget, QAbstractButton) and widget.isCheckable() and widget.group() is not None
    }
    names = [f"{type(widget).__name__} {widget.accessibleName()!r}" for widget in missed - exclusive]
    assert names == []


class Pseudo(NullTranslations):
    """A language in which every message stands in brackets and is 40 % longer."""

    def gettext(self, message: str) -> str:
        """Return the message in brackets."""
        return f"⟦{message}{'~' * (len(message) * 2 // 5)}⟧"


@pytest.fixture
def pseudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak the pseudo-language."""
    made = Pseudo()
    monkeypatch.setattr(language, "catalogue", lambda _language: made)


def texts(window: Window) -> list[str]:
    """Return every text that is shown."""
    found = []
    for widget in window.centralWidget().findChildren(QWidget):
        if not widget.isVisible() or widget.property("role") == "code":
            continue
        if isinstance(widget, QLabel | QAbstractButton):
            found.append(widget.text())
        if isinstance(widget, QLineEdit):
            found.append(widget.placeholderText())
        if isinstance(widget, QTableView) and (model := widget.model()) is not None:
            found += [
                str(model.headerData(column, Qt.Orientation.Horizontal) or "")
                for column in range(model.columnCount())
            ]
        if isinstance(widget, QComboBox):
            found.append(widget.currentText())
        found.append(widget.toolTip())
    return found


@pytest.mark.parametrize("place", PLACES)
def test_nothing_shown_is_left_untranslated(
    open_window: OpenWindow, trained_project: Path, packed_project: Path, place: str, pseudo: None
) -> None:
    window = shown(open_window, trained_project, packed_project, place)
    left = []
    for text in texts(window):
        outside = text
        while outside != (outside := re.sub(r"⟦[^⟦⟧]*(⟧|…|$)", "", outside)):
            pass  # from the innermost outwards: a name of a role stands within a sentence
        outside = DATA.sub("", re.sub(r"[\w.-]*/[^\s]*|\.\w+|[\w-]+=\S+|\d[\w.e-]*|Ctrl\S*", "", outside))
        if re.search(r"[A-Za-z]{3,}", outside):
            left.append(text)
    assert left == []


@pytest.mark.parametrize("size", [(1440, 900), (1920, 1080)])
@pytest.mark.parametrize("place", PLACES)
def test_no_word_is_cut_off_where_texts_are_long(
    open_window: OpenWindow,
    trained_project: Path,
    packed_project: Path,
    place: str,
    size: tuple[int, int],
    pseudo: None,
) -> None:
    window = shown(open_window, trained_project, packed_project, place)
    window.resize(*size)
    QApplication.processEvents()  # what came last is laid out with the next turn of the event loop
    window.grab()
    cut = [
        f"{type(widget).__name__} {widget.text()!r}: {widget.width()} < {needed}"
        for widget in window.centralWidget().findChildren(QLabel)
        if widget.isVisible()
        and not widget.wordWrap()
        and not isinstance(widget, ElidedText)
        and widget.pixmap().isNull()
        and widget.width() + 1 < (needed := QFontMetrics(widget.font()).horizontalAdvance(widget.text()))
    ]
    cut += [
        f"{widget.text()!r}: {widget.width()} < {widget.minimumSizeHint().width()}"
        for widget in window.centralWidget().findChildren(QAbstractButton)
        if widget.isVisible() and widget.text() and widget.width() + 1 < widget.minimumSizeHint().width()
    ]
    assert cut == []
