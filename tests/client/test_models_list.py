"""Live lists of models on both faces, against a real server on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from dragoman import AuthenticationError, ConfigError, UnknownProviderError, WireError
from dragoman.testing import Reply, Server, raw, status


class Pages:
    """A step that gives one of several bodies, by what the query says."""

    def __init__(self, **bodies: dict[str, Any]) -> None:
        self.bodies = bodies

    async def play(self, reply: Reply) -> None:
        for word, body in self.bodies.items():
            if word in reply.request.query or word == "first":
                await reply.send(200, {"content-type": "application/json"}, json.dumps(body).encode())
                return


def row(server: Server, wire: str) -> dict[str, Any]:
    return {"base_url": server.url, "wire": wire, "api_key": "test-key-0001"}


def test_what_a_provider_says_of_a_model(face: Any, server: Server) -> None:
    """Name, owner, times and sizes come out typed, whatever names they have; the entry stays as it was sent."""
    entry = {
        "id": "gpt-test",
        "object": "model",
        "created": 1_686_588_896,
        "owned_by": "openai",
        "shutdown_date": "2027-01-14",
        "context_length": 1000,
        "top_provider": {"max_completion_tokens": 200},
    }
    server.on("/v1/models", raw(json.dumps({"object": "list", "data": [entry]}).encode()))

    [card] = face.do("models", "openai")

    assert ("gpt-test", "openai", "openai/gpt-test", "openai") == (card.id, card.provider, card.ref, card.owned_by)
    assert datetime(2023, 6, 12, 16, 54, 56, tzinfo=UTC) == card.created
    assert (date(2027, 1, 14), 1000, 200) == (card.retires, card.context, card.max_output)
    assert entry == card.raw


def test_the_catalogue_fills_in_what_is_not_said(face: Any, server: Server) -> None:
    """What the provider says holds; the rest is what the catalogue knows, and that is there, too."""
    entries = [{"id": "gpt-5", "context_window": 7}, {"id": "no-such-model"}]
    server.on("/v1/models", raw(json.dumps({"data": entries}).encode()))

    known, unknown = face.do("models", "openai")

    assert 7 == known.context
    assert known.max_output == known.facts.max_output is not None
    assert (None, None, None) == (unknown.context, unknown.facts, unknown.created)


def test_anthropic_goes_on_page_after_page(face: Any, server: Server) -> None:
    """`has_more` and `last_id` lead to the next page, and all models come in one tuple."""
    server.on(
        "/v1/models",
        Pages(
            after_id={
                "data": [{"id": "b", "display_name": "B", "created_at": "2026-01-02T00:00:00Z"}],
                "has_more": False,
            },
            first={"data": [{"id": "a", "max_input_tokens": 5, "max_tokens": 3}], "has_more": True, "last_id": "a"},
        ),
    )

    first, second = face.do("models", "anthropic")

    assert (5, 3) == (first.context, first.max_output)
    assert ("B", datetime(2026, 1, 2, tzinfo=UTC)) == (second.name, second.created)
    assert ["limit=1000", "limit=1000&after_id=a"] == [request.query for request in server.all_requests]
    assert server.all_requests[0].headers["anthropic-version"]


def test_gemini_goes_on_page_after_page(make_face: Callable[..., Any], server: Server) -> None:
    """`nextPageToken` leads to the next page; names lose the `models/` that no reference has."""
    server.on(
        "/v1beta/models",
        Pages(
            pageToken={"models": [{"name": "models/b"}]},
            first={
                "models": [{"name": "models/a", "displayName": "A", "inputTokenLimit": 9, "outputTokenLimit": 4}],
                "nextPageToken": "t",
            },
        ),
    )
    face = make_face(providers={"gemini": row(server, "gemini-generate")})

    first, second = face.do("models", "gemini")

    assert ("a", "A", 9, 4) == (first.id, first.name, first.context, first.max_output)
    assert "b" == second.id


def test_cohere_and_ollama(make_face: Callable[..., Any], server: Server) -> None:
    """Lists of `models` with `name` are read, from the paths of those two."""
    server.on("/v1/models", Pages(page_token={"models": [{"name": "r"}]}, first={"models": [], "next_page_token": "t"}))
    server.on("/api/tags", raw(b'{"models": [{"name": "q:4b", "modified_at": "2026-05-01T10:00:00.5+02:00"}]}'))
    face = make_face(providers={"cohere": row(server, "cohere-chat"), "acme": row(server, "ollama-chat")})

    assert ["r"] == [card.id for card in face.do("models", "cohere")]
    [card] = face.do("models", "acme")
    assert ("q:4b", 2026) == (card.id, card.created.year)


@pytest.mark.parametrize("body", [b'[{"id": "a"}]', b'{"data": [{"id": "a", "created": 0}, {}, 3]}'])
def test_lists_of_other_forms(face: Any, server: Server, body: bytes) -> None:
    """A bare array is a list, a time of zero is no time, and entries without a name are passed over."""
    server.on("/v1/models", raw(body))

    [card] = face.do("models", "openai")

    assert ("a", None) == (card.id, card.created)


def test_an_alias_names_its_provider(face: Any, server: Server) -> None:
    """A provider is found by its other names."""
    assert ["any"] == [card.id for card in face.do("models", "Claude")]


def test_a_list_that_goes_round_is_an_error(face: Any, server: Server) -> None:
    """A page that leads to itself ends in an error, not in an endless loop."""
    server.on("/v1/models", raw(b'{"data": [{"id": "a"}], "has_more": true, "last_id": "a"}'))

    with pytest.raises(WireError, match="circle"):
        face.do("models", "anthropic")


@pytest.mark.parametrize("body", [b"<html>", b'{"id": "a"}', b"", b"3"])
def test_what_is_no_list_is_an_error(face: Any, server: Server, body: bytes) -> None:
    """A body of another kind is a WireError that shows how it begins."""
    server.on("/v1/models", raw(body))

    with pytest.raises(WireError):
        face.do("models", "openai")


def test_a_refusal_is_typed(face: Any, server: Server) -> None:
    """An error status is the error that the provider's dialect makes of it."""
    server.on("/v1/models", status(401, "bad key", code="invalid_api_key"))

    with pytest.raises(AuthenticationError) as caught:
        face.do("models", "openai")

    assert ("openai", None, 401) == (caught.value.provider, caught.value.model, caught.value.status)


def test_who_cannot_be_asked(face: Any, make_face: Callable[..., Any], server: Server) -> None:
    """An unknown provider, or one without a list, is an error before anything is sent."""
    with pytest.raises(UnknownProviderError, match="did you mean openai"):
        face.do("models", "opnai")
    with pytest.raises(ConfigError, match="no list of models"):
        make_face(providers={"aws": row(server, "bedrock-converse")}).do("models", "aws")
    assert () == server.all_requests
