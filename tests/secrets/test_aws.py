"""AWS credentials: bearer tokens and signatures, checked by the server's own reading of the rules."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sys
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from dragoman import AsyncClient, Client, catalog
from dragoman.errors import ConfigError, MissingKeyError
from dragoman.redact import redact
from dragoman.secrets import Secret, authorize, aws, find_key
from dragoman.testing import Server, says
from dragoman.testing.connection import Received
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider

ACCESS, SECRET, TOKEN = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FwoGZXIvYXdzEJr//session=="
ARN = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0"
ROW = catalog.builtin()["bedrock"]
REQUEST = HttpRequest(
    url="https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse?x=1",
    headers={"content-type": "application/json", "accept": "application/json"},
    body=b'{"messages": []}',
)
NOTHING = {
    **dict.fromkeys(("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")),
    **dict.fromkeys(("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_BEDROCK_BASE_URL")),
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_CONFIG_FILE": "/nonexistent",
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine without AWS credentials."""
    for name, value in NOTHING.items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    aws._chain.cache_clear()
    yield monkeypatch
    aws._chain.cache_clear()


def in_region(region: str = "eu-west-1") -> Provider:
    return Provider(name="bedrock", base_url="http://127.0.0.1:1", auth="aws-sigv4", address={"region": region})


# --- the signature ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, TOKEN])
def test_the_signature_is_botocores(token: str | None) -> None:
    """The same request, key, region and time give the signature that botocore computes."""
    key = Secret(":".join(part for part in (ACCESS, SECRET, token) if part))

    signed = authorize(REQUEST, in_region(), key)

    again = AWSRequest("POST", REQUEST.url, data=REQUEST.body, headers=dict(REQUEST.headers))
    again.context["timestamp"] = again.headers["X-Amz-Date"] = signed.headers["x-amz-date"]
    if token:
        again.headers["X-Amz-Security-Token"] = token
    signer = SigV4Auth(Credentials(ACCESS, SECRET, token), "bedrock", "eu-west-1")
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert f"Signature={signature}" in signed.headers["authorization"]
    assert token == signed.headers.get("x-amz-security-token")
    assert (REQUEST.url, REQUEST.body) == (signed.url, signed.body)


