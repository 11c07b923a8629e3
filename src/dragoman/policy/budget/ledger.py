"""
Who keeps the book of a budget: this process, a file, or a server that others share.

Rule: one operation is one decision that nothing can come between, and each may be told twice.
"""

from __future__ import annotations

from typing import Protocol

from dragoman.policy.budget.book import Ask, Reading
from dragoman.runtime import Runtime


class Ledger(Protocol):
    """
    Keeps the book of one budget, for any number of threads, tasks, loops and processes.

    All raise `StoreError` if the store cannot be asked before `until`, on the runtime's clock.

    Attributes:
        place: Where the book is, for people.
        instant: Whether `settle_now` may be called instead of `settle`.
    """

    place: str
    instant: bool

    async def reserve(self, runtime: Runtime, ask: Ask, until: float | None) -> Reading:
        """As `Book.reserve`."""
        ...

    async def settle(self, runtime: Runtime, id: str, cost: int | None, until: float | None) -> None:
        """As `Book.settle`; None as `Book.void`."""
        ...

    def settle_now(self, id: str, cost: int | None) -> None:
        """As `settle`, if `instant`: it never waits, and any thread and any finalizer may call it."""
        ...

    async def read(self, runtime: Runtime, until: float | None) -> Reading:
        """As `Book.read`."""
        ...

    async def reset(self, runtime: Runtime, until: float | None) -> None:
        """As `Book.reset`."""
        ...

    def close(self) -> None:
        """Close what is idle; a later call opens it again."""
        ...

    async def aclose(self) -> None:
        """The same on the asyncio face."""
        ...
