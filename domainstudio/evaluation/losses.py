"""Loss in nats per token and in bits per byte, the only figure comparable across tokenizers."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Loss:
    """Summed negative log-likelihood of `tokens` tokens that are `bytes` bytes of UTF-8 text."""

    total_nats: float
    tokens: int
    bytes: int

    @property
    def nats_per_token(self) -> float:
        """Mean loss."""
        return self.total_nats / self.tokens if self.tokens else math.nan

    @property
    def bits_per_byte(self) -> float:
        """Nats per token × tokens / (bytes × ln 2) (BloombergGPT, arXiv 2303.17564, figure 3)."""
        return self.total_nats / (self.bytes * math.log(2)) if self.bytes else math.nan
