"""
What an MCP tool gives, as the result of a call.

Rule: nothing that a server sends is lost: what no part stands for is given as text.

Source: modelcontextprotocol.io/specification, "Tools", "Tool Result"; `CallToolResult` of mcp 2.3.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.tools.mcp_session import Content
from dragoman.tools.results import ResultPart
from dragoman.types.messages import Audio, File, Image, Text, ToolResult


def read_result(answer: Content) -> ToolResult:
    """The result; its call id is filled in by who called."""
    parts = [_READERS.get(content.type, _unknown)(content) for content in answer.content]
    # Servers repeat a structured result as text, for clients like this one; those that do not are heard, too.
    if not parts and answer.structured_content is not None:
        parts = [Text(msgspec.json.encode(answer.structured_content).decode())]
    return ToolResult("", tuple(parts), is_error=answer.is_error)


def _text(content: Any) -> ResultPart:
    return Text(content.text)


def _image(content: Any) -> ResultPart:
    return Image(data=base64.b64decode(content.data), media_type=content.mime_type)


def _audio(content: Any) -> ResultPart:
    return Audio(data=base64.b64decode(content.data), media_type=content.mime_type)


def _link(content: Any) -> ResultPart:
    return Text(f"{content.title or content.name}: {content.uri}")


def _resource(content: Any) -> ResultPart:
    resource = content.resource
    text = getattr(resource, "text", None)
    if text is not None:
        return Text(text)
    data, kind = base64.b64decode(resource.blob), resource.mime_type or "application/octet-stream"
    if kind.startswith("image/"):
        return Image(data=data, media_type=kind)
    return File(data=data, media_type=kind, name=resource.uri.rpartition("/")[2] or None)


def _unknown(content: Any) -> ResultPart:
    return Text(content.model_dump_json(by_alias=True))


_READERS: Final[dict[str, Callable[[Any], ResultPart]]] = {
    "text": _text,
    "image": _image,
    "audio": _audio,
    "resource_link": _link,
    "resource": _resource,
}
