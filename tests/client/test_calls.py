"""Calls and streams on both faces, against a real server on loopback."""

from __future__ import annotations

import time
from typing import Any

import pytest

import dragoman
from dragoman import (
    AuthenticationError,
    ConfigError,
    ConnectError,
    Finish,
    Limit,
    Message,
    MissingKeyError,
    OutputFormat,
    Settings,
    StatusError,
    StreamInterrupted,
    TextDelta,
    TimeoutError,
    Timeouts,
    ToolResult,
    UnknownModelError,
    UnknownProviderError,
    UnsupportedError,
    Usage,
    WireError,
    fold,
)
from dragoman.testing import Server, events, raw, says, status

MODELS = ["openai/m-1", "anthropic/m-1"]


@pytest.mark.parametrize("model", MODELS)
def test_a_plain_answer(face: Any, server: Server, model: str) -> None:
    """A call returns text, finish reason, usage, and who answered."""
    server.script(says("hello there", usage=Usage(input_tokens=7, output_tokens=2)))

    answer = face.chat(model, "Hi", max_tokens=50)

    assert "hello there" == answer.text
    assert "stop" == answer.finish_reason
    assert (7, 2) == (answer.usage.input_tokens, answer.usage.output_tokens)
    assert model == answer.message.origin
    assert ["ok"] == [attempt.outcome for attempt in answer.attempts]
    assert not answer.simulated


@pytest.mark.parametrize("model", MODELS)
def test_a_streamed_answer_is_the_plain_one_in_pieces(face: Any, server: Server, model: str) -> None:
    """The events of a stream fold to what the plain call returns, and `Finish` is the last."""
    server.script(says("one two three", reasoning="hm", usage=Usage(input_tokens=3, output_tokens=4)))

    found = face.events(model, "Hi", max_tokens=50)

    assert "one two three" == "".join(event.text for event in found if isinstance(event, TextDelta))
    assert isinstance(found[-1], Finish)
    whole = face.last.response
    assert fold(found).message.parts == whole.message.parts
    assert ("hm", 4, "stop") == (whole.reasoning, whole.usage.output_tokens, whole.finish_reason)


@pytest.mark.parametrize("model", MODELS)
def test_tool_calls_arrive_whole(face: Any, server: Server, model: str) -> None:
    """Parallel tool calls keep their order, names and arguments, plain and streamed."""
    server.script(*[says(tools=[("weather", {"city": "Paris"}), ("time", {})])] * 2)

    plain = face.chat(model, "Hi", max_tokens=50)
    face.events(model, "Hi", max_tokens=50)

    expected = [("weather", {"city": "Paris"}), ("time", {})]
    assert expected == [(call.name, call.arguments) for call in plain.tool_calls]
    assert expected == [(call.name, call.arguments) for call in face.last.response.tool_calls]
    assert "tool_calls" == plain.finish_reason == face.last.response.finish_reason


def test_the_key_travels_in_its_header_only(face: Any, server: Server) -> None:
    """OpenAI's key is a bearer token, Anthropic's has its own header; neither is in the URL or the body."""
    server.script(says("a"), says("b"))

    face.chat("openai/m", "Hi")
    face.chat("anthropic/m", "Hi", max_tokens=5)

    first, second = server.requests
    assert "Bearer test-key-0001" == first.headers["authorization"]
    assert "test-key-0002" == second.headers["x-api-key"]
    assert "test-key" not in first.path + second.path
    assert b"test-key" not in first.body + second.body


def test_a_colon_names_the_provider_as_well(make_face: Any, server: Server) -> None:
    """`provider:model` is `provider/model`, in a call and where limits are given."""
    server.script(says("a"), says("b"))
    face = make_face(limits={"openai:m": [Limit(dimension="requests", amount=6000)]})

    assert "a" == face.chat("openai:m", "Hi").text
    assert "b" == "".join(event.text for event in face.events("openai:m", "Hi") if isinstance(event, TextDelta))
    assert ["m", "m"] == [request.chat.model for request in server.requests]


def test_settings_come_from_the_client_then_the_value_then_the_call(make_face: Any, server: Server) -> None:
    """Client defaults, reusable settings and keywords override one another in that order; what is unset is not sent."""
    server.script(says("a"))
    face = make_face(defaults=Settings(temperature=0.1, top_p=0.1, seed=1))

    face.chat("openai/m", "Hi", settings=Settings(top_p=0.2, seed=2), seed=3)

    sent = server.requests[0].chat
    assert (0.1, 0.2, 3, None) == (sent.temperature, sent.top_p, sent.seed, sent.presence_penalty)


