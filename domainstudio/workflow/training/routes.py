"""Three routes to a domain model side by side: from scratch, continued, and on text of the task alone."""

from dataclasses import dataclass
from typing import Literal

from domainstudio.language import translate as _
from domainstudio.project.project import Project
from domainstudio.recipe.recipe import PROTECTION, Recipe, Stage
from domainstudio.recipe.scaling import (
    BALANCED,
    DATA_LIMITED,
    Optimum,
    balanced_parameters,
    balanced_tokens,
    limit_of,
    optima,
)
from domainstudio.units import format_count
from domainstudio.workflow.planning import offered
from domainstudio.workflow.training.fit import Ground, fit_of, rough_duration

RouteName = Literal["scratch", "continued", "task"]
_CHOSEN_SHARE = 0.1
"""Of a corpus, chosen by its likeness to the task, did as well as all of it (arXiv 2311.08545)."""


@dataclass(frozen=True)
class Route:
    """One way to a domain model, with what it takes on the hardware that is planned for."""

    name: RouteName
    parameters: int
    tokens: int
    devices: int
    hardware: str
    seconds: float | None
    """Estimated, or from a measured speed; None where neither is known."""


@dataclass(frozen=True)
class Routes:
    """The routes, and what the fits of scaling say of training from scratch."""

    routes: tuple[Route, ...]
    packed_tokens: int
    """Of all sources: what there is to train from scratch on."""
    limit: str
    """What limits a model of this size trained from scratch on that: see `recipe.scaling.limit_of`."""
    best_parameters: float
    """Of a model from scratch on that."""
    flops: float
    """Arithmetic of the continued run."""
    optima: tuple[Optimum, ...]
    """What it would be best spent on from scratch."""


def routes_of(project: Project, ground: Ground) -> Routes:
    """Return the routes for the model and the text of a planned run.

    Raises:
        UserError: nothing is packed, or the hardware does not compute in the recipe's precision.
    """
    sources, run = offered(project), ground.run
    packed = sum(source.tokens for source in sources)
    of_task = sum(source.tokens for source in sources if source.role == "task")
    continued = _route(ground, "continued", run.recipe, run.tokens)
    from_scratch = round(balanced_tokens(run.size.base))
    routes = (
        _route(ground, "scratch", _of_all_weights(run.recipe), from_scratch),
        continued,
        _route(ground, "task", run.recipe, of_task or max(1, round(_CHOSEN_SHARE * run.tokens))),
    )
    flops = fit_of(ground).flops_per_token * run.tokens
    return Routes(
        routes=routes,
        packed_tokens=packed,
        limit=limit_of(run.size.base, packed),
        best_parameters=balanced_parameters(packed),
        flops=flops,
        optima=optima(flops),
    )


def _of_all_weights(recipe: Recipe) -> Recipe:
    """Return a recipe that trains every weight and protects nothing: there is nothing to forget."""
    plain = {name: Stage.model_fields[name].default for name in PROTECTION}
    return recipe.model_copy(update={"stages": (recipe.stage.model_copy(update=plain),)})


def _route(ground: Ground, name: RouteName, recipe: Recipe, tokens: int) -> Route:
    fit = fit_of(ground, recipe)
    rate = fit.tokens_per_second
    parameters = ground.run.size.base if name == "scratch" else ground.run.parameters
    seconds = tokens / rate if rate else None
    return Route(name, parameters, tokens, fit.recipe.processes, fit.hardware.name, seconds)


def route_cells(route: Route) -> list[str]:
    """Return a route as a row: its name, parameters, tokens, devices and time."""
    names = {"scratch": _("From scratch"), "continued": _("Continued"), "task": _("Task alone")}
    time = _("not known") if route.seconds is None else rough_duration(route.seconds)
    devices = f"{format_count(route.devices)} × {route.hardware}"
    return [names[route.name], _rough(route.parameters), _rough(route.tokens), devices, time]


def route_lines(found: Routes) -> list[str]:
    """Return each route as a line of text."""
    words = _("{route}: {parameters} parameters, {tokens} tokens, {devices}, time {time}")
    names = ("route", "parameters", "tokens", "devices", "time")
    rows = [dict(zip(names, route_cells(one), strict=True)) for one in found.routes]
    return [words.format(**row) for row in rows]


def route_words(found: Routes) -> list[str]:
    """Return what the routes rest on, what limits the first, and what published runs of each took."""
    scratch = found.routes[0]
    numbers = {
        "parameters": _rough(scratch.parameters),
        "wanted": _rough(scratch.tokens),
        "packed": _rough(found.packed_tokens),
        "best": _rough(found.best_parameters),
    }
    if found.limit == DATA_LIMITED:
        words = _(
            "Data-limited: from scratch {parameters} parameters want about {wanted} tokens, and {packed} are "
            "packed; so much text alone suits about {best} parameters."
        )
    elif found.limit == BALANCED:
        words = _(
            "Balanced: from scratch {parameters} parameters want about {wanted} tokens, and {packed} are "
            "packed."
        )
    else:
        words = _(
            "Parameter-limited: the {packed} tokens that are packed would suit about {best} parameters from "
            "scratch, and the model has {parameters}."
        )
    return [words.format(**numbers), _optima_words(found), *_published()]


def _optima_words(found: Routes) -> str:
    words = _(
        "From scratch the {flops:.3g} FLOP of the continued run suit {fewest} to {most} parameters "
        "(arXiv 2203.15556, 2404.10102). These fits are of text read once from scratch; of continuing a "
        "trained model they say nothing."
    )
    sizes = sorted(one.parameters for one in found.optima)
    return words.format(flops=found.flops, fewest=_rough(sizes[0]), most=_rough(sizes[-1]))


def _published() -> list[str]:
    return [
        _(
            "Published from scratch: BloombergGPT, 50.6 billion parameters, 569 billion tokens, 512 A100, "
            "53 days (arXiv 2303.17564)."
        ),
        _(
            "Published continued: FinPythia-6.9B, 23.9 billion tokens, 8 A100, 18 days; the tenth of that "
            "text that is most like the tasks did as well (arXiv 2311.08545)."
        ),
    ]


def _rough(count: float) -> str:
    """Return a large count with three digits that mean something: 1,130,000,000,000."""
    return format_count(float(f"{count:.3g}"))
