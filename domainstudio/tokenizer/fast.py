"""The fast path: a byte-level BPE tokenizer.json as a tiktoken encoding, where the ids are provably the same.

`tokenizers` merges pairs in the order of its merge list; tiktoken merges whatever two neighbours make a known
token, the lowest rank first. Ranks are therefore places in the merge list, a table turns them into ids, and
`check_merges` proves that tiktoken can only ever make the pairs of the list.
"""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from tokenizers import normalizers

from domainstudio.tokenizer.training.alphabet import bytes_of, spell
from domainstudio.tokenizer.vocabulary import FILE

# The pattern of GPT-2, which `ByteLevel` applies unless told not to.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

# What Oniguruma (tokenizers) and fancy-regex (tiktoken) read alike: literals, categories, classes, groups,
# quantifiers. `{1,3}+` is possessive only in the second; \w, \d, \h, $ and ^ differ.
_CATEGORY = "L|Lu|Ll|Lt|Lm|Lo|M|Mn|Mc|Me|N|Nd|Nl|No|P|Pc|Pd|Ps|Pe|Pi|Pf|Po|S|Sm|Sc|Sk|So|Z|Zs|Han"
_READ_ALIKE = re.compile(
    rf"(?:\\[pP]\{{(?:{_CATEGORY})\}}|\\[sSrnt]|\\[^\w\s]|\(\?i:|\(\?:|\(\?!|\((?!\?)|\[\^?(?!\[|:)"
    r"|[])|?*+]|\{\d+(?:,\d*)?\}(?!\+)|[^\\()\[\]{}.$^&])*"
)

_UNUSED = "\0no text is this\0"
"""tiktoken wants a special token to look for; it is never allowed, so it is plain text if it occurs."""


class NotReproducible(Exception):
    """The tokenizer is one whose ids tiktoken would not, or might not, reproduce; says why."""


class FastEncoder:
    """Encodes texts with tiktoken; special tokens within a text are plain text."""

    def __init__(self, folder: Path) -> None:
        """Read tokenizer.json.

        Raises:
            NotReproducible: the tokenizer is not one of those that can be built for tiktoken.
        """
        import tiktoken  # 0.1 s: not for every command

        document = orjson.loads((folder / FILE).read_bytes())
        pattern = _pattern_of(document.get("pre_tokenizer"))
        self._normaliser = _normaliser_of(document.get("normalizer"))
        self._raw, self._normalised = _added_tokens(document.get("added_tokens") or [], self._normaliser)
        model = _model_of(document)
        self._merges = _merges_of(model)
        ranks, identifiers = _ranks_of(self._merges, model["vocab"])
        if model.get("ignore_merges") and len(ranks) + len(document["added_tokens"]) < len(model["vocab"]):
            raise NotReproducible("its vocabulary has words that no merges make")
        largest = max([*model["vocab"].values(), *self._raw[1].values(), *self._normalised[1].values()])
        self._identifiers = np.array([*identifiers, 0], "<u2" if largest < 65_536 else "<u4")
        self._sizes = np.array([*map(len, ranks), 0], np.int64)
        self._encoding = tiktoken.Encoding(
            str(folder), pat_str=pattern, mergeable_ranks=ranks, special_tokens={_UNUSED: len(ranks)}
        )

    def check_merges(self) -> None:
        """Prove that merging by rank makes exactly the pairs of the merge list.

        For each token the merges of lower rank must leave, of its own bytes alone, one pair of the list. What
        a span becomes does not depend on its surroundings until a merge crosses its border, so then no other
        two neighbours can ever make that token.

        Raises:
            NotReproducible: for some token they do not.
        """
        place = {pair: number for number, pair in enumerate(self._merges)}
        rank_of: dict[bytes, int] = {}
        for left, right in self._merges:
            rank_of.setdefault(left + right, len(rank_of))
        last = -1
        for token, rank in rank_of.items():
            found = place.get(_last_pair(token, rank_of, rank), -1)
            if found <= last:
                raise NotReproducible(f"the merges that make {token!r} are in no order of rank")
            last = found

    def encode(self, text: str) -> NDArray[np.integer[Any]] | None:
        """Return the ids (little-endian uint16 or uint32), or None where tiktoken cannot read this text.

        That is a run of white space beyond what its regular expressions can look back over (about 1 MB), or a
        text of which the pattern leaves something out.
        """
        found: list[NDArray[np.integer[Any]]] = []
        for piece in self._pieces(text):
            if isinstance(piece, int):
                found.append(np.array([piece], self._identifiers.dtype))
                continue
            try:
                ranks = self._encoding.encode_to_numpy(piece, disallowed_special=())
            except ValueError:  # "Max stack size exceeded for backtracking"
                return None
            if int(self._sizes[ranks].sum()) != len(piece if piece.isascii() else piece.encode()):
                return None
            found.append(self._identifiers[ranks])
        return found[0] if len(found) == 1 else np.concatenate([self._identifiers[:0], *found])

    def _pieces(self, text: str) -> Iterator[str | int]:
        """Yield the text between added tokens, normalised, and the ids of these tokens."""
        for raw in _cut(text, *self._raw):
            if isinstance(raw, int):
                yield raw
            else:
                yield from _cut(_normal(raw, self._normaliser), *self._normalised)


