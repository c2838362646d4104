"""Web pages: the main text, fast with selectolax or thorough with trafilatura; a page is a document."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from domainstudio.corpus.readers.encodings import HEAD_BYTES, encoding_of
from domainstudio.corpus.readers.items import Document, Item, Rejection, TooLarge

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

Extraction = Literal["fast", "thorough"]

PAGE_BYTES = 64 << 20
"""A larger page is rejected: its tree takes many times its size."""

_DROPPED = (
    "script, style, template, noscript, svg, iframe, object, button, select, dialog, "
    "nav, header, footer, aside, "
    '[hidden], [style*="display:none"], [style*="display: none"], ix\\:header'
)
_PARAGRAPHS = "p, h1, h2, h3, h4, h5, h6, table, ul, ol, dl, blockquote, section, article, figure, pre, hr"
_LINES = "div, li, tr, dt, dd, caption, figcaption, address, main, form, center, br"
_CELLS = "td, th"

# Not characters: no page can mean anything by them, and white space is not what they are.
_PARAGRAPH, _LINE, _CELL, _CELL_END = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
_INNER_CELL = re.compile(f"{_CELL}([^{_CELL}{_CELL_END}]*){_CELL_END}")
_BREAK_RUN = re.compile(f" *[{_PARAGRAPH}{_LINE}][{_PARAGRAPH}{_LINE} ]*")
_SPACES = re.compile(r"\s+")
_ROW_CELL_CHARACTERS = 400
"""A longer cell holds running text: the table only lays out the page."""
_CURRENCY = re.compile(r"([$€£¥(])\t+(?=[\d(—-])")
_UNIT = re.compile(r"\t+(?=[)%]+(?:\t|\n|$))")
_TABS = re.compile(r"[ \t]*\t[ \t]*")

_DECLARED = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_DECLARED_WITHIN = 4096


def read(stream: BinaryIO, origin: str, extraction: Extraction) -> Iterator[Item]:
    """Yield the page's main text; `position` is 0.

    Raises:
        TooLarge: the page is larger than `PAGE_BYTES`, or its tree than memory.
    """
    data = stream.read(PAGE_BYTES + 1)
    if len(data) > PAGE_BYTES:
        raise TooLarge(f"a page of more than {PAGE_BYTES} bytes")
    if not data.strip():
        return
    declared = _DECLARED.search(data[:_DECLARED_WITHIN])
    encoding = encoding_of(data[:HEAD_BYTES], declared[1].decode() if declared else None)
    if encoding is None:
        yield Rejection(origin, 0, "bad_encoding", "neither UTF-8 nor another known encoding")
        return
    written = data.decode(encoding)  # an error further down is the file's one rejection
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    try:
        tree = LexborHTMLParser(written)
        title = tree.css_first("title")
        text = _thorough(written) if extraction == "thorough" else _fast(tree)
    except SelectolaxError as error:  # what it lacks is memory: no page is wrong
        raise TooLarge(str(error)) from error
    yield Document(text, origin, 0, _SPACES.sub(" ", title.text()).strip() if title else "")


def _thorough(written: str) -> str:
    from trafilatura import extract

    return extract(written, include_comments=False, include_tables=True) or ""


def _fast(tree: "LexborHTMLParser") -> str:
    body = tree.body
    if body is None:
        return ""
    for node in body.css(_DROPPED):
        node.decompose()
    _drop_forms(body)
    for node in body.css("pre"):
        node.replace_with(_PARAGRAPH + node.text().replace("\n", _LINE) + _PARAGRAPH)
    for selector, before, after in (
        (_CELLS, _CELL, _CELL_END),
        (_LINES, _LINE, _LINE),
        (_PARAGRAPHS, _PARAGRAPH, _PARAGRAPH),
    ):
        for node in body.css(selector):
            node.insert_before(before)
            node.insert_after(after)
    return _laid_out(body.text())


def _drop_forms(body: Any) -> None:
    """Drop forms, but not one that a server wrapped around the whole page."""
    forms = body.css("form")
    if forms:
        most = len(body.text()) // 2
        for node in forms:
            if len(node.text()) <= most:
                node.decompose()


def _laid_out(marked: str) -> str:
    """Turn marks into line breaks, a table's row into one line with tabs between its cells."""
    text = _INNER_CELL.sub(_row_cell, _SPACES.sub(" ", marked))
    text = _BREAK_RUN.sub(lambda run: "\n\n" if _PARAGRAPH in run[0] else "\n", text)
    text = text.replace(_CELL, "\n").replace(_CELL_END, "\n")  # cells around others: the page's layout
    text = _TABS.sub("\t", text)
    text = _UNIT.sub("", _CURRENCY.sub(r"\1", text))
    lines = (line.strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _row_cell(cell: re.Match[str]) -> str:
    if len(cell[1]) > _ROW_CELL_CHARACTERS:
        return f"{_LINE}{cell[1]}{_LINE}"
    return _BREAK_RUN.sub(" ", cell[1]).strip() + "\t"
