"""
What thinking is bound to.

From Claude 5 on the vendor binds a thinking block to the model and to all that stood before it: `system`, `tools` and
every earlier turn.  Sent back behind anything else it is refused ("bound to a different conversation").  So an answer
keeps a digest of what it was given to read, in its message's `native`, and its thinking goes back only where that still
stands before it; else it is left out, with a notice.  Nothing but the digest is kept.

What only moves the prompt cache (`cache_control`) is not part of it, and a lone text is the same as a block of it.

Who wants the provider to decide instead sets `thinking.block_binding` (its `prefix_mismatch_behavior: "drop_block"`) in
the request's own fields; then nothing is left out here.

Source: the vendor's page on preserved thinking (block binding, October 2026).
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from dragoman.types.messages import Message, Reasoning
from dragoman.wire.anthropic_messages.dialect import NAME, native_of
from dragoman.wire.lenient import is_array, is_object, list_of, object_of
from dragoman.wire.plain_answer import parse_json

Json = dict[str, Any]

BOUND: Final = "bound_to"
"""Key of a message's `native` that holds the digest; it is no field of the dialect."""

_GENERATION: Final = re.compile(r"claude-(?:[a-z]+-)?(\d+)")
_FIRST_THAT_BINDS: Final = 5


def binds(model: str) -> bool:
    """
    Whether a model's thinking is bound to what stood before it.

    >>> binds("claude-sonnet-5-5"), binds("us.anthropic.claude-opus-4-8-v1:0"), binds("MiniMax-M3")
    (True, False, False)
    """
    found = _GENERATION.search(model)
    return found is not None and int(found[1]) >= _FIRST_THAT_BINDS


class Prefix:
    """
    The digest of a conversation up to a turn.

    Args:
        system: The body's `system`, or None.
        tools: Its `tools`, or None.
    """

    def __init__(self, system: Any, tools: Any) -> None:
        from hashlib import blake2b  # 2 ms and 2 MB, for thinking that is bound to its prefix

        self._hash = blake2b(digest_size=16)
        self._turns = 0
        self._add([_blocks(system), _plain(tools or [])])

    def digest(self, turns: list[Json]) -> str:
        """The digest of everything up to the last of these turns, which continue those that were given before."""
        for turn in turns[self._turns :]:
            self._add([turn.get("role"), _blocks(turn.get("content"))])
        self._turns = len(turns)
        return self._hash.hexdigest()

    def _add(self, value: Any) -> None:
        self._hash.update(msgspec.json.encode(value, order="sorted"))


def _blocks(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [_plain(block) for block in list_of(content)]


def _plain(value: Any) -> Any:
    """JSON without marks for the cache, and with a result's text as a block."""
    if is_array(value):
        return [_plain(item) for item in value]
    if not is_object(value):
        return value
    kept = {name: _plain(item) for name, item in value.items() if name != "cache_control"}
    if value.get("type") == "tool_result":
        kept["content"] = _blocks(value.get("content"))
    return kept


def stamped(message: Message, model: str, body: bytes) -> Message:
    """
    An answer that knows what its thinking is bound to.

    Args:
        message: The answer.
        model: Who wrote it.
        body: What was asked.
    """
    if not binds(model) or not any(_is_signed(part) for part in message.parts):
        return message
    asked = object_of(parse_json(body))
    turns = [object_of(turn) for turn in list_of(asked.get("messages"))]
    digest = Prefix(asked.get("system"), asked.get("tools")).digest(turns)
    native = {**(message.native or {}), NAME: {**native_of(message.native), BOUND: digest}}
    return msgspec.structs.replace(message, native=native)


def _is_signed(part: Any) -> bool:
    return isinstance(part, Reasoning) and bool(native_of(part.native))
