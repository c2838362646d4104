"""The recipe: how a model is trained. The text under each field feeds --help and the form."""

import math
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domainstudio.jobs.spec import invalid_field
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.schedules import ScheduleName, learning_rate_at
from domainstudio.recipe.size import Size

Spring = Literal["none", "l2-sp", "ewc", "si", "hierarchical"]
OnBudget = Literal["alarm", "pause", "replay", "rate", "keep"]
OnPlateau = Literal["off", "tell", "act"]
CanaryList = Literal["off", "en", "zh", "own"]
OnSpike = Literal["tell", "roll-back"]
ControlWish = Literal["short", "always", "never"]
BY_IMPORTANCE = ("ewc", "si", "hierarchical")
"""Springs that pull at each weight as much as it matters for general text."""
SpringMode = Literal["pre-clip", "post-clip", "decoupled"]
FisherLabels = Literal["data", "model"]
Method = Literal["full", "lora", "expansion"]
_MOST_STEPS = 10**12
"""No run is longer; numbers without an end would take memory or time without an end."""


class Stage(BaseModel):
    """One stretch of training with one schedule."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    """Peak rate. From scratch 1e-3 for a million parameters; continuing 7 billion, 1e-5 to 3e-5."""
    schedule: ScheduleName = "cosine"
    """Shape after warm-up: cosine, linear, constant, wsd (decays last), infinite (cools, then constant)."""
    warmup_steps: int = Field(default=10, ge=0, le=_MOST_STEPS)
    """Steps of linear rise to the peak; 1 to 2 percent of the run, more if it is shorter than 500 steps."""
    warmup_share: float = Field(default=0.0, ge=0, le=0.5)
    """Warm-up as a share of the run instead of in steps; 0 counts in steps."""
    floor: float = Field(default=0.1, ge=0, le=1)
    """Lowest rate as a share of the peak (BloombergGPT: 0.1)."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """AdamW's memory of the gradient."""
    beta2: float = Field(default=0.95, ge=0, lt=1)
    """AdamW's memory of the squared gradient (BloombergGPT: 0.95)."""
    epsilon: float = Field(default=1e-8, gt=0)
    """AdamW's guard against division by zero."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Pull of the matrices towards zero (BloombergGPT: 0.1); norms and biases are exempt."""
    gradient_clip: float = Field(default=1.0, ge=0)
    """Longest gradient let through (BloombergGPT: 0.3); 0 switches clipping off."""
    sequence_length: int = Field(default=256, ge=8, le=2**22)
    """Tokens a sequence; at most the positions of the model."""
    micro_batch: int = Field(default=4, ge=1, le=2**16)
    """Sequences a device handles at once; lower it first if memory runs out."""
    gradient_accumulation: int = Field(default=1, ge=1, le=2**16)
    """Micro-batches summed before the optimizer moves."""
    batch_warmup_steps: int = Field(default=0, ge=0, le=10**5)
    """Steps in which the batch grows from one micro-batch to all of them (BloombergGPT: half at first)."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of activations dropped in training; 0 is usual in pre-training."""

    method: Method = "full"
    """What is trained: full (all weights), lora (matrices beside them, ten times the rate) or expansion."""
    lora_rank: int = Field(default=64, ge=1, le=2**14)
    """Width of LoRA's matrices; 64 to 256 for continued pre-training (arXiv 2405.09673)."""
    lora_embeddings: bool = False
    """LoRA trains embeddings and head too, all of them, as is needed after the vocabulary grew."""
    expanded_blocks: int = Field(default=2, ge=1, le=2**10)
    """Copies of blocks that expansion puts in evenly and trains alone (LLaMA-Pro: 8 for 32)."""
    frozen_blocks: int = Field(default=0, ge=0, le=2**14)
    """First blocks that stay as they are, with the embeddings; 0 trains everything."""
    new_rows_steps: int = Field(default=0, ge=0, le=10**9)
    """First steps in which rows of new tokens learn alone; 1 to 5 % of all (EEVE 2402.14714), 0 none."""

    spring: Spring = "none"
    """Pull back to the weights at step 0: none, l2-sp (all alike), or by importance ewc, si, hierarchical."""
    spring_strength: float = Field(default=0.1, ge=0)
    """Strength of the pull, importances having a mean of 1; try 0.01, 0.1 and 1."""
    spring_mode: SpringMode = "pre-clip"
    """Where it pulls: pre-clip (as a term of the loss), post-clip, or decoupled (as weight decay does)."""

    importance_sequences: int = Field(default=240, ge=1, le=2**20)
    """Sequences of general text on which importance is measured before the first step."""
    importance_from: str = Field(default="", pattern=r"^([a-z][a-z_]*-[1-9][0-9]{0,8})?$")
    """Run whose recorded or measured importance the spring takes instead; empty measures it anew."""
    fisher_labels: FisherLabels = "data"
    """Labels of the Fisher information: data (empirical) or model (drawn: the true one); little differs."""
    record_importance: bool = False
    """Records in passing what each weight contributes, for the springs of later runs; costs under 1 %."""

    kl_strength: float = Field(default=0.0, ge=0)
    """Weight in the loss of the KL divergence from the base on general text; 0 is off, try 0.1 to 1."""

    @property
    def divergence_work(self) -> float:
        """What KL adds to the arithmetic of a step, as a share: a micro-batch, and one forward in the base.

        A forward pass is a third of the work on a micro-batch.
        """
        return (1 + 1 / 3) / self.gradient_accumulation if self.kl_strength else 0.0

    def warmup_in_steps(self, steps: int) -> int:
        """Return the steps of warm-up of a run of this many steps."""
        return round(self.warmup_share * steps) if self.warmup_share else self.warmup_steps

    def accumulation_at(self, step: int) -> int:
        """Return the micro-batches a device sums at a step from 1."""
        if step >= self.batch_warmup_steps:
            return self.gradient_accumulation
        return max(1, -(-self.gradient_accumulation * step // self.batch_warmup_steps))

    def micro_batches_before(self, step: int) -> int:
        """Return the micro-batches a device has seen before a step from 1."""
        warming = min(step, self.batch_warmup_steps)
        seen = sum(self.accumulation_at(earlier) for earlier in range(1, warming))
        return seen + (step - max(1, warming)) * self.gradient_accumulation

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Return the rate of a step from 1 to `steps`."""
        return learning_rate_at(
            step,
            steps,
            name=self.schedule,
            peak=self.learning_rate,
            warmup_steps=self.warmup_in_steps(steps),
            floor=self.floor,
        )


class Recipe(BaseModel):
    """Everything that decides a run beside its model and its text."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    stages: tuple[Stage, ...] = Field(default=(Stage(),), min_length=1, max_length=1)
    """The stages in their order; one for now."""
    steps: int = Field(default=0, ge=0, le=_MOST_STEPS)
    """Steps of the run; 0 takes as many as the mixture's tokens give."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic of the model; the optimizer keeps fp32. fp16 is not offered: its loss scale skips steps."""
    zero_stage: Literal[1, 2, 3] = 1
    """What DeepSpeed ZeRO spreads over the devices: 1 optimizer, 2 and gradients, 3 and parameters."""
    processes: int = Field(default=1, ge=1, le=64)
    """Devices, on all machines of the run together: one process for each GPU; 1 on a CPU."""
    activation_checkpointing: bool = False
    """Computes activations again instead of keeping them: about a third slower, far less memory."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Decides initial weights, order of text and dropout."""
    accepted_forgetting: float | None = Field(default=0.05, ge=0, allow_inf_nan=False)
    """Rise of general loss you accept, nats a token; none draws no line (0.05 as in arXiv 2407.17467)."""
    accepted_percent: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Rise of general loss you accept in percent of the base's; none sets no such limit."""
    canaries: CanaryList = "off"
    """General facts asked at every probe: off, en or zh (lists of ours), own (canaries.jsonl there)."""
    canaries_kept: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """Least share of the facts the base knew that must still be known; none sets no such limit."""
    on_budget: OnBudget = "alarm"
    """What a limit passed leads to: alarm, pause, more replay, half the rate, or end and keep the best."""
    on_plateau: OnPlateau = "off"
    """Domain loss stands still: tell, or act (rate x2/3; x1/2, dropout 0.1; x1/2; end: BloombergGPT)."""
    plateau_probes: int = Field(default=5, ge=1, le=10**6)
    """Probes in a row without 0.002 nats a token gained that count as standing still (a rule of ours)."""
    on_spike: OnSpike = "tell"
    """A spike of the loss (z > 6): tell, or roll-back to a checkpoint and skip text (arXiv 2204.02311)."""
    control: ControlWish = "short"
    """An equal-token control follows by itself: after a run of less than 30 minutes, always, or never."""
    probe_every: int = Field(default=50, ge=1, le=_MOST_STEPS)
    """Steps between two measurements of held-out loss; step 0 and the last are always measured."""
    probe_tokens: int = Field(default=16_384, ge=256, le=2**30)
    """Held-out tokens a source that each measurement scores; more is slower and steadier."""
    checkpoint_every: int = Field(default=200, ge=1, le=_MOST_STEPS)
    """Steps between two checkpoints; the last step always has one."""
    keep_checkpoints: int = Field(default=2, ge=1, le=10**6)
    """Newest checkpoints kept, beside those you ask for; older ones go when a new one is whole."""

    @property
    def stage(self) -> Stage:
        """The only stage."""
        return self.stages[0]

    def as_trained(self) -> "Recipe":
        """Return the recipe without what two runs that are compared may differ in.

        How often a run is probed and saved, and what forgetting is accepted, changes neither the weights nor
        how they are measured; what protects against forgetting is what a comparison is about.
        """
        plain = self.unprotected()
        return plain.model_copy(update={name: Recipe.model_fields[name].default for name in _APART})

    def unprotected(self) -> "Recipe":
        """Return the recipe without protection against forgetting and without guard: that of a control."""
        plain = {name: Stage.model_fields[name].default for name in PROTECTION}
        unguarded = {name: Recipe.model_fields[name].default for name in _GUARD}
        return self.model_copy(update={"stages": (self.stage.model_copy(update=plain),), **unguarded})

    def tokens_per_step(self) -> int:
        """Return the tokens of one optimizer step over all devices, once the batch has grown."""
        stage = self.stage
        return stage.micro_batch * stage.gradient_accumulation * self.processes * stage.sequence_length

    def tokens_before(self, step: int) -> int:
        """Return the tokens that all devices have seen before a step from 1."""
        sequences = self.stage.micro_batches_before(step) * self.stage.micro_batch * self.processes
        return sequences * self.stage.sequence_length

    def possible_ranks(self) -> list[int]:
        """Return the numbers of processes that can share out every step of the run evenly.

        A run keeps its tokens a step on any of them: each process then sums more micro-batches, or fewer.
        """
        whole = self._shared_out()
        return [ranks for ranks in range(1, whole + 1) if not whole % ranks]

    def _shared_out(self) -> int:
        """Return a number that all which the processes share out at any step is a multiple of."""
        warming = range(1, self.stage.batch_warmup_steps + 1)
        sums = {self.stage.gradient_accumulation, *map(self.stage.accumulation_at, warming)}
        whole = math.gcd(*sums) * self.processes
        if self.stage.kl_strength:
            whole = math.gcd(whole, self.stage.micro_batch * self.processes)
        return whole

    def require_ranks(self, ranks: int) -> None:
        """Return if a run can go on on so many processes.

        Raises:
            UserError: they cannot share out its steps evenly.
        """
        if ranks < 1 or self._shared_out() % ranks:
            params = {"ranks": ranks, "possible": ", ".join(map(str, self.possible_ranks()))}
            raise UserError(Problem("run.ranks_uneven", "processes", params))

    @property
    def weight_bytes(self) -> int:
        """Bytes of a weight of the model; the optimizer has its own in fp32."""
        return 4 if self.precision == "fp32" else 2

    def checkpoint_bytes(self, size: Size) -> int:
        """Return about how large a checkpoint is.

        It holds the optimizer's fp32 weights and two moments, the weights to resume with (ZeRO-2 writes
        frozen ones twice), and the model, which LoRA's matrices are added to in fp32.
        """
        frozen = self.weight_bytes * (size.parameters - size.trained) if self.zero_stage == 2 else 0
        model = 4 * size.base if self.stage.method == "lora" else self.weight_bytes * size.parameters
        recorded = 4 * size.trained if self.stage.record_importance else 0
        return size.trained * 12 + self.weight_bytes * size.parameters + frozen + model + recorded

    def spring_bytes(self, size: Size) -> int:
        """Return about how much memory springs take on each device: fp32 anchors, and importances if any.

        A recording takes the weights of step 0, those before a step, and the contributions.
        """
        kept = {"none": 12 * self.stage.record_importance, "l2-sp": 4}.get(self.stage.spring, 8)
        return size.trained * kept // self.processes

    def importance_bytes(self, size: Size) -> int:
        """Return about what measuring importance takes on each device, before training's own memory is taken.

        The fp32 weights; for each that is trained its gradient and the Fisher information, or with a recorder
        its gradient, two moments, the weights of step 0, those before a step, and the contributions.
        """
        return 4 * size.parameters + (8 if self.stage.spring == "ewc" else 24) * size.trained

    def spring_disk_bytes(self, size: Size) -> int:
        """Return how much springs or a recording take on the disk: anchors and importance by parameter."""
        return size.trained * {"none": 8 * self.stage.record_importance, "l2-sp": 4}.get(self.stage.spring, 8)

    def protection_disk_bytes(self, size: Size) -> int:
        """Return about what protection takes on the disk beside the checkpoints."""
        return self.spring_disk_bytes(size) + self.base_copy_bytes(size)

    def base_copy_bytes(self, size: Size) -> int:
        """Return what KL's copy of the base takes, on each device and once more on the disk."""
        return self.weight_bytes * size.base if self.stage.kl_strength else 0

    def steps_for(self, tokens: int) -> int:
        """Return the steps of a run on `tokens` tokens: at least one, and no step that they do not fill.

        Raises:
            UserError: the recipe asks for more steps than that.
        """
        longest = tokens // (self.stage.sequence_length * self.stage.micro_batch * self.processes) + 1
        fitting = bisect_right(range(longest), tokens, key=lambda steps: self.tokens_before(steps + 1))
        most = max(1, fitting - 1)
        if self.steps > most:
            needed = self.tokens_before(self.steps + 1)
            params = {"steps": self.steps, "tokens": tokens, "most": most, "needed": needed}
            raise UserError(Problem("recipe.too_many_steps", "steps", params))
        return self.steps or most

    @model_validator(mode="after")
    def _agrees(self) -> "Recipe":
        if self.probe_tokens < self.stage.sequence_length:
            raise ValueError("probe_tokens must be at least sequence_length")
        if self.stage.warmup_share and self.stage.warmup_steps:
            raise ValueError("give the warm-up in steps or as a share, not both")
        if self.stage.frozen_blocks and self.stage.method != "full":
            raise ValueError("frozen_blocks goes with method=full; lora and expansion freeze all of the base")
        if self.stage.new_rows_steps and (self.stage.method != "full" or self.stage.frozen_blocks):
            raise ValueError("new_rows_steps goes with method=full and frozen_blocks=0")
        if self.stage.record_importance and self.stage.spring != "none":
            raise ValueError("record_importance goes without a spring, whose pull would count as learned")
        if self.stage.batch_warmup_steps and self.stage.gradient_accumulation == 1:
            raise ValueError("a batch of one micro-batch cannot grow: raise gradient_accumulation")
        if self.canaries_kept is not None and self.canaries == "off":
            raise ValueError("canaries_kept needs facts to ask: set canaries")
        return self


PROTECTION = (
    "method", "lora_rank", "lora_embeddings", "expanded_blocks", "frozen_blocks",
    "spring", "spring_strength", "spring_mode", "importance_sequences", "importance_from", "fisher_labels",
    "kl_strength",
)  # fmt: skip
"""Settings of a stage that protect against forgetting."""
_GUARD = ("on_budget", "on_plateau")
_APART = (
    "accepted_forgetting", "accepted_percent", "canaries", "canaries_kept", "plateau_probes", "control",
    "probe_every", "checkpoint_every", "keep_checkpoints",
)  # fmt: skip
CHANGED_IN_BRANCH = ("floor", "on_spike", *_GUARD, *(name for name in _APART if name != "canaries"))
"""What a branch may have otherwise than its trunk: all else is in the checkpoint it begins with."""
_MAY_BE_NONE = ("accepted_forgetting", "accepted_percent", "canaries_kept")


def settings_of(recipe: Recipe) -> dict[str, str]:
    """Return every setting as text, as `change` takes it."""
    values = recipe.model_dump() | recipe.stage.model_dump()
    return {name: str(values[name]) for name, _, _ in field_help()}


def field_help() -> Iterator[tuple[str, str, Any]]:
    """Yield (key, help, default) of every setting: what `--help`, `recipe show` and the form present."""
    for model in (Stage, Recipe):
        for name, field in model.model_fields.items():
            if name != "stages":
                yield name, field.description or "", field.default


def change(recipe: Recipe, settings: dict[str, str]) -> Recipe:
    """Return the recipe with some settings replaced, each given as text.

    Raises:
        UserError: an unknown key, or a value that the field refuses.
    """
    values = recipe.model_dump()
    stage = dict(values["stages"][0])
    for key, text in settings.items():
        if key in _MAY_BE_NONE and text.lower() in ("", "none"):
            values[key] = None
        elif key in Stage.model_fields:
            stage[key] = text
        elif key in Recipe.model_fields and key != "stages":
            values[key] = int(text) if key == "zero_stage" and text.isdecimal() else text
        else:
            known = " ".join(name for name, _, _ in field_help())
            raise UserError(Problem("recipe.unknown_key", key, {"key": key, "known": known}))
    for one, other in (("warmup_share", "warmup_steps"), ("warmup_steps", "warmup_share")):
        if settings.get(one, "0").strip("0.") and other not in settings:
            stage[other] = 0
    try:
        return Recipe.model_validate(values | {"stages": (stage,)})
    except ValidationError as error:
        raise invalid_field(error, "recipe", within=("stages", 0)) from None
