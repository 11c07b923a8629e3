"""
From every dialect to every other: what a request says is kept, or a notice names what was not.

Requests are read by one wire's server half, go the way of a call, are written by another wire and read by its server
half.  Recorded requests and drawn ones.
"""

from __future__ import annotations

import base64
import json
import runpy
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from dragoman import Client, Image, Message, Text, ToolCall, ToolResult
from dragoman import wire as wires
from dragoman.errors import ConfigError
from dragoman.testing import Server, says
from dragoman.types.messages import File
from dragoman.types.requests import ChatRequest
from dragoman.types.tools import Tool
from dragoman.wire.turns import settle, valid_name
from tests.corpus.dialects import DIALECTS
from tests.corpus.recording import SAMPLE, load
from tests.crossing import Target, lost, send, texts
from tests.histories import History, Seeded, history
from tests.house.modules import ROOT
from tests.strategies import PNG

NAMES = wires.names()
MODELS = {"gemini-generate": "gemini-3.8-flash", "gemini-interactions": "gemini-3.8-flash"}
MATRIX = runpy.run_path(str(ROOT / "scripts" / "matrix.py"))


@cache
def recorded(name: str) -> tuple[ChatRequest, ...]:
    """The recorded requests of a dialect, as its server half reads them."""
    found: list[ChatRequest] = []
    for recording in load(SAMPLE, DIALECTS[name].folders if name in DIALECTS else ()):
        if recording.asked is not None and recording.status == 200:
            body = json.dumps(recording.asked, ensure_ascii=False).encode()
            found.append(wires.get(name).decode_request(body, path=recording.asked_path))
    return tuple(found)


@cache
def drawn(name: str) -> tuple[ChatRequest, ...]:
    """Drawn requests, written and read by a dialect: what is left of them there."""
    wire, row = wires.get(name), MATRIX["row"](name)
    found: list[ChatRequest] = []
    for seed in range(40):
        messages, _ = settle(history(Seeded(seed)).messages)
        asked = ChatRequest(model=MODELS.get(name, "m"), messages=messages, tools=(TOOL,))
        sent = wire.encode_request(asked, row)
        found.append(wire.decode_request(sent.body, path=sent.url.partition("any.example")[2]))
    return tuple(found)


TOOL = Tool(name="weather", description="The weather.", parameters={"type": "object", "properties": {}})


