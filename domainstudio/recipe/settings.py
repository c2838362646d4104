"""How a form presents the settings of a recipe: their names, groups, units and the values they take."""

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from domainstudio.recipe.recipe import Recipe, Stage, field_help

Input = Literal["choice", "flag", "count", "number", "text"]


@dataclass(frozen=True)
class Setting:
    """One setting as a form shows it; its help is the one of `field_help`."""

    key: str
    label: str
    group: str
    is_basic: bool
    unit: str = ""
    is_percent: bool = False
    """A share from 0 to 1 that people read as a percentage."""

    @property
    def field(self) -> FieldInfo:
        """The field of the recipe or of its stage."""
        return (Stage.model_fields | Recipe.model_fields)[self.key]

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a choice, none for other inputs."""
        values = get_args(self.field.annotation) if get_origin(self.field.annotation) is Literal else ()
        return tuple(str(value) for value in values)

    @property
    def input(self) -> Input:
        """What a person gives: one of the choices, yes or no, a whole number, a number, or a name."""
        if self.choices:
            return "choice"
        if self.field.annotation is bool:
            return "flag"
        found: dict[Any, Input] = {int: "count", str: "text"}
        return found.get(self.field.annotation, "number")

    @property
    def may_be_empty(self) -> bool:
        """Whether no value means that there is none."""
        return type(None) in get_args(self.field.annotation)


_RATE = "Learning rate"
_BATCH = "Batch"
_OPTIMIZER = "Optimizer"
_PROTECTION = "Protection"
_SAFETY = "Hardware and safety"
_MEASURED = "What is measured"
_WHAT = "What to train"

SETTINGS: tuple[Setting, ...] = (
    Setting("steps", "Steps", _WHAT, False, "steps"),
    Setting("seed", "Seed", _WHAT, False),
    Setting("schedule", "Schedule", _RATE, True),
    Setting("learning_rate", "Peak rate", _RATE, True),
    Setting("warmup_share", "Warm-up", _RATE, True, "% of steps", is_percent=True),
    Setting("warmup_steps", "or in steps", _RATE, True, "steps"),
    Setting("floor", "Floor", _RATE, False, "% of peak", is_percent=True),
    Setting("sequence_length", "Sequence length", _BATCH, True, "tokens"),
    Setting("micro_batch", "Micro-batch", _BATCH, True, "sequences"),
    Setting("gradient_accumulation", "Accumulation", _BATCH, True, "micro-batches"),
    Setting("batch_warmup_steps", "Batch warm-up", _BATCH, False, "steps"),
    Setting("weight_decay", "Weight decay", _OPTIMIZER, False),
    Setting("gradient_clip", "Gradient clipping", _OPTIMIZER, False),
    Setting("beta1", "Beta 1", _OPTIMIZER, False),
    Setting("beta2", "Beta 2", _OPTIMIZER, False),
    Setting("epsilon", "Epsilon", _OPTIMIZER, False),
    Setting("dropout", "Dropout", _OPTIMIZER, False, "%", is_percent=True),
    Setting("method", "Trained", _PROTECTION, True),
    Setting("lora_rank", "LoRA's rank", _PROTECTION, False),
    Setting("lora_embeddings", "LoRA with embeddings", _PROTECTION, False),
    Setting("expanded_blocks", "New blocks", _PROTECTION, False, "blocks"),
    Setting("frozen_blocks", "Frozen blocks", _PROTECTION, False, "blocks"),
    Setting("new_rows_steps", "New rows alone", _PROTECTION, False, "steps"),
    Setting("spring", "Spring", _PROTECTION, True),
    Setting("spring_strength", "Strength", _PROTECTION, True),
    Setting("spring_mode", "Where it pulls", _PROTECTION, False),
    Setting("importance_sequences", "Importance from", _PROTECTION, False, "sequences"),
    Setting("importance_from", "or from a run", _PROTECTION, False),
    Setting("fisher_labels", "Fisher's labels", _PROTECTION, False),
    Setting("record_importance", "Record importance", _PROTECTION, False),
    Setting("kl_strength", "KL to the base", _PROTECTION, True),
    Setting("on_budget", "Beyond a limit", _PROTECTION, False),
    Setting("on_plateau", "On a plateau", _PROTECTION, False),
    Setting("plateau_probes", "Plateau after", _PROTECTION, False, "probes"),
    Setting("precision", "Precision", _SAFETY, True),
    Setting("processes", "Devices", _SAFETY, True, "devices"),
    Setting("zero_stage", "ZeRO stage", _SAFETY, False),
    Setting("activation_checkpointing", "Recompute activations", _SAFETY, False),
    Setting("checkpoint_every", "Checkpoints", _SAFETY, True, "steps apart"),
    Setting("keep_checkpoints", "Checkpoints kept", _SAFETY, False, "newest"),
    Setting("on_spike", "Spike of the loss", _SAFETY, False),
    Setting("accepted_forgetting", "Accepted forgetting", _MEASURED, True, "nats a token"),
    Setting("accepted_percent", "or in percent", _MEASURED, False, "% of the base's loss"),
    Setting("canaries", "Canary facts", _MEASURED, False),
    Setting("canaries_kept", "Facts kept", _MEASURED, False, "%", is_percent=True),
    Setting("control", "Control", _MEASURED, True),
    Setting("probe_every", "Probes", _MEASURED, True, "steps apart"),
    Setting("probe_tokens", "Probe size", _MEASURED, False, "tokens"),
)
"""Every setting in the order of the form."""

SETTING: dict[str, Setting] = {setting.key: setting for setting in SETTINGS}
HELP: dict[str, str] = {key: text for key, text, _ in field_help()}


def text_of(recipe: Recipe, key: str) -> str:
    """Return a setting's value as a person writes it, shares as percentages."""
    value: Any = getattr(recipe.stage if key in Stage.model_fields else recipe, key)
    if value is None:
        return ""
    if SETTING[key].is_percent:
        return f"{100 * value:.10g}"
    if isinstance(value, float):
        return f"{value:.10g}".replace("e-0", "e-")
    return str(value)


def value_of(key: str, text: str) -> str:
    """Return what a person wrote as `change` takes it: percentages as shares, separators left out."""
    if SETTING[key].input == "text":
        return text.strip()
    plain = text.strip().replace(",", "").replace("_", "").replace(" ", "")
    if not plain or not SETTING[key].is_percent:
        return plain
    try:
        return repr(float(plain.removesuffix("%")) / 100)
    except ValueError:
        return plain
