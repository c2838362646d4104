"""The lines of events.jsonl: typed events, one JSON object a line, and the decoder that reads them back."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, TypeVar, get_args

import orjson

from domainstudio.problems import Problem, UserError

VERSION = 1
FinalState = Literal["done", "stopped", "failed"]


@dataclass(frozen=True)
class Start:
    """An attempt begins; the first point it will write is at `step` (0 for jobs without steps)."""

    kind: ClassVar[str] = "start"
    step: int


@dataclass(frozen=True)
class RollBack:
    """The attempt goes back to a checkpoint: its next point is at `step`, later ones are superseded."""

    kind: ClassVar[str] = "rollback"
    step: int


@dataclass(frozen=True)
class Progress:
    """`done` of `total` `unit`s in `phase`; total 0 is not known yet."""

    kind: ClassVar[str] = "progress"
    done: int
    total: int
    unit: str
    phase: str


@dataclass(frozen=True)
class Step:
    """One optimizer step: loss in nats per token, norm before clipping, memory in bytes."""

    kind: ClassVar[str] = "step"
    step: int
    tokens: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    memory_bytes: int
    divergence: float | None = None
    """From the base on general text, KL in nats a token; None where it is no part of the aim."""


@dataclass(frozen=True)
class Probe:
    """Loss on the held-out text of one source after `step` steps; `bytes` are UTF-8 bytes scored."""

    kind: ClassVar[str] = "probe"
    step: int
    source: str
    role: str
    nats_per_token: float
    bits_per_byte: float
    tokens: int
    bytes: int


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint is whole on disk; `path` is relative to the job folder."""

    kind: ClassVar[str] = "checkpoint"
    step: int
    path: str
    size_bytes: int


@dataclass(frozen=True)
class Intervention:
    """What the run's guard did after the probe of `step`; it is felt from the next step on.

    `what`: alarm, pause, replay, rate, dropout, end or tell. `reason`: nats, percent, canaries, explosion or
    plateau. `value`: of replay the general share now, of rate a factor, of dropout the share dropped, of the
    budget's end the step of the checkpoint that is the result (0 without one); else what was measured, in
    the unit of its reason.
    """

    kind: ClassVar[str] = "intervention"
    step: int
    what: str
    value: float
    reason: str


@dataclass(frozen=True)
class Canaries:
    """Canary facts after `step` steps: `kept` is the share of those right at step 0 that are still right.

    With fewer than `needed` right at step 0 the base may have guessed, and `kept` says nothing.
    """

    kind: ClassVar[str] = "canaries"
    step: int
    right: int
    total: int
    needed: int
    kept: float


@dataclass(frozen=True)
class State:
    """The attempt has ended; the last event of every attempt that was not killed."""

    kind: ClassVar[str] = "state"
    state: FinalState
    step: int = 0


@dataclass(frozen=True)
class JobProblem:
    """Something the person should know or mend, as `problems.Problem` holds it."""

    kind: ClassVar[str] = "problem"
    code: str
    field: str | None
    params: dict[str, Any]

    @property
    def problem(self) -> Problem:
        """The same as a Problem, which has a sentence."""
        return Problem(self.code, self.field, self.params)


@dataclass(frozen=True)
class Log:
    """Free text, or a line of events.jsonl that is no event."""

    kind: ClassVar[str] = "log"
    text: str


Point = Step | Probe | Checkpoint | Intervention | Canaries
Body = Start | RollBack | Progress | Point | State | JobProblem | Log
OneBody = TypeVar("OneBody", bound=Body)
_BODIES: dict[str, type[Any]] = {body.kind: body for body in get_args(Body)}


