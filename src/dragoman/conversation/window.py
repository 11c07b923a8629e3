"""
How much of a long conversation is sent: by tokens, or by turns.

A window is a pure function: of the sizes of the turns it says how many of the oldest to leave out.  What it says is
kept as a node of the tree, so every process sends the same, also after a restart, and nothing moves until the next cut.

Rule: a turn is left out as a whole, with its tool calls and their results; the system prompt and the turn that is asked
never are.  A cut goes well below the limit, so that the provider's prompt cache holds for many turns until the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from dragoman.conversation.windows.deciding import Room
    from dragoman.conversation.windows.outline import Decision, View

# Tokens, where neither the caller nor the catalogue says what the model can read.
UNKNOWN: Final = 32_000
# What a cut keeps is never raised, for the cache's sake, above this share of the limit: there must be room to grow.
_ROOM: Final = 0.75


class TokenBudget(msgspec.Struct, frozen=True):
    """
    At most so many tokens, as estimated.

    Attributes:
        high: When it is exceeded, the oldest turns are left out; None for as much as `share` allows.
        low: What is kept then, as a share of `high`.  Where that would be less than the provider caches at all, more
            is kept.
        share: Never more than this part of what the model can read, if that is known: a prompt whose cache has run out
            is paid for whole, and answers to very long ones are worse.

    Raises:
        ConfigError: A value that cannot be.

    >>> TokenBudget(100).leave_out([40, 40, 30], fixed=10, context=None)
    2
    """

    high: int | None = None
    low: float = 0.5
    share: float = 0.5

    def __post_init__(self) -> None:
        if self.high is not None:
            check_count(self.high, "high", "tokens")
        check_share(self.low, "low")
        check_share(self.share, "share")

    def leave_out(self, turns: Sequence[int], fixed: int, context: int | None) -> int:
        """
        Say how many of the oldest turns are not sent.

        Args:
            turns: Tokens of each turn in the present window; the last is the one that is asked.
            fixed: Tokens of what is always sent.
            context: Tokens that the model can read, or None if it is not known.
        """
        high = limit(self.high, self.share, context)
        return fitting(turns, fixed, high, high * self.low)

    def decide(self, view: View, room: Room) -> list[Decision]:
        """See `deciding.Policy`."""
        high = limit(self.high, self.share, room.context)
        out = fitting([turn.tokens for turn in view.loose], view.fixed, high, low_mark(high, self.low, room.minimum))
        cut = view.cut(out, type(self).__name__)
        return [cut] if cut else []


class LastTurns(msgspec.Struct, frozen=True):
    """
    At most the last `most` turns, the one that is asked included; turns that are pinned do not count.

    Attributes:
        most: When there are more, the oldest are left out.
        low: What is kept then, as a share of `most`; 1 for a window that moves with every turn.

    Raises:
        ConfigError: A value that cannot be.

    >>> LastTurns(4).leave_out([1, 1, 1, 1, 1], fixed=0, context=None)
    3
    """

    most: int
    low: float = 0.5

    def __post_init__(self) -> None:
        check_count(self.most, "most", "turns")
        check_share(self.low, "low")

    def leave_out(self, turns: Sequence[int], fixed: int, context: int | None) -> int:
        """Say how many of the oldest turns are not sent; as `TokenBudget.leave_out`."""
        return 0 if len(turns) <= self.most else len(turns) - max(1, int(self.most * self.low))


def limit(high: int | None, share: float, context: int | None) -> int:
    """Tokens that may be sent at most."""
    cap = int(context * share) if context else None
    if high is None:
        return cap or UNKNOWN
    return min(high, cap) if cap else high


def low_mark(high: int, low: float, minimum: int) -> float:
    """Tokens that a cut keeps: not fewer than are cached at all, where there is room for them."""
    return max(high * low, min(minimum, high * _ROOM)) if high > minimum else high * low


def fitting(turns: Sequence[int], fixed: int, high: float, low: float) -> int:
    """How many of the oldest turns go so that the rest, if it was more than `high`, is at most `low`; not the last."""
    total, out = fixed + sum(turns), 0
    if total <= high:
        return 0
    while out < len(turns) - 1 and total > low:
        total -= turns[out]
        out += 1
    return out


def check_count(value: object, field: str, of: str, least: int = 1) -> None:
    """Refuse what is no number of things."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{field} is {value!r}: give a number of {of}, {least} or more", field=field)


def check_share(value: object, field: str) -> None:
    """Refuse what is no part of a whole."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ConfigError(f"{field} is {value!r}: give a share, above 0 and up to 1", field=field)
