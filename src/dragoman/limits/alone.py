"""
What a process does while it cannot ask the others.

It goes on with the part that was left to it: the limits as they were last seen, divided by the number of processes that
were at work.  What answers say of limits is not believed meanwhile, because they speak of the whole.  When the store is
back, what is left in it is taken to be no more than all such parts together.

Rule: it is said once in the log when it begins and once when it ends, and never in between.
"""

from __future__ import annotations

import logging
from typing import Final

from dragoman.policy.limit.scope import Scope
from dragoman.policy.limit.state import State

_log: Final = logging.getLogger("dragoman.limit")


class Alone:
    """
    Whether one scope is kept by this process alone, and since when.

    Args:
        place: What cannot be reached, for people.

    Attributes:
        parts: Among how many processes the limits are divided; 0 while they are shared.
    """

    __slots__ = ("_place", "parts")

    def __init__(self, place: str) -> None:
        self._place = place
        self.parts = 0

    @property
    def believes(self) -> bool:
        """Whether what answers say of limits is about what this process may use."""
        return self.parts < 2

    def begin(self, scope: Scope, now: float, why: str) -> None:
        """Go on alone, from the state that was last shared."""
        assert scope.peers is not None
        self.parts = scope.peers.at_work(scope.state, now)
        part = scope.state.share(self.parts)
        part.in_flight = scope.in_flight
        scope.attach(part, now)
        _log.warning(
            "limits are not shared at present (%s): going on with 1/%d of those last seen at %s",
            why,
            self.parts,
            self._place,
        )

    def end(self, scope: Scope, state: State, now: float) -> None:
        """Share again: this is the state of all."""
        if scope.state is not state:
            state.rejoin(scope.state, self.parts)
        self.parts = 0
        scope.attach(state, now)
        _log.warning("limits are shared again at %s", self._place)
