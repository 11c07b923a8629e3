"""
Tool call ids across dialects.

Rules: an id is sent as it is if the dialect accepts it; else it is changed the same way in the call and in its result,
and always to the same text, so that the provider's prompt cache still holds.  Where providers gave none, results answer
the calls of their name in order.
"""

from __future__ import annotations

from collections.abc import Callable

from dragoman.types.messages import ToolCall, ToolResult


class CallIds:
    """
    Gives every call of a request an id that is valid, and every result the id of its call.

    Args:
        repair: Makes an id valid; gives a valid one back unchanged.
    """

    def __init__(self, repair: Callable[[str], str]) -> None:
        self._repair = repair
        self._count = 0
        self._waiting: list[tuple[str, str]] = []  # name and given id of calls that came without one

    def call(self, call: ToolCall) -> str:
        """The id of a call."""
        if call.id:
            return self._repair(call.id)
        given = f"call_{self._count}"
        self._count += 1
        self._waiting.append((call.name, given))
        return given

    def result(self, result: ToolResult) -> str:
        """The id of a result."""
        if result.call_id:
            return self._repair(result.call_id)
        for i, (name, given) in enumerate(self._waiting):
            if result.name in (None, name):
                del self._waiting[i]
                return given
        return "call_unknown"
