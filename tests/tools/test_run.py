"""The loop: what a model calls is run, its results go back, until there is an answer."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from dragoman import (
    ChatResponse,
    Client,
    ConfigError,
    Finish,
    Image,
    Message,
    Opaque,
    Reasoning,
    Retry,
    RoundStarted,
    RunResponse,
    ServerError,
    Settings,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolEnded,
    ToolFunction,
    ToolResult,
    ToolStarted,
    Usage,
    tool,
)
from dragoman.testing import Server, response, says, status
from dragoman.wire.turns import settle
from tests.strategies import PNG
from tests.tools.conftest import WIRES, row


def weather(city: str, days: int = 1) -> str:
    """Weather of a city.

    Args:
        city: Its name.
        days: How many.
    """
    return f"{city}: sun for {days} day(s)"


async def double(x: int) -> int:
    """Twice that."""
    await asyncio.sleep(0.01)
    return 2 * x


def fails() -> str:
    """Always fails."""
    raise KeyError("no such row, key sk-proj-abcdefghijklmnop1234")


TOOLS = [weather, double, fails]
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("weather", {"city": "Paris"}),
    ("double", {"x": 4}),
    ("fails", {}),
    ("nowhere", {}),
    ("weather", {"city": "Rome", "days": "many"}),
    ("weather", {"city": "Oslo", "days": 2}),
)
# Told by name and number: some dialects give no ids, and some send errors as results.
TOLD = (
    "Paris: sun for 1 day(s)",
    "8",
    "KeyError: 'no such row, key [redacted]'",
    "There is no tool called nowhere. The tools are: weather, double, fails.",
    "Wrong arguments for weather: Expected `int`, got `str` - at `$.days`. Call it again with what fits.",
    "Oslo: sun for 2 day(s)",
)


def results(messages: tuple[Message, ...]) -> list[ToolResult]:
    return [part for message in messages for part in message.parts if isinstance(part, ToolResult)]


@pytest.mark.parametrize("wire", WIRES)
def test_calls_are_run_and_their_results_go_back(make_face: Any, server: Server, wire: str) -> None:
    """On every dialect: parallel calls, errors, bad arguments and unknown tools all get their result, in order."""
    server.script(says("I look.", tools=CALLS), says("Sunny."))

    answer = make_face(wire).run("fake/m", "Weather?", tools=TOOLS)

    assert "Sunny." == answer.text
    assert list(TOLD) == [result.text for result in results(answer.messages)]
    assert [False, False, True, True, True, False] == [result.is_error for result in results(answer.messages)]
    assert ["user", "assistant", "tool", "assistant"] == [message.role for message in answer.messages]
    sent = server.requests[1].chat
    assert sent is not None
    # Some dialects carry errors as a word before the text, or a JSON object around it.
    for expected, result in zip(TOLD, results(sent.messages), strict=True):
        assert expected in result.text or expected in str(msgspec.json.decode(result.text))
    assert (answer.messages, ()) == settle(answer.messages)


@pytest.mark.parametrize("wire", WIRES)
def test_a_run_streams_as_events(make_face: Any, server: Server, wire: str) -> None:
    """On every dialect: the events of each round, with the start and the end of each tool between them."""
    server.script(says("I look.", tools=CALLS[:2]), says("Sunny today."))
    face = make_face(wire)

    events = face.events("fake/m", "Weather?", tools=TOOLS)

    assert [1, 2] == [event.number for event in events if isinstance(event, RoundStarted)]
    assert "I look.Sunny today." == "".join(event.text for event in events if isinstance(event, TextDelta))
    assert ["weather", "double"] == [event.call.name for event in events if isinstance(event, ToolStarted)]
    assert {"weather": TOLD[0], "double": TOLD[1]} == {
        event.call.name: event.result.text for event in events if isinstance(event, ToolEnded)
    }
    assert 2 == sum(isinstance(event, Finish) for event in events)
    assert "Sunny today." == face.last.response.text
    assert face.last.messages == face.last.response.messages
    assert 2 == len(face.last.response.rounds)


def test_the_answer_sums_up_all_rounds(make_face: Any, server: Server) -> None:
    """Usage, cost and attempts are those of all rounds; a total that one round does not say is not known."""
    server.script(
        status(500),
        says(tools=CALLS[:1], usage=Usage(input_tokens=100, output_tokens=10, cache_read_tokens=5)),
        says("Done.", usage=Usage(input_tokens=200, output_tokens=20)),
        says(tools=CALLS[:1], usage=Usage()),
        says("Done.", usage=Usage(input_tokens=200, output_tokens=20)),
    )
    face = make_face(retry=Retry(base=0.001))
    answer = face.run("fake/m", "Weather?", tools=TOOLS)
    unknown = face.run("fake/m", "Weather?", tools=TOOLS)

    assert isinstance(answer, RunResponse)
    assert isinstance(answer, ChatResponse)
    assert (300, 30, 5) == (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cache_read_tokens)
    assert ["ServerError", "ok", "ok"] == [attempt.outcome for attempt in answer.attempts]
    assert [100, 200] == [each.usage.input_tokens for each in answer.rounds]
    assert (None, None) == (unknown.usage.input_tokens, unknown.usage.output_tokens)
    assert unknown.cost is None


def test_costs_are_summed(make_face: Any, server: Server) -> None:
    """Where prices are known, the cost of a run is that of its rounds."""
    server.script(
        says(tools=CALLS[:1], usage=Usage(input_tokens=1_000_000, output_tokens=0)),
        says("Done.", usage=Usage(input_tokens=0, output_tokens=1_000_000)),
    )
    face = make_face(models={"fake/m": {"prices": [{"input": "1", "output": "2"}]}})

    answer = face.run("fake/m", "Weather?", tools=TOOLS)

    assert Decimal(3) == answer.cost
    assert answer.cost_parts is not None
    assert (Decimal(1), Decimal(2)) == (answer.cost_parts.input, answer.cost_parts.output)


def test_a_forced_call_is_forced_once(face: Any, server: Server) -> None:
    """`tool_choice` "required" or a name holds for the first round; "none" for all."""
    server.script(says(tools=CALLS[:1]), says("Done."), says("Done."))

    face.run("fake/m", "Weather?", tools=TOOLS, tool_choice="required")
    face.run("fake/m", "Weather?", tools=TOOLS, tool_choice="none")

    assert ["required", None, "none"] == [request.chat.tool_choice for request in server.requests if request.chat]


def test_a_model_that_calls_nothing_answers_at_once(face: Any, server: Server) -> None:
    """Without calls a run is one call, with tools or without."""
    server.script(says("Hello."), says("Hello."))

    assert "Hello." == face.run("fake/m", "Hi", tools=TOOLS).text
    assert 1 == len(face.run("fake/m", "Hi").rounds)


def test_state_of_the_dialect_is_sent_back(make_face: Any, server: Server) -> None:
    """Reasoning comes back with its signature as it was, in front of the calls."""
    signed = {"anthropic-messages": {"signature": "c2lnbmVk"}}
    call = ToolCall(id="toolu_1", name="weather", arguments_json='{"city":"Paris"}')
    thought = Message("assistant", (Reasoning(text="Hm.", native=signed), call))
    server.script(response(ChatResponse(message=thought, finish_reason="tool_calls")), says("Done."))

    make_face("anthropic-messages").run("fake/m", "Weather?", tools=TOOLS)

    block = server.requests[1].json["messages"][1]["content"][0]
    assert {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"} == block


@pytest.mark.parametrize("streams", [False, True])
def test_tools_of_the_provider_pass_through(make_face: Any, server: Server, streams: bool) -> None:
    """A native tool is declared as it is; its blocks come back untouched, and a pause goes on by itself."""
    native = {"type": "web_search_20250305", "name": "web_search"}
    search = Tool(name="web_search", kind="native", native={"anthropic-messages": native})
    block = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
    paused = Message("assistant", (Opaque(wire="anthropic-messages", data=block),))
    server.script(response(ChatResponse(message=paused, finish_reason="pause")), says(tools=CALLS[:1]), says("Found."))
    face = make_face("anthropic-messages")

    if streams:
        face.events("fake/m", "Search.", tools=[search, weather])
        answer = face.last.response
    else:
        answer = face.run("fake/m", "Search.", tools=[search, weather])

    assert "Found." == answer.text
    assert native in server.requests[0].json["tools"]
    assert [block] == server.requests[1].json["messages"][1]["content"]
    assert [TOLD[0]] == [result.text for result in results(answer.messages)]


# --- how tools run ----------------------------------------------------------------------------------------------------


def test_calls_of_one_round_run_at_once(face: Any, server: Server) -> None:
    """Functions and coroutines of one round are under way together; their results come in the order of the calls."""
    both = threading.Barrier(2, timeout=5)
    ends: list[str] = []

    def first() -> str:
        both.wait()
        time.sleep(0.05)
        ends.append("first")
        return "1"

    async def second() -> str:
        await asyncio.to_thread(both.wait)
        ends.append("second")
        return "2"

    server.script(says(tools=[("first", {}), ("second", {})]), says("Done."))

    answer = face.run("fake/m", "Go", tools=[first, second])

    assert ["second", "first"] == ends
    assert ["1", "2"] == [result.text for result in results(answer.messages)]


def test_no_more_run_at_once_than_allowed(face: Any, server: Server) -> None:
    """`parallel=1` runs the calls of a round one after another."""
    running: list[int] = []
    most: list[int] = []

    def step(n: int) -> int:
        running.append(n)
        most.append(len(running))
        time.sleep(0.005)
        running.remove(n)
        return n

    server.script(says(tools=[("step", {"n": n}) for n in range(5)]), says("Done."))

    answer = face.run("fake/m", "Go", tools=[step], parallel=1)

    assert 1 == max(most)
    assert ["0", "1", "2", "3", "4"] == [result.text for result in results(answer.messages)]


def test_tools_see_the_callers_context(face: Any, server: Server) -> None:
    """Context variables that are set where `run` is called can be read in tools of both kinds."""
    user = contextvars.ContextVar[str]("user")

    def here() -> str:
        return user.get()

    async def there() -> str:
        return user.get()

    server.script(says(tools=[("here", {}), ("there", {})]), says("Done."))
    token = user.set("ada")
    try:
        answer = face.run("fake/m", "Go", tools=[here, there])
    finally:
        user.reset(token)

    assert ["ada", "ada"] == [result.text for result in results(answer.messages)]


def test_the_blocking_face_works_inside_of_a_running_loop(server: Server) -> None:
    """In a notebook, where a loop runs already, `Client.run` runs async tools as anywhere."""
    server.script(says(tools=CALLS[1:2]), says("Done."))

    async def cell() -> RunResponse:
        with Client(providers=row(server)) as client:
            return client.run("fake/m", "Go", tools=[double])

    assert ["8"] == [result.text for result in results(asyncio.run(cell()).messages)]


def test_a_private_loop_lives_for_the_run(server: Server) -> None:
    """Async tools of all rounds run in one loop, so what belongs to a loop can be kept between them."""
    loops: list[asyncio.AbstractEventLoop] = []

    async def look() -> str:
        loops.append(asyncio.get_running_loop())
        return "seen"

    server.script(says(tools=[("look", {})]), says(tools=[("look", {})]), says("Done."))
    with Client(providers=row(server)) as client:
        client.run("fake/m", "Go", tools=[look])

    assert 2 == len(loops)
    assert loops[0] is loops[1]
    assert loops[0].is_closed()


class Point(msgspec.Struct):
    x: int


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("text", (Text("text"),), id="a text"),
        pytest.param(None, (Text("null"),), id="nothing"),
        pytest.param({"a": [1, 2.5]}, (Text('{"a":[1,2.5]}'),), id="JSON"),
        pytest.param(Point(3), (Text('{"x":3}'),), id="a Struct"),
        pytest.param(["a", "b"], (Text('["a","b"]'),), id="a list of texts is JSON"),
        pytest.param(Image(data=PNG), (Image(data=PNG),), id="a picture"),
        pytest.param(["see:", Image(data=PNG)], (Text("see:"), Image(data=PNG)), id="a text and a picture"),
    ],
)
def test_what_a_tool_gives_is_what_the_model_reads(server: Server, value: object, expected: tuple[Any, ...]) -> None:
    """Texts and parts are sent as they are, everything else as JSON."""
    server.script(says(tools=[("give", {})]), says("Done."))

    def give():  # type: ignore[no-untyped-def]
        return value

    with Client(providers=row(server)) as client:
        answer = client.run("fake/m", "Go", tools=[give])

    assert expected == results(answer.messages)[0].parts


def test_a_result_may_be_an_error(server: Server) -> None:
    """A tool that returns a ToolResult says itself whether it failed; the id is that of the call."""
    server.script(says(tools=[ToolCall(id="c7", name="give")]), says("Done."))

    def give() -> object:
        return ToolResult("?", (Text("no"),), is_error=True)

    with Client(providers=row(server)) as client:
        result = results(client.run("fake/m", "Go", tools=[give]).messages)[0]

    assert ("c7", "no", True) == (result.call_id, result.text, result.is_error)


def test_what_has_no_json_form_is_told(face: Any, server: Server) -> None:
    """A result that cannot be sent is the tool's failure."""
    server.script(says(tools=[("give", {})]), says("Done."))

    def give() -> object:
        return object()

    result = results(face.run("fake/m", "Go", tools=[give]).messages)[0]

    assert result.is_error
    assert "no JSON form" in result.text


