"""
Old results of tools, of which only the fact remains that there were any.

Rule: a call keeps a result, in its place, under its id; what the result said is replaced by a word.  Results of one
round of calls go together.
"""

from __future__ import annotations

import msgspec

from dragoman.conversation.nodes import Drop
from dragoman.conversation.window import check_count
from dragoman.conversation.windows.deciding import Room
from dragoman.conversation.windows.outline import Decision, Entry, View, droppable, weight_of, without_results
from dragoman.types.messages import ToolResult
from dragoman.wire.turns import has_results


class DropOldToolResults(msgspec.Struct, frozen=True):
    """
    Only the last results of tools are sent with their content.

    Attributes:
        keep: So many stay, and those that came with them.
        at_least: Older ones are dropped when that frees so many tokens, and not before: each time, the prompt cache
            is lost from the first of them on.

    Raises:
        ConfigError: A value that cannot be.
    """

    keep: int = 3
    at_least: int = 2000

    def __post_init__(self) -> None:
        check_count(self.keep, "keep", "results", 0)
        check_count(self.at_least, "at_least", "tokens")

    def decide(self, view: View, room: Room) -> list[Decision]:
        """See `deciding.Policy`."""
        old = self._old(view)
        if not old:
            return []
        saved = sum(entry.tokens - weight_of(without_results(entry.message)) for entry in old)
        if saved < self.at_least:
            return []
        dropped = sum(droppable(part) for entry in old for part in _results(entry))
        return [Drop(old[-1].depth + 1, dropped, type(self).__name__, saved)]

    def _old(self, view: View) -> list[Entry]:
        """Messages with results that would be dropped; those of pinned turns never are."""
        found = [
            (entry, turn.pinned)
            for turn in view.turns
            for entry in turn.entries
            if entry.depth >= view.outline.before or entry.depth == 0
            if has_results(entry.message)
        ]
        kept = 0
        while found and kept < self.keep:
            kept += len(_results(found.pop()[0]))
        return [entry for entry, pinned in found if entry.depth and not pinned and any(map(droppable, _results(entry)))]


def _results(entry: Entry) -> list[ToolResult]:
    return [part for part in entry.message.parts if isinstance(part, ToolResult)]
