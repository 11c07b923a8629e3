"""
Every fault of the fault server, seen by the official SDKs over the bridge.

What the client owes its own callers it owes them, too: the whole answer, or an exception that the SDK documents.
"""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import anthropic
import httpx2
import openai
import pytest

from dragoman import AsyncClient, Client, Retry, Timeouts
from dragoman.bridge import httpx2_client
from dragoman.testing import Server
from dragoman.testing.faults import FAULTS, TEXT, TOOLS, Expects, Fault, fault
from tests.bridge.sdks import KEY, providers

SHORT = Timeouts(first_event=0.4, idle=0.4, total=0.9)
ASK: list[Any] = [{"role": "user", "content": "Hi"}]
# What users of an SDK catch.
DOCUMENTED = (openai.OpenAIError, anthropic.AnthropicError, httpx2.HTTPError)


# What it raises besides when it stumbles over a stream.
STUMBLES = (ValueError, LookupError, AttributeError, AssertionError, *DOCUMENTED)
# Streams that the SDK gets as they are, and reads in its own way: where it stumbles over them alone, it may here.
OWN_READING = frozenset(
    {
        "block_index_duplicate",
        "block_index_shifted",
        "bom",
        "broken_json_after_text",
        "broken_utf8",
        "error_in_choice",
        "glued_frames",
        "other_json_after_text",
        "tool_index_duplicate",
        "tool_index_missing",
        "tool_index_null",
        "unknown_fields",
    }
)


class Seen(NamedTuple):
    """What came of a call: text and tools, or an exception."""

    text: str = ""
    tools: Sequence[tuple[str, Any]] = ()
    error: Exception | None = None


def openai_plain(sdk: openai.OpenAI) -> Seen:
    message = sdk.chat.completions.create(model="m", messages=ASK).choices[0].message
    calls: list[Any] = list(message.tool_calls or ())
    return Seen(message.content or "", [(call.function.name, json.loads(call.function.arguments)) for call in calls])


def openai_stream(sdk: openai.OpenAI) -> Seen:
    text, calls = "", dict[int, list[str]]()
    for chunk in sdk.chat.completions.create(model="m", messages=ASK, stream=True):
        for choice in chunk.choices or ():
            text += choice.delta.content or ""
            for piece in choice.delta.tool_calls or ():
                call = calls.setdefault(piece.index, ["", ""])
                call[0] += (piece.function and piece.function.name) or ""
                call[1] += (piece.function and piece.function.arguments) or ""
    return Seen(text, [(name, json.loads(arguments)) for name, arguments in calls.values()])


def anthropic_plain(sdk: anthropic.Anthropic) -> Seen:
    return _message(sdk.messages.create(model="m", max_tokens=50, messages=ASK))


def anthropic_stream(sdk: anthropic.Anthropic) -> Seen:
    with sdk.messages.stream(model="m", max_tokens=50, messages=ASK) as stream:
        return _message(stream.get_final_message())


def _message(message: Any) -> Seen:
    text = "".join(block.text for block in message.content if block.type == "text")
    return Seen(text, [(block.name, block.input) for block in message.content if block.type == "tool_use"])


CALLS: dict[tuple[str, bool], Any] = {
    ("openai-chat", False): openai_plain,
    ("openai-chat", True): openai_stream,
    ("anthropic-messages", False): anthropic_plain,
    ("anthropic-messages", True): anthropic_stream,
}
SDKS: dict[str, Any] = {"openai-chat": openai.OpenAI, "anthropic-messages": anthropic.Anthropic}


def ask(server: Server, http: httpx2.Client, wire: str, *, streamed: bool) -> Seen:
    sdk = SDKS[wire](api_key="dragoman", base_url=server.base_url(wire), http_client=http, max_retries=0)
    try:
        seen: Seen = CALLS[wire, streamed](sdk)
    except DOCUMENTED as error:
        return Seen(error=error)
    return seen


def alone(server: Server, wire: str) -> Seen:
    """What the SDK makes of the same stream without the bridge."""
    with SDKS[wire](api_key="k", base_url=server.base_url(wire), max_retries=0) as sdk:
        try:
            seen: Seen = CALLS[wire, True](sdk)
        except STUMBLES as error:
            return Seen(error=error)
        return seen


def cases() -> Iterator[Any]:
    for one in FAULTS.values():
        if one.name in OWN_READING:
            continue
        for wire in sorted(one.wires & SDKS.keys()):
            for streamed in (False, True):
                if one.expects(streamed=streamed) is not None:
                    yield pytest.param(one, wire, streamed, id=f"{one.name}-{wire}-{'stream' if streamed else 'plain'}")


