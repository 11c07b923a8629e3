"""
Tells observers how long the lines are: whoever waits has asked the runtime for something to wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from dragoman.runtime import Runtime, Waiter

Tell = Callable[[float], None]
"""By how many the line has grown."""


def counted(runtime: Runtime, tell: Tell) -> Runtime:
    """The same runtime, but who waits with it is counted while it waits."""
    return cast("Runtime", _Counted(runtime, tell))


class _Counted:
    """A runtime, but for its waiters."""

    def __init__(self, inner: Runtime, tell: Tell) -> None:
        self._inner = inner
        self._tell = tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def waiter(self) -> Waiter:
        """One that counts."""
        return _Waiter(self._inner.waiter(), self._tell)


class _Waiter:
    """Counts while it waits."""

    def __init__(self, inner: Waiter, tell: Tell) -> None:
        self._inner = inner
        self._tell = tell

    def set(self) -> None:
        self._inner.set()

    async def wait(self, until: float | None) -> bool:
        self._tell(1.0)
        try:
            return await self._inner.wait(until)
        finally:
            self._tell(-1.0)
