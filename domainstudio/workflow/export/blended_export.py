"""Export of a blend: its weights written by a program with torch, its lineage and figures for the card."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from domainstudio.evaluation.forgetting import Outcome
from domainstudio.export.facts import BlendFacts, ProbeFacts, ReportFacts
from domainstudio.jobs.child import run_child
from domainstudio.jobs.events import Progress
from domainstudio.jobs.worker import Worker
from domainstudio.project.project import Project
from domainstudio.recipe.blend import Blend, BlendFiles
from domainstudio.tokenizer import vocabulary
from domainstudio.workflow.export.blending import BlendRow, newest_rows


def as_far_as_there_are(blend: Blend, files: BlendFiles) -> Blend:
    """Return an average of as many checkpoints as there are; any other blend as it is."""
    return blend.model_copy(update={"amount": len(files.trained)}) if blend.kind == "average" else blend


def write_blend(worker: Worker, files: BlendFiles, folder: Path) -> None:
    """Write the weights of a blend into a folder, telling how far it is.

    Raises:
        Stopped: somebody asked for it.
        UserError: the models cannot be blended, or the disk refuses.
    """
    given = files.model_dump_json().encode()
    with closing(run_child("domainstudio.model.write_blend", folder, given)) as told:
        for body in told:
            worker.check_stop()
            if isinstance(body, Progress):
                worker.progress(body.done, body.total, "bytes", "blending")


def blended_facts(
    project: Project,
    facts: ReportFacts,
    run: str,
    step: int,
    files: BlendFiles,
    hashed: Callable[[Path], str],
) -> ReportFacts:
    """Return the facts of a checkpoint's card as those of a blend of it.

    Args:
        project: where its measurements are looked for.
        facts: of the checkpoint.
        run: its run.
        step: its step.
        files: the blend and its models.
        hashed: returns the hash of the weights in a folder.
    """
    blend = as_far_as_there_are(files.blend, files)
    row = next((row for row in newest_rows(project, run, step) if row.blend == blend), None)
    names = {f"weights of {run}@{_step_of(folder)}": folder for folder in files.trained}
    if files.base:
        names[f"weights of the base {facts.origin}"] = files.base
    if blend.chat:
        names[f"weights of the chat model {Path(blend.chat).name}"] = blend.chat
    title, lineage = _lineage(blend, files, facts.origin, f"{run}@{step}")
    return facts.model_copy(
        update={
            "blend": BlendFacts(title=title, lineage=lineage, is_measured=row is not None),
            "outcome": row.outcome if row else Outcome(None, None),
            "probes": _probes(facts, row) if row else (),
            "hashes": {name: hashed(Path(folder)) for name, folder in names.items()} | facts.hashes,
        }
    )


def tokenizer_of(files: BlendFiles, own: Path, sha256: str) -> Path:
    """Return the chat model's tokenizer, with its template, if it is the run's own too; else `own`."""
    chat = Path(files.blend.chat) if files.blend.chat else None
    if chat is None or not (chat / vocabulary.FILE).is_file() or vocabulary.hash_of(chat) != sha256:
        return own
    return chat


def _lineage(blend: Blend, files: BlendFiles, base: str, name: str) -> tuple[str, str]:
    """Return (title, sentence) in the card's English."""
    share = f"{blend.amount:g}"
    match blend.kind:
        case "interpolation":
            rest = f"{1 - blend.amount:.6g}"
            words = f"{rest} of the base {base} and {share} of {name} (linear interpolation)"
            title = f"{share} of the way from its base"
        case "average":
            steps = ", ".join(str(_step_of(folder)) for folder in files.trained)
            words = f"the mean of the checkpoints of steps {steps}"
            title = f"mean of {len(files.trained)} checkpoints"
        case _:
            chat = Path(str(blend.chat)).name
            words = f"{name} and {share} of the difference between {chat} and the base {base} (chat vector)"
            title = f"with the chat vector of {chat}"
    return title, f"Its weights were blended after training: {words}, computed in fp32."


def _step_of(folder: str) -> int:
    return int(Path(folder).parent.name.rsplit("-", 1)[1])


def _probes(facts: ReportFacts, row: BlendRow) -> tuple[ProbeFacts, ...]:
    """Return the run's probes with the losses of the blend in their place."""
    found = {loss.source: loss for loss in row.losses}
    return tuple(
        probe.model_copy(
            update={
                "curve": ((0, found[probe.source].base_nats), (row.step, found[probe.source].nats)),
                "base_nats": found[probe.source].base_nats,
                "nats": found[probe.source].nats,
                "base_bits": found[probe.source].base_bits,
                "bits": found[probe.source].bits,
            }
        )
        for probe in facts.probes
        if probe.source in found
    )
