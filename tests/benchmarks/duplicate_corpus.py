"""The corpus of the duplicates benchmark: real sections with planted copies, and its true pairs."""

import gzip
import json
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

NAMES = {"medical_medquad": "en", "general_en": "en", "law_zh": "zh", "general_zh": "zh"}
SECTION_BYTES = 5500
PLANTED = 0.3
EDITS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
ONE_EACH = "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff"
ONE_EACH += (
    "\u3131-\u318e\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
TOKEN = re.compile(rf"(?![\W_])[{ONE_EACH}]|[^\W_{ONE_EACH}]+")


@dataclass(frozen=True)
class Section:
    """A document of the benchmark."""

    text: str
    language: str


def sections(folder: Path) -> list[Section]:
    """Return the texts of the four corpora cut into sections of about `SECTION_BYTES`."""
    found = []
    for name, language in NAMES.items():
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as rows:
            for row in rows:
                text = json.loads(row)["text"]
                step = ceil(len(text) / max(1, round(len(text.encode()) / SECTION_BYTES)))
                found += [Section(text[at : at + step], language) for at in range(0, len(text), step)]
    return found


def with_copies(kept: list[Section], chooser: random.Random) -> list[Section]:
    """Return the sections with planted copies of some, all in a new order."""
    copied = chooser.sample(kept, round(PLANTED * len(kept)))
    found = [*kept, *(Section(changed(one, chooser), one.language) for one in copied)]
    chooser.shuffle(found)
    return found


def changed(section: Section, chooser: random.Random) -> str:
    """Return a copy with one kind of change: edits, case and stops, header and footer, or a part left out."""
    text = section.text
    match chooser.randrange(10):
        case 0:
            return text
        case 1:
            return re.sub(r"[,.;:\u3001\u3002\uff0c]", "", text).upper().replace("\n", "  \n")
        case 2:
            return f"Home | About us | Print this page\n{text}\nCopyright. All rights reserved. Contact us."
        case 3:
            return text[: int(len(text) * chooser.uniform(0.8, 0.95))]
        case 4:
            return text[: len(text) // 2]  # about 0.5: must stay
        case _:
            share = chooser.choice(EDITS)
            units = text.split(" ") if section.language == "en" else list(text)
            for _ in range(max(1, round(share * len(units)))):
                place = chooser.randrange(len(units))
                if chooser.random() < 0.5:
                    units[place] = chooser.choice(units)
                else:
                    units[place] = ""
            return (" " if section.language == "en" else "").join(units)


def tokens(text: str) -> list[str]:
    """Return tokens by one regular expression."""
    return TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def true_pairs(texts: list[str], threshold: float) -> dict[tuple[int, int], float]:
    """Return all pairs whose sets of 5-grams reach the threshold, by a prefix-filtered inverted index.

    Documents under five tokens have none. Bayardo et al. 2007, "Scaling up all pairs similarity search".
    """
    numbers: dict[tuple[str, ...], int] = {}
    sets = []
    for text in texts:
        found = tokens(text)
        grams = {tuple(found[at : at + 5]) for at in range(len(found) - 4)}
        sets.append({numbers.setdefault(gram, len(numbers)) for gram in grams})
    counts = Counter(number for members in sets for number in members)
    index: dict[int, list[int]] = {}
    pairs = {}
    for place, members in enumerate(sets):
        rarest = sorted(members, key=lambda number: (counts[number], number))
        prefix = [n for n in rarest[: len(members) - ceil(threshold * len(members)) + 1] if counts[n] > 1]
        candidates = {other for number in prefix for other in index.get(number, ())}
        for other in candidates:
            smaller, larger = sorted((len(members), len(sets[other])))
            if smaller >= threshold * larger:
                common = len(members & sets[other])
                if common >= threshold * (smaller + larger - common):
                    pairs[other, place] = common / (smaller + larger - common)
        for number in prefix:
            index.setdefault(number, []).append(place)
    return pairs


def made(kept: list[Section], size_bytes: int, chooser: random.Random) -> Iterator[str]:
    """Yield so much text: all sections again and again in other letters, one in ten with a near copy."""
    turn = 0
    while True:
        letters = "abcdefghijklmnopqrstuvwxyz"
        table = str.maketrans(letters, "".join(chooser.sample(letters, len(letters)))) if turn else {}
        table |= {code: 0x4E00 + (code - 0x4E00 + 37 * turn) % 20000 for code in range(0x4E00, 0x9C20)}
        for section in chooser.sample(kept, len(kept)):
            text = section.text.translate(table)
            copies = [text]
            if chooser.random() < 0.1:
                characters = list(text)
                for _ in range(max(1, len(text) // 1000)):
                    characters[chooser.randrange(len(text))] = "x"
                copies.append("".join(characters))
            for copy in copies:
                yield copy
                size_bytes -= len(copy.encode())
            if size_bytes <= 0:
                return
        turn += 1
