"""Parse the arguments, run one command, print its output or its one sentence of trouble."""

import argparse
import dataclasses
import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from domainstudio import __version__
from domainstudio.disk import disk_problem
from domainstudio.language import translate as _
from domainstudio.language import visible
from domainstudio.problems import UserError, sentence

GROUPS = {
    "project": "make a project, or say what is in it",
    "corpus": "import documents, and the table of what there is",
    "duplicates": "find near-duplicates, and mark them",
    "audit": "judge a sample of the removals, and report it",
    "tokenizer": "train a tokenizer, and pack the corpus with it",
    "mixture": "how much of each source a run sees",
    "recipe": "how a run is trained",
    "train": "start a training run",
    "laboratory": "compare methods against forgetting on your data",
    "runs": "list, watch, stop and resume runs",
    "evaluation": "what a run changed, source by source",
    "export": "write a model folder or a report",
    "machines": "machines to train on, reached by ssh",
    "demo": "the whole way with text that lies on this machine",
}
"""Group → what it is for. Only the module of the group asked for is imported."""


def run_command(arguments: list[str]) -> int:
    """Run one command; return 0 done, 2 for a UserError, 1 for a bug."""
    options = _parser(arguments).parse_args(arguments)
    try:
        output = options.handler(options)
        if output is not None:
            print(visible(_as_json(output.document) if options.json else output.text), flush=True)
    except UserError as error:
        print(sentence(error.problem), file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        problem = disk_problem(error, Path.cwd())
        if problem is not None:
            print(sentence(problem), file=sys.stderr)
            return 2
        traceback.print_exc()
        return 1
    return 0


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="domainstudio",
        description=_("Turn an open language model into a domain model, and see what it forgets."),
        epilog=_("Without arguments the window opens."),
    )
    parser.add_argument("--version", action="version", version=f"domainstudio {__version__}")
    groups = parser.add_subparsers(dest="group", metavar="GROUP", required=True)
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, purpose in GROUPS.items():
        group = groups.add_parser(name, help=_(purpose), description=_(purpose))
        if name == asked:
            importlib.import_module(f"domainstudio.cli.{name}").add_arguments(group)
    return parser


def _as_json(document: Any) -> str:
    return json.dumps(document, default=_plain, indent=1, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Turn a model or dataclass into what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value)
