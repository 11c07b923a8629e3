"""Vectors on both faces, against a real server on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dragoman import (
    AsyncClient,
    AuthenticationError,
    BadRequestError,
    ConfigError,
    RateLimitError,
    Retry,
    ServerError,
    TimeoutError,
    UnknownProviderError,
    UnsupportedError,
    Usage,
    WireError,
)
from dragoman.testing import Server, embeds, raw, status

MODEL = "openai/text-embedding-3-small"
FIVE = ["one", "two", "three", "four", "five"]

# Name of a provider, its wire, how its base URL ends, and the path that is asked.
DIALECTS = [
    ("openai", "openai-chat", "/v1", "/v1/embeddings"),
    ("gemini", "gemini-generate", "", "/v1beta/models/m:batchEmbedContents"),
    ("cohere", "cohere-chat", "", "/v2/embed"),
    ("ollama", "ollama-chat", "", "/api/embed"),
]


def row(server: Server, **more: Any) -> dict[str, Any]:
    """A provider of the tests, with what differs."""
    return {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001", **more}


@pytest.mark.parametrize(("name", "wire", "base", "path"), DIALECTS)
def test_vectors_in_every_dialect(
    make_face: Callable[..., Any], server: Server, name: str, wire: str, base: str, path: str
) -> None:
    """Each dialect gives one vector for each text, in order, with usage and who answered."""
    answers = embeds(4)
    server.script(answers)
    face = make_face(providers={name: {"base_url": server.url + base, "wire": wire, "api_key": "test-key-0001"}})

    vectors = face.do("embed", f"{name}/m", ["one", "two three"], kind="query")

    assert [answers.vector("one"), answers.vector("two three")] == [pytest.approx(vector) for vector in vectors]
    assert path == server.requests[0].path
    assert (name, 3) == (vectors.provider, vectors.usage.input_tokens)
    assert ["ok"] == [attempt.outcome for attempt in vectors.attempts]


def test_the_answer_is_like_the_list_of_vectors(face: Any, server: Server) -> None:
    """It has a length, can be indexed, sliced and iterated, and knows its own size."""
    server.script(embeds(3))

    vectors = face.do("embed", MODEL, ["a", "b"])

    assert (2, 3, 3) == (len(vectors), vectors.dimensions, len(vectors[0]))
    assert (vectors[0], vectors[1]) == vectors.vectors == vectors[:] == tuple(vectors)
    assert "<EmbedResponse: 2 vectors of 3 from openai/text-embedding-3-small>" == repr(vectors)
    assert Decimal("0.00000004") == vectors.cost
    assert "req-0" == vectors.request_id


def test_one_text_gives_one_vector(face: Any, server: Server) -> None:
    """A text need not be put into a list."""
    server.script(embeds(2))

    assert 1 == len(face.do("embed", MODEL, "hello"))
    assert ["hello"] == server.requests[0].json["input"]


def test_what_was_asked_is_sent(make_face: Callable[..., Any], server: Server) -> None:
    """Dimensions, kind and extra fields travel in the dialect's own words; what is unset does not travel."""
    server.script(embeds(), embeds())
    face = make_face(providers={"voyage": row(server)})

    face.do("embed", "voyage/voyage-4", ["a"], dimensions=5, kind="document", extra={"truncation": False})
    face.do("embed", "voyage/voyage-4", ["a"])

    first, second = (request.json for request in server.requests)
    assert (5, "document", False) == (first["output_dimension"], first["input_type"], first["truncation"])
    assert {"model": "voyage-4", "input": ["a"], "encoding_format": "base64"} == second


def test_base64_and_numbers_give_the_same_vectors(make_face: Callable[..., Any], server: Server) -> None:
    """Vectors do not depend on how they travelled, and base64 is asked for only where it is known."""
    server.script(embeds(9), embeds(9))
    face = make_face(providers={"acme": row(server)})

    packed, plain = face.do("embed", MODEL, FIVE), face.do("embed", "acme/m", FIVE)

    assert packed.vectors == plain.vectors
    assert ("base64", None) == tuple(request.json.get("encoding_format") for request in server.requests)


