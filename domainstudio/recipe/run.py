"""What a training run is given: frozen copies of everything, so that it runs alone on any machine."""

from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from domainstudio.jobs.folder import JobFolder
from domainstudio.mixture.shares import MOST_SOURCES, Arm, Role
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.canaries import MOST_CANARIES, FrozenCanary
from domainstudio.recipe.recipe import Recipe
from domainstudio.recipe.schedules import decayed_rate
from domainstudio.recipe.shapes import SHAPES

IMPORTANCE_FILE = "importance.safetensors"
"""What a run measured or recorded of its weights, in its result folder."""


class ModelOrigin(BaseModel):
    """Where the weights at step 0 come from: a preset's random initialisation, or a folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str | None = None
    folder: str | None = None
    run: str | None = None
    """The run that made the folder, if one of this project did."""
    step: int | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "ModelOrigin":
        if (self.preset is None) == (self.folder is None):
            raise ValueError("a model comes from a preset or from a folder")
        if self.preset is not None and self.preset not in SHAPES:
            raise ValueError(f"there is no preset {self.preset}")
        return self

    @property
    def name(self) -> str:
        """The preset, the run and step, or the folder; of one in the project its own name."""
        if self.run is not None:
            return f"{self.run}@{self.step}"
        folder = str(self.folder)
        return self.preset or (Path(folder).name if folder.startswith("..") else folder)


def folder_of(model: ModelOrigin, job: Path) -> Path:
    """Return the folder of a model that no preset makes, as a job folder sees it.

    Raises:
        UserError: a run of the project is said to have made it, and it lies outside.
    """
    if model.run is not None:
        return JobFolder(job).reach(str(model.folder))
    return (job / str(model.folder)).resolve()


class TrainingSource(BaseModel):
    """One source to train on: its exact share and its token file, relative to the job folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    share: float = Field(gt=0, le=1)
    tokens: str


class HeldOutSource(BaseModel):
    """One source to probe: its held-out token file, relative to the job folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    tokens: str


class BaseLoss(BaseModel):
    """What a trunk measured at its step 0 on the held-out text of one source, as its probe tells it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    role: Role
    nats_per_token: float
    bits_per_byte: float
    tokens: int
    bytes: int


class Branch(BaseModel):
    """A checkpoint of another run, the trunk, from which a run goes on with optimizer and place in the text.

    Steps are counted on from the trunk's: so text, tokens and size of the batch at each step are the trunk's
    own. The base line is the trunk's too: its losses at step 0 are told again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    """The trunk."""
    step: int = Field(ge=1)
    checkpoint: str
    """Folder of the checkpoint, relative to the job folder."""
    trunk_steps: int = Field(ge=1)
    """Length of the trunk's schedule."""
    base: tuple[BaseLoss, ...] = ()


class RunSpec(BaseModel):
    """The work of a job of kind train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Recipe
    steps: int = Field(ge=1, le=10**12)
    """The last step; of a branch counted from step 0 of its trunk."""
    model: ModelOrigin
    tokenizer: str
    """Folder of the tokenizer, relative to the job folder."""
    tokenizer_sha256: str
    vocabulary: int = Field(ge=1, le=2**24)
    first_new_row: int | None = Field(default=None, ge=0, le=2**24)
    """The first row of tokens that the base did not know, if the recipe trains them alone at first."""
    sources: tuple[TrainingSource, ...] = Field(min_length=1, max_length=MOST_SOURCES)
    held_out: tuple[HeldOutSource, ...]
    general_text: tuple[TrainingSource, ...] = Field(
        default=(), max_length=MOST_SOURCES, validation_alias=AliasChoices("general_text", "importance_text")
    )
    """General text for importance and KL, in the mixture or not; none if neither is wanted."""
    importance: str = ""
    """File of an earlier run that the spring takes its importance from, relative to the job folder."""
    canaries: tuple[FrozenCanary, ...] = Field(default=(), max_length=MOST_CANARIES)
    """General facts asked at every probe."""
    arm: Arm = "treated"
    mixture: str
    """Name of the mixture the sources come from."""
    laboratory: str = ""
    """The laboratory that compares this run with others, if one does."""
    method: str = ""
    """What the laboratory calls it."""
    branch: Branch | None = None
    """Where the run goes on from, its rate falling from there to its last step; None begins at step 0."""

    @model_validator(mode="after")
    def _goes_on(self) -> "RunSpec":
        if self.branch is not None and self.branch.step >= self.steps:
            raise ValueError("a branch ends after the step where it begins")
        return self

    @property
    def steps_before(self) -> int:
        """Steps that were done before its first one: those of the trunk."""
        return self.branch.step if self.branch else 0

    @property
    def schedule_steps(self) -> int:
        """Length of the schedule that its warm-up is a part of: of a branch the trunk's."""
        return self.branch.trunk_steps if self.branch else self.steps

    @property
    def origin(self) -> str:
        """What it goes on from: trunk and step, or what `model` is called."""
        return f"{self.branch.run}@{self.branch.step}" if self.branch else self.model.name

    @property
    def start(self) -> tuple[object, ...]:
        """What two runs must share to be compared: base, schedule with its decay, tokens, seed."""
        decay = (self.branch.step, self.branch.trunk_steps) if self.branch else None
        return self.model, self.recipe.as_trained(), self.steps, decay

    def learning_rate_at(self, step: int) -> float:
        """Return the rate of a step from 1 to `steps`."""
        stage, branch = self.recipe.stage, self.branch
        if branch is None:
            return stage.learning_rate_at(step, self.steps)
        before = stage.learning_rate_at(min(step, branch.step), branch.trunk_steps)
        taken = max(0, step - branch.step)
        return decayed_rate(before, stage.floor * stage.learning_rate, taken, self.steps - branch.step)

    def require_fit(self, rows: int, positions: int, blocks: int) -> None:
        """Return if a model with so many rows of its vocabulary, positions and blocks can be trained.

        Raises:
            UserError: it has too few of one.
        """
        if rows < self.vocabulary:
            raise UserError(Problem("model.vocabulary", None, {"model": rows, "tokenizer": self.vocabulary}))
        length = self.recipe.stage.sequence_length
        if positions < length:
            params = {"model": positions, "length": length}
            raise UserError(Problem("model.positions", "sequence_length", params))
        stage = self.recipe.stage
        if stage.frozen_blocks and stage.frozen_blocks >= blocks:
            raise UserError(Problem("model.blocks_frozen", "frozen_blocks", {"blocks": blocks}))
        if stage.method == "expansion" and stage.expanded_blocks > blocks:
            raise UserError(Problem("model.blocks_expanded", "expanded_blocks", {"blocks": blocks}))

    @property
    def trained_on(self) -> set[str]:
        """The names of the sources in the mixture."""
        return {source.name for source in self.sources}
