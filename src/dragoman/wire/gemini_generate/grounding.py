"""
Sources of an answer, both ways.

The dialect lists its sources once and says by offsets which pieces of the text each supports; a neutral citation holds
its source and stands at its text.

Rule: offsets are given only where they are sure.  Documented as bytes of the text, they are sometimes characters, so
the piece of text that comes with them decides.

Sources: google-genai SDK 3.4.0 (`GroundingMetadata`, `CitationMetadata`); the recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dragoman.types.messages import Citation, Part, Text
from dragoman.wire.gemini_generate.dialect import Json
from dragoman.wire.lenient import is_object, known, list_of, object_of, text_of, whole

# Bytes that continue a character of UTF-8: what is left without them is one byte for each character.
_CONTINUING: Final = bytes(range(0x80, 0xC0))
_BLOCK: Final = 1024


class Places:
    """
    Finds places in the text of an answer.

    Args:
        before: The text before the part at which the sources stand.
        text: The text of that part.
    """

    def __init__(self, before: str, text: str) -> None:
        self._before = len(before)
        self._text = before + text
        self._bytes = self._text.encode("utf-8", "surrogatepass")
        self._characters = [0]  # up to each block of bytes
        for at in range(0, len(self._bytes), _BLOCK):
            self._characters.append(self._characters[-1] + _length(self._bytes[at : at + _BLOCK]))

    def find(self, segment: Json) -> tuple[int | None, int | None]:
        """Where a segment lies in the part, in characters; None and None where that is not sure."""
        start, end, words = whole(segment.get("startIndex")) or 0, whole(segment.get("endIndex")), segment.get("text")
        if start < 0 or end is None or not isinstance(words, str) or not words:
            return None, None
        if self._bytes[start:end] == words.encode("utf-8", "surrogatepass"):
            block = start // _BLOCK
            start = self._characters[block] + _length(self._bytes[block * _BLOCK : start])
        elif self._text[start:end] != words:
            return None, None
        start -= self._before
        return (start, start + len(words)) if start >= 0 else (None, None)


def _length(utf8: bytes) -> int:
    return len(utf8.translate(None, _CONTINUING))


def citations(details: Json, before: str, text: str) -> Iterator[Citation]:
    """
    The sources that an answer names.

    Args:
        details: What was said of its end.
        before: The text before the part at which the sources are to stand.
        text: The text of that part.
    """
    grounding = object_of(details.get("groundingMetadata"))
    if supports := list_of(grounding.get("groundingSupports")):
        chunks = [object_of(chunk) for chunk in list_of(grounding.get("groundingChunks"))]
        places = Places(before, text)
        for support in supports:
            yield from _supported(object_of(support), chunks, places)
    recited = object_of(details.get("citationMetadata"))
    for source in (*list_of(recited.get("citationSources")), *list_of(recited.get("citations"))):
        yield _recited(object_of(source))


_NOWHERE: Final[Json] = {}


def _supported(support: Json, chunks: list[Json], places: Places) -> Iterator[Citation]:
    start, end = places.find(object_of(support.get("segment")))
    for index in list_of(support.get("groundingChunkIndices")):
        number = whole(index)
        if number is None or not 0 <= number < len(chunks):
            continue
        source = next((value for value in chunks[number].values() if is_object(value)), _NOWHERE)
        yield Citation(
            url=text_of(source.get("uri")) or None,
            title=text_of(source.get("title")) or None,
            text=text_of(source.get("text")) or None,
            start=start,
            end=end,
        )


def _recited(source: Json) -> Citation:
    return Citation(url=text_of(source.get("uri")) or None, title=text_of(source.get("title")) or None)


def grounding_metadata(parts: tuple[Part, ...]) -> Json | None:
    """Write the sources of an answer of another dialect; None if it has none with an address."""
    chunks: list[Json] = []
    supports: list[Json] = []
    before = ""
    for part in parts:
        if not isinstance(part, Text):
            continue
        for citation in part.citations:
            if citation.url:
                supports.append(known({"segment": _segment(citation, part.text, before)}) | _points_to(len(chunks)))
                chunks.append({"web": known({"uri": citation.url, "title": citation.title})})
        before += part.text
    return {"groundingChunks": chunks, "groundingSupports": supports} if chunks else None


def _points_to(index: int) -> dict[str, Any]:
    return {"groundingChunkIndices": [index]}


def _segment(citation: Citation, text: str, before: str) -> Json | None:
    if citation.start is None or citation.end is None:
        return None
    head = len((before + text[: citation.start]).encode("utf-8", "surrogatepass"))
    words = text[citation.start : citation.end]
    return {"startIndex": head, "endIndex": head + len(words.encode("utf-8", "surrogatepass")), "text": words}
