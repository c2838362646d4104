"""Bring resources/locale/*.po up to date with the code: `.venv/bin/python packaging/catalogue.py`.

Finds what is passed to `_()` and `translate()`, and words that reach them through a variable: sentences of
problems, the help of recipe settings, purposes of groups and verbs, phases and units of progress, names of
roles, states and reasons. New messages get an empty translation, which a test refuses.
"""

import ast
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from domainstudio.cli.main import GROUPS
from domainstudio.corpus.readers.items import Reason
from domainstudio.jobs.folder import Status
from domainstudio.language import LANGUAGES, RESOURCES
from domainstudio.mixture.presets import PRESETS as MIXTURES
from domainstudio.mixture.shares import Arm, Role, TextOrigin
from domainstudio.problems import SENTENCES
from domainstudio.project.tokens import Split
from domainstudio.recipe.presets import PRESETS
from domainstudio.recipe.recipe import field_help
from domainstudio.recipe.settings import SETTINGS
from domainstudio.workflow.demo import PURPOSES

PACKAGE = Path(__file__).resolve().parents[1] / "domainstudio"
_UNDATED = datetime(2026, 1, 1, tzinfo=UTC)
ARGUMENTS = {
    "_": (0,), "translate": (0,), "add_verb": (2,), "progress": (2, 3), "preparing": (0,), "Label": (0,),
}  # fmt: skip
"""Name of a called function → places of the arguments that are shown to a person."""


def messages() -> set[str]:
    """Return every message that may be shown."""
    found = {
        *SENTENCES.values(),
        *GROUPS.values(),
        *PURPOSES.values(),
        *(text for preset in PRESETS.values() for text in (preset.note, preset.source)),
        *(text for setting in SETTINGS for text in (setting.label, setting.group, setting.unit)),
        *(text for mixture in MIXTURES.values() for text in (mixture.title, mixture.reason, mixture.caveat)),
        *(text for _, text, _ in field_help()),
    }
    for words in (Arm, Reason, Status, Role, Split, TextOrigin):
        found.update(get_args(words))
    for file in PACKAGE.rglob("*.py"):
        found.update(_in_source(ast.parse(file.read_text(encoding="utf-8"))))
    return found - {""}


def _in_source(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            values = [node.args[place] for place in ARGUMENTS.get(name, ()) if place < len(node.args)]
        elif isinstance(node, ast.Yield | ast.For) and isinstance(getattr(node, "value", node), ast.Tuple):
            values = node.value.elts[:1]  # type: ignore[union-attr]
        elif isinstance(node, ast.Tuple) and len(node.elts) == 3 and isinstance(node.elts[2], ast.Name):
            values = node.elts[1:2]  # the table of verbs in cli/runs.py
        else:
            continue
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def update(language: str) -> int:
    """Write the catalogue of a language anew, keeping its translations; return how many are missing."""
    file = RESOURCES / "locale" / f"{language}.po"
    known: dict[str, str] = {}
    if file.is_file():
        with file.open("rb") as source:
            known = {str(message.id): str(message.string) for message in read_po(source, locale=language)}
    catalogue = Catalog(
        locale=language,
        project="Domain Studio",
        header_comment="# Domain Studio; written by packaging/catalogue.py",
        creation_date=_UNDATED,
        revision_date=_UNDATED,
        fuzzy=False,
    )
    found = sorted(messages())
    for text in found:
        catalogue.add(text, known.get(text, ""), flags=["python-brace-format"] if "{" in text else [])
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as target:
        write_po(target, catalogue, width=110, sort_output=True, omit_header=False)
    return sum(not known.get(text) for text in found)


if __name__ == "__main__":
    for language in LANGUAGES[1:]:
        missing = update(language)
        print(f"{language}: {missing} translations missing")
        sys.exit(missing > 0)
