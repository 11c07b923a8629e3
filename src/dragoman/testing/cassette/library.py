"""
The recordings of a tape: which of them answers a request, and what is said if none does.

Rule: each is used once, in the order of the file where several fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from dragoman.testing.cassette.errors import CassetteError, Difference, UnmatchedError, UnusedError
from dragoman.testing.cassette.matching import Comparable, comparable, differences
from dragoman.testing.cassette.model import Asked, Exchange

Order = Literal["strict", "any"]

_LINES: Final = 12  # differences that a message shows
_ELSEWHERE: Final = 1000  # a difference of method or path weighs more than any body
_ADVICE: Final = (
    "to record it: mode='new' adds what is missing, mode='record' writes the file anew "
    "(pytest: --dragoman-record=new; any program: DRAGOMAN_RECORD=new)"
)


class Library:
    """
    Args:
        order: Whether requests come in the order of the recordings.
        ignore: Fields in which they may differ.

    Attributes:
        exchanges: The recordings.

    Raises:
        CassetteError: An argument is wrong.
    """

    def __init__(self, order: Order, ignore: Sequence[str]) -> None:
        if order not in ("strict", "any"):
            raise CassetteError(f"order is {order!r}: give 'strict' or 'any'", field="order")
        if not all(isinstance(one, str) and one for one in ignore):
            raise CassetteError(f"ignore is {ignore!r}: give names or places of fields", field="ignore")
        self.exchanges: list[Exchange] = []
        self._strict = order == "strict"
        self._ignore = ignore
        self._comparables: list[Comparable] = []
        self._unused: dict[int, None] = {}  # in order
        self._exact: defaultdict[str, list[int]] = defaultdict(list)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.exchanges)

    @property
    def left(self) -> int:
        """How many were not used."""
        return len(self._unused)

    def load(self, exchanges: Iterable[Exchange]) -> None:
        """Take over the recordings of a file."""
        for exchange in exchanges:
            one = comparable(exchange.request)
            self._exact[one.exact].append(len(self.exchanges))
            self._unused[len(self.exchanges)] = None
            self._comparables.append(one)
            self.exchanges.append(exchange)

    def take(self, request: Asked) -> tuple[int, Exchange] | None:
        """Return number (from 1) and recording that answer a request, and count it as used; None if none does."""
        sent = comparable(request)
        index = next((index for index in self._candidates(sent) if self._fits(index, sent)), None)
        if index is None:
            return None
        del self._unused[index]
        return index + 1, self.exchanges[index]

    def _candidates(self, sent: Comparable) -> Iterable[int]:
        """The one that is next, or all; those that are quickly known to fit before those that must be looked at."""
        if self._strict:
            return list(self._unused)[:1]
        return (*(index for index in self._exact[sent.exact] if index in self._unused), *self._unused)

    def _fits(self, index: int, sent: Comparable) -> bool:
        return not differences(self._comparables[index], sent, self._ignore)

    # --- what is said -------------------------------------------------------------------------------------------------

    def unmatched(self, request: Asked, path: Path) -> UnmatchedError:
        """The error for a request that none answers."""
        asked = _named(request)
        if not self.exchanges:
            there = "is empty" if path.exists() else "is not there"
            return UnmatchedError(
                f"{asked} cannot be played: the cassette {path} {there}; record it with mode='once' "
                "(pytest: --dragoman-record=once; any program: DRAGOMAN_RECORD=once)"
            )
        index, found = self._nearest(comparable(request))
        lines = [f"  {one}" for one in found[:_LINES]]
        if len(found) > _LINES:
            lines.append(f"  and {len(found) - _LINES} more")
        head = f"{asked} is not in the cassette {path} ({self.count} recorded, {self.left} not used yet)"
        return UnmatchedError(
            "\n".join((head, self._introduced(index, found), *lines, _ADVICE)), nearest=index + 1, differences=found
        )

    def _nearest(self, sent: Comparable) -> tuple[int, list[Difference]]:
        unused = list(self._unused)[: 1 if self._strict else None]
        return min(
            (
                (index, differences(self._comparables[index], sent, self._ignore))
                for index in unused or range(self.count)
            ),
            key=lambda pair: sum(_ELSEWHERE if one.path in ("method", "path") else 1 for one in pair[1]),
        )

    def _introduced(self, index: int, found: Sequence[Difference]) -> str:
        number = f"number {index + 1}"
        if index in self._unused:
            return f"the next one (order='strict') is {number}:" if self._strict else f"the nearest is {number}:"
        if not found:
            return f"it is the same as {number}, which was played already: each is played once"
        return f"all were played already; the nearest was {number}:"

    def assert_all_used(self, path: Path) -> None:
        """
        Raises:
            UnusedError: Some were not used.
        """
        if not self._unused:
            return
        left = [f"number {index + 1} ({_named(self.exchanges[index].request)})" for index in self._unused]
        shown = ", ".join(left[:_LINES]) + (f" and {len(left) - _LINES} more" if len(left) > _LINES else "")
        raise UnusedError(
            f"{len(left)} of the {self.count} recordings in {path} were not asked for: {shown}; "
            "record anew, or say all_used=False"
        )


def _named(request: Asked) -> str:
    return f"{request.method} {urlsplit(request.url).path}"
