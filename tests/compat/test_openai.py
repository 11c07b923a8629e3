"""What the drop-in for the openai library does besides what users' code shows (tests/bridge holds that)."""

from __future__ import annotations

import asyncio
import gc
import json
import pickle
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import openai as official
import pytest

import dragoman.compat.openai as openai
from dragoman import AsyncClient, Client, ConfigError, Fallback, Retry, Timeouts, errors
from dragoman.compat.openai import AsyncOpenAI, OpenAI
from dragoman.compat.openai.errors import both
from dragoman.testing import Server, embeds, raw, says, status
from dragoman.testing.faults import FAULTS, TEXT, fault

ASK: list[Any] = [{"role": "user", "content": "Hi"}]
CLAUDE = "anthropic/claude-haiku-5-5"


def anywhere(server: Server, **options: Any) -> Client:
    """A client whose vendors are all the test server."""
    wires = {"openai": "openai-chat", "anthropic": "anthropic-messages", "gemini": "gemini-generate"}
    rows = {name: {"base_url": server.base_url(wire), "api_key": "k-of-a-test"} for name, wire in wires.items()}
    return Client(**{"providers": rows, "retry": Retry(base=0.01), "limit": None, **options})


def text(client: OpenAI, model: str, **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=ASK, **more).choices[0].message.content


# --- which provider ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "wire", "name"),
    [
        ("gpt-x", "openai-chat", "gpt-x"),
        ("openai/gpt-x", "openai-chat", "gpt-x"),
        (CLAUDE, "anthropic-messages", "claude-haiku-5-5"),
        ("gemini/gemini-x", "gemini-generate", "gemini-x"),
        ("some-org/some-model", "openai-chat", "some-org/some-model"),
    ],
)
def test_a_model_names_its_provider(server: Server, model: str, wire: str, name: str) -> None:
    """A bare name is OpenAI's, and so is one whose left side is no provider."""
    server.script(says("hello"), says("one two"))
    with anywhere(server) as own:
        client = OpenAI(client=own)

        assert "hello" == text(client, model)
        chunks = list(client.chat.completions.create(model=model, messages=ASK, stream=True))

    assert "one two" == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert [wire, wire] == [request.wire for request in server.requests]
    sent = server.requests[0].chat
    assert sent is not None
    assert name == sent.model or name in server.requests[0].path


def test_every_model_belongs_to_a_base_url(server: Server) -> None:
    """Where a server was named, a slash in a model's name is the server's own, as with the openai library."""
    server.script(says("hello"))
    with OpenAI(base_url=server.base_url(), api_key="k") as client:
        assert "hello" == text(client, CLAUDE)

    assert ("openai-chat", CLAUDE) == (server.requests[0].wire, server.requests[0].json["model"])


def test_a_server_that_is_known_keeps_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of a provider in the catalogue is that provider; its own key is looked for."""
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    client = OpenAI(base_url="https://api.groq.com/openai/v1")

    with pytest.raises(openai.AuthenticationError, match="GROQ_API_KEY"):
        text(client, "llama")


def test_a_plan_is_asked_by_its_name(server: Server) -> None:
    """What a client's routes are called is a model; the answer says who gave it."""
    server.script(status(500, "boom"), says("hello"), says("one two"))
    with anywhere(server, routes={"smart": Fallback("openai/gpt-x", CLAUDE)}, retry=None) as own:
        client = OpenAI(client=own)
        answer = client.chat.completions.create(model="smart", messages=ASK)

        assert "hello" == answer.choices[0].message.content
        assert "anthropic" == answer.dragoman.provider
        assert "one two" == client.responses.create(model="smart", input="Hi").output_text


def test_responses_go_as_written_to_who_speaks_them(server: Server) -> None:
    """A field that only that dialect has reaches the provider; another provider is asked in its own dialect."""
    server.script(says("one"), says("two"))
    with anywhere(server) as own:
        client = OpenAI(client=own)
        client.responses.create(
            model="gpt-x",
            input="Hi",
            previous_response_id="resp_7",
            extra_body={"brand_new": 1},
            extra_query={"a": "b"},
        )
        client.responses.create(model=CLAUDE, input="Hi", max_output_tokens=20)

    first, second = server.requests
    assert ("openai-responses", "a=b") == (first.wire, first.query)
    assert ("gpt-x", "resp_7", 1) == tuple(first.json[name] for name in ("model", "previous_response_id", "brand_new"))
    assert ("anthropic-messages", 20) == (second.wire, second.json["max_tokens"])


