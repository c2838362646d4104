"""What a training run is given: frozen copies of everything, so that it runs alone on any machine."""

from pydantic import BaseModel, ConfigDict, Field

from domainstudio.mixture.shares import Arm, Role
from domainstudio.recipe.recipe import Recipe


class ModelOrigin(BaseModel):
    """Where the weights at step 0 come from: a preset's random initialisation, or a folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str | None = None
    folder: str | None = None
    run: str | None = None
    """The run that made the folder, if one of this project did."""
    step: int | None = None

    @property
    def name(self) -> str:
        """The preset, the run and step, or the folder."""
        return f"{self.run}@{self.step}" if self.run is not None else str(self.preset or self.folder)


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


class RunSpec(BaseModel):
    """The work of a job of kind train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Recipe
    steps: int = Field(ge=1)
    model: ModelOrigin
    tokenizer: str
    """Folder of the tokenizer, relative to the job folder."""
    tokenizer_sha256: str
    vocabulary: int
    sources: tuple[TrainingSource, ...] = Field(min_length=1)
    held_out: tuple[HeldOutSource, ...]
    arm: Arm = "treated"
    mixture: str
    """Name of the mixture the sources come from."""

    @property
    def trained_on(self) -> set[str]:
        """The names of the sources in the mixture."""
        return {source.name for source in self.sources}
