"""The DeepSpeed configuration of a recipe: plain values, so that it can be shown without DeepSpeed."""

from typing import Any

from domainstudio.recipe.recipe import Recipe

LARGEST_BUCKET = 500_000_000
"""Elements of DeepSpeed's communication buffers at most: its own default."""


def deepspeed_config(recipe: Recipe, parameters: int) -> dict[str, Any]:
    """Return the DeepSpeed configuration of a recipe for a model of this many parameters.

    Gradients are accumulated in fp32; no bucket is larger than the model.
    """
    stage, bucket = recipe.stage, min(LARGEST_BUCKET, parameters)
    return {
        "train_micro_batch_size_per_gpu": stage.micro_batch,
        "gradient_accumulation_steps": stage.gradient_accumulation,
        "gradient_clipping": stage.gradient_clip,
        "zero_optimization": {
            "stage": recipe.zero_stage,
            "reduce_bucket_size": bucket,
            "allgather_bucket_size": bucket,
        },
        "bf16": {"enabled": recipe.precision == "bf16"},
        "data_types": {"grad_accum_dtype": "fp32"},
        "steps_per_print": 2**31,
    }
