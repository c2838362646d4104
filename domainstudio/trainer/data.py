"""Which tokens each rank sees at each step: a pure function of the step, the rank and the seed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from domainstudio.evaluation.spikes import Skip
from domainstudio.jobs.folder import JobFolder
from domainstudio.mixture.sampler import Sampler
from domainstudio.problems import Problem, UserError
from domainstudio.recipe.interventions import with_general_share
from domainstudio.recipe.run import RunSpec
from domainstudio.tokenizer.packed import PackedTokens


class TrainingData:
    """The mixture of token files, cut into blocks and drawn by the sampler."""

    def __init__(self, spec: RunSpec, job: Path, rank: int, world: int) -> None:
        """Open the token files; paths are relative to the job folder.

        Raises:
            UserError: a token file is damaged, holds no whole block, or was made with another tokenizer.
        """
        stage = spec.recipe.stage
        self._length = stage.sequence_length
        self._micro_batch = stage.micro_batch
        self._stage = stage
        self._skips: tuple[Skip, ...] = ()
        self._rank, self._world = rank, world
        self._files = [PackedTokens(JobFolder(job).reach(source.tokens)) for source in spec.sources]
        for source, file in zip(spec.sources, self._files, strict=True):
            if file.meta.tokenizer_sha256 != spec.tokenizer_sha256:
                raise UserError(Problem("tokens.other_tokenizer", None, {"source": source.name}))
            if not file.blocks(self._length):
                raise UserError(
                    Problem(
                        "tokens.too_few", None,
                        {"source": source.name, "tokens": file.meta.tokens, "length": self._length},
                    )
                )  # fmt: skip
        self._spec = spec
        self.change_replay([])

    def change_replay(self, changes: Sequence[tuple[int, float]]) -> None:
        """Draw so much general text from some steps on, every source going on where it stands.

        Args:
            changes: (first step, share of general text from it on), of a mixture that has other text too.
        """
        shares = [source.share for source in self._spec.sources]
        is_general = [source.role == "general" for source in self._spec.sources]
        planned = [
            (self.first_draw(step), with_general_share(shares, is_general, general))
            for step, general in changes
        ]
        blocks = [file.blocks(self._length) for file in self._files]
        self._sampler = Sampler(shares, blocks, self._spec.recipe.seed, planned)

    def leave_out(self, skips: Sequence[Skip]) -> None:
        """Leave out so many draws after some steps, in the place of what was left out before."""
        self._skips = tuple(skips)

    def first_draw(self, step: int) -> int:
        """Return the number of the first draw of a step from 1: the data's whole state."""
        taken = self._stage.micro_batches_before(step) * self._micro_batch * self._spec.recipe.processes
        return taken + sum(skip.draws for skip in self._skips if skip.after < step)

    def micro_batches(self, step: int) -> Iterator[torch.Tensor]:
        """Yield this rank's micro-batches of a step: int64 [micro_batch, sequence_length + 1] each.

        All ranks together have the recipe's, however many they are.
        """
        first = self.first_draw(step)
        for turn in range(self._stage.accumulation_at(step) * self._spec.recipe.processes // self._world):
            begin = first + (turn * self._world + self._rank) * self._micro_batch
            rows = []
            for number in range(begin, begin + self._micro_batch):
                draw = self._sampler.draw(number)
                rows.append(torch.from_numpy(self._files[draw.source].block(draw.block, self._length)))
            yield torch.stack(rows)


class GeneralText:
    """Sequences of general text in a fixed order."""

    def __init__(self, spec: RunSpec, job: Path) -> None:
        """Open the token files that the run was given for it."""
        self._length = spec.recipe.stage.sequence_length
        self._files = [PackedTokens(JobFolder(job).reach(source.tokens)) for source in spec.general_text]
        blocks = [file.blocks(self._length) for file in self._files]
        self._sampler = Sampler([source.share for source in spec.general_text], blocks, spec.recipe.seed)

    def __getitem__(self, number: int) -> torch.Tensor:
        """Return a sequence: int64 [length + 1]."""
        draw = self._sampler.draw(number)
        return torch.from_numpy(self._files[draw.source].block(draw.block, self._length))

    def batch(self, first: int, count: int) -> torch.Tensor:
        """Return consecutive sequences: int64 [count, length + 1]."""
        return torch.stack([self[number] for number in range(first, first + count)])
