"""The person's plans: mixture and recipe, saved as they are made and checked against what is packed."""

from dataclasses import dataclass

from domainstudio.mixture.amount import TextAmount, TextRatio, amount
from domainstudio.mixture.editing import Balance, balance
from domainstudio.mixture.presets import mixture_preset_of
from domainstudio.mixture.shares import Mixture, Portion, SourceTokens, check, plan
from domainstudio.problems import Problem, UserError
from domainstudio.project import plans
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.presets import preset_of
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.workflow.tokenizer.packing import Fertility, PackingState, fertility, packed, packing_state


@dataclass(frozen=True)
class MixtureFacts:
    """What a mixture is made with: the packed sources, how they are cut, and the mixture if one is saved."""

    state: PackingState
    sources: list[SourceTokens]
    fertility: list[Fertility]
    mixture: Mixture | None


def set_mixture(
    project: Project, mixture: Mixture, name: str = DEFAULT_NAME, *, allow_shortfall: bool = False
) -> list[Portion]:
    """Save a mixture and return what it takes of each source.

    Args:
        project: where it is saved.
        mixture: the shares wished for.
        name: replaces a mixture of this name.
        allow_shortfall: save the wish also if text is missing for it; a run of it is refused all the same.

    Raises:
        UserError: a source is unknown or falls short; nothing is saved then.
    """
    portions = portions_of(project, mixture)
    if not allow_shortfall:
        check(mixture, portions)
    plans.save(project.connection, "mixture", name, mixture)
    return portions


def mixture_facts(project: Project, name: str = DEFAULT_NAME) -> MixtureFacts:
    """Return what a mixture is made with; without token files there are no sources."""
    state = packing_state(project)
    is_packed = state in ("packed", "changed")
    return MixtureFacts(
        state=state,
        sources=offered(project) if is_packed else [],
        fertility=fertility(project) if is_packed else [],
        mixture=plans.load(project.connection, "mixture", name, Mixture),
    )


def balance_of(sources: list[SourceTokens], mixture: Mixture | None) -> Balance:
    """Return the shares of a mixture over the packed sources, at least one, ready to be moved.

    Without a mixture every source has the share of its tokens.
    """
    return balance(
        mixture.shares if mixture else {},
        mixture.locked if mixture else (),
        [source.name for source in sources if source.role == "general"],
        {source.name: source.tokens for source in sources},
    )


def preset_shares(project: Project, preset: str, name: str = DEFAULT_NAME) -> dict[str, float]:
    """Return the shares that a preset gives: within each side the proportions of the saved mixture stay.

    Raises:
        UserError: there is no such preset, or nothing is packed yet.
    """
    found = mixture_preset_of(preset)
    saved = plans.load(project.connection, "mixture", name, Mixture)
    return dict(balance_of(offered(project), saved).with_replay(found.replay).shares)


def text_amount(portions: list[Portion], measured: list[Fertility]) -> TextAmount | None:
    """Return how much text a mixture reads; None if a source was packed before text was measured."""
    ratios = {
        source.source: TextRatio(
            source.characters_per_token,
            source.words_per_character,
            source.unspaced_per_character,
            source.documents_sampled,
        )
        for source in measured
        if source.characters_per_token is not None
        and source.words_per_character is not None
        and source.unspaced_per_character is not None
    }
    return amount([portion for portion in portions if portion.tokens], ratios)


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
    if preset is not None:
        recipe = change(change(Recipe(), preset_of(preset).settings), settings)
        plans.save(project.connection, "recipe", name, recipe)
        return recipe
    return plans.change(
        project.connection, "recipe", name, Recipe, lambda saved: change(saved or Recipe(), settings)
    )
