"""
From parts to content blocks, for requests.

Rules: what this dialect cannot carry is left out with a notice, never in silence.  State that a provider made (a
signature, an encrypted result) goes back to that provider only; thinking also only to the model that made it, because
the vendor binds it to both and answers 400 to anything else.

Sources: the vendor's pages on extended thinking, citations and API version 2026-10-21; its OpenAPI file.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.types.http import Notice
from dragoman.types.messages import (
    Audio,
    Citation,
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
from dragoman.wire.anthropic_messages.binding import BOUND
from dragoman.wire.anthropic_messages.calls import arguments_object, valid_id
from dragoman.wire.anthropic_messages.dialect import NAME, Block, cache_control, is_ours, native_of
from dragoman.wire.call_ids import CallIds
from dragoman.wire.request_body import overlay

# From this version on, documents in answers and citations on questions are refused with 400.
_STRICT_CONTENT: Final = "2026-10-21"
_DATED: Final = re.compile(r"(?:[-@]\d{8}|-latest)\Z")


class Place(msgspec.Struct, frozen=True):
    """
    Where a part stands.

    Attributes:
        field: Its path in the request, for notices.
        role: Of its message.
        own: The provider that is asked wrote it, or people did: its native state may be sent.
        bound: So did the model that is asked.
        shows: Pictures and documents may stand there.
    """

    field: str
    role: str
    own: bool
    bound: bool
    shows: bool = True


class ContentWriter:
    """
    Writes the content of one request's messages.

    Attributes:
        notices: What was adapted or left out, so far.
        moved: Blocks that only the user may show, and that stood elsewhere.
        whole: What stands before the message at hand is what its thinking is bound to.
        model: The model that is asked.
    """

    def __init__(self, provider: str, model: str, version: str) -> None:
        self.notices: list[Notice] = []
        self.ids = CallIds(valid_id)
        self.strict = _is_since(version, _STRICT_CONTENT)
        self.moved: list[Block] = []
        self.whole = True
        self.model = model
        self._provider = provider

    def message(self, message: Message, field: str) -> list[Block]:
        """The blocks of one message."""
        own, bound = self._origin(message.origin)
        if message.name:
            self.notice(f"{field}.name", "this dialect has no names of speakers; left out")
        blocks: list[Block] = []
        for i, part in enumerate(message.parts):
            place = Place(f"{field}.parts[{i}]", message.role, own, bound, message.role in ("user", "tool"))
            block = self.part(part, place)
            if block is not None:
                blocks.append(block)
        return blocks

    def fields(self, message: Message) -> dict[str, Any]:
        """Unknown fields of a message that came in this dialect."""
        native = native_of(message.native) if self._origin(message.origin)[0] else {}
        return {name: value for name, value in native.items() if name != BOUND}

    def part(self, part: Part, place: Place) -> Block | None:
        """The block of one part, or None where it cannot be carried, or not there."""
        block = _WRITE[type(part)](self, part, place)
        if block is None or block.get("type") not in ("image", "document") or place.shows or isinstance(part, Opaque):
            return block
        self.notice(place.field, "only the user shows pictures and documents here; moved into a turn of the user")
        self.moved.append(block)
        return None

    def notice(self, field: str, text: str) -> None:
        """Remember what was adapted."""
        self.notices.append(Notice(field, text))

    def _origin(self, origin: str | None) -> tuple[bool, bool]:
        if origin is None:
            return True, True
        provider, _, model = origin.partition("/")
        own = provider == self._provider
        return own, own and (not model or _undated(model) == _undated(self.model))


def _is_since(version: str, since: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", version) is not None and version >= since


def rejects_sampling(version: str) -> bool:
    """Whether an API version answers 400 to `temperature`, `top_p` and `top_k`."""
    return _is_since(version, _STRICT_CONTENT)


def _undated(model: str) -> str:
    """A model's name without its snapshot date: an alias and what it stands for are the same model."""
    return _DATED.sub("", model)


def is_plain(parts: tuple[Part, ...]) -> bool:
    """Whether content can be a string: one text and nothing else to say of it."""
    if len(parts) != 1 or not isinstance(parts[0], Text):
        return False
    text = parts[0]
    return not text.citations and text.cache is None and not is_ours(text.native)


# --- one function per part --------------------------------------------------------------------------------------------


def _finished(part: Part, place: Place, block: Block) -> Block:
    """Add the cache breakpoint, and the unknown fields with which the part came."""
    return overlay(native_of(part.native) if place.own else {}, block | cache_control(part.cache))


def _text(writer: ContentWriter, part: Text, place: Place) -> Block | None:
    if not part.text.strip() and not (place.own and is_ours(part.native)):
        return None  # nothing is lost; the API refuses blocks of blank text
    block: Block = {"type": "text", "text": part.text}
    if part.citations and (citations := _citations(writer, part.citations, place)):
        block["citations"] = citations
    return _finished(part, place, block)


def _citations(writer: ContentWriter, citations: tuple[Citation, ...], place: Place) -> list[dict[str, Any]]:
    if place.role != "assistant" and writer.strict:
        writer.notice(f"{place.field}.citations", "this API version takes citations on answers only; left out")
        return []
    # The API gives `file_id` in a citation and refuses it when the same citation is sent back.
    known = [
        {key: value for key, value in native_of(citation.native).items() if key != "file_id"}
        for citation in citations
        if place.own and native_of(citation.native)
    ]
    if len(known) < len(citations):
        writer.notice(f"{place.field}.citations", "citations of another provider cannot be sent here; left out")
    return known


