"""Markdown: no name breaks out of its cell."""

from hypothesis import given
from hypothesis import strategies as st

from domainstudio.markdown import plain, table


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=4))
def test_a_table_has_the_rows_and_columns_that_it_was_given(rows: list[list[str]]) -> None:
    lines = table(["one", "two"], rows).split("\n")
    assert len(lines) == 2 + len(rows)
    for line in lines:
        assert line.replace("\\\\", "").replace("\\|", "").count("|") == 3


def test_what_would_be_markup_is_text() -> None:
    assert plain("a|b [c](d) `e` <img>\nf") == "a\\|b \\[c\\](d) \\`e\\` &lt;img> f"
