"""The public value: what it takes, what it refuses, what it says of itself."""

from __future__ import annotations

import asyncio
import os
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman import Budget, BudgetBalance, BudgetError, Client, ConfigError
from dragoman.policy.budget.book import Ask
from dragoman.policy.budget.memory import MemoryLedger
from dragoman.policy.budget.money import dollars, nano, parse_usd, shown
from dragoman.runtime import BlockingRuntime, drive


@pytest.mark.parametrize(
    ("usd", "expected"),
    [
        pytest.param(5, "5", id="whole"),
        pytest.param(0.1, "0.1", id="what is written, not what a float is"),
        pytest.param("0.25", "0.25", id="text"),
        pytest.param(Decimal("0.000001"), "0.000001", id="decimal"),
        pytest.param(0, "0", id="nothing at all"),
    ],
)
def test_amounts(usd: Any, expected: str) -> None:
    """Dollars are taken as they are written, in any form."""
    assert Decimal(expected) == Budget(usd=usd).limit


@pytest.mark.parametrize("usd", [-1, "five", float("nan"), float("inf"), True, None, [5], 10**9])
def test_what_is_no_amount_is_refused(usd: Any) -> None:
    """The error names the field."""
    with pytest.raises(ConfigError, match="usd is") as caught:
        Budget(usd=usd)
    assert "usd" == caught.value.field


@pytest.mark.parametrize(
    ("per", "at_most"), [("minute", 60), ("hour", 3_600), ("day", 86_400), ("month", 30 * 86_400), (7, 7), (90.0, 90)]
)
def test_windows(per: Any, at_most: float) -> None:
    """A window renews within its length."""
    renews = Budget(usd=1, per=per).balance().renews_in

    assert renews is not None
    assert 0 < renews <= at_most


@pytest.mark.parametrize("per", ["week", 0, -1, 1.5, True, float("inf"), float("nan"), [1]])
def test_what_is_no_window_is_refused(per: Any) -> None:
    """The error names the field and what there is."""
    with pytest.raises(ConfigError, match="'month'") as caught:
        Budget(usd=1, per=per)
    assert "per" == caught.value.field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a{b}"),
        ("name", "a\nb"),
        ("name", "x" * 101),
        ("name", 5),
        ("unknown", "maybe"),
        ("on_exceed", "wait"),
        ("store", object()),
    ],
)
def test_bad_values_are_named(field: str, value: Any) -> None:
    """Each names its field."""
    with pytest.raises(ConfigError) as caught:
        Budget(usd=1, **{field: value})
    assert field == caught.value.field


def test_an_unknown_store_lists_those_that_there_are() -> None:
    """The error of the drivers is handed on."""
    with pytest.raises(ConfigError, match="sqlite://"):
        Budget(usd=1, store="mysql://localhost/x")


@pytest.mark.parametrize("budget", [5, "5", [Budget(usd=1), 5], {"usd": 5}])
def test_a_client_takes_budgets_only(budget: Any) -> None:
    """What is no budget is refused when the client is made."""
    with pytest.raises(ConfigError, match="Budget") as caught:
        Client(budget=budget)
    assert "budget" == caught.value.field


def test_it_says_what_it_is() -> None:
    """Its name, amount and window, and nothing of its store's address."""
    assert "<Budget 'team a' of $2.5 per day>" == repr(Budget(usd="2.50", per="day", name="team a"))
    assert "<Budget 'default' of $1 per 90 s>" == repr(Budget(usd=1, per=90))


def test_making_one_opens_nothing(tmp_path: Path) -> None:
    """No file is made before a call needs it."""
    budget = Budget(usd=1, store=f"sqlite:///{tmp_path}/b.db")
    assert [] == list(tmp_path.iterdir())

    assert Decimal(1) == budget.left()
    assert (tmp_path / "b.db").exists()
    budget.close()


def test_both_faces_read_and_reset() -> None:
    """Each verb has a twin for code that awaits."""
    budget = Budget(usd=1)
    drive(budget.ledger.reserve(BlockingRuntime(), Ask("a", nano(Decimal("0.4")), 0, None, 60), None))
    budget.ledger.settle_now("a", nano(Decimal("0.3")))
    expected = BudgetBalance(limit=Decimal(1), spent=Decimal("0.3"), reserved=Decimal(0), left=Decimal("0.7"))

    async def awaiting() -> BudgetBalance:
        found = await budget.abalance()
        await budget.areset()
        await budget.aclose()
        return found

    assert expected == budget.balance()
    assert expected == asyncio.run(awaiting())
    assert (Decimal(0), Decimal(0), Decimal(1)) == (budget.spent(), budget.reserved(), budget.left())
    budget.reset()
    budget.close()


@pytest.mark.parametrize(
    ("amount", "text"), [(1_920_000_000, "$1.92"), (12, "$0.000000012"), (123_456_789_000, "$123.4568"), (0, "$0")]
)
def test_amounts_are_shown_for_people(amount: int, text: str) -> None:
    """Large ones in hundredths of a cent, small ones in full."""
    assert text == shown(amount)


def test_money_is_exact() -> None:
    """Dollars become nano-dollars and dollars again."""
    assert Decimal("1234.000000001") == dollars(parse_usd("1234.000000001"))
    assert "100" == str(dollars(100 * 10**9))


def test_a_child_goes_on_with_what_was_spent() -> None:
    """After a fork the child knows what was spent; reservations are its parent's, and so may be the lock."""
    ledger = MemoryLedger(None)
    runtime = BlockingRuntime()
    drive(ledger.reserve(runtime, Ask("a", 100, 0, None, 60), None))
    drive(ledger.reserve(runtime, Ask("b", 100, 0, None, 60), None))
    ledger.settle_now("a", 70)
    ledger._lock.acquire()  # as another thread may
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        reading = drive(ledger.read(runtime, None))
        os.write(write, f"{reading.spent} {reading.reserved}".encode())
        os._exit(0)
    ledger._lock.release()
    os.waitpid(child, 0)
    told = os.read(read, 100)
    os.close(read)
    os.close(write)

    assert b"70 0" == told
    assert 100 == drive(ledger.read(runtime, None)).reserved


def test_a_finalizer_may_settle_in_the_middle_of_a_reservation() -> None:
    """Who cannot have the lock puts its settlement down, and the next who has it books it."""
    ledger = MemoryLedger(None)
    runtime = BlockingRuntime()
    drive(ledger.reserve(runtime, Ask("a", 100, 0, None, 60), None))
    with ledger._lock:
        thread = threading.Thread(target=ledger.settle_now, args=("a", 70))
        thread.start()
        thread.join(5)
        ledger.settle_now("a", 70)  # and in the very thread that has it

    assert not thread.is_alive()
    assert 70 == drive(ledger.read(runtime, None)).spent


def test_errors_say_what_is_needed() -> None:
    """The error is plain data: budget, amounts, and when it renews."""
    error = BudgetError("no")

    assert (None, None, None, False) == (error.budget, error.needed, error.left, error.retryable)