@pytest.mark.parametrize(("one", "wire", "streamed"), list(cases()))
def test_fault(one: Fault, wire: str, streamed: bool) -> None:
    """The SDK has the whole answer or its own exception, nothing is sent too often, no key shows."""
    expects = one.expects(streamed=streamed)
    assert expects is not None
    with (
        Server(default=fault(one.name)) as server,
        Client(providers=providers(server), timeouts=SHORT, retry=Retry(base=0.01), limit=None) as client,
        httpx2_client(client) as http,
    ):
        seen = ask(server, http, wire, streamed=streamed)

        assert [] == list(_findings(expects, seen, server, streamed=streamed))


@pytest.mark.parametrize("wire", SDKS)
@pytest.mark.parametrize("name", sorted(OWN_READING))
def test_a_stream_that_the_sdk_reads_in_its_own_way(name: str, wire: str) -> None:
    """It is what it is to the SDK alone, or ends with an exception that the SDK documents."""
    if wire not in FAULTS[name].wires or FAULTS[name].stream is None:
        return
    with (
        Server(default=fault(name)) as server,
        Client(providers=providers(server), timeouts=SHORT, retry=Retry(base=0.01), limit=None) as client,
        httpx2_client(client) as http,
    ):
        expected = alone(server, wire)
        try:
            seen = ask(server, http, wire, streamed=True)
        except STUMBLES as error:
            seen = Seen(error=error)

    if not isinstance(seen.error, DOCUMENTED):
        assert (type(expected.error), expected[:2]) == (type(seen.error), seen[:2])


def _findings(expects: Expects, seen: Seen, server: Server, *, streamed: bool) -> Iterator[str]:
    if not 1 <= server.calls <= (1 if expects.once else 3):
        yield f"{server.calls} requests"
    if any("stolen" in request.query for request in server.all_requests):
        yield "the redirect was followed"
    if seen.error is None:
        right = TOOLS if expects.answer == "tools" else TEXT
        if expects.errors and not expects.or_whole:
            yield f"no error, but {seen}"
        elif (right.text, [(call.name, call.arguments) for call in right.tool_calls]) != (seen.text, list(seen.tools)):
            yield f"another answer: {seen}"
        return
    if not expects.errors:
        yield f"{seen.error!r} from {seen.error.__cause__!r} for an answer that is whole"
    yield from _shown(seen.error)
    until = time.monotonic() + 2
    while server.connections and server.requests[-1].finished_at is None and time.monotonic() < until:
        time.sleep(0.002)
    if server.connections and server.requests[-1].finished_at is None:
        yield "the upstream is open"


def _shown(error: Exception) -> Iterator[str]:
    response = getattr(error, "response", None)
    texts = ["".join(traceback.format_exception(error)), repr(vars(error))]
    if isinstance(response, httpx2.Response):
        texts.append(repr(response.headers.raw))
        texts.append(repr(getattr(response, "_content", b"")))  # there is none of a stream
    if any(KEY in text for text in texts):
        yield "the key can be read"


SOME = (
    "cut_in_text",
    "reset_in_text",
    "reset_before_answer",
    "html",
    "status_500",
    "gzip",
    "one_packet",
    "stall_in_text",
)


@pytest.mark.parametrize("name", [name for name in SOME if name in FAULTS])
def test_faults_on_the_asynchronous_face(name: str) -> None:
    """The same for the asynchronous SDK over an `AsyncClient`."""

    async def main(server: Server) -> Seen:
        client = AsyncClient(providers=providers(server), timeouts=SHORT, retry=Retry(base=0.01), limit=None)
        async with client, httpx2_client(client) as http:
            sdk = openai.AsyncOpenAI(api_key="dragoman", base_url=server.base_url(), http_client=http, max_retries=0)
            create: Any = sdk.chat.completions.create
            text = ""
            try:
                async for chunk in await create(model="m", messages=ASK, stream=True):
                    text += "".join(choice.delta.content or "" for choice in chunk.choices)
            except DOCUMENTED as error:
                return Seen(error=error)
            return Seen(text)

    expects = FAULTS[name].stream
    assert expects is not None
    with Server(default=fault(name)) as server:
        seen = asyncio.run(main(server))

        assert [] == list(_findings(expects, seen, server, streamed=True))
