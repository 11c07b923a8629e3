"""
The messages of three dialects: OpenAI's chat (`openai`), Responses items (`responses`), and Anthropic's (`anthropic`).

The wires write and read them, so they hold what a request of the dialect may hold.  Histories are mended before they
are written: every call has its result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from dragoman import wire
from dragoman.conversation.transcripts.reading import Given, list_at, talks, wrong
from dragoman.conversation.transcripts.tree import Tree, line_of
from dragoman.errors import ConfigError
from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.wire.openai_chat import parse_messages
from dragoman.wire.openai_responses.writer import ItemWriter
from dragoman.wire.turns import settle

_OPENAI: Final = Provider(name="openai", base_url="https://api.openai.com/v1")
_ANTHROPIC: Final = Provider(name="anthropic", base_url="https://api.anthropic.com/v1")


# --- writing ----------------------------------------------------------------------------------------------------------


def write_openai(tree: Tree) -> str:
    """Write messages of OpenAI's chat."""
    body = _body("openai-chat", tree.messages(), _OPENAI)
    return msgspec.json.encode(body.get("messages", [])).decode()


def write_responses(tree: Tree) -> str:
    """Write Responses items; the instructions are the first of them."""
    return msgspec.json.encode(items_of(tree.messages())).decode()


def items_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Responses items of messages."""
    body = _body("openai-responses", messages, _OPENAI)
    items: list[dict[str, Any]] = []
    if "instructions" in body:
        items.append({"type": "message", "role": "system", "content": body["instructions"]})
    given = body.get("input", [])
    if isinstance(given, str):
        return [*items, {"type": "message", "role": "user", "content": given}]
    return [*items, *cast("list[dict[str, Any]]", given)]


def write_anthropic(tree: Tree) -> str:
    """Write `{"system": ..., "messages": [...]}` of Anthropic's dialect."""
    body = _body("anthropic-messages", tree.messages(), _ANTHROPIC)
    return msgspec.json.encode({name: body[name] for name in ("system", "messages") if name in body}).decode()


def _body(dialect: str, messages: Sequence[Message], provider: Provider) -> dict[str, Any]:
    """The fields of a request that says these messages."""
    if not messages:
        return {"messages": [], "input": []}
    settled, _ = settle(tuple(messages))
    if not settled:
        return {"messages": [], "input": []}
    request = wire.get(dialect).encode_request(ChatRequest(_MODELS[dialect], settled), provider)
    body: dict[str, Any] = msgspec.json.decode(request.body)
    return body


_MODELS: Final = {
    "openai-chat": "gpt-4.1",
    "openai-responses": "gpt-4.1",
    "anthropic-messages": "claude-sonnet-4-5",
}


# --- reading ----------------------------------------------------------------------------------------------------------


def read_openai(given: Given) -> list[Tree]:
    """Read messages, requests that have them, or several of either, also as JSONL."""
    if isinstance(given, list | tuple) and any(isinstance(item, Message) for item in given):
        return [line_of(parse_messages(given, "data"))]
    found: list[Tree] = []
    for place, whole in talks(given, "openai", "messages", "role"):
        listed = list_at(whole.get("messages"), "openai", place)
        found.append(line_of(parse_messages(listed, place), _name(whole)))
    return found


def read_responses(given: Given) -> list[Tree]:
    """Read items, requests that have them, or several of either, also as JSONL."""
    found: list[Tree] = []
    for place, whole in talks(given, "responses", "input", "type"):
        items = whole.get("input")
        if not isinstance(items, str):
            list_at(items, "responses", place)
        body = {"model": "any", "input": items, "instructions": whole.get("instructions")}
        found.append(line_of(_decoded("openai-responses", body, "input", place), _name(whole)))
    return found


def read_anthropic(given: Given) -> list[Tree]:
    """Read messages, requests that have them, or several of either, also as JSONL."""
    found: list[Tree] = []
    for place, whole in talks(given, "anthropic", "messages", "role"):
        list_at(whole.get("messages"), "anthropic", place)
        body = {"model": "any", "messages": whole["messages"], "system": whole.get("system")}
        found.append(line_of(_decoded("anthropic-messages", body, "messages", place), _name(whole)))
    return found


def messages_of(items: Sequence[Any], field: str = "data") -> tuple[Message, ...]:
    """Messages of Responses items."""
    if not items:
        return ()
    return _decoded("openai-responses", {"model": "any", "input": list(items)}, "input", field)


def _decoded(dialect: str, body: dict[str, Any], key: str, place: str) -> tuple[Message, ...]:
    form = {"openai-responses": "responses", "anthropic-messages": "anthropic"}[dialect]
    if not body[key]:  # no request says nothing
        system = next((body[name] for name in ("system", "instructions") if body.get(name)), None)
        return (Message.system(system),) if isinstance(system, str) else ()
    told = {name: value for name, value in body.items() if value is not None}
    try:
        messages = wire.get(dialect).decode_request(msgspec.json.encode(told)).messages
    except ConfigError as error:
        field = error.field or key
        shown = place + field.removeprefix(key) if field.startswith(key) else f"{place.removesuffix('.' + key)}.{field}"
        raise wrong(form, error.message, shown) from error
    return tuple(message for message in messages if message.parts or message.native)


def _name(whole: dict[str, Any]) -> str:
    """What a conversation is called where it came from, if that is said."""
    name = next((whole[key] for key in ("id", "custom_id", "name") if isinstance(whole.get(key), str)), "")
    return cast("str", name)


def item_of(message: Message) -> dict[str, Any]:
    """The one Responses item of a message; `{}` if it has none, or several."""
    writer = ItemWriter(_OPENAI, stored=True)
    writer.add(message, "message")
    return writer.items[0] if len(writer.items) == 1 else {}
