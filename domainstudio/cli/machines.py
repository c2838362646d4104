"""`domainstudio machines`: machines to train on, reached by ssh."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from domainstudio.cli.output import Handler, Output, add_common, table
from domainstudio.language import one_line, visible
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.units import format_count, format_size

if TYPE_CHECKING:
    from domainstudio.machines.cleaning import Kept, Version
    from domainstudio.machines.host_keys import HostKey
    from domainstudio.machines.machine import Machine
    from domainstudio.machines.probe import Gpu, Missing, Probe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    add = _verb(verbs, "add", _("add a machine, after its host key was compared"), _add)
    add.add_argument("destination", metavar="DESTINATION", help=_(
        "[user@]host, or a Host of your ssh configuration, where port and jump host belong"))  # fmt: skip
    add.add_argument("--folder", default=".domainstudio", help=_(
        "where files lie there, from the home folder or absolute (.domainstudio)"))  # fmt: skip
    add.add_argument(
        "--ssh-config", default="", metavar="FILE", help=_("another ssh configuration than yours")
    )
    add.add_argument("--address", default="", metavar="HOST", help=_(
        "where other machines of the same run reach it (the HostName that ssh uses)"))  # fmt: skip
    add.add_argument("--accept-key", action="append", default=[], metavar="FINGERPRINT", help=_(
        "accept the host key with this fingerprint and no other; once for each host on the way"))  # fmt: skip
    add_common(verbs.add_parser("list", help=_("the machines that you added")), _list)
    _verb(verbs, "remove", _("forget a machine; what lies there stays"), _remove)
    _verb(verbs, "probe", _("what there is on a machine, and what is missing"), _probe)
    clean = _verb(
        verbs, "clean", _("what lies on a machine, and remove a project or old versions there"), _clean
    )
    clean.add_argument("--remove", default="", metavar="PROJECT", help=_(
        "remove what this one has there: text, bases, and runs with their checkpoints"))  # fmt: skip
    clean.add_argument("--old-versions", action="store_true", help=_(
        "remove the versions of this program there that no run uses"))  # fmt: skip
    mend = _verb(verbs, "mend", _("install what is missing on a machine, after you agreed"), _mend)
    mend.add_argument("--wheels", type=Path, metavar="DIR", help=_(
        "send the wheels of this folder, for a machine without a package index"))  # fmt: skip
    mend.add_argument("--index", default="", metavar="URL", help=_("the package index to install from there"))
    mend.add_argument("--yes", action="store_true", help=_("agree beforehand"))


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, purpose: str, handler: Handler
) -> argparse.ArgumentParser:
    """Add a verb that works on one machine."""
    parser = verbs.add_parser(name, help=purpose, description=purpose)
    parser.add_argument("name", metavar="NAME", help=_("the machine's name"))
    add_common(parser, handler)
    return parser


def _add(options: argparse.Namespace) -> Output:
    from pydantic import ValidationError

    from domainstudio.jobs.spec import invalid_field
    from domainstudio.machines import store
    from domainstudio.machines.machine import Machine

    config = str(Path(options.ssh_config).absolute()) if options.ssh_config else ""
    try:
        machine = Machine(
            name=options.name,
            destination=options.destination,
            folder=options.folder,
            ssh_config=config,
            address=options.address,
        )
    except ValidationError as error:
        raise invalid_field(error, options.name) from None
    store.check_free(machine.name)
    _accept_keys(machine, options.accept_key)
    store.add(machine)
    return Output(machine, _("Added {name}; see what is there: domainstudio machines probe {name}").format(
        name=machine.name))  # fmt: skip


def _accept_keys(machine: "Machine", accepted: list[str]) -> None:
    """Ask for each unknown key on the way until the machine is reached."""
    from domainstudio.machines.host_keys import unknown_key

    while key := unknown_key(machine, accepted):
        if not _is_accepted(machine, key):
            raise UserError(Problem("machine.key_declined", "name"))
        accepted.append(key.fingerprint)


def _is_accepted(machine: "Machine", key: "HostKey") -> bool:
    if not sys.stdin.isatty():
        params = {
            "host": key.host, "name": machine.name, "kind": key.kind, "fingerprint": key.fingerprint,
        }  # fmt: skip
        raise UserError(Problem("machine.key_to_accept", "accept_key", params))
    shown = _("{host} shows a host key that is not known yet: {kind} {fingerprint}").format(
        host=key.host, kind=key.kind, fingerprint=key.fingerprint
    )
    return _agreed(visible(shown) + "\n" + _("Is this what its owner says?"))


def _agreed(question: str) -> bool:
    """Ask on the terminal; anything but yes is no."""
    print(question, "[yes/no]", end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("yes", "y", "是")


def _list(options: argparse.Namespace) -> Output:
    from domainstudio.machines import store

    known = store.machines()
    rows = [[one.name, one.destination, one.folder] for one in known]
    text = table([_("Name"), _("Destination"), _("Folder there")], rows, text_columns=3)
    return Output(known, text if known else _("No machine yet: add one with `domainstudio machines add`."))


def _remove(options: argparse.Namespace) -> Output:
    from domainstudio.machines import store
    from domainstudio.machines.ssh import Connection

    gone = store.remove(options.name)
    Connection(gone).close()
    return Output(gone, _("Removed {name} from the list; its folder there, {folder}, stays.").format(
        name=gone.name, folder=gone.folder))  # fmt: skip


def _probe(options: argparse.Namespace) -> Output:
    from domainstudio.machines import store
    from domainstudio.machines.probe import missing, probe
    from domainstudio.machines.ssh import Connection

    found = probe(Connection(store.machine(options.name)))
    lacks = missing(options.name, found)
    return Output({"probe": found.model_dump(), "missing": lacks}, _described(found, lacks))


def _described(found: "Probe", lacks: "list[Missing]") -> str:
    """Return a probe for a person: a line each, then what is missing."""
    rows = [
        [_("host"), f"{found.host} ({found.system})"],
        *([_("GPU"), _gpu(one)] for one in found.gpus or ()),
        *([[_("GPU"), _("none")]] if not found.gpus else []),
        [_("processors"), format_count(found.processors)],
        [_("memory"), _free_of(found.free_memory_bytes, found.memory_bytes)],
        [_("disk"), _free_of(found.free_disk_bytes, None)],
        [_("Python"), ", ".join(f"{one.command} {one.version}" for one in found.pythons) or "-"],
        [_("packages"), ", ".join(f"{name} {version}" for name, version in found.packages.items()) or "-"],
        *([_("running"), f"{one.pid} {one.command}"] for one in found.processes),
    ]
    lines = [f"{name}: {one_line(value)}" for name, value in rows]
    if not any(lack.is_needed for lack in lacks):
        lines.append(_("Nothing that training needs is missing."))
    for lack in lacks:
        lines.append(_("missing: {what}; mend it: {command}").format(what=lack.words(), command=lack.command))
    return "\n".join(lines)


def _gpu(gpu: "Gpu") -> str:
    parts = [gpu.name, _free_of(gpu.free_bytes, gpu.memory_bytes)]
    parts.append(_("driver {version}").format(version=gpu.driver))
    if gpu.utilisation_percent is not None:
        parts.append(f"{gpu.utilisation_percent:.0f} %")
    if gpu.temperature_celsius is not None:
        parts.append(f"{gpu.temperature_celsius:.0f} °C")
    return ", ".join(parts)


def _free_of(free: int | None, total: int | None) -> str:
    if free is None:
        return format_size(total) if total is not None else "-"
    if total is None:
        return _("{free} free").format(free=format_size(free))
    return _("{free} free of {total}").format(free=format_size(free), total=format_size(total))


def _mend(options: argparse.Namespace) -> Output:
    from domainstudio.machines import store
    from domainstudio.machines.mending import mend, plan
    from domainstudio.machines.probe import missing, probe
    from domainstudio.machines.ssh import Connection

    connection = Connection(store.machine(options.name))
    planned = plan(connection.machine, probe(connection), wheels=options.wheels, index=options.index)
    if not options.yes:
        _tell(_("This will run on {name}:").format(name=options.name))
        for line in planned.lines():
            _tell(f"  {line}")
        if not (sys.stdin.isatty() and _agreed(_("Run it?"))):
            raise UserError(Problem("machine.no_consent", None, {"name": options.name}))
    mend(connection, planned, _tell)
    found = probe(connection)
    lacks = missing(options.name, found)
    return Output({"probe": found.model_dump(), "missing": lacks}, _described(found, lacks))


def _clean(options: argparse.Namespace) -> Output:
    from domainstudio.machines import store
    from domainstudio.machines.cleaning import kept, remove, versions
    from domainstudio.machines.ssh import Connection

    connection = Connection(store.machine(options.name))
    if options.remove:
        freed = remove(connection, options.remove)
        words = _("{project} is gone from {name}; {size} became free there.").format(
            project=options.remove, name=options.name, size=format_size(freed)
        )
        return Output({"removed": options.remove, "freed_bytes": freed}, words)
    if options.old_versions:
        gone = [one for one in versions(connection, removing=True) if not one.is_used]
        freed = sum(one.size_bytes for one in gone)
        words = _("{n} old versions are gone from {name}; {size} became free there.").format(
            n=format_count(len(gone)), name=options.name, size=format_size(freed)
        )
        return Output({"removed": [one.name for one in gone], "freed_bytes": freed}, words)
    return _kept(kept(connection), versions(connection))


def _kept(found: "list[Kept]", versions: "list[Version]") -> Output:
    """Return what lies on a machine: its projects, and versions of this program that could go."""
    rows = [[one.name, format_size(one.size_bytes), ", ".join(one.running) or "-"] for one in found]
    lines = [table([_("Project there"), _("Size"), _("Running")], rows)]
    old = [one for one in versions if not one.is_used]
    if old:
        words = _("{n} old versions of this program, {size}: `--old-versions` removes them.")
        size = format_size(sum(one.size_bytes for one in old))
        lines.append(words.format(n=format_count(len(old)), size=size))
    return Output({"projects": found, "versions": versions}, "\n".join(lines))


def _tell(line: str) -> None:
    print(visible(line), file=sys.stderr, flush=True)
