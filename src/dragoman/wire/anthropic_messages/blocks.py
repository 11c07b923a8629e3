"""
From content blocks to parts, for answers and for requests alike.

A block is chosen by its type, never by its place.  A type that is not in the table is carried as `Opaque`: server
tools, search results, compaction and whatever comes next.

Rule: fields that the neutral part does not know stay in its `native`, so that a block goes back as it came.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Citation, File, Image, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from dragoman.wire.anthropic_messages.dialect import (
    NAME,
    Block,
    DocumentBlock,
    ImageBlock,
    RedactedBlock,
    Source,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    cache_mark,
    leftover,
)

_Native = dict[str, Any] | None


def decode_part(block: Block) -> Part:
    """
    The part that a block of a request stands for; explicit nulls and unknown fields are kept.

    Raises:
        msgspec.ValidationError: A field is missing or of the wrong type; the text ends with its path in the block.
    """
    kind, read = _READ.get(str(block.get("type")), (None, None))
    if kind is None or read is None:
        return Opaque(NAME, block)
    told = msgspec.convert(block, kind)
    rest = leftover(block, kind)
    try:
        return read(told, {NAME: rest} if rest else None, block)
    except ConfigError as error:
        raise msgspec.ValidationError(f"{error.message} - at `$.source`") from error


def decode_answer(content: Iterable[Block]) -> tuple[Part, ...]:
    """The parts of an answer.  Fields that say nothing are dropped, and so are text and thinking without content."""
    parts = (decode_part(said(block)) for block in content)
    return tuple(part for part in parts if not _is_empty(part))


def said(block: Block) -> Block:
    """A block without the fields that say nothing, if its type is one of ours; others are not touched."""
    if str(block.get("type")) not in _READ:
        return block
    return {key: value for key, value in block.items() if key in _MAY_BE_EMPTY or value not in (None, "", [])}


_MAY_BE_EMPTY: Final = ("text", "thinking", "input", "id", "name")


def _is_empty(part: Part) -> bool:
    if isinstance(part, Text):
        return not part.text and not part.citations
    return isinstance(part, Reasoning) and not part.text and not (part.native or {}).get(NAME)


def arguments_json(value: Any) -> str:
    """A tool's `input` as JSON text; nothing is an empty object."""
    return "{}" if value is None or value == "" else msgspec.json.encode(value).decode()


def decode_citation(citation: dict[str, Any]) -> Citation:
    """A citation of any of the dialect's kinds; its own form is kept for replay."""
    return Citation(
        url=_text_of(citation, "url"),
        title=_text_of(citation, "title") or _text_of(citation, "document_title"),
        text=_text_of(citation, "cited_text"),
        native={NAME: citation},
    )


def _text_of(source: dict[str, Any], key: str) -> str | None:
    value = source.get(key)
    return value if isinstance(value, str) else None


# --- one function per type --------------------------------------------------------------------------------------------


def _text(block: TextBlock, native: _Native, _: Block) -> Part:
    citations = tuple(decode_citation(citation) for citation in block.citations or ())
    return Text(block.text, citations, cache=cache_mark(block.cache_control), native=native)


def _thinking(block: ThinkingBlock, native: _Native, _: Block) -> Part:
    # Named in `native` even without a signature: that marks it as this dialect's own, which may be sent back.
    return Reasoning(block.thinking, native=native or {NAME: {}})


def _redacted(block: RedactedBlock, native: _Native, raw: Block) -> Part:
    return Reasoning("", native={NAME: raw})


def _tool_use(block: ToolUseBlock, native: _Native, _: Block) -> Part:
    arguments = arguments_json(block.input)
    return ToolCall(block.id, block.name, arguments, cache=cache_mark(block.cache_control), native=native)


def _tool_result(block: ToolResultBlock, native: _Native, _: Block) -> Part:
    content = block.content
    parts = (Text(content),) if isinstance(content, str) else as_blocks(_result_part(inner) for inner in content or ())
    return ToolResult(
        block.tool_use_id,
        parts,  # type: ignore[arg-type]
        is_error=bool(block.is_error),
        cache=cache_mark(block.cache_control),
        native=native,
    )


def _result_part(block: Block) -> Part:
    return decode_part(block) if block.get("type") in ("text", "image", "document") else Opaque(NAME, block)


def as_blocks(parts: Iterable[Part]) -> tuple[Part, ...]:
    """
    Mark a lone text as one that came in a list of blocks, so that it is not sent back as a plain string.

    The API takes both forms, but its prompt cache and its thinking signatures are bound to an unchanged request.
    """
    made = tuple(parts)
    return tuple(_marked(part) if len(made) == 1 or _is_empty(part) else part for part in made)


def _marked(part: Part) -> Part:
    """Name this dialect in a text's `native`, which says that it is a block and not a plain string."""
    if not isinstance(part, Text) or part.native is not None:
        return part
    return msgspec.structs.replace(part, native={NAME: {}})


def _image(block: ImageBlock, native: _Native, raw: Block) -> Part:
    source, cache = block.source, cache_mark(block.cache_control)
    if source.type == "base64":
        return Image(data=_bytes_of(source), media_type=source.media_type, cache=cache, native=native)
    if source.type == "url":
        return Image(url=source.url, cache=cache, native=native)
    if source.type == "file":
        return Image(file_id=source.file_id, cache=cache, native=native)
    return Opaque(NAME, raw)


def _document(block: DocumentBlock, native: _Native, raw: Block) -> Part:
    source, name, cache = block.source, block.title, cache_mark(block.cache_control)
    if source.type == "base64":
        return File(data=_bytes_of(source), media_type=source.media_type, name=name, cache=cache, native=native)
    if source.type == "text" and source.media_type == "text/plain":
        data = (source.data or "").encode()
        return File(data=data, media_type="text/plain", name=name, cache=cache, native=native)
    if source.type == "url":
        return File(url=source.url, name=name, cache=cache, native=native)
    if source.type == "file":
        return File(file_id=source.file_id, name=name, cache=cache, native=native)
    return Opaque(NAME, raw)


def _bytes_of(source: Source) -> bytes:
    try:
        return base64.b64decode(source.data or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise msgspec.ValidationError("Invalid base64 - at `$.source.data`") from error


_READ: Final[dict[str, tuple[type[msgspec.Struct], Callable[[Any, _Native, Block], Part]]]] = {
    "text": (TextBlock, _text),
    "thinking": (ThinkingBlock, _thinking),
    "redacted_thinking": (RedactedBlock, _redacted),
    "tool_use": (ToolUseBlock, _tool_use),
    "tool_result": (ToolResultBlock, _tool_result),
    "image": (ImageBlock, _image),
    "document": (DocumentBlock, _document),
}
