"""
Whether a conversation that was begun anywhere can be gone on with at a provider: what is checked, and for whom.

The request goes the way that a call goes (mended, fitted, encoded), and its body is held to the provider's rules.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from dragoman import catalog, wire
from dragoman.call import Sender
from dragoman.catalog.models import find_model
from dragoman.errors import ConfigError
from dragoman.policy.base import Context
from dragoman.policy.deadline import Clocks
from dragoman.routes import Route
from dragoman.runtime import BlockingRuntime
from dragoman.types.http import Notice
from dragoman.types.messages import (
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.types.providers import Provider, Quirks
from dragoman.types.requests import ChatRequest
from dragoman.types.timeouts import Timeouts
from dragoman.types.tools import Tool
from dragoman.wire.turns import settle
from dragoman.wire.validate import problems
from tests.histories import Author, History


class Target(NamedTuple):
    """Who is asked: a provider's row, one of its wires, a model, and the rules that hold there."""

    provider: str
    wire: str
    model: str
    rules: str

    def __str__(self) -> str:
        return f"{self.provider}-{self.wire}-{self.model}"


TARGETS = (
    Target("openai", "openai-chat", "gpt-4o", "openai-chat"),
    Target("openai", "openai-responses", "gpt-5.6-luna", "openai-responses"),
    Target("groq", "openai-chat", "gpt-oss-120b", "compatible-chat"),
    Target("deepseek", "openai-chat", "deepseek-v4-flash", "compatible-chat"),
    Target("mistral", "openai-chat", "mistral-small-2603", "mistral-chat"),
    Target("perplexity", "openai-chat", "sonar", "perplexity-chat"),
    Target("anthropic", "anthropic-messages", "claude-sonnet-5-5", "anthropic-messages"),
    Target("anthropic", "anthropic-messages", "claude-haiku-4-5", "anthropic-messages"),
    Target("gemini", "gemini-generate", "gemini-3.8-flash", "gemini-generate"),
    Target("gemini", "gemini-generate", "gemini-2.5-flash", "gemini-generate"),
    Target("gemini", "gemini-interactions", "gemini-3.8-flash", "gemini-interactions"),
    Target("bedrock", "bedrock-converse", "us.anthropic.claude-sonnet-4-6", "bedrock-converse"),
    Target("bedrock-anthropic", "bedrock-anthropic", "us.anthropic.claude-sonnet-5-5", "bedrock-anthropic"),
    Target("cohere", "cohere-chat", "command-a-plus-05-2026", "cohere-chat"),
    Target("ollama", "ollama-chat", "qwen3:8b", "ollama-chat"),
)

TOOLS = (
    Tool(
        name="weather",
        description="The weather in a city.",
        parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    ),
    Tool(name="look_up"),
    Tool(name="bare", parameters={}),
)


class Sent(NamedTuple):
    """What would be sent, and what is said of it."""

    body: dict[str, Any]
    text: str
    notices: tuple[Notice, ...]
    path: str = ""


def row(target: Target) -> Provider:
    """The provider's row, speaking the wire that is asked."""
    known = catalog.builtin().get(target.provider)
    return Provider(
        name=target.provider,
        base_url="https://provider.example/v1",
        wire=target.wire,
        quirks=known.quirks if known is not None and known.wire == target.wire else Quirks(),
        address={"project": "p", "location": "l"},
    )


def send(target: Target, request: ChatRequest, *, known: bool = False) -> Sent:
    """
    Take a request as far as it goes without a network.

    Args:
        target: Who is asked.
        request: What.
        known: With what the catalogue knows of the model; else nothing is known of it.
    """
    facts = find_model(target.provider, target.model) if known else None
    route = Route(row(target), target.model, wire.get(target.wire), None, facts)
    sender = Sender(lambda _, key: route, lambda _: _no_transport())
    context = Context(BlockingRuntime(), Clocks(Timeouts(), 0.0))
    _, encoded = sender.prepare(request, context)
    path = encoded.url.partition("provider.example")[2]
    return Sent(json.loads(encoded.body), encoded.body.decode(), tuple(context.notices), path)


def _no_transport() -> Any:
    raise AssertionError("nothing is sent")


def found(target: Target, history: History, *, known: bool = False, **settings: Any) -> list[str]:
    """Everything that is wrong with how a conversation goes on at this provider."""
    request = ChatRequest(model=target.model, messages=history.messages, **{"tools": TOOLS, **settings})
    try:
        sent = send(target, request, known=known)
    except ConfigError as error:
        return [] if says_nothing(history.messages) else [f"refused: {error}"]
    broken = [f"form: {problem}" for problem in problems(target.rules, sent.body, model=target.model)]
    leaked = [f"leaked: {secret} of {author}" for secret, author in travelling(target, history) if secret in sent.text]
    return broken + leaked + [f"lost: {word} at {path}" for word, path in lost(history, sent)]


def says_nothing(messages: tuple[Message, ...]) -> bool:
    """Whether there is no word to answer, so that a request may be refused."""
    asked = (message for message in messages if message.role not in ("system", "developer"))
    return not any(text.strip() for message in asked for part in message.parts for text in texts(part))


def travelling(target: Target, history: History) -> Iterator[tuple[str, Author]]:
    """The state that must not go to this provider."""
    for secret, author in history.secrets:
        origin = (author.origin or target.provider).partition("/")[0]
        if author.wire != target.wire or origin != target.provider:
            yield secret, author


def texts(part: Part) -> Iterator[str]:
    """The words of a part."""
    match part:
        case Text() | Reasoning() | Refusal():
            yield part.text
        case ToolCall():
            yield part.arguments_json
        case ToolResult():
            for inner in part.parts:
                yield from texts(inner)
        case Image() | Audio() | File():
            yield from (part.url or "", part.file_id or "", (part.data or b"").decode("latin-1"))
            yield part.transcript or "" if isinstance(part, Audio) else ""
        case Opaque():
            yield ""


def lost(history: History, sent: Sent) -> Iterator[tuple[str, str]]:
    """Words that are neither in the body nor at a place that a notice names."""
    fields = [notice.field for notice in sent.notices]
    settled, mended = settle(history.messages)
    before = [notice.field for notice in mended]
    files = "".join(_decoded(found) for found in _BASE64.findall(sent.text))
    for word in history.words:
        if word in sent.text or word in files:
            continue
        places = list(_places(settled, word))
        named = fields if places else before
        for path in places or list(_places(history.messages, word)):
            if not any(_names(field, path) for field in named):
                yield word, path
                break


_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4}){2,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "replace")


def _places(messages: tuple[Message, ...], word: str) -> Iterator[str]:
    for i, message in enumerate(messages):
        for j, part in enumerate(message.parts):
            inner = part.parts if isinstance(part, ToolResult) else ()
            for k, piece in enumerate(inner):
                if any(word in text for text in texts(piece)):
                    yield f"messages[{i}].parts[{j}].parts[{k}]"
            if not inner and any(word in text for text in texts(part)):
                yield f"messages[{i}].parts[{j}]"


def _names(field: str, path: str) -> bool:
    """Whether a notice speaks of a place: of it, of what it stands in, or of something in it."""
    here = field.startswith("messages[") and re.match(rf"{re.escape(field)}(?![0-9])", path) is not None
    return here or field.startswith(path)