def test_messages_may_be_dicts_values_or_both(face: Any, server: Server) -> None:
    """OpenAI-style dicts and `Message` values mix."""
    server.script(says("a"))

    face.chat("openai/m", [{"role": "system", "content": "Be brief."}, Message.user("Hi")])

    assert [("system", "Be brief."), ("user", "Hi")] == [(m.role, m.text) for m in server.requests[0].chat.messages]


def test_what_was_adapted_is_said(make_face: Any, server: Server) -> None:
    """Anthropic requires `max_tokens`: where it is unset, 4,096 is sent with a notice."""
    server.script(says("a"))

    answer = make_face().chat("anthropic/m", "Hi")

    assert 4096 == server.requests[0].chat.max_tokens
    assert ["max_tokens"] == [notice.field for notice in answer.notices if notice.adapted]


def test_an_unknown_model_of_a_known_provider_is_sent(face: Any, server: Server) -> None:
    """A model that the catalogue does not have goes as it is, with a notice, also under `strict`."""
    server.script(says("a"))

    answer = face.chat("openai/brand-new", "Hi", temperature=0.3)

    assert ("brand-new", 0.3) == (server.requests[0].chat.model, server.requests[0].chat.temperature)
    assert [("model", False)] == [(notice.field, notice.adapted) for notice in answer.notices]


def test_what_a_known_model_does_not_take_is_left_out(face: Any, server: Server) -> None:
    """Sampling parameters of a reasoning model are left out before sending, and the answer says so."""
    server.script(says("a"))

    answer = face.chat("openai/gpt-6-luna", "Hi", temperature=0.3)

    assert server.requests[0].chat.temperature is None
    assert ["temperature"] == [notice.field for notice in answer.notices]


def test_strict_refuses_instead_of_adapting(make_face: Any, server: Server) -> None:
    """Under `strict=True` nothing is adapted and nothing is sent."""
    with pytest.raises(UnsupportedError) as caught:
        make_face(strict=True).chat("anthropic/m", "Hi", seed=1, max_tokens=5)

    assert "seed" == caught.value.field
    assert 0 == server.calls


@pytest.mark.parametrize("model", MODELS)
def test_an_error_status_becomes_its_class(face: Any, server: Server, model: str) -> None:
    """The class comes from status and code; the error knows provider, model, status and the ledger."""
    server.script(status(401, "no such key", code="authentication_error"))

    with pytest.raises(AuthenticationError) as caught:
        face.chat(model, "Hi", max_tokens=5)

    error = caught.value
    assert model == f"{error.provider}/{error.model}"
    assert 401 == error.status
    assert [("AuthenticationError", 401)] == [(attempt.outcome, attempt.status) for attempt in error.attempts]


def test_an_echoed_key_is_not_shown(face: Any, server: Server) -> None:
    """A server that echoes the key in its error does not make us print it."""
    server.script(status(401, "Incorrect API key provided: test-key-0001."))

    with pytest.raises(AuthenticationError) as caught:
        face.chat("openai/m", "Hi")

    assert "test-key-0001" not in str(caught.value) + repr(caught.value) + repr(vars(caught.value))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"<html><body>Welcome to the hotel wifi</body></html>", WireError, id="html"),
        pytest.param(b'{"error": {"message": "boom", "type": "server_error"}}', StatusError, id="json error"),
        pytest.param(b"", (WireError, StreamInterrupted), id="nothing"),
        pytest.param(b"data: [DONE]\n\n", (WireError, StreamInterrupted), id="only the end marker"),
    ],
)
def test_200_without_an_answer_is_an_error(
    face: Any, server: Server, body: bytes, kind: type[Exception], streamed: bool
) -> None:
    """A status of 200 proves nothing: HTML, an error body, or nothing at all is a typed error."""
    server.script(raw(body, headers={"content-type": "text/html"}))

    with pytest.raises(kind):
        (face.events if streamed else face.chat)("openai/m", "Hi")


@pytest.mark.parametrize("model", MODELS)
def test_a_cut_stream_is_never_complete(face: Any, server: Server, model: str) -> None:
    """A stream that ends without its finish marker raises with the part that arrived."""
    server.script(events(TextDelta("half an ans")))

    with pytest.raises(StreamInterrupted) as caught:
        face.events(model, "Hi", max_tokens=5)

    assert "half an ans" == caught.value.partial.text
    assert "unknown" == caught.value.partial.finish_reason
    assert ["StreamInterrupted"] == [attempt.outcome for attempt in caught.value.attempts]
    assert caught.value.attempts[0].maybe_billed


def test_a_plain_body_for_a_stream_is_read(face: Any, server: Server) -> None:
    """A server that ignores `stream` and answers plainly is understood."""
    choice = b'{"index":0,"message":{"content":"plain"},"finish_reason":"stop"}'
    body = b'{"id":"x","object":"chat.completion","choices":[' + choice + b"]}"
    server.script(raw(body, headers={"content-type": "application/json"}))

    face.events("openai/m", "Hi")

    assert "plain" == face.last.response.text


