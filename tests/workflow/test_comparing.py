"""Tokenizers compared on a project's text, by the command, and read back as the window reads them."""

from pathlib import Path

import vocabularies
from support import Command

from domainstudio.project import corpus as index
from domainstudio.project.project import Project
from domainstudio.workflow.corpus.text_sample import sample_of
from domainstudio.workflow.tokenizer.comparing import known_tokenizers, newest_comparison
from domainstudio.workflow.tokenizer.packing import fertility

TEXTS = ["The law of contract is the law of promises; the law of tort is the law of wrongs.\n"] * 20


def test_tokenizers_are_compared_on_every_source(
    small_project: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    vocabularies.llama_like(other, TEXTS, 400)
    arguments = ("tokenizer", "compare", small_project, "--tokenizer", other)
    document = command(*arguments, "--tokenizer", other / "tokenizer.model", "--reference", "other")
    names = [one["name"] for one in document["result"]["tokenizers"]]
    assert names == ["tokenizer-1", "other", "tokenizer.model"]
    with Project(small_project) as project:
        found = newest_comparison(project)
        measured = {source.source: source for source in fertility(project)}
        known = known_tokenizers(project)
    assert found is not None and found.reference == "other"
    assert [source.name for source in found.sources] == ["general", "domain"]
    for number, source in enumerate(found.sources):
        # All of it was cut, so the tokens are those of the token files, but for the ends of documents.
        assert source.every == 1
        assert found.row(0, number).tokens == measured[source.name].tokens - source.documents
        assert found.row(1, number).percent == 100
        assert found.row(2, number).tokens == found.row(1, number).tokens
        assert found.tokenizers[0].measures[number].words > 100
    assert found.total(0).percent is not None and found.total(0).percent < 100
    terms = found.tokenizers[0].worst_terms
    assert terms and terms[0].saved >= terms[-1].saved > 0
    assert [(one.name, one.is_current) for one in known][:2] == [("tokenizer-1", True), ("other", False)]
    assert "There is no tokenizer named x" in refused(*arguments, "--reference", "x")
    assert "There is no tokenizer at" in refused("tokenizer", "compare", small_project, "--tokenizer", "/x")


def test_a_sample_is_bounded_spread_and_the_same_each_time(packed_project: Path) -> None:
    with Project(packed_project, read_only=True) as project:
        source = index.counts(project.connection)[0]
        whole, part = (sample_of(project, source, most_bytes) for most_bytes in (10**9, 20_000))
        described = part.described()
        assert whole.every == 1 and whole.described().documents == source.training_documents
        assert whole.described().scale == 1
        assert part.every > 1 and list(part.texts()) == list(whole.texts())[:: part.every]
        assert sum(len(text.encode()) for text in part.texts()) < 40_000
        assert described.sha256 == part.described().sha256 != whole.described().sha256