def test_several_choices_of_a_provider_that_gives_one(server: Server) -> None:
    """It is asked that often, and the usage is the sum."""
    server.default = says("hello")
    with anywhere(server) as own:
        answer = OpenAI(client=own).chat.completions.create(model=CLAUDE, messages=ASK, n=3, max_tokens=9)

    assert [0, 1, 2] == [choice.index for choice in answer.choices]
    assert ["hello"] * 3 == [choice.message.content for choice in answer.choices]
    assert 3 == server.calls
    assert (3, 3, 6) == (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "word", "theirs", "ours"),
    [
        (400, None, openai.BadRequestError, errors.BadRequestError),
        (400, "context_length_exceeded", openai.BadRequestError, errors.ContextLengthError),
        (401, None, openai.AuthenticationError, errors.AuthenticationError),
        (403, None, openai.PermissionDeniedError, errors.PermissionDeniedError),
        (404, "model_not_found", openai.NotFoundError, errors.UnknownModelError),
        (409, None, openai.ConflictError, errors.StatusError),
        (422, None, openai.UnprocessableEntityError, errors.BadRequestError),
        (429, None, openai.RateLimitError, errors.RateLimitError),
        (429, "insufficient_quota", openai.RateLimitError, errors.QuotaError),
        (500, None, openai.InternalServerError, errors.ServerError),
        (529, None, openai.InternalServerError, errors.OverloadedError),
    ],
)
def test_an_error_is_of_both_libraries(
    server: Server, code: int, word: str | None, theirs: type[Exception], ours: type[Exception]
) -> None:
    """It is caught by either name, has the fields of both, and survives pickle."""
    server.script(status(code, "no luck", code=word))
    with OpenAI(base_url=server.base_url(), api_key="k", max_retries=0) as client, pytest.raises(theirs) as caught:
        text(client, "m")

    error: Any = caught.value
    assert isinstance(error, ours)
    assert isinstance(error, openai.APIStatusError | openai.OpenAIError)
    assert (code, "no luck", "req-0") == (error.status_code, error.message, error.request_id)
    assert "no luck" == error.body["message"] == error.response.json()["error"]["message"]
    assert 1 == len(error.attempts)
    again = pickle.loads(pickle.dumps(error))
    assert (type(error), str(error), error.attempts) == (type(again), str(again), again.attempts)


@pytest.mark.parametrize(
    "kind",
    [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.DragomanError)],
    ids=lambda kind: kind.__name__,
)
def test_every_error_of_ours_has_one_of_theirs(kind: type[errors.DragomanError]) -> None:
    """Whatever can be raised is an `APIError`, once, and stays what it is."""
    made = kind.__new__(kind, "what happened")
    errors.DragomanError.__init__(made, "what happened")

    error = both(made)

    assert isinstance(error, openai.APIError)
    assert isinstance(error, kind)
    assert error is both(error)
    assert made.message == error.message
    assert type(error) is type(pickle.loads(pickle.dumps(error)))


