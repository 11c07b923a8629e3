"""Streamed answers of the wire `openai-responses`: every event, and what servers do to them."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.types.events import (
    CitationDelta,
    Finish,
    PartAdded,
    PartEnd,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from dragoman.types.messages import Opaque, Reasoning, Text
from dragoman.wire.openai_responses.dialect import NAME
from tests.wire.openai_responses_bytes import (
    BEGUN,
    CALL,
    MESSAGE,
    call,
    decoded,
    deltas,
    ended,
    event,
    frames,
    message,
    read,
    reasoning,
    streamed,
    text,
    whole,
)


def kinds(*events: dict[str, Any] | str) -> list[str]:
    """Names of the events that a stream gives, without announcements."""
    return [type(one).__name__ for one in read(frames(*events)) if not isinstance(one, ProviderEvent)]


def test_a_text() -> None:
    """Text comes in pieces, its item's state at its end; obfuscation is ignored."""
    item = message(text("Hello"), phase="final_answer")
    usage = {"input_tokens": 3, "output_tokens": 2}
    seen = read(
        frames(
            BEGUN,
            MESSAGE,
            event("content_part.added", part=text("")),
            *deltas("Hel", "lo"),
            event("output_text.done", text="Hello"),
            event("content_part.done", part=text("Hello")),
            event("output_item.done", item=item),
            ended(item, usage=usage),
        )
    )

    state = {"id": "msg_1", "status": "completed", "phase": "final_answer"}
    assert [
        Start("resp_1", "m"),
        ProviderEvent(NAME, MESSAGE),
        TextDelta("Hel"),
        TextDelta("lo"),
        PartEnd({NAME: {"block": {}, "item": state}}),
    ] == seen[:5]
    assert isinstance(seen[5], UsageUpdate)
    assert [Finish("stop", "completed")] == seen[6:]


def test_a_stream_says_what_the_plain_answer_says() -> None:
    """Two blocks, a source, reasoning and a call: the folded stream is the plain answer."""
    source = {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 0, "end_index": 2}
    said = message(text("One", source), {"type": "refusal", "refusal": "no more"})
    output = [reasoning("hm"), said, call('{"x":1}')]
    answer = streamed(
        BEGUN,
        event("output_item.added", item=reasoning()),
        *deltas("h", "m", kind="reasoning_summary_text.delta", summary_index=0),
        event("output_item.done", item=output[0]),
        {**MESSAGE, "output_index": 1},
        *deltas("One", output_index=1),
        event("output_text.annotation.added", output_index=1, annotation=source),
        *deltas("no ", "more", kind="refusal.delta", output_index=1, content_index=1),
        event("output_item.done", output_index=1, item=said),
        {**CALL, "output_index": 2},
        *deltas('{"x"', ":1}", kind="function_call_arguments.delta", output_index=2),
        event("output_item.done", output_index=2, item=output[2]),
        ended(*output),
    )
    plain = decoded(whole(*output))

    assert plain.message == answer.message
    assert (plain.finish_reason, plain.finish_reason_raw) == (answer.finish_reason, answer.finish_reason_raw)
    assert "hm" == answer.reasoning
    assert "no more" == answer.refusal


def test_a_call() -> None:
    """A call begins with its name, its arguments come as text, its state at its end."""
    item = call('{"x":1}')
    seen = read(
        frames(
            CALL,
            *deltas('{"x"', ":1}", kind="function_call_arguments.delta"),
            event("function_call_arguments.done", arguments='{"x":1}'),
            event("output_item.done", item=item),
            ended(item),
        )
    )

    assert [
        ToolCallStart(0, "call_1", "f", native={NAME: {"id": "fc_1"}}),
        ToolCallDelta(0, '{"x"'),
        ToolCallDelta(0, ":1}"),
        ToolCallEnd(0, {NAME: {"id": "fc_1", "status": "completed"}}),
    ] == seen[:4]
    assert Finish("tool_calls", "completed") == seen[-1]


