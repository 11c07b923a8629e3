"""The simulator, through the client half of the wire that it speaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import jsonschema_rs
import pytest

from dragoman import AsyncClient, Client, wire
from dragoman.errors import BadRequestError, ConfigError, ModelNotFoundError, NotFoundError, RateLimitError
from dragoman.transport.simulated import MODELS, tokens
from dragoman.transport.simulator import SimExchange, SimTransport
from dragoman.types.events import TextDelta
from dragoman.types.fold import fold
from dragoman.types.http import HttpRequest
from dragoman.types.messages import Message, ToolCall
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.types.tools import Tool

PROVIDER = Provider(name="sim", base_url="sim://local", auth="none")
CODEC = wire.get("openai-chat")
T = TypeVar("T")

WEATHER = Tool(
    name="weather",
    parameters={
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "minimum": 1},
            "note": {"type": "string"},
        },
        "required": ["city", "days"],
    },
)


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """Drive a coroutine that must not suspend."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it suspended")


def opened(transport: SimTransport, model: str, messages: Any = "why is the sky blue?", **settings: Any) -> SimExchange:
    request = ChatRequest(model=model, messages=messages, **settings)
    return done(transport.open(CODEC.encode_request(request, PROVIDER), connect_until=None, until=None))


def pieces(exchange: SimExchange) -> list[bytes]:
    return list(iter(lambda: done(exchange.read(None)), b""))


def ask(
    model: str, messages: Any = "why is the sky blue?", *, transport: SimTransport | None = None, **settings: Any
) -> ChatResponse:
    """The whole answer, plain."""
    exchange = opened(transport or SimTransport(), model, messages, **settings)
    return CODEC.decode_response(exchange.status, exchange.headers, b"".join(pieces(exchange)), PROVIDER)


def stream(model: str, messages: Any = "why is the sky blue?", **settings: Any) -> list[Any]:
    """The events of the same answer, streamed."""
    decoder = CODEC.decoder(PROVIDER)
    found = [
        event
        for piece in pieces(opened(SimTransport(), model, messages, stream=True, **settings))
        for event in decoder.feed(piece)
    ]
    return found + decoder.close()


@pytest.mark.parametrize("text", ["Hello", "  two  words \n", "你好，世界 🙂", "", 'quo"te {x}'])
def test_echo_says_the_last_user_text(text):
    """Exactly, plain and streamed, whatever was said before."""
    messages = (Message.user("earlier"), Message.assistant("no"), Message.user(text))

    assert text == ask("echo", messages).text == fold(stream("echo", messages)).text


def test_echo_streams_word_by_word():
    """One event for each word, or for each character where words have no space between."""
    found = [event.text for event in stream("echo", "so be it 好的") if isinstance(event, TextDelta)]

    assert ["so ", "be ", "it ", "好", "的"] == found == tokens("so be it 好的")


@pytest.mark.parametrize("model", ["hello", "default"])
def test_the_canned_text_says_what_it_is(model):
    """Nobody can take it for a language model; it counts the words of the prompt."""
    expected = "This is canned text so you can try the tool. It is not a language model. Your prompt had 5 words."

    assert expected == ask(model).text
    assert ask(model, "why?").text.endswith("Your prompt had 1 word.")


@pytest.mark.parametrize(
    ("allowed", "words", "reason"), [(None, 50, "stop"), (7, 7, "length"), (200, 200, "length"), (1, 1, "length")]
)
def test_lorem_is_as_long_as_asked(allowed, words, reason):
    """`max_tokens` words and cut, or 50 and whole."""
    answer = ask("lorem", max_tokens=allowed)

    assert words == len(answer.text.split()) == answer.usage.output_tokens
    assert reason == answer.finish_reason
    assert answer.text == ask("lorem", max_tokens=allowed).text


def test_an_absurd_max_tokens_does_not_fill_the_memory():
    """The text has an end of its own."""
    answer = ask("lorem", max_tokens=10**12)

    assert (100_000, "stop") == (answer.usage.output_tokens, answer.finish_reason)


