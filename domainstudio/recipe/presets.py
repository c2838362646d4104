"""Recipes that were published, with their source and what of them is not confirmed."""

from dataclasses import dataclass, field

from domainstudio.problems import Problem, UserError


@dataclass(frozen=True)
class Preset:
    """Settings of a published run; `unconfirmed` names what was not read in the paper itself."""

    name: str
    source: str
    settings: dict[str, str]
    note: str
    unconfirmed: tuple[str, ...] = field(default=())


_ADAM = {"beta1": "0.9", "beta2": "0.95", "weight_decay": "0.1"}

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "bloomberggpt",
            "arXiv 2303.17564, table 4",
            _ADAM
            | {
                "learning_rate": "6e-5", "schedule": "cosine", "floor": "0.1", "warmup_steps": "1800",
                "gradient_clip": "0.3", "sequence_length": "2048", "precision": "bf16", "zero_stage": "3",
                "dropout": "0", "activation_checkpointing": "true", "micro_batch": "1",
                "gradient_accumulation": "16", "batch_warmup_steps": "7200",
            },
            "From scratch, 50B parameters. Its batch grew from 1,024 to 2,048 sequences at step 7,200 at "
            "once; here it grows evenly. Later the rate was lowered by a third, then by halves.",
        ),
        Preset(
            "finpythia-6.9b",
            "arXiv 2311.08545",
            _ADAM
            | {
                "learning_rate": "1.5e-5", "schedule": "constant", "warmup_steps": "0",
                "gradient_clip": "1.0", "sequence_length": "2048", "precision": "bf16", "zero_stage": "2",
                "micro_batch": "1", "gradient_accumulation": "16", "activation_checkpointing": "true",
            },
            "Continued on financial news and filings.",
            ("learning_rate", "schedule"),
        ),
        Preset(
            "finpythia-1b",
            "arXiv 2311.08545",
            _ADAM
            | {
                "learning_rate": "3e-5", "schedule": "constant", "warmup_steps": "0", "gradient_clip": "1.0",
                "sequence_length": "2048", "precision": "bf16", "zero_stage": "1", "micro_batch": "4",
                "gradient_accumulation": "8",
            },
            "Continued on financial news and filings.",
            ("learning_rate", "schedule"),
        ),
        Preset(
            "pythia-410m-rewarming",
            "arXiv 2308.04014",
            _ADAM
            | {
                "learning_rate": "3e-4", "schedule": "cosine", "floor": "0.1", "warmup_share": "0.01",
                "gradient_clip": "1.0", "sequence_length": "2048", "precision": "bf16", "micro_batch": "8",
                "gradient_accumulation": "4",
            },
            "Re-warmed to the rate of pre-training for 300 billion new tokens; too high for a small budget.",
            ("gradient_clip",),
        ),
        Preset(
            "sample",
            "this program's demo",
            {
                "learning_rate": "3e-3", "schedule": "cosine", "floor": "0.1", "warmup_steps": "10",
                "gradient_clip": "1.0", "sequence_length": "256", "micro_batch": "4",
                "gradient_accumulation": "1", "precision": "fp32", "zero_stage": "1", "probe_tokens": "8192",
                "probe_every": "80",
            },
            "1.1 million parameters on two CPU cores, 1,024 tokens a step.",
        ),
    )
}  # fmt: skip


def preset_of(name: str) -> Preset:
    """Return a preset by its name.

    Raises:
        UserError: there is none.
    """
    if name not in PRESETS:
        raise UserError(
            Problem("recipe.unknown_preset", "preset", {"preset": name, "known": " ".join(PRESETS)})
        )
    return PRESETS[name]
