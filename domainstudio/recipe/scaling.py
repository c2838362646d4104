"""How many parameters and tokens an amount of arithmetic is best spent on, by published fits."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Optimum:
    """Where the loss is lowest for an amount of arithmetic, by one fit; all are of training from scratch."""

    fit: str
    source: str
    parameters: float
    tokens: float


def _power(slope: float, log10_at_1: float) -> Callable[[float], float]:
    return lambda flops: math.exp(slope * math.log(flops) + log10_at_1 * math.log(10))


_ENVELOPE = _power(0.498, -1.004), _power(0.502, 0.229)
_PROFILES = _power(0.490, -0.839), _power(0.510, 0.062)
_HOFFMANN = "arXiv 2203.15556 as arXiv 2303.17564 evaluates it"


def optima(flops: float) -> tuple[Optimum, ...]:
    """Return the best models for an amount of arithmetic (FLOPs, 6 N D).

    Approaches 1 and 2 of Hoffmann et al., and approach 3 as Besiroglu et al. fitted it again (arXiv
    2404.10102): with the constants of 2022 it contradicts the other two.
    """
    return (
        Optimum("approach 1", _HOFFMANN, *(law(flops) for law in _ENVELOPE)),
        Optimum("approach 2", _HOFFMANN, *(law(flops) for law in _PROFILES)),
        Optimum("approach 3, refitted", "arXiv 2404.10102", *_refitted(flops)),
    )


_A, _B, _ALPHA, _BETA = 482.01, 2085.43, 0.3478, 0.3658


def _refitted(flops: float) -> tuple[float, float]:
    """Return where A / N^alpha + B / D^beta is least for 6 N D = flops (arXiv 2203.15556, equation 4)."""
    scale = (_ALPHA * _A / (_BETA * _B)) ** (1 / (_ALPHA + _BETA))
    parameters = scale * (flops / 6) ** (_BETA / (_ALPHA + _BETA))
    return parameters, flops / 6 / parameters


def balanced_tokens(parameters: float) -> float:
    """Return the tokens on which a model of this size is best trained from scratch, by approach 2."""
    of_parameters, of_tokens = _PROFILES
    return of_tokens(_flops_where(of_parameters, parameters))


def balanced_parameters(tokens: float) -> float:
    """Return how large a model is best trained from scratch on so many tokens, by approach 2."""
    of_parameters, of_tokens = _PROFILES
    return of_parameters(_flops_where(of_tokens, tokens))


def _flops_where(law: Callable[[float], float], value: float) -> float:
    """Return the arithmetic for which a law, which rises, has a value: 1e8 to 1e34 FLOPs."""
    low, high = 1e8, 1e34
    for _halving in range(100):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if law(middle) < value else (low, middle)
    return low


DATA_LIMITED, BALANCED, PARAMETER_LIMITED = "data-limited", "balanced", "parameter-limited"
_NEAR = 2.0
"""Within this factor of the best number of tokens the fits do not tell models apart."""


def limit_of(parameters: float, tokens: float) -> str:
    """Return what limits a model trained from scratch: tokens, parameters, or neither."""
    wanted = balanced_tokens(parameters)
    if tokens < wanted / _NEAR:
        return DATA_LIMITED
    return PARAMETER_LIMITED if tokens > wanted * _NEAR else BALANCED
