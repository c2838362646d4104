"""Undo and redo over everything a person edits: any sequence behaves as a list of states with a cursor."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import Command, dump

from domainstudio.mixture.shares import Mixture
from domainstudio.problems import UserError
from domainstudio.project import corpus, plans
from domainstudio.project.database import transaction
from domainstudio.project.project import Project, create
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.recipe.run import ModelOrigin
from domainstudio.workflow.history import history, redo, undo

SOURCES = ("law", "news")
RULE = '{"unit": "document", "below": "00000000000000000000000000000000"}'


def make(folder: Path) -> Project:
    """A project with two sources that hold no document."""
    project = create(folder, ModelOrigin(preset="tiny"))
    with transaction(project.connection):
        project.connection.execute("INSERT INTO jobs VALUES ('import-1', 'import', 0, 1)")
        for name in SOURCES:
            project.connection.execute(
                "INSERT INTO sources (name, role, rule, job_id) VALUES (?, 'domain', ?, 'import-1')",
                (name, RULE),
            )
    return project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make(tmp_path / "law") as made:
        yield made


State = tuple[Mixture | None, Recipe | None, tuple[tuple[str, str], ...]]


def state(project: Project) -> State:
    connection = project.connection
    return (
        plans.load(connection, "mixture", "default", Mixture),
        plans.load(connection, "recipe", "default", Recipe),
        tuple((source.name, source.role) for source in corpus.sources(connection)),
    )


def edit(project: Project, kind: str, value: int) -> None:
    connection = project.connection
    if kind == "mixture":
        shares = {source.name: 1.0 + value for source in corpus.sources(connection)}
        plans.save(connection, "mixture", "default", Mixture(shares=shares, tokens=100 + value))
    elif kind == "recipe":
        plans.save(connection, "recipe", "default", change(Recipe(), {"warmup_steps": str(value)}))
    else:
        source = corpus.sources(connection)[value % 2]
        role = "general" if kind == "role" and source.role == "domain" else source.role
        name = f"{SOURCES[value % 2]}-{value}" if kind == "rename" else source.name
        corpus.edit_source(connection, source.id, name=name, role=role)


STEPS = st.lists(
    st.sampled_from(["undo", "redo"])
    | st.tuples(st.sampled_from(["mixture", "recipe", "rename", "role"]), st.integers(0, 3)),
    max_size=14,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_any_sequence_of_edits_undo_and_redo_equals_a_list_with_a_cursor(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str | tuple[str, int]]
) -> None:
    with make(tmp_path_factory.mktemp("history") / "law") as project:
        states, place = [state(project)], 0
        for step in steps:
            if step == "undo":
                assert (undo(project) is None) == (place == 0)
                place = max(0, place - 1)
            elif step == "redo":
                assert (redo(project) is None) == (place == len(states) - 1)
                place = min(len(states) - 1, place + 1)
            else:
                edit(project, *step)
                if state(project) != states[place]:
                    states = [*states[: place + 1], state(project)]
                    place += 1
            assert state(project) == states[place], step
            standing = [entry for entry in history(project) if not entry.is_undone]
            assert len(standing) == place


def test_what_was_changed_past_the_journal_is_not_overwritten(project: Project) -> None:
    edit(project, "mixture", 1)
    with transaction(project.connection):
        plans.put(
            project.connection, "mixture", "default", Mixture(shares={"law": 1}, tokens=7).model_dump_json()
        )
    with pytest.raises(UserError) as refusal:
        undo(project)
    assert refusal.value.problem.code == "history.changed_since"
    assert "Mixture default changed" in str(refusal.value)
    assert state(project)[0] == Mixture(shares={"law": 1}, tokens=7)
    assert history(project)[0].is_undone is False


def test_a_window_undoes_only_the_edit_it_offered(project: Project) -> None:
    edit(project, "mixture", 1)
    offered = history(project)[0].id
    with Project(project.path) as other:
        edit(other, "recipe", 2)
    with pytest.raises(UserError) as refusal:
        undo(project, offered)
    assert refusal.value.problem.code == "history.moved_on"
    assert undo(project, history(project)[0].id) is not None
    assert undo(project, offered) is not None
    with pytest.raises(UserError):
        redo(project, offered + 5)


def test_a_name_that_was_taken_meanwhile_is_left_to_its_owner(project: Project) -> None:
    source = corpus.find_source(project.connection, "law")
    assert source is not None
    corpus.edit_source(project.connection, source.id, name="statutes")
    with transaction(project.connection):
        project.connection.execute(
            "INSERT INTO sources (name, role, rule, job_id) VALUES ('law', 'domain', ?, 'import-1')", (RULE,)
        )
    with pytest.raises(UserError) as refusal:
        undo(project)
    assert refusal.value.problem.code == "history.changed_since"
    assert [source.name for source in corpus.sources(project.connection)] == ["statutes", "news", "law"]


def test_commands_undo_redo_and_list(small_project: Path, command: Command) -> None:
    first = dump(small_project)["plans"]
    command("recipe", "set", small_project, "learning_rate=1e-4")
    changed = dump(small_project)["plans"]
    assert changed != first
    assert command("project", "undo", small_project)["params"] == {"name": "default"}
    assert dump(small_project)["plans"] == first
    assert [entry["is_undone"] for entry in command("project", "history", small_project)][0] is True
    command("project", "redo", small_project)
    assert dump(small_project)["plans"] == changed
    assert command("project", "redo", small_project) is None
