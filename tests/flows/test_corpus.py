"""What is no project and what cannot be read; finding a document; cancelling a job."""

import json
from pathlib import Path

from flows.screen import Screen

from domainstudio.jobs.folder import JobFolder
from domainstudio.project.project import Project
from domainstudio.workflow.corpus.sources import table

PAGES = 3000
PAGE = "<html><body>{menu}<article>{text}</article></body></html>"


def documents_of(project: Path) -> dict[str, int]:
    """Return the documents of each source."""
    with Project(project, read_only=True) as opened:
        return {row.counts.name: row.counts.documents for row in table(opened)}


def add_folder(screen: Screen, folder: Path) -> None:
    """Open the form of an import and choose a folder."""
    screen.key("ctrl+i")
    screen.click("Add a folder…")
    screen.type_path(folder)


def test_bad_input_is_told_in_sentences_and_nothing_is_lost(
    screen: Screen, small_project: Path, tmp_path: Path
) -> None:
    nothing, notes = tmp_path / "nothing", tmp_path / "notes"
    nothing.mkdir()
    notes.mkdir()
    good = [json.dumps({"text": f"A note about valve {number}."}) for number in range(3)]
    lines = [good[0], '{"text": "broken', good[1], "not JSON at all", good[2]]
    (notes / "valves.jsonl").write_text("\n".join(lines) + "\n")
    before = documents_of(small_project)

    screen.start()
    screen.key("ctrl+o")
    screen.type_path(nothing)
    screen.wait_for(f"{nothing} is no project")
    screen.open_project(small_project)
    add_folder(screen, notes)
    screen.click("Import 1 file")
    screen.wait_for("Finished: Importing notes")
    screen.wait_for(lambda: documents_of(small_project) == {**before, "notes": 3})

    screen.click("notes", "cell")
    screen.click("Rejected at import", "cell")
    for line in (2, 4):
        screen.wait_for(f"notes/valves.jsonl:{line}")
    assert len(screen.seen("Broken JSON line", "cell")) >= 2


def test_a_document_is_found_and_read(screen: Screen, small_project: Path) -> None:
    screen.start()
    screen.open_project(small_project)
    screen.key("ctrl+2")
    screen.wait_for("documents and passages read")
    screen.key("ctrl+f")
    screen.type("semaphore")
    screen.key("Return")
    screen.wait_for("hold “semaphore”")
    title = screen.find("SharedMemoryManager", "cell")
    screen.click(title.text, "cell")
    screen.wait_for(f"{title.row + 1} of ")
    screen.wait_for(lambda: screen.seen("Text of the document")[0].text.startswith("Like SyncManager"))
    assert "semaphore" in screen.find("Text of the document").text.casefold()


def test_a_job_is_cancelled_from_the_status_strip(
    screen: Screen, small_project: Path, tmp_path: Path
) -> None:
    """The thorough way of reading web pages takes long enough to be cancelled."""
    pages = tmp_path / "pages"
    pages.mkdir()
    for number in range(PAGES):
        text = "".join(f"<p>Paragraph {part} of page {number} tells of pumps.</p>" for part in range(60))
        (pages / f"{number}.html").write_text(PAGE.format(menu="<ul><li>Home</li></ul>" * 20, text=text))
    before = documents_of(small_project)

    screen.start()
    screen.open_project(small_project)
    add_folder(screen, pages)
    screen.choose("Web pages", "thorough")
    screen.click(f"Import {PAGES:,} files")
    screen.click("Cancel: Importing pages")
    screen.wait_for("Stopped: Importing pages")
    assert documents_of(small_project) == before
    jobs = [JobFolder(path) for path in (small_project / "jobs").glob("import-*")]
    assert sorted(job.status() for job in jobs) == ["done", "done", "stopped"]
    screen.wait_for("No jobs are running")
