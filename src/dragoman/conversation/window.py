"""
How much of a long conversation is sent.

A window is a pure function: of the sizes of the turns it says how many of the oldest to leave out.  What it says is
kept as a node of the tree, so every process sends the same, also after a restart, and nothing moves until the next cut.

Rule: a turn is left out as a whole, with its tool calls and their results; the system prompt and the turn that is asked
never are.  A cut goes well below the limit, so that the provider's prompt cache holds for many turns until the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dragoman.errors import ConfigError

# Tokens, where neither the caller nor the catalogue says what the model can read.
_UNKNOWN = 32_000


class TokenBudget(msgspec.Struct, frozen=True):
    """
    At most so many tokens, as estimated.

    Attributes:
        high: When it is exceeded, the oldest turns are left out; None for half of what the model can read.
        low: What is kept then, as a share of `high`.

    Raises:
        ConfigError: A value that cannot be.

    >>> TokenBudget(100).leave_out([40, 40, 30], fixed=10, context=None)
    2
    """

    high: int | None = None
    low: float = 0.5

    def __post_init__(self) -> None:
        if self.high is not None and (isinstance(self.high, bool) or self.high < 1):
            raise ConfigError(f"high is {self.high!r}: give a number of tokens, 1 or more", field="high")
        _check_low(self.low)

    def leave_out(self, turns: Sequence[int], fixed: int, context: int | None) -> int:
        """
        Say how many of the oldest turns are not sent.

        Args:
            turns: Tokens of each turn in the present window; the last is the one that is asked.
            fixed: Tokens of what is always sent.
            context: Tokens that the model can read, or None if it is not known.
        """
        high = self.high or (context // 2 if context else _UNKNOWN)
        total, out = fixed + sum(turns), 0
        if total <= high:
            return 0
        while out < len(turns) - 1 and total > high * self.low:
            total -= turns[out]
            out += 1
        return out


class LastTurns(msgspec.Struct, frozen=True):
    """
    At most the last `most` turns, the one that is asked included.

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
        if isinstance(self.most, bool) or self.most < 1:
            raise ConfigError(f"most is {self.most!r}: give a number of turns, 1 or more", field="most")
        _check_low(self.low)

    def leave_out(self, turns: Sequence[int], fixed: int, context: int | None) -> int:
        """Say how many of the oldest turns are not sent; as `TokenBudget.leave_out`."""
        return 0 if len(turns) <= self.most else len(turns) - max(1, int(self.most * self.low))


def _check_low(low: float) -> None:
    if not 0 < low <= 1:
        raise ConfigError(f"low is {low!r}: give a share, above 0 and up to 1", field="low")
