"""All kinds of jobs by name."""

from domainstudio.workflow.corpus import contamination, generation, importing, search
from domainstudio.workflow.duplicates import finding
from domainstudio.workflow.export import blending, exporting
from domainstudio.workflow.protection import laboratory_job
from domainstudio.workflow.running import Kind
from domainstudio.workflow.runs import samples
from domainstudio.workflow.tokenizer import comparing, extending, growing, need, packing, sizing, train
from domainstudio.workflow.training import dry_step, starting

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        importing.IMPORT,
        search.SEARCH,
        finding.FIND,
        contamination.CHECK,
        train.TRAIN,
        sizing.SIZE,
        comparing.COMPARE,
        extending.EXTEND,
        growing.GROW,
        need.SCORE,
        packing.PACK,
        starting.TRAIN,
        laboratory_job.LABORATORY,
        laboratory_job.ARM,
        dry_step.DRY_STEP,
        generation.GENERATE,
        samples.SAMPLES,
        blending.BLEND,
        exporting.MODEL,
        exporting.REPORT,
    )
}
