"""Named mixtures and recipes: the person's wishes, saved as they are made."""

import sqlite3
import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from domainstudio.jobs.spec import parse_model
from domainstudio.mixture.shares import Mixture
from domainstudio.problems import UserError
from domainstudio.project import journal
from domainstudio.project.database import transaction
from domainstudio.project.journal import Label

Kind = Literal["mixture", "recipe"]
Body = TypeVar("Body", bound=BaseModel)
DEFAULT_NAME = "default"


def save(connection: sqlite3.Connection, kind: Kind, name: str, body: BaseModel) -> None:
    """Save a plan under its name, replacing an earlier one, and note it in the journal.

    What is saved already is left as it is.
    """
    with transaction(connection):
        _replace(connection, kind, name, body)


def change(
    connection: sqlite3.Connection,
    kind: Kind,
    name: str,
    model: type[Body],
    new: Callable[[Body | None], Body],
) -> Body:
    """Save what `new` makes of a plan, None if there is none, and return it; noted as by `save`.

    Nobody else's edit of the plan falls between: it would be taken back unseen.

    Raises:
        UserError: what is stored is not valid for this program, or what `new` raises.
    """
    with transaction(connection):
        body = new(load(connection, kind, name, model))
        _replace(connection, kind, name, body)
    return body


def _replace(connection: sqlite3.Connection, kind: Kind, name: str, body: BaseModel) -> None:
    before = stored(connection, kind, name)
    if before is not None and _is_equal(before, body):
        return
    after = body.model_dump_json()
    put(connection, kind, name, after)
    journal.record(connection, _label(kind, name), f"{kind}:{name}", before, after)


def load(connection: sqlite3.Connection, kind: Kind, name: str, model: type[Body]) -> Body | None:
    """Return a plan by its name, None if there is none.

    Raises:
        UserError: what is stored is not valid for this program.
    """
    body = stored(connection, kind, name)
    return parse_model(model, body.encode(), f"{kind} {name}") if body is not None else None


def names(connection: sqlite3.Connection, kind: Kind) -> list[str]:
    """Return the names of the saved plans of a kind."""
    rows = connection.execute("SELECT name FROM plans WHERE kind = ? ORDER BY name", (kind,))
    return [row["name"] for row in rows]


def stored(connection: sqlite3.Connection, kind: Kind, name: str) -> str | None:
    """Return the JSON of a plan, None if there is none."""
    row = connection.execute("SELECT body FROM plans WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return row["body"] if row else None


def put(connection: sqlite3.Connection, kind: Kind, name: str, body: str | None) -> None:
    """Replace the JSON of a plan, or remove it; called inside a transaction."""
    if body is None:
        connection.execute("DELETE FROM plans WHERE kind = ? AND name = ?", (kind, name))
    else:
        connection.execute(
            "INSERT OR REPLACE INTO plans VALUES (?, ?, ?, ?)", (kind, name, body, time.time())
        )


def rename_source(connection: sqlite3.Connection, old: str, new: str) -> None:
    """Let every saved mixture name a source by its new name; called inside the transaction that renames it.

    The journal needs no entry of its own for it: renaming back restores each mixture.

    Raises:
        UserError: a stored mixture is not valid for this program.
    """
    for name in names(connection, "mixture"):
        mixture = load(connection, "mixture", name, Mixture)
        if mixture is not None and mixture.names_source(old):
            put(connection, "mixture", name, mixture.with_renamed(old, new).model_dump_json())


def _label(kind: Kind, name: str) -> Label:
    if kind == "mixture":
        return Label("Mixture {name} changed", {"name": name})
    return Label("Recipe {name} changed", {"name": name})


def _is_equal(stored_body: str, body: BaseModel) -> bool:
    try:
        before: Any = parse_model(type(body), stored_body.encode(), "plan")
    except UserError:  # of another version of this program: it is replaced
        return False
    return bool(before == body)
