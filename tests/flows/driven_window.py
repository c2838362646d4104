"""The program as a person starts it, telling on request what is to be seen: `python driven_window.py FOLDER`.

The window is `domainstudio.gui.app.run` and nothing else. Beside it a timer looks for the file FOLDER/ask;
its text is the name of the file in FOLDER to answer into, as JSON: whether the window is active, and all that
is visible with its place on the screen. Nothing is ever done to the window here; that is for mouse and keys.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QMenuBar,
    QPlainTextEdit,
    QProgressBar,
    QTextEdit,
    QWidget,
)

from domainstudio.gui.app import run

MILLISECONDS, MOST_ROWS = 20, 200
NO_FOCUS = (Qt.WindowType.Popup, Qt.WindowType.ToolTip)

Item = dict[str, Any]


class Observer(QObject):
    """Answers what is asked for, from within the event loop."""

    def __init__(self, folder: Path) -> None:
        """Wait for the event loop: the application is not made yet."""
        super().__init__()
        self._folder = folder
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._answer)
        QCoreApplication.postEvent(self, QEvent(QEvent.Type.User))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.User:
            self._timer.start(MILLISECONDS)
            return True
        return super().event(event)

    def _answer(self) -> None:
        ask = self._folder / "ask"
        if not ask.exists():
            return
        name = ask.read_text()
        ask.unlink()
        written = self._folder / f"{name}.new"
        written.write_text(json.dumps(view()))
        os.replace(written, self._folder / name)


def view() -> Item:
    """Return what a person can see: popups and dialogs stand before the window below them."""
    windows = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    first = (QApplication.activePopupWidget(), QApplication.activeModalWidget())
    windows.sort(key=lambda window: first.index(window) if window in first else len(first))
    return {
        "is_active": QApplication.activeWindow() is not None,
        "windows": [int(window.winId()) for window in windows if window.windowType() not in NO_FOCUS],
        "items": [item for window in windows for item in items_of(window)],
    }


def items_of(window: QWidget) -> Iterator[Item]:
    """Yield every visible widget of a window with what it holds: cells, menu items, header sections."""
    for widget in (window, *window.findChildren(QWidget)):
        if widget.window() is not window or widget.visibleRegion().isEmpty():
            continue
        yield item_of(widget)
        if isinstance(widget, QMenuBar | QMenu):
            yield from menu_items(widget)
        elif isinstance(widget, QHeaderView):
            yield from sections(widget)
        elif isinstance(widget, QAbstractItemView):
            yield from cells(widget)


def item_of(widget: QWidget) -> Item:
    """Return a widget as what it says and where it is."""
    return {
        "kinds": classes_of(widget),
        "name": widget.accessibleName(),
        "text": words_of(widget),
        "object": widget.objectName(),
        "is_enabled": widget.isEnabled(),
        "has_focus": widget.hasFocus(),
        **place(widget, widget.visibleRegion().boundingRect()),
    }


def classes_of(widget: QWidget) -> list[str]:
    """Return the names of a widget's class and of those above it, Qt's private ones too."""
    names, meta = [], widget.metaObject()
    while meta is not None:
        names.append(meta.className())
        meta = meta.superClass()
    return names


def words_of(widget: QWidget) -> str:
    """Return the words a widget shows."""
    match widget:
        case QPlainTextEdit() | QTextEdit():
            return widget.toPlainText()
        case QComboBox():
            return widget.currentText()
        case QAbstractButton() | QLabel() | QLineEdit() | QAbstractSpinBox():
            return widget.text()
        case QAbstractSlider() | QProgressBar():
            return str(widget.value())
        case _:
            return widget.windowTitle()


def place(widget: QWidget, rect: QRect) -> Item:
    """Return a part of a widget in pixels of the screen."""
    corner = widget.mapToGlobal(QPoint(0, 0)) + rect.topLeft()
    return {"left": corner.x(), "top": corner.y(), "width": rect.width(), "height": rect.height()}


def part(widget: QWidget, kind: str, text: str, rect: QRect, **more: Any) -> Item:
    """Return something that a widget draws itself."""
    words = {"kinds": [kind], "name": "", "text": text, "object": ""}
    return {**words, "is_enabled": widget.isEnabled(), "has_focus": False, **place(widget, rect), **more}


def menu_items(menu: QMenuBar | QMenu) -> Iterator[Item]:
    """Yield the entries of a menu, without the marks of their keys."""
    for action in menu.actions():
        if action.isVisible() and not action.isSeparator():
            text, rect = action.text().replace("&", ""), menu.actionGeometry(action)
            yield part(menu, "menu item", text, rect, is_enabled=action.isEnabled())


def sections(head: QHeaderView) -> Iterator[Item]:
    """Yield the titles of columns."""
    if head.orientation() == Qt.Orientation.Horizontal:
        for section in range(head.count()):
            text = str(head.model().headerData(section, head.orientation()))
            rect = QRect(head.sectionViewportPosition(section), 0, head.sectionSize(section), head.height())
            yield part(head.viewport(), "column title", text, rect & head.viewport().rect())


def cells(table: QAbstractItemView) -> Iterator[Item]:
    """Yield the cells in sight of a table or list."""
    model, root, seen = table.model(), table.rootIndex(), table.viewport().rect()
    first = table.indexAt(seen.topLeft() + QPoint(2, 2))
    if model is None or not first.isValid():
        return
    columns = 1 if table.inherits("QListView") else model.columnCount(root)
    for row in range(first.row(), min(model.rowCount(root), first.row() + MOST_ROWS)):
        rects = [table.visualRect(model.index(row, column, root)) & seen for column in range(columns)]
        if all(rect.isEmpty() for rect in rects):
            return
        for column, rect in enumerate(rects):
            index = model.index(row, column, root)
            name = index.data(Qt.ItemDataRole.AccessibleTextRole) or ""
            yield part(table.viewport(), "cell", str(index.data() or ""), rect, name=name, row=row)


if __name__ == "__main__":
    observer = Observer(Path(sys.argv.pop(1)))
    sys.exit(run(sys.argv))
