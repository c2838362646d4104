"""The person's plans: mixture and recipe, saved as they are made and checked against what is packed."""

from domainstudio.mixture.shares import Mixture, Portion, SourceTokens, check, plan
from domainstudio.problems import Problem, UserError
from domainstudio.project import plans
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.presets import preset_of
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.workflow.tokenizer import packed


def set_mixture(project: Project, mixture: Mixture, name: str = DEFAULT_NAME) -> list[Portion]:
    """Save a mixture and return what it takes of each source.

    Raises:
        UserError: a source is unknown or falls short; nothing is saved then.
    """
    portions = portions_of(project, mixture)
    check(mixture, portions)
    plans.save(project.connection, "mixture", name, mixture)
    return portions


def portions_of(project: Project, mixture: Mixture) -> list[Portion]:
    """Return what a mixture takes of each packed source."""
    return plan(mixture, offered(project))


def offered(project: Project) -> list[SourceTokens]:
    """Return what every packed source offers.

    Raises:
        UserError: nothing is packed yet.
    """
    files = packed(project, "training")
    return [SourceTokens(name=file.source, role=file.role, tokens=file.tokens) for file in files]


def blindness(project: Project) -> Problem | None:
    """Return why forgetting could not be measured, None if there is packed general text held out."""
    if any(file.role == "general" and file.tokens for file in packed(project, "held_out")):
        return None
    return Problem("forgetting.not_measurable", "general", {"project": str(project.path)})


def mixture_of(project: Project, name: str = DEFAULT_NAME) -> Mixture:
    """Return a saved mixture.

    Raises:
        UserError: there is none of this name.
    """
    mixture = plans.load(project.connection, "mixture", name, Mixture)
    if mixture is None:
        raise UserError(Problem("mixture.none_yet", "mixture", {"name": name}))
    return mixture


def recipe_of(project: Project, name: str = DEFAULT_NAME) -> Recipe:
    """Return a saved recipe, or the defaults under the name `default`.

    Raises:
        UserError: there is none of another name.
    """
    recipe = plans.load(project.connection, "recipe", name, Recipe)
    if recipe is None and name != DEFAULT_NAME:
        raise UserError(Problem("recipe.none_yet", "recipe", {"name": name}))
    return recipe or Recipe()


def set_recipe(
    project: Project, settings: dict[str, str], name: str = DEFAULT_NAME, preset: str | None = None
) -> Recipe:
    """Change settings of a recipe, save it and return it; a new name begins with the defaults.

    A preset replaces the whole recipe before `settings` are changed.

    Raises:
        UserError: an unknown preset or key, a value out of range, or a contradiction; nothing is saved then.
    """
    if preset is None:
        begin = plans.load(project.connection, "recipe", name, Recipe) or Recipe()
    else:
        begin = change(Recipe(), preset_of(preset).settings)
    recipe = change(begin, settings) if settings else begin
    plans.save(project.connection, "recipe", name, recipe)
    return recipe
