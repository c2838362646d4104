"""All kinds of jobs by name."""

from domainstudio.workflow import (
    blending,
    contamination,
    dry_step,
    duplicates,
    export,
    generation,
    importing,
    laboratory_job,
    packing,
    samples,
    search,
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
