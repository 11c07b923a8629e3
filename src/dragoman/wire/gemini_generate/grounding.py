"""
Sources of an answer, both ways.

The dialect lists its sources once and says by offsets which pieces of the text each supports; a neutral citation holds
its source and stands at its text.

Rule: offsets are given only where they are sure.  Documented as bytes of the text, they are sometimes characters, so the
piece of text that comes with them decides.

Sources: google-genai SDK 3.4.0 (`GroundingMetadata`, `CitationMetadata`); the recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dragoman.types.messages import Citation, Part, Text
from dragoman.wire.gemini_generate.dialect import Candidate, Json
from dragoman.wire.lenient import known, list_of, object_of, text_of, whole


class TextSoFar:
    """The text of an answer, to find places in it."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._before = 0  # pieces before the open part

    def add(self, text: str) -> None:
        """More text, in the part that is open."""
        self._pieces.append(text)

    def part_ended(self) -> None:
        """The next text begins another part."""
        self._before = len(self._pieces)

    def place(self, segment: Json) -> tuple[int | None, int | None]:
        """Where a segment lies in the open part, in characters; None and None where that is not sure."""
        before, text = "".join(self._pieces[: self._before]), "".join(self._pieces)
        start, end, words = whole(segment.get("startIndex")) or 0, whole(segment.get("endIndex")), segment.get("text")
        if end is None or not isinstance(words, str) or not words:
            return None, None
        if text.encode("utf-8", "surrogatepass")[start:end] == words.encode("utf-8", "surrogatepass"):
            start = len(text.encode("utf-8", "surrogatepass")[:start].decode("utf-8", "surrogatepass"))
        elif text[start:end] != words:
            return None, None
        start -= len(before)
        return (start, start + len(words)) if start >= 0 else (None, None)


def citations(candidate: Candidate, text: TextSoFar) -> Iterator[Citation]:
    """The sources that a candidate, or a chunk of it, names."""
    grounding = object_of(candidate.groundingMetadata)
    if supports := list_of(grounding.get("groundingSupports")):
        chunks = [object_of(chunk) for chunk in list_of(grounding.get("groundingChunks"))]
        for support in supports:
            yield from _supported(object_of(support), chunks, text)
    recited = object_of(candidate.citationMetadata)
    for source in (*list_of(recited.get("citationSources")), *list_of(recited.get("citations"))):
        yield _recited(object_of(source))


def _supported(support: Json, chunks: list[Json], text: TextSoFar) -> Iterator[Citation]:
    start, end = text.place(object_of(support.get("segment")))
    for index in list_of(support.get("groundingChunkIndices")):
        number = whole(index)
        if number is None or not 0 <= number < len(chunks):
            continue
        source = next((object_of(value) for value in chunks[number].values() if isinstance(value, dict)), {})
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
