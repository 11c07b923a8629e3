"""Asking for a value: what is sent, what comes back, and every way in which it does not."""

from __future__ import annotations

import pickle
from decimal import Decimal

import pytest

from dragoman import (
    ChatRequest,
    Client,
    ConfigError,
    ContentFilterError,
    OutputFormat,
    OverloadedError,
    RefusalError,
    SchemaError,
    Settings,
    TruncatedError,
    UnsupportedError,
    Usage,
)
from dragoman.testing import Server, says, status
from dragoman.testing import response as answers
from dragoman.types.messages import Message, Refusal, ToolResult
from dragoman.types.responses import ChatResponse
from tests.structured.conftest import WIRES
from tests.structured.sixty import CASES, Bounded, Defaults, Plain, Tree

GOOD = '{"name": "Ada", "age": 36}'
BAD = '{"name": "Ada", "age": "old"}'
each_wire = pytest.mark.parametrize("wire", WIRES)


def sent(server: Server, number: int = -1) -> ChatRequest:
    chat = server.requests[number].chat
    assert chat is not None
    return chat


@each_wire
def test_a_value_comes_back(make, server, wire):
    """The schema travels in the dialect's own place, and the answer is a value of the type."""
    server.script(says(GOOD))

    answer = make(wire).do("parse", "p/m", "Who?", output=Plain)

    assert Plain("Ada", 36) == answer.output
    form = sent(server).output
    assert form is not None
    assert "json_schema" == form.kind
    assert {"name", "age"} == set(form.schema["properties"])


@each_wire
def test_an_answer_that_does_not_fit_is_mended(make, server, wire):
    """The model sees its answer and the exact errors; ledger and usage are those of both answers."""
    used = (Usage(input_tokens=5, output_tokens=7), Usage(input_tokens=9, output_tokens=7))
    server.script(says(BAD, usage=used[0]), says(GOOD, usage=used[1]))

    answer = make(wire).do("parse", "p/m", "Who?", output=Plain)

    assert Plain("Ada", 36) == answer.output
    assert 2 == len(answer.attempts)
    assert (14, 14) == (answer.usage.input_tokens, answer.usage.output_tokens)
    told = [message.text for message in sent(server).messages]
    assert BAD in told[-2]
    assert "$.age: Expected int, got str" in told[-1]
    assert any("did not fit" in notice.text for notice in answer.notices)


@each_wire
def test_answers_that_never_fit_are_all_in_the_error(make, server, wire):
    """After the last attempt there is an error with every answer, which can be pickled; no value."""
    server.script(says(BAD), says("[]"), says('{"name": 3}'))

    with pytest.raises(SchemaError) as caught:
        make(wire).do("parse", "p/m", "Who?", output=Plain)

    error = pickle.loads(pickle.dumps(caught.value))
    assert [BAD, "[]", '{"name": 3}'] == [answer.text for answer in error.answers]
    assert ("$.age: it is required, and missing", "$.name: Expected str, got int") == error.errors
    assert 3 == len(error.attempts)
    assert error.partial.output is None
    assert "p" == error.provider


@each_wire
def test_a_cut_answer_is_truncated(make, server, wire):
    """An answer that hit the limit is an error at once, even if what came could be read."""
    server.script(says(GOOD, finish="length"))

    with pytest.raises(TruncatedError, match="max_tokens") as caught:
        make(wire).do("parse", "p/m", "Who?", output=Plain)

    assert GOOD == caught.value.partial.text
    assert 1 == server.calls


@pytest.mark.parametrize("wire", ["openai-chat", "openai-responses", "anthropic-messages"])
def test_a_refusal_is_one(make, server, wire):
    """What the model refused is not asked for again."""
    refused = ChatResponse(message=Message("assistant", (Refusal("I cannot."),)), finish_reason="refusal")
    server.script(answers(refused))

    with pytest.raises(RefusalError) as caught:
        make(wire).do("parse", "p/m", "Who?", output=Plain)

    assert caught.value.partial is not None
    assert 1 == server.calls


