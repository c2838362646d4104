"""The lines of events.jsonl: what is written comes back, whatever comes between."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domainstudio.jobs.events import (
    Body,
    Checkpoint,
    Event,
    JobProblem,
    LineDecoder,
    Log,
    Probe,
    Progress,
    Start,
    State,
    Step,
    decode,
    encode,
)
from domainstudio.problems import UserError

COUNT = st.integers(0, 2**62)
TEXT = st.text(max_size=20)
NUMBER = st.floats()
PARAMS = st.dictionaries(
    TEXT, st.none() | st.booleans() | COUNT | TEXT | st.floats(allow_nan=False, allow_infinity=False)
)
BODIES: st.SearchStrategy[Body] = st.one_of(
    st.builds(Start, COUNT),
    st.builds(Progress, COUNT, COUNT, TEXT, TEXT),
    st.builds(Step, COUNT, COUNT, NUMBER, NUMBER, NUMBER, NUMBER, COUNT, st.none() | NUMBER),
    st.builds(Probe, COUNT, TEXT, TEXT, NUMBER, NUMBER, COUNT, COUNT),
    st.builds(Checkpoint, COUNT, TEXT, COUNT),
    st.builds(State, st.sampled_from(["done", "stopped", "failed"]), COUNT),
    st.builds(JobProblem, TEXT, st.none() | TEXT, PARAMS),
    st.builds(Log, TEXT),
)
EVENTS = st.builds(Event, st.integers(1, 2**62), st.integers(1, 2**31), st.floats(0, 1e11), BODIES)
STEP = Step(7, 7168, 2.5, 1e-3, 0.5, 50_000.0, 1 << 30)


def strictly(text: bytes) -> Any:
    """Read JSON as a reader does that knows no NaN."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@given(EVENTS)
def test_every_event_comes_back_as_it_was_written(event: Event) -> None:
    line = encode(event)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert repr(decode(line)) == repr(event)  # by its words: NaN is not equal to itself
    strictly(line)


def test_a_number_that_is_none_is_null_and_named() -> None:
    diverged = Step(7, 7168, math.nan, 1e-3, math.inf, -math.inf, 1 << 30)
    values = strictly(encode(Event(1, 1, 0.0, diverged)))
    assert (values["loss"], values["gradient_norm"], values["tokens_per_second"]) == (None, None, None)
    assert set(values["not_finite"]) == {"loss", "gradient_norm", "tokens_per_second"}


def test_a_step_without_kl_says_nothing_of_it() -> None:
    assert "divergence" not in strictly(encode(Event(1, 1, 0.0, STEP)))


