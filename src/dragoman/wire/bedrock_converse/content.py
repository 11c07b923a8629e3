"""
From parts to content blocks, for questions and answers alike.

Rules: what this dialect cannot carry is left out with a notice, never in silence.  State that a provider made (a
signature, a server tool's result) goes back to that provider only; reasoning also only to the model that made it,
because what signs it is bound to it.

Sources: service model of `bedrock-runtime` (`ContentBlock`); Bedrock user guide, Converse, reasoning and documents.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Any, Final, cast

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
from dragoman.wire.bedrock_converse.dialect import NAME, Block, cache_point
from dragoman.wire.bedrock_converse.formats import Media, block_of, format_of, source_of
from dragoman.wire.call_ids import CallIds
from dragoman.wire.lenient import known, object_of
from dragoman.wire.native import is_ours, over, own
from dragoman.wire.place import Place
from dragoman.wire.text_forms import FREE_TEXT, as_text

# One model is offered under several names: in a region, by an inference profile of several regions.
_PROFILE: Final = re.compile(r"(?:us|us-gov|eu|apac|jp|au|ca|global)\.(?=[a-z])")
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
_NOT_ID: Final = re.compile(r"[^A-Za-z0-9_.:-]")
_NOT_NAME: Final = re.compile(r"[^A-Za-z0-9()\[\]-]+")
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
_NAME_LENGTH: Final = 190  # of 200, so that a number can be added


class ContentWriter:
    """
    Writes the content of one request's messages, or of one answer.

    Args:
        provider: Name of the row that is asked.
        model: The model that is asked.
        answers: What is written is an answer: it is not sent to a provider but read as one's words.

    Attributes:
        notices: What was adapted or left out, so far.
        moved: Blocks that only the user may show, and that stood elsewhere.
    """

    def __init__(self, provider: str = "", model: str = "", *, answers: bool = False) -> None:
        self.notices: list[Notice] = []
        self.moved: list[Block] = []
        self.ids = CallIds(valid_id)
        self.answers = answers
        self.bound = True  # the model that is asked wrote the message at hand
        self._provider = provider
        self._model = _PROFILE.sub("", model)
        self._names: set[str] = set()

    def message(self, message: Message, field: str) -> list[Block]:
        """The blocks of one message."""
        replay, self.bound = self._origin(message.origin)
        if message.name:
            self.notices.append(Notice(f"{field}.name", "this dialect has no names of speakers; left out"))
        blocks: list[Block] = []
        for i, part in enumerate(message.parts):
            blocks += self.blocks(part, Place(f"{field}.parts[{i}]", message.role, replay, self.notices))
        return blocks

    def blocks(self, part: Part, place: Place) -> list[Block]:
        """The block of one part and the cache point behind it; nothing where it cannot be carried."""
        block = self.block(part, place)
        return [] if block is None else [block, *cache_point(part.cache)]

    def block(self, part: Part, place: Place) -> Block | None:
        """The block of one part, or None where it cannot be carried."""
        made = _WRITE[type(part)](self, part, place)
        if made is None or isinstance(part, Opaque):
            return made
        return over(made, own(part.native, NAME, place.replay))

    def document_name(self, part: File, place: Place) -> str:
        """
        A name that is allowed and that no other document of the request has.

        Letters, digits, spaces, hyphens, parentheses and brackets; without the suffix, which the format says.
        """
        came = object_of(own(part.native, NAME, place.replay).get("document")).get("name")
        if isinstance(came, str):
            self._names.add(came)
            return came
        plain = _NOT_NAME.sub(" ", _SUFFIX.sub("", part.name or "")).strip()[:_NAME_LENGTH]
        base = name = plain or "Document"
        count = 1
        while name in self._names:
            count += 1
            name = f"{base} ({count})"
        self._names.add(name)
        if name != part.name:
            words = f"documents need a name of their own, of letters, digits and spaces; sent as {name!r}"
            self.notices.append(Notice(f"{place.field}.name", words, adapted=False))
        return name

    def _origin(self, origin: str | None) -> tuple[bool, bool]:
        if origin is None:
            return True, True
        provider, _, model = origin.partition("/")
        own_words = provider == self._provider
        return own_words, own_words and (not model or _PROFILE.sub("", model) == self._model)


def place_in_answer() -> Place:
    """The place of every part of an answer: it is its own origin, and nobody is told of notices."""
    return Place("", "assistant", True, [])


def valid_id(value: str) -> str:
    """
    The id, or one made of it that the API accepts.

    >>> valid_id("tooluse_1"), valid_id("a b")
    ('tooluse_1', 'a_b-806c5cd3')
    """
    if _ID.match(value):
        return value
    return f"{_NOT_ID.sub('_', value)[:50]}-{zlib.crc32(value.encode('utf-8', 'surrogatepass')):08x}"


def arguments_object(call: ToolCall) -> tuple[dict[str, Any], bool]:
    """The arguments as the object that the dialect wants, and whether they are what was sent; nothing is repaired."""
    value: object = call.arguments if call.kind == "function" else None
    if isinstance(value, dict):
        return cast("dict[str, Any]", value), True
    return {FREE_TEXT: call.arguments_json}, call.kind == "custom"


# --- one function per part --------------------------------------------------------------------------------------------


def _text(writer: ContentWriter, part: Text, place: Place) -> Block | None:
    if not part.text and not is_ours(part.native, NAME, place.replay) and not writer.answers:
        return None  # nothing is lost; the API refuses blocks of empty text
    if part.citations and (citations := _citations(writer, part.citations, place)):
        return {"citationsContent": {"content": [{"text": part.text}], "citations": citations}}
    return {"text": part.text}


def _citations(writer: ContentWriter, citations: tuple[Citation, ...], place: Place) -> list[dict[str, Any]]:
    written = [encode_citation(citation, place.replay, writer.answers) for citation in citations]
    if not all(written):
        place.note("citations of another provider cannot be sent here; left out", ".citations")
    return [citation for citation in written if citation]


def encode_citation(citation: Citation, replay: bool = True, answers: bool = True) -> dict[str, Any]:
    """A citation in the dialect's form; in an answer also one of another dialect, if it has an address."""
    native = own(citation.native, NAME, replay)
    if native or not answers or citation.url is None:
        return native
    said = [{"text": citation.text}] if citation.text else None
    return known({"title": citation.title, "sourceContent": said, "location": {"web": {"url": citation.url}}})


