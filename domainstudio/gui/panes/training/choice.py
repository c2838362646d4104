"""Which run is meant: where it starts, what it reads, its arm; and the recipe it begins with."""

from typing import get_args

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from domainstudio.gui.panes.training.together import Together
from domainstudio.gui.widgets.buttons import LinkButton, SecondaryButton
from domainstudio.gui.widgets.form import FormRow, Section
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.mixture.shares import Arm
from domainstudio.problems import UserError
from domainstudio.recipe.presets import PRESETS, Preset
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.recipe.settings import SETTING
from domainstudio.workflow.training.planned import RunChoice


def arm_words(arm: Arm) -> str:
    """Return what an arm is for."""
    words = {
        "treated": _("The mixture as it is."),
        "control": _("Its general text alone, all else the same: what more training does by itself."),
        "naive": _("All but the general text: what the model forgets without protection."),
    }
    return words[arm]


class RunChoiceRows(QWidget):
    """The first section of the form.

    Signals:
        changed: another start or arm was chosen.
        mixture_requested: the mixture shall be changed.
    """

    changed = Signal()
    mixture_requested = Signal()

    def __init__(self) -> None:
        """Offer the base and the arms; checkpoints come later."""
        super().__init__()
        self._origin = QComboBox()
        self._origin.addItem(_("Base model"), "base")
        self._origin.activated.connect(self._on_activated)
        self._arm = QComboBox()
        for arm in get_args(Arm):
            self._arm.addItem(_(arm), arm)
        self._arm.activated.connect(self._on_activated)
        self._machine = QComboBox()
        self._machine.activated.connect(self._on_machine_activated)
        self._together = Together()
        self._together.changed.connect(self.changed)
        self._listed: list[str] = []
        self._mixture = Text("–", wrap=True)
        self._change = LinkButton(_("Change…"), self.mixture_requested.emit)
        self._change.setAccessibleName(_("Change the mixture"))
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._mixture, 1)
        row.addWidget(self._change)
        line.setFocusProxy(self._change)
        self._origin_row = FormRow(
            _("From"), self._origin, _("The weights of step 0; its loss is the base line.")
        )
        self._mixture_row = FormRow(_("Mixture"), line)
        self._arm_row = FormRow(_("Arm"), self._arm, arm_words("treated"))
        self._machine_row = FormRow(
            _("Machine"),
            self._machine,
            _("What it reads is sent by ssh; it goes on while this sleeps."),
        )
        self._together_row = FormRow(
            _("Together with"),
            self._together,
            _("Each has as many of the devices; they must reach the chosen one."),
        )
        self.show_machines([])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(Section(_("What to train"), has_line=False))
        rows = (self._origin_row, self._mixture_row, self._arm_row, self._machine_row, self._together_row)
        for one in rows:
            layout.addWidget(one)

    @property
    def choice(self) -> RunChoice:
        """The run that is meant."""
        first = self._machine.currentData() or ""
        return RunChoice(
            origin=self._origin.currentData(),
            arm=self._arm.currentData(),
            machine=",".join([first, *self._together.ticked]) if first else "",
        )

    def show_machines(self, names: list[str]) -> None:
        """Offer these machines beside this one; without any there is nothing to choose."""
        chosen = self._machine.currentData()
        self._machine.clear()
        self._machine.addItem(_("This computer"), "")
        for name in names:
            self._machine.addItem(name, name)
        self._machine.setCurrentIndex(max(0, self._machine.findData(chosen)))
        self._machine_row.setVisible(bool(names))
        self._listed = names
        self._show_others(self._together.ticked)

    def _show_others(self, ticked: list[str]) -> None:
        """Offer the machines beside the chosen one; with this computer none trains together."""
        first = self._machine.currentData()
        others = [name for name in self._listed if first and name != first]
        self._together.show_names(others, ticked)
        self._together_row.setVisible(bool(others))

    def choose(self, origin: str, arm: str, machine: str | None = None) -> None:
        """Choose without telling anybody; an arm that is not known is left aside, as is no machine."""
        if machine is not None:
            first, *others = machine.split(",")
            if self._machine.findData(first) < 0:
                self._machine.addItem(first, first)
            self._machine.setCurrentIndex(self._machine.findData(first))
            self._listed = list(dict.fromkeys([*self._listed, *filter(None, [first, *others])]))
            self._show_others(others)
        if self._origin.findData(origin) < 0:
            self._origin.addItem(origin, origin)
        with QSignalBlocker(self._origin), QSignalBlocker(self._arm):
            self._origin.setCurrentIndex(self._origin.findData(origin))
            if self._arm.findData(arm) >= 0:
                self._arm.setCurrentIndex(self._arm.findData(arm))
        self._arm_row.help.setText(arm_words(self._arm.currentData()))

    def show_origins(self, base: str, origins: list[str]) -> None:
        """Offer these starts; the chosen one stays, unless its checkpoint is gone."""
        chosen = self._origin.currentData()
        with QSignalBlocker(self._origin):
            self._origin.clear()
            for origin in origins:
                words = _("Base: {name}").format(name=base) if origin == "base" else origin
                self._origin.addItem(words, origin)
            self._origin.setCurrentIndex(max(0, self._origin.findData(chosen)))

    def show_mixture(self, words: str, consequence: str) -> None:
        """Name the mixture and what a run of it reads."""
        self._mixture.setText(words)
        self._mixture_row.help.setText(consequence)

    def show_error(self, field: str, text: str) -> None:
        """Say beside a choice why no run can start with it; the others say nothing."""
        wrong = self._rows().get(field.split(".")[0])
        for row in (self._origin_row, self._mixture_row, self._arm_row, self._machine_row):
            row.show_error(text if row is wrong else "")

    def focus(self, field: str) -> bool:
        """Put the focus on a choice; return False if it is none of these."""
        row = self._rows().get(field.split(".")[0])
        if row is not None:
            row.control.setFocus()
        return row is not None

    def _rows(self) -> dict[str, FormRow]:
        mixture = self._mixture_row
        others = {"mixture": mixture, "shares": mixture, "machine": self._machine_row}
        return {"from": self._origin_row, "arm": self._arm_row, **others}

    def _on_machine_activated(self) -> None:
        self._show_others(self._together.ticked)
        self.changed.emit()

    def _on_activated(self) -> None:
        self._arm_row.help.setText(arm_words(self._arm.currentData()))
        self.changed.emit()


