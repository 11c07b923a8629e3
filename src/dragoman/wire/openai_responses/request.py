"""
Requests, both ways.

Law: `decode_request` and then `encode_request` gives the body back, as JSON; only explicit nulls are dropped.

Rules: one leading system message that is a lone text goes into `instructions`, as it came from there; others stay in
`input` under their role, in their order, so that nothing is joined.  A conversation of one question is sent as a text.
Where nothing is stored (`store: false`), the encrypted form of the reasoning is asked for, because only that can be
sent back.

Source: OpenAI's OpenAPI file (`CreateResponse`) and its guide to reasoning models.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.http import HttpRequest
from dragoman.types.messages import Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.wire.base import encode_json
from dragoman.wire.lenient import object_of, text_of
from dragoman.wire.openai_responses.dialect import NAME, PATH, Item, own
from dragoman.wire.openai_responses.items import decode_item, kind_of
from dragoman.wire.openai_responses.settings import ENCRYPTED, LEAST_TOKENS, Body, decode_settings, encode_settings
from dragoman.wire.openai_responses.writer import ItemWriter
from dragoman.wire.request_body import overlay, read_body, unsaid


def encode_request(request: ChatRequest, provider: Provider) -> HttpRequest:
    """
    Write a request, without credentials.  What it could not carry is in `.notices`.

    Raises:
        ConfigError: The messages hold nothing that can be sent.
    """
    native = own(request.native)
    writing = encode_settings(request, native)
    given = {**native, **(request.extra or {})}
    stored = given.get("store") is not False
    if not stored:
        writing.include(ENCRYPTED)
    writer = ItemWriter(provider, stored=stored)
    model = {} if request.model == _prompt_id(native) else {"model": request.model}
    body = overlay(native, {**model, **_conversation(request, writer, given), **writing.body})
    if "input" not in {**body, **given} and not _goes_on(given):
        raise ConfigError("messages hold nothing that can be sent: add a message of the user", field="messages")
    if not request.stream:
        body.pop("stream_options", None)  # refused without `stream`
    body = {name: value for name, value in body.items() if value is not None}
    return HttpRequest(
        url=provider.url(PATH, request.model),
        headers={
            **{name.lower(): value for name, value in provider.headers.items()},
            "content-type": "application/json",
            "accept": "text/event-stream" if request.stream else "application/json",
        },
        body=encode_json(overlay(body, request.extra or {})),
        notices=(*writing.notices, *writer.notices),
    )


def _prompt_id(fields: dict[str, Any]) -> str | None:
    """Id of the stored prompt that names the model, where a request names none."""
    return text_of(object_of(fields.get("prompt")).get("id")) or None


def _conversation(request: ChatRequest, writer: ItemWriter, given: dict[str, Any]) -> dict[str, Any]:
    """`instructions` and `input`; instructions alone are the input."""
    head, rest = request.messages[0], request.messages[1:]
    fields: dict[str, Any] = {}
    if _is_lone_text(head, "system") and "instructions" not in given and (rest or _goes_on(given)):
        fields["instructions"] = head.text
    else:
        rest = request.messages
    if len(rest) == 1 and _is_lone_text(rest[0], "user"):
        return {**fields, "input": rest[0].text}
    for i, message in enumerate(rest, len(request.messages) - len(rest)):
        writer.add(message, f"messages[{i}]")
    writer.show()
    if writer.items:
        fields["input"] = writer.items
    return fields


def _goes_on(fields: dict[str, Any]) -> bool:
    """Whether a request goes on from input that the provider keeps."""
    return any(fields.get(name) for name in ("prompt", "previous_response_id", "conversation"))


def _is_lone_text(message: Message, role: str) -> bool:
    """Whether a message is no more than a text, and did not come as an item."""
    if message.role != role or message.name or len(message.parts) != 1:
        return False
    part = message.parts[0]
    return isinstance(part, Text) and part.cache is None and not own(part.native)


# --- as a server ------------------------------------------------------------------------------------------------------


def decode_request(body: bytes) -> ChatRequest:
    """
    Read a request.

    Where a stored prompt names the model, its id stands for the model's name.  A request without `input`, which goes
    on from what the provider keeps, has one empty message of the user.

    Raises:
        ConfigError: Not JSON, or not a request of this dialect; `.field` says where.
    """
    raw, told = read_body(body, Body)
    if told.input is None and not _goes_on(raw):
        raise ConfigError("input is missing: give a text or a list of items", field="input")
    instructions = (Message.system(told.instructions),) if told.instructions is not None else ()
    messages = (*instructions, *_messages(told.input)) or (Message("user"),)
    model = told.model or _prompt_id(raw)
    if model is None:
        raise ConfigError("model is missing: give the name of a model", field="model")
    request = ChatRequest(model=model, messages=messages, stream=bool(told.stream), **decode_settings(told))
    native = _unsaid(raw, told, encode_settings(request, {}).body)
    return msgspec.structs.replace(request, native={NAME: native}) if native else request


def _unsaid(raw: dict[str, Any], told: Body, said: dict[str, Any]) -> dict[str, Any]:
    """What of a request its settings do not say, or would say otherwise."""
    otherwise = {"include"}
    if told.user is not None:
        otherwise.add("safety_identifier")
    if told.max_output_tokens is not None and told.max_output_tokens < LEAST_TOKENS:
        otherwise.add("max_output_tokens")
    native = unsaid(raw, {name: value for name, value in said.items() if name not in otherwise}, _ELSEWHERE)
    if told.input == []:
        native["input"] = []
    if "include" not in native and ("include" in said or told.store is False):
        native["include"] = None  # who asked did not want it
    return native


_ELSEWHERE: Final = ("model", "input", "instructions", "tools")


def _messages(given: str | list[Item] | None) -> list[Message]:
    if given is None or isinstance(given, str):
        return [] if given is None else [Message.user(given)]
    messages: list[Message] = []
    for i, item in enumerate(given):
        parts = decode_item(item, f"input[{i}]")
        role = _role(item, parts)
        if role == "assistant" and messages and messages[-1].role == role:
            messages[-1] = Message(role, (*messages[-1].parts, *parts))  # one turn of the model
        else:
            messages.append(Message(role, parts))
    return messages


def _role(item: Item, parts: tuple[Part, ...]) -> Any:
    """Who wrote an item."""
    role = item.get("role")
    if role in ("user", "system", "developer", "assistant"):
        return role
    if isinstance(parts[0], ToolResult):
        return "tool"
    if isinstance(parts[0], Reasoning | ToolCall):
        return "assistant"
    return _WRITTEN_BY.get(kind_of(item), "assistant") if isinstance(parts[0], Opaque) else "assistant"


# What callers write; the provider's own tools, with their calls and results, are part of the model's turn.
_WRITTEN_BY: Final = {
    "computer_call_output": "tool",
    "shell_call_output": "tool",
    "local_shell_call_output": "tool",
    "apply_patch_call_output": "tool",
    "mcp_approval_response": "user",
}
