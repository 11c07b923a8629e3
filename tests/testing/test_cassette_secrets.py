"""No secret reaches the file: whatever the way of authorization, wherever a server repeats it, however it is cut."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.secrets.sinks import found

from dragoman import Client, DragomanError, Timeouts
from dragoman.redact import MASK, register
from dragoman.testing import Server, Step, events, raw, says
from dragoman.testing.cassette import CassetteError, cassette
from dragoman.testing.cassette.bodies import answer_fields, answer_pieces
from dragoman.testing.cassette.model import Answered
from dragoman.testing.cassette.recorder import asked
from dragoman.testing.cassette.scrub import Scrubber
from dragoman.testing.faults import FAULTS, fault
from dragoman.types.events import Finish, TextDelta
from dragoman.types.http import HttpRequest
from dragoman.wire import awsstream

CANARY = "canary-7f3a91c2d4-marked-key"
ID, SECRET, SESSION = "AKIDCANARY0123456789", "canary/secret+7f3a91c2d4e5f6a7b8c9", "canary-session-7f3a91c2d4"
BASIC = base64.b64encode(f"user:{CANARY}".encode()).decode()
GONE = "http://127.0.0.1:9/v1"

# auth of the row -> what is given as api_key, and what may not be found
STYLES = {
    "bearer": (CANARY, [CANARY]),
    "x-api-key": (CANARY, [CANARY]),
    "api-key": (CANARY, [CANARY]),
    "x-goog-api-key": (CANARY, [CANARY]),
    "google": (CANARY, [CANARY]),  # an OAuth access token
    "aws-sigv4": (f"{ID}:{SECRET}:{SESSION}", [ID, SECRET, SESSION]),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "canary.json"


def rows(server: Server, auth: str, key: str, wire: str = "openai-chat") -> dict[str, Any]:
    row = {"base_url": server.base_url(wire), "wire": wire, "auth": auth, "api_key": key}
    return {"fake": {**row, "address": {"region": "eu-central-1", "project": "p", "location": "l"}}}


def ask(client: Client, text: str) -> None:
    """Plain and streamed; whatever comes of it."""
    for verb in (client.chat, lambda *args: client.stream(*args).drain()):
        with suppress(DragomanError):
            verb("fake/m", text)


class Echo:
    """A server that repeats what it was sent, each time in another place."""

    def __init__(self, server: Server) -> None:
        self.server = server
        server.default = says("hello")

    @property
    def credentials(self) -> list[str]:
        """Every credential of the last request, as the server saw it."""
        headers = self.server.all_requests[-1].headers
        names = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token")
        values = [headers[name] for name in names if name in headers]
        parts = [part for value in values for part in re.split(r"[\s,]+", value)]
        return [part for part in parts if not part.startswith(("AWS4-", "Bearer", "SignedHeaders", "Basic"))]

    def places(self) -> Iterator[Step]:
        """Answers that repeat the last credentials."""
        for one in self.credentials:
            said = json.dumps({"error": {"message": f"bad key {one}!", "code": one}}).encode()
            yield raw(said, status=400, headers={"x-echo": one, "x-request-id": one})
            yield raw(*_every(_frames([f"your key is {one}, is it?"]), 7))
            yield raw(*_every(_frames([f"key {one}"]), 1))
            yield raw(*_frames(["key ", *one, " yes"]))
            yield raw(*_frames([one[:5], one[5:]]))


def _frames(texts: list[str]) -> list[bytes]:
    """A stream of OpenAI's, one event for each text."""
    deltas = [{"delta": {"content": text}} for text in texts] + [{"delta": {}, "finish_reason": "stop"}]
    rows = [{"id": "x", "model": "m", "choices": [{"index": 0, **delta}]} for delta in deltas]
    return [*(f"data: {json.dumps(row)}\n\n".encode() for row in rows), b"data: [DONE]\n\n"]


def _every(pieces: list[bytes], size: int) -> list[bytes]:
    data = b"".join(pieces)
    return [data[at : at + size] for at in range(0, len(data), size)]


def told(text: str) -> str:
    """All texts of a cassette, the events' too, put together: a secret in parts would be whole again."""
    values: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, str):
            values.append(value)
        elif isinstance(value, dict | list):
            for one in value.values() if isinstance(value, dict) else value:
                walk(one)

    walk(json.loads(text))
    deltas = re.findall(r'"content": ?"((?:[^"\\]|\\.)*)"', text)
    return "".join(values) + "".join(deltas)


