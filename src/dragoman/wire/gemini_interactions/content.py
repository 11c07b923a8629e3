"""
Content blocks, both ways: text with its sources, and media.

Rule: what came in this dialect leaves in it unchanged.  A block that no part stands for is carried whole, marked as a
block because its type does not tell it from a step.

Offsets of sources are documented as bytes, and Google sends characters at times, so they are given only where the two
are the same.

Sources: google-genai SDK 3.4.0 (`Content`, `Annotation`); the recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Audio, Citation, File, Image, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from dragoman.wire.gemini_interactions.dialect import BLOCK, NAME, Json, state_of
from dragoman.wire.gemini_interactions.media import decode_media, encode_media
from dragoman.wire.google_media import is_address
from dragoman.wire.lenient import list_of, object_of, text_of, whole
from dragoman.wire.native import difference, is_ours, over, own
from dragoman.wire.place import Place
from dragoman.wire.text_forms import as_text


def decode_block(block: Json, field: str) -> Part:
    """
    The part of a block.

    Raises:
        ConfigError: It is a text and has none; `.field` says where.
    """
    read = _READ.get(text_of(block.get("type")))
    part = read(block, field) if read else None
    return part or Opaque(NAME, block, native={NAME: {BLOCK: True}})


def _text(block: Json, field: str) -> Part:
    text = block.get("text")
    if not isinstance(text, str):
        raise ConfigError(f"{field}.text is {text!r}: give a text", field=f"{field}.text")
    part = Text(text, decode_citations(block.get("annotations"), ascii_length(text)))
    rest = difference(block, _written(text, part.citations))
    # An empty text is named as this dialect's own: others leave it out.
    return msgspec.structs.replace(part, native={NAME: rest}) if rest or not text else part


def _media(block: Json, field: str) -> Part | None:
    return decode_media(block)


_READ: Final[dict[str, Callable[[Json, str], Part | None]]] = {
    "text": _text,
    "image": _media,
    "audio": _media,
    "document": _media,
    "video": _media,
}


def is_block(part: Part) -> bool:
    """Whether a part goes into a step of content, and is no step of its own."""
    return not isinstance(part, _STEPS) or BLOCK in own(part.native, NAME)


_STEPS: Final = (Reasoning, ToolCall, ToolResult, Opaque)


# --- sources ----------------------------------------------------------------------------------------------------------


def ascii_length(text: str) -> int:
    """How many characters at the start of a text are of one byte each."""
    return len(text) if text.isascii() else next(i for i, letter in enumerate(text) if not letter.isascii())


def decode_citations(annotations: Any, sure: int) -> tuple[Citation, ...]:
    """
    The sources of a text.

    Args:
        annotations: As sent.
        sure: Offsets up to here are characters as well as bytes.
    """
    return tuple(_citation(object_of(annotation), sure) for annotation in list_of(annotations))


def _citation(raw: Json, sure: int) -> Citation:
    # The dialect leaves out what is zero, as every protocol buffer does.
    start, end = whole(raw.get("start_index")) or 0, whole(raw.get("end_index"))
    placed = end is not None and 0 <= start <= end <= sure
    return Citation(
        url=_first(raw, "url", "document_uri", "source"),
        title=_first(raw, "title", "file_name", "name"),
        start=start if placed else None,
        end=end if placed else None,
        native={NAME: raw},
    )


def _first(raw: Json, *names: str) -> str | None:
    return next((text for name in names if (text := text_of(raw.get(name)))), None)


def encode_citations(citations: Iterable[Citation], text: str) -> list[Json]:
    """Sources in the dialect's form; those of other providers become web addresses where they have one."""
    made = (own(citation.native, NAME) or _web(citation, text) for citation in citations)
    return [annotation for annotation in made if annotation]


def _web(citation: Citation, text: str) -> Json:
    if citation.url is None:
        return {}
    made: Json = {"type": "url_citation", "url": citation.url}
    if citation.title is not None:
        made["title"] = citation.title
    if citation.start is not None and citation.end is not None:
        made |= {"start_index": _bytes(text[: citation.start]), "end_index": _bytes(text[: citation.end])}
    return made


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


# --- from parts -------------------------------------------------------------------------------------------------------


def _written(text: str, citations: tuple[Citation, ...]) -> Json:
    annotations = encode_citations(citations, text)
    return {"type": "text", "text": text} | ({"annotations": annotations} if annotations else {})


def encode_block(part: Part, place: Place, answering: bool) -> Json | None:
    """
    The block of a part, or None where it cannot be carried; a notice says so.

    Args:
        part: What to write.
        place: Where it stands.
        answering: It is written into an answer, which may name any source; a question is to name this provider's only.
    """
    foreign = isinstance(part, Image | Audio | File) and not answering and not _is_known(part, place)
    write = None if foreign else _WRITE.get(type(part))
    if write is not None:
        made = write(part, place, answering)
        return made and over(made, state_of(part.native, place.replay))
    if isinstance(part, Opaque) and part.wire == NAME and place.replay:
        return part.data
    text = as_text(part, place)
    return {"type": "text", "text": text} if text else None


def _is_known(part: Image | Audio | File, place: Place) -> bool:
    """Whether Google can find a file: ids of other providers mean nothing to it."""
    return part.file_id is None or part.data is not None or (place.replay and is_address(part.file_id))


def _write_text(part: Text, place: Place, answering: bool) -> Json | None:
    if not part.text and not part.citations and not is_ours(part.native, NAME, place.replay):
        return None  # nothing is lost
    citations = part.citations
    if not answering:
        citations = tuple(c for c in citations if is_ours(c.native, NAME, place.replay))
    if len(citations) < len(part.citations):
        place.note("sources that this provider did not name are not sent to it; left out", ".citations")
    return _written(part.text, citations)


def _write_media(part: Image | Audio | File, place: Place, answering: bool) -> Json:
    if isinstance(part, File) and part.name:
        place.note("this dialect takes no names of files; left out", ".name")
    return encode_media(part)


_WRITE: Final[dict[type[Any], Callable[[Any, Place, bool], Json | None]]] = {
    Text: _write_text,
    Image: _write_media,
    Audio: _write_media,
    File: _write_media,
}
