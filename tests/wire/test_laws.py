"""
What holds for every wire, whatever its dialect: its two halves understand each other.

The recordings and drawn values are the input; nothing here knows a dialect.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman import wire as wires
from dragoman.errors import ConfigError, DragomanError, StatusError, WireError
from dragoman.types.events import Event, Finish, TextDelta
from dragoman.types.fold import fold
from dragoman.types.messages import Message, Text
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import Wire
from tests import strategies
from tests.corpus.dialects import Dialect
from tests.corpus.recording import Recording
from tests.corpus.replies import read_plain, read_stream
from tests.corpus.sample_cases import KNOWN, cases
from tests.test_values import ERRORS, make_error

WIRES = [pytest.param(wires.get(dialect.wire), id=dialect.wire) for dialect in KNOWN]
every_wire = pytest.mark.parametrize("wire", WIRES)


def row(wire: Wire) -> Provider:
    """A provider without quirks."""
    return Provider(name="any", base_url="https://provider.example/v1", wire=wire.name)


def meaning(response: ChatResponse) -> tuple[Any, ...]:
    """What an answer says, without how its parts are cut and who gave it which id."""
    calls = [(call.id, call.name) for call in response.tool_calls]
    usage = response.usage
    counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.reasoning_tokens)
    return (response.text, response.reasoning, response.refusal, calls, response.finish_reason, counts)


def same_arguments(first: ChatResponse, again: ChatResponse) -> bool:
    """Whether the calls have the same arguments; what is no JSON cannot be carried by a dialect of JSON objects."""
    pairs = zip(first.tool_calls, again.tool_calls, strict=True)
    return all(one.arguments is None or one.arguments == other.arguments for one, other in pairs)


def written(wire: Wire, events: Iterable[Event]) -> bytes:
    """A stream as the server half writes it."""
    encoder = wire.encoder()
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


# --- streams ----------------------------------------------------------------------------------------------------------


@every_wire
@settings(max_examples=60)
@given(events=strategies.spoken(), sizes=st.lists(st.integers(1, 64), max_size=40))
def test_a_written_stream_is_read_back(wire: Wire, events: list[Event], sizes: list[int]) -> None:
    """Events written by the server half, cut anywhere, are read as the same answer by the client half."""
    data = written(wire, events)
    starts = [0, *(sum(sizes[: i + 1]) for i in range(len(sizes)))]
    outcome = read_stream(wire, [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)])

    assert outcome.error is None
    assert meaning(fold(events)) == meaning(outcome.response)
    assert same_arguments(fold(events), outcome.response)
    assert isinstance(outcome.events[-1], Finish)


@every_wire
@settings(max_examples=40)
@given(events=strategies.spoken(), keep=st.floats(0, 1))
def test_a_written_stream_that_is_cut_is_a_part(wire: Wire, events: list[Event], keep: float) -> None:
    """Before the finish was written, what is read is never a whole answer."""
    encoder = wire.encoder()
    data = b"".join(encoder.feed(event) for event in events[:-1])
    outcome = read_stream(wire, [data[: int(keep * len(data))]])

    assert outcome.error is not None
    assert fold(events).text.startswith(outcome.response.text)


@pytest.mark.parametrize(("dialect", "recording"), cases(lambda one: one.streamed and not one.failed))
def test_a_recorded_stream_can_be_served(dialect: Dialect, recording: Recording) -> None:
    """A provider's stream, decoded and written again, still says the same."""
    wire = wires.get(dialect.wire)
    first = read_stream(wire, [recording.body])
    again = read_stream(wire, [written(wire, first.events)])

    assert again.error is None
    assert meaning(first.response) == meaning(again.response)
    assert same_arguments(first.response, again.response)


@every_wire
@pytest.mark.parametrize("kind", [kind for kind in ERRORS if issubclass(kind, StatusError)])
def test_an_error_in_a_stream_is_read_as_an_error(wire: Wire, kind: type[DragomanError]) -> None:
    """An error written into the open stream reaches the reader, after what was already said."""
    encoder = wire.encoder()
    data = encoder.feed(TextDelta("Hel")) + encoder.error(make_error(kind, "out of tea"))
    outcome = read_stream(wire, [data])

    assert isinstance(outcome.error, StatusError)
    assert "out of tea" in outcome.error.message
    assert "Hel" == outcome.response.text