@pytest.mark.parametrize("auth", STYLES)
def test_no_way_of_authorization_leaves_a_trace(server: Server, path: Path, auth: str) -> None:
    """Whatever header bears it, and wherever the server repeats it: header, body, id, stream, cut anywhere."""
    key, secrets = STYLES[auth]
    echo = Echo(server)
    with cassette(path, mode="record"), Client(providers=rows(server, auth, key), retry=None) as client:
        client.chat("fake/m", "Hi")
        signatures = echo.credentials
        for step in list(echo.places()):
            server.script(step)
            ask(client, f"is {secrets[0]} my key?")
    text = path.read_text("utf-8")

    assert [] == [form for secret in secrets for form in found(secret, text)]
    assert [] == [form for secret in secrets for form in found(secret, told(text))]
    assert [] == [one for one in signatures if one.startswith("Signature=") and one[10:] in text]
    assert f"is {MASK} my key?" in text
    with cassette(path, all_used=False), Client(providers=rows(server, auth, key), retry=None) as client:
        assert "hello" == client.chat("fake/m", "Hi").text


@pytest.mark.parametrize(
    ("headers", "secrets"),
    [
        pytest.param(
            {"authorization": f"Basic {base64.b64encode(f'user:{CANARY}'.encode()).decode()}"}, [CANARY], id="basic"
        ),
        pytest.param({"cookie": f"session={CANARY}; theme=dark"}, [CANARY], id="cookie"),
        pytest.param({"x-auth-token": CANARY}, [CANARY], id="token"),
        pytest.param({"helicone-auth": f"Bearer {CANARY}"}, [CANARY], id="proxy of a vendor"),
        pytest.param({"openai-organization": "org-canary7f3a91c2d4e5"}, ["org-canary7f3a91c2d4e5"], id="organisation"),
    ],
)
def test_headers_of_ones_own_are_known_by_name(
    server: Server, path: Path, headers: dict[str, str], secrets: list[str]
) -> None:
    """A row's own headers that bear credentials are masked, and their values in every echo."""
    row = rows(server, "none", CANARY)["fake"] | {"headers": headers}
    value = next(iter(headers.values()))
    server.script(raw(*_every(_frames([f"you sent {value} and {secrets[0]}"]), 3), headers={"x-echo": secrets[0]}))
    with cassette(path, mode="record"), Client(providers={"fake": row}) as client:
        client.stream("fake/m", "Hi").drain()

    assert [] == [form for secret in [*secrets, value] for form in found(secret, path.read_text("utf-8"))]


def test_credentials_in_an_address_are_masked_and_not_compared(server: Server, path: Path) -> None:
    """A key in the query, of a raw request: it is not written, and another key plays the same recording."""
    options: dict[str, Any] = {"providers": rows(server, "none", CANARY)}
    query = {"key": CANARY, "alt": "sse", "X-Amz-Signature": "ab" * 32, "X-Amz-Credential": f"{ID}/2026/x"}
    server.on("/v1/models", raw(json.dumps({"data": [], "asked": CANARY}).encode()))
    with cassette(path, mode="record"), Client(**options) as client:
        client.raw("fake").get("models", params=query)
    text = path.read_text("utf-8")

    assert [] == [form for secret in (CANARY, "ab" * 32, ID) for form in found(secret, text)]
    assert "alt=sse" in text
    with cassette(path), Client(**options) as client:
        assert MASK == client.raw("fake").get("models", params={**query, "key": "another-key"}).json()["asked"]


