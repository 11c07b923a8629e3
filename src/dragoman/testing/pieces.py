"""
How an answer is cut into the events of a stream.

Rule: nothing is lost.  The pieces of a text, put together, are the text; and the time is linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from dragoman.types.events import Event, ReasoningDelta, TextDelta, ToolCallDelta

_WORD: Final = re.compile(r"\S+\s*|\s+")


def split(sequence: Iterable[Event], size: int | None) -> list[Event]:
    """Cut the deltas of an answer into the pieces in which a model writes."""
    return [piece for event in sequence for piece in _SPLIT.get(type(event), _whole)(event, size)]


def _whole(event: Any, size: int | None) -> Sequence[Event]:
    return (event,)


def _split_text(event: TextDelta, size: int | None) -> Sequence[Event]:
    return [TextDelta(piece) for piece in pieces(event.text, size)] if not event.logprobs else (event,)


def _split_reasoning(event: ReasoningDelta, size: int | None) -> Sequence[Event]:
    texts = [ReasoningDelta(piece) for piece in pieces(event.text, size)]
    # A signature comes after the text that it signs.
    return [*texts, ReasoningDelta("", event.native)] if event.native else texts


def _split_arguments(event: ToolCallDelta, size: int | None) -> Sequence[Event]:
    return [ToolCallDelta(event.index, piece) for piece in pieces(event.json, size)]


_SPLIT: Final[dict[type[Any], Callable[[Any, int | None], Sequence[Event]]]] = {
    TextDelta: _split_text,
    ReasoningDelta: _split_reasoning,
    ToolCallDelta: _split_arguments,
}


def pieces(text: str, size: int | None) -> list[str]:
    """
    Cut a text into pieces of `size` characters, or into words with the space after them.

    >>> pieces("so be it", None)
    ['so ', 'be ', 'it']
    """
    if size is None:
        return _WORD.findall(text)
    return [text[at : at + size] for at in range(0, len(text), size)]
