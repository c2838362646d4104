"""Adding a machine: its name, how ssh reaches it, and its host key, shown and asked before it is kept."""

from functools import partial

from pydantic import ValidationError
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from domainstudio.gui import theme
from domainstudio.gui.background import Background
from domainstudio.gui.widgets.buttons import PrimaryButton, SecondaryButton
from domainstudio.gui.widgets.form import FormRow, left_row
from domainstudio.gui.widgets.problem_line import ProblemLine
from domainstudio.gui.widgets.text import Text
from domainstudio.language import translate as _
from domainstudio.machines import store
from domainstudio.machines.host_keys import HostKey, unknown_key
from domainstudio.machines.machine import Machine
from domainstudio.problems import Problem, UserError, sentence

_WIDTH = 760


class AddForm(QWidget):
    """Asks for a machine, reaches it, and keeps it.

    Signals:
        added: the name of the machine.
        given_up: nothing shall be added.
    """

    added = Signal(str)
    given_up = Signal()

    def __init__(self, background: Background) -> None:
        """Show empty fields."""
        super().__init__()
        self._background = background
        self._machine: Machine | None = None
        """The one that is being reached."""
        self._accepted: list[str] = []
        self.name, self.destination = QLineEdit(), QLineEdit()
        self.folder, self.ssh_config, self.address = QLineEdit(), QLineEdit(), QLineEdit()
        self._fields = {
            "name": self.name, "destination": self.destination, "folder": self.folder,
            "ssh_config": self.ssh_config, "address": self.address,
        }  # fmt: skip
        self.line = ProblemLine()
        self._rows = {
            "name": FormRow(_("Name"), self.name, _(
                "What you call it here: small letters, digits and hyphens, such as gpu-1.")),
            "destination": FormRow(_("Reached by"), self.destination, _(
                "user@host, or a Host of your ssh configuration, where port, key and jump host belong. "
                "Passwords are neither asked for nor kept.")),
            "folder": FormRow(_("Folder there"), self.folder, _(
                "Where this program's files will lie there, from the home folder, or absolute.")),
            "ssh_config": FormRow(_("ssh configuration"), self.ssh_config, _(
                "Path of another ssh configuration here than your own; empty for that.")),
            "address": FormRow(_("Address"), self.address, _(
                "Where other machines reach it that train with it; empty for the HostName that ssh uses.")),
        }  # fmt: skip
        self.add = PrimaryButton(_("Reach and add it"), self._on_add_clicked)
        self._words = Text("", "small", "text2")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.PADDING, 16, theme.PADDING, 16)
        layout.setSpacing(8)
        layout.addWidget(Text(_("Add a machine"), "strong"))
        for row in self._rows.values():
            row.setMaximumWidth(_WIDTH)
            layout.addWidget(row)
        layout.addWidget(self.line)
        layout.addLayout(
            left_row(self.add, SecondaryButton(_("Cancel"), self._on_cancel_clicked), self._words)
        )
        layout.addStretch(1)
        for field in self._fields.values():
            field.returnPressed.connect(self._on_add_clicked)

    def begin(self) -> None:
        """Ask for another machine."""
        self._stop()
        for field in (self.name, self.destination, self.ssh_config, self.address):
            field.clear()
        self.folder.setText(Machine.model_fields["folder"].default)
        self.line.clear()
        self._show_errors(set())
        self.name.setFocus()

    def _on_add_clicked(self) -> None:
        values = {key: field.text().strip() for key, field in self._fields.items()}
        self.line.clear()
        try:
            machine = Machine(**values)
        except ValidationError as error:
            self._show_errors({str(one["loc"][0]) for one in error.errors(include_url=False)})
            return
        self._show_errors(set())
        self._accepted = []
        self._reach(machine)

    def _show_errors(self, wrong: set[str]) -> None:
        words = {
            "name": _("Small letters, digits and hyphens, beginning with a letter."),
            "destination": _("A user and a host, or a Host of your ssh configuration; no options."),
            "folder": _("A path of letters, digits, dots, hyphens and underscores, below the home folder."),
            "ssh_config": _("The absolute path of a file here."),
            "address": _("A host's name or its IP address, without a port."),
        }
        for key, row in self._rows.items():
            row.show_error(words[key] if key in wrong else "")

    def _reach(self, machine: Machine) -> None:
        self._machine = machine
        self.add.setEnabled(False)
        self._words.setText(_("Reaching {destination}…").format(destination=machine.destination))
        work = partial(_reach, machine, tuple(self._accepted))
        self._background.call(work, self._on_reached, self._on_refused)

    def _on_reached(self, found: tuple[Machine, HostKey | Problem | None]) -> None:
        machine, said = found
        if machine is not self._machine:  # given up meanwhile
            return
        if said is None:
            self._background.call(partial(_keep, machine), self._on_kept, self._on_refused)
        elif isinstance(said, Problem):
            self._on_refused(said)
        else:
            self._ask_about(said)

    def _on_kept(self, name: str) -> None:
        self._stop()
        self.added.emit(name)

    def _ask_about(self, key: HostKey) -> None:
        self._words.setText("")
        self._accepted.append(key.fingerprint)
        words = _(
            "{host} shows a host key that is not known yet: {kind} {fingerprint}. Compare it with what its "
            "owner says: whoever stands in between could read and change everything."
        )
        self.line.say(
            "attention",
            words.format(host=key.host, kind=key.kind, fingerprint=key.fingerprint),
            [(_("It is the same: go on"), self._on_key_accepted), (_("It is not"), self._on_key_declined)],
        )

    def _on_key_accepted(self) -> None:
        self.line.clear()
        if self._machine is not None:
            self._reach(self._machine)

    def _on_key_declined(self) -> None:
        self._stop()
        self.line.say("attention", sentence(Problem("machine.key_declined", "name")))

    def _on_refused(self, problem: Problem) -> None:
        self._stop()
        self.line.say("problem", sentence(problem))

    def _on_cancel_clicked(self) -> None:
        self._stop()
        self.given_up.emit()

    def _stop(self) -> None:
        """Hear no answer any more."""
        self._machine = None
        self.add.setEnabled(True)
        self._words.setText("")


def _reach(machine: Machine, accepted: tuple[str, ...]) -> tuple[Machine, HostKey | Problem | None]:
    """Return the key to ask about, or why a machine cannot be added; None if it can."""
    try:
        store.check_free(machine.name)
        return machine, unknown_key(machine, accepted)
    except UserError as error:
        return machine, error.problem


def _keep(machine: Machine) -> str:
    store.add(machine)
    return machine.name
