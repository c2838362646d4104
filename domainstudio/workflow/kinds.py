"""All kinds of jobs by name."""

from domainstudio.workflow import (
    blending,
    comparing,
    contamination,
    dry_step,
    duplicates,
    export,
    extending,
    generation,
    growing,
    importing,
    laboratory_job,
    need,
    packing,
    samples,
    search,
    sizing,
    tokenizer,
    training,
)
from domainstudio.workflow.running import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        importing.IMPORT,
        search.SEARCH,
        duplicates.FIND,
        contamination.CHECK,
        tokenizer.TRAIN,
        sizing.SIZE,
        comparing.COMPARE,
        extending.EXTEND,
        growing.GROW,
        need.SCORE,
        packing.PACK,
        training.TRAIN,
        laboratory_job.LABORATORY,
        laboratory_job.ARM,
        dry_step.DRY_STEP,
        generation.GENERATE,
        samples.SAMPLES,
        blending.BLEND,
        export.MODEL,
        export.REPORT,
    )
}
