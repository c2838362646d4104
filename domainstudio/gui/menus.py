"""The menu bar: every action of `shortcuts.commands`, and the choices of theme, language and size."""

from collections.abc import Callable, Sequence

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QMenuBar

from domainstudio.gui.preferences import SCALES, Preferences
from domainstudio.gui.shortcuts import Command, menus
from domainstudio.language import translate as _

HEIGHT = 32
LANGUAGE_NAMES = {"en": "English", "zh_CN": "简体中文"}


class MenuBar(QMenuBar):
    """A menu bar; `groups` holds the choices `theme`, `language` and `scale`."""

    def __init__(self) -> None:
        """Make an empty one."""
        super().__init__()
        self.setFixedHeight(HEIGHT)
        self.groups: dict[str, QActionGroup] = {}

    def add_choice(self, menu: QMenu, name: str, options: dict[str, str], chosen: str) -> None:
        """Add a group of which one option is chosen; an action's data is the option's key."""
        group = QActionGroup(self)
        for key, text in options.items():
            action = group.addAction(text)
            action.setCheckable(True)
            action.setChecked(key == chosen)
            action.setData(key)
            menu.addAction(action)
        self.groups[name] = group


def build_menus(
    commands: Sequence[Command], preferences: Preferences, triggered: Callable[[], object]
) -> tuple[MenuBar, dict[str, QAction]]:
    """Return the menu bar and its actions by the commands' names; an action's data is its command's name."""
    bar = MenuBar()
    made = {key: bar.addMenu(text) for key, text in menus()}
    actions: dict[str, QAction] = {}
    for command in commands:
        action = QAction(command.text, bar)
        action.setData(command.name)
        if command.keys:
            action.setShortcut(command.keys)
        action.triggered.connect(triggered)
        made[command.menu].addAction(action)
        actions[command.name] = action
    view = made["view"]
    view.addSeparator()
    themes = {"system": _("As the system"), "light": _("Light"), "dark": _("Dark")}
    bar.add_choice(view.addMenu(_("Theme")), "theme", themes, preferences.theme)
    languages = {"": _("As the system"), **LANGUAGE_NAMES}
    bar.add_choice(view.addMenu(_("Language")), "language", languages, preferences.language)
    scales = {str(scale): f"{scale} %" for scale in SCALES}
    bar.add_choice(view.addMenu(_("Size of everything")), "scale", scales, str(preferences.scale))
    return bar, actions
