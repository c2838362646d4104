"""All kinds of jobs by name."""

from domainstudio.workflow import corpus, export, generation, samples, search, tokenizer, training
from domainstudio.workflow.running import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        corpus.IMPORT,
        search.SEARCH,
        tokenizer.TRAIN,
        tokenizer.PACK,
        training.TRAIN,
        generation.GENERATE,
        samples.SAMPLES,
        export.MODEL,
        export.REPORT,
    )
}
