"""The report: one self-contained HTML page about one run, from typed facts."""

from html import escape

from domainstudio.export import figures
from domainstudio.export.facts import Curve, ProbeFacts, ReportFacts
from domainstudio.language import RESOURCES, preferred
from domainstudio.language import translate as _
from domainstudio.units import format_change, format_count

STYLE = RESOURCES / "report.css"


def render(facts: ReportFacts) -> str:
    """Return the page: no script, no link to anywhere, figures as inline SVG."""
    style = STYLE.read_text(encoding="utf-8")
    body = "\n".join(part(facts) for part in _PARTS)
    title, language = escape(f"{facts.project}: {facts.run}"), preferred().replace("_", "-")
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>\n{style}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )


def _number(label: str, value: str, unit: str, role: str = "") -> str:
    return (
        f'<div class="number"><span class="label {role}">{escape(label)}</span>'
        f"<strong>{escape(value)}</strong><span>{escape(unit)}</span></div>"
    )


def _headline(facts: ReportFacts) -> str:
    unknown = _("not measured")
    gain = _change(facts.outcome.gain, unknown)
    forgetting = _change(facts.outcome.forgetting, unknown)
    numbers = (
        _number(
            _("Steps"),
            format_count(facts.done_steps),
            _("of {steps}").format(steps=format_count(facts.steps)),
        ),
        _number(
            _("Tokens trained on"),
            format_count(facts.tokens),
            _("in {s} s").format(s=format_count(facts.seconds)),
        ),
        _number(_("Domain gain"), gain, _("nats a token, against the base"), "domain"),
        _number(_("Forgetting"), forgetting, _("nats a token, against the base"), "forget"),
    )
    purpose = _("Run {run} of project {project}, from {origin}; state: {status}.").format(
        run=facts.run, project=facts.project, origin=facts.origin, status=_(facts.status)
    )
    title = f"<h1>{escape(facts.run)}</h1><p>{escape(purpose)}</p>"
    return f"{title}<section class='numbers'>{''.join(numbers)}</section>"


def _change(value: float | None, unknown: str = "–") -> str:
    return unknown if value is None else format_change(value)


def _plots(facts: ReportFacts) -> str:
    domain, general = _curves(facts)
    unit, step, base = _("against the base, nats a token"), _("step"), _("base")
    loss, nats = _("Training loss"), _("nats a token")
    parts = [figures.training_loss(facts.losses, facts.smoothed, loss, nats, step)]
    if domain:
        words = (_("Held-out domain loss"), unit, step, base)
        parts.append(figures.against_base(domain, "domain", words))
    if general:
        words = (_("Forgetting: held-out general loss"), unit, step, base)
        line = None if facts.accepted is None else (facts.accepted, _("accepted"))
        parts.append(figures.against_base(general, "forget", words, figures.WIDE, line))
    else:
        parts.append(f"<p class='attention'>{escape(_no_general())}</p>")
    return "<section class='plots'>" + "".join(f"<figure>{part}</figure>" for part in parts) + "</section>"


def _curves(facts: ReportFacts) -> tuple[dict[str, Curve], dict[str, Curve]]:
    """Return domain and general curves: one an arm where there are several, else one a source."""
    if len(facts.arms) > 1:
        named = {_label(arm.run, _(arm.arm)): arm for arm in facts.arms}
        domain = {name: arm.domain for name, arm in named.items() if arm.domain}
        return domain, {name: arm.general for name, arm in named.items() if arm.general}
    domain = {probe.source: _against_base(probe) for probe in facts.probes if probe.role != "general"}
    return domain, {probe.source: _against_base(probe) for probe in facts.probes if probe.role == "general"}


def _label(run: str, arm: str) -> str:
    return f"{arm} ({run})"


def _arms(facts: ReportFacts) -> str:
    """Return the table of runs that differ in their text alone; nothing for a run that stands alone."""
    if len(facts.arms) < 2:
        return ""
    head = [
        _("Arm"), _("Text"), _("Gain, base"), _("Forgetting, base"), _("Gain, control"),
        _("Forgetting, control"),
    ]  # fmt: skip
    rows = [
        [
            _label(arm.run, _(arm.arm)), arm.mixture,
            _change(arm.outcome.gain), _change(arm.outcome.forgetting),
            _change(arm.outcome.gain_against_control), _change(arm.outcome.forgetting_against_control),
        ]
        for arm in facts.arms
    ]  # fmt: skip
    note = _("The control was trained on general text alone, with the same tokens, schedule and seed.")
    heading = escape(_("Arms: the same start, tokens, schedule and seed, other text (nats a token)"))
    return f"<h2>{heading}</h2>{_table(head, rows)}<p>{escape(note)}</p>"


