"""The language of window, command line and report: one gettext catalogue, read from its .po file."""

import gettext
import locale
import os
import re
from functools import cache
from io import BytesIO
from pathlib import Path

_BESIDE_PACKAGE = Path(__file__).resolve().parent / "resources"
RESOURCES = _BESIDE_PACKAGE if _BESIDE_PACKAGE.is_dir() else Path(__file__).resolve().parents[1] / "resources"
"""The folder `resources/`: inside an installed package, or at the top of a checkout."""

LANGUAGES = ("en", "zh_CN")


VARIABLE = "DOMAINSTUDIO_LANGUAGE"


def preferred() -> str:
    """Return the language asked for by DOMAINSTUDIO_LANGUAGE, else by the system, else English."""
    wish = os.environ.get(VARIABLE) or locale.getlocale()[0] or "en"
    return "zh_CN" if wish.startswith("zh") else "en"


def use(language: str) -> None:
    """Speak one of `LANGUAGES` from now on, here and in every process started from here."""
    os.environ[VARIABLE] = language


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """Return the compiled catalogue of one of `LANGUAGES`; English is the text in the source itself."""
    file = RESOURCES / "locale" / f"{language}.po"
    if language == "en" or not file.is_file():
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with file.open("rb") as source:
        messages = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def translate(text: str) -> str:
    """Return `text` in the preferred language; fill placeholders with `.format` afterwards, never before."""
    return catalogue(preferred()).gettext(text)


_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LONGEST = 2000
"""Characters of a name or a reason within a sentence."""


def visible(text: str) -> str:
    """Return a text with what would command a terminal, or reorder it, as escapes; lines and tabs stay."""
    return _NOT_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str) -> str:
    """Return a name or a reason from a file as it may stand in a sentence: visible, short and on one line."""
    line = visible(re.sub(r"[\t\n\r]+", " ", text))
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"