@given(
    st.lists(EVENTS | st.sampled_from([b"\n", b'{"v":1,"kind":"gossip"}\n', b"torn\n"]), max_size=8),
    st.data(),
)
def test_the_pieces_in_which_bytes_arrive_do_not_matter(
    lines: list[Event | bytes], data: st.DataObject
) -> None:
    stream = b"".join(line if isinstance(line, bytes) else encode(line) for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole, pieced = LineDecoder(), LineDecoder()
    expected = whole.feed(stream)
    assert repr([event for piece in pieces for event in pieced.feed(piece)]) == repr(expected)
    assert pieced.pending_bytes == whole.pending_bytes == 0
    assert [repr(event) for event in expected if event.seq] == [
        repr(line) for line in lines if isinstance(line, Event)
    ]


@given(EVENTS, st.data())
def test_a_line_is_not_an_event_before_it_is_whole(event: Event, data: st.DataObject) -> None:
    line = encode(event)
    cut = data.draw(st.integers(0, len(line) - 1))
    decoder = LineDecoder()
    assert decoder.feed(line[:cut]) == []
    assert decoder.pending_bytes == cut
    assert repr(decoder.feed(line[cut:])) == repr([event])


@given(st.binary(max_size=60) | st.builds(lambda event, at, junk: encode(event)[:at] + junk,
                                         EVENTS, st.integers(0, 80), st.binary(max_size=5)))  # fmt: skip
def test_no_bytes_break_the_reader(line: bytes) -> None:
    line = line.replace(b"\n", b"")
    event = decode(line + b"\n")
    assert event is None or event.seq == 0 or b'"v"' in line


@pytest.mark.parametrize(
    "line",
    [
        b'{"v":1,"seq":1,"attempt":1,"t":0,"kind":"step"}',
        b'{"v":1,"attempt":1,"t":0,"kind":"start","step":0}',
        b'{"v":1,"seq":"x","attempt":1,"t":0,"kind":"start","step":0}',
        b'{"v":1,"seq":1,"attempt":1,"t":0,"kind":["start"],"step":0}',
        b'{"v":1,"seq":1,"attempt":1,"t":0,"kind":"start","step":0,"not_finite":["step"]}',
        b'{"v":1,"seq":1e300,"attempt":1,"t":0,"kind":"start","step":0}',
        b'{"v":1,"seq":1,"attempt":1,"t":1e300,"kind":"start","step":0}',
        b'{"v":1,"seq":1,"attempt":1,"t":0,"kind":"start","step":null}',
        b'{"v":1,"seq":1,"attempt":1,"t":0,"kind":"start","step":1180591620717411303424}',
        b'{"v":1,"seq":1,"attempt":1,"t":0,"kind":"start","step":9223372036854775808}',
        b'{"v":1,"seq":1,"attempt":1,"t":0,"kind":"progress","done":"1","total":2,"unit":"u","phase":""}',
        b'{"v":1,"seq":1,"attempt":1,"t":0,"kind":"state","state":"exploded"}',
        b'{"v":1,"seq":1,"attempt":1,"t":0,"kind":"problem","code":"x","field":null,"params":null}',
        b'{"v":1,"seq":1,"attempt":1,"t":0,"kind":"probe","step":0,"source":"a","role":"general",'
        b'"nats_per_token":null,"bits_per_byte":null,"tokens":1,"bytes":1}',
        b"[1, 2]",
        b"17",
        b"Traceback (most recent call last):",
        b'{"v":1,"seq":1,"att',
        b"\xff\xfe",
    ],
)
def test_what_is_no_event_is_shown_as_text(line: bytes) -> None:
    event = decode(line + b"\n")
    assert event is not None and event.seq == 0
    assert event.body == Log(line.decode("utf-8", "replace"))


@pytest.mark.parametrize("line", [b"\n", b"  \r\n", b'{"v":1,"seq":9,"attempt":1,"t":0,"kind":"gossip"}\n'])
def test_blank_lines_and_unknown_kinds_are_no_events(line: bytes) -> None:
    decoder = LineDecoder()
    assert decoder.feed(line + encode(Event(10, 1, 0.0, STEP))) == [Event(10, 1, 0.0, STEP)]


def test_a_field_that_a_later_program_added_is_left_aside() -> None:
    values = json.loads(encode(Event(1, 1, 0.0, STEP))) | {"temperature": 300, "loss_per_source": {"a": 1}}
    assert decode(json.dumps(values).encode()) == Event(1, 1, 0.0, STEP)


def test_a_newer_version_is_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match="version 2.*update the program"):
        decode(b'{"v":2,"seq":1,"attempt":1,"t":0,"kind":"start","step":0}\n')


def test_a_problem_is_told_whatever_its_params_are() -> None:
    """A file name need not be UTF-8, and whoever raises a UserError may hand a path over."""
    problem = JobProblem("path.leaves_folder", None, {"path": "caf\udce9.txt", "folder": Path("/data")})
    event = decode(encode(Event(3, 1, 0.0, problem)))
    assert event is not None and isinstance(event.body, JobProblem) and event.seq == 3
    assert str(UserError(event.body.problem)) == "caf?.txt leads out of /data: it is refused."
