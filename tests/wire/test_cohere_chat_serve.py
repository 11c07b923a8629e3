"""The server half of Cohere's dialect: what it writes, the client half and the official client read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import cohere
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import AsyncClient, Client, errors
from dragoman.testing import Server, raw, response, says, status
from dragoman.types.events import (
    AudioDelta,
    Event,
    Finish,
    PartAdded,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from dragoman.types.fold import fold, unfold
from dragoman.types.messages import Citation, Message, Native, Opaque, Part, Reasoning, Text, ToolCall
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.cohere_chat import WIRE
from dragoman.wire.cohere_chat.citations import decode_citation
from dragoman.wire.cohere_chat.dialect import finish_reason
from dragoman.wire.cohere_chat.usage import decode_usage
from tests.strategies import names, some_text, whole
from tests.wire.cohere_chat_events import NAME, citation, read

USAGE = Usage(input_tokens=20, output_tokens=7, cache_read_tokens=5)
CALLS = [("weather", {"city": "Paris"}), ("clock", {})]
ASK: Any = [{"role": "user", "content": "Hi"}]


# --- the two halves ---------------------------------------------------------------------------------------------------


def _cited(text: str, index: int) -> Text:
    return Text(text, (decode_citation(citation(0, len(text), text, content_index=index)),))


_thoughts = st.lists(st.builds(Reasoning, some_text), max_size=1)
_calls = st.lists(
    st.builds(ToolCall, names, names, st.sampled_from(("", "null", "{}", '{"a": [1, null]}'))), max_size=2
)


@st.composite
def _parts(draw: st.DrawFn) -> tuple[Part, ...]:
    said: list[Part] = [*draw(_thoughts)]
    for text in draw(st.lists(some_text, max_size=2)):
        said.append(draw(st.sampled_from((Text(text), _cited(text, len(said))))))
    return (*said, *draw(_calls))


_natives: st.SearchStrategy[Native | None] = st.sampled_from(
    (
        None,
        {NAME: {"tool_plan": "I will ask."}},
        {NAME: {"tool_plan": "I ask.", "citations": [citation(0, 1, "I", type="PLAN")]}},
    )
)
_usages = st.builds(
    decode_usage,
    st.fixed_dictionaries(
        {}, optional={"tokens": st.fixed_dictionaries({"input_tokens": whole}), "cached_tokens": whole}
    ),
)
_responses = st.builds(
    lambda parts, native, raw_reason, usage, answer_id: ChatResponse(
        message=Message("assistant", parts, native=native),
        finish_reason=finish_reason(raw_reason),
        finish_reason_raw=raw_reason,
        usage=usage,
        id=answer_id,
    ),
    _parts(),
    _natives,
    st.sampled_from(("COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL", "TIMEOUT", "NEW", None)),
    _usages,
    names,
)


def _meant(answer: ChatResponse) -> tuple[Any, ...]:
    return (answer.message, answer.finish_reason, answer.finish_reason_raw, answer.usage, answer.id)


@given(answer=_responses)
def test_a_plain_answer_is_read_back_equal(answer: ChatResponse) -> None:
    """What one half writes is the same value for the other."""
    assert _meant(answer) == _meant(WIRE.decode_response(200, {}, WIRE.encode_response(answer)))


@given(answer=_responses, sizes=st.lists(st.integers(1, 50), max_size=60))
def test_a_stream_cut_anywhere_folds_to_the_same_answer(answer: ChatResponse, sizes: list[int]) -> None:
    """Events, written, cut at random and read, give the answer that they came from."""
    encoder, decoder = WIRE.encoder(), WIRE.decoder()
    data = b"".join(map(encoder.feed, unfold(answer))) + encoder.close()
    events: list[Event] = []
    for size in [*sizes, len(data)]:
        piece, data = data[:size], data[size:]
        events += decoder.feed(piece)

    assert _meant(answer) == _meant(fold(events + decoder.close()))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (RefusalDelta("No."), (Text("No."),)),
        (AudioDelta(b"x", "La"), (Text("La"),)),
        (PartAdded(Text("whole")), (Text("whole"),)),
        (PartAdded(ToolCall("c", "f", "x", "custom")), (ToolCall("c", "f", '{"input":"x"}'),)),
        (PartAdded(Opaque(NAME, {"type": "chart"})), (Opaque(NAME, {"type": "chart"}),)),
        (PartAdded(Opaque("other", {"type": "chart"})), ()),
    ],
)
def test_other_events_are_written_as_what_the_dialect_has(event: Event, expected: tuple[Part, ...]) -> None:
    """Words are text, and what has no words and no form is left out."""
    encoder = WIRE.encoder()
    data = encoder.feed(event) + encoder.feed(Finish("stop", None)) + encoder.close()

    assert expected == fold(read(data)).message.parts


def test_a_free_text_call_is_written_as_json_when_it_is_whole() -> None:
    """The dialect has JSON arguments only: the text stands in them under one name."""
    encoder = WIRE.encoder()
    events: list[Event] = [
        ToolCallStart(0, "", "f", "custom"),
        ToolCallDelta(0, "SELECT"),
        ToolCallDelta(0, " 1"),
        ToolCallEnd(0),
        Finish("tool_calls"),
    ]

    [call] = fold(read(b"".join(map(encoder.feed, events)) + encoder.close())).tool_calls
    assert ("call_0", {"input": "SELECT 1"}) == (call.id, call.arguments)


def test_a_source_of_another_provider_is_written_as_a_document() -> None:
    """Address, title and span are kept."""
    source = Citation(url="https://x.org", title="X", text="Hi", start=0, end=2)
    answer = ChatResponse(message=Message("assistant", (Text("Hi", (source,)),)))
    [part] = WIRE.decode_response(200, {}, WIRE.encode_response(answer)).message.parts

    assert isinstance(part, Text)
    [got] = part.citations
    assert ("https://x.org", "X", "Hi", 0, 2) == (got.url, got.title, got.text, got.start, got.end)


def test_nothing_is_written_after_the_end_or_an_error() -> None:
    """After the end of the message, or an error, there is only silence."""
    encoder = WIRE.encoder()
    encoder.feed(Finish("stop"))
    assert b"" == encoder.feed(TextDelta("more")) + encoder.error(errors.ServerError("late"))
    assert b"data: [DONE]\n\n" == encoder.close()

    encoder = WIRE.encoder()
    encoder.feed(TextDelta("Hel"))
    assert encoder.error(errors.RateLimitError("no"))
    assert b"" == encoder.feed(Finish("stop")) + encoder.close()


# --- the official client ----------------------------------------------------------------------------------------------


@pytest.fixture
def client(server: Server) -> Iterator[cohere.ClientV2]:
    with cohere.ClientV2(api_key="k", base_url=server.base_url("cohere-chat")) as opened:
        yield opened


def _tool(name: str) -> Any:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def test_the_official_client_reads_a_plain_answer(server: Server, client: cohere.ClientV2) -> None:
    """Thought, text, reason and tokens; the server read what the client sent."""
    server.script(says("hello there", reasoning="Hm.", usage=USAGE, id="a7"))

    answer = client.chat(model="command-a", messages=ASK, temperature=0.5, p=0.9, stop_sequences=["x"])

    assert ("a7", "COMPLETE") == (answer.id, answer.finish_reason)
    content = answer.message.content
    assert content is not None
    assert [("thinking", "Hm."), ("text", "hello there")] == [
        (block.type, block.thinking if block.type == "thinking" else block.text) for block in content
    ]
    assert answer.usage is not None
    assert answer.usage.tokens is not None
    assert (20, 7, 5) == (
        answer.usage.tokens.input_tokens,
        answer.usage.tokens.output_tokens,
        answer.usage.cached_tokens,
    )
    sent = server.requests[0].chat
    assert sent is not None
    assert ("command-a", 0.5, 0.9, ("x",)) == (sent.model, sent.temperature, sent.top_p, sent.stop)


def test_the_official_client_reads_sources_and_plan(server: Server, client: cohere.ClientV2) -> None:
    """Citations with their documents, and the plan of a turn with tools."""
    message = Message("assistant", (_cited("Tea", 0),), native={NAME: {"tool_plan": "I look."}})
    server.script(response(ChatResponse(message=message, finish_reason="stop")))

    answer = client.chat(model="m", messages=ASK)

    assert "I look." == answer.message.tool_plan
    assert answer.message.citations is not None
    [source] = answer.message.citations
    assert (0, 3, "Tea", "TEXT_CONTENT") == (source.start, source.end, source.text, source.type)
    assert source.sources is not None
    assert "document" == source.sources[0].type


def test_the_official_client_reads_a_stream(server: Server, client: cohere.ClientV2) -> None:
    """Every event has its type, and they are in the vendor's order."""
    server.script(says("one two", tools=CALLS, usage=USAGE))

    events: list[Any] = list(client.chat_stream(model="m", messages=ASK, tools=[_tool("weather"), _tool("clock")]))

    call = ["tool-call-start", "tool-call-delta", "tool-call-end"]
    kinds = ["message-start", "content-start", *["content-delta"] * 2, "content-end", *call, *call, "message-end"]
    assert kinds == [event.type for event in events]
    assert ["one ", "two"] == [e.delta.message.content.text for e in events if e.type == "content-delta"]
    starts = [e.delta.message.tool_calls for e in events if e.type == "tool-call-start"]
    assert ["weather", "clock"] == [start.function.name for start in starts]
    assert ("TOOL_CALL", 7) == (events[-1].delta.finish_reason, events[-1].delta.usage.tokens.output_tokens)