def test_a_filtered_answer_is_the_filter_s_error(make, server):
    """The provider's filter is not the model's mistake."""
    server.script(says("", finish="content_filter"))

    with pytest.raises(ContentFilterError):
        make().do("parse", "p/m", "Who?", output=Plain)


def test_an_error_on_the_way_knows_of_the_answers_before_it(make, server):
    """Whoever pays for two requests sees both."""
    server.script(says(BAD), status(529))

    with pytest.raises(OverloadedError) as caught:
        make(retry=None).do("parse", "p/m", "Who?", output=Plain)

    assert ["ok", "OverloadedError"] == [attempt.outcome for attempt in caught.value.attempts]
    assert BAD == caught.value.partial.text


@pytest.mark.parametrize("attempts", [1, 2])
def test_attempts_bound_the_answers(make, server, attempts):
    """As many answers as were allowed, and no more."""
    server.script(*[says(BAD)] * 5)

    with pytest.raises(SchemaError):
        make().do("parse", "p/m", "Who?", output=Plain, attempts=attempts)

    assert attempts == server.calls


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        pytest.param({}, "output", id="no type"),
        pytest.param({"output": OutputFormat(kind="text")}, "output", id="text"),
        pytest.param({"output": OutputFormat()}, "output", id="nothing"),
        pytest.param({"output": Plain, "attempts": 0}, "attempts", id="no attempt"),
        pytest.param({"output": Plain, "attempts": "2"}, "attempts", id="a text"),
        pytest.param({"output": {"type": "thing"}}, "output", id="no schema"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(make, server, settings, field):
    """With the field that is wrong."""
    with pytest.raises(ConfigError) as caught:
        make().do("parse", "p/m", "Who?", **settings)

    assert field == caught.value.field
    assert 0 == server.calls


def test_the_time_is_that_of_one_call(make, server):
    """A second answer has what the first has left; after that there is no third."""
    server.script(says(BAD, latency=0.25), says(BAD, latency=0.25), says(GOOD))

    with pytest.raises((SchemaError, TimeoutError)) as caught:
        make().do("parse", "p/m", "Who?", output=Plain, timeout=0.4)

    assert server.calls <= 2
    assert 2 == len(caught.value.attempts)


def test_cost_is_that_of_all_answers(make, server):
    """Prices are per answer, and the sum is what was paid."""
    prices = {"p/m": {"prices": [{"input": Decimal(1), "output": Decimal(2)}]}}
    server.script(*[says(text, usage=Usage(input_tokens=1_000_000, output_tokens=500_000)) for text in (BAD, GOOD)])

    answer = make(models=prices).do("parse", "p/m", "Who?", output=Plain)

    assert Decimal(4) == answer.cost


@pytest.mark.parametrize("verb", ["chat", "send"])
def test_other_verbs_take_types_too(make, server, verb):
    """`chat` and `send` with a type are `parse` with its defaults."""
    server.script(says(BAD), says(GOOD))
    face = make()
    asked = (ChatRequest("p/m", "Who?", output=Plain),) if verb == "send" else ("p/m", "Who?")

    answer = face.do(verb, *asked, **({} if verb == "send" else {"output": Plain}))

    assert Plain("Ada", 36) == answer.output


def test_types_in_settings(make, server):
    """A type is a setting like any other; the keyword wins."""
    server.script(says(GOOD), says('{"value": 3}'))
    face = make(defaults=Settings(output=Plain))

    assert Plain("Ada", 36) == face.do("parse", "p/m", "Who?").output
    assert 3 == face.do("parse", "p/m", "How many?", output=int).output


def test_a_ready_format_is_sent_as_it_is(make, server):
    """Whoever gives an OutputFormat, or a schema to `chat`, is not second-guessed, and has no output."""
    schema = {"type": "object", "properties": {"a": {"type": "integer", "default": 3}}}
    server.script(says("{}"), says("{}"))
    face = make()

    assert face.do("chat", "p/m", "Who?", output=OutputFormat(schema=schema)).output is None
    assert face.do("chat", "p/m", "Who?", output=schema).output is None
    assert [schema, schema] == [sent(server, i).output.schema for i in (0, 1)]


def test_what_was_lost_is_noticed_and_held_to(make, server):
    """Bounds that the dialect cannot say are named, and an answer that breaks one does not come out."""
    broken = CASES["bounded"].bad[0]
    server.script(says(broken), says(CASES["bounded"].good[0]))

    answer = make("anthropic-messages").do("parse", "p/m", "Count.", output=Bounded)

    assert 5 == answer.output.number
    assert any("maximum ($.number)" in notice.text for notice in answer.notices)
    assert 2 == server.calls


def test_what_cannot_be_said_strictly_is_sent_loosely(make, server):
    """OpenAI's strict mode has no maps: the schema goes as it is, without `strict`."""
    server.script(says('{"a": 1}'))

    answer = make().do("parse", "p/m", "Count.", output=dict[str, int])

    assert {"a": 1} == answer.output
    assert sent(server).output.strict is False
    assert any("without `strict`" in notice.text for notice in answer.notices)


def test_what_a_dialect_has_no_schema_for_is_asked_for_in_words(make, server):
    """Anthropic's schemas do not hold themselves: the schema stands in the prompt, and JSON in words is found."""
    server.script(says('Here you are:\n```json\n{"value": 1, "children": [{"value": 2}]}\n```'))

    answer = make("anthropic-messages").do("parse", "p/m", "A tree.", output=Tree)

    assert Tree(1, [Tree(2)]) == answer.output
    assert sent(server).output is None
    assert '"children"' in sent(server).messages[-1].text
    assert any("asked for in words" in notice.text for notice in answer.notices)


def test_strict_clients_do_not_ask_in_words(make, server):
    """With strict=True what the provider cannot hold its model to is refused; what is held to here is not."""
    server.script(says(CASES["bounded"].good[0]))
    face = make("openai-chat", quirks={"schemas": "words"}, strict=True)

    with pytest.raises(UnsupportedError):
        face.do("parse", "p/m", "Who?", output=Plain)
    assert 5 == make("openai-chat", strict=True).do("parse", "p/m", "Count.", output=Bounded).output.number


@pytest.mark.parametrize("wire", ["openai-chat", "anthropic-messages", "bedrock-converse", "gemini-generate"])
def test_the_arguments_of_a_tool(make, server, wire):
    """A model that takes no schema but calls tools is given one that it must call; its errors are the tool's result."""
    server.script(says(tools=[("give_the_answer", BAD)]), says(tools=[("give_the_answer", GOOD)]))
    facts = {"p/m": {"yes": ("tools",), "no": ("json_schema",)}}

    answer = make(wire, models=facts).do("parse", "p/m", "Who?", output=Plain)

    assert Plain("Ada", 36) == answer.output
    assert ["give_the_answer"] == [tool.name for tool in sent(server).tools]
    assert sent(server).tool_choice in ("give_the_answer", "required")
    assert any(isinstance(part, ToolResult) and "$.age" in part.text for part in sent(server).messages[-1].parts)
    assert sent(server).output is None


def test_an_answer_that_calls_the_caller_s_tools_has_no_value_yet(make, server):
    """It is returned as it is, for whoever runs the tools."""
    server.script(says("Let me look.", tools=[("look", "{}")]))

    answer = make().do("parse", "p/m", "Who?", output=Plain, tools=[{"name": "look", "parameters": {"type": "object"}}])

    assert answer.output is None
    assert ["look"] == [call.name for call in answer.tool_calls]


def test_null_means_left_out_where_all_must_be_there(make, server):
    """OpenAI's strict mode makes a model say null for what it leaves out: the defaults hold."""
    server.script(says('{"name": "a", "age": null, "nick": null, "tags": null}'))

    assert Defaults("a") == make().do("parse", "p/m", "Who?", output=Defaults).output


@each_wire
def test_json_of_any_form(make, server, wire):
    """Any object or list; what is neither is asked for again."""
    server.script(says("3"), says('{"a": [1]}'), says("[1, 2]"))
    face = make(wire)

    assert {"a": [1]} == face.do("json", "p/m", "Some JSON, please.").output
    assert [1, 2] == face.do("json", "p/m", "A list.").output
    form = sent(server).output
    assert (form is None) == (wire in ("anthropic-messages", "bedrock-converse"))
    assert "json" in "".join(message.text for message in sent(server).messages).lower()


def test_each_target_of_a_plan_has_its_own_form(server):
    """A plan's second target speaks another dialect, and gets a schema in that dialect's form."""
    from dragoman import Fallback

    server.script(status(500), says('{"name": "a"}'))
    rows = {
        name: {"base_url": server.base_url(wire), "api_key": "k", "wire": wire}
        for name, wire in (("one", "openai-chat"), ("two", "anthropic-messages"))
    }
    with Client(providers=rows, retry=None) as client:
        answer = client.parse(Fallback("one/m", "two/m"), "Who?", output=Defaults)

    assert Defaults("a") == answer.output
    required = [sent(server, i).output.schema["required"] for i in (0, 1)]
    assert [["name", "age", "nick", "tags"], ["name"]] == required


def test_a_request_with_a_type_can_be_pickled():
    """Other processes may be asked to ask."""
    request = ChatRequest("p/m", "Who?", output=Plain)

    assert request == pickle.loads(pickle.dumps(request))
    assert request.output is not None
    assert Plain is request.output.type


def test_the_simulator_fills_in_a_form(make):
    """Without any provider a value of the type comes back."""
    assert Plain("text", 0) == make().do("parse", "sim/echo", "Who?", output=Plain).output


@pytest.mark.parametrize("seen", ["partials", "items"])
@each_wire
def test_a_streamed_value(make, server, wire, seen):
    """What is there of it grows, and in the end it is the value."""
    server.script(says('{"value": [{"name": "a", "age": 1}, {"name": "b", "age": 2}]}', chunk=5))

    found, stream = make(wire).see(seen, "p/m", "Who?", output=list[Plain])

    assert [Plain("a", 1), Plain("b", 2)] == stream.output
    assert found[-2 if seen == "items" else -1 :] in ([Plain("a", 1), Plain("b", 2)], [stream.output])


@pytest.mark.parametrize("seen", ["partials", "items"])
@pytest.mark.parametrize(
    ("step", "error"),
    [
        pytest.param(says('{"value": [{"name": "a", "age": 1}, {"na', finish="length"), TruncatedError, id="cut"),
        pytest.param(says('{"value": [{"name": "a", "age": 1}, {"name": "b"}]}'), SchemaError, id="wrong"),
        pytest.param(says("Sorry, no."), SchemaError, id="words"),
    ],
)
def test_a_streamed_value_that_is_none(make, server, seen, step, error):
    """A stream that shows a part of what is no value ends in an error, as `output` does."""
    server.script(step)
    face = make()

    with pytest.raises(error):
        face.see(seen, "p/m", "Who?", output=list[Plain])


def test_a_streamed_value_in_the_arguments_of_a_tool(make, server):
    """They are followed in the same way."""
    server.script(says(tools=[("give_the_answer", GOOD)], chunk=4))

    found, stream = make(quirks={"schemas": "tool"}).see("partials", "p/m", "Who?", output=Plain)

    assert {"name": "Ada", "age": 36} == dict(found[-1])
    assert Plain("Ada", 36) == stream.output


@pytest.mark.parametrize("seen", ["partials", "items"])
def test_a_stream_without_a_type_shows_no_value(make, server, seen):
    """The error says how to ask for one."""
    server.script(says("hello"))

    with pytest.raises(ConfigError, match="output="):
        make().see(seen, "p/m", "Who?")


def test_a_field_that_is_unknown_is_an_error(make, server):
    """A field of the type that is not there yet is None; one that it does not have is no field."""
    server.script(says(GOOD, chunk=9))

    found, _ = make().see("partials", "p/m", "Who?", output=Plain)

    assert found[0].age is None
    with pytest.raises(AttributeError):
        _ = found[0].size