def test_a_custom_tool_is_given_its_text(make_face: Any, server: Server) -> None:
    """A tool of kind `custom` gets the free text as its one argument."""
    said: list[str] = []

    def execute(code: str) -> str:
        said.append(code)
        return "ran"

    custom = ToolFunction(execute, Tool(name="execute", kind="custom"))
    call = ToolCall(id="c1", name="execute", arguments_json="print('hi')", kind="custom")
    server.script(
        response(ChatResponse(message=Message("assistant", (call,)), finish_reason="tool_calls")), says("Done.")
    )

    make_face("openai-responses").run("fake/m", "Go", tools=[custom])

    assert ["print('hi')"] == said


# --- a call that is not whole -----------------------------------------------------------------------------------------


def test_a_cut_call_is_not_made(face: Any, server: Server) -> None:
    """At the end of an answer that hit its limit, a call without whole arguments is told, not repaired."""
    cut = ToolCall(id="c2", name="weather", arguments_json='{"city": "Par')
    whole = ToolCall(id="c1", name="weather", arguments_json='{"city": "Rome"}')
    server.script(says(tools=[whole, cut], finish="length"), says("Done."))

    told = [result.text for result in results(face.run("fake/m", "Go", tools=[weather]).messages)]

    assert [
        "Rome: sun for 1 day(s)",
        "The answer was cut before this call was whole. Call it again, with less.",
    ] == told