def test_a_stream_for_a_plain_call_is_read(face: Any, server: Server) -> None:
    """A server that streams although it was not asked to is understood."""
    body = b'data: {"choices":[{"delta":{"content":"streamed"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    server.script(raw(body, headers={"content-type": "text/event-stream"}))

    assert "streamed" == face.chat("openai/m", "Hi").text


def test_a_redirect_is_not_followed(face: Any, server: Server) -> None:
    """Neither prompt nor key go where a redirect points; the error says where it would have gone, and nothing more."""
    server.script(raw(b"", status=307, headers={"location": "http://127.0.0.2:9/steal?k=1"}))

    with pytest.raises(StatusError, match=r"http://127\.0\.0\.2.*not followed"):
        face.chat("openai/m", "Hi")

    assert 1 == server.calls


# --- the four clocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True])
def test_silence_before_the_first_content(make_face: Any, server: Server, streamed: bool) -> None:
    """The first-event clock ends a call that gets no content, and says so."""
    server.script(says("late", latency=5))
    face = make_face(timeouts=Timeouts(first_event=0.2))

    with pytest.raises(TimeoutError) as caught:
        (face.events if streamed else face.chat)("openai/m", "Hi")

    assert ("first_event", 0.2) == (caught.value.clock, caught.value.limit)


def test_silence_between_events(make_face: Any, server: Server) -> None:
    """The idle clock ends a stream that stalls; comments do not keep it alive; the partial is kept."""
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"start"}}]}\n\n'
    server.script(raw(chunk, *[b": ping\n\n"] * 100, pace=0.05))
    face = make_face(timeouts=Timeouts(idle=0.3))

    with pytest.raises(TimeoutError) as caught:
        face.events("openai/m", "Hi")

    assert "idle" == caught.value.clock
    assert "start" == caught.value.partial.text


@pytest.mark.parametrize("streamed", [False, True])
def test_the_total_holds_against_a_drip(make_face: Any, server: Server, streamed: bool) -> None:
    """`timeout=` ends the call in time, whatever the server drips."""
    drip = [b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'] * 200
    server.script(raw(*drip, pace=0.02) if streamed else raw(*[b" "] * 200, pace=0.02))
    face = make_face()
    before = time.monotonic()

    with pytest.raises(TimeoutError) as caught:
        (face.events if streamed else face.chat)("openai/m", "Hi", timeout=0.4)

    assert "total" == caught.value.clock
    assert time.monotonic() - before < 2.5


def test_pings_and_role_chunks_are_not_the_first_event(make_face: Any, server: Server) -> None:
    """Chunks without content do not stop the first-event clock."""
    role = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
    server.script(raw(*[role] * 100, pace=0.03))
    face = make_face(timeouts=Timeouts(first_event=0.3))

    with pytest.raises(TimeoutError) as caught:
        face.events("openai/m", "Hi")

    assert "first_event" == caught.value.clock


# --- leaving ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_break_closes_the_upstream(face: Any, server: Server, model: str) -> None:
    """Leaving a stream early closes the connection at once; what was read stays readable."""
    server.script(says("word " * 500, pace=0.01))

    found = face.leave(model, "Hi", after=3, max_tokens=50)
    left = time.monotonic()

    closed = server.requests[0].wait_closed(2.0)
    assert closed is not None
    assert closed - left < 0.1
    assert 3 == len(found)
    assert face.last.partial.text.startswith("word")


def test_an_unread_stream_has_no_response(face: Any, server: Server) -> None:
    """The response of a stream that was left is not handed out as a whole one."""
    server.script(says("word " * 500, pace=0.01))
    face.leave("openai/m", "Hi", after=2)

    with pytest.raises(StreamInterrupted) as caught:
        _ = face.last.response

    assert caught.value.partial is not None


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "settings", "kind", "field"),
    [
        (("openai/m", []), {}, ConfigError, "messages"),
        (("openai/m", [{"role": "robot", "content": "x"}]), {}, ConfigError, "messages[0].role"),
        (("openai/m", 5), {}, ConfigError, "messages"),
        (("openai/m", [3]), {}, ConfigError, "messages[0]"),
        (("openai/m", "x"), {"temperature": "hot"}, ConfigError, "temperature"),
        (("openai/m", "x"), {"temprature": 1}, ConfigError, "temprature"),
        (("openai/m", "x"), {"timeout": -1}, ConfigError, "timeout"),
        (("openai/m", "x"), {"output": 7}, ConfigError, "output"),
        (("", "x"), {}, ConfigError, "model"),
        (("opnai/m", "x"), {}, UnknownProviderError, None),
        (("gpt-6-luna", "x"), {}, UnknownModelError, None),
        (("llama3.1:8b", "x"), {}, UnknownModelError, None),
    ],
)
def test_bad_input_is_refused_before_sending(
    face: Any, server: Server, arguments: tuple[Any, ...], settings: dict[str, Any], kind: type, field: str | None
) -> None:
    """Bad input raises a typed error that names the field, and nothing is sent."""
    with pytest.raises(kind) as caught:
        face.chat(*arguments, **settings)

    assert 0 == server.calls
    if field:
        assert field == caught.value.field


