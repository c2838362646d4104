"""A new project: which model to start from, and where to keep it."""

from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QWidget

from domainstudio.gui.background import Background
from domainstudio.gui.widgets.buttons import LinkButton, PrimaryButton, SecondaryButton, Segments
from domainstudio.gui.widgets.form import left_row, narrow_page
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.problems import Problem, sentence
from domainstudio.recipe.base_model import BaseModel, read_base_model
from domainstudio.recipe.shapes import SHAPES
from domainstudio.units import format_count
from domainstudio.workflow.projects import new_project

WAIT_MILLISECONDS = 300
WIDEST = 760
_VOCABULARY = 4096


class NewProjectPage(QWidget):
    """Two questions and one button.

    Signals:
        project_made: Path of the new project.
        cancelled: back to the recent projects.
        base_models_requested: the page about base models is wanted.
    """

    project_made = Signal(Path)
    cancelled = Signal()
    base_models_requested = Signal()

    def __init__(self, background: Background) -> None:
        """Ask for a base model first."""
        super().__init__()
        self._background = background
        self._kind = Segments(
            [("base", _("A base model on this machine")), ("scratch", _("From scratch"))], _("Start from")
        )
        self._kind.chosen.connect(self._on_kind_chosen)
        self._base, self._base_row = _folder_field(_("Folder of the base model"), self._on_browse_base)
        self._preset = QComboBox()
        self._preset.setAccessibleName(_("Size of the model from scratch"))
        for name, shape in SHAPES.items():
            millions = shape.parameters(_VOCABULARY) / 1e6
            self._preset.addItem(
                _("{name}: {count} million parameters").format(name=name, count=f"{millions:,.0f}"), name
            )
        self._folder, self._folder_row = _folder_field(_("Folder of the project"), self._on_browse_folder)
        self._facts = Text("", "small", "text2", wrap=True)
        self._problem = ProblemLine()
        self._make = PrimaryButton(_("Make the project"), self._on_make_clicked)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MILLISECONDS)
        self._timer.timeout.connect(self._check)
        for field in (self._base, self._folder):
            field.textChanged.connect(self._timer.start)
            field.returnPressed.connect(self._on_make_clicked)
        self._build()
        self._on_kind_chosen("base")

    def begin(self) -> None:
        """Offer a folder that does not exist yet, and put the focus on the first question."""
        if not self._folder.text():
            self._folder.setText(str(_free(Path.home() / "domain-studio" / _("my-domain"))))
        self._base.setFocus()

    def _build(self) -> None:
        where = _(
            "The folder will be made; everything of the project lies in it, and it can be moved, copied "
            "or backed up."
        )
        layout = narrow_page(self, WIDEST)
        layout.addWidget(Text(_("New project"), "title"))
        layout.addSpacing(8)
        layout.addWidget(Text(_("1. Which model to start from?"), "strong"))
        layout.addWidget(self._kind)
        layout.addWidget(self._base_row)
        layout.addWidget(self._preset)
        layout.addWidget(self._facts)
        link = LinkButton(_("Where do I get a base model?"), self.base_models_requested.emit)
        layout.addLayout(left_row(link))
        layout.addSpacing(16)
        layout.addWidget(Text(_("2. Where to keep the project?"), "strong"))
        layout.addWidget(self._folder_row)
        layout.addWidget(Text(where, "small", "text2", wrap=True))
        layout.addSpacing(8)
        layout.addWidget(self._problem)
        layout.addLayout(left_row(self._make, SecondaryButton(_("Back"), self.cancelled.emit)))

    def _on_kind_chosen(self, key: str) -> None:
        self._base_row.setVisible(key == "base")
        self._preset.setVisible(key == "scratch")
        if key == "scratch":
            self._facts.setText(
                _(
                    "Random weights: for trying the program and for research. A small model from scratch "
                    "knows nothing."
                )
            )
        else:
            self._facts.setText(_("A folder with config.json, *.safetensors and tokenizer.json."))
        self._problem.clear()
        self._timer.start()

    def _on_browse_base(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, _("Folder of the base model"))
        if folder:
            self._base.setText(folder)

    def _on_browse_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, _("Keep the project in a new folder of"))
        if folder:
            name = Path(self._folder.text()).name or _("my-domain")
            self._folder.setText(str(_free(Path(folder) / name)))

    def _check(self) -> None:
        """Say what the base folder is as soon as it is named."""
        self._problem.clear()
        if self._kind.key == "base" and self._base.text().strip():
            folder = Path(self._base.text().strip()).expanduser()
            self._background.call(lambda: read_base_model(folder), self._on_base_read, self._on_refused)

    def _on_base_read(self, base: BaseModel) -> None:
        words = _("{architecture}: {rows} vocabulary rows, {positions} positions.")
        self._facts.setText(
            words.format(
                architecture=base.architecture,
                rows=format_count(base.vocabulary),
                positions=format_count(base.positions),
            )
        )

    def _on_make_clicked(self) -> None:
        target = Path(self._folder.text().strip()).expanduser()
        if self._kind.key == "base" and not self._base.text().strip():
            self._problem.say("problem", _("Name the folder of the base model first, or start from scratch."))
            self._base.setFocus()
            return
        base = Path(self._base.text().strip()).expanduser() if self._kind.key == "base" else None
        preset = str(self._preset.currentData()) if base is None else None
        self._make.setEnabled(False)
        self._background.call(lambda: _make(target, base, preset), self._on_made, self._on_refused)

    def _on_made(self, folder: Path) -> None:
        self._make.setEnabled(True)
        self.project_made.emit(folder)

    def _on_refused(self, problem: Problem) -> None:
        self._make.setEnabled(True)
        links = []
        if problem.field == "base":
            links = [(_("Where do I get a base model?"), self.base_models_requested.emit)]
        self._problem.say("problem", sentence(problem), links)


def _folder_field(name: str, browse: object) -> tuple[QLineEdit, QWidget]:
    field = QLineEdit()
    field.setAccessibleName(name)
    field.setPlaceholderText(name)
    button = SecondaryButton(_("Browse…"), browse, "folder")  # type: ignore[arg-type]
    button.setAccessibleName(f"{name}: {button.text()}")
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(field, 1)
    layout.addWidget(button)
    return field, row


def _free(folder: Path) -> Path:
    from domainstudio.workflow.demo import free_folder

    return free_folder(folder)


def _make(target: Path, base: Path | None, preset: str | None) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with new_project(target, preset=preset, base=base) as project:
        return project.path