def _is_count(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


_FITS: dict[Any, Callable[[Any], bool]] = {
    int: _is_count,
    float: lambda value: type(value) in (float, int),
    float | None: lambda value: value is None or type(value) in (float, int),
    str: lambda value: type(value) is str,
    str | None: lambda value: value is None or type(value) is str,
    dict[str, Any]: lambda value: type(value) is dict,
    FinalState: lambda value: value in get_args(FinalState),
}
"""Type of a field → whether a value read from a file is of it."""

_FIELDS = {body: tuple((one.name, _FITS[one.type]) for one in fields(body)) for body in _BODIES.values()}
_LEFT_OUT = frozenset(["divergence"])
"""Fields that a line does without if they are None: most runs would repeat that a million times."""
_LATEST_TIME = 1e11
"""Unix seconds no clock shows; what is beyond could not be shown as a date."""


@dataclass(frozen=True)
class Event:
    """A body with its envelope: `seq` runs on across attempts, `time` is Unix seconds.

    Clocks are set, also while a job runs: how long something took is the difference of `elapsed`.
    """

    seq: int
    attempt: int
    time: float
    body: Body
    elapsed: float | None = None
    """Seconds since the attempt began, by a clock that nobody sets; None if an earlier version wrote it."""


def encode(event: Event) -> bytes:
    """Return the event as one line; NaN and infinity become null and are named under `not_finite`."""
    values = asdict(event.body)
    for name in _LEFT_OUT.intersection(name for name, value in values.items() if value is None):
        del values[name]
    not_finite = {
        name: repr(value)
        for name, value in values.items()
        if isinstance(value, float) and not math.isfinite(value)
    }
    values.update(dict.fromkeys(not_finite))
    line = {
        "v": VERSION, "seq": event.seq, "attempt": event.attempt, "t": event.time, "kind": event.body.kind,
        **values,
    }  # fmt: skip
    if event.elapsed is not None:
        line["elapsed"] = round(event.elapsed, 6)
    if not_finite:
        line["not_finite"] = not_finite
    try:
        return orjson.dumps(line) + b"\n"
    except TypeError:
        if not isinstance(event.body, JobProblem):
            raise
        # Its params may hold a path, or a file name that is no UTF-8: what went wrong must be told anyway.
        return json.dumps(line, default=str, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def decode(line: bytes) -> Event | None:
    """Return the event in one whole line; None if its kind is unknown or the line is blank.

    A line that is no event (torn by a kill, foreign, or with values of another type) comes back as a Log with
    seq and attempt 0.

    Raises:
        UserError: the line was written by a newer version.
    """
    if not line.strip():
        return None
    try:
        values = _load(line)
        body_type = _BODIES.get(values["kind"])
        if body_type is None:
            return None
        time = float(values["t"])
        if not 0 <= time <= _LATEST_TIME:
            raise ValueError(f"{time} is no time")
        elapsed = values.get("elapsed")
        if elapsed is not None and not (type(elapsed) in (float, int) and 0 <= elapsed <= _LATEST_TIME):
            raise ValueError(f"{elapsed} is no length of time")
        return Event(*_numbers(values), time, checked(body_type, values), elapsed)
    except _NO_EVENT:
        return Event(0, 0, 0.0, Log(line.decode("utf-8", "replace").rstrip("\n")))


def numbers_of(line: bytes) -> tuple[int, int] | None:
    """Return (seq, attempt) of the event in one whole line, also of an unknown kind; None if it is no event.

    Raises:
        UserError: the line was written by a newer version.
    """
    try:
        return _numbers(_load(line))
    except _NO_EVENT:
        return None


_NO_EVENT = (KeyError, TypeError, ValueError, AttributeError)


def _numbers(values: dict[str, Any]) -> tuple[int, int]:
    """Return (seq, attempt)."""
    seq, attempt = values["seq"], values["attempt"]
    if not (_is_count(seq) and _is_count(attempt)):
        raise TypeError("seq and attempt are whole numbers")
    return seq, attempt


def _load(line: bytes) -> Any:
    """Return what the line holds, refusing a newer version."""
    values = orjson.loads(line)
    version = values["v"]
    if isinstance(version, int) and version > VERSION:
        raise UserError(Problem("events.too_new", None, {"version": version, "known": VERSION}))
    return values


def checked(body_type: type[OneBody], values: dict[str, Any]) -> OneBody:
    """Build the body, its non-finite numbers restored; unknown extra keys are left aside.

    Raises:
        TypeError: a field is missing, or holds what a reader further on could not count or draw.
    """
    for name, text in (values.get("not_finite") or {}).items():
        values[name] = float(text)
    known = {}
    for name, fits in _FIELDS[body_type]:
        if name in values:
            if not fits(values[name]):
                raise TypeError(f"{name} is of another type")
            known[name] = values[name]
    return body_type(**known)


LONGEST_LINE = 4 << 20
"""Bytes that are kept of a line: no event is a tenth as long, a damaged file may be one line."""


class LineDecoder:
    """Turns bytes that arrive in any pieces into events; keeps what follows the last newline."""

    def __init__(self) -> None:
        """Start with nothing kept."""
        self._rest = b""
        self._dropped_bytes = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes received that do not yet end in a newline."""
        return len(self._rest) + self._dropped_bytes

    def feed(self, data: bytes) -> list[Event]:
        """Return the events of the lines completed by `data`; a line without end loses its beginning."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self._dropped_bytes = 0
        if len(self._rest) > LONGEST_LINE:
            self._dropped_bytes += len(self._rest)
            self._rest = b""
        return [event for line in lines if (event := decode(line)) is not None]