def test_a_missing_key_names_its_variable(make_face: Any) -> None:
    """Without a key nothing is sent, and the message names the variable to set."""
    with pytest.raises(MissingKeyError, match="GROQ_API_KEY"):
        make_face().chat("groq/m", "Hi")


@pytest.mark.parametrize("key", ["sk-secret-value\n", "sk-sécret-value", "sk-secret value\r\nx: y"])
def test_a_key_that_cannot_be_a_header_is_refused(make_face: Any, key: str) -> None:
    """A key with a line break or letters outside ASCII is refused, and is not in the error."""
    with pytest.raises(ConfigError) as caught:
        make_face(providers={"openai": {"base_url": "http://127.0.0.1:9/v1", "api_key": key}}).chat("openai/m", "Hi")

    assert "cret" not in str(caught.value) + repr(vars(caught.value))


def test_an_unreachable_host(make_face: Any) -> None:
    """No connection is a ConnectError that names the host."""
    face = make_face(providers={"openai": {"base_url": "http://127.0.0.1:9/v1", "api_key": "k-123456"}})

    with pytest.raises(ConnectError, match=r"127\.0\.0\.1"):
        face.chat("openai/m", "Hi")


def test_a_provider_in_five_lines(make_face: Any, server: Server) -> None:
    """A name that the catalogue does not have is a new provider."""
    server.script(says("mine"))
    face = make_face(providers={"acme": {"base_url": server.base_url("openai-chat"), "auth": "none"}})

    assert "mine" == face.chat("acme/any/model:x", "Hi").text
    assert "any/model:x" == server.requests[0].chat.model


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"base_urll": "x"}, "base_urll"),
        ({"quirks": {"nope": 1}}, "quirks.nope"),
        ({"base_url": "ftp://x"}, "base_url"),
    ],
)
def test_a_bad_override_is_named(make_face: Any, fields: dict[str, Any], field: str) -> None:
    """A misspelt field of a provider row is an error with the near match."""
    with pytest.raises(ConfigError) as caught:
        make_face(providers={"openai": fields})

    assert field == caught.value.field


def test_output_format_is_sent(face: Any, server: Server) -> None:
    """A JSON Schema asks for that form of the answer."""
    server.script(says('{"a": 1}'))

    face.chat("openai/m", "Hi", output={"type": "object", "title": "thing"})

    assert OutputFormat(schema={"type": "object", "title": "thing"}, name="thing") == server.requests[0].chat.output


def test_prepare_shows_the_request_without_the_key(face: Any, server: Server) -> None:
    """`prepare` gives the exact request with the credential masked, and sends nothing."""
    prepared = face.client.prepare("openai/m", "Hi", temperature=0.5)

    assert server.base_url("openai-chat") + "/chat/completions" == prepared.url
    assert "[redacted]" in prepared.headers["authorization"]
    assert b'"temperature":0.5' in prepared.body
    assert 0 == server.calls


def test_a_closed_client_says_so(face: Any) -> None:
    """After closing, a call is a ConfigError, not a hang."""
    face.close() if face.name == "blocking" else face.runner.run(face.client.aclose())

    with pytest.raises(ConfigError, match="closed"):
        face.chat("openai/m", "Hi")


def test_all_public_errors_are_dragomans() -> None:
    """One `except DragomanError` catches every failure."""
    errors = [value for name in dragoman.__all__ if isinstance(value := getattr(dragoman, name), type)]

    assert all(issubclass(kind, dragoman.DragomanError) for kind in errors if issubclass(kind, Exception))


def test_a_history_that_no_provider_takes_is_mended(face: Any, server: Server) -> None:
    """A tool call whose result was lost gets one that says so, and the answer says what was done."""
    server.script(says("a"))
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}

    answer = face.chat(
        "anthropic/m",
        [Message.user("Look."), {"role": "assistant", "tool_calls": [call]}, Message.user("Well?")],
        max_tokens=5,
    )

    assert ["messages[1]"] == [notice.field for notice in answer.notices if notice.adapted]
    sent = [part for message in server.requests[0].chat.messages for part in message.parts]
    results = [part for part in sent if isinstance(part, ToolResult)]
    assert [("c1", True)] == [(part.call_id, part.is_error) for part in results]
