"""
Citations, both ways.

A citation names a span of the answer (`start`, `end`, `text`) and the documents or results of tools that support it;
its own form, with all sources, is kept for replay.  It stands at the text of its `content_index`, or at the first one;
those of the tool plan and of thoughts stand at no text and stay with the message.

Source: Cohere SDK 7.3, `types/citation.py`, `types/source.py`; the recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.types.messages import Citation
from dragoman.wire.cohere_chat.dialect import NAME, Json
from dragoman.wire.lenient import known, list_of, object_of, text_of, whole
from dragoman.wire.native import is_ours, own


def decode_citation(sent: Json) -> Citation:
    """Read a citation; address and title are those of its first source that has any."""
    sources = [object_of(source) for source in list_of(sent.get("sources"))]
    documents = [object_of(source.get("document")) or object_of(source.get("tool_output")) for source in sources]
    return Citation(
        url=_first(documents, "url"),
        title=_first(documents, "title"),
        text=text_of(sent.get("text")) or None,
        start=whole(sent.get("start")),
        end=whole(sent.get("end")),
        native={NAME: sent},
    )


def _first(documents: list[Json], name: str) -> str | None:
    return next((text for document in documents if (text := text_of(document.get(name)))), None)


def encode_citation(citation: Citation, index: int) -> Json:
    """Write a citation of the block `index`: its own form, or one document of address and title."""
    if is_ours(citation.native, NAME):
        return own(citation.native, NAME)
    document = known({"url": citation.url, "title": citation.title})
    source = {"type": "document", "id": citation.url or citation.title or "0", "document": document}
    place = known({"start": citation.start, "end": citation.end, "text": citation.text})
    return {**place, "sources": [source] if document else [], "content_index": index, "type": "TEXT_CONTENT"}


def stands_at(sent: Json, index: int, kinds: Sequence[Any]) -> bool:
    """
    Whether a citation stands at block `index`.

    Args:
        sent: The citation.
        index: Place of the block in the content.
        kinds: Types of the blocks, in order.
    """
    if sent.get("type") not in (None, "TEXT_CONTENT") or kinds[index] != "text":
        return False
    at = whole(sent.get("content_index"))
    return index == (kinds.index("text") if at is None else at)
