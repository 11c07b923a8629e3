"""
What a turn sends, as its policies decide.

    window=[Pin(first=1), DropOldToolResults(keep=3), TokenBudget(8000)]

Policies are asked in order, and each sees what those before it left.  A policy has `decide(view, room)`, which gives
decisions; an object that only has `leave_out(turns, fixed, context)` is asked for a number of turns.

Rule: policies are pure.  What they decide is written down with the turn, and what is sent follows from what is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol, cast

from dragoman.conversation.windows.outline import Decision, Outline, View
from dragoman.errors import ConfigError
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest


class Room(NamedTuple):
    """
    What a policy may know of the model.

    Attributes:
        context: Tokens that it can read, or None if that is not known.
        minimum: Tokens below which its provider caches no prompt.
    """

    context: int | None = None
    minimum: int = 0


class Policy(Protocol):
    """Decides what is sent.  May also have `prepare`, and `after`; see `prepared` and `windows.aside`."""

    def decide(self, view: View, room: Room) -> Sequence[Decision]:
        """
        Say what is to be changed from now on.

        Args:
            view: What would be sent.
            room: What is known of the model.
        """
        ...


class Decided(NamedTuple):
    """What is sent, and what was decided for it."""

    view: View
    decisions: tuple[Decision, ...]


class _Counted:
    """An object with `leave_out`, as a policy."""

    def __init__(self, window: Any) -> None:
        self._window = window

    def decide(self, view: View, room: Room) -> Sequence[Decision]:
        turns = [turn.tokens for turn in view.loose]
        out = self._window.leave_out(turns, view.fixed, room.context) if turns else 0
        if isinstance(out, bool) or not isinstance(out, int):
            raise ConfigError(f"leave_out of the window gave {out!r}: give a number of turns", field="window")
        cut = view.cut(out, type(self._window).__name__)
        return [cut] if cut else []


_WANTED: Final = "give TokenBudget(), LastTurns(20), a list of them, or None"


def policies(window: Any) -> tuple[Policy, ...]:
    """
    The policies that a `window=` stands for.

    Raises:
        ConfigError: One of them is none.
    """
    if window is None:
        return ()
    given = cast("Sequence[Any]", window) if isinstance(window, list | tuple) else (window,)
    return tuple(_policy(one) for one in given)


def _policy(one: Any) -> Policy:
    if isinstance(one, type):
        raise ConfigError(f"window is the class {one.__name__}: give {one.__name__}(...)", field="window")
    if callable(getattr(one, "decide", None)):
        return cast("Policy", one)
    if callable(getattr(one, "leave_out", None)):
        return _Counted(one)
    raise ConfigError(f"window is {one!r}: {_WANTED}", field="window")


def decided(view: View, asked_of: Sequence[Policy], room: Room) -> Decided:
    """Ask all policies."""
    decisions: list[Decision] = []
    if view.turns:
        for policy in asked_of:
            for decision in policy.decide(view, room):
                view = view.after(decision)
                decisions.append(decision)
    return Decided(view, tuple(decisions))


def view_of(
    found: Outline, asked: Sequence[Message], *, system: Message | None, depth: int, request: ChatRequest | None
) -> View:
    """
    What would be sent if nothing were decided.

    Args:
        found: What the path says.
        asked: What the turn says.
        system: The instructions that the caller wants to hold; None for those that do.
        depth: Of the place where the turn hangs.
        request: Has tools and the answer's form.
    """
    if system is not None:
        found.system = system
    return View(found, asked, extra=_extra(request), depth=depth)


def _extra(request: ChatRequest | None) -> int:
    """Tokens of what is sent beside the messages."""
    if request is None or not (request.tools or request.output):
        return 0
    from dragoman.tokens.prompt import count_prompt

    return count_prompt(request.directed(messages=()), "", "").tokens
