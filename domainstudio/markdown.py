"""Tables and text in Markdown that nothing in a name can break out of."""

import re
from collections.abc import Sequence

from domainstudio.language import one_line


def plain(text: str) -> str:
    """Return a name that cannot end its column or line, or begin a tag, a link, a picture or code."""
    return re.sub(r"([\\|\[\]`])", r"\\\1", one_line(text)).replace("<", "&lt;")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its cells are made plain."""
    lines = ["| " + " | ".join(plain(cell) for cell in row) + " |" for row in (head, *rows)]
    lines.insert(1, "|" + " --- |" * len(head))
    return "\n".join(lines)