def test_calls_beside_a_refusal_are_not_made(face: Any, server: Server) -> None:
    """An answer that the provider stopped is the end; its calls get a result that says so."""
    server.script(says("No.", tools=CALLS[:1], finish="content_filter"))

    answer = face.run("fake/m", "Go", tools=TOOLS)

    assert ("content_filter", 1) == (answer.finish_reason, server.calls)
    assert ["The run was stopped before this tool ran."] == [result.text for result in results(answer.messages)]


# --- bad input --------------------------------------------------------------------------------------------------------


def _other(city: str) -> str:
    return city


@pytest.mark.parametrize(
    ("keywords", "field"),
    [
        pytest.param({"tools": [Tool(name="f")]}, "tools[0]", id="a declaration without function"),
        pytest.param({"tools": [{"name": "f", "parameters": {}}]}, "tools[0]", id="a dict"),
        pytest.param({"tools": [weather, tool(name="weather")(_other)]}, "tools[1]", id="the same name twice"),
        pytest.param({"tools": "weather"}, "tools", id="a text"),
        pytest.param({"tools": weather}, "tools", id="no list"),
        pytest.param({"tools": [3]}, "tools[0]", id="a number"),
        pytest.param({"settings": Settings(tools=(Tool(name="f"),))}, "tools", id="declared by settings only"),
        pytest.param({"max_rounds": 0}, "max_rounds", id="no rounds"),
        pytest.param({"max_rounds": True}, "max_rounds", id="rounds that are no number"),
        pytest.param({"max_cost": -1}, "max_cost", id="less than nothing"),
        pytest.param({"max_cost": float("nan")}, "max_cost", id="no number"),
        pytest.param({"parallel": 0}, "parallel", id="none at once"),
        pytest.param({"tool_timeout": 0}, "tool_timeout", id="no time"),
        pytest.param({"approve": "yes"}, "approve", id="a hook that is none"),
        pytest.param({"on_error": "ignore"}, "on_error", id="an unknown word"),
        pytest.param({"max_round": 3}, "max_round", id="a wrong name"),
    ],
)
def test_bad_input_fails_before_anything_is_sent(
    face: Any, server: Server, keywords: dict[str, Any], field: str
) -> None:
    """A ConfigError names the field; the provider hears nothing."""
    with pytest.raises(ConfigError) as caught:
        face.run("fake/m", "Go", **keywords)

    assert (field, 0) == (caught.value.field, server.calls)


