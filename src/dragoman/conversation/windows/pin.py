"""
Turns that no cut leaves out.

Rule: what was pinned is written into the tree once, and holds for every process; what somebody unpinned is not pinned
again.
"""

from __future__ import annotations

import msgspec

from dragoman.conversation.nodes import Note
from dragoman.conversation.window import check_count
from dragoman.conversation.windows.deciding import Room
from dragoman.conversation.windows.outline import Decision, View
from dragoman.errors import ConfigError


class Pin(msgspec.Struct, frozen=True):
    """
    Turns that are always sent, with their calls and results; `talk.pin(turn_id)` pins one more.

    Attributes:
        first: So many turns from the beginning: the task, the rules of the game.
        turns: Ids of turns.

    Raises:
        ConfigError: A value that cannot be.
    """

    first: int = 0
    turns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_count(self.first, "first", "turns", 0)
        named: object = self.turns
        if isinstance(named, str) or not all(isinstance(name, str) for name in self.turns):
            raise ConfigError(f"turns is {named!r}: give a tuple of turn ids", field="turns")

    def decide(self, view: View, room: Room) -> list[Decision]:
        """See `deciding.Policy`."""
        found = view.outline
        begun = [found.begin_of(name) for name in self.turns]
        depths = dict.fromkeys((*found.first(self.first), *(depth for depth in begun if depth is not None)))
        new = tuple(depth for depth in depths if depth not in found.pins)
        return [Note(pin=new, by=type(self).__name__)] if new else []
