"""Seeds are the substrings that repeat, each as often as its types stand in the text."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from domainstudio.tokenizer.training.alphabet import bytes_of, spell
from domainstudio.tokenizer.training.seeds import seeds_of

WORDS = st.dictionaries(st.text("abc", min_size=1, max_size=20), st.integers(1, 4), min_size=1, max_size=8)


def by_definition(counts: dict[str, int], longest: int) -> dict[str, int]:
    """Return the repeated substrings of 2 to `longest` letters that no next letter always follows."""
    found: Counter[str] = Counter()
    for name, count in counts.items():
        for start in range(len(name)):
            for end in range(start + 2, min(len(name), start + longest) + 1):
                found[name[start:end]] += count
    return {
        part: count
        for part, count in found.items()
        if count > 1 and (len(part) == longest or all(found[part + letter] < count for letter in "abc"))
    }


@settings(max_examples=200)
@given(WORDS)
def test_seeds_are_those_of_the_definition(counts: dict[str, int]) -> None:
    for longest in (7, 14):
        assert dict(seeds_of(counts, 10**6, longest)) == by_definition(counts, longest)


def test_the_best_are_those_that_save_most() -> None:
    counts = {"Ġthe": 100, "Ġlaw": 30, "Ġlawyer": 5}
    assert seeds_of(counts, 4, 28) == [("Ġthe", 100), ("the", 100), ("he", 100), ("Ġlaw", 35)]
    assert seeds_of({}, 4, 28) == []


def test_no_seed_has_a_part_of_a_character_beside_another_character() -> None:
    counts = {spell("合同法".encode()): 5, spell("合理".encode()): 4, spell("吧法".encode()): 3}
    found = dict(seeds_of(counts, 1000, 28))
    assert found[spell("合".encode())] == 9 and found[spell("合同法".encode())] == 5
    for name in found:
        data = bytes_of(name)
        is_within = len(data) < 3
        assert is_within or data.decode()
