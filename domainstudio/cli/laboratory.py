"""`domainstudio laboratory`: compare methods against forgetting on one's own data."""

import argparse
from typing import TYPE_CHECKING, Any

from domainstudio.cli.output import Output, add_detach, add_verb, table
from domainstudio.language import translate as _
from domainstudio.units import format_size, parse_count

if TYPE_CHECKING:
    from domainstudio.project.project import Project
    from domainstudio.workflow.protection.laboratory_table import LaboratoryRow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    run = add_verb(verbs, "run", "train methods at equal tokens and compare them", _run)
    _add_choice(run)
    add_detach(run)
    plan = add_verb(verbs, "plan", "what a comparison would take", _plan)
    _add_choice(plan)
    show = add_verb(verbs, "table", "gain, forgetting and cost of every method, and a verdict", _table)
    show.add_argument("laboratory", nargs="?", metavar="LABORATORY", help=_("by default the newest"))
    gone = add_verb(verbs, "delete", "delete a comparison with what it measured", _delete)
    gone.add_argument("laboratory", metavar="LABORATORY", help=_("its name, such as laboratory-1"))


def _add_choice(verb: argparse.ArgumentParser) -> None:
    from domainstudio.recipe.methods import DEFAULT_METHODS, KNOWN

    verb.add_argument("--methods", default=",".join(DEFAULT_METHODS), help=_(
        "names with commas between, each NAME or NAME:VALUE, joined by + where both shall act; the names: "
        "{known}").format(known=" ".join(KNOWN)))  # fmt: skip
    verb.add_argument("--seeds", type=int, default=3, help=_("runs of each method (3)"))
    verb.add_argument("--tokens", default="", help=_("tokens of each run, such as 2M (a twentieth)"))
    verb.add_argument("--from", dest="origin", default="base", metavar="base|RUN[@STEP]", help=_(
        "weights to start from (base)"))  # fmt: skip
    verb.add_argument("--mixture", default="default", help=_("name of the mixture"))
    verb.add_argument("--recipe", default="default", help=_("name of the recipe"))


def _choice(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "methods": [name.strip() for name in options.methods.split(",") if name.strip()],
        "seeds": options.seeds,
        "tokens": parse_count(options.tokens, "tokens") if options.tokens else 0,
        "origin": options.origin,
        "mixture_name": options.mixture,
        "recipe_name": options.recipe,
    }


def _run(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import finished, open_project, run_job
    from domainstudio.workflow.protection.laboratory import plan_laboratory, start_laboratory

    with open_project(options) as project:
        folder = start_laboratory(project, plan_laboratory(project, **_choice(options)))
        is_done = run_job(project, folder, options)
        text, document = _shown(project, folder.job_id) if is_done else ("", None)
        return finished(folder, is_done, text, document)


def _plan(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.protection.costs import method_costs
    from domainstudio.workflow.protection.laboratory import plan_laboratory
    from domainstudio.workflow.protection.laboratory_table import plan_words
    from domainstudio.workflow.training.planned import speed_of

    chosen = _choice(options)
    beside = {name: value for name, value in chosen.items() if name not in ("methods", "seeds")}
    with open_project(options) as project:
        work = plan_laboratory(project, **chosen)
        speed = speed_of(project, work.runs[0].run)
        costs = method_costs(project, chosen["methods"], **beside)
    lines = table([_("Method"), _("Beyond plain training")], [[name, words] for name, words in costs.items()])
    words = plan_words(work, speed.tokens_per_second if speed else None)
    return Output({"work": work, "costs": costs}, f"{words}\n{lines}")


def _table(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.problems import Problem, UserError
    from domainstudio.workflow.protection.laboratory import laboratories

    with open_project(options) as project:
        found = laboratories(project)
        if not found and not options.laboratory:
            raise UserError(Problem("laboratory.none_yet", "laboratory", {"project": str(project.path)}))
        name = options.laboratory or found[-1].job_id
        text, document = _shown(project, name)
    return Output(document, text)


def _delete(options: argparse.Namespace) -> Output:
    from domainstudio.cli.following import open_project
    from domainstudio.workflow.protection.protecting import delete_laboratory

    with open_project(options) as project:
        delete_laboratory(project, options.laboratory)
    words = _("{laboratory} is deleted.").format(laboratory=options.laboratory)
    return Output({"deleted": options.laboratory}, words)


def _shown(project: "Project", name: str) -> tuple[str, Any]:
    """Return table and verdict of a laboratory, and the same as a document."""
    from domainstudio.workflow.protection.laboratory_table import interval_words
    from domainstudio.workflow.protection.protecting import shown_laboratory

    shown = shown_laboratory(project, name)
    made, said = shown.rows, shown.verdict
    cells = [
        [
            row.method, interval_words(row.gain), interval_words(row.forgetting), _percent(row.gain_kept),
            _percent(row.forgetting_removed), _yes(row), _percent(row.more_time),
            f"{row.preparation_seconds:.1f}", format_size(row.memory_bytes),
        ]
        for row in made
    ]  # fmt: skip
    head = [
        _("Method"), _("Domain gain"), _("Forgetting"), _("Gain kept"), _("Forgetting removed"),
        _("Within budget"), _("More time"), _("Preparation (s)"), _("Memory"),
    ]  # fmt: skip
    note = _("Nats a token against the equal-token control of the same seed; 95 % intervals over seeds.")
    document = {"laboratory": name, "rows": made, "verdict": said, "measured": shown.measured}
    return "\n".join([table(head, cells), note, *said]), document


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}".replace("-", "−")


def _yes(row: "LaboratoryRow") -> str:
    return _("yes") if row.is_within else _("no")
