"""
Answers of which a part is bound to what was asked: sent back behind anything else, it is refused.

Only the dialect knows what binds, so this is a table of those that have such parts; all others leave an answer as it
is.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from dragoman.types.messages import Message

_BINDING: Final[dict[str, str]] = dict.fromkeys(
    ("anthropic-messages", "bedrock-anthropic", "vertex-anthropic"), "dragoman.wire.anthropic_messages.binding"
)


def binds(wire: str, model: str) -> bool:
    """Whether an answer of that model may have parts that are bound to what it was asked."""
    return wire in _BINDING and bool(import_module(_BINDING[wire]).binds(model))


def stamped(message: Message, wire: str, model: str, body: bytes) -> Message:
    """
    An answer that knows what it is bound to, if any part of it is.

    Args:
        message: The answer.
        wire: The dialect in which it came.
        model: Who wrote it; the bare name.
        body: The request.
    """
    if not binds(wire, model):
        return message
    return cast("Message", import_module(_BINDING[wire]).stamped(message, model, body))
