"""Jobs in words: what each does, how far it is, how it ended."""

from domainstudio.language import translate as _
from domainstudio.problems import sentence
from domainstudio.units import format_count, format_duration
from domainstudio.workflow.machines.remote import link_words
from domainstudio.workflow.overview import JobRow


def name_of(job: JobRow) -> str:
    """Return what a job does."""
    words = {
        "import": _("Importing {subject}"),
        "duplicates": _("Looking for near-duplicates"),
        "contamination": _("Looking for the items of {subject}"),
        "tokenizer": _("Training a tokenizer"),
        "size": _("Sizing a vocabulary"),
        "compare": _("Comparing tokenizers"),
        "extend": _("Extending the vocabulary"),
        "grow": _("Growing the base"),
        "score": _("Measuring the base"),
        "pack": _("Packing token files"),
        "train": _("Training {job}"),
        "laboratory": _("Comparing methods"),
        "dry_step": _("Trying one step"),
        "generate": _("Writing general text"),
        "samples": _("Writing text samples"),
        "blend": _("Measuring blends of {subject}"),
        "search": _("Searching documents"),
        "export": _("Exporting {subject}"),
        "report": _("Writing the report of {subject}"),
    }
    return words.get(job.kind, job.job_id).format(subject=job.subject, job=job.job_id)


def progress_of(job: JobRow) -> str:
    """Return n of m, rate and time left, as far as they are known."""
    if job.kind == "train":
        return _training(job)
    if not job.total:
        return _(job.phase) if job.phase else ""
    parts = [
        _("{done} of {total} {unit}").format(
            done=format_count(job.done), total=format_count(job.total), unit=_(job.unit)
        )
    ]
    if job.phase:
        parts.insert(0, _(job.phase))
    if job.rate:
        parts.append(f"{job.rate:,.0f} {_(job.unit)}/s")
    return " · ".join(parts + _left(job))


def _training(job: JobRow) -> str:
    if job.link is not None and job.link.standing == "sending":
        return link_words(job.link)
    if job.link is not None and not job.link.is_heard:
        words = _("{machine} does not answer; last seen at step {step} of {total}")
        silent = job.link.at or job.link.machine
        return words.format(machine=silent, step=format_count(job.done), total=format_count(job.total))
    if not job.done:
        return _("starting")
    parts = [_("step {done} of {total}").format(done=format_count(job.done), total=format_count(job.total))]
    if job.rate:
        parts.append(_("{rate} tokens/s").format(rate=format_count(job.rate)))
    return " · ".join(parts + _left(job))


def _left(job: JobRow) -> list[str]:
    if job.seconds_left is None:
        return []
    return [_("{time} left").format(time=format_duration(job.seconds_left))]


def end_of(job: JobRow) -> str:
    """Return how a job ended, as a notice says it."""
    name = name_of(job)
    match job.status:
        case "done":
            return _("Finished: {job}").format(job=name)
        case "stopped" if job.kind == "train":
            return _("Paused at step {step}: {job}").format(step=format_count(job.done), job=name)
        case "stopped":
            return _("Stopped: {job}").format(job=name)
        case "failed" if job.problem is not None:
            return sentence(job.problem)
        case "failed":
            return _("Failed: {job}; its job.log has the details.").format(job=name)
        case _:
            return _("Interrupted: the process of {job} died; nothing else was lost.").format(job=job.job_id)
