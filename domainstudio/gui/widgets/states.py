"""The four states of a pane's content: loading, empty, error, ready."""

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QStackedWidget, QVBoxLayout, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.widgets.buttons import LinkButton, PrimaryButton, SecondaryButton
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _

LOADING_AFTER_MILLISECONDS = 300
_EMPTY_WIDTH, _ERROR_WIDTH, _BIG_ICON = 480, 720, 40
_CODE_MARGIN = 10
Slot = Callable[[], object]


class ContentStates(QStackedWidget):
    """Shows one of: the content, a skeleton, an empty state, an error."""

    def __init__(self, content: QWidget) -> None:
        """Show the content's place empty until something is said."""
        super().__init__()
        self._content = content
        self._blank, self._skeleton = QWidget(), _Skeleton()
        self._message: QWidget | None = None
        for page in (self._blank, content, self._skeleton):
            self.addWidget(page)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LOADING_AFTER_MILLISECONDS)
        self._timer.timeout.connect(self._on_waited)

    @property
    def is_ready(self) -> bool:
        """Whether the content is shown."""
        return self.currentWidget() is self._content

    @property
    def is_settled(self) -> bool:
        """Whether the content, an empty state or an error is shown, and nothing is awaited."""
        return self.currentWidget() not in (self._blank, self._skeleton) and not self._timer.isActive()

    def show_ready(self) -> None:
        """Show the content."""
        self._timer.stop()
        self.setCurrentWidget(self._content)
        self._drop_message()

    def show_loading(self) -> None:
        """Show the skeleton once the wait is long enough to be noticed."""
        self._timer.start()

    def show_empty(
        self,
        icon: str,
        title: str,
        text: str,
        button: str,
        slot: Slot | None,
        link: str = "",
        link_slot: Slot | None = None,
    ) -> None:
        """Say why there is nothing yet and offer the one button that mends it."""
        block = QWidget()
        block.setFixedWidth(_EMPTY_WIDTH)
        layout = QVBoxLayout(block)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(_BigIcon(icon, "text2"))
        layout.addSpacing(8)
        for label in (Text(title, "title", wrap=True), Text(text, "text", "text2", wrap=True)):
            label.setFixedSize(_EMPTY_WIDTH, label.heightForWidth(_EMPTY_WIDTH))  # Qt would give it one line
            layout.addWidget(label)
        layout.addSpacing(12)
        layout.addLayout(_actions(button, slot, [(link, link_slot)] if link else []))
        page = QWidget()
        outer = QVBoxLayout(page)
        outer.addStretch(4)
        row = QHBoxLayout()  # an alignment would leave wrapped text the height of two lines
        row.addStretch(1)
        row.addWidget(block)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addStretch(6)
        self._show_message(page, button)

    def show_error(self, title: str, text: str, remedy: str, slot: Slot | None, details: str) -> None:
        """Say what happened and what is safe; the remedy is the primary button."""
        page = QWidget()
        outer = QVBoxLayout(page)
        outer.setContentsMargins(96, 64, theme.PADDING, theme.PADDING)
        outer.setSpacing(8)
        outer.addWidget(_BigIcon("octagon", "problem"))
        outer.addSpacing(8)
        for label in (Text(title, "title", wrap=True), Text(text, "text", wrap=True)):
            label.setMaximumWidth(_ERROR_WIDTH)
            outer.addWidget(label)
        outer.addSpacing(12)
        if remedy:
            outer.addLayout(_actions(remedy, slot, []))
        if details:
            outer.addWidget(CodeBox(details, _("Details")))
        outer.addStretch(1)
        self._show_message(page, title)

    def _show_message(self, page: QWidget, name: str) -> None:
        self._timer.stop()
        page.setAccessibleName(name)
        self.addWidget(page)
        self.setCurrentWidget(page)
        self._drop_message()
        self._message = page

    def _drop_message(self) -> None:
        if self._message is not None:
            self.removeWidget(self._message)
            self._message.deleteLater()
            self._message = None

    def _on_waited(self) -> None:
        self.setCurrentWidget(self._skeleton)


class CodeBox(QWidget):
    """Text in fixed width on chrome with a Copy button: commands, configuration, details of an error."""

    def __init__(self, text: str = "", name: str = "") -> None:
        """Show `text`, which cannot be changed but selected."""
        super().__init__()
        self.field = QPlainTextEdit(text)
        self.field.setReadOnly(True)
        self.field.setProperty("role", "code")
        self.field.setFont(theme.font("fixed"))
        self.field.setAccessibleName(name)
        self.field.setTabChangesFocus(True)
        self.field.document().setDocumentMargin(_CODE_MARGIN)
        self._copy = SecondaryButton(_("Copy"), self._on_copy_clicked, "copy").make_small()
        self._copy.setAccessibleName(_("Copy") + (f": {name}" if name else ""))
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.field)

    def show_text(self, text: str) -> None:
        """Show another text, the view staying where it was."""
        if text != self.field.toPlainText():
            place = self.field.verticalScrollBar().value()
            self.field.setPlainText(text)
            self.field.verticalScrollBar().setValue(place)

    def _on_copy_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self.field.toPlainText())


def _actions(button: str, slot: Slot | None, links: list[tuple[str, Slot | None]]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(16)
    if button:
        row.addWidget(PrimaryButton(button, slot))
    for text, link_slot in links:
        row.addWidget(LinkButton(text, link_slot))
    row.addStretch(1)
    return row


class _BigIcon(QLabel):
    """An icon of 40 pixels that follows the theme."""

    def __init__(self, name: str, token: str) -> None:
        super().__init__()
        self._name, self._token = name, token
        theme.notifier.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        self.setPixmap(icons.pixmap(self._name, self._token, _BIG_ICON))


class _Skeleton(QWidget):
    """Grey bars in place of what is being read."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(_("Reading…"))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the bars."""
        painter = QPainter(self)
        for row in range(6):
            width = (self.width() - 2 * theme.PADDING) * (70 - row * 8) // 100
            painter.fillRect(theme.PADDING, theme.PADDING + row * theme.ROW, width, 12, theme.color("band"))
        painter.end()
