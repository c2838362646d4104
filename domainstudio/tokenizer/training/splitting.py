"""Where a text may be cut before its vocabulary is asked: the regular expressions of three manners."""

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import regex
    from tokenizers import Tokenizer

VocabularyKind = Literal["bpe", "unigram"]
Split = Literal["words", "multi-word", "multi-word-unicode"]
VOCABULARY_KINDS: tuple[VocabularyKind, ...] = get_args(VocabularyKind)
SPLITS: tuple[Split, ...] = get_args(Split)

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Words with their space, numbers, punctuation, white space (as GPT-4's cl100k)."""

_EXPRESSIONS: dict[Split, str] = {
    "words": _WORDS,
    "multi-word": r"[ A-Za-z]+|[0-9]|[^A-Za-z0-9]+",
    "multi-word-unicode": r"\p{Han}{1,16}|(?:(?!\p{Han})[ \p{L}\p{M}])+|\p{N}|[^\p{L}\p{M}\p{N}]+",
}
"""multi-word: BloombergGPT's (arXiv 2303.17564, section 2.3), which takes all but ASCII for punctuation. The
other one knows the letters of every script, and ends a run of Chinese, which has no spaces, after 16."""


def expression(split: Split, *, parts_digits: bool) -> str:
    """Return the regular expression whose matches, one after the other, are a text.

    Args:
        split: the manner.
        parts_digits: each digit stands alone; else words keep up to three together.
    """
    found = _EXPRESSIONS[split]
    return found.replace(r"\p{N}{1,3}", r"\p{N}") if parts_digits else found


def compiled(pattern: str) -> "regex.Pattern[str]":
    """Return an expression for counting: the same pieces as `tokenizers` finds, some ten times faster.

    Only white space is another class in the two libraries; letters of the newest Unicode one may not know.
    """
    import regex

    spelled = pattern.replace(r"[^\s", r"[^\p{White_Space}")
    return regex.compile(spelled.replace(r"\s", r"\p{White_Space}").replace(r"\S", r"\P{White_Space}"))


def cut_by(tokenizer: "Tokenizer", pattern: str) -> None:
    """Make a tokenizer cut by an expression, spell bytes, and put them together again."""
    from tokenizers import Regex, decoders, pre_tokenizers, processors

    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
