"""
What a row asks, as a number: rows of the same digest ask the same, and one answer would do for all of them.

Rule: whatever changes what is asked changes the digest, and nothing else does: neither when and how it is sent, nor the
type that its answer is read as.
"""

from __future__ import annotations

from copy import copy
from hashlib import blake2b
from typing import Final

import msgspec

from dragoman.batch.vectors import VectorRequest
from dragoman.errors import ConfigError
from dragoman.types.requests import ChatRequest

# They say when and how a request is sent, not what is asked.
_NO_MATTER: Final = {"timeout": None, "priority": None, "reuse": None}


def digest(request: ChatRequest | VectorRequest) -> bytes:
    """
    64 bytes that say what is asked.

    Raises:
        ConfigError: The request holds text that is none.
    """
    try:
        return blake2b(msgspec.json.encode(_matter(request), enc_hook=_told)).digest()
    except UnicodeEncodeError as error:
        raise ConfigError("the row holds half a surrogate pair: it is no valid text", field="prompt") from error


def _matter(request: ChatRequest | VectorRequest) -> object:
    """What of a request decides the answer."""
    if isinstance(request, VectorRequest):
        return ("vectors", msgspec.structs.replace(request, timeout=None))
    matter = _untimed(request) if _timed(request) else request
    if matter.output is not None and matter.output.type is not None and matter.output.schema is not None:
        # The schema says what is asked; the type only how the answer is read here.
        form = msgspec.structs.replace(matter.output, type=None)
        matter = matter.directed(model=matter.model)
        msgspec.structs.force_setattr(matter, "output", form)
    return matter


def _untimed(request: ChatRequest) -> ChatRequest:
    """The request without what does not matter; nothing of the rest is checked again."""
    other = copy(request)
    for name, value in _NO_MATTER.items():
        msgspec.structs.force_setattr(other, name, value)
    return other


def _timed(request: ChatRequest) -> bool:
    return any(getattr(request, name) is not None for name in _NO_MATTER)


def _told(value: object) -> str:
    """What of a value that JSON does not have decides what is asked: its kind."""
    return f"{type(value).__module__}.{type(value).__qualname__}"
