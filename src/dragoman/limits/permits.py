"""
What a granted call holds, and how it comes back.

A permit may end in any thread, even in one that is inside the pacer: the garbage collector runs the end of a dropped
stream wherever it likes.  So an end is a note that is put down without any lock.  Whoever has the lock of the scope, or
can get it at once, takes the notes in.

Rule: a note says apart what it changes in the lines of this process (once) and in the shared state (again for
each state that is tried, where an exchange may fail).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from dragoman.policy.limit.grants import Cost, Decision, Grant, Refuse, Ticket
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.scope import Scope
from dragoman.policy.limit.state import State

Change = Callable[[State, float, bool], None]
"""Changes a state at a time; the flag says whether what answers said of limits is to be believed for this state."""


class Note(NamedTuple):
    """
    Something came back.

    Attributes:
        local: What it changes in this process.
        change: What it changes in the state, or None.
    """

    local: Callable[[Scope], None] | None
    change: Change | None


class Desk(Protocol):
    """Takes notes, for one scope."""

    def post(self, note: Note) -> None:
        """Take a note; never waits."""
        ...

    def refuse(
        self, grant: Grant, refusal: Refusal, told: Sequence[Snapshot], deadline: float | None, change: Change
    ) -> Decision:
        """A refusal that passes: a place at the head of the line, or what makes it hopeless."""
        ...


class SharedPermit:
    """A grant of a shared scope."""

    __slots__ = ("_desk", "_grant", "waited")

    def __init__(self, desk: Desk, grant: Grant, waited: float) -> None:
        self._desk = desk
        self._grant = grant
        self.waited = waited

    def heard(self, told: Sequence[Snapshot]) -> None:
        """The headers of a stream are here; its end follows."""
        grant = self._grant

        def change(state: State, now: float, believe: bool) -> None:
            if believe:
                state.hear(grant, told, now)

        self._desk.post(Note(None, change))

    def settled(self, actual: Cost | None, told: Sequence[Snapshot]) -> None:
        """The answer is whole, or left."""
        grant = self._grant

        def change(state: State, now: float, believe: bool) -> None:
            state.settle(grant, actual, told if believe else (), now)

        self._desk.post(Note(_landed, change))

    def released(self) -> None:
        """It was never sent, or failed for a reason that says nothing about limits."""
        self._desk.post(Note(_landed, _release(self._grant)))

    def refused(self, refusal: Refusal, told: Sequence[Snapshot], deadline: float | None) -> SharedPlace | Refuse:
        """The provider said 429: stand at the head of the line again, or give up."""
        grant = self._grant
        if refusal.kind == "overload":
            self.released()
            return Refuse(refusal.wait, "overload")

        def change(state: State, now: float, believe: bool) -> None:
            state.reject(grant, refusal, told if believe else (), now)

        if not refusal.passes:
            self._desk.post(Note(_landed, change))
            return Refuse(None, "too_large" if refusal.hopeless else refusal.kind, refusal.dimension)
        decision = self._desk.refuse(grant, refusal, told, deadline, change)
        return decision if isinstance(decision, Refuse) else SharedPlace(self._desk, grant.ticket, deadline)


class SharedPlace:
    """
    The ticket of a refused call.

    Attributes:
        desk: Of its scope.
        ticket: Its place in the line.
        deadline: When it must have gone, on the runtime's clock, or None.
        gone: It has gone on, or left.
    """

    __slots__ = ("deadline", "desk", "gone", "ticket")

    def __init__(self, desk: Any, ticket: Ticket, deadline: float | None) -> None:
        self.desk = desk
        self.ticket = ticket
        self.deadline = deadline
        self.gone = False

    def leave(self) -> None:
        """Give it up.  Idempotent; nothing if the call has gone on."""
        if not self.gone:
            self.gone = True
            self.desk.post(given_up(self.ticket))


def given_up(ticket: Ticket) -> Note:
    """Whoever waited waits no more; a grant that has come meanwhile goes back."""
    returned: list[Grant] = []

    def local(scope: Scope) -> None:
        scope.leave(ticket)
        if ticket.grant is not None:
            scope.in_flight -= 1
            returned.append(ticket.grant)

    def change(state: State, now: float, believe: bool) -> None:
        for grant in returned:
            state.release(grant)

    return Note(local, change)


def _landed(scope: Scope) -> None:
    scope.in_flight -= 1


def _release(grant: Grant) -> Change:
    def change(state: State, now: float, believe: bool) -> None:
        state.release(grant)

    return change
