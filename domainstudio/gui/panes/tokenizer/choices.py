"""What sizing and training a vocabulary ask for alike: its kind, how text is cut, how many types are held."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QSpinBox, QVBoxLayout, QWidget

from domainstudio.gui.widgets.form import FormRow
from domainstudio.gui.widgets.slider_row import name_spin_box
from domainstudio.language import translate as _
from domainstudio.tokenizer.training.splitting import SPLITS, VOCABULARY_KINDS, Split, VocabularyKind
from domainstudio.workflow.tokenizer.train import DEFAULT_TYPES, LEAST_TYPES, MOST_TYPES


class VocabularyChoices(QWidget):
    """Three rows of a form.

    Signals:
        changed: the kind or the cutting was chosen.
    """

    changed = Signal()

    def __init__(self) -> None:
        """Show the defaults."""
        super().__init__()
        self.kinds = _box(
            _("Kind of vocabulary"), {"bpe": _("Byte-level BPE"), "unigram": _("Byte-level Unigram")}
        )
        self.splits = _box(
            _("What one token may hold"),
            {
                "words": _("One word"),
                "multi-word": _("Several words of ASCII"),
                "multi-word-unicode": _("Several words of any script"),
            },
        )
        self.types = number_field(_("Types in memory"), LEAST_TYPES, MOST_TYPES, DEFAULT_TYPES, 100_000)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for row in self._rows():
            layout.addWidget(row)
        for box in (self.kinds, self.splits):
            box.currentIndexChanged.connect(self.changed)

    def _rows(self) -> list[FormRow]:
        return [
            FormRow(
                _("Kind"),
                self.kinds,
                _("BPE merges the most frequent pairs (GPT, Qwen, Llama 3); Unigram keeps the likeliest "
                  "pieces, each digit alone (BloombergGPT)."),
            ),
            FormRow(
                _("One token"),
                self.splits,
                _("Tokens of several words make fewer tokens of set phrases; the second cuts as BloombergGPT "
                  "did, the third also ends Chinese runs at 16."),
            ),
            FormRow(
                _("Types in memory"),
                self.types,
                _("Different words counted at once, about 3 GB a million; beyond that rare ones are thinned, "
                  "and those kept count for them."),
            ),
        ]  # fmt: skip

    @property
    def kind(self) -> VocabularyKind:
        """The kind that is chosen."""
        return VOCABULARY_KINDS[self.kinds.currentIndex()]

    @property
    def split(self) -> Split:
        """How text is cut."""
        return SPLITS[self.splits.currentIndex()]

    def choose(self, kind: VocabularyKind, split: Split) -> None:
        """Show other choices."""
        self.kinds.setCurrentIndex(VOCABULARY_KINDS.index(kind))
        self.splits.setCurrentIndex(SPLITS.index(split))


def _box(name: str, words: dict[str, str]) -> QComboBox:
    box = QComboBox()
    box.addItems(list(words.values()))
    box.setAccessibleName(name)
    return box


def number_field(name: str, least: int, most: int, value: int, step: int) -> QSpinBox:
    """Return a field for a whole number."""
    field = QSpinBox()
    field.setRange(least, most)
    field.setSingleStep(step)
    field.setGroupSeparatorShown(True)
    field.setValue(value)
    name_spin_box(field, name)
    return field