def test_a_kind_that_the_dialect_lacks_is_noticed(face: Any, make_face: Callable[..., Any], server: Server) -> None:
    """It is left out with a notice, and refused before sending by a strict client."""
    server.script(embeds())

    assert ["kind"] == [notice.field for notice in face.do("embed", MODEL, "a", kind="query").notices if notice.adapted]

    with pytest.raises(UnsupportedError, match="query"):
        make_face(strict=True).do("embed", MODEL, "a", kind="query")
    assert 1 == server.calls


# --- several requests -------------------------------------------------------------------------------------------------


def test_a_long_list_goes_out_in_several_requests(make_face: Callable[..., Any], server: Server) -> None:
    """Vectors come in the order of the texts, usage is the sum, and every request is in the ledger."""
    answers = embeds(2)
    server.default = answers
    face = make_face(providers={"openai": row(server, quirks={"embed_limit": 2})})

    vectors = face.do("embed", MODEL, FIVE)

    assert [answers.vector(text) for text in FIVE] == list(vectors)
    assert [1, 2, 2] == sorted(len(request.embed.inputs) for request in server.requests if request.embed)
    assert (5, 0) == (vectors.usage.input_tokens, vectors.usage.output_tokens)
    assert ["ok"] * 3 == [attempt.outcome for attempt in vectors.attempts]


def test_usage_that_one_request_did_not_tell_is_unknown(make_face: Callable[..., Any], server: Server) -> None:
    """A sum of which a part is not known is not made up."""
    server.script(embeds(2), embeds(2, usage=Usage()))
    face = make_face(providers={"openai": row(server, quirks={"embed_limit": 1})})

    assert face.do("embed", MODEL, ["a", "b"]).usage.input_tokens is None


def test_the_asynchronous_face_asks_several_at_once(make_face: Callable[..., Any], server: Server) -> None:
    """Requests of one call are under way together there, and never more than eight."""
    server.default = embeds(2, latency=0.05)
    face = make_face(providers={"openai": row(server, quirks={"embed_limit": 1})})
    most = 8 if face.name == "async" else 1

    face.do("embed", MODEL, [f"text {i}" for i in range(20)])

    assert most == len({request.connection for request in server.requests})
    spans = [(request.received_at, request.finished_at or 0.0) for request in server.requests]
    assert most >= max(sum(start <= at < end for start, end in spans) for at, _ in spans)


def test_a_failure_says_what_was_done(make_face: Callable[..., Any], server: Server) -> None:
    """The error of a part names how much was done, holds the vectors that came, and knows all attempts."""
    server.script(embeds(2), status(400, "no such thing"))
    face = make_face(providers={"openai": row(server, quirks={"embed_limit": 2})})

    with pytest.raises(BadRequestError, match="texts have") as caught:
        face.do("embed", MODEL, FIVE[:4])

    error: Any = caught.value
    assert (400, "openai", "text-embedding-3-small") == (error.status, error.provider, error.model)
    assert "1 of 2 requests were done: 2 of 4 texts have their vectors" in error.message
    assert [False, False, True, True] == sorted(vector is not None for vector in error.embedded)
    assert ["BadRequestError", "ok"] == sorted(attempt.outcome for attempt in error.attempts)


def test_after_a_failure_no_further_request_is_begun(make_face: Callable[..., Any], server: Server) -> None:
    """On the blocking face the rest is not sent; on the other no more than what was under way."""
    server.script(status(401, "wrong key"))
    server.default = embeds(2)
    face = make_face(providers={"openai": row(server, quirks={"embed_limit": 1})})

    with pytest.raises(AuthenticationError):
        face.do("embed", MODEL, [f"text {i}" for i in range(60)])

    assert server.calls < 60 if face.name == "async" else server.calls == 1