def verify(received: Received, region: str) -> None:
    """
    Check a signature as AWS does: from what arrived.

    Source: AWS General Reference, "Create a signed AWS API request".
    """
    given = received.headers["authorization"]
    fields = dict(part.split("=", 1) for part in given.removeprefix("AWS4-HMAC-SHA256 ").split(", "))
    access, day, at, service, last = fields["Credential"].split("/")
    assert (ACCESS, region, "bedrock", "aws4_request") == (access, at, service, last)
    names = fields["SignedHeaders"].split(";")
    lines = "".join(f"{name}:{received.headers[name].strip()}\n" for name in names)
    path = quote(quote(received.path, safe="/"), safe="/~")  # the server has it unquoted, and AWS quotes twice
    path = path.replace(quote(ARN, safe="/").replace("%", "%25"), quote(quote(ARN, safe=""), safe="~"))
    hashed = hashlib.sha256(received.body).hexdigest()
    canonical = "\n".join(("POST", path, "", lines, fields["SignedHeaders"], hashed))
    scope = f"{day}/{at}/bedrock/aws4_request"
    wanted = "\n".join(
        ("AWS4-HMAC-SHA256", received.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest())
    )
    key = f"AWS4{SECRET}".encode()
    for step in (day, at, "bedrock", "aws4_request"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    assert hmac.new(key, wanted.encode(), hashlib.sha256).hexdigest() == fields["Signature"]


@pytest.mark.parametrize("model", ["amazon.nova-lite-v1:0", ARN])
@pytest.mark.parametrize("face", ["blocking", "async"])
def test_what_arrives_is_what_was_signed(server: Server, face: str, model: str) -> None:
    """Neither face's transport changes what the signature covers: path, headers, body."""
    server.script(says("a"), says("b"))
    row = {"base_url": server.url, "api_key": f"{ACCESS}:{SECRET}", "address": {"region": "eu-west-1"}}

    if face == "blocking":
        with Client(providers={"bedrock": row}) as client:
            assert "a" == client.chat(f"bedrock/{model}", "Hi").text
            with client.stream(f"bedrock/{model}", "Hi") as stream:
                assert "b" == "".join(stream.text)
    else:

        async def ask() -> None:
            async with AsyncClient(providers={"bedrock": row}) as client:
                assert "a" == (await client.chat(f"bedrock/{model}", "Hi")).text
                async with client.stream(f"bedrock/{model}", "Hi") as stream:
                    assert ["b"] == [text async for text in stream.text]

        asyncio.run(ask())

    for received in server.requests:
        verify(received, "eu-west-1")
        assert received.chat is not None
        assert model == received.chat.model


# --- where credentials come from --------------------------------------------------------------------------------------


def test_a_bearer_token_goes_as_one(server: Server, machine: pytest.MonkeyPatch) -> None:
    """`AWS_BEARER_TOKEN_BEDROCK` outranks an access key, and needs no region to be asked at another address."""
    machine.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-1234")
    machine.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    machine.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    machine.setenv("AWS_BEDROCK_BASE_URL", server.url)
    server.script(says("a"))

    with Client() as client:
        assert "a" == client.chat("bedrock/m", "Hi").text

    assert "Bearer bedrock-api-key-1234" == server.requests[0].headers["authorization"]


@pytest.mark.parametrize("token", [None, TOKEN])
def test_an_access_key_of_the_environment(token: str | None) -> None:
    """The two variables, and a session's third, are one key; one of the two alone is none."""
    environ = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": token or ""}

    key = find_key(ROW, environ)

    assert key is not None
    assert ":".join(part for part in (ACCESS, SECRET, token) if part) == key.reveal()
    assert find_key(ROW, {"AWS_ACCESS_KEY_ID": ACCESS}) is None


@pytest.mark.parametrize("face", [Client, AsyncClient])
def test_a_profile_is_found_by_botocore(server: Server, machine: pytest.MonkeyPatch, tmp_path: Path, face: Any) -> None:
    """Without a key in the environment botocore's own chain is asked, on both faces."""
    file = tmp_path / "credentials"
    file.write_text(f"[team]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
    machine.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    machine.setenv("AWS_PROFILE", "team")
    machine.setenv("AWS_REGION", "eu-west-1")
    server.script(says("a"))
    client = face(providers={"bedrock": {"base_url": server.url}})

    if face is Client:
        client.chat("bedrock/m", "Hi")
        client.close()
    else:

        async def ask() -> None:
            async with client:
                await client.chat("bedrock/m", "Hi")

        asyncio.run(ask())

    verify(server.requests[0], "eu-west-1")


def test_a_damaged_profile_is_a_config_error(machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What botocore cannot read is said in our words, and nothing is sent."""
    machine.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(ConfigError, match="nobody") as caught:
        authorize(REQUEST, in_region(), None)

    assert "bedrock" == caught.value.provider


def test_no_credentials() -> None:
    """The error names the variables."""
    with pytest.raises(MissingKeyError, match="AWS_BEARER_TOKEN_BEDROCK or AWS_ACCESS_KEY_ID"):
        authorize(REQUEST, in_region(), None)


def test_half_a_key() -> None:
    """An api_key with a colon is an access key, and needs both halves."""
    with pytest.raises(ConfigError, match="id:secret") as caught:
        authorize(REQUEST, in_region(), Secret(f"{ACCESS}:"))

    assert "api_key" == caught.value.field


@pytest.mark.parametrize("key", [Secret(f"{ACCESS}:{SECRET}"), None])
def test_without_botocore(machine: pytest.MonkeyPatch, key: Secret | None) -> None:
    """The error says what to install, or to use a token, which needs no library."""
    for name in ("botocore.auth", "botocore.exceptions"):
        machine.setitem(sys.modules, name, None)

    with pytest.raises(ConfigError, match=r"pip install dragoman\[aws\]"):
        authorize(REQUEST, in_region(), key)
    assert "Bearer token-1" == authorize(REQUEST, in_region(), Secret("token-1")).headers["authorization"]


# --- the region -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "address", "expected"),
    [
        ("https://bedrock-runtime.us-gov-west-1.amazonaws.com", {}, "us-gov-west-1"),
        ("https://bedrock-runtime-fips.us-east-1.amazonaws.com", {"region": "eu-west-1"}, "us-east-1"),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", {}, "cn-north-1"),
        ("https://vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com", {}, "eu-west-1"),
        ("https://bedrock.proxy.example", {"region": "eu-west-1"}, "eu-west-1"),
        ("https://evil.us-east-1.amazonaws.com.example", {"region": "eu-west-1"}, "eu-west-1"),
    ],
)
def test_the_region_that_signs(base_url: str, address: dict[str, str], expected: str) -> None:
    """The host's own region, where it has one; else the row's or the environment's."""
    row = Provider(name="b", base_url=base_url, auth="aws-sigv4", address=address)

    assert expected == aws.region_of(row)


def test_no_region() -> None:
    """An address that names none, and no variable: the error says which to set."""
    with pytest.raises(ConfigError, match="AWS_REGION") as caught:
        aws.region_of(Provider(name="b", base_url="https://proxy.example", auth="aws-sigv4"))

    assert "region" == caught.value.field


# --- secrecy ----------------------------------------------------------------------------------------------------------


def test_the_secret_never_shows(server: Server) -> None:
    """Not in the request that is shown, not in what is sent, not in an error that echoes it."""
    row = {"base_url": server.url, "api_key": f"{ACCESS}:{SECRET}:{TOKEN}", "address": {"region": "eu-west-1"}}
    with Client(providers={"bedrock": row}) as client:
        shown = client.prepare("bedrock/m", "Hi")
        with pytest.raises(Exception, match="script is empty") as caught:
            client.chat("bedrock/m", "Hi")

    texts = (repr(shown), repr(client.__dict__), "".join(traceback.format_exception(caught.value)))
    sent = str(server.requests[0].headers) + server.requests[0].body.decode()
    assert not [text for text in texts for secret in (SECRET, TOKEN) if secret in text]
    assert SECRET not in sent
    assert "[redacted]" == redact(SECRET) == redact(TOKEN)
