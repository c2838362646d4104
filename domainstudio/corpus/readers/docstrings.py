"""Python sources: one document per docstring, taken from the syntax tree; nothing is imported or run."""

import ast
import warnings
from collections.abc import Iterator
from typing import BinaryIO

from domainstudio.corpus.readers.items import Document, Item, Rejection, TooLarge

SOURCE_BYTES = 8 << 20
MINIMUM_CHARACTERS = 80
"""Shorter docstrings say too little to be a document."""

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def read(stream: BinaryIO, origin: str) -> Iterator[Item]:
    """Yield the docstrings of one source, and the entries of a top-level dict of texts (as pydoc's topics).

    `position` is the line number.

    Raises:
        TooLarge: the source is larger than `SOURCE_BYTES`.
    """
    source = stream.read(SOURCE_BYTES + 1)
    if len(source) > SOURCE_BYTES:
        raise TooLarge(f"a source of more than {SOURCE_BYTES} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the source's own faults, such as an invalid escape
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        yield Rejection(origin, getattr(error, "lineno", None) or 0, "bad_syntax", str(error))
        return
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED):
            text = cleaned(ast.get_docstring(node, clean=False) or "")
            if len(text) >= MINIMUM_CHARACTERS:
                yield Document(text, origin, getattr(node, "lineno", 1), getattr(node, "name", ""))
    yield from _topics(tree, origin)


def cleaned(docstring: str) -> str:
    """Return a docstring without indentation, as `inspect.cleandoc`, which takes hours for blank lines."""
    first, *others = docstring.expandtabs().split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in others if line.strip()), default=0)
    return "\n".join([first.lstrip(), *(line[margin:] for line in others)]).strip("\n")


def _topics(tree: ast.Module, origin: str) -> Iterator[Document]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict):
            for key, value in zip(statement.value.keys, statement.value.values, strict=True):
                match key, value:
                    case ast.Constant(value=str(name)), ast.Constant(value=str(text)) if (
                        len(text) >= MINIMUM_CHARACTERS
                    ):
                        yield Document(text, origin, value.lineno, name)
