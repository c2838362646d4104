"""The log of a run: its end in fixed width, followed while it grows."""

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.session import Session
from domainstudio.gui.widgets.buttons import SecondaryButton
from domainstudio.gui.widgets.text import Text
from domainstudio.jobs.log import LogPiece, LogTail
from domainstudio.language import translate as _
from domainstudio.project.project import Project
from domainstudio.units import format_size

POLL_MILLISECONDS = 500
_MOST_LINES = 20_000


class LogPage(QWidget):
    """Shows the end of job.log while the page is seen; read in the session's reading thread."""

    def __init__(self, session: Session) -> None:
        """Show nothing."""
        super().__init__()
        self._session = session
        self._run = ""
        self._tail: LogTail | None = None
        self._words = Text("", "small", "text2")
        self.view = QPlainTextEdit()
        self.view.setReadOnly(True)
        self.view.setProperty("role", "code")
        self.view.setFont(theme.font("fixed"))
        self.view.setAccessibleName(_("Log of the run"))
        self.view.setTabChangesFocus(True)
        self.view.document().setDocumentMargin(10)
        self.view.setMaximumBlockCount(_MOST_LINES)
        self.view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        copy = SecondaryButton(_("Copy"), self._on_copy_clicked, "copy").make_small()
        head = QHBoxLayout()
        head.addWidget(self._words, 1)
        head.addWidget(copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 4, theme.PADDING, 16)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MILLISECONDS)
        self._timer.timeout.connect(self._poll)

    def show_run(self, run: str) -> None:
        """Show the log of another run."""
        if run == self._run:
            return
        self._run, self._tail = run, None
        self.view.clear()
        self._words.setText(_("This run has written nothing to its log yet."))
        if self.isVisible():
            self._poll()

    def _poll(self) -> None:
        run, tail = self._run, self._tail

        def look(project: Project) -> tuple[str, LogTail, LogPiece | None]:
            reader = tail or LogTail(project.job(run))
            return run, reader, reader.poll()

        if run:
            self._session.read(look, self._on_read, self._on_failed)

    def _on_read(self, found: tuple[str, LogTail, LogPiece | None]) -> None:
        run, tail, piece = found
        if run != self._run or (self._tail is not None and tail is not self._tail):
            return
        self._tail = tail
        if piece is None:
            return
        scroll = self.view.verticalScrollBar()
        is_at_end = scroll.value() >= scroll.maximum() - 1 or piece.is_anew
        if piece.is_anew:
            self.view.setPlainText(piece.text)
        else:
            cursor = QTextCursor(self.view.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(piece.text)
        if is_at_end:
            scroll.setValue(scroll.maximum())
        if piece.skipped_bytes:
            words = _("job.log: {size}; its last {shown} are shown.")
            shown = format_size(piece.size_bytes - piece.skipped_bytes)
            self._words.setText(words.format(size=format_size(piece.size_bytes), shown=shown))
        else:
            self._words.setText(_("job.log: {size}.").format(size=format_size(piece.size_bytes)))

    def _on_failed(self, _problem: object) -> None:
        self._timer.stop()  # the run was deleted: the list of runs says so

    def _on_copy_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self.view.toPlainText())

    # Overridden from Qt

    def showEvent(self, event: object) -> None:  # noqa: N802
        """Follow while the page is seen."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._timer.start()
        self._poll()

    def hideEvent(self, event: object) -> None:  # noqa: N802
        """Read nothing while it is not."""
        self._timer.stop()
        super().hideEvent(event)  # type: ignore[arg-type]