def test_a_free_text_call() -> None:
    """The text of a custom tool's call comes by its own events."""
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "sh", "input": "ls -l"}
    answer = streamed(
        event("output_item.added", item={**item, "input": ""}),
        *deltas("ls", " -l", kind="custom_tool_call_input.delta"),
        event("custom_tool_call_input.done", input="ls -l"),
        event("output_item.done", item=item),
        ended(item),
    )

    assert [("sh", "ls -l", "custom")] == [(one.name, one.arguments_json, one.kind) for one in answer.tool_calls]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([ended(message(text("Hello")))], id="only the end"),
        pytest.param([event("output_item.done", item=message(text("Hello"))), ended()], id="only the item"),
        pytest.param([MESSAGE, event("content_part.done", part=text("Hello")), ended()], id="only the block"),
        pytest.param([MESSAGE, *deltas("Hello"), ended()], id="only deltas"),
        pytest.param([*deltas("Hello"), ended()], id="no announcement"),
        pytest.param([MESSAGE, *deltas("Hel"), ended(message(text("Hello")))], id="the last deltas are missing"),
        pytest.param([{**one, "output_index": None} for one in deltas("Hel", "lo")] + [ended()], id="no places"),
    ],
)
def test_what_was_not_streamed_is_found(events: list[dict[str, Any]]) -> None:
    """Servers leave out events: the text is taken from whichever repeats it, once."""
    assert "Hello" == streamed(*events).text


def test_arguments_that_come_only_whole() -> None:
    """A call without deltas has the arguments of its end, once."""
    item = call('{"x":1}')
    done = event("function_call_arguments.done", arguments='{"x":1}')
    answer = streamed(CALL, done, event("output_item.done", item=item), ended(item))

    assert ['{"x":1}'] == [one.arguments_json for one in answer.tool_calls]


def test_a_call_whose_name_comes_last() -> None:
    """What is called may be told only at the end; until then nothing is said of it."""
    unnamed = {**CALL, "item": {"type": "function_call", "id": "fc_1"}}
    item = call('{"x":1}')
    args = deltas('{"x":1}', kind="function_call_arguments.delta")
    answer = streamed(unnamed, *args, event("output_item.done", item=item), ended(item))

    assert [("f", '{"x":1}')] == [(one.name, one.arguments_json) for one in answer.tool_calls]


def test_ids_that_change_with_every_event() -> None:
    """Items are known by their place: another id in each event does not make another item."""
    seen = [
        BEGUN,
        {**MESSAGE, "item": message(id="a", status="in_progress")},
        *(event("output_text.delta", delta=piece, item_id=piece) for piece in "Hello"),
        event("output_item.done", item=message(text("Hello"), id="b")),
        ended(message(text("Hello"), id="c"), id="resp_9"),
    ]
    answer = streamed(*seen)

    assert ("Hello", 1, "resp_9") == (answer.text, len(answer.message.parts), answer.id)


def test_reasoning_that_is_told_whole_after_the_text() -> None:
    """A proxy that ends the reasoning after the message: parts stay in order, none comes twice."""
    thought = reasoning(content=[{"type": "reasoning_text", "text": "hm"}])
    answer = streamed(
        event("output_item.added", item=reasoning()),
        event("content_part.added", part={"type": "reasoning_text", "text": ""}),
        *deltas("h", "m", kind="reasoning_text.delta"),
        {**MESSAGE, "output_index": 1},
        *deltas("4", output_index=1),
        event("output_item.done", output_index=1, item=message(text("4"))),
        event("reasoning_text.done", text="hm"),
        event("content_part.done", part={"type": "reasoning_text", "text": "hm"}),
        event("output_item.done", item=thought),
        ended(thought, message(text("4"))),
    )

    assert [Reasoning, Text] == [type(part) for part in answer.message.parts]
    assert Reasoning("hm", native={NAME: thought}) == answer.message.parts[0]


