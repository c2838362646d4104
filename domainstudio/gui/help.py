"""Help within the window: keyboard shortcuts, base models, about."""

from collections.abc import Sequence

from PySide6.QtWidgets import QDialog, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

import domainstudio
from domainstudio.gui import crash, theme
from domainstudio.gui.shortcuts import Command
from domainstudio.gui.widgets.buttons import PrimaryButton
from domainstudio.gui.widgets.states import CodeBox
from domainstudio.gui.widgets.table import Column, RowsModel, Table
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _

WIDTH, HEIGHT = 640, 560
CONVERSION = (
    'python -c "from transformers import AutoModelForCausalLM as M, AutoTokenizer as T; '
    "M.from_pretrained('OLD').save_pretrained('NEW', safe_serialization=True); "
    "T.from_pretrained('OLD').save_pretrained('NEW')\""
)
"""For a machine the person trusts with code from outside: this program never loads pickled weights."""


class HelpDialog(QDialog):
    """A titled page with a Close button."""

    def __init__(self, title: str, content: QWidget, parent: QWidget) -> None:
        """Show `content`, scrolled if it is long."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(WIDTH, HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.PADDING] * 4)
        layout.setSpacing(12)
        layout.addWidget(Text(title, "title"))
        layout.addWidget(content, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(PrimaryButton(_("Close"), self.accept))
        layout.addLayout(row)


def show(name: str, commands: Sequence[Command], parent: QWidget) -> None:
    """Open the page `keys`, `base models` or `about` over the window; it goes when it is closed."""
    pages = {
        "keys": lambda: shortcuts_page(commands, parent),
        "base models": lambda: base_models_page(parent),
        "about": lambda: about_page(str(crash.log_file()), parent),
    }
    page = pages[name]()
    page.finished.connect(page.deleteLater)
    page.open()


def shortcuts_page(commands: Sequence[Command], parent: QWidget) -> HelpDialog:
    """Return the list of every action with its keys."""
    model = RowsModel(
        [
            Column(_("Action"), lambda command: command.text),
            Column(_("Keys"), lambda command: command.keys or "–", width=160),
        ]
    )
    model.show_rows(list(commands))
    table = Table(_("Keyboard shortcuts"))
    table.show_model(model)
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    words = _(
        "Tab moves between controls, arrow keys within a list, a slider or a row of choices, Space presses, "
        "Escape closes. Every action is in the command list too."
    )
    layout.addWidget(Text(words, "text", "text2", wrap=True))
    layout.addWidget(table, 1)
    model.setParent(box)
    return HelpDialog(_("Keyboard shortcuts"), box, parent)


def base_models_page(parent: QWidget) -> HelpDialog:
    """Return where base models come from, and what to do without safetensors."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(12)
    for style, text in (
        ("text", _(
            "A base model is a folder with config.json, one or more .safetensors files and tokenizer.json. "
            "Model hubs such as Hugging Face and ModelScope offer such folders: download one with your "
            "browser, with git, or with the hub's own program, then choose the folder here. This program "
            "never downloads a model by itself.")),
        ("strong", _("Which one?")),
        ("text", _(
            "Choose a base model, not a chat or instruct model: training on plain text wears away what "
            "instruction tuning taught. Begin with a small one (Pythia-160M or 410M, Qwen2.5-0.5B, "
            "OLMo-2-1B): what you learn about mixture and rate there carries over. Read its licence.")),
        ("strong", _("The folder has no .safetensors, only pytorch_model.bin")),
        ("text", _(
            "Pickled weights can run code when they are loaded, so this program does not load them. Look "
            "first whether the hub offers the same model as safetensors (many have a branch for it). If "
            "not, convert the folder once on a machine where you trust its origin, for example with:")),
    ):  # fmt: skip
        layout.addWidget(Text(text, style, wrap=True))
    code = CodeBox(CONVERSION, _("Command that converts a model"))
    code.setFixedHeight(110)
    layout.addWidget(code)
    scratch = _(
        "No base model at hand? Start from scratch: the sample project does, with a million parameters."
    )
    layout.addWidget(Text(scratch, "text", "text2", wrap=True))
    layout.addStretch(1)
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setWidget(box)
    scroll.setAccessibleName(_("Where do I get a base model?"))
    return HelpDialog(_("Where do I get a base model?"), scroll, parent)


def about_page(log: str, parent: QWidget) -> HelpDialog:
    """Return what this program is, its version and where its log lies."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    for style, text in (
        ("text", _(
            "Turn an open language model into one that knows your field, and see what it forgets on the way."
        )),
        ("text", _("Version {version}, Apache License 2.0.").format(version=domainstudio.__version__)),
        ("text", _("Nothing is sent anywhere: no telemetry, no network call that you did not ask for.")),
        ("small", _("The program's log: {file}").format(file=log)),
    ):  # fmt: skip
        layout.addWidget(Text(text, style, wrap=True))
    layout.addStretch(1)
    return HelpDialog("Domain Studio", box, parent)