def test_the_official_client_goes_through_a_tool_loop(server: Server, client: cohere.ClientV2) -> None:
    """What the client sends back is read as the calls and their results."""
    server.script(says(tools=CALLS), says("done"))
    message = client.chat(model="m", messages=ASK, tools=[_tool("weather"), _tool("clock")]).message
    assert message.tool_calls is not None
    results = [
        {
            "role": "tool",
            "tool_call_id": call.id,
            "content": [{"type": "document", "document": {"data": {"text": "ok"}}}],
        }
        for call in message.tool_calls
    ]
    client.chat(model="m", messages=[*ASK, message, *results])

    assert CALLS == [
        (call.function.name, json.loads(call.function.arguments or "")) for call in message.tool_calls if call.function
    ]
    sent = server.requests[1].chat
    assert sent is not None
    assert ["user", "assistant", "tool", "tool"] == [turn.role for turn in sent.messages]
    assert ["weather", "clock"] == [call.name for call in sent.messages[1].tool_calls]
    assert ["call_0", "call_1"] == [getattr(turn.parts[0], "call_id", None) for turn in sent.messages[2:]]
    assert ["ok", "ok"] == [getattr(turn.parts[0], "text", None) for turn in sent.messages[2:]]


@pytest.mark.parametrize(
    ("code", "kind"), [(400, cohere.BadRequestError), (401, cohere.UnauthorizedError), (404, cohere.NotFoundError)]
)
def test_the_official_client_sees_an_error(
    server: Server, client: cohere.ClientV2, code: int, kind: type[Exception]
) -> None:
    """Status and words arrive, plain and in place of a stream."""
    server.script(status(code, "no"), status(code, "no"))

    with pytest.raises(kind) as caught:
        client.chat(model="x", messages=ASK)
    assert {"message": "no"} == getattr(caught.value, "body", None)
    with pytest.raises(kind):
        list(client.chat_stream(model="x", messages=ASK))


