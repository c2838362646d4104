"""`domainstudio project`: make a project, or say what is in it."""

import argparse
from pathlib import Path

from domainstudio.cli.output import Output, add_verb
from domainstudio.language import translate as _
from domainstudio.units import format_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    new = add_verb(verbs, "new", "make a project", _new)
    base = new.add_mutually_exclusive_group(required=True)
    base.add_argument("--base", type=Path, metavar="DIR", help=_("folder of a base model (safetensors)"))
    base.add_argument(
        "--from-scratch", metavar="PRESET", help=_("no base model: tiny, tiny-neox or small-neox")
    )
    add_verb(verbs, "info", "say what is in a project", _info)


def _new(options: argparse.Namespace) -> Output:
    from domainstudio.workflow.projects import info, new_project

    with new_project(options.project, preset=options.from_scratch, base=options.base) as project:
        return Output(info(project), _("Made the project {path}.").format(path=project.path))


def _info(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.projects import info

    with open_project(options) as project:
        facts = info(project)
    text = _(
        "{path}\nbase model: {base}\nsources: {sources}\ntraining documents: {documents}\nruns: {runs}"
    ).format(
        path=facts.path,
        base=facts.base,
        sources=facts.sources,
        documents=format_count(facts.training_documents),
        runs=facts.runs,
    )
    return Output(facts, text)
