"""Problems of machines that are reached by ssh.

Each sentence says what is the matter, where, and what to do. Placeholders are keys of the problem's params.
"""

SENTENCES: dict[str, str] = {
    "machine.bad_answer": (
        "What {name} says of itself cannot be read ({reason}): check that its login prints nothing of its "
        "own, and its Python."
    ),
    "machine.bad_configuration": (
        "The ssh configuration for {name} is not valid ({reason}): mend it, and try `ssh` by hand."
    ),
    "machine.changed_key": (
        "{name} ({destination}) shows another host key than before: it was installed anew, or somebody "
        "stands between. Nothing was sent. Ask who runs it for the new fingerprint; only if it is right, "
        "remove the old key ({where}, `ssh-keygen -R`) and add the machine again."
    ),
    "machine.command_failed": (
        "On {name}, `{command}` ended with code {code} ({reason}): mend that, then repeat; what was "
        "installed already stays."
    ),
    "machine.key_declined": "The host key was not accepted: nothing was added.",
    "machine.key_to_accept": (
        "{host}, on the way to {name}, shows a host key that is not known yet: {kind} {fingerprint}. Compare "
        "it with what its owner says; if it is the same, add the machine with `--accept-key {fingerprint}`."
    ),
    "machine.lost": "The connection to {name} failed ({reason}): check it by hand with `ssh`, then repeat.",
    "machine.name_taken": "There is a machine named {name} already: choose another name, or remove that one.",
    "machine.named_twice": "{name} is named twice: a machine is one node of a run.",
    "machine.no_consent": (
        "Nothing was done on {name}: read the commands above, and say yes to them, or repeat with `--yes`."
    ),
    "machine.no_access": (
        "{name} ({destination}) accepts none of your keys: add your public key to it (`ssh-copy-id`), load "
        "the right one into your agent (`ssh-add`), or check the user's name."
    ),
    "machine.no_python": "{name} has no Python: install python3 there, 3.11 or newer.",
    "machine.no_ssh": "This machine has no {program}: install OpenSSH's client, then repeat.",
    "machine.no_wheels": "There is no wheel (.whl) in {folder}: give the folder that `pip download` filled.",
    "machine.not_found": (
        "{destination} of {name} is no name that can be resolved: check its spelling, your network, and the "
        "Host entries of your ssh configuration."
    ),
    "machine.not_kept": (
        "{name} could not keep {what} ({reason}): check its disk and its rights, then repeat."
    ),
    "machine.python_too_old": (
        "{name} has no Python 3.11 or newer that can make environments: install one there first; "
        "`domainstudio machines probe` says how."
    ),
    "machine.refused": (
        "{name} ({destination}) is there, but nothing answers ssh: check that its ssh server runs, and the "
        "port in your ssh configuration."
    ),
    "machine.stopped": "Stopped as you asked: what arrived is kept, and the same again goes on from there.",
    "machine.too_much": "{name} answered with far more than was asked for: check what its login prints.",
    "machine.too_slow": (
        "{name} did not answer within {seconds:g} seconds: check the machine and your network, then repeat."
    ),
    "machine.unknown": (
        "There is no machine named {name}; there are: {known}. Add one with `domainstudio machines add`."
    ),
    "machine.unknown_key": (
        "{name} ({destination}) shows a host key that you have not accepted yet: see its fingerprint with "
        "`domainstudio machines add`, or connect once by `ssh` in a terminal."
    ),
    "machine.unreachable": (
        "{name} ({destination}) cannot be reached ({reason}): check that it runs, and your network or VPN."
    ),
    "machine.cannot_keep": (
        "What the machine tells cannot be kept here ({reason}): make room on this disk. The run goes on."
    ),
    "machine.damaged_file": "{file} arrived damaged, to or from {name}: it is sent anew the next time.",
    "machine.disk_full": "The disk of {name} is full: make room there; what has arrived is kept.",
    "machine.file_gone": "{file} is needed by the run and is not here: bring it back, then resume.",
    "machine.node_ended": (
        "{job} has ended on {name}, and the rest of it did not notice: it was ended everywhere. The last "
        "line printed there: {line}. Mend that, then resume."
    ),
    "machine.no_frame": (
        "The machine said something else than was asked for ({line}): a login script there may print it."
    ),
    "machine.no_project": "{name} keeps nothing of a project {project}; there are: {known}.",
    "machine.no_nodes": "A run takes one node at least: give another number.",
    "machine.no_program": (
        "{name} lacks what this program needs: bring it there with `domainstudio machines mend {name}`, then "
        "resume."
    ),
    "machine.no_room": "{name} has {free} free, and {needed} are to be sent: make room there.",
    "machine.not_asked": (
        "What {name} has is not known yet: open Machines, which asks it, or `domainstudio machines probe "
        "{name}`."
    ),
    "machine.not_assigned": "{job} does not say which machine it runs on: its remote.json is gone.",
    "machine.one_to_log_in": (
        "A batch script is for one machine, on which `sbatch` is typed: give that one, and how many nodes."
    ),
    "machine.out_of_step": (
        "{file} is shorter than what the machine has told already: it was changed here. Restore it, or "
        "remove it to have all of it told again."
    ),
    "machine.program_failed": (
        "The program on {name} failed ({reason}): see what is missing with `domainstudio machines probe`."
    ),
    "machine.transfer_broke": "Sending to or from {name} broke off ({reason}): it goes on where it was.",
}