def _no_general() -> str:
    return _("No general source was probed: this report cannot say what the model forgot.")


def _against_base(probe: ProbeFacts) -> Curve:
    return tuple((step, nats - probe.base_nats) for step, nats in probe.curve)


def _table(head: list[str], rows: list[list[str]], text_columns: int = 2) -> str:
    """Return a table whose first `text_columns` columns are text, the others numbers."""
    kind = ["text"] * text_columns + ["figure"] * (len(head) - text_columns)
    cells = ["".join(f'<th class="{k}">{escape(text)}</th>' for k, text in zip(kind, head, strict=True))]
    cells += [
        "".join(f'<td class="{k}">{escape(text)}</td>' for k, text in zip(kind, row, strict=True))
        for row in rows
    ]
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def _losses(facts: ReportFacts) -> str:
    head = [
        _("Source"), _("Role"), _("Tokens scored"), _("Base (nats a token)"), _("After (nats a token)"),
        _("Change"), _("Base (bits a byte)"), _("After (bits a byte)"),
    ]  # fmt: skip
    rows = [
        [
            probe.source, _(probe.role), format_count(probe.tokens), f"{probe.base_nats:.3f}",
            f"{probe.nats:.3f}", format_change(probe.change), f"{probe.base_bits:.3f}", f"{probe.bits:.3f}",
        ]
        for probe in facts.probes
    ]  # fmt: skip
    return f"<h2>{escape(_('Held-out loss before and after'))}</h2>{_table(head, rows)}"


def _corpus(facts: ReportFacts) -> str:
    head = [
        _("Source"), _("Role"), _("Origin of text"), _("Documents"), _("Characters/document"),
        _("Characters"), _("Characters/token"), _("Tokens"), _("Held out"), _("Copies marked"),
        _("Rejected"), _("Share of training"), _("Epochs"),
    ]  # fmt: skip
    rows = [
        [
            source.name, _(source.role), _(source.text_origin), format_count(source.documents),
            format_count(source.characters / max(1, source.documents)), format_count(source.characters),
            f"{source.characters / max(1, source.tokens):.2f}", format_count(source.tokens),
            format_count(source.held_out_documents), format_count(source.marked),
            format_count(source.rejected), f"{source.share:.1%}", f"{source.epochs:.2f}",
        ]
        for source in facts.sources
    ]  # fmt: skip
    marked = sum(source.marked for source in facts.sources)
    note = _("{marked} documents were marked as copies and not trained on.").format(
        marked=format_count(marked)
    )
    return f"<h2>{escape(_('Corpus and mixture'))}</h2>{_table(head, rows, 3)}<p>{escape(note)}</p>"


def _recipe(facts: ReportFacts) -> str:
    settings = "".join(
        f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.recipe.items()
    )
    hashes = "".join(
        f"<dt>{escape(key)}</dt><dd><code>{escape(value)}</code></dd>" for key, value in facts.hashes.items()
    )
    return (
        f"<h2>{escape(_('Recipe'))}</h2><dl>{settings}</dl>"
        f"<h2>{escape(_('Made from'))}</h2><dl class='wide'>{hashes}</dl>"
    )


def _limits(facts: ReportFacts) -> str:
    sentences = [
        _("Losses are means over whole held-out documents of each source, never trained on."),
        _("Gain and forgetting are against the run's own base: more training has its effect in them."),
        _("One run with one seed: no interval can be given, and a small difference may be chance."),
    ]
    if facts.attempts > 1:
        sentences.append(_("The run was resumed; it had {n} attempts.").format(n=facts.attempts))
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<h2>{escape(_('What these figures can and cannot say'))}</h2><ul>{items}</ul>"


def _next(_facts: ReportFacts) -> str:
    """Return what to do with one's own files."""
    commands = (
        "domainstudio project new PROJECT --base MODEL_FOLDER",
        "domainstudio corpus import PROJECT YOUR_DOCUMENTS --role domain --name field",
        "domainstudio corpus import PROJECT GENERAL_TEXT --role general --name general",
        "domainstudio tokenizer pack PROJECT",
        "domainstudio mixture set PROJECT --share field=0.75 --share general=0.25 --tokens 20M",
        "domainstudio train start PROJECT",
        "domainstudio train start PROJECT --arm control",
        "domainstudio runs compare PROJECT",
    )
    lines = "\n".join(commands)
    return f"<h2>{escape(_('The same with your own files'))}</h2><pre>{escape(lines)}</pre>"


_PARTS = (_headline, _plots, _arms, _losses, _corpus, _recipe, _limits, _next)
"""The sections of the page in their order."""
