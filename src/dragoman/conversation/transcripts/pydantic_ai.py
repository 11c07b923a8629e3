"""
`pydantic-ai`: what its `ModelMessagesTypeAdapter` writes, or its `ConversationTypeAdapter`.

A request of theirs may hold instructions, questions and results together; each part becomes a message.  What only they
know of a part (a signature, an id) is kept and written back.

Source: pydantic-ai 2.62, `messages.py` and `conversation.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import msgspec

from dragoman.conversation.transcripts.media import bytes_of, media_part
from dragoman.conversation.transcripts.reading import Given, list_at, object_at, talks, text_at, wrong
from dragoman.conversation.transcripts.tree import Tree, line_of
from dragoman.types.messages import (
    Audio,
    File,
    Image,
    Message,
    Native,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)

FORM = "pydantic-ai"

Fields = dict[str, Any]

# What is kept of a part besides what a part of ours has a place for.
_STATE: Final = ("id", "signature", "provider_name", "provider_details")


# --- writing ----------------------------------------------------------------------------------------------------------


def write(tree: Tree) -> str:
    """Write messages for `ModelMessagesTypeAdapter.validate_json`."""
    return msgspec.json.encode(written_messages(tree.messages())).decode()


def written_messages(messages: Iterable[Message]) -> list[Fields]:
    """Their messages of ours."""
    found: list[Fields] = []
    for message in messages:
        if message.role == "assistant":
            found.append(_response(message))
            continue
        if not found or found[-1]["kind"] != "request":
            found.append({"kind": "request", "parts": []})
        found[-1]["parts"] += _request_parts(message)
    return [message for message in found if message["parts"]]


def _response(message: Message) -> Fields:
    parts = [written for part in message.parts if (written := _answer_part(part)) is not None]
    fields: Fields = {"kind": "response", "parts": parts}
    if message.origin:
        provider, slash, model = message.origin.partition("/")
        fields |= {"provider_name": provider, "model_name": model} if slash else {"model_name": provider}
    return fields


def _answer_part(part: Part) -> Fields | None:
    state = {name: value for name, value in (part.native or {}).get(FORM, {}).items() if name in _STATE}
    if isinstance(part, Text):
        return {"part_kind": "text", "content": part.text, **state}
    if isinstance(part, Reasoning):
        return {"part_kind": "thinking", "content": part.text, **state}
    if isinstance(part, ToolCall):
        call = {"tool_name": part.name, "args": part.arguments_json, "tool_call_id": part.id}
        return {"part_kind": "tool-call", **call, **state}
    if isinstance(part, Opaque) and part.wire == FORM:
        return part.data
    return None


def _request_parts(message: Message) -> list[Fields]:
    results = [_result(part) for part in message.parts if isinstance(part, ToolResult)]
    if message.role in ("system", "developer"):
        return [*results, {"part_kind": "system-prompt", "content": message.text}] if message.text else results
    content = [block for part in message.parts if (block := _content(part)) is not None]
    if not content:
        return results
    told: Any = content[0] if len(content) == 1 and isinstance(content[0], str) else content
    return [*results, {"part_kind": "user-prompt", "content": told}]


def _result(part: ToolResult) -> Fields:
    return {
        "part_kind": "tool-return",
        "tool_name": part.name or "",
        "content": part.text,
        "tool_call_id": part.call_id,
        "outcome": "failed" if part.is_error else "success",
    }


def _content(part: Part) -> str | Fields | None:
    if isinstance(part, Text):
        return part.text
    if not isinstance(part, Image | Audio | File):
        return None
    if part.data is not None:
        media_type = part.media_type or "application/octet-stream"
        return {"kind": "binary", "data": msgspec.to_builtins(part.data), "media_type": media_type}
    return {"kind": _URL_KINDS[type(part)], "url": part.url} if part.url else None


_URL_KINDS: Final[dict[type, str]] = {Image: "image-url", Audio: "audio-url", File: "document-url"}


# --- reading ----------------------------------------------------------------------------------------------------------


def read(given: Given) -> list[Tree]:
    """Read one or several conversations, also as JSONL."""
    found: list[Tree] = []
    for place, whole in talks(given, FORM, "messages", "kind"):
        listed = list_at(whole.get("messages"), FORM, place)
        messages: list[Message] = []
        held = ""
        for i, value in enumerate(listed):
            told = read_message(value, f"{place}[{i}]", held)
            held = _instructions(value) or held
            messages += told
        name = whole.get("conversation_id")
        found.append(line_of(messages, name if isinstance(name, str) else ""))
    return found


def read_message(value: object, place: str, held: str = "") -> list[Message]:
    """The messages of one of theirs; instructions that hold already are not said again."""
    fields = object_at(value, FORM, place)
    parts = list_at(fields.get("parts"), FORM, f"{place}.parts")
    placed = [(object_at(part, FORM, f"{place}.parts[{i}]"), f"{place}.parts[{i}]") for i, part in enumerate(parts)]
    if fields.get("kind") == "response":
        answer = tuple(_read_answer(part, where) for part, where in placed)
        return [Message("assistant", answer, origin=_origin(fields))]
    if fields.get("kind") != "request":
        raise wrong(FORM, f"{fields.get('kind')!r} is neither 'request' nor 'response'", f"{place}.kind")
    instructions = _instructions(fields)
    lead = [Message.system(instructions)] if instructions not in ("", held) else []
    return [*lead, *(_read_request(part, where) for part, where in placed)]


def _instructions(value: object) -> str:
    """What holds for a request of theirs, which each of them repeats."""
    told = cast("Fields", value).get("instructions") if isinstance(value, dict) else None
    return told if isinstance(told, str) else ""


def _origin(fields: Fields) -> str | None:
    model, provider = fields.get("model_name"), fields.get("provider_name")
    if not isinstance(model, str):
        return None
    return f"{provider}/{model}" if isinstance(provider, str) else model


def _state(part: Fields) -> Native | None:
    kept = {name: part[name] for name in _STATE if part.get(name) is not None}
    return {FORM: kept} if kept else None


def _read_answer(part: Fields, place: str) -> Part:
    reader = _ANSWERS.get(str(part.get("part_kind")))
    return reader(part, place) if reader else Opaque(FORM, part)


def _read_thought(part: Fields, place: str) -> Part:
    return Reasoning(text_at(part.get("content") or "", FORM, f"{place}.content"), native=_state(part))


def _read_call(part: Fields, place: str) -> Part:
    name = text_at(part.get("tool_name"), FORM, f"{place}.tool_name")
    args = part.get("args")
    given = args if isinstance(args, str) else msgspec.json.encode({} if args is None else args).decode()
    call_id = text_at(part.get("tool_call_id") or "", FORM, f"{place}.tool_call_id")
    return ToolCall(call_id, name, given, native=_state(part))


_ANSWERS: Final[dict[str, Callable[[Fields, str], Part]]] = {
    "text": lambda part, place: Text(text_at(part.get("content"), FORM, f"{place}.content"), native=_state(part)),
    "thinking": _read_thought,
    "tool-call": _read_call,
}


def _read_request(part: Fields, place: str) -> Message:
    kind = part.get("part_kind")
    reader = _REQUESTS.get(str(kind))
    if reader is None:
        raise wrong(FORM, f"{kind!r} is no part: use one of {', '.join(_REQUESTS)}", f"{place}.part_kind")
    return reader(part, place)


def _read_prompt(part: Fields, place: str) -> Message:
    content = part.get("content")
    if isinstance(content, str):
        return Message.user(content)
    listed = list_at(content, FORM, f"{place}.content")
    parts = [_read_content(item, f"{place}.content[{i}]") for i, item in enumerate(listed)]
    return Message("user", tuple(parts))


def _read_content(item: object, place: str) -> Part:
    if isinstance(item, str):
        return Text(item)
    fields = object_at(item, FORM, place)
    kind, media_type = str(fields.get("kind")), fields.get("media_type")
    told = media_type if isinstance(media_type, str) else None
    if kind == "binary":
        data = bytes_of(text_at(fields.get("data"), FORM, f"{place}.data"), FORM, f"{place}.data")
        return media_part(FORM, place, kind=told, data=data)
    if kind in _URL_TYPES:
        return media_part(FORM, place, kind=_URL_TYPES[kind], url=text_at(fields.get("url"), FORM, f"{place}.url"))
    if isinstance(fields.get("content"), str):  # text with metadata
        return Text(fields["content"])
    return Opaque(FORM, fields)


_URL_TYPES: Final = {
    "image-url": "image/*",
    "audio-url": "audio/*",
    "document-url": "application/*",
    "video-url": "video/*",
}


def _read_return(part: Fields, place: str) -> Message:
    content, name = part.get("content"), part.get("tool_name")
    text = content if isinstance(content, str) else msgspec.json.encode(content).decode()
    call_id = text_at(part.get("tool_call_id") or "", FORM, f"{place}.tool_call_id")
    failed = part.get("outcome", "success") != "success"
    named = name if isinstance(name, str) and name else None
    return Message("tool", (ToolResult(call_id, (Text(text),) if text else (), named, failed),))


def _read_retry(part: Fields, place: str) -> Message:
    """What they ask the model to do again: of a tool's call it is the result, else words of the user."""
    content = part.get("content")
    text = content if isinstance(content, str) else msgspec.json.encode(content).decode()
    if not part.get("tool_name"):
        return Message.user(text)
    return _read_return({**part, "content": text, "outcome": "failed"}, place)


_REQUESTS: Final[dict[str, Callable[[Fields, str], Message]]] = {
    "system-prompt": lambda part, place: Message.system(text_at(part.get("content"), FORM, f"{place}.content")),
    "user-prompt": _read_prompt,
    "tool-return": _read_return,
    "retry-prompt": _read_retry,
    "retry-feedback": _read_retry,
    "tool-search-return": _read_return,
}
