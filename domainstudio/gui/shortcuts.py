"""Every action of the window with its keys: one table for menus, the command list and Help."""

from dataclasses import dataclass

from domainstudio.language import translate as _


@dataclass(frozen=True)
class Command:
    """An action: its key in the code, its words, its keys (none that an input method takes), its menu."""

    name: str
    text: str
    keys: str
    menu: str
    needs_project: bool = True


def commands() -> list[Command]:
    """Return all actions in the order of the menus, in the person's language."""
    file, edit, view, run, help_ = "file", "edit", "view", "run", "help"
    return [
        Command("new", _("New project…"), "Ctrl+N", file, needs_project=False),
        Command("open", _("Open a project…"), "Ctrl+O", file, needs_project=False),
        Command("sample", _("Make the sample project"), "", file, needs_project=False),
        Command("import", _("Import text…"), "Ctrl+I", file),
        Command("close", _("Close the project"), "Ctrl+W", file),
        Command("quit", _("Quit"), "Ctrl+Q", file, needs_project=False),
        Command("undo", _("Undo"), "Ctrl+Z", edit),
        Command("redo", _("Redo"), "Ctrl+Shift+Z", edit),
        Command("find", _("Find in this pane"), "Ctrl+F", edit),
        Command("palette", _("Find a command…"), "Ctrl+K", edit, needs_project=False),
        Command("show project", _("Show Project"), "Ctrl+1", view),
        Command("show corpus", _("Show Corpus"), "Ctrl+2", view),
        Command("show duplicates", _("Show Duplicates"), "Ctrl+3", view),
        Command("show tokenizer", _("Show Tokenizer"), "Ctrl+4", view),
        Command("show mixture", _("Show Mixture"), "Ctrl+5", view),
        Command("show protection", _("Show Protection"), "Ctrl+6", view),
        Command("show training", _("Show Training"), "Ctrl+7", view),
        Command("show machines", _("Show Machines"), "Ctrl+0", view),
        Command("show runs", _("Show Runs"), "Ctrl+8", view),
        Command("show export", _("Show Export"), "Ctrl+9", view),
        Command("show problem", _("Go to the next problem"), "F8", view),
        Command("start training", _("Start training"), "F5", run),
        Command("items", _("Evaluation items…"), "", run),
        Command("pause", _("Pause the running training"), "Shift+F5", run),
        Command("jobs", _("Show all jobs"), "Ctrl+J", run),
        Command("keys", _("Keyboard shortcuts"), "F1", help_, needs_project=False),
        Command("base models", _("Where do I get a base model?"), "", help_, needs_project=False),
        Command("log", _("Show the program's log"), "", help_, needs_project=False),
        Command("about", _("About Domain Studio"), "", help_, needs_project=False),
    ]


def menus() -> list[tuple[str, str]]:
    """Return (key, words) of the menus."""
    return [
        ("file", _("File")), ("edit", _("Edit")), ("view", _("View")), ("run", _("Run")), ("help", _("Help")),
    ]  # fmt: skip
