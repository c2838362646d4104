"""Finding text: a job whose pages are read by position, beside the plain listing, and a document's text."""

from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Command, wait_until

from domainstudio.corpus.readers import ReaderSettings
from domainstudio.jobs.follow import follow
from domainstudio.problems import UserError
from domainstudio.project import documents
from domainstudio.project.corpus import sources
from domainstudio.project.documents import DocumentFilter
from domainstudio.project.project import Project, create
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.corpus import readiness, search
from domainstudio.workflow.corpus.importing import start_import
from domainstudio.workflow.corpus.readiness import CorpusFacts, judge
from domainstudio.workflow.corpus.sources import read_document, set_role
from domainstudio.workflow.kinds import KINDS
from domainstudio.workflow.running import commit_finished


def work(text: str) -> search.SearchWork:
    return search.SearchWork(source_id=None, states=(), text=text)


@given(st.lists(st.text("aAßsSeé条 ", max_size=8)), st.text("aAßsSeé条 ", min_size=1, max_size=3))
def test_text_is_found_whatever_the_case_of_its_letters(texts: list[str], needle: str) -> None:
    items = [(number, ("", text)) for number, text in enumerate(texts)]
    expected = [number for number, text in enumerate(texts) if needle.casefold() in text.casefold()]
    assert list(search.matching(work(needle), items)) == expected
    assert search.matching(work(needle.upper()), items) == search.matching(work(needle.lower()), items)


def test_a_title_is_searched_too() -> None:
    items = [(3, ("Asthma in adults", "…")), (4, ("", "…"))]
    assert search.matching(work("asthma"), items) == array("q", [3])


def ran(project: Project, *arguments: object, **more: object) -> search.Found:
    folder = search.start_search(project, *arguments, **more)  # type: ignore[arg-type]
    for _event in follow(folder):
        continue
    assert folder.status() == "done"
    commit_finished(project, KINDS)
    return search.found(folder)


def test_a_search_finds_the_documents_that_hold_the_text(small_project: Path) -> None:
    with Project(small_project) as project:
        wanted = DocumentFilter(None, ())
        every = list(documents.walk(project.connection, wanted))
        holding = [row.id for row in every if "RETURN" in read_document(project, row.id).text.upper()]
        assert 0 < len(holding) < len(every)
        found = ran(project, wanted, "RETURN")
        assert found.total >= len(holding)
        ids = [row.id for row in found.page(project, 0, found.total)]
        assert set(holding) <= set(ids)
        assert [row.id for row in found.page(project, 2, 3)] == ids[2:5]
        domain = next(source for source in sources(project.connection) if source.name == "domain")
        kept = DocumentFilter(domain.id, documents.KEPT)
        longest = ran(project, kept, "return", "characters", descending=True)
        sizes = [row.characters for row in longest.page(project, 0, longest.total)]
        assert sizes == sorted(sizes, reverse=True)
        assert {row.source_id for row in longest.page(project, 0, 200)} == {domain.id}