def test_what_is_wrong_with_a_call_is_said_before_it_is_sent(server: Server) -> None:
    """Unknown arguments, wrong types, credentials in headers."""
    with OpenAI(base_url=server.base_url(), api_key="k") as client:
        create: Any = client.chat.completions.create
        with pytest.raises(openai.BadRequestError, match="did you mean temperature"):
            create(model="m", messages=ASK, temprature=1)
        with pytest.raises(openai.BadRequestError, match="role"):
            create(model="m", messages=[{"role": "stranger", "content": "x"}])
        with pytest.raises(openai.BadRequestError, match="temperature"):
            create(model="m", messages=ASK, temperature="hot")
        with pytest.raises(openai.BadRequestError, match="has no JSON form"):
            create(model="m", messages=ASK, metadata={"x": object()})
        with pytest.raises(openai.BadRequestError, match="authorization is a credential"):
            create(model="m", messages=ASK, extra_headers={"Authorization": "Bearer x"})
        with pytest.raises(openai.BadRequestError, match="extra_query"):
            create(model="m", messages=ASK, extra_query={"a": "b"})
        with pytest.raises(openai.BadRequestError, match="timeout"):
            create(model="m", messages=ASK, timeout=-1)

    assert () == server.all_requests


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"http_client": object()}, "http_client"),
        ({"default_query": {"a": "b"}}, "default_query"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": "2"}, "max_retries"),
        ({"client": object()}, "client"),
        ({"client": AsyncClient()}, "client"),
        ({"client": Client(), "api_key": "k"}, "api_key"),
        ({"client": Client(), "base_url": "http://127.0.0.1:9/v1"}, "base_url"),
        ({"base_url": 7}, "base_url"),
        ({"default_headers": {"Authorization": "Bearer x"}}, "default_headers.authorization"),
    ],
)
def test_what_is_wrong_with_a_client_is_said_when_it_is_made(options: Any, field: str) -> None:
    """The error names the argument."""
    with pytest.raises(ConfigError) as caught:
        OpenAI(**options)

    assert field == caught.value.field


def test_what_there_is_not_says_where_to_find_it() -> None:
    """Files, images and the like are left to the official library."""
    with pytest.raises(AttributeError, match=r"dragoman.bridge.httpx2_client"):
        OpenAI().files  # noqa: B018


def test_an_error_in_a_stream_is_typed(server: Server) -> None:
    """What came before it was delivered; the error has it, too."""
    server.script(fault("error_event_after_text"))
    found = ""
    with OpenAI(base_url=server.base_url(), api_key="k") as client:
        try:
            for chunk in client.chat.completions.create(model="m", messages=ASK, stream=True):
                found += chunk.choices[0].delta.content or ""
        except openai.APIError as caught:
            error: Any = caught

    assert isinstance(error, errors.OverloadedError)
    assert found
    assert found == error.partial.text
    assert TEXT.text.startswith(error.partial.text)


@pytest.mark.parametrize("name", sorted(FAULTS))
@pytest.mark.parametrize("stream", [False, True])
def test_every_fault_is_an_error_of_the_library(name: str, stream: bool) -> None:
    """The whole answer, or an `APIError`: never a part of an answer as a whole, never anything else."""
    one = FAULTS[name]
    expects = one.stream if stream else one.plain
    if expects is None or "openai-chat" not in one.wires:
        return
    with Server(default=fault(name)) as server:
        own = anywhere(server, timeouts=Timeouts(first_event=0.4, idle=0.4, total=0.9), retry=None)
        try:
            with own:
                found = _asked(OpenAI(client=own), stream)
        except openai.APIError:
            assert expects.errors
            return
    assert not expects.errors or expects.or_whole
    assert TEXT.text == found if expects.answer == "text" else not found


def _asked(client: OpenAI, stream: bool) -> str:
    if not stream:
        return text(client, "m") or ""
    chunks = client.chat.completions.create(model="m", messages=ASK, stream=True)
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


# --- objects ----------------------------------------------------------------------------------------------------------