def test_what_an_answer_tells_of_the_caller_is_masked(server: Server, path: Path) -> None:
    """Cookies and organisation ids, in headers and wherever the body repeats them."""
    body = {"id": "x", "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}], "service": "y"}
    org, cookie, project = "5b0c1a9e-1111-4c7d-9c1f-0123456789ab", "Xk3v9s8d7f6g5h4j", "proj_canary7f3a91c2d4"
    body["note"] = f"limit of {org} in {project}; {cookie}; arn:aws:bedrock:eu-west-1:123456789012:guardrail/x"
    headers = {
        "anthropic-organization-id": org,
        "set-cookie": f"__cf_bm={cookie}; path=/; expires=Fri, 01-Jan-27 00:00:00 GMT",
    }
    server.script(raw(json.dumps(body).encode(), headers={**headers, "openai-project": project}))
    with cassette(path, mode="record"), Client(providers=rows(server, "bearer", CANARY)) as client:
        client.chat("fake/m", "Hi")
    text = path.read_text("utf-8")

    assert [] == [one for one in (org, cookie, project, "123456789012") if one in text]
    assert f"limit of {MASK} in {MASK}; {MASK}; arn:aws:bedrock:eu-west-1:{MASK}:guardrail/x" in text
    assert '"content": "hello"' in text


def test_every_registered_secret_is_masked(server: Server, path: Path) -> None:
    """What another client, a store or a proxy uses is known, too, in any form in which it is repeated."""
    secret = "pass/word with späce-4711\nsecond-line-0815"
    register(secret)
    server.script(says(f"it is {secret}"), raw(json.dumps({"x": secret}).encode(), status=500))
    with cassette(path, mode="record"), Client(providers=rows(server, "bearer", CANARY), retry=None) as client:
        client.chat("fake/m", f"say {secret}")
        with pytest.raises(DragomanError):
            client.chat("fake/m", "Hi")

    assert [] == found(secret, path.read_text("utf-8"))


def test_patterns_of_ones_own_are_masked_in_everything(server: Server, path: Path) -> None:
    """`hide` holds for addresses, headers and bodies both ways; of a group, the group alone."""
    server.default = raw(
        b'{"customer":"acct_42","choices":[{"message":{"content":"for Jane Doe"},"finish_reason":"stop"}]}'
    )
    options = {"providers": rows(server, "none", CANARY)}
    patterns = [r"acct_\d+", re.compile(r"for ([A-Z]\w+ [A-Z]\w+)")]

    def ask(client: Client) -> str:
        client.raw("fake").get("customers/acct_42", params={"of": "acct_43"})
        return client.chat("fake/m", "for Jane Doe of acct_44").text

    server.on("/v1/customers/acct_42", raw(b"{}", headers={"x-customer": "acct_45"}))
    with cassette(path, mode="record", hide=patterns), Client(**options) as client:
        ask(client)
    text = path.read_text("utf-8")

    assert [] == re.findall(r"acct_\d+|Jane|Doe", text)
    assert f"for {MASK} of {MASK}" in text
    with cassette(path, hide=patterns), Client(**options) as client:
        assert f"for {MASK}" == ask(client)


def test_an_event_stream_of_aws_is_masked_and_still_right(server: Server, path: Path) -> None:
    """In frames with lengths and checksums a secret is overwritten, whole or told in parts, and the stream plays."""
    row = {"base_url": server.base_url("bedrock-converse"), "wire": "bedrock-converse", "api_key": CANARY}
    parts = [f"key {CANARY} and ", *CANARY, " end"]
    server.script(events(*(TextDelta(part) for part in parts), Finish("stop")))
    with cassette(path, mode="record"), Client(providers={"bedrock": row}) as client:
        client.stream("bedrock/m", "Hi").drain()
    recording = json.loads(path.read_text("utf-8"))["exchanges"][0]["response"]
    data = b"".join(base64.b64decode(part["base64"]) for _, part in recording["pieces"])
    with cassette(path), Client(providers={"bedrock": {**row, "base_url": "http://127.0.0.1:9"}}) as client:
        answer = client.stream("bedrock/m", "Hi").drain()

    x = "x" * len(CANARY)
    assert f"key {x} and {x} end" == answer.text
    assert [] == found(CANARY, data)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_no_fault_shows_the_key(server: Server, path: Path, name: str) -> None:
    """Whatever goes wrong, also where the server repeats the key."""
    wire = "openai-chat" if "openai-chat" in FAULTS[name].wires else min(FAULTS[name].wires)
    server.default = fault(name)
    options = {"retry": None, "limit": None, "timeouts": Timeouts(first_event=0.2, idle=0.2, total=1)}
    tape = cassette(path, mode="record").start()
    with Client(providers=rows(server, "bearer", CANARY, wire), **options) as client:
        ask(client, f"is {CANARY} my key?")
    if name == "gzip_bomb":
        with pytest.raises(CassetteError, match=r"[12] of 2 exchanges are not in the cassette .* larger than 32 MiB"):
            tape.stop()
    else:
        tape.stop()

    assert [] == found(CANARY, path.read_text("utf-8"))


# --- the pieces of it -------------------------------------------------------------------------------------------------


def learned() -> Scrubber:
    scrubber = Scrubber()
    scrubber.learn_request("https://x.example", {"authorization": f"Bearer {CANARY}"})
    return scrubber


@given(before=st.text(max_size=20), after=st.text(max_size=20), cuts=st.lists(st.integers(1, 9), max_size=60))
def test_a_secret_is_found_however_it_is_cut(before: str, after: str, cuts: list[int]) -> None:
    """The pieces put together are the masked whole, and the mask stands where the secret began."""
    text = f"{before}{CANARY}{after}"
    pieces: list[str] = []
    at = 0
    for size in [*cuts, len(text)]:
        pieces.append(text[at : at + size])
        at += size
    masked = learned().pieces(pieces)

    assert len(pieces) == len(masked)
    assert f"{before}{MASK}{after}" == "".join(masked)


@given(cuts=st.lists(st.integers(1, 9), max_size=60), around=st.binary(max_size=30))
def test_what_is_no_text_keeps_its_length(cuts: list[int], around: bytes) -> None:
    """Every piece is as long as it was, and the secret is gone."""
    data = around + CANARY.encode() + around
    pieces: list[bytes] = []
    at = 0
    for size in [*cuts, len(data)]:
        pieces.append(data[at : at + size])
        at += size
    masked = learned().binary(pieces)

    assert [len(piece) for piece in pieces] == [len(piece) for piece in masked]
    assert around + b"x" * len(CANARY) + around == b"".join(masked)


def test_damaged_frames_stay_damaged() -> None:
    """Only checksums that were right are renewed: a fault that is recorded plays as a fault."""
    good = awsstream.encode(json.dumps({"text": CANARY}).encode(), {":event-type": "x"})
    bad = good[:-1] + bytes((good[-1] ^ 1,))
    fields = answer_fields([(0.0, good + bad)], learned())
    data = b"".join(piece for _, piece in answer_pieces(Answered(status=200, **fields)))
    decoder = awsstream.Decoder()

    assert [b'{"text": "' + b"x" * len(CANARY) + b'"}'] == [message.payload for message in decoder.feed(data)]
    assert decoder.failure is not None


@pytest.mark.parametrize(
    "text",
    [
        "a basic understanding of bearer authentication",
        "Basic programming, basically; the bearer of bad news",
        '{"token":"Hello","tokens":12,"secret":"of the sea","key":"C major","session":"morning"}',
        "the organization org-chart, project proj_x, task-management-of-many-things",
        "Signature=none; api_key is a field; password: see below",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    """A recording plays the answer that was given."""
    assert text == learned().text(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"access_token":"abcdef"}', f'{{"access_token":"{MASK}"}}'),
        ('{"client_secret": "a\\"b", "x": 1}', f'{{"client_secret": "{MASK}", "x": 1}}'),
        ("grant_type=x&client_secret=abc&assertion=d.e.f", f"grant_type=x&client_secret={MASK}&assertion={MASK}"),
        ('{"headers":{"Authorization":"Bearer abc"}}', f'{{"headers":{{"Authorization":"{MASK}"}}}}'),
        ("authorization: Bearer abcdefghijklmnop1234", f"authorization: Bearer {MASK}"),
        ("AIzaSyA0123456789012345678901234567890x", MASK),
        ("Signature=" + "0f" * 32, f"Signature={MASK}"),
    ],
)
def test_credentials_are_known_by_name_and_shape(text: str, expected: str) -> None:
    """Nobody has registered these."""
    assert expected == Scrubber().text(text)


def test_a_request_is_scrubbed_in_every_part() -> None:
    """User and password of an address, parameters, headers, a body that is no text."""
    url = f"https://user:{CANARY}@x.example/v1/{CANARY}?api_key={CANARY}&plain=1#f"
    headers = {"authorization": f"Bearer {CANARY}", "x-note": f"key {CANARY}", "user-agent": "x"}
    request = HttpRequest(url=url, headers=headers, body=b"\xff\x00" + CANARY.encode())
    scrubber = learned()
    scrubber.learn_request(url, headers)
    found_in = asked(request, scrubber)

    assert f"https://x.example/v1/{MASK}?api_key={MASK}&plain=1" == found_in.url
    assert {"authorization": MASK, "x-note": f"key {MASK}"} == found_in.headers
    assert b"\xff\x00" + b"x" * len(CANARY) == base64.b64decode(str(found_in.base64))