def test_reasoning_and_its_summary_are_shown_once() -> None:
    """Where both come, the first that comes is shown."""
    answer = streamed(
        event("output_item.added", item=reasoning()),
        *deltas("raw", kind="reasoning_text.delta"),
        *deltas("summed up", kind="reasoning_summary_text.delta", summary_index=0),
        ended(),
    )

    assert "raw" == answer.reasoning


def test_hidden_reasoning_is_a_part() -> None:
    """An encrypted item without words is kept, for replay."""
    item = reasoning(encrypted_content="xyz")
    answer = streamed(event("output_item.added", item=item), event("output_item.done", item=item), ended(item))

    assert (Reasoning("", native={NAME: item}),) == answer.message.parts


def test_summaries_in_several_parts_are_joined() -> None:
    """The parts of a summary follow each other without a separator, as in the plain answer."""
    answer = streamed(
        event("output_item.added", item=reasoning()),
        event("reasoning_summary_part.added", summary_index=0, part={}),
        *deltas("a", kind="reasoning_summary_text.delta", summary_index=0),
        *deltas("b", kind="reasoning_summary_text.delta", summary_index=1),
        event("reasoning_summary_text.done", summary_index=1, text="b"),
        event("output_item.done", item=reasoning("a", "b")),
        ended(reasoning("a", "b")),
    )

    assert "ab" == answer.reasoning == decoded(whole(reasoning("a", "b"))).reasoning


def test_sources_come_once() -> None:
    """A source that has an event of its own is not repeated by the item; one that has none is taken from it."""
    source = {"type": "url_citation", "url": "https://a"}
    other = {"type": "url_citation", "url": "https://b"}
    item = message(text("Hi", source, other))
    seen = read(
        frames(
            MESSAGE,
            *deltas("Hi"),
            event("output_text.annotation.added", annotation=source),
            event("output_item.done", item=item),
            event("output_text.annotation.added", annotation=source),
            ended(item),
        )
    )

    assert ["https://a", "https://b"] == [one.citation.url for one in seen if isinstance(one, CitationDelta)]


def test_tools_of_the_provider_pass_by() -> None:
    """Their items are opaque parts; their progress, and events of the future, are carried as they came."""
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    seen = read(
        frames(
            event("output_item.added", item={**item, "status": "in_progress"}),
            event("web_search_call.searching"),
            event("output_item.done", item=item),
            {"type": "response.telepathy", "x": 1},
            ended(item),
        )
    )

    assert ["response.output_item.added", "response.web_search_call.searching", "response.telepathy"] == [
        one.data["type"] for one in seen if isinstance(one, ProviderEvent)
    ]
    assert [PartAdded(Opaque(NAME, item))] == [one for one in seen if isinstance(one, PartAdded)]


def test_what_only_shows_life_is_no_event() -> None:
    """Keep-alives, empty data and the end mark of another dialect say nothing."""
    assert ["Start", "TextDelta", "PartEnd", "Finish"] == kinds(
        BEGUN, {"type": "keepalive"}, "", *deltas("x"), "[DONE]", ended(), "after the end", {"type": "error"}
    )


def test_reasoning_summary_deltas_are_reasoning() -> None:
    """Deltas of the summary are passed on as they come."""
    pieces = deltas("h", "m", kind="reasoning_summary_text.delta", summary_index=0)
    seen = read(frames(event("output_item.added", item=reasoning()), *pieces, ended()))

    assert ["h", "m"] == [one.text for one in seen if isinstance(one, ReasoningDelta) and one.text]


def test_refusal_deltas_are_a_refusal() -> None:
    """Deltas of a refusal are passed on as they come, and the answer is refused."""
    seen = read(frames(MESSAGE, *deltas("I ", "won't", kind="refusal.delta"), ended()))

    assert ["I ", "won't"] == [one.text for one in seen if isinstance(one, RefusalDelta)]
    assert Finish("refusal", "completed") == seen[-1]
