"""
From content blocks to parts, for answers and for requests alike.

A block is an object with one field, whose name is its kind.  A kind that is not in the table is carried as `Opaque`.

Rule: what a part's own writer would not write stays in its `native`, so that a block goes back as it came.

Source: service model of `bedrock-runtime` (`ContentBlock`), and the recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Audio, Citation, File, Image, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from dragoman.wire.bedrock_converse.content import written
from dragoman.wire.bedrock_converse.dialect import NAME, Block, cache_mark
from dragoman.wire.bedrock_converse.formats import read_media
from dragoman.wire.lenient import list_of, object_of, text_of
from dragoman.wire.native import difference


class _ToolUse(msgspec.Struct):
    toolUseId: str
    name: str
    input: Any = None


class _ToolResult(msgspec.Struct):
    toolUseId: str
    content: list[Block] = []
    status: str | None = None


def decode_parts(content: Iterable[Block], place: str = "$") -> tuple[Part, ...]:
    """
    The parts of a message; a cache point becomes a mark of the part before it.

    Raises:
        msgspec.ValidationError: A field is missing or of the wrong type; the text ends with its path.
    """
    parts: list[Part] = []
    for i, block in enumerate(content):
        mark = cache_mark(block)
        if mark is not None and parts and parts[-1].cache is None:
            parts[-1] = msgspec.structs.replace(parts[-1], cache=mark)
            continue
        try:
            parts.append(decode_part(block))
        except msgspec.ValidationError as error:
            text, _, path = str(error).partition(" - at `")
            raise msgspec.ValidationError(f"{text} - at `{place}[{i}]{path.rstrip('`').removeprefix('$')}`") from error
    return tuple(parts)


def decode_part(block: Block) -> Part:
    """
    The part that a block stands for.

    Raises:
        msgspec.ValidationError: A field is missing or of the wrong type; the text ends with its path in the block.
    """
    kind = next((name for name, value in block.items() if value is not None), "")
    read = _READ.get(kind)
    try:
        part = read(block[kind]) if read is not None else None
    except ConfigError as error:
        raise msgspec.ValidationError(f"{error.message} - at `$.{kind}`") from error
    if part is None:
        return Opaque(NAME, block)
    rest = difference(block, written(part))
    # Reasoning and empty texts name this dialect even where nothing is left to say: so they are known to be its own.
    marked = rest or isinstance(part, Reasoning) or part == Text("")
    return msgspec.structs.replace(part, native={NAME: rest}) if marked else part


def decode_answer(content: Iterable[Block]) -> tuple[Part, ...]:
    """The parts of an answer.  Texts without content are dropped."""
    return tuple(part for part in decode_parts(map(said, content)) if not _is_empty(part))


def _is_empty(part: Part) -> bool:
    return isinstance(part, Text) and not part.text and not part.citations


def said(block: Block) -> Block:
    """A block of an answer without what may not be sent back: `tool_use` is no type that a request may name."""
    call = object_of(block.get("toolUse"))
    if call.get("type") != "tool_use":
        return block
    return {"toolUse": {name: value for name, value in call.items() if name != "type"}}


def decode_citation(citation: dict[str, Any]) -> Citation:
    """A citation; its own form is kept for replay."""
    cited = "".join(text_of(object_of(item).get("text")) for item in list_of(citation.get("sourceContent")))
    web = object_of(object_of(citation.get("location")).get("web"))
    return Citation(
        url=text_of(web.get("url")) or None,
        title=text_of(citation.get("title")) or None,
        text=cited or None,
        native={NAME: citation},
    )


# --- one function per kind --------------------------------------------------------------------------------------------


def _text(value: Any) -> Part:
    return Text(msgspec.convert(value, str))


def _cited(value: Any) -> Part | None:
    told = object_of(value)
    text = "".join(text_of(object_of(item).get("text")) for item in list_of(told.get("content")))
    return Text(text, tuple(decode_citation(object_of(item)) for item in list_of(told.get("citations"))))


def _guarded(value: Any) -> Part | None:
    told = object_of(value)
    if "text" in told:
        return Text(text_of(object_of(told["text"]).get("text")))
    return read_media("image", object_of(told.get("image")))


def _json(value: Any) -> Part:
    return Text(msgspec.json.encode(value).decode())


def _reasoning(value: Any) -> Part:
    return Reasoning(text_of(object_of(object_of(value).get("reasoningText")).get("text")))


def _tool_use(value: Any) -> Part:
    told = _converted(value, _ToolUse, "toolUse")
    arguments = "{}" if told.input is None or told.input == "" else msgspec.json.encode(told.input).decode()
    return ToolCall(told.toolUseId, told.name, arguments)


def _tool_result(value: Any) -> Part:
    told = _converted(value, _ToolResult, "toolResult")
    parts = tuple(_result_part(block) for block in told.content)
    return ToolResult(told.toolUseId, parts, is_error=told.status == "error")


def _result_part(block: Block) -> Text | Image | Audio | File | Opaque:
    part = decode_part(block)
    return part if isinstance(part, Text | Image | Audio | File) else Opaque(NAME, block)


def _converted(value: Any, kind: type[Any], name: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `")
        raise msgspec.ValidationError(f"{text} - at `$.{name}{path.rstrip('`').removeprefix('$')}`") from error


def _media(block: str) -> Callable[[Any], Part | None]:
    return lambda value: read_media(block, object_of(value))


_READ: Final[dict[str, Callable[[Any], Part | None]]] = {
    "text": _text,
    "citationsContent": _cited,
    "guardContent": _guarded,
    "json": _json,
    "reasoningContent": _reasoning,
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "image": _media("image"),
    "document": _media("document"),
    "video": _media("video"),
    "audio": _media("audio"),
}
