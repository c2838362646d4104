"""Real text with boilerplate and real near-copies, in English and Chinese, against comparing all with all."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from domainstudio.corpus.duplicates.contamination import find_items
from domainstudio.corpus.duplicates.finding import find
from domainstudio.corpus.duplicates.found import Found
from domainstudio.corpus.duplicates.plan import Settings

from . import reference
from .conftest import stored

ROOT = Path(__file__).resolve().parents[3]
CORPORA = Path(os.environ.get("DOMAINSTUDIO_CORPORA") or ROOT.parent / "shared" / "data")
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora were not supplied")


def rows(name: str) -> list[dict[str, str]]:
    with gzip.open(CORPORA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@needs_corpora
def test_template_pages_and_amended_statutes_are_found(tmp_path: Path) -> None:
    template = "The Human Phenotype Ontology provides the following list"
    pages = [text for row in rows("medical_medquad") if template in (text := row["text"])]
    pages = [text for text in pages if len(text) < 1600][:150]
    statutes = [row["text"] for row in rows("law_zh")]
    titles = Counter(text.split("\n")[0] for text in statutes)
    statutes = [text for text in statutes if titles[text.split("\n")[0]] > 1 and len(text) < 6000][:40]
    texts = [*pages, *statutes]
    find(tmp_path, stored(texts, tmp_path / "shards"), Settings(), lambda done, total, phase: None)
    found = Found(tmp_path)
    pairs = zip(found.first.tolist(), found.second.tolist(), strict=True)
    similarities = dict(zip(pairs, found.similarity.tolist(), strict=True))
    true = {
        (one, other): value
        for one, other, value in reference.similar(texts, 0.7)
        if found.group[one] == one and found.group[other] == other
    }
    assert {pair: np.float32(true.get(pair, 0)) for pair in similarities} == similarities
    strong = [pair for pair, value in true.items() if value >= 0.8]
    assert len(strong) > 10 and set(strong) <= similarities.keys()
    assert len(similarities) > 0.85 * len(true)


@needs_corpora
def test_a_question_copied_into_a_page_is_found(tmp_path: Path) -> None:
    items = [f"{row['question']} {' '.join(row['choices'])}" for row in rows("eval_mcq_medical")[:100]]
    pages = [row["text"] for row in rows("medical_medquad")[:200]]
    pages[50] = f"{pages[50][:300]}\n{items[7].upper()}\n{pages[50][300:]}"
    reports = find_items(items, stored(pages, tmp_path), lambda done, total: None)
    assert {overlap.document for overlap in reports[7].overlaps} == {1050}
    assert [number for number, report in enumerate(reports) if report.documents] == [7]
