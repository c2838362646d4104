"""Named mixtures and recipes: the person's wishes, saved as they are made."""

import sqlite3
import time
from typing import Literal, TypeVar

from pydantic import BaseModel

from domainstudio.jobs.spec import parse_model
from domainstudio.project.database import transaction

Kind = Literal["mixture", "recipe"]
Body = TypeVar("Body", bound=BaseModel)
DEFAULT_NAME = "default"


def save(connection: sqlite3.Connection, kind: Kind, name: str, body: BaseModel) -> None:
    """Save a plan under its name, replacing an earlier one."""
    with transaction(connection):
        connection.execute(
            "INSERT OR REPLACE INTO plans VALUES (?, ?, ?, ?)",
            (kind, name, body.model_dump_json(), time.time()),
        )


def load(connection: sqlite3.Connection, kind: Kind, name: str, model: type[Body]) -> Body | None:
    """Return a plan by its name, None if there is none.

    Raises:
        UserError: what is stored is not valid for this program.
    """
    row = connection.execute("SELECT body FROM plans WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return parse_model(model, row["body"].encode(), f"{kind} {name}") if row else None