# --- plain answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dialect", "recording"), cases(lambda one: not one.failed))
def test_a_recorded_answer_can_be_served(dialect: Dialect, recording: Recording) -> None:
    """A provider's answer, decoded and written as a plain one, still says the same."""
    wire = wires.get(dialect.wire)
    outcome = read_stream(wire, [recording.body]) if recording.streamed else read_plain(wire, recording)
    again = wire.decode_response(200, {}, wire.encode_response(outcome.response))

    assert meaning(outcome.response) == meaning(again)
    assert same_arguments(outcome.response, again)


@every_wire
@settings(max_examples=40)
@given(events=strategies.spoken())
def test_a_written_answer_is_read_back(wire: Wire, events: list[Event]) -> None:
    """An answer written by the server half is the same for the client half."""
    response = fold(events)
    again = wire.decode_response(200, {}, wire.encode_response(response))

    assert meaning(response) == meaning(again)
    assert same_arguments(response, again)


@every_wire
@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_can_be_served(wire: Wire, kind: type[DragomanError]) -> None:
    """Every error has a status, and is read by the client half as an error with the same words."""
    error = make_error(kind, "out of tea")
    error.status = None
    status, headers, body = wire.encode_error(error)

    assert 400 <= status < 600
    with pytest.raises(StatusError) as caught:
        wire.decode_response(status, headers, body)
    assert error.message in caught.value.message
    assert status == caught.value.status


_KEPT = (
    errors.BadRequestError,
    errors.AuthenticationError,
    errors.PermissionDeniedError,
    errors.NotFoundError,
    errors.RateLimitError,
    errors.OverloadedError,
    errors.ServerError,
)


@every_wire
@pytest.mark.parametrize("kind", _KEPT)
def test_an_error_stays_what_it_is_through_a_server(wire: Wire, kind: type[DragomanError]) -> None:
    """A server that passes an error on without status or code of a provider lets its client see the same class."""
    status, headers, body = wire.encode_error(kind("no"))

    with pytest.raises(kind):
        wire.decode_response(status, headers, body)


# --- requests ---------------------------------------------------------------------------------------------------------


@every_wire
@settings(max_examples=60)
@given(request=strategies.fresh_requests)
def test_any_request_is_written_or_refused(wire: Wire, request: ChatRequest) -> None:
    """Any valid request gives a body that its own server half reads, or one of our errors with the field."""
    try:
        sent = wire.encode_request(request, row(wire))
    except ConfigError as error:
        refused = error.field
    else:
        again = wire.decode_request(sent.body, path=sent.url.partition("provider.example")[2])
        refused = "" if (request.model, request.stream) == (again.model, again.stream) else None

    assert refused is not None


@every_wire
@pytest.mark.parametrize("message", [Message.user("half a \ud83d pair"), Message.assistant(Text("\udcff"))])
def test_text_that_cannot_be_sent_is_refused(wire: Wire, message: Message) -> None:
    """Half a surrogate pair has no bytes: a ConfigError says so before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        wire.encode_request(ChatRequest(model="m", messages=(Message.user("a"), message)), row(wire))

    assert caught.value.field


_NO_REQUEST = (
    b"",
    b"null",
    b"[]",
    b"{",
    b"{}",
    b'{"model": "m"}',
    b'{"model": 5, "messages": []}',
    b'"\xff"',
    b"[" * 99999,
)


@every_wire
@pytest.mark.parametrize("body", _NO_REQUEST)
def test_what_is_no_request_is_refused(wire: Wire, body: bytes) -> None:
    """A server answers a body that is no request with a ConfigError that says what is wrong."""
    with pytest.raises(ConfigError) as caught:
        wire.decode_request(body, path="")

    assert caught.value.message


@every_wire
def test_the_headers_of_a_row_are_sent(wire: Wire) -> None:
    """What the provider's row adds goes with every request."""
    given = msgspec.structs.replace(row(wire), headers={"X-Beta": "on"})
    sent = wire.encode_request(ChatRequest(model="m", messages="hi"), given)  # type: ignore[arg-type]

    assert "on" == sent.headers["x-beta"]


@every_wire
def test_a_written_request_holds_no_credential(wire: Wire) -> None:
    """Keys are added on the way out, never by a wire."""
    sent = wire.encode_request(ChatRequest(model="m", messages="hi"), row(wire))  # type: ignore[arg-type]

    assert not {"authorization", "x-api-key", "api-key"} & set(sent.headers)


# --- limits -----------------------------------------------------------------------------------------------------------


@every_wire
def test_an_event_without_end_is_refused(wire: Wire) -> None:
    """A stream whose one event never ends is refused at the limit, not collected without end."""
    outcome = read_stream(wire, [b"data: ", *[b"x" * 1_000_000] * 40])

    assert isinstance(outcome.error, WireError)
