"""
From the results of a batch to outcomes of rows.

    an answer                   its price at the discount, its typed value; kept
    an error of the row         kept, as a failure
    an error that may pass      the row goes again, up to three times
    expired, or not there       likewise

Rule: a row has one outcome.  Results that came before, and those of rows that nobody asked for, are passed over.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.batch.journal import Kind
from dragoman.batch.keeping import Keeping
from dragoman.batch.lines import answered, failed
from dragoman.batch.rows import Row
from dragoman.batch.service.base import Result
from dragoman.batch.service.logbook import Entry
from dragoman.batch.service.spool import LIVE, Held, Spool
from dragoman.batch.source import Given
from dragoman.catalog.cost import cost, is_free
from dragoman.errors import BadRequestError, DragomanError, ServerError
from dragoman.types.attempts import Attempt
from dragoman.types.cost import FREE, Cost
from dragoman.types.messages import Message
from dragoman.types.models import Model
from dragoman.types.requests import ChatRequest, OutputFormat
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage

if TYPE_CHECKING:
    from dragoman.routes import Routes

TRIES: Final = 3
"""Batches that a row goes into at most."""

_BATCH: Final = "batch"  # the tier that price lists have for it


class Collecting:
    """
    Takes the results of one batch.

    Args:
        spool: Rows that are not settled.
        keeping: Where outcomes go.
        routes: The client's.
        entry: The batch.
        discount: Part of the usual price, where the price list has no tier of its own for batches.
        forms: Types of outputs, by number.
        live: Whether rows that batches do not settle are asked live.
        now: Seconds since 1970.

    Attributes:
        cost: US dollars of what was taken, as far as prices are known.
    """

    def __init__(
        self,
        spool: Spool,
        keeping: Keeping,
        routes: Routes,
        entry: Entry,
        *,
        discount: float,
        forms: list[OutputFormat],
        live: bool,
        now: float,
    ) -> None:
        self.cost = Decimal(0)
        self._spool = spool
        self._keeping = keeping
        self._routes = routes
        self._entry = entry
        self._discount = discount
        self._forms = forms
        self._live = live
        self._seconds = max(0.0, now - entry.intent.at)

    def take(self, result: Result) -> None:
        """
        Take one result.

        Raises:
            BatchError: It cannot be kept.
        """
        held = _found(self._spool, result.key, self._entry.intent.tag)
        if held is None:
            return
        if result.response is not None:
            self._answered(held, result.response)
        elif result.error is not None and not result.error.retryable:
            self._failed(held, result.error)
        else:
            self._again(held, result.error)

    def rest(self, error: DragomanError | None = None) -> None:
        """All other rows of the batch: they go again, or fail by `error`."""
        for key in self._spool.away(self._entry.intent.tag):
            held = self._spool.row(key, self._entry.intent.tag)
            if held is None:
                continue
            if error is None:
                self._again(held, None)
            elif self._live:
                self._spool.release(key, tried=True, lot=LIVE)
            else:
                self._failed(held, error)

    def fault(self, line: int, message: str) -> bool:
        """The row on that line made the batch fail as a whole; whether there is one."""
        held = self._spool.at(self._entry.intent.tag, line)
        if held is not None:
            self._failed(held, self.refusal(message))
        return held is not None

    def free(self) -> None:
        """All other rows of the batch go again, as if they had not been in it."""
        self._spool.release_all(self._entry.intent.tag)

    def refusal(self, message: str) -> DragomanError:
        """The error of rows whose batch was refused."""
        return BadRequestError(message, provider=self._entry.intent.provider, model=self._entry.intent.model)

    # --- one row ------------------------------------------------------------------------------------------------------

    def _answered(self, held: Held, response: ChatResponse) -> None:
        response = self._stamped(held, response)
        self.cost += response.cost or 0
        if held.form is not None:
            try:
                response = _typed(self._forms[held.form], response)
            except DragomanError as error:
                self._settle(Kind.FAILED, held, failed(_row(held), error, seconds=self._seconds))
                return
        shared = self._keeping.twins is not None
        spoken = self._entry.intent.wire
        line = answered(_row(held), response, seconds=self._seconds, spoken=spoken, shared=shared)
        self._settle(Kind.DONE, held, line)

    def _failed(self, held: Held, error: DragomanError) -> None:
        intent = self._entry.intent
        error.provider, error.model = error.provider or intent.provider, error.model or intent.model
        error.attempts = (self._attempt(type(error).__name__, error),)
        self._settle(Kind.FAILED, held, failed(_row(held), error, seconds=self._seconds))

    def _again(self, held: Held, error: DragomanError | None) -> None:
        if held.tries + 1 < TRIES:
            self._spool.release(held.key, tried=True)
        elif self._live:
            self._spool.release(held.key, tried=True, lot=LIVE)
        else:
            name = self._entry.intent.provider
            self._failed(held, error or ServerError(f"{name} did not come to it in {TRIES} batches", provider=name))

    def _settle(self, kind: Kind, held: Held, line: bytes) -> None:
        self._keeping.keep(kind, _row(held), line)
        self._spool.settle(held.key)

    def _attempt(self, outcome: str, error: DragomanError | None = None) -> Attempt:
        intent, sent = self._entry.intent, self._entry.sent
        return Attempt(
            provider=intent.provider,
            model=intent.model,
            outcome=outcome,
            status=200 if error is None else error.status,
            code=None if error is None else error.code,
            request_id=sent.id if sent else None,
            seconds=self._seconds,
        )

    def _stamped(self, held: Held, response: ChatResponse) -> ChatResponse:
        """The answer with what only this side knows, as a call would give it."""
        provider, model = self._routes.locate(held.model)
        bill = self._bill(held, response)
        origin = f"{provider.name}/{model}"
        return msgspec.structs.replace(
            response,
            message=msgspec.structs.replace(response.message, origin=origin),
            model=response.model or model,
            provider=provider.name,
            cost=bill.total if bill else None,
            cost_parts=bill,
            attempts=(self._attempt("ok"),),
        )

    def _bill(self, held: Held, response: ChatResponse) -> Cost | None:
        provider, model = self._routes.locate(held.model)
        facts = self._routes.facts(provider.name, model)
        if is_free(provider, facts):
            return FREE
        if facts is None:
            return None
        return charged(response.usage, facts, self._discount)


def charged(usage: Usage, facts: Model, part: float) -> Cost | None:
    """
    What is charged at a batch API; None if it is not known.

    Args:
        usage: Tokens.
        facts: Of the model.
        part: Of the usual price, where the price list has no tier of its own for batches.
    """
    listed = cost(usage, facts, _BATCH)
    usual = cost(usage, facts) if listed is None else None
    if usual is None:
        return listed
    return Cost(**{name: getattr(usual, name) * Decimal(str(part)) for name in Cost.__struct_fields__})


def _found(spool: Spool, key: str, tag: str) -> Held | None:
    try:
        return spool.row(bytes.fromhex(key), tag)
    except ValueError:
        return None


def _row(held: Held) -> Row:
    given = Given(held.number, held.place, None, held.given)
    asked = ChatRequest(held.model, (Message.user(held.id),))  # who it was is all that is of interest here
    return Row(held.number, held.id, held.key, held.dialect, asked, given, held.same)


def _typed(form: OutputFormat, response: ChatResponse) -> ChatResponse:
    """
    The answer with its value.

    Raises:
        SchemaError: It is not what was asked for.
    """
    from dragoman.structured.parsing import conclude, schema_error  # who asks for text need not load this
    from dragoman.structured.reading import Misfit, Reading

    try:
        return conclude(Reading(form), form, [response])
    except Misfit as misfit:
        raise schema_error(form, [response], misfit) from None
