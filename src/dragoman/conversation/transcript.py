"""
A conversation outside of its store: as JSON, as OpenAI's messages, as Markdown to read.

Rule: JSON keeps everything of a branch's messages, so it comes back as it was; the others keep what their form can say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, cast

import msgspec

from dragoman import wire
from dragoman.errors import ConfigError
from dragoman.types.messages import Message, Reasoning, Text, ToolCall, ToolResult
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.verbs.conversations import Form
from dragoman.wire.openai_chat import parse_messages
from dragoman.wire.turns import settle

_OPENAI: Final = Provider(name="openai", base_url="https://api.openai.com/v1")


class _File(msgspec.Struct, frozen=True):
    """What `json` is."""

    dragoman: Literal["conversation"]
    version: Literal[1]
    name: str
    messages: list[Message]


def written(name: str, messages: Sequence[Message], form: Form) -> str:
    """
    Write messages in a form.

    Raises:
        ConfigError: There is no such form.
    """
    write = _WRITERS.get(form)
    if write is None:
        raise ConfigError(f"form is {form!r}: give one of {', '.join(_WRITERS)}", field="form")
    return write(name, messages)


def read_transcript(data: str | bytes | Sequence[Any], form: Form) -> tuple[Message, ...]:
    """
    Read messages in a form.

    Raises:
        ConfigError: They are not of that form, or nothing is read in it.
    """
    read = _READERS.get(form)
    if read is None:
        raise ConfigError(f"form is {form!r}: {' and '.join(_READERS)} can be read", field="form")
    try:
        return read(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # ValidationError is a DecodeError
        raise ConfigError(f"data is no conversation in the form {form!r}: {error}", field="data") from error


def _json(name: str, messages: Sequence[Message]) -> str:
    return msgspec.json.encode(_File("conversation", 1, name, list(messages))).decode()


def _openai(name: str, messages: Sequence[Message]) -> str:
    if not messages:
        return "[]"
    settled, _ = settle(tuple(messages))
    request = wire.get("openai-chat").encode_request(ChatRequest("gpt-4.1", settled), _OPENAI)
    return msgspec.json.encode(msgspec.json.decode(request.body)["messages"]).decode()


def _markdown(name: str, messages: Sequence[Message]) -> str:
    return "\n\n".join([f"# {name}", *(_section(message) for message in messages)]) + "\n"


def _section(message: Message) -> str:
    return "\n\n".join([f"## {message.role}", *(_paragraph(part) for part in message.parts)])


def _paragraph(part: object) -> str:
    write = _PARTS.get(type(part))
    return write(part) if write else f"*[{type(part).__name__.lower()}]*"


def _fenced(word: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{word}\n{text}\n{fence}"


_PARTS: Final[dict[type, Callable[[Any], str]]] = {
    Text: lambda part: part.text,
    Reasoning: lambda part: "> " + part.text.replace("\n", "\n> "),
    ToolCall: lambda part: f"Calls `{part.name}`:\n\n{_fenced('json', part.arguments_json)}",
    ToolResult: lambda part: f"Result of `{part.name or part.call_id}`:\n\n{_fenced('', part.text)}",
}


def _from_json(data: str | bytes | Sequence[Any]) -> tuple[Message, ...]:
    if isinstance(data, str | bytes):
        return tuple(msgspec.json.decode(data, type=_File).messages)
    return tuple(msgspec.convert(data, list[Message], from_attributes=True))


def _from_openai(data: str | bytes | Sequence[Any]) -> tuple[Message, ...]:
    listed = msgspec.json.decode(data) if isinstance(data, str | bytes) else data
    if isinstance(listed, dict):  # a whole request
        listed = cast("dict[str, Any]", listed).get("messages")
    return parse_messages(cast("Sequence[Any]", listed), "data")


_WRITERS: Final[dict[str, Callable[[str, Sequence[Message]], str]]] = {
    "json": _json,
    "openai": _openai,
    "markdown": _markdown,
}
_READERS: Final[dict[str, Callable[[str | bytes | Sequence[Any]], tuple[Message, ...]]]] = {
    "json": _from_json,
    "openai": _from_openai,
}