class PresetButton(SecondaryButton):
    """Opens the list of published recipes.

    Signals:
        preset_chosen: its name.
    """

    preset_chosen = Signal(str)

    def __init__(self) -> None:
        """Make the closed button."""
        super().__init__(_("Start from a preset") + " ", self._on_clicked, "chevron-down")
        self.make_small()
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)

    def _on_clicked(self) -> None:
        menu = QMenu(self)
        menu.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        for preset in PRESETS.values():
            action = QAction(f"{preset.name}   {_(preset.source)}", menu)
            action.setData(preset.name)
            action.setToolTip(_(preset.note))
            menu.addAction(action)
        menu.setToolTipsVisible(True)
        menu.triggered.connect(self._on_triggered)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.mapToGlobal(QPoint(0, self.height())))

    def _on_triggered(self, action: QAction) -> None:
        self.preset_chosen.emit(str(action.data()))


def preset_like(recipe: Recipe) -> Preset | None:
    """Return the preset whose settings a recipe has, whatever else was changed."""
    for preset in PRESETS.values():
        try:
            if change(recipe, preset.settings) == recipe:
                return preset
        except UserError:  # a setting of the recipe contradicts one of the preset
            continue
    return None


def preset_words(preset: Preset) -> str:
    """Return a preset's note, its source, and what of it nobody found in the source."""
    words = _("Preset {name} ({source}): {note}").format(
        name=preset.name, source=_(preset.source), note=_(preset.note)
    )
    if preset.unconfirmed:
        labels = ", ".join(_(SETTING[key].label) for key in preset.unconfirmed)
        words += " " + _("Not confirmed in the paper: {settings}.").format(settings=labels)
    return words
