"""The recipe as a form, made from the typed settings: basic and expert fields, each with its help."""

from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from domainstudio.gui import theme
from domainstudio.gui.setting_words import choice_words
from domainstudio.gui.widgets.check_box import CheckBox
from domainstudio.gui.widgets.form import FormRow, Section, WithUnit
from domainstudio.language import translate as _
from domainstudio.problems import UserError, sentence
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.recipe.settings import HELP, SETTING, SETTINGS, Setting, text_of, value_of

SAVE_AFTER_MILLISECONDS = 500
_UNIT_MARGIN = 16
NARROW = 560
"""Pixels below which the help stands below the fields."""


class SettingRow(FormRow):
    """One setting: its field, and what its value means above its help.

    Signals:
        edited: the key, when a person changed the value.
    """

    edited = Signal(str)

    def __init__(self, setting: Setting) -> None:
        """Make the field that fits the setting."""
        self.setting = setting
        self._field, control = _field_of(setting)
        label = _(setting.label)
        self._field.setAccessibleName(label)
        super().__init__(label, control, _(HELP[setting.key]))
        self._field.setAccessibleDescription(_(HELP[setting.key]))
        self.is_refused = False
        match self._field:
            case QComboBox():
                self._field.activated.connect(self._on_edited)
            case QCheckBox():
                self._field.clicked.connect(self._on_edited)
            case QLineEdit():
                self._field.textEdited.connect(self._on_edited)

    @property
    def value(self) -> str:
        """The value as `change` takes it."""
        match self._field:
            case QComboBox():
                return str(self._field.currentData())
            case QCheckBox():
                return str(self._field.isChecked())
            case _:
                return value_of(self.setting.key, self._field.text())

    def show_value(self, recipe: Recipe) -> None:
        """Show the recipe's value, unless what stands there means the same already."""
        text = text_of(recipe, self.setting.key)
        with QSignalBlocker(self._field):
            match self._field:
                case QComboBox():
                    self._field.setCurrentIndex(self._field.findData(text))
                case QCheckBox():
                    self._field.setChecked(text == "True")
                case _ if not self._means(recipe):
                    self._field.setText(text)
        self.show_error("")

    def show_meaning(self, words: str) -> None:
        """Say what the value amounts to, before the help."""
        help_text = _(HELP[self.setting.key])
        self.help.setText(f"{words} {help_text}".strip())

    def show_error(self, text: str) -> None:
        """Say why the value is refused, on the field itself too; an empty text takes it back."""
        self.is_refused = bool(text)
        super().show_error(text)
        if self._field is not self.control:
            self._field.setProperty("state", "problem" if text else "")
            self._field.style().unpolish(self._field)
            self._field.style().polish(self._field)

    def take_focus(self) -> None:
        """Put the focus on the field."""
        self._field.setFocus()

    def _means(self, recipe: Recipe) -> bool:
        try:
            return change(recipe, {self.setting.key: self.value}) == recipe
        except UserError:
            return False

    def _on_edited(self) -> None:
        self.edited.emit(self.setting.key)


