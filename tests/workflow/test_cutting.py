"""How sources and texts are cut, and whether the token files fit the corpus as it is now."""

from pathlib import Path

import pytest
from support import Command

from domainstudio.mixture.shares import Mixture
from domainstudio.problems import UserError
from domainstudio.project import documents
from domainstudio.project.project import Project
from domainstudio.workflow import planning
from domainstudio.workflow.corpus import sources
from domainstudio.workflow.tokenizer.cutting import MOST_CHARACTERS, cut_random_document, cut_text
from domainstudio.workflow.tokenizer.packing import fertility, packing_state


def test_fertility_counts_what_lies_in_the_token_files(packed_project: Path) -> None:
    with Project(packed_project, read_only=True) as project:
        measured = {source.source: source for source in fertility(project)}
        for row in sources.table(project):
            source = measured[row.counts.name]
            assert (source.documents, source.tokens) == (row.counts.training_documents, row.tokens)
            assert source.characters_per_token == row.characters_per_token
            assert source.documents_sampled >= source.documents / 16
            assert 1 / 12 < (source.words_per_character or 0) < 1 / 4
            assert source.unspaced_per_character == pytest.approx(0, abs=0.01)


def test_packing_is_up_to_date_until_the_corpus_changes(small_project: Path, command: Command) -> None:
    with Project(small_project) as project:
        assert packing_state(project) == "packed"
        sources.rename_source(project, "domain", "field")
        assert packing_state(project) == "packed"
        assert planning.mixture_facts(project).mixture is not None
    more = small_project.parent / "more.txt"
    more.write_text("A document that came later. " * 50)
    command("corpus", "import", small_project, more, "--role", "domain", "--name", "field")
    with Project(small_project) as project:
        assert packing_state(project) == "changed"
        assert planning.mixture_facts(project).state == "changed"
    command("tokenizer", "pack", small_project)
    with Project(small_project) as project:
        assert packing_state(project) == "packed"


def test_the_way_to_token_files_is_known_from_the_start(tmp_path: Path, command: Command) -> None:
    command("project", "new", tmp_path / "p", "--from-scratch", "tiny")
    with Project(tmp_path / "p") as project:
        assert packing_state(project) == "no text"
    (tmp_path / "a.txt").write_text("Some text of law. " * 400)
    command("corpus", "import", tmp_path / "p", tmp_path / "a.txt", "--role", "domain")
    with Project(tmp_path / "p") as project:
        assert packing_state(project) == "no tokenizer"
        assert planning.mixture_facts(project).sources == []
    command("tokenizer", "train", tmp_path / "p", "--size", "300")
    with Project(tmp_path / "p") as project:
        assert packing_state(project) == "not packed"


def test_a_wish_that_falls_short_is_saved_only_where_it_is_asked_for(small_project: Path) -> None:
    wish = Mixture(shares={"domain": 1}, tokens=10**9)
    with Project(small_project) as project:
        before = planning.mixture_of(project)
        with pytest.raises(UserError):
            planning.set_mixture(project, wish)
        assert planning.mixture_of(project) == before
        portions = planning.set_mixture(project, wish, allow_shortfall=True)
        assert portions[0].shortfall and portions[0].repeated == portions[0].tokens - portions[0].available
        assert planning.mixture_of(project) == wish


def test_a_random_document_is_one_of_the_source_asked_for(packed_project: Path) -> None:
    with Project(packed_project, read_only=True) as project:
        found = cut_random_document(project, "domain", seed=3)
        assert found == cut_random_document(project, "domain", seed=3)
        assert found.source == "domain" and found.title
        titles = {cut_random_document(project, seed=seed).title for seed in range(8)}
        assert len(titles) > 2
        listing = documents.listing(project.connection, documents.DocumentFilter())
        assert listing.total > 8
        with pytest.raises(UserError) as refusal:
            cut_random_document(project, "nothing")
        assert refusal.value.problem.code == "corpus.unknown_source"


def test_a_long_text_is_cut_from_its_beginning_and_says_so(packed_project: Path) -> None:
    with Project(packed_project, read_only=True) as project:
        found = cut_text(project, "法 law " * MOST_CHARACTERS)
        assert found.is_beginning and len(found.text) == MOST_CHARACTERS
        assert found.pieces[-1].end == len(found.text.encode())
        assert not cut_text(project, "law").is_beginning
        assert cut_text(project, "").pieces == []


def test_the_command_prints_pieces(packed_project: Path, command: Command) -> None:
    found = command("tokenizer", "pieces", packed_project, "--text", "the law 法")
    assert found["text"] == "the law 法"
    assert found["pieces"][-1]["end"] == len("the law 法".encode())
    assert (
        command("tokenizer", "pieces", packed_project, "--source", "general", "--seed", "1")["source"]
        == "general"
    )
    assert [row["source"] for row in command("tokenizer", "table", packed_project)] == ["general", "domain"]