_Added = tuple[re.Pattern[str] | None, dict[str, int]]
_Pair = tuple[bytes, bytes]


def _cut(text: str, pattern: re.Pattern[str] | None, identifiers: dict[str, int]) -> Iterator[str | int]:
    start = 0
    for match in pattern.finditer(text) if pattern else ():
        identifier = identifiers.get(match.group())
        if identifier is not None:  # else a special token, which is text here
            if match.start() > start:
                yield text[start : match.start()]
            yield identifier
            start = match.end()
    if start < len(text):
        yield text[start:]


def _normal(text: str, normaliser: Any) -> str:
    if normaliser is None or text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    return str(normaliser.normalize_str(text))


def _normaliser_of(part: dict[str, Any] | None) -> Any:
    steps = part.get("normalizers", [part]) if part else []
    if [step["type"] for step in steps] not in ([], ["NFC"]):
        raise NotReproducible("its normaliser is not NFC")
    return normalizers.NFC() if steps else None


def _pattern_of(part: dict[str, Any] | None) -> str:
    """Return the regular expression that parts words, from one ByteLevel, or a Split and a ByteLevel."""
    steps = part.get("pretokenizers", [part]) if part else []
    if not steps or steps[-1]["type"] != "ByteLevel" or steps[-1].get("add_prefix_space", True):
        raise NotReproducible("its pre-tokenizer does not end in ByteLevel without a space put in front")
    by_level = steps[-1].get("use_regex", True)
    if len(steps) == 1 and by_level:
        return _GPT2
    if len(steps) != 2 or by_level or steps[0]["type"] != "Split" or "Regex" not in steps[0]["pattern"]:
        raise NotReproducible("its pre-tokenizer is not one Split by a regular expression")
    if steps[0]["behavior"] != "Isolated" or steps[0].get("invert"):
        raise NotReproducible("its Split drops or joins pieces")
    pattern = str(steps[0]["pattern"]["Regex"])
    if not pattern.isascii() or not _READ_ALIKE.fullmatch(pattern):
        raise NotReproducible("its regular expression may be read in two ways")
    return pattern


def _model_of(document: dict[str, Any]) -> dict[str, Any]:
    model: dict[str, Any] = document["model"]
    if model.get("type") != "BPE":
        raise NotReproducible(f"its model is {model.get('type')}, not BPE")
    if model.get("dropout") or model.get("byte_fallback"):
        raise NotReproducible("its model has dropout or byte fallback")
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise NotReproducible("its model marks parts of words")
    return model


def _merges_of(model: dict[str, Any]) -> list[_Pair]:
    """Return the merge list as pairs of bytes."""
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
    try:
        merges = [(bytes_of(left), bytes_of(right)) for left, right in pairs]
    except UnicodeEncodeError:
        raise NotReproducible("its vocabulary is not of bytes") from None
    if len(set(merges)) != len(merges):
        raise NotReproducible("a merge is listed twice")
    return merges


def _ranks_of(merges: list[_Pair], vocabulary: dict[str, int]) -> tuple[dict[bytes, int], list[int]]:
    """Return the rank of each token, bytes first and then in order of the merges, and the id of each rank."""
    tokens = dict.fromkeys([bytes([byte]) for byte in range(256)])
    tokens |= dict.fromkeys(left + right for left, right in merges)
    try:
        identifiers = [vocabulary[spell(token)] for token in tokens]
    except KeyError:
        raise NotReproducible("its vocabulary lacks a byte") from None
    return {token: rank for rank, token in enumerate(tokens)}, identifiers


def _last_pair(token: bytes, rank_of: dict[bytes, int], limit: int) -> Any:
    """Return what the merges below rank `limit` leave of a token; a pair if the token is made by a merge."""
    parts = [token[place : place + 1] for place in range(len(token))]
    while len(parts) > 2:
        ranks = [rank_of.get(left + right, limit) for left, right in zip(parts, parts[1:], strict=False)]
        lowest = min(ranks)
        if lowest >= limit:
            break
        place = ranks.index(lowest)
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return tuple(parts)


def _added_tokens(tokens: list[dict[str, Any]], normaliser: Any) -> tuple[_Added, _Added]:
    """Return (pattern, ids) of the added tokens that are looked for before and after normalising.

    A special token is found, lest a shorter one be found within it, but has no id: it is text.
    """
    plain = [token for token in tokens if not token["special"]]
    if any(token["single_word"] or token["lstrip"] or token["rstrip"] for token in plain):
        raise NotReproducible("an added token takes the space around it, or is a whole word only")
    sides: list[_Added] = []
    for is_normalised in (False, True):
        side = [token for token in tokens if bool(token["normalized"]) is is_normalised and token["content"]]
        names = {_normal(token["content"], normaliser if is_normalised else None): token for token in side}
        identifiers = {name: int(token["id"]) for name, token in names.items() if not token["special"]}
        longest_first = sorted(names, key=len, reverse=True)
        pattern = re.compile("|".join(map(re.escape, longest_first))) if identifiers else None
        sides.append((pattern, identifiers))
    return sides[0], sides[1]
