"""What travels to worker processes and back is what it was."""

from __future__ import annotations

import socket
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from dragoman import ChatRequest, ConfigError, Image, Message, RateLimitError, Retry, Text, tool, wire
from dragoman.batch.processes import errands
from dragoman.batch.processes.errands import Exchange, Failure, Question, Reply
from dragoman.secrets import Secret, veiled
from dragoman.transport.base import Clockout, Disconnected
from dragoman.types.attempts import Attempt
from dragoman.types.cost import Cost
from dragoman.types.http import HttpRequest, Notice
from dragoman.types.requests import OutputFormat
from dragoman.types.responses import ChatResponse
from tests.corpus.dialects import DIALECTS
from tests.corpus.recording import SAMPLE, load

ARGUMENTS: dict[str, Any] = {
    "providers": {},
    "models": None,
    "timeouts": None,
    "proxy": None,
    "tls": None,
    "strict": False,
}
SECRET = "sk-test-45c3c86a0f6d4b1e"


@tool
def weather(place: str, days: int = 1) -> str:
    """How the weather is."""
    return f"{place} {days}"


class Foreign(msgspec.Struct):
    """No type of ours."""

    n: int


def _travelled(request: ChatRequest) -> ChatRequest:
    question = Question(request, "key", "sk", {"a": "b"}, 0.5, 0.25, 3.0, 17.5)
    came = errands.unpack_errand(errands.pack_question(question))
    assert isinstance(came, Question)
    assert msgspec.structs.astuple(question)[1:] == msgspec.structs.astuple(came)[1:]
    return came.request


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="none"),
        pytest.param({"temperature": 1, "top_p": 1, "timeout": 3}, id="whole numbers"),
        pytest.param({"temperature": 0.5, "stop": ("a", "b"), "seed": 7, "logit_bias": {"1": 2.0}}, id="numbers"),
        pytest.param({"tools": (weather,), "tool_choice": "required", "reasoning": "low"}, id="tools"),
        pytest.param({"metadata": {"a": [1, {"b": None}]}, "extra": {"c": 2**70, "d": 0.1}}, id="objects"),
        pytest.param({"reuse": 3.0, "priority": "batch", "cache": True, "service_tier": "flex"}, id="the rest"),
    ],
)
def test_requests_are_what_they_were(settings: dict[str, Any]) -> None:
    """Value by value, and in the bytes that are sent."""
    parts = (Text(text="what is this? \U0001f600"), Image(url="https://example.org/a.png", detail="low"))
    request = ChatRequest("fake/m", (Message.system("be brief"), Message("user", parts)), **settings)
    came = _travelled(request)

    assert request == came
    encode = wire.get("openai-chat").encode_request
    provider = _provider()
    assert encode(request, provider).body == encode(came, provider).body


def _provider() -> Any:
    from dragoman.catalog import builtin

    return builtin()["openai"]


def test_a_type_of_the_caller_stays_with_him() -> None:
    """A worker is told the schema; the answer is read in the driver."""
    came = _travelled(ChatRequest("fake/m", (Message.user("a"),), output=OutputFormat(type=Foreign)))

    assert came.output is not None
    assert came.output.schema == came.output.type
    assert "Foreign" == came.output.name


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_recorded_answers_are_what_they_were(name: str) -> None:
    """Whatever a dialect makes of its recorded answers comes back equal, part by part."""
    dialect = DIALECTS[name]
    for recording in load(SAMPLE, dialect.folders):
        if recording.failed or recording.streamed or recording.status != 200:
            continue
        response = wire.get(dialect.wire).decode_response(200, {}, recording.body)
        came = errands.unpack_told(errands.pack_reply(response, {"x-request-id": "r"}, ()))
        assert isinstance(came, Reply)
        assert response == came.response, recording.name


def test_an_answer_keeps_its_amounts_ledger_and_notices() -> None:
    """Dollars are exact, and what cannot be said otherwise goes as a pickle."""
    attempt = Attempt(provider="fake", model="m", outcome="ok", status=200, seconds=0.25)
    cost = Cost(total=Decimal("0.000001200"), input=Decimal("0.000001200"))
    response = ChatResponse(
        message=Message("assistant", (Text(text="a"),)), cost=cost.total, cost_parts=cost, attempts=(attempt,)
    )
    notices = (Notice("temperature", "left out"),)
    for one in (response, msgspec.structs.replace(response, extras=({"a": (1, 2)}, 2**80))):
        came = errands.unpack_told(errands.pack_reply(one, {"a": "b"}, notices))
        assert Reply(one, {"a": "b"}, notices) == came
        assert isinstance(came, Reply)
        assert "0.000001200" == str(came.response.cost)


def test_failures_are_what_they_were() -> None:
    """Errors keep their facts, and so do the network's own exceptions."""
    error = RateLimitError("slowly", provider="fake", status=429, retry_after=1.5)
    came = errands.unpack_told(errands.pack_failure(Failure(error, {"a": "b"})))
    assert isinstance(came, Failure)
    thrown = came.thrown()
    assert isinstance(thrown, RateLimitError)
    assert ("slowly", 429, 1.5) == (thrown.message, thrown.status, thrown.retry_after)
    for failure in (Failure(clockout=False), Failure(disconnected=("broken", True, False))):
        came = errands.unpack_told(errands.pack_failure(failure))
        assert failure == came
    assert isinstance(Failure(clockout=False).thrown(), Clockout)
    assert isinstance(Failure(disconnected=("broken", True, False)).thrown(), Disconnected)


def test_an_exchange_is_what_it_was() -> None:
    """What is not chat travels as the request that it is."""
    exchange = Exchange(HttpRequest(url="http://a/b", headers={"a": "b"}, body=b"\x00\xff"), 1.5, None)
    assert exchange == errands.unpack_errand(errands.pack_exchange(exchange.request, 1.5, None))


def test_keys_are_not_among_the_arguments() -> None:
    """A worker is made without any; each request brings its own."""
    providers = {
        "one": {"base_url": "http://one", "api_key": SECRET},
        "two": {"base_url": "http://two", "api_key": [SECRET, "env:TWO"]},
        "three": {"base_url": "http://three", "api_key": Secret(SECRET)},
        "four": {"base_url": "http://four", "api_key": lambda: SECRET},
    }
    made = errands.pack_arguments({**ARGUMENTS, "providers": veiled(providers), "retry": Retry()})
    assert SECRET.encode() not in made
    assert b"http://four" in made


def test_an_argument_that_cannot_travel_is_named() -> None:
    """What holds on to this process has no meaning in another."""
    with socket.socket() as held, pytest.raises(ConfigError) as raised:
        errands.pack_arguments({**ARGUMENTS, "models": {"a/b": held}})
    assert "models" == raised.value.field
