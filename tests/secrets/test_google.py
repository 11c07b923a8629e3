"""Google credentials: a token as given, or as google-auth gets it from a token server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dragoman import Client
from dragoman.errors import ConfigError, MissingKeyError
from dragoman.secrets import Secret, authorize, google
from dragoman.testing import Server, raw, says
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider

ROW = Provider(name="v", base_url="https://v.example", auth="google")
REQUEST = HttpRequest(url="https://v.example/x", headers={"a": "b"})


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A machine without Google credentials."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_LOCATION", "CLOUDSDK_AUTH_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme")
    google._found.cache_clear()
    yield monkeypatch
    google._found.cache_clear()


def account(folder: Path, server: Server) -> str:
    """A service account whose tokens come from `server`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    told = {
        "type": "service_account",
        "client_email": "a@b.example",
        "private_key": pem,
        "token_uri": f"{server.url}/token",
    }
    file = folder / "account.json"
    file.write_text(json.dumps(told))
    return str(file)


def test_a_given_token_goes_as_one() -> None:
    """No library is asked where a token is given."""
    assert "Bearer ya29.given" == authorize(REQUEST, ROW, Secret("ya29.given")).headers["authorization"]


def test_a_token_is_fetched_once(server: Server, machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The application default credentials give a token, which serves until it expires."""
    machine.setenv("GOOGLE_APPLICATION_CREDENTIALS", account(tmp_path, server))
    server.on("/token", raw(b'{"access_token": "ya29.fetched", "expires_in": 3600, "token_type": "Bearer"}'))
    server.script(says("a"), says("b"))

    with Client(providers={"vertex-anthropic": {"base_url": f"{server.url}/v1"}}) as client:
        assert "ab" == "".join(client.chat("vertex-anthropic/claude", "Hi").text for _ in range(2))

    assert ["Bearer ya29.fetched"] * 2 == [request.headers["authorization"] for request in server.requests]
    assert 1 == sum(request.path == "/token" for request in server.all_requests)
    assert server.requests[0].path.startswith("/v1/projects/acme/locations/global/publishers/anthropic/models/claude:")


def test_a_refused_token(server: Server, machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What Google says is in the error, and nothing else was sent."""
    machine.setenv("GOOGLE_APPLICATION_CREDENTIALS", account(tmp_path, server))
    server.on("/token", raw(b'{"error": "invalid_grant", "error_description": "expired"}', status=400))

    with pytest.raises(ConfigError, match="invalid_grant"):
        authorize(REQUEST, ROW, None)


def test_no_credentials() -> None:
    """The error names the variable."""
    with pytest.raises(MissingKeyError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        authorize(REQUEST, ROW, None)


def test_without_google_auth(machine: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    machine.setitem(sys.modules, "google.auth.exceptions", None)

    with pytest.raises(ConfigError, match=r"pip install dragoman\[gcp\]"):
        authorize(REQUEST, ROW, None)
