"""
What the provider itself does about long prompts.

Anthropic clears old results of tools before the model reads the prompt (context editing); OpenAI's Responses writes a
compaction item into the answer, which is sent back with the history.  Both are fields of the body; both are done anew
for every request, so nothing is written into the tree.

Sources: the vendor's page on context editing (`clear_tool_uses_20250919`, header `context-management-2025-06-27`); the
recordings of `context_management` with `compact_threshold` at OpenAI.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from dragoman.conversation.window import check_count
from dragoman.conversation.windows.deciding import Room
from dragoman.conversation.windows.outline import Decision, View
from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest
from dragoman.wire.lenient import object_of


class ProviderNative(msgspec.Struct, frozen=True):
    """
    Have the provider shorten the prompt, where it can: Anthropic and OpenAI's Responses.

    Elsewhere nothing is done, and a notice of the answer says so; put a window behind it for those.

    Attributes:
        high: Tokens of input from which on it does.
        keep: Uses of tools that stay (Anthropic).
        at_least: Tokens that must be freed, since the prompt cache is lost (Anthropic).

    Raises:
        ConfigError: A value that cannot be.
    """

    high: int = 100_000
    keep: int = 3
    at_least: int = 5_000

    def __post_init__(self) -> None:
        check_count(self.high, "high", "tokens")
        check_count(self.keep, "keep", "uses of tools", 0)
        check_count(self.at_least, "at_least", "tokens")

    def decide(self, view: View, room: Room) -> Sequence[Decision]:
        """Nothing is decided here: the provider decides."""
        return ()

    def prepare(self, request: ChatRequest, wire: str | None) -> tuple[ChatRequest, tuple[Notice, ...]]:
        """
        Return the request with the fields that its dialect has for it.

        Args:
            request: What will be sent.
            wire: Name of the dialect; None if that is not known before.
        """
        fields = _FIELDS.get(wire or "")
        if fields is None or wire is None:
            where = f"by {wire}" if wire else "where a plan chooses the model"
            return request, (Notice("window", f"ProviderNative: the prompt is not shortened {where}", adapted=False),)
        native = request.native or {}
        own = object_of(native.get(wire))
        if "context_management" in own:  # the caller's own
            return request, ()
        more = {wire: {**own, "context_management": fields(self)}}
        return msgspec.structs.replace(request, native=native | more), ()


def _clearing(native: ProviderNative) -> dict[str, Any]:
    return {
        "edits": [
            {
                "type": "clear_tool_uses_20250919",
                "trigger": {"type": "input_tokens", "value": native.high},
                "keep": {"type": "tool_uses", "value": native.keep},
                "clear_at_least": {"type": "input_tokens", "value": native.at_least},
            }
        ]
    }


def _compacting(native: ProviderNative) -> list[dict[str, Any]]:
    return [{"type": "compaction", "compact_threshold": native.high}]


_FIELDS: Final[dict[str, Callable[[ProviderNative], Any]]] = {
    "anthropic-messages": _clearing,
    "openai-responses": _compacting,
}