@pytest.mark.parametrize("model", ["echo", "lorem", "hello"])
def test_every_model_honours_the_limits(model):
    """`max_tokens` cuts every model's answer, `stop` ends it before the stop text."""
    cut = ask(model, "one two three four", max_tokens=2)
    stopped = ask(model, "This is an ipsum", stop=("ipsum", "canned"))

    assert (2, "length") == (len(cut.text.split()), cut.finish_reason)
    assert "stop" == stopped.finish_reason
    assert not {"ipsum", "canned"} & set(stopped.text.split())


def test_usage_is_counted():
    """In words, input and output, the same plain and streamed."""
    messages = (Message.system("Be brief."), Message.user("one two three"))
    plain, streamed = ask("echo", messages).usage, fold(stream("echo", messages)).usage

    assert (5, 3) == (plain.input_tokens, plain.output_tokens)
    assert (5, 3) == (streamed.input_tokens, streamed.output_tokens)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model", [*MODELS, "no-such-model"])
def test_everything_is_marked(model, streamed):
    """Every JSON object that leaves the simulator says that it is simulated, errors too; so does the model's name."""
    found = pieces(opened(SimTransport(), model, stream=streamed))
    texts = [
        line.removeprefix(b"data: ")
        for piece in found
        for line in piece.splitlines()
        if line not in (b"", b"data: [DONE]")
    ]

    assert texts
    for text in texts:
        body = json.loads(text)
        assert body["simulated"] is True
        assert f"sim/{model}" == body.get("model", f"sim/{model}")


def test_an_unknown_model_lists_the_models():
    """It is the provider's 'no such model', and says what there is."""
    with pytest.raises(ModelNotFoundError, match=r"'gpt'.*echo, lorem, hello, default and script:FILE"):
        ask("gpt")


def test_a_tool_is_called_where_one_must_be():
    """The first, or the one that is named, with the smallest arguments that its schema allows; else none."""
    tools = (Tool(name="clock"), WEATHER)

    assert () == ask("hello", tools=tools).tool_calls == ask("hello", tools=tools, tool_choice="auto").tool_calls
    [first] = ask("hello", tools=tools, tool_choice="required").tool_calls
    assert ("clock", {}) == (first.name, first.arguments)
    answer = fold(stream("hello", tools=tools, tool_choice="weather"))
    assert [("weather", {"city": "text", "days": 1})] == [(call.name, call.arguments) for call in answer.tool_calls]
    assert "tool_calls" == answer.finish_reason
    assert () == ask("hello", tools=tools, tool_choice="none").tool_calls


@pytest.mark.parametrize("streamed", [False, True])
def test_output_with_a_schema_is_an_instance_of_it(streamed):
    """The answer's text is JSON that satisfies the schema."""
    schema = {"type": "object", "properties": {"total": {"type": "number", "minimum": 1}}, "required": ["total"]}
    answer = fold(stream("echo", output=schema)) if streamed else ask("echo", output=schema)

    jsonschema_rs.validator_for(schema).validate(json.loads(answer.text))


def test_a_schema_that_cannot_be_met_is_an_error_with_a_way_out():
    """It names the place, and points to the script."""
    with pytest.raises(BadRequestError, match=r"\$\.code.*script"):
        ask("echo", output={"type": "object", "properties": {"code": {"pattern": "^Ж$"}}, "required": ["code"]})


def test_several_answers_are_refused():
    """`n` is not ignored in silence."""
    with pytest.raises(BadRequestError, match="n is 2"):
        ask("echo", n=2)


