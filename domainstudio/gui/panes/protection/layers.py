"""The layer map of a run: how much each layer mattered for general text, and how far it moved."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QStackedWidget, QVBoxLayout, QWidget

from domainstudio.gui.session import Session
from domainstudio.gui.widgets.bar_cells import BarDelegate
from domainstudio.gui.widgets.form import left_row
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.table import Column, RowsModel, Table, beside_table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.project.project import Project
from domainstudio.recipe.layers import Layer
from domainstudio.units import format_count
from domainstudio.workflow.protection.layers import (
    ShownMap,
    importance_words,
    layer_words,
    moved_words,
    shown_map,
)


@dataclass(frozen=True)
class LayerLine:
    """A layer, and what is measured of it as shares of the greatest in their columns."""

    layer: Layer
    importance: float
    moved: float


def lines_of(layers: Sequence[Layer]) -> list[LayerLine]:
    """Return the lines of the table."""
    importance = _shares([layer.importance or 0.0 for layer in layers])
    moved = _shares([layer.moved_share or 0.0 for layer in layers])
    return [LayerLine(*values) for values in zip(layers, importance, moved, strict=True)]


def _shares(values: Sequence[float]) -> list[float]:
    greatest = max(values, default=0.0)
    return [value / greatest if greatest else 0.0 for value in values]


def columns() -> list[Column]:
    """Return the columns of the layer map."""
    return [
        Column(_("Layer"), lambda line: layer_words(line.layer), width=112),
        Column(_("Weights"), lambda line: format_count(line.layer.weights), is_number=True, width=112),
        Column(
            _("Importance"), lambda line: importance_words(line.layer), is_number=True,
            share=lambda line: line.importance, tooltip=lambda _line: _(
                "Mean over the layer's weights; 1 over all weights of the run."),
        ),
        Column(
            _("Moved (%)"), lambda line: moved_words(line.layer), is_number=True,
            share=lambda line: line.moved, tooltip=lambda _line: _(
                "Root mean square distance from step 0, in per cent of the weights' own."),
        ),
    ]  # fmt: skip


class LayersView(QWidget):
    """Table of a run's layers; above it which run."""

    def __init__(self, session: Session) -> None:
        """Begin empty; `refresh` fills it."""
        super().__init__()
        self._session, self._wanted = session, ""
        self.runs = QComboBox()
        self.runs.setAccessibleName(_("Run"))
        self.runs.activated.connect(self._on_run_chosen)
        self._model = RowsModel(columns())
        self.table = Table(_("Layers"))
        self.table.setItemDelegate(BarDelegate(self.table))
        self.table.show_model(self._model)
        self.line = ProblemLine()
        words = _("No run has a layer map yet. A run writes one at its end if it has a spring, or if "
                  "“Record importance” is on: both stand in Training under Protection.")  # fmt: skip
        empty = QWidget()
        empty.setLayout(beside_table(Text(words, "text", "text2", wrap=True)))
        empty.layout().addStretch(1)  # type: ignore[union-attr]
        filled = QWidget()
        column = QVBoxLayout(filled)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(beside_table(left_row(Text(_("Run")), self.runs)))
        column.addWidget(self.table, 1)
        self._stack = QStackedWidget()
        self._stack.addWidget(empty)
        self._stack.addWidget(filled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(beside_table(self.line))
        layout.addWidget(self._stack, 1)

    @property
    def run(self) -> str:
        """The run whose map is shown, or is to be shown."""
        return self._wanted

    @property
    def is_empty(self) -> bool:
        """Whether no run has a map."""
        return self._stack.currentIndex() == 0

    def remember(self, run: str) -> None:
        """Show a run's map at the next reading, if it still has one."""
        self._wanted = run

    def refresh(self) -> None:
        """Read the maps anew."""
        run = self._wanted

        def question(project: Project) -> ShownMap:
            return shown_map(project, run)

        self._session.read(question, self._on_map, self._on_refused)

    def _on_map(self, shown: ShownMap) -> None:
        self.line.clear()
        self._wanted = shown.run
        with QSignalBlocker(self.runs):
            self.runs.clear()
            self.runs.addItems(shown.runs)
            self.runs.setCurrentIndex(self.runs.findText(shown.run))
        self._model.show_rows(lines_of(shown.layers))
        self._stack.setCurrentIndex(1 if shown.runs else 0)

    def _on_refused(self, problem: Problem) -> None:
        self.line.say("problem", sentence(problem))

    def _on_run_chosen(self) -> None:
        self._wanted = self.runs.currentText()
        self.refresh()
