"""A model without its vocabulary: what is left when the tables of input and output are taken away."""

import math
from dataclasses import dataclass
from pathlib import Path

from domainstudio.recipe.base_model import shapes_in
from domainstudio.recipe.shapes import ModelShape
from domainstudio.recipe.size import HEADS, Shapes, is_table


@dataclass(frozen=True)
class Body:
    """The part of a model that does not grow with its vocabulary."""

    hidden: int
    parameters: int
    is_tied: bool
    """Whether one table serves input and output."""


def body_of_preset(shape: ModelShape) -> Body:
    """Return the body of a model made from random weights."""
    return Body(shape.hidden, shape.parameters(0), shape.tied_embeddings)


def body_of_folder(folder: Path) -> Body:
    """Return the body of the model in a folder, reading the headers of its weights.

    Raises:
        UserError: there are no weights, or their files are damaged.
    """
    return body_of(shapes_in(folder))


def body_of(shapes: Shapes) -> Body:
    """Return the body of a model with these tensors; a table of positions stays with it."""
    tables = {name: shape for name, shape in shapes.items() if is_table(name, shape)}
    rows = max((shape[0] for shape in tables.values()), default=0)
    vocabulary = {name: shape for name, shape in tables.items() if shape[0] == rows}
    parameters = sum(math.prod(shape) for name, shape in shapes.items() if name not in vocabulary)
    hidden = max((shape[1] for shape in vocabulary.values()), default=1)
    return Body(hidden, parameters, not any(name.endswith(HEADS) for name in vocabulary))
