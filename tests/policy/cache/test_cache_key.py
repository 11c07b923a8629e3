"""What a call is known by: everything that decides its answer, and nothing else."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from tests.strategies import fresh_requests, settings

from dragoman import ChatRequest, ConfigError, Message, Secret, Settings, Text, Timeouts
from dragoman.call import Sender
from dragoman.policy.base import Context
from dragoman.policy.cache.key import fields_of, key_of, scope_id, scope_of_credentials, scope_of_name
from dragoman.policy.deadline import Clocks
from dragoman.routes import Routes
from dragoman.runtime import BlockingRuntime
from dragoman.types.http import HttpRequest

RUNTIME = BlockingRuntime()
ASKED = ChatRequest("openai/m-1", "Hi", temperature=0.5)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
TURNED = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}


@cache
def sender(given: str = "{}") -> Sender:
    """Of a client whose rows are these, as JSON; making one takes a while."""
    rows: dict[str, dict[str, Any]] = msgspec.json.decode(given)
    known = {name: {"api_key": "key-of-tests", **rows.get(name, {})} for name in ("openai", "anthropic", "mistral")}
    return Sender(Routes(known, environ={}).resolve, lambda route: pytest.fail("nothing is sent"))


def prepared(request: ChatRequest, **rows: Any) -> tuple[Any, HttpRequest]:
    context = Context(RUNTIME, Clocks(Timeouts(), RUNTIME.now()))
    return sender(msgspec.json.encode(rows).decode()).prepare(request.directed(stream=False), context)


def key(request: ChatRequest, scope: str = "one", form: str = "", **rows: Any) -> bytes:
    way, encoded = prepared(request, **rows)
    return key_of(scope_of_name(scope), [(way, encoded, fields_of(encoded.body))], form)


def changed(**settings: Any) -> ChatRequest:
    return ChatRequest(**{"model": ASKED.model, "messages": ASKED.messages, "temperature": 0.5, **settings})


def test_the_same_question_has_the_same_key() -> None:
    """The key is a function of what is sent."""
    assert key(ASKED) == key(changed())


@pytest.mark.parametrize(
    "settings",
    [
        {"stream": True},
        {"timeout": 3.0},
        {"priority": "batch"},
        {"reuse": 60.0},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_what_does_not_reach_the_model_is_not_in_it(settings: dict[str, Any]) -> None:
    """How the answer is wanted does not change what it says."""
    assert key(ASKED) == key(changed(**settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "openai/m-2"},
        {"model": "mistral/m-1"},
        {"messages": "hi"},
        {"messages": (Message.system("Be brief."), Message.user("Hi"))},
        {"messages": (Message("user", (Text("H"), Text("i"))),)},
        {"temperature": 0.6},
        {"temperature": None},
        {"max_tokens": 5},
        {"seed": 1},
        {"stop": ("x",)},
        {"n": 2},
        {"logprobs": True},
        {"user": "u"},
        {"metadata": {"a": "b"}},
        {"service_tier": "flex"},
        {"output": {"title": "x", **SCHEMA}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]},
        {"extra": {"top_a": 1}},
        {"extra": {"temperature": 0.7}},
    ],
    ids=str,
)
def test_whatever_reaches_the_model_is_in_it(settings: dict[str, Any]) -> None:
    """No two requests that differ in what the provider reads have the same key."""
    assert key(ASKED) != key(changed(**settings))


@pytest.mark.parametrize(
    "row",
    [
        {"base_url": "http://127.0.0.1:1/v1"},
        {"wire": "openai-responses"},
        {"headers": {"openai-beta": "new=v2"}},
        {"headers": {"OpenAI-Organization": "org-1"}},
    ],
    ids=str,
)
def test_where_and_how_it_is_sent_is_in_it(row: dict[str, Any]) -> None:
    """Another address, dialect or beta may give another answer."""
    assert key(ASKED) != key(ASKED, openai=row)


def test_a_version_header_is_in_it() -> None:
    """Anthropic's version decides how a request is read."""
    request = changed(model="anthropic/claude-x")

    assert key(request) != key(request, anthropic={"quirks": {"api_version": "2099-01-01"}})


def test_scope_and_plan_are_in_it() -> None:
    """Another tenant has another answer, and so has another list of models that may give it."""
    assert 3 == len({key(ASKED), key(ASKED, scope="two"), key(ASKED, form="Fallback(.,.)")})


def test_the_order_of_extra_does_not_matter() -> None:
    """The body is an object, whose fields have no order."""
    assert key(changed(extra={"a": 1, "b": {"c": 2}})) == key(changed(extra={"b": {"c": 2}, "a": 1}))


def test_the_order_inside_a_schema_does() -> None:
    """A model writes the properties in the order of the schema, so another order is another question."""
    assert key(changed(output={"title": "x", **SCHEMA})) != key(changed(output={"title": "x", **TURNED}))


@pytest.mark.parametrize("header", ["idempotency-key", "user-agent", "traceparent", "authorization", "x-api-key"])
def test_headers_that_say_who_asks_are_not_in_it(header: str) -> None:
    """Credentials and ids of a call are nothing that is answered."""
    assert key(ASKED) == key(ASKED, openai={"headers": {header: "some-value"}})


def test_pieces_do_not_run_into_one_another() -> None:
    """Moving a border between two pieces makes another key."""
    way, encoded = prepared(ASKED)
    keys = {
        key_of("ab", [(way, encoded, {})], "c"),
        key_of("a", [(way, encoded, {})], "bc"),
        key_of("", [(way, encoded, {})], "abc"),
        key_of("", [(way, encoded, None)], "abc"),
        key_of("", [(way, encoded, {}), (way, encoded, {})], "abc"),
    }

    assert 5 == len(keys)


@given(request=fresh_requests, other=settings)
def test_keys_are_equal_only_where_requests_are(request: ChatRequest, other: Settings) -> None:
    """For a request and the same with other settings: one key if and only if one address and one body."""
    one = request.directed(model="openai/m-1")
    pair = (one, msgspec.structs.replace(one, **other.values()))
    try:
        sent = [prepared(asked)[1] for asked in pair]
    except ConfigError:  # one of them cannot be sent
        return
    (first, second), keys = sent, {key(asked) for asked in pair}

    same = (first.url, fields_of(first.body)) == (second.url, fields_of(second.body))
    assert (1 if same else 2) == len(keys)


def test_a_credential_is_a_scope_that_does_not_tell_it() -> None:
    """Without a name, answers belong to whoever has the key, and the key is in no text that is kept."""
    _, encoded = prepared(ASKED)
    one, other = (scope_of_credentials([Secret(value)], [encoded]) for value in ("sk-first-0001", "sk-other-0002"))

    assert one != other
    assert "sk-first" not in one
    assert one != scope_of_credentials([None], [encoded])


def test_a_credential_in_a_header_is_part_of_that_scope() -> None:
    """A gateway whose users are told apart by a header of their own keeps them apart."""
    scopes = {
        scope_of_credentials([None], [prepared(ASKED, openai={"headers": {"authorization": value}})[1]])
        for value in ("Bearer one-of-them", "Bearer the-other")
    }

    assert 2 == len(scopes)
    assert not any("one-of-them" in scope for scope in scopes)


def test_no_name_is_a_credential() -> None:
    """A tenant cannot choose a name that is somebody's credential."""
    _, encoded = prepared(ASKED)
    theirs = scope_of_credentials([Secret("sk-first-0001")], [encoded])

    assert scope_id(theirs) != scope_id(scope_of_name(theirs))