def test_other_addresses():
    """The model list is there; nothing else is."""
    transport = SimTransport()

    def fetch(method: str, url: str) -> SimExchange:
        request = HttpRequest(method=method, url=url, headers={})
        return done(transport.open(request, connect_until=None, until=None))

    listed = json.loads(pieces(fetch("GET", "sim://local/models"))[0])
    assert list(MODELS) == [row["id"] for row in listed["data"]]
    missing = fetch("POST", "sim://local/embeddings")
    with pytest.raises(NotFoundError):
        CODEC.decode_response(missing.status, missing.headers, pieces(missing)[0])


def test_leaving_early_is_fine():
    """After `abort`, twice and on another thread's word, there is nothing more to read."""
    exchange = opened(SimTransport(), "lorem", stream=True)
    done(exchange.read(None))
    exchange.abort()
    exchange.abort()

    assert b"" == done(exchange.read(None))


def test_both_faces_use_it():
    """Nothing suspends, so the blocking face drives it too; the answer says that it is simulated."""

    async def main() -> ChatResponse:
        async with AsyncClient() as client:
            async with client.stream("sim/echo", "one two") as stream:
                assert ["one ", "two"] == [text async for text in stream.text]
            return await client.chat("sim/echo", "Hello")

    with Client() as client, client.stream("sim/echo", "one two") as stream:
        assert ["one ", "two"] == list(stream.text)
        answers = [client.chat("sim/echo", "Hello"), asyncio.run(main())]

    assert stream.response.simulated
    for answer in answers:
        assert ("Hello", True, "sim") == (answer.text, answer.simulated, answer.provider)
        assert answer.raw["simulated"] is True


# --- scripts ----------------------------------------------------------------------------------------------------------

SCRIPT = [
    "first",
    {"match": "weather", "reasoning": "hm", "tools": [{"name": "weather", "arguments": {"city": "Paris"}}]},
    {"text": "second", "finish": "content_filter"},
    {"status": 429, "message": "Slow down", "retry_after": 0.5},
]
YAML = """
- first
- match: weather
  reasoning: hm
  tools: [{name: weather, arguments: {city: Paris}}]
- {text: second, finish: content_filter}
- {status: 429, message: Slow down, retry_after: 0.5}
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", json.dumps(SCRIPT)), ("a.jsonl", "\n".join(map(json.dumps, SCRIPT))), ("a.yaml", YAML)],
)
def test_a_script_answers_in_order_or_by_match(tmp_path, name, content):
    """A match answers whenever its words are there; the rest come in order, errors too; then it says that it ends."""
    file = tmp_path / name
    file.write_text(content)
    model, transport = f"script:{file}", SimTransport()

    assert "first" == ask(model, transport=transport).text
    for _ in range(2):
        matched = ask(model, "the weather, please", transport=transport)
        assert ("hm", (ToolCall("call_0", "weather", '{"city":"Paris"}'),)) == (matched.reasoning, matched.tool_calls)
    second = ask(model, transport=transport)
    assert ("second", "content_filter") == (second.text, second.finish_reason)
    with pytest.raises(RateLimitError, match="Slow down") as caught:
        ask(model, transport=transport)
    assert 0.5 == caught.value.retry_after
    with pytest.raises(BadRequestError, match="no more answers"):
        ask(model, transport=transport)
    assert "first" == ask(model, transport=SimTransport()).text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.json", None, "No such file"),
        ("a.json", "{", "malformed"),
        ("a.json", "{}", "list of answers"),
        ("a.json", '[{"txt": "x"}]', "txt"),
        ("a.json", '[{"text": 5}]', r"\[0\]\.text"),
        ("a.yaml", "a: [", "malformed"),
        ("a.yaml", "{text: x}", "list of answers"),
        ("a.jsonl", '"x"\n{', "malformed"),
    ],
)
def test_a_bad_script_is_a_config_error(tmp_path, name, content, words):
    """Nothing is answered; the error names the file and what is wrong in it."""
    file = tmp_path / name
    if content is not None:
        file.write_text(content)

    with pytest.raises(ConfigError, match=words) as caught:
        opened(SimTransport(), f"script:{file}")

    assert caught.value.field
    assert name in caught.value.message