def test_a_request_that_failed_for_now_is_sent_again(make_face: Callable[..., Any], server: Server) -> None:
    """The client's policy holds here too: the same request, with the same key, and both in the ledger."""
    server.script(status(503), embeds(2))
    face = make_face(retry=Retry(base=0.001))

    vectors = face.do("embed", MODEL, "a")

    assert ["ServerError", "ok"] == ["ServerError" if attempt.outcome != "ok" else "ok" for attempt in vectors.attempts]
    first, second = server.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        pytest.param({"inputs": []}, "inputs", id="an empty list"),
        pytest.param({"inputs": ""}, "inputs", id="an empty text"),
        pytest.param({"inputs": ["a", ""]}, "inputs[1]", id="an empty text in a list"),
        pytest.param({"inputs": ["a", 1]}, "inputs[1]", id="a number"),
        pytest.param({"inputs": b"a"}, "inputs", id="bytes"),
        pytest.param({"inputs": {"a": "b"}}, "inputs", id="a dict"),
        pytest.param({"inputs": None}, "inputs", id="nothing"),
        pytest.param({"inputs": ["\ud800"]}, "inputs[0]", id="half a surrogate pair"),
        pytest.param({"inputs": "a", "dimensions": 0}, "dimensions", id="no dimensions"),
        pytest.param({"inputs": "a", "dimensions": True}, "dimensions", id="a truth"),
        pytest.param({"inputs": "a", "kind": "search"}, "kind", id="an unknown kind"),
        pytest.param({"inputs": "a", "extra": {"a": float("nan")}}, "extra.a", id="no JSON"),
        pytest.param({"inputs": "a", "timeout": -1}, "timeout", id="a negative timeout"),
    ],
)
def test_bad_input_is_named_before_sending(face: Any, server: Server, arguments: dict[str, Any], field: str) -> None:
    """What is wrong is a ConfigError that names the place, and nothing is sent."""
    with pytest.raises(ConfigError) as caught:
        face.do("embed", MODEL, **arguments)

    assert field == caught.value.field
    assert 0 == server.calls


def test_a_provider_without_vectors(face: Any) -> None:
    """A provider that gives no vectors is an error that says what to do."""
    with pytest.raises(ConfigError, match="embeddings"):
        face.do("embed", "anthropic/claude-haiku-5-5", "a")


def test_an_unknown_provider(face: Any) -> None:
    """A misspelt provider is an error with near matches."""
    with pytest.raises(UnknownProviderError, match="openai"):
        face.do("embed", "opnai/text-embedding-3-small", "a")


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (status(401, "bad key", code="invalid_api_key"), AuthenticationError),
        (status(429, "slow down"), RateLimitError),
        (status(500, "oh"), ServerError),
        (raw(b"<html>"), WireError),
        (raw(b'{"data": []}'), WireError),
        (raw(b'{"data": [{"embedding": [1]}, {"embedding": [2]}]}'), WireError),
        (raw(b'{"error": {"message": "boom", "code": "rate_limit_exceeded"}}'), RateLimitError),
    ],
    ids=["401", "429", "500", "a page", "no vectors", "too many vectors", "an error with status 200"],
)
def test_failures_are_typed(make_face: Callable[..., Any], server: Server, step: Any, kind: type[Exception]) -> None:
    """Whatever comes instead of vectors is a typed error with provider, request id and ledger."""
    server.script(step)

    with pytest.raises(kind) as caught:
        make_face(retry=None).do("embed", MODEL, "a")

    error: Any = caught.value
    assert ("openai", "text-embedding-3-small", "req-0") == (error.provider, error.model, error.request_id)
    assert [kind.__name__] == [attempt.outcome for attempt in error.attempts]


def test_the_clock_ends_the_call(face: Any, server: Server) -> None:
    """`timeout=` bounds the whole call."""
    server.script(embeds(2, latency=5))
    started = time.monotonic()

    with pytest.raises(TimeoutError) as caught:
        face.do("embed", MODEL, "a", timeout=0.1)

    assert "total" == caught.value.clock
    assert 0.35 > time.monotonic() - started


def test_a_cancelled_call_leaves_the_provider_at_once(server: Server) -> None:
    """Cancelling closes every request that is under way."""
    server.default = embeds(2, latency=30)

    async def leave() -> None:
        async with AsyncClient(providers={"openai": row(server, quirks={"embed_limit": 1})}) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.embed(MODEL, FIVE), 0.3)

    asyncio.run(leave())

    assert 5 == server.calls
    assert all(request.wait_closed() is not None for request in server.requests)