def test_the_official_client_sees_an_error_in_a_stream(server: Server, client: cohere.ClientV2) -> None:
    """The last event says what went wrong."""
    encoder = WIRE.encoder()
    server.script(raw(encoder.feed(TextDelta("Hel")) + encoder.error(errors.OverloadedError("busy"))))

    events: list[Any] = list(client.chat_stream(model="m", messages=ASK))

    assert ("message-end", "ERROR", "busy") == (
        events[-1].type,
        events[-1].delta.finish_reason,
        events[-1].delta.error,
    )


def test_the_official_async_client_reads_a_stream(server: Server) -> None:
    """The asyncio face of the client reads the same events."""
    server.script(says("one two"))

    async def collected() -> str:
        async with cohere.AsyncClientV2(api_key="k", base_url=server.base_url("cohere-chat")) as client:
            events: Any = client.chat_stream(model="m", messages=ASK)
            return "".join([e.delta.message.content.text async for e in events if e.type == "content-delta"])

    assert "one two" == asyncio.run(collected())


# --- our own clients --------------------------------------------------------------------------------------------------


def _rows(server: Server) -> Any:
    return {"cohere": {"base_url": server.base_url("cohere-chat"), "api_key": "k"}}


def test_our_own_client_speaks_it_end_to_end(server: Server) -> None:
    """The catalogue's row needs no more than an address and a key."""
    server.script(says("hello", usage=USAGE), says("one two", tools=CALLS))
    with Client(providers=_rows(server)) as client:
        answer = client.chat("cohere/command-a", "Hi")
        with client.stream("cohere/command-a", "Hi") as stream:
            streamed = "".join(stream.text)

    assert ("hello", 20, "command-a") == (answer.text, answer.usage.input_tokens, answer.model)
    assert ("one two", ["weather", "clock"]) == (streamed, [call.name for call in stream.response.tool_calls])
    assert "Bearer k" == server.requests[0].headers["authorization"]


def test_our_own_async_client_sees_a_cut_stream(server: Server) -> None:
    """A stream that ends before its message does is interrupted, with its part."""
    server.script(raw(WIRE.encoder().feed(TextDelta("Hel"))))

    async def cut() -> errors.StreamInterrupted:
        async with AsyncClient(providers=_rows(server)) as client:
            with pytest.raises(errors.StreamInterrupted) as caught:
                async with client.stream("cohere/m", "Hi") as stream:
                    _ = [event async for event in stream]
            return caught.value

    error = asyncio.run(cut())
    assert error.partial is not None
    assert "Hel" == error.partial.text
