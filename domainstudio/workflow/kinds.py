"""All kinds of jobs by name."""

from domainstudio.workflow import corpus, export, generation, tokenizer, training
from domainstudio.workflow.running import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        corpus.IMPORT,
        tokenizer.TRAIN,
        tokenizer.PACK,
        training.TRAIN,
        generation.GENERATE,
        export.MODEL,
        export.REPORT,
    )
}