class RecipeForm(QWidget):
    """The settings in their groups; what is refused says so beside its field, the rest is passed on.

    Signals:
        draft_changed: Recipe, at every valid change.
        settings_made: dict of settings as text, once a person paused.
        value_refused: a value was refused.
    """

    draft_changed = Signal(object)
    settings_made = Signal(dict)
    value_refused = Signal()

    def __init__(self, opening: list[QWidget]) -> None:
        """Build the fields; `opening` stands above them on the basic page."""
        super().__init__()
        self._recipe = Recipe()
        self._pending: dict[str, str] = {}
        self._is_narrow = False
        self.rows = {setting.key: SettingRow(setting) for setting in SETTINGS}
        for row in self.rows.values():
            row.edited.connect(self._on_edited)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_AFTER_MILLISECONDS)
        self._timer.timeout.connect(self.flush)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._page(True, opening))
        self._pages.addWidget(self._page(False, []))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)

    def _page(self, is_basic: bool, opening: list[QWidget]) -> QScrollArea:
        """Build the basic or the expert page."""
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(theme.PADDING, 4, theme.PADDING, theme.PADDING)
        layout.setSpacing(4)
        for widget in opening:
            layout.addWidget(widget)
        group, has_line = "", bool(opening)
        for setting in SETTINGS:
            if setting.is_basic == is_basic:
                if setting.group != group:
                    group = setting.group
                    layout.addWidget(Section(_(group), has_line))
                    has_line = True
                layout.addWidget(self.rows[setting.key])
        layout.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        return scroll

    @property
    def recipe(self) -> Recipe:
        """The recipe with every valid change in it."""
        return self._recipe

    @property
    def refused(self) -> list[str]:
        """The keys whose value is refused."""
        return [key for key, row in self.rows.items() if row.is_refused]

    def show_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; what a person is about to change stays."""
        if self._pending:
            recipe = change(recipe, self._pending)
        self._recipe = recipe
        for key, row in self.rows.items():
            if key not in self._pending and not row.is_refused:
                row.show_value(recipe)

    def show_page(self, page: str) -> None:
        """Show the basic fields, or the expert's, which are the others."""
        self._pages.setCurrentIndex(0 if page == "basic" else 1)

    def show_meanings(self, words: Mapping[str, str]) -> None:
        """Say what values amount to, by key."""
        for key, row in self.rows.items():
            row.show_meaning(words.get(key, ""))

    def show_error(self, key: str, text: str) -> None:
        """Say beside a field why it is refused; an unknown field is left to the caller."""
        if key in self.rows:
            self.rows[key].show_error(text)

    def drop_changes(self) -> None:
        """Forget what was typed and not passed on yet: another recipe is coming."""
        self._timer.stop()
        self._pending.clear()
        for row in self.rows.values():
            row.show_error("")

    def flush(self) -> None:
        """Pass on what was changed, without waiting."""
        self._timer.stop()
        if self._pending:
            made, self._pending = self._pending, {}
            self.settings_made.emit(made)

    def _on_edited(self, key: str) -> None:
        """Take a change in, with what it makes valid elsewhere, or say beside its field why not."""
        if not self._take(key):
            self.value_refused.emit()
            return
        for other in self.refused:
            self._take(other)
        for other, row in self.rows.items():
            if other not in self._pending and not row.is_refused:
                row.show_value(self._recipe)
        self._timer.start()
        self.draft_changed.emit(self._recipe)

    def _take(self, key: str) -> bool:
        """Put the value of a field into the recipe; return False if it is refused."""
        value = self.rows[key].value
        try:
            self._recipe = change(self._recipe, {key: value})
        except UserError as error:
            self._pending.pop(key, None)
            self.rows[key].show_error(sentence(error.problem))
            return False
        self.rows[key].show_error("")
        self._pending[key] = value
        return True

    # Overridden from Qt

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Move the help when the room becomes narrow or wide."""
        if (self.width() < NARROW) != self._is_narrow:
            self._is_narrow = not self._is_narrow
            for row in self.findChildren(FormRow):
                place_help(row, self._is_narrow)
        super().resizeEvent(event)


def _field_of(setting: Setting) -> tuple[QComboBox | QCheckBox | QLineEdit, QWidget]:
    """Return the field of a setting and what stands in the form: the field with its unit."""
    match setting.input:
        case "choice":
            box = QComboBox()
            for value in setting.choices:
                box.addItem(choice_words(setting.key, value), value)
            return box, box
        case "flag":
            check = CheckBox(_("On"))
            return check, check
        case _:
            field = QLineEdit()
            if not setting.unit:
                return field, field
            unit = _(setting.unit)
            field.setTextMargins(0, 0, field.fontMetrics().horizontalAdvance(unit) + _UNIT_MARGIN, 0)
            return field, WithUnit(field, unit)


def place_help(row: FormRow, is_below: bool) -> None:
    """Put a row's help below its control where there is no room beside it."""
    grid = row.layout()
    assert isinstance(grid, QGridLayout)
    grid.removeWidget(row.help)
    if is_below:
        grid.addWidget(row.help, 2, 0, 1, 3)
    else:
        grid.addWidget(row.help, 0, 2)


def count_of(page: str) -> int:
    """Return how many fields a page has."""
    return sum(SETTING[key].is_basic == (page == "basic") for key in SETTING)
