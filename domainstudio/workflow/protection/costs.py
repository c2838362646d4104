"""What protection costs before it is chosen: memory and disk by arithmetic, seconds from a measured speed."""

from collections.abc import Iterable

from domainstudio.language import translate as _
from domainstudio.problems import UserError, sentence
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.laboratory import LaboratoryRun
from domainstudio.recipe.methods import INTERPOLATION
from domainstudio.recipe.recipe import BY_IMPORTANCE
from domainstudio.recipe.run import RunSpec
from domainstudio.units import format_count, format_duration, format_size
from domainstudio.workflow.protection.laboratory import freeze_methods
from domainstudio.workflow.training.planned import PlannedRun, Speed, speed_of
from domainstudio.workflow.training.starting import size_of_run


def protection_words(run: PlannedRun) -> str:
    """Return what is trained and what protection costs, empty if all weights are and nothing protects."""
    return " ".join(filter(None, (_trained_words(run), _spring_words(run), _divergence_words(run))))


def measures_importance(spec: RunSpec) -> bool:
    """Return whether a run goes over general text before its first step."""
    return spec.recipe.stage.spring in BY_IMPORTANCE and not spec.importance


def importance_seconds(spec: RunSpec, speed: Speed) -> float:
    """Return about how long that takes at the speed of a run of the same model.

    Fisher's sequences are shared out over the devices; a recorder's are read by each of them.
    """
    stage = spec.recipe.stage
    devices = 1 if stage.spring == "ewc" else spec.recipe.processes
    return stage.importance_sequences * stage.sequence_length * devices / speed.tokens_per_second


def method_costs(
    project: Project,
    names: Iterable[str],
    tokens: int = 0,
    origin: str = "base",
    mixture_name: str = DEFAULT_NAME,
    recipe_name: str = DEFAULT_NAME,
) -> dict[str, str]:
    """Return what each method of a laboratory takes beyond plain training, or why it cannot be trained.

    Arguments are as in `plan_laboratory`.
    """
    found = dict[str, str]()
    for name in names:
        if name.partition(":")[0] == INTERPOLATION:
            found[name] = _("made afterwards, without a run")
            continue
        try:
            runs = freeze_methods(project, [name], tokens, origin, mixture_name, recipe_name)
        except UserError as error:
            found[name] = sentence(error.problem)
        else:
            found[name] = " · ".join(_costs(project, runs[0], runs[-1])) or _("nothing more")
    return found


def _costs(project: Project, plain: LaboratoryRun, one: LaboratoryRun) -> Iterable[str]:
    """Yield what a run takes beyond a plain one."""
    memory = one.state_bytes - plain.state_bytes
    if memory:
        size = format_size(abs(memory))
        yield (
            _("{size} more memory").format(size=size)
            if memory > 0
            else _("{size} less memory").format(size=size)
        )
    recipe = one.run.recipe
    disk = recipe.protection_disk_bytes(size_of_run(project, one.run))
    if disk:
        yield _("{size} disk").format(size=format_size(disk))
    if recipe.stage.kl_strength:
        yield _("steps {share:.0f} % longer").format(share=100 * recipe.stage.divergence_work)
    if measures_importance(one.run):
        speed = speed_of(project, one.run)
        if speed is None:
            count = format_count(recipe.stage.importance_sequences)
            yield _("first {count} sequences").format(count=count)
        else:
            yield _("first about {time}").format(time=format_duration(importance_seconds(one.run, speed)))


def _trained_words(run: PlannedRun) -> str:
    size = run.size
    if size.trained == size.base:
        return ""
    return _("{trained} parameters are trained, {share:.2g} % of the model's {base}.").format(
        trained=format_count(size.trained), share=100 * size.trained / size.base, base=format_count(size.base)
    )


def _spring_words(run: PlannedRun) -> str:
    recipe = run.recipe
    if recipe.stage.spring == "none":
        return ""
    words = _("The springs take {memory} more on each device, and {disk} on the disk.").format(
        memory=format_size(recipe.spring_bytes(run.size)),
        disk=format_size(recipe.spring_disk_bytes(run.size)),
    )
    if not measures_importance(run.spec):
        return words
    more = _(
        "First importance is measured on {count} sequences of general text, with {memory} on each device."
    )
    words += " " + more.format(
        count=format_count(recipe.stage.importance_sequences),
        memory=format_size(recipe.importance_bytes(run.size)),
    )
    if run.speed is None:
        return words
    time = _("That takes about {time} at the speed of {run}.")
    length = importance_seconds(run.spec, run.speed)
    return f"{words} {time.format(time=format_duration(length), run=run.speed.run)}"


def _divergence_words(run: PlannedRun) -> str:
    recipe = run.recipe
    if not recipe.stage.kl_strength:
        return ""
    return _(
        "KL keeps a copy of the base, {size} more on each device and on the disk; each step computes about "
        "{share:.0f} % more."
    ).format(size=format_size(recipe.base_copy_bytes(run.size)), share=100 * recipe.stage.divergence_work)