def test_shards_are_searched_by_processes_when_there_is_much(
    small_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Quiet:
        def check_stop(self) -> None: ...

        def progress(self, *_: object) -> None: ...

    with Project(small_project, read_only=True) as project:
        alone = search._search(Quiet(), work("class"), project)  # type: ignore[arg-type]
        monkeypatch.setattr(search, "IN_PROCESS_BYTES", 0)
        assert search._search(Quiet(), work("class"), project) == alone  # type: ignore[arg-type]
        assert len(alone)


def test_old_results_are_swept_up_and_a_running_search_can_be_ended(small_project: Path) -> None:
    with Project(small_project) as project:
        wanted = DocumentFilter()
        folders = [search.start_search(project, wanted, sort="title") for _ in range(2)]
        for folder in folders:
            wait_until(lambda folder=folder: folder.status() in ("done", "stopped"))  # type: ignore[misc]
        search.end_search(folders[0])
        assert not folders[0].path.exists()
        assert search.found(folders[1]).total == documents.listing(project.connection, wanted).total
        for _ in range(search._KEPT_SEARCHES + 1):
            ran(project, wanted)
        assert not folders[1].path.exists()


def test_an_empty_project_has_nothing_to_search(tmp_path: Path) -> None:
    with create(tmp_path / "new", ModelOrigin(preset="tiny")) as project:
        with pytest.raises(UserError) as refusal:
            search.start_search(project, DocumentFilter(), "x")
        assert refusal.value.problem.code == "corpus.none_yet"


def test_a_document_is_read_with_its_place_and_its_witness(tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(400):
        (texts / f"{number:03}.txt").write_text(f"Rule {number % 399}\n\nmust be {'kept ' * 300}\n")
    with create(tmp_path / "project", ModelOrigin(preset="tiny")) as project:
        folder = start_import(project, [texts], "rules", "domain", ReaderSettings())
        for _event in follow(folder):
            continue
        commit_finished(project, KINDS)
        [copy] = list(documents.walk(project.connection, DocumentFilter(None, ("duplicate",)))) or list(
            documents.walk(project.connection, DocumentFilter(None, ("held_out_copy",)))
        )
        read = read_document(project, copy.id, limit=50)
        assert read.text == (texts / "399.txt").read_text()[:50]
        assert (read.source, Path(read.origin).name) == ("rules", "399.txt")
        assert copy.title.startswith("Rule 0 must be kept kept") and len(copy.title) == 80
        assert read.witness is not None and read.witness.title == copy.title
        shard = project.path / "documents" / copy.job_id / copy.shard
        shard.write_bytes(b"PAR1 no more")
        with pytest.raises(UserError, match="cannot be read"):
            read_document(project, copy.id)
        shard.unlink()
        with pytest.raises(UserError) as refusal:
            read_document(project, copy.id)
        assert refusal.value.problem.code == "document.unreadable"
        assert refusal.value.problem.params["reason"] == "No such file or directory"
        with pytest.raises(UserError):
            read_document(project, 10**9)


def test_documents_by_command(small_project: Path, command: Command, refused: Command) -> None:
    whole = command("corpus", "documents", small_project, "--source", "domain", "--limit", 3)
    assert len(whole["documents"]) == 3 < whole["total"]
    found = command("corpus", "documents", small_project, "--search", "THREAD", "--sort", "characters")
    sizes = [row["characters"] for row in found["documents"]]
    assert sizes == sorted(sizes) and found["total"] > 0
    text = command("corpus", "text", small_project, found["documents"][0]["id"])
    assert "thread" in (text["text"] + text["row"]["title"]).casefold()
    assert "training, held_out" in refused("corpus", "documents", small_project, "--state", "lost")
    assert "domain" in refused("corpus", "documents", small_project, "--source", "lost")


def test_a_source_is_renamed_and_given_a_role_by_command(
    small_project: Path, command: Command, refused: Command
) -> None:
    command("corpus", "rename", small_project, "domain", "threads")
    command("corpus", "role", small_project, "threads", "task")
    rows = command("corpus", "table", small_project)
    assert {row["counts"]["name"]: row["counts"]["role"] for row in rows} == {
        "general": "general",
        "threads": "task",
    }
    assert "threads" in str(command("mixture", "show", small_project))
    assert "already" in refused("corpus", "rename", small_project, "threads", "general")
    assert "needs a name" in refused("corpus", "rename", small_project, "threads", " ")
    with Project(small_project) as project, pytest.raises(UserError):
        set_role(project, "domain", "general")


def test_rejections_and_readiness_by_command(small_project: Path, command: Command) -> None:
    [general] = command("corpus", "rejections", small_project, "--source", "general")
    assert general["counts"] == {} and general["listed"] == []
    assert len(command("corpus", "rejections", small_project)) == 2
    findings = command("corpus", "readiness", small_project)
    assert [one["severity"] for one in findings] == ["attention", "ok", "note"]


def test_a_page_of_a_search_that_was_ended_is_empty(small_project: Path) -> None:
    with Project(small_project) as project:
        found = ran(project, DocumentFilter(), sort="title")
        assert len(found.page(project, 0, 5)) == 5
        folder = project.job(found.file.parents[1].name)
        search.end_search(folder)
        assert found.page(project, 0, 5) == []


def codes(**facts: object) -> dict[str, str]:
    values = {
        "domain_characters": 10**10, "domain_tokens": 2 * 10**9,
        "general_characters": 5, "general_held_out": 5,
        "instruction_documents": 2000, "instruction_share": 0.05,
    }  # fmt: skip
    return {one.code: one.severity for one in judge(CorpusFacts(**{**values, **facts}))}  # type: ignore[arg-type]


def test_readiness_rules_and_their_thresholds() -> None:
    assert set(codes().values()) == {"ok"}
    assert "few_tokens" in codes(domain_tokens=49_999_999)
    assert codes(domain_tokens=50_000_000)["some_tokens"] == "ok"
    assert codes(domain_tokens=None)["tokens_unknown"] == "note"
    assert codes(domain_tokens=None, domain_characters=49_999_999)["few_characters"] == "attention"
    assert codes(domain_characters=0)["no_domain"] == "attention"
    assert codes(general_characters=0)["no_general"] == "attention"
    assert codes(general_held_out=0)["no_held_out"] == "attention"
    assert codes(instruction_documents=0)["no_instructions"] == "note"
    assert codes(instruction_documents=999)["few_instructions"] == "note"


def test_readiness_of_a_small_project_points_to_retrieval(packed_project: Path) -> None:
    with Project(packed_project, read_only=True) as project:
        found = readiness.read(project)
    assert [one.code for one in found] == ["few_tokens", "general", "no_instructions"]
    text = readiness.words(found[0])
    assert "retriev" in text and "arXiv 2409.07431" in text and "{" not in text
