"""
The middleware that holds calls to budgets: reserve, let it go, settle.

It stands outside of everything that may send more than one request, so that what is reserved is the call, and what is
settled is all that came of it.

Rule: a store that cannot be asked lets nothing through.  Once there is an answer, no store can take it away again: what
cannot be settled is tried once more in the background, and else stays reserved until its time is over.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar, cast
from uuid import uuid4

import msgspec

from dragoman import background
from dragoman.errors import BudgetError, ConfigError, DragomanError, StoreError
from dragoman.policy.base import Context, Handler, Opened
from dragoman.policy.budget.book import Ask, Reading
from dragoman.policy.budget.budget import Budget
from dragoman.policy.budget.charge import charged, charged_for_failure, charged_for_requests
from dragoman.policy.budget.estimate import FREE, Estimate, Price
from dragoman.policy.budget.money import dollars, nano, shown
from dragoman.policy.watched import Watched
from dragoman.runtime import BlockingRuntime, drive
from dragoman.types.embeddings import EmbedResponse
from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

T = TypeVar("T")

_log: Final = logging.getLogger("dragoman.budget")

# Seconds that an answer waits for its settlement at most; then the background has it.
_PATIENCE: Final = 5.0
# And, when the call's own time is over, this long.
_LAST: Final = 0.1
# Seconds that a reservation outlives the call's deadline; a call without one is given a day.
_GRACE: Final = 60.0
_DAY: Final = 86_400.0
_BLOCKING: Final = BlockingRuntime()


class Budgeting:
    """
    Holds the calls of one client to its budgets.

    Args:
        budgets: All of them must have room.
        price: What a call can cost at most.
    """

    def __init__(self, budgets: Sequence[Budget], price: Price) -> None:
        self._budgets = tuple(budgets)
        self._price = price

    def wrap(self, handler: Handler) -> Handler:
        """The middleware for chat."""

        async def handle(request: ChatRequest, context: Context) -> Opened:
            estimate = self._price(request, context)
            if estimate is not None and not estimate.most:
                return await handler(request, context)
            held = await self._reserved(estimate, request.model, context)
            opened = await held.under(lambda: handler(request, context))
            if opened.response is not None:
                await held.settle(charged(opened.response, opened.response.attempts, held.estimate))
                return Watched(opened, _nothing, _no_matter, held.stamp) if held.notices else opened
            return Watched(opened, held.whole, held.broken, held.stamp if held.notices else None)

        return handle

    async def texts(
        self, once: Callable[[], Awaitable[EmbedResponse]], model: str, texts: Sequence[str], context: Context
    ) -> EmbedResponse:
        """
        Do what makes one request for vectors.

        Args:
            once: What makes it.
            model: `provider/model`.
            texts: Its texts.
            context: The call; notices are added to its own.
        """
        estimate = self._price.texts(model, texts)
        if estimate is not None and not estimate.most:
            return await once()
        held = await self._reserved(estimate, model, context)
        answer = await held.under(once)
        context.notices += held.notices
        failed = charged_for_requests(context.attempts, held.estimate)
        cost = nano(answer.cost) if answer.cost is not None else _by_usage(answer, held.estimate)
        await held.settle(failed + cost)
        return answer

    def most(self, request: ChatRequest, context: Context) -> Estimate | None:
        """What a call can cost at the most; None where its price is not known."""
        return self._price(request, context)

    async def hold(self, estimate: Estimate | None, model: str, context: Context) -> Hold:
        """
        Reserve for many calls at once, which whoever asks settles.

        Args:
            estimate: Of all together; None where a price is not known.
            model: `provider/model`, for the errors.
            context: Of the asking.

        Raises:
            BudgetError: It does not fit, or its price is not known.
            StoreError: A store cannot be asked.
        """
        return await self._reserved(estimate, model, context)

    async def _reserved(self, estimate: Estimate | None, model: str, context: Context) -> _Held:
        """
        Reserve in every budget.

        Raises:
            BudgetError: It does not fit, or its price is not known.
            StoreError: A store cannot be asked.
        """
        held = _Held(estimate or FREE, context)
        try:
            for budget in self._budgets:
                if estimate is None:
                    _check_known(budget, model)
                    held.note(f"the price of {model} is not known: the budget {budget.name!r} does not count it")
                await held.reserve(budget, model)
        except BaseException:
            held.drop()
            raise
        return held


class Hold(Protocol):
    """What is reserved."""

    async def settle(self, cost: int) -> None:
        """Book what it cost, in nano-dollars."""
        ...

    def drop(self) -> None:
        """It was never sent: give everything back."""
        ...


class _Held:
    """
    What one call has reserved.

    Attributes:
        estimate: Of the call.
        id: Its own in every book; not the idempotency key, which a caller may use twice.
        notices: What its caller should know.
    """

    __slots__ = ("_budgets", "_context", "estimate", "id", "notices")

    def __init__(self, estimate: Estimate, context: Context) -> None:
        self.estimate = estimate
        self.id = uuid4().hex
        self.notices: tuple[Notice, ...] = ()
        self._context = context
        self._budgets: list[Budget] = []

    def note(self, text: str) -> None:
        """Have something said with the answer."""
        self.notices += (Notice("budget", text, adapted=False),)

    async def reserve(self, budget: Budget, model: str) -> None:
        """
        Reserve in one budget.

        Raises:
            BudgetError: There is no room.
            StoreError: The store cannot be asked.
        """
        context, ledger = self._context, budget.ledger
        now = context.runtime.now()
        limit = budget.most
        ask = Ask(self.id, self.estimate.most, self.estimate.least, limit, self._ttl(budget, now))
        until = context.clocks.until("connect", now)
        self._budgets.append(budget)  # what may be reserved is given back as well
        try:
            reading = await ledger.reserve(context.runtime, ask, until)
        except StoreError as error:
            if not error.outcome_unknown:
                self._budgets.pop()
            raise
        if context.signal is not None:
            left = max(0, limit - reading.spent - reading.reserved)
            context.signal("budget_remaining_usd", float(dollars(left)), budget=budget.name)
        if reading.granted:
            return
        if budget.on_exceed == "refuse":
            self._budgets.pop()
            raise _too_much(budget, reading, self.estimate, model)
        await ledger.reserve(context.runtime, msgspec.structs.replace(ask, limit=None), until)
        over = reading.spent + reading.reserved + ask.most - limit
        self.note(f"the budget {budget} is exceeded by up to {shown(over)}")
        _log.warning("the budget %s is exceeded by up to %s", budget, shown(over))

    def _ttl(self, budget: Budget, now: float) -> float:
        if budget.ledger.instant:
            return float("inf")  # it lives and dies with this process
        until = self._context.clocks.total_until
        return _DAY if until is None else max(0.0, until - now) + _GRACE

    async def under(self, once: Callable[[], Awaitable[T]]) -> T:
        """Do what it was reserved for; what fails settles here."""
        try:
            return await once()
        except DragomanError as error:
            await self.settle(charged_for_failure(error, self.estimate))
            raise
        except BaseException:
            self.settle_later(charged_for_requests(self._context.attempts, self.estimate))
            raise

    # --- the end ---

    async def settle(self, cost: int) -> None:
        """Book what it cost, in every budget, before anything else happens."""
        context = self._context
        for at, budget in enumerate(self._budgets):
            if budget.ledger.instant:
                budget.ledger.settle_now(self.id, cost)
                continue
            try:
                await budget.ledger.settle(context.runtime, self.id, cost, self._patience())
            except StoreError as error:
                _log.warning("the budget %s could not be settled, and is tried again: %s", budget, error)
                _later(budget, self.id, cost)
            except BaseException:
                for rest in self._budgets[at:]:
                    _later(rest, self.id, cost)
                raise

    def settle_later(self, cost: int | None) -> None:
        """Book what it cost without waiting, from any thread; None if it was never sent."""
        for budget in self._budgets:
            _later(budget, self.id, cost)

    def drop(self) -> None:
        """It was never sent: give everything back, also what may still be on its way to a store."""
        self.settle_later(None)

    async def whole(self, opened: Opened) -> None:
        """A stream is whole."""
        response = opened.folded()
        await self.settle(charged(response, response.attempts, self.estimate))

    def broken(self, opened: Opened, error: DragomanError | None) -> None:
        """A stream failed, or its reader left it."""
        if error is not None:
            self.settle_later(charged_for_failure(error, self.estimate))
            return
        response = opened.folded()
        self.settle_later(charged(response, response.attempts, self.estimate))

    def stamp(self, response: ChatResponse) -> ChatResponse:
        """The answer with what its caller should know."""
        return msgspec.structs.replace(response, notices=(*response.notices, *self.notices))

    def _patience(self) -> float:
        now, until = self._context.runtime.now(), self._context.clocks.total_until
        return now + _PATIENCE if until is None else min(now + _PATIENCE, max(until, now + _LAST))


def _later(budget: Budget, id: str, cost: int | None) -> None:
    """Settle without waiting: at once where that is possible, else in the background."""
    if budget.ledger.instant:
        budget.ledger.settle_now(id, cost)
    else:
        background.submit(partial(_settle, budget, id, cost))


def _settle(budget: Budget, id: str, cost: int | None) -> None:
    try:
        drive(budget.ledger.settle(_BLOCKING, id, cost, _BLOCKING.now() + _PATIENCE))
    except StoreError as error:
        _log.warning("the budget %s could not be settled; it stays reserved until its time is over: %s", budget, error)


def _by_usage(answer: EmbedResponse, estimate: Estimate) -> int:
    told = answer.usage.input_tokens
    return (estimate.prompt if told is None else told) * estimate.input


async def _nothing(opened: Opened) -> None:
    """A plain answer has settled."""


def _no_matter(opened: Opened, error: DragomanError | None) -> None:
    """A plain answer has settled."""


# --- refusals ---------------------------------------------------------------------------------------------------------


def _check_known(budget: Budget, model: str) -> None:
    if budget.unknown == "refuse":
        raise BudgetError(
            f"the price of {model} is not known, so the budget {budget} cannot hold it; nothing was sent.  Give its "
            f"prices by Client(models={{{model!r}: {{'prices': [{{'input': '1', 'output': '4'}}]}}}}) (US dollars per "
            "million tokens), or let such calls pass by Budget(unknown='allow')",
            field="models",
        )


def _too_much(budget: Budget, reading: Reading, estimate: Estimate, model: str) -> BudgetError:
    free = max(0, budget.most - reading.spent - reading.reserved)
    ever = estimate.most <= budget.most
    renews = reading.renews_in if ever else None
    told = [f"the call may cost {shown(estimate.most)} and the budget {budget} has {shown(free)} left"]
    told.append(f"({shown(reading.spent)} spent, {shown(reading.reserved)} reserved by calls under way)")
    error = BudgetError(
        " ".join(told) + f"; nothing was sent{_renewal(renews)}{_advice(estimate, ever)}", retry_after=renews
    )
    error.budget, error.needed, error.left = budget.name, dollars(estimate.most), dollars(free)
    error.provider, _, error.model = cast("tuple[str | None, str, str | None]", model.partition("/"))
    return error


def _renewal(seconds: float | None) -> str:
    if seconds is None:
        return ""
    hours, rest = divmod(int(seconds) + 1, 3_600)
    return f"; it renews in {hours} h {rest // 60} min" if hours else f"; it renews in {int(seconds) + 1} s"


def _advice(estimate: Estimate, ever: bool) -> str:
    if not estimate.capped:
        return f".  Set max_tokens: without it, {estimate.tokens:,} tokens of output are reserved"
    return "" if ever else ".  It is more than the whole budget: give a smaller max_tokens, or a larger budget"


# --- what a client is given -------------------------------------------------------------------------------------------


def hold_to(budgets: object, price: Price) -> Budgeting:
    """
    Make what holds the calls of a client to what it was given as `budget`.

    Args:
        budgets: A `Budget`, or several.
        price: What a call can cost at most.

    Raises:
        ConfigError: Something else was given.
    """
    many = isinstance(budgets, Sequence) and not isinstance(budgets, str)
    given = tuple(cast("Sequence[object]", budgets)) if many else (cast("object", budgets),)
    for one in given:
        if not isinstance(one, Budget):
            raise ConfigError(f"budget is {one!r}: give dragoman.Budget(usd=...), or several", field="budget")
    return Budgeting(cast("tuple[Budget, ...]", given), price)