def test_objects_are_like_those_of_the_library(server: Server) -> None:
    """The same answer in both: attributes, dumps, what is None, what is not there."""
    body = {
        "id": "c",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "logprobs": None,
                "message": {
                    "role": "assistant",
                    "content": "hi",
                    "refusal": None,
                    "reasoning_content": "hm",
                    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
    server.script(*[raw(json.dumps(body).encode())] * 2)
    with official.OpenAI(base_url=server.base_url(), api_key="k") as sdk:
        theirs = sdk.chat.completions.create(model="m", messages=ASK)
    with OpenAI(base_url=server.base_url(), api_key="k") as client:
        ours = client.chat.completions.create(model="m", messages=ASK)

    assert theirs.to_dict() == ours.to_dict() == body
    assert theirs.model_dump(exclude_none=True) == ours.model_dump(exclude_none=True)
    assert theirs.choices[0].message.model_dump() == ours.choices[0].message.model_dump()
    assert json.loads(theirs.model_dump_json()).keys() == json.loads(ours.model_dump_json()).keys()
    assert theirs.choices[0].message.model_extra == ours.choices[0].message.model_extra
    assert dict(theirs.choices[0].message.tool_calls[0].function) == dict(  # type: ignore[index,union-attr]
        ours.choices[0].message.tool_calls[0].function
    )
    assert ours == ours.model_copy()
    assert ours.choices[0].message != ours
    assert "ChatCompletionMessage(role='assistant', content='hi'" in repr(ours.choices[0].message)
    with pytest.raises(AttributeError, match="'ChatCompletionMessage' object has no attribute 'parsed'"):
        ours.choices[0].message.parsed  # noqa: B018


def test_an_answer_knows_what_dragoman_knows(server: Server) -> None:
    """Cost, ledger and notices are beside it, in no dump."""
    server.script(status(503), says("hello"))
    with anywhere(server) as own:
        answer = OpenAI(client=own).chat.completions.create(model=CLAUDE, messages=ASK)

    assert [503, 200] == [attempt.status for attempt in answer.dragoman.attempts]
    assert answer.dragoman.cost is not None
    assert not {"dragoman", "_dragoman"} & answer.model_dump().keys()
    assert answer.created > 1_700_000_000


def test_types_that_are_no_pydantic_models(server: Server) -> None:
    """A dataclass is asked for and comes back; so does a list."""

    @dataclass
    class Point:
        x: int
        y: int

    server.script(says('{"x": 1, "y": 2}'), says('{"value": [1, 2]}'), says('{"x": "no"}'))
    with OpenAI(base_url=server.base_url(), api_key="k") as client:
        parse = client.chat.completions.parse
        assert Point(1, 2) == parse(model="m", messages=ASK, response_format=Point).choices[0].message.parsed
        assert [1, 2] == parse(model="m", messages=ASK, response_format=list[int]).choices[0].message.parsed
        with pytest.raises(openai.APIError) as caught:
            parse(model="m", messages=ASK, response_format=Point)

    assert isinstance(caught.value, errors.SchemaError)
    sent = server.requests[0].json["response_format"]["json_schema"]
    assert (True, ["x", "y"], False) == (
        sent["strict"],
        sent["schema"]["required"],
        sent["schema"]["additionalProperties"],
    )


def test_arguments_of_the_official_library_are_taken(server: Server) -> None:
    """Its objects in the messages, and its word for what was not given."""
    server.script(says(tools=[("f", {})]), says("hello"))
    with official.OpenAI(base_url=server.base_url(), api_key="k") as sdk:
        message = sdk.chat.completions.create(model="m", messages=ASK).choices[0].message
    with OpenAI(base_url=server.base_url(), api_key="k") as client:
        result = {"role": "tool", "tool_call_id": "call_0", "content": "x"}
        create: Any = client.chat.completions.create
        create(model="m", messages=[*ASK, message, result], temperature=official.NOT_GIVEN, top_p=openai.omit)

    assert ["user", "assistant", "tool"] == [turn["role"] for turn in server.requests[1].json["messages"]]
    assert not {"temperature", "top_p"} & server.requests[1].json.keys()


# --- the client -------------------------------------------------------------------------------------------------------


def test_options_of_a_call_and_of_a_client(server: Server) -> None:
    """Headers add up, `with_options` changes what it says and shares the connections."""
    server.default = says("hello")
    with OpenAI(
        base_url=server.base_url(), api_key="k", organization="org-1", default_headers={"X-Team": "a"}
    ) as client:
        text(client, "m", extra_headers={"X-Call": "1"})
        text(client.with_options(default_headers={"X-Team": "b"}), "m")
        text(client.with_options(timeout=5.0), CLAUDE)

        sent = [request.headers for request in server.requests]
        assert ("org-1", "a", "1") == tuple(sent[0][name] for name in ("openai-organization", "x-team", "x-call"))
        assert ("org-1", "b") == (sent[1]["openai-organization"], sent[1]["x-team"])
        assert CLAUDE == server.requests[2].json["model"]
        assert 1 == server.connections
        assert (server.base_url(), 2) == (client.base_url, client.max_retries)
        with pytest.raises(ConfigError, match="with_options has no argument 'colour'"):
            client.with_options(colour="red")


def test_retries_are_counted_as_the_library_counts_them(server: Server) -> None:
    """`max_retries=1` is two requests."""
    server.script(*[status(500, "boom")] * 5)
    with OpenAI(base_url=server.base_url(), api_key="k", max_retries=1) as client:
        with pytest.raises(openai.InternalServerError):
            text(client, "m")
        assert 2 == server.calls


def test_a_stream_that_is_left_closes_the_upstream(server: Server) -> None:
    """By `close`, by the end of `with`, and by the last reference, on both faces."""
    server.default = says("word " * 2000, pace=0.005)
    with OpenAI(base_url=server.base_url(), api_key="k") as client:
        ask: Any = client.chat.completions
        stream = ask.create(model="m", messages=ASK, stream=True)
        next(stream)
        stream.close()
        assert [] == list(stream)
        with ask.stream(model="m", messages=ASK) as helper:
            next(helper)
        dropped = ask.create(model="m", messages=ASK, stream=True)
        next(dropped)
        del dropped
        gc.collect()

    async def main() -> None:
        async with AsyncOpenAI(base_url=server.base_url(), api_key="k") as client:
            create: Any = client.chat.completions.create
            async with await create(model="m", messages=ASK, stream=True) as stream:
                await anext(stream)

    asyncio.run(main())

    assert all(request.wait_closed() is not None for request in server.requests)
    assert 4 == server.calls


def test_a_given_client_stays_open(server: Server) -> None:
    """Closing the drop-in closes what it made itself, and nothing else."""
    server.script(says("hello"))
    with anywhere(server) as own:
        with OpenAI(client=own):
            pass
        assert "hello" == own.chat("openai/m", "Hi").text


def test_vectors_of_another_provider(server: Server) -> None:
    """`provider/model` for embeddings; a list longer than one request may hold is cut."""
    server.on("/v1/embeddings", embeds(4))
    with anywhere(server) as own:
        answer = OpenAI(client=own).embeddings.create(model="openai/e", input=["text"] * 2100)

    assert list(range(2100)) == [item.index for item in answer.data]
    assert 2 == server.calls
    assert len(answer.dragoman.attempts) == 2


def test_a_model_that_is_not_listed(server: Server) -> None:
    """`retrieve` finds it in the list, or is a 404."""
    with OpenAI(base_url=server.base_url(), api_key="k") as client:
        assert "any" == client.models.retrieve("any").id
        with pytest.raises(openai.NotFoundError, match="does not list"):
            client.models.retrieve("other")


def test_it_needs_neither_library() -> None:
    """Neither openai, nor httpx2, nor pydantic is imported."""
    program = (
        "import sys\n"
        "for name in ('openai', 'httpx2', 'pydantic', 'httpx'): sys.modules[name] = None\n"
        "from dragoman.compat.openai import OpenAI\n"
        "ask = [{'role': 'user', 'content': 'Hello'}]\n"
        "client = OpenAI()\n"
        "print(client.chat.completions.create(model='sim/echo', messages=ask).choices[0].message.content)\n"
        "print(client.responses.create(model='sim/echo', input='Hello').output_text)\n"
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert ["Hello", "Hello"] == done.stdout.split()


def test_no_key_shows(server: Server) -> None:
    """Neither in what is printed of the client nor in an error whose server echoes it."""
    key = "sk-a-canary-of-compat-0815"
    server.script(status(401, f"Incorrect API key provided: {key}"))
    with OpenAI(base_url=server.base_url(), api_key=key) as client, pytest.raises(openai.AuthenticationError) as caught:
        text(client, "m")

    error: Any = caught.value
    for shown in (str(error), repr(error), repr(vars(error)), str(error.body), error.response.text, repr(vars(client))):
        assert key not in shown
