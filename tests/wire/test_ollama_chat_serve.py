"""The server half of Ollama's dialect: what it writes, the client half and the official client read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import ollama
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import AsyncClient, Client, errors
from dragoman.testing import Server, raw, says, status
from dragoman.types.events import AudioDelta, Event, Finish, PartAdded, RefusalDelta, TextDelta, ToolCallStart
from dragoman.types.fold import fold, unfold
from dragoman.types.messages import Image, Message, Part, Reasoning, Text, ToolCall
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.ollama_chat import WIRE
from dragoman.wire.ollama_chat.usage import usage_of
from tests.strategies import PNG, names, some_text, whole
from tests.wire.ollama_chat_lines import last, line, lines, read

USAGE = Usage(input_tokens=20, output_tokens=7)
CALLS = [("weather", {"city": "Paris"}), ("clock", {})]
ASK = [{"role": "user", "content": "Hi"}]


# --- the two halves ---------------------------------------------------------------------------------------------------


def _call(call_id: str, name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall(call_id, name, json.dumps(arguments, ensure_ascii=False, separators=(",", ":")))


_arguments = st.dictionaries(names, names | st.integers(-9, 9) | st.booleans() | st.none(), max_size=2)
# One message has one thought and one text, then pictures and calls: what the dialect carries without loss.
_parts = st.tuples(
    st.lists(st.builds(Reasoning, some_text), max_size=1),
    st.lists(st.builds(Text, some_text), max_size=1),
    st.lists(st.just(Image(data=PNG, media_type="image/png")), max_size=1),
    st.lists(st.builds(_call, names | st.just(""), names, _arguments), max_size=2),
).map(lambda lists: tuple[Part, ...](part for parts in lists for part in parts))
_usages = st.builds(
    lambda counts: usage_of(counts) or Usage(),
    st.fixed_dictionaries({}, optional={"prompt_eval_count": whole, "eval_count": whole, "total_duration": whole}),
)
_responses = st.builds(
    lambda parts, raw_reason, usage: ChatResponse(
        message=Message("assistant", parts),
        finish_reason="tool_calls"
        if raw_reason == "stop" and any(isinstance(part, ToolCall) for part in parts)
        else {"stop": "stop", "length": "length", None: "unknown", "load": "unknown"}[raw_reason],  # type: ignore[arg-type]
        finish_reason_raw=raw_reason,
        usage=usage,
        model="m",
    ),
    _parts,
    st.sampled_from(("stop", "length", "load", None)),
    _usages,
)


def _meant(response: ChatResponse) -> tuple[Any, ...]:
    return (response.message, response.finish_reason, response.finish_reason_raw, response.usage, response.model)


@given(response=_responses)
def test_a_plain_answer_is_read_back_equal(response: ChatResponse) -> None:
    """What one half writes is the same value for the other."""
    assert _meant(response) == _meant(WIRE.decode_response(200, {}, WIRE.encode_response(response)))


@given(response=_responses, sizes=st.lists(st.integers(1, 50), max_size=60))
def test_a_stream_cut_anywhere_folds_to_the_same_answer(response: ChatResponse, sizes: list[int]) -> None:
    """Events, written, cut at random and read, give the answer that they came from."""
    encoder, decoder = WIRE.encoder(), WIRE.decoder()
    data = b"".join(map(encoder.feed, unfold(response))) + encoder.close()
    events: list[Event] = []
    for size in [*sizes, len(data)]:
        piece, data = data[:size], data[size:]
        events += decoder.feed(piece)

    assert _meant(response) == _meant(fold(events + decoder.close()))


@pytest.mark.parametrize(
    ("event", "content"),
    [
        (RefusalDelta("No."), "No."),
        (AudioDelta(b"x", "La"), "La"),
        (PartAdded(Text("whole")), "whole"),
        (PartAdded(Image(url="https://example.org/a.png")), None),
        (TextDelta(""), None),
    ],
)
def test_other_events_are_written_as_what_the_dialect_has(event: Event, content: str | None) -> None:
    """Words are text; what has no words and no form gives no line."""
    written = WIRE.encoder().feed(event)

    assert content == (json.loads(written)["message"]["content"] if written else None)


def test_a_call_that_did_not_end_is_not_written() -> None:
    """The dialect has whole calls only, so a cut one never looks like one."""
    encoder = WIRE.encoder()

    assert b"" == encoder.feed(ToolCallStart(0, "c", "f")) + encoder.close()


def test_nothing_is_written_after_the_end_or_an_error() -> None:
    """The line with `done`, or with an error, is the last."""
    encoder = WIRE.encoder()
    encoder.feed(Finish("stop", "stop"))
    assert b"" == encoder.feed(TextDelta("more")) + encoder.error(errors.ServerError("late")) + encoder.close()

    encoder = WIRE.encoder()
    assert {"error": "no", "status": 429} == json.loads(encoder.error(errors.RateLimitError("no")))
    assert b"" == encoder.feed(Finish("stop", "stop"))


# --- the official client ----------------------------------------------------------------------------------------------


@pytest.fixture
def client(server: Server) -> Iterator[ollama.Client]:
    with ollama.Client(host=server.base_url("ollama-chat")) as opened:
        yield opened


def test_the_official_client_reads_a_plain_answer(server: Server, client: ollama.Client) -> None:
    """Text, thinking, reason and counts; the server read what the client sent."""
    server.script(says("hello there", reasoning="Hm.", usage=USAGE))

    answer = client.chat("qwen3", ASK, options={"temperature": 0.5, "num_ctx": 99, "stop": ["x"]}, think="low")

    assert ("qwen3", "hello there", "Hm.", True, "stop") == (
        answer.model,
        answer.message.content,
        answer.message.thinking,
        answer.done,
        answer.done_reason,
    )
    assert (20, 7) == (answer.prompt_eval_count, answer.eval_count)
    sent = server.requests[0].chat
    assert sent is not None
    assert (0.5, ("x",), False) == (sent.temperature, sent.stop, sent.stream)
    assert sent.reasoning is not None
    assert "low" == sent.reasoning.effort


def test_the_official_client_reads_a_stream(server: Server, client: ollama.Client) -> None:
    """Pieces of text, and counts with the last line."""
    server.script(says("one two three", usage=USAGE))

    pieces = list(client.chat("m", ASK, stream=True))

    assert ["one ", "two ", "three", ""] == [piece.message.content for piece in pieces]
    assert [False, False, False, True] == [piece.done for piece in pieces]
    assert ("stop", 7) == (pieces[-1].done_reason, pieces[-1].eval_count)


@pytest.mark.parametrize("stream", [False, True])
def test_the_official_client_goes_through_a_tool_loop(server: Server, client: ollama.Client, stream: bool) -> None:
    """Calls come as objects; what the client sends back is read as their results."""
    server.script(says(tools=CALLS), says("done"))
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    answer: Any = client.chat("m", ASK, tools=[tool], stream=stream)
    message = answer.message if not stream else [m for p in answer if (m := p.message).tool_calls]
    calls = [call for one in (message if stream else [message]) for call in one.tool_calls]
    results = [
        {"role": "tool", "tool_name": call.function.name, "content": f"of {call.function.name}"} for call in calls
    ]
    turn = {"role": "assistant", "tool_calls": calls}
    client.chat("m", [*ASK, turn, *results])

    assert CALLS == [(call.function.name, dict(call.function.arguments)) for call in calls]
    sent = server.requests[1].chat
    assert sent is not None
    assert ["user", "assistant", "tool", "tool"] == [one.role for one in sent.messages]
    assert ["weather", "clock"] == [call.name for call in sent.messages[1].tool_calls]
    assert ["weather", "clock"] == [getattr(one.parts[0], "name", None) for one in sent.messages[2:]]


@pytest.mark.parametrize("stream", [False, True])
def test_the_official_client_sees_an_error(server: Server, client: ollama.Client, stream: bool) -> None:
    """Status and words arrive, for a stream too."""
    server.script(status(404, "model 'x' not found"))

    with pytest.raises(ollama.ResponseError) as caught:
        list(client.chat("x", ASK, stream=stream))  # type: ignore[call-overload]

    assert ("model 'x' not found", 404) == (caught.value.error, caught.value.status_code)


def test_the_official_client_sees_an_error_in_a_stream(server: Server, client: ollama.Client) -> None:
    """An error after the first words is raised, not passed over."""
    encoder = WIRE.encoder()
    body = encoder.feed(TextDelta("Hel")) + encoder.error(errors.OverloadedError("busy"))
    server.script(raw(body))

    with pytest.raises(ollama.ResponseError, match="busy"):
        list(client.chat("m", ASK, stream=True))


def test_the_official_async_client_reads_a_stream(server: Server) -> None:
    """The asyncio face of the client reads the same lines."""
    server.script(says("one two"))

    async def collected() -> str:
        client = ollama.AsyncClient(host=server.base_url("ollama-chat"))
        try:
            return "".join([piece.message.content or "" async for piece in await client.chat("m", ASK, stream=True)])
        finally:
            await client.close()

    assert "one two" == asyncio.run(collected())


# --- our own clients --------------------------------------------------------------------------------------------------


def _rows(server: Server) -> Any:
    return {"ollama": {"base_url": server.base_url("ollama-chat"), "wire": "ollama-chat"}}


def test_our_own_client_speaks_it_end_to_end(server: Server) -> None:
    """Plain and streamed answers come through the real transport; the stream is asked for uncompressed."""
    server.script(says("hello", usage=USAGE), says("one two", tools=CALLS))
    with Client(providers=_rows(server)) as client:
        answer = client.chat("ollama/qwen3:8b", "Hi", extra={"options": {"num_ctx": 8192}})
        with client.stream("ollama/qwen3:8b", "Hi") as stream:
            streamed = "".join(stream.text)

    assert ("hello", 20, "qwen3:8b") == (answer.text, answer.usage.input_tokens, answer.model)
    assert ("one two", ["weather", "clock"]) == (streamed, [call.name for call in stream.response.tool_calls])
    assert "identity" == server.requests[1].headers["accept-encoding"]


def test_our_own_async_client_sees_a_cut_stream(server: Server) -> None:
    """A stream that ends before `done` is interrupted, with its part."""
    server.script(raw(lines(line({"content": "Hel"})), headers={"content-type": "application/x-ndjson"}))

    async def cut() -> errors.StreamInterrupted:
        async with AsyncClient(providers=_rows(server)) as client:
            with pytest.raises(errors.StreamInterrupted) as caught:
                async with client.stream("ollama/m", "Hi") as stream:
                    _ = [event async for event in stream]
            return caught.value

    error = asyncio.run(cut())
    assert error.partial is not None
    assert "Hel" == error.partial.text


def test_a_served_stream_of_a_real_server_says_the_same() -> None:
    """Lines decoded and written again are the same answer, its times included."""
    first = read(lines(line({"content": "Hi"}), last("stop", prompt_eval_count=3, total_duration=5)))
    write: Callable[[Event], bytes] = WIRE.encoder().feed

    assert first == read(b"".join(map(write, first)))