def _media(writer: ContentWriter, part: Media, place: Place) -> Block | None:
    block, source, (word, exact) = block_of(part), source_of(part), format_of(part)
    if source is None or word is None:
        return _instead(part, place)
    if not exact:
        place.note("sent as plain text, as this dialect has no format of this name", ".media_type")
    if isinstance(part, Image) and part.detail:
        place.note("this dialect has no level of detail; left out", ".detail")
    inner: dict[str, Any] = {"format": word, "source": source}
    if block == "document" and isinstance(part, File):
        inner["name"] = writer.document_name(part, place)
    return {block: inner}


def _instead(part: Media, place: Place) -> Block | None:
    """What goes in place of media that Bedrock cannot fetch or does not know."""
    if isinstance(part, Image) and part.url is not None:
        place.note("Bedrock takes pictures as bytes or from s3://, and fetches no address; left out")
        return None
    text = as_text(part, place)
    return {"text": text} if text else None


def _reasoning(writer: ContentWriter, part: Reasoning, place: Place) -> Block | None:
    if not writer.answers and not _may_go_back(writer, part, place):
        return None
    return {"reasoningContent": {"reasoningText": {"text": part.text}}}


def _may_go_back(writer: ContentWriter, part: Reasoning, place: Place) -> bool:
    if not is_ours(part.native, NAME, place.replay) or place.role != "assistant":
        place.note("reasoning that this provider did not write cannot be sent to it; left out")
    elif not writer.bound:
        place.note("reasoning is bound to the model that wrote it; left out")
    else:
        return True
    return False


def _tool_call(writer: ContentWriter, part: ToolCall, place: Place) -> Block:
    value, exact = arguments_object(part)
    if not exact:
        place.note("no JSON object, as this dialect wants; sent inside one", ".arguments_json")
    return {"toolUse": {"toolUseId": writer.ids.call(part), "name": part.name, "input": value}}


def _tool_result(writer: ContentWriter, part: ToolResult, place: Place) -> Block:
    blocks = [writer.block(piece, place.inside(i, "tool")) for i, piece in enumerate(part.parts)]
    if any(piece.cache for piece in part.parts):
        place.note("this dialect has no cache points in what a tool gave back; left out", ".parts")
    if any(block is not None and block.keys() & _NOT_IN_RESULTS for block in blocks):
        place.note("a result holds no sound in this dialect; moved into a turn of the user", ".parts")
        writer.moved += [block for block in blocks if block is not None and block.keys() & _NOT_IN_RESULTS]
    content = [block for block in blocks if block is not None and not block.keys() & _NOT_IN_RESULTS]
    inner: dict[str, Any] = {"toolUseId": writer.ids.result(part), "content": content}
    if part.is_error:
        inner["status"] = "error"
    return {"toolResult": inner}


_NOT_IN_RESULTS: Final = frozenset({"audio"})


def _refusal(writer: ContentWriter, part: Refusal, place: Place) -> Block | None:
    if writer.answers:
        return {"text": part.text}
    text = as_text(part, place)
    return {"text": text} if text else None


def _opaque(writer: ContentWriter, part: Opaque, place: Place) -> Block | None:
    if part.wire == NAME and place.replay:
        return part.data
    place.note(f"a block of {part.wire} cannot be sent here; left out")
    return None


_WRITE: Final[dict[type[Part], Callable[[ContentWriter, Any, Place], Block | None]]] = {
    Text: _text,
    Image: _media,
    File: _media,
    Audio: _media,
    Reasoning: _reasoning,
    ToolCall: _tool_call,
    ToolResult: _tool_result,
    Refusal: _refusal,
    Opaque: _opaque,
}


def written(part: Part) -> Block:
    """What a part is written as where nothing is known but the part itself."""
    bare = msgspec.structs.replace(part, native={NAME: {}}, cache=None)
    return ContentWriter().block(bare, place_in_answer()) or {}
