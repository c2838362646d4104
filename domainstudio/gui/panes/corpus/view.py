"""What the Corpus pane shows of a project, read in one go off the window's thread."""

from dataclasses import dataclass

from domainstudio.project import corpus, documents
from domainstudio.project.corpus import Rejections
from domainstudio.project.documents import KEPT, StateCount
from domainstudio.project.project import Project
from domainstudio.workflow.corpus import readiness
from domainstudio.workflow.corpus.generation import generated_waiting
from domainstudio.workflow.corpus.readiness import Finding
from domainstudio.workflow.corpus.sources import TableRow, table


@dataclass(frozen=True)
class CorpusView:
    """The account of the corpus."""

    table: list[TableRow]
    states: list[StateCount]
    rejections: list[Rejections]
    findings: list[Finding]
    generated: list[str]
    """Jobs that wrote text nobody has imported yet."""

    def source_id(self, name: str) -> int | None:
        """Return the id of a source, None for all."""
        return next((row.counts.id for row in self.table if row.counts.name == name), None)

    def documents_of(self, source_id: int | None) -> dict[str, int]:
        """Return state → documents of one source or of all."""
        found: dict[str, int] = {}
        for count in self.states:
            if source_id in (None, count.source_id):
                found[count.state] = found.get(count.state, 0) + count.documents
        return found

    def rejections_of(self, source_id: int | None) -> list[Rejections]:
        """Return what was rejected of one source or of all."""
        return [one for one in self.rejections if source_id in (None, one.source_id)]


@dataclass(frozen=True)
class ReasonRow:
    """A row of the list of reasons: choosing it filters the documents or the rejections."""

    key: str
    """`kept`, `held_out`, `marked`, a mark, `rejected`, or `rejected:` and a reason."""
    count: int
    is_heading: bool

    @property
    def reason(self) -> str:
        """The reason of a rejection, empty for all of them."""
        return self.key.partition(":")[2]

    @property
    def is_rejection(self) -> bool:
        """Whether it lists rejected input and no documents."""
        return self.key.split(":")[0] == "rejected"


def reason_rows(view: CorpusView, source_id: int | None) -> list[ReasonRow]:
    """Return the account of one source or of all: read = kept + marked + rejected, each with its reasons."""
    states = view.documents_of(source_id)
    kept = sum(states.get(state, 0) for state in KEPT)
    marks = {state: count for state, count in states.items() if state not in KEPT}
    rejected: dict[str, int] = {}
    for one in view.rejections_of(source_id):
        for reason, count in one.counts.items():
            rejected[reason] = rejected.get(reason, 0) + count
    return [
        ReasonRow("kept", kept, True),
        *([ReasonRow("held_out", states["held_out"], False)] if states.get("held_out") else []),
        ReasonRow("marked", sum(marks.values()), True),
        *(ReasonRow(mark, count, False) for mark, count in _by_count(marks)),
        ReasonRow("rejected", sum(rejected.values()), True),
        *(ReasonRow(f"rejected:{reason}", count, False) for reason, count in _by_count(rejected)),
    ]


def states_of(key: str, view: CorpusView) -> tuple[str, ...]:
    """Return the states that a row of the list of reasons lists."""
    if key == "kept":
        return KEPT
    if key == "marked":
        return tuple(sorted({count.state for count in view.states} - {*KEPT})) or ("",)
    return (key,)


def read_view(project: Project) -> CorpusView:
    """Read everything the pane shows but the documents themselves."""
    return CorpusView(
        table=table(project),
        states=documents.state_counts(project.connection),
        rejections=corpus.rejections(project.connection),
        findings=readiness.read(project),
        generated=generated_waiting(project),
    )


def _by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: -item[1])
