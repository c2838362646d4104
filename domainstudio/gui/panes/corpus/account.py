"""The line that accounts for every document read, and the card that says whether the corpus is ready."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from domainstudio.gui import icons, theme
from domainstudio.gui.panes.corpus.view import CorpusView, reason_rows
from domainstudio.gui.widgets.buttons import LinkButton
from domainstudio.gui.widgets.form import empty_layout
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.units import format_count
from domainstudio.workflow.corpus.readiness import Finding, words

_STATES = {"ok": "ready", "note": "info", "attention": "attention"}
_NO_GENERAL = ("no_general", "no_held_out")


class AccountLine(QWidget):
    """`n documents read = kept + marked + rejected`, of one source or of all.

    Signals:
        readiness_requested: the card shall open or close.
    """

    readiness_requested = Signal()

    def __init__(self) -> None:
        """Show nothing."""
        super().__init__()
        self.setFixedHeight(40)
        self._parts = QHBoxLayout()
        self._parts.setSpacing(6)
        self._readiness = LinkButton("", self.readiness_requested.emit)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 0, theme.PADDING, 0)
        layout.addLayout(self._parts)
        layout.addStretch(1)
        layout.addWidget(self._readiness)

    def show_view(self, view: CorpusView, source: str, is_open: bool) -> None:
        """Show the account, and how the card would judge."""
        rows = {row.key: row.count for row in reason_rows(view, view.source_id(source))}
        kept, marked, rejected = (rows[key] for key in ("kept", "marked", "rejected"))
        counts = [row.counts for row in view.table if source in ("", row.counts.name)]
        is_cut = any(count.is_cut for count in counts)
        read = _("documents and passages read") if is_cut else _("documents read")
        empty_layout(self._parts)
        self._add(kept + marked + rejected, read)
        for sign, number, label in (
            ("=", kept, _("kept")), ("+", marked, _("marked")), ("+", rejected, _("rejected")),
        ):  # fmt: skip
            self._parts.addWidget(Text(sign, "text", "text2"))
            self._add(number, label)
        if is_cut:
            self._explain_passages(sum(count.read_documents for count in counts if count.is_cut))
        to_see = sum(finding.severity == "attention" for finding in view.findings)
        text = _("Ready? {count} to look at").format(count=to_see) if to_see else _("Ready? Yes")
        self._readiness.setText(f"{text} {'▴' if is_open else '▾'}")
        self._readiness.setAccessibleName(text)

    def _add(self, number: int, label: str) -> None:
        self._parts.addWidget(Text(format_count(number), "strong"))
        self._parts.addWidget(Text(label, "text", "text2"))

    def _explain_passages(self, documents: int) -> None:
        note = QLabel()
        note.setPixmap(icons.state_pixmap("info"))
        words = _(
            "Of sources with few documents, {count} documents in all, passages are cut out and held out for "
            "testing; each piece counts here."
        ).format(count=format_count(documents))
        note.setToolTip(words)
        note.setAccessibleName(words)
        self._parts.addWidget(note)


class ReadinessCard(QWidget):
    """What the rules say of the corpus, a sentence each with its remedies.

    Signals:
        general_requested: general text is wanted.
    """

    general_requested = Signal()

    def __init__(self) -> None:
        """Show nothing."""
        super().__init__()
        self._rows = QVBoxLayout()
        self._rows.setContentsMargins(theme.PADDING, 4, theme.PADDING, 10)
        self._rows.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._rows)
        self.setAccessibleName(_("Is the corpus ready?"))

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Show these findings."""
        empty_layout(self._rows)
        for finding in findings:
            remedy = (
                (_("Ways to get general text"), self.general_requested.emit)
                if finding.code in _NO_GENERAL
                else None
            )
            self._rows.addWidget(_FindingRow(finding, remedy))


class _FindingRow(QWidget):
    """A finding: icon, sentence, remedy."""

    def __init__(self, finding: Finding, remedy: tuple[str, Callable[[], object]] | None) -> None:
        super().__init__()
        self._state = _STATES[finding.severity]
        self._icon = QLabel()
        self._icon.setContentsMargins(0, 2, 0, 0)
        text = Text(words(finding), "text", "text" if finding.severity == "attention" else "text2", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(text, 1)
        if remedy is not None:
            row.addWidget(LinkButton(*remedy), 0, Qt.AlignmentFlag.AlignTop)
        theme.notifier.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        self._icon.setPixmap(icons.state_pixmap(self._state))