def _image(writer: ContentWriter, part: Image, place: Place) -> Block | None:
    if not _is_picture(part):
        writer.notice(place.field, f"this dialect takes no {part.media_type}; left out: give {_TAKEN}")
        return None
    if part.detail:
        writer.notice(f"{place.field}.detail", "this dialect has no level of detail; left out")
    return _finished(part, place, {"type": "image", "source": _source(part)})


_PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
_TAKEN: Final = "a JPEG, PNG, GIF, WebP, PDF or text"


def _is_picture(part: Image | File) -> bool:
    return part.data is None or part.media_type in _PICTURES


def _file(writer: ContentWriter, part: File, place: Place) -> Block | None:
    if part.data is not None and part.media_type in _PICTURES:
        return _finished(part, place, {"type": "image", "source": _source(part)})
    source = _document_source(writer, part, place)
    if source["type"] == "base64" and source["media_type"] != _PDF:
        writer.notice(place.field, f"this dialect takes no {part.media_type}; left out: give {_TAKEN}")
        return None
    block: Block = {"type": "document", "source": source}
    if part.name is not None:
        block["title"] = part.name
    return _finished(part, place, block)


def _source(part: Image | File) -> dict[str, Any]:
    if part.data is not None:
        data = base64.b64encode(part.data).decode()
        return {"type": "base64", "media_type": part.media_type, "data": data}
    if part.url is not None:
        return {"type": "url", "url": part.url}
    return {"type": "file", "file_id": part.file_id}


def _document_source(writer: ContentWriter, part: File, place: Place) -> dict[str, Any]:
    media = part.media_type or ""
    if part.data is None or not (media.startswith("text/") or media in _TEXTUAL):
        return _source(part)
    try:
        text = part.data.decode()
    except UnicodeDecodeError:
        return _source(part)
    if media != "text/plain":
        writer.notice(f"{place.field}.media_type", f"{media} is sent as text/plain, the one text type of this dialect")
    return {"type": "text", "media_type": "text/plain", "data": text}


_PDF: Final = "application/pdf"
_TEXTUAL: Final = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})


def _audio(writer: ContentWriter, part: Audio, place: Place) -> Block | None:
    writer.notice(place.field, "this dialect carries no sound; left out")
    return None


def _reasoning(writer: ContentWriter, part: Reasoning, place: Place) -> Block | None:
    if not is_ours(part.native) or place.role != "assistant":
        writer.notice(place.field, "reasoning that this provider did not write cannot be sent to it; left out")
        return None
    if not place.bound:
        writer.notice(place.field, "thinking is bound to the provider and model that wrote it; left out")
        return None
    if not writer.whole:
        writer.notice(place.field, "what stands before this thinking was changed since it was thought; left out")
        return None
    native = native_of(part.native)
    if native.get("type") == "redacted_thinking":
        return native
    if not native.get("signature") and "claude" in writer.model:
        writer.notice(place.field, "thinking without its signature, as of an answer that was cut, is refused; left out")
        return None
    return native | {"type": "thinking", "thinking": part.text}


def _tool_call(writer: ContentWriter, part: ToolCall, place: Place) -> Block | None:
    value, exact = arguments_object(part)
    if not exact:
        writer.notice(f"{place.field}.arguments_json", "no JSON object, as this dialect wants; sent inside one")
    block = {"type": "tool_use", "id": writer.ids.call(part), "name": part.name, "input": value}
    return _finished(part, place, block)


def _tool_result(writer: ContentWriter, part: ToolResult, place: Place) -> Block | None:
    block: Block = {"type": "tool_result", "tool_use_id": writer.ids.result(part)}
    if part.is_error:
        block["is_error"] = True
    content = _result_content(writer, part, place)
    if content:
        block["content"] = content
    return _finished(part, place, block)


def _result_content(writer: ContentWriter, part: ToolResult, place: Place) -> str | list[Block]:
    if is_plain(part.parts):
        return part.text if part.text.strip() else ""
    # A document that a tool gave back stands in a question, whatever its message is called.
    inner = msgspec.structs.replace(place, role="user", shows=not part.is_error)  # what failed says so in text only
    places = (msgspec.structs.replace(inner, field=f"{place.field}.parts[{i}]") for i in range(len(part.parts)))
    blocks = (writer.part(piece, at) for piece, at in zip(part.parts, places, strict=True))
    return [block for block in blocks if block is not None]


def _refusal(writer: ContentWriter, part: Refusal, place: Place) -> Block | None:
    writer.notice(place.field, "a refusal is sent as text")
    return _finished(part, place, {"type": "text", "text": part.text}) if part.text.strip() else None


def _opaque(writer: ContentWriter, part: Opaque, place: Place) -> Block | None:
    if part.wire != NAME or not place.own:
        writer.notice(
            place.field, f"a {part.data.get('type', 'block')} of another provider cannot be sent here; left out"
        )
        return None
    if part.data.get("type") == "document" and place.role == "assistant" and writer.strict:
        writer.notice(place.field, "this API version takes no documents in answers; left out")
        return None
    return part.data | cache_control(part.cache)


_WRITE: Final[dict[type[Part], Callable[[ContentWriter, Any, Place], Block | None]]] = {
    Text: _text,
    Image: _image,
    File: _file,
    Audio: _audio,
    Reasoning: _reasoning,
    ToolCall: _tool_call,
    ToolResult: _tool_result,
    Refusal: _refusal,
    Opaque: _opaque,
}