def test_a_failing_provider_loses_nothing(make_face: Any, server: Server) -> None:
    """When a later round fails, the error has the messages so far, the last answer, and all attempts."""
    server.script(says("I look.", tools=CALLS[:1]), status(500))

    with pytest.raises(ServerError) as caught:
        make_face(retry=None).run("fake/m", "Go", tools=TOOLS)

    error = caught.value
    assert ["user", "assistant", "tool"] == [message.role for message in error.messages]
    assert [TOLD[0]] == [result.text for result in results(tuple(error.messages))]
    assert ["ok", "ServerError"] == [attempt.outcome for attempt in error.attempts]
    assert error.partial is not None
    assert "I look." == error.partial.text


# --- typed answers ----------------------------------------------------------------------------------------------------


class Report(msgspec.Struct):
    city: str
    degrees: int


def test_the_last_answer_may_be_typed(face: Any, server: Server) -> None:
    """`output=` beside tools: the last answer is asked for again until it fits; a stream has the value at its end."""
    right = '{"city":"Rome","degrees":21}'
    server.script(says(tools=CALLS[:1]), says('{"city":"Rome"}'), says(right), says(tools=CALLS[:1]), says(right))

    answer = face.run("fake/m", "Weather?", tools=TOOLS, output=Report)
    face.events("fake/m", "Weather?", tools=TOOLS, output=Report)

    assert Report("Rome", 21) == answer.output == face.last.output
    assert (2, 3) == (len(answer.rounds), len(answer.attempts))
