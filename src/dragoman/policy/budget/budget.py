"""
The public value: how much may be spent, in what time, and who keeps count.

Rule: making one opens nothing; the store is asked when a call needs it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from dragoman.errors import ConfigError
from dragoman.policy.budget.book import Reading
from dragoman.policy.budget.ledger import Ledger
from dragoman.policy.budget.money import dollars, parse_usd, shown
from dragoman.policy.budget.stores import ledger_of
from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive

if TYPE_CHECKING:
    from dragoman.drivers.open import AnyDriver

Period = Literal["minute", "hour", "day", "month"]

_SECONDS: Final = {"minute": 60, "hour": 3_600, "day": 86_400, "month": 30 * 86_400}
_NAME: Final = re.compile(r"[^{}\s\x00-\x1f\x7f](?:[^{}\x00-\x1f\x7f]{0,98}[^{}\s\x00-\x1f\x7f])?")


class BudgetBalance(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a budget stands, in US dollars.

    Attributes:
        limit: What may be spent in a window.
        spent: By calls that have settled.
        reserved: For calls under way: the most that they can cost.
        left: What another call may cost at most.
        renews_in: Seconds until the next window; None if there is none.
    """

    limit: Decimal
    spent: Decimal
    reserved: Decimal
    left: Decimal
    renews_in: float | None = None


class Budget:
    """
    A cap on what calls cost.  One may be shared by any number of clients, of both faces.

    Before a call the most that it can cost is reserved, after it what it did cost is booked, so calls at the same time
    never spend more than the cap together.  A call that does not fit is not sent: `BudgetError`.

    >>> from dragoman import Budget, Client
    >>> budget = Budget(usd=5, per="day")
    >>> Client(budget=budget).chat("sim/echo", "Hello").text
    'Hello'
    >>> budget.left()
    Decimal('5')

    Attributes:
        name: Of the book in which it is kept.
        unknown: See below.
        on_exceed: See below.

    .. versionadded:: 0.1
    """

    def __init__(
        self,
        usd: float | str | Decimal,
        *,
        per: Period | int | None = None,
        store: str | AnyDriver | None = None,
        name: str = "default",
        unknown: Literal["refuse", "allow"] = "refuse",
        on_exceed: Literal["refuse", "allow"] = "refuse",
    ) -> None:
        """
        Args:
            usd: US dollars that may be spent in a window.
            per: Length of a window: `minute`, `hour`, `day` (both in UTC), `month` (30 days), or a whole number of
                seconds; windows begin at multiples of their length since 1970-01-01 00:00 UTC.  None for a single one
                that never ends.
            store: Who keeps count: None for this object alone, in memory; or a URL (`sqlite:///budget.db`,
                `redis://...`, `postgresql://...`) or driver, for all processes that give the same store, name and
                window.
            name: Of the book in the store.
            unknown: What to do with a call whose price is not known: `refuse` it, or `allow` it, uncounted and with a
                notice.
            on_exceed: What to do with a call that does not fit: `refuse` it, or `allow` it, counted and with a notice.

        Raises:
            ConfigError: A value that cannot work; `.field` names it.
        """
        self._limit = parse_usd(usd)
        self._seconds = _seconds(per)
        self.name = _checked_name(name)
        self.unknown = _choice(unknown, "unknown")
        self.on_exceed = _choice(on_exceed, "on_exceed")
        self._ledger = ledger_of(store, name, self._seconds)
        self._per = per

    def __repr__(self) -> str:
        return f"<Budget {self}>"

    def __str__(self) -> str:
        per = "" if self._per is None else f" per {self._per}" + ("" if isinstance(self._per, str) else " s")
        return f"{self.name!r} of {shown(self._limit)}{per}"

    @property
    def limit(self) -> Decimal:
        """US dollars that may be spent in a window."""
        return dollars(self._limit)

    @property
    def ledger(self) -> Ledger:
        """What keeps the book."""
        return self._ledger

    @property
    def most(self) -> int:
        """The limit in nano-dollars."""
        return self._limit

    # --- how it stands ---

    def balance(self) -> BudgetBalance:
        """
        How it stands now.  Asks the store, and blocks for that.

        Raises:
            StoreError: The store cannot be asked.
        """
        return self._balance(drive(self._ledger.read(_BLOCKING, None)))

    async def abalance(self) -> BudgetBalance:
        """How it stands now.  As `balance`, for code that awaits."""
        return self._balance(await self._ledger.read(_ASYNC, None))

    def spent(self) -> Decimal:
        """US dollars spent in this window.  As `balance`."""
        return self.balance().spent

    def reserved(self) -> Decimal:
        """US dollars reserved for calls under way.  As `balance`."""
        return self.balance().reserved

    def left(self) -> Decimal:
        """US dollars that another call may cost at most.  As `balance`."""
        return self.balance().left

    def reset(self) -> None:
        """
        Forget what was spent in this window; what calls under way have reserved stays.

        Raises:
            StoreError: The store cannot be asked.
        """
        drive(self._ledger.reset(_BLOCKING, None))

    async def areset(self) -> None:
        """Forget what was spent in this window.  As `reset`, for code that awaits."""
        await self._ledger.reset(_ASYNC, None)

    def close(self) -> None:
        """Close the connections of the store; a later call opens them again.  Idempotent."""
        self._ledger.close()

    async def aclose(self) -> None:
        """Close the connections of the store, those of the running loop before this returns."""
        await self._ledger.aclose()

    def _balance(self, reading: Reading) -> BudgetBalance:
        free = max(0, self._limit - reading.spent - reading.reserved)
        return BudgetBalance(
            limit=dollars(self._limit),
            spent=dollars(reading.spent),
            reserved=dollars(reading.reserved),
            left=dollars(free),
            renews_in=reading.renews_in,
        )


_BLOCKING: Final = BlockingRuntime()
_ASYNC: Final = AsyncRuntime()


def _seconds(per: object) -> int | None:
    if per is None:
        return None
    if isinstance(per, str) and per in _SECONDS:
        return _SECONDS[per]
    if isinstance(per, bool) or not isinstance(per, int | float) or per < 1 or per != per // 1 or per > 10**9:
        raise ConfigError(
            f"per is {per!r}: give {', '.join(map(repr, _SECONDS))}, a whole number of seconds, or None", field="per"
        )
    return int(per)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"name is {name!r}: give 1 to 100 characters, none of them a brace", field="name")
    return name


def _choice(value: object, field: str) -> Literal["refuse", "allow"]:
    if value not in ("refuse", "allow"):
        raise ConfigError(f"{field} is {value!r}: give 'refuse' or 'allow'", field=field)
    return value
