"""The layer maps of runs: which runs have one, and one in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from domainstudio.jobs.folder import JobFolder, job_number, list_jobs
from domainstudio.jobs.spec import parse_model
from domainstudio.language import translate as _
from domainstudio.problems import Problem, UserError
from domainstudio.project.project import Project
from domainstudio.recipe.layers import LAYERS_FILE, Layer, LayerMap
from domainstudio.workflow.training.starting import TRAIN


@dataclass(frozen=True)
class ShownMap:
    """A run's map beside the names of all runs that have one."""

    runs: list[str]
    """Newest first."""
    run: str
    """Empty if there is none."""
    layers: tuple[Layer, ...]


def layer_map(project: Project, run: str) -> LayerMap:
    """Return the map that a run wrote at its end.

    Raises:
        UserError: it has none, or it is not what was written.
    """
    file = project.job(run).result / LAYERS_FILE
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise UserError(Problem("layers.none", "run", {"run": run})) from None
    return parse_model(LayerMap, data, str(file))


def shown_map(project: Project, run: str = "") -> ShownMap:
    """Return the map of a run, or of the newest that has one, if this one has none.

    Raises:
        UserError: it is not what was written.
    """
    runs = [folder.job_id for folder in _mapped(project)]
    chosen = run if run in runs else next(iter(runs), "")
    return ShownMap(runs, chosen, layer_map(project, chosen).layers if chosen else ())


def layer_words(layer: Layer) -> str:
    """Return what a layer is called; blocks are counted from 1."""
    if layer.block is not None:
        return _("Block {number}").format(number=layer.block + 1)
    return {"embedding": _("Embedding"), "norm": _("Last norm"), "head": _("Head")}[layer.kind]


def importance_words(layer: Layer) -> str:
    """Return the mean importance of a layer's weights."""
    return "–" if layer.importance is None else f"{layer.importance:.2f}"


def moved_words(layer: Layer) -> str:
    """Return how far a layer moved, in per cent of its size at step 0."""
    share = layer.moved_share
    return "–" if share is None else f"{100 * share:#.3g}".rstrip(".")


def _mapped(project: Project) -> Sequence[JobFolder]:
    found = [one for one in list_jobs(project.jobs, TRAIN.name) if (one.result / LAYERS_FILE).is_file()]
    return sorted(found, key=lambda one: job_number(one.job_id), reverse=True)