def strings(value: Any) -> Iterator[str]:
    """Every text in some JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def crossed(request: ChatRequest, name: str) -> list[str]:
    """What got lost on the way of a request to a dialect."""
    target = Target("other", name, MODELS.get(name, "m"), name)
    # The target knows nothing of fields that only the first dialect has.
    fields = {field: getattr(request, field) for field in ("tools", "tool_choice")}
    sent = send(target, ChatRequest(model=target.model, messages=request.messages, **fields))
    again = wires.get(name).decode_request(sent.text.encode(), path=sent.path)
    read = [text for message in again.messages for part in message.parts for text in texts(part)]
    carried = "\0".join([*strings(sent.body), *read])
    words = {text.strip() for message in request.messages for part in message.parts for text in texts(part)}
    missing = (word for word in words if not any(form in carried for form in _forms(word)))
    unfound = tuple(word for word in missing if not _in_pieces(word, carried))
    lines = [f"lost: {word[:80]!r} at {path}" for word, path in lost(History(request.messages, unfound, ()), sent)]
    return lines + list(unlike(request, again, [notice.field for notice in sent.notices]))


def _forms(word: str) -> Iterator[str]:
    """How a text or some bytes may have been written."""
    yield word
    if word.isascii() or not word.isprintable():
        yield base64.b64encode(word.encode("latin-1", "ignore")).decode()
    yield base64.b64encode(word.encode()).decode()


def _in_pieces(word: str, carried: str) -> bool:
    """Whether a text was sent line by line, or as the JSON that it is."""
    try:
        value = json.loads(word)
    except ValueError:
        return all(line in carried for line in word.splitlines())
    return all(text in carried for text in strings(value))


def unlike(request: ChatRequest, again: ChatRequest, fields: list[str]) -> Iterator[str]:
    """Tools and calls that are not there any more, and are not named."""
    for i, tool in enumerate(request.tools or ()):
        kept = any(tool.name == other.name for other in again.tools or ())
        if not kept and not any(field.startswith((f"tools[{i}]", "tool_choice")) for field in fields):
            yield f"tool {tool.name} is gone"
    settled, _ = settle(request.messages)
    calls = [call for message in settled for call in message.tool_calls]
    others = [call for message in again.messages for call in message.tool_calls]
    if [valid_name(call.name).lstrip("_") for call in calls] != [call.name.lstrip("_") for call in others]:
        yield f"calls {[call.name for call in calls]} became {[call.name for call in others]}"
    before, after = (
        sum(isinstance(part, ToolResult) for message in messages for part in message.parts)
        for messages in (settled, again.messages)
    )
    if before != after:
        yield f"{before} results became {after}"


@pytest.mark.parametrize("target", NAMES)
@pytest.mark.parametrize("source", NAMES)
def test_requests_cross(source: str, target: str) -> None:
    """Texts, calls, results, tools and pictures of every request arrive, or a notice names them."""
    wrong: list[str] = []
    for i, request in enumerate((*recorded(source), *drawn(source))):
        try:
            wrong += [f"{i}: {line}" for line in crossed(request, target)]
        except ConfigError as error:
            wrong += [] if _may_refuse(request, error) else [f"{i}: refused: {error}"]
    assert [] == wrong


def _may_refuse(request: ChatRequest, error: ConfigError) -> bool:
    """Names that Google does not take are refused; a request that only goes on from kept state has nothing to say."""
    asked = (message for message in request.messages if message.role not in ("system", "developer"))
    return error.field == "tools[0].name" or not any(message.parts for message in asked)


# --- over sockets -----------------------------------------------------------------------------------------------------

CALL = ToolCall("call_1", "weather", '{"city":"Bern"}')
RICH = (
    Message.system("Be brief."),
    Message.user("Which weather is this?", Image(data=PNG)),
    Message("assistant", (Text("Let me see."), CALL), origin="acme/m"),
    Message.tool(CALL, "sunny"),
    Message.user("And there?"),
)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", [name for name in NAMES if name in MATRIX["_COLUMNS"]])
def test_a_conversation_reaches_a_server_of_every_dialect(name: str, stream: bool) -> None:
    """A client sends a conversation of another provider; the server reads all of it and its answer arrives."""
    with Server(default=says("There too.")) as server:
        row = {"x": {"base_url": server.base_url(name), "wire": name, "auth": "none"}}
        with Client(providers=row) as client:
            request = ChatRequest(model=f"x/{MODELS.get(name, 'm')}", messages=RICH, tools=(TOOL,), max_tokens=64)
            if stream:
                with client.open(request) as opened:
                    text = "".join(opened.text)
            else:
                text = client.send(request).text
        [received] = server.requests

    chat = received.chat
    parts = [part for message in chat.messages for part in message.parts]
    assert "There too." == text
    assert ["Be brief.", "Which weather is this?", "Let me see.", "And there?"] == [
        part.text for part in parts if isinstance(part, Text)
    ]
    assert [PNG] == [part.data for part in parts if isinstance(part, Image | File)]
    assert [("weather", {"city": "Bern"})] == [(p.name, p.arguments) for p in parts if isinstance(p, ToolCall)]
    assert ["sunny"] == [part.text for part in parts if isinstance(part, ToolResult)]
    assert ["weather"] == [tool.name for tool in chat.tools or ()]


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_says_what_the_wires_do() -> None:
    """docs/matrix.md is what `python scripts/matrix.py` writes."""
    assert MATRIX["page"]() == (ROOT / "docs" / "matrix.md").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_adapted_in_silence(name: str) -> None:
    """Whatever a dialect does not carry as it is has a notice."""
    features = [feature for features in MATRIX["FEATURES"].values() for feature in features]

    assert [] == [feature.name for feature in features if MATRIX["judge"](feature, name).verdict == MATRIX["SILENT"]]


def test_hosts_of_a_dialect_have_no_column_of_their_own() -> None:
    """Every wire is a column, or does what a column's does."""
    features = [feature for features in MATRIX["FEATURES"].values() for feature in features]
    for name in {*NAMES} - {*MATRIX["_COLUMNS"]}:
        cells = [MATRIX["judge"](feature, name).verdict for feature in features]
        assert [MATRIX["judge"](feature, "anthropic-messages").verdict for feature in features] == cells
