"""Whose address a request goes to, in which dialect, and with whose key."""

from __future__ import annotations

import pytest

from dragoman.bridge.credentials import take
from dragoman.bridge.rows import Rows, wire_of
from dragoman.routes import Routes

HOSTS = {
    "openai": "https://api.openai.com/v1/chat/completions",
    "anthropic": "https://api.anthropic.com/v1/messages?beta=true",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent",
    "gemini-openai": "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
    "groq": "https://api.groq.com/openai/v1/chat/completions",
}


@pytest.mark.parametrize(("name", "url"), HOSTS.items(), ids=HOSTS)
def test_a_vendor_is_known_by_its_address(name: str, url: str) -> None:
    """The row of the vendor's own address; where several share one, that of the dialect."""
    wire = wire_of("POST", url.partition("?")[0])

    found = Rows(Routes(environ={})).at(url, wire, ())

    assert found is not None
    assert name == found.name


@pytest.mark.parametrize(
    "url",
    [
        "http://api.openai.com/v1/chat/completions",
        "https://api.openai.com:8443/v1/chat/completions",
        "https://api.openai.com.evil.example/v1/chat/completions",
        "https://evil.example/api.openai.com/v1/chat/completions",
        "https://api.openai.com@evil.example/v1/chat/completions",
        "https://evil.example/?https://api.openai.com/v1/chat/completions",
    ],
)
def test_what_only_looks_like_it_is_a_stranger(url: str) -> None:
    """Another scheme, port or host is nobody's: no key goes there."""
    assert Rows(Routes(environ={})).at(url, "openai-chat", ("authorization",)) is None


def test_letter_case_and_the_usual_port_do_not_matter() -> None:
    """They are the same origin."""
    found = Rows(Routes(environ={})).at("HTTPS://API.OpenAI.com:443/v1/models", None, ())

    assert found is not None
    assert "openai" == found.name


def test_of_several_rows_at_one_place_the_request_chooses() -> None:
    """By its dialect first, then by the header of its key, then by its path; a row of the user's own before ours."""
    base = "http://127.0.0.1:4000"
    rows = Rows(
        Routes(
            {
                "openai": {"base_url": f"{base}/v1"},
                "anthropic": {"base_url": base},
                "gemini": {"base_url": base},
                "team": {"base_url": f"{base}/team/v1"},
            },
            environ={},
        )
    )

    def name(path: str, wire: str | None, *headers: str) -> str:
        found = rows.at(base + path, wire, headers)
        assert found is not None
        return found.name

    assert "openai" == name("/v1/chat/completions", "openai-chat", "authorization")
    assert "openai" == name("/v1/responses", "openai-responses", "authorization")
    assert "anthropic" == name("/v1/messages", "anthropic-messages", "x-api-key")
    assert "anthropic" == name("/v1/models", None, "x-api-key")
    assert "gemini" == name("/v1beta/models", None, "x-goog-api-key")
    assert "team" == name("/team/v1/models", None, "authorization")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/chat/completions", "openai-chat"),
        ("/openai/deployments/d/chat/completions", "openai-chat"),
        ("/v1/responses", "openai-responses"),
        ("/v1/responses/resp_1", None),
        ("/v1/messages", "anthropic-messages"),
        ("/v1/messages/count_tokens", None),
        ("/v1/messages/batches", None),
        ("/v1/threads/t/messages", None),
        ("/v1beta/models/g:streamGenerateContent", "gemini-generate"),
        ("/v1beta/models/g:countTokens", None),
        ("/model/anthropic.claude-x/invoke-with-response-stream", "bedrock-anthropic"),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x:streamRawPredict",
            "vertex-anthropic",
        ),
    ],
)
def test_the_dialect_is_in_the_path(path: str, expected: str | None) -> None:
    """Chat requests are known by how their path ends; what lies beside them is none."""
    assert expected == wire_of("POST", path)
    assert wire_of("GET", path) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer dragoman"},
        {"authorization": "bearer  dragoman"},
        {"x-api-key": "dragoman"},
        {"x-goog-api-key": "dragoman"},
        {"api-key": "dragoman", "authorization": "Bearer dragoman"},
    ],
)
def test_the_placeholder_asks_for_the_clients_key(headers: dict[str, str]) -> None:
    """In whatever header an SDK puts it, it is taken out."""
    credential, left = take({**headers, "accept": "x"})

    assert (True, None) == (credential.asked, credential.secret)
    assert {"accept": "x"} == left


def test_any_other_key_stays() -> None:
    """It is the SDK's own, and is known from then on, so that it is masked wherever it is echoed."""
    from dragoman.redact import redact

    headers = {"authorization": "Bearer a-key-that-is-no-placeholder"}
    credential, left = take(headers)

    assert (False, headers) == (credential.asked, left)
    assert "[redacted]!" == redact("a-key-that-is-no-placeholder!")
