"""What a batch is made of, as values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from dragoman.types.attempts import Attempt
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage


class BatchFailure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Why a row has no answer.

    Attributes:
        kind: Name of the error's class.
        message: What it said.
        code: The provider's own code, or the name of the class.
        status: HTTP status, or None.
        field: For bad input, which field is wrong.
    """

    kind: str
    message: str
    code: str | None = None
    status: int | None = None
    field: str | None = None


class BatchRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    One row of a batch and what became of it: it has either a response or an error.

    Attributes:
        id: The row's own id, or `row-N`.
        number: Place in the input, from 0.
        response: The answer.
        error: Why there is none.
        usage: Tokens; of a row that failed, what is known of them.
        cost: US dollars, or None if a price is not known.
        attempts: Ledger of all requests made for it.
        latency_ms: From the first sending to the end, waits included, in milliseconds.
    """

    id: str
    number: int
    response: ChatResponse | None = None
    error: BatchFailure | None = None
    usage: Usage = Usage()
    cost: Decimal | None = None
    attempts: tuple[Attempt, ...] = ()
    latency_ms: float = 0.0

    @property
    def text(self) -> str | None:
        """The answer's text; None for a row that failed."""
        return self.response.text if self.response else None

    @property
    def output(self) -> Any:
        """The typed value, where one was asked; None for a row that failed."""
        return self.response.output if self.response else None


class BatchReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """
    How a batch stands.

    Attributes:
        rows: In the input; None while they are not counted (an iterator that still gives some).
        done: Rows with an answer, those of earlier runs included.
        failed: Rows with an error, likewise.
        reused: Rows of `done` and `failed` that an earlier run had settled; nothing was sent for them now.
        again: Rows that an earlier run had sent and whose answer was lost when it was killed; they may be paid twice.
        input_tokens: Of all answers.
        output_tokens: Likewise.
        cost: US dollars of all answers whose price is known, those of earlier runs included.
        unpriced: Answers whose price is not known.
        errors: Failed rows by class of error.
        requests: Requests that this run sent.
        seconds: That this run took.
        stopped: Why it ended before all rows were settled, in words; None if it did not.
    """

    rows: int | None = None
    done: int = 0
    failed: int = 0
    reused: int = 0
    again: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    errors: dict[str, int] = {}
    requests: int = 0
    seconds: float = 0.0
    stopped: str | None = None

    @property
    def left(self) -> int | None:
        """Rows that are not settled; None while they are not counted."""
        return None if self.rows is None else self.rows - self.done - self.failed

    def __str__(self) -> str:
        of = "" if self.rows is None else f" of {self.rows:,}"
        text = f"{self.done:,}{of} rows done, {self.failed:,} failed, ${self.cost:.4f}"
        text += f" and {self.unpriced:,} of unknown price" if self.unpriced else ""
        text += "".join(f"; {count:,} {kind}" for kind, count in sorted(self.errors.items()))
        return text + (f"; stopped: {self.stopped}" if self.stopped else "")


class BatchEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a batch will take, before anything is sent.

    Attributes:
        rows: That are not settled yet.
        input_tokens: Of their prompts, estimated.
        output_tokens: That they will give at most: their `max_tokens`, or the model's own; None if neither is known.
        cost_low: US dollars of the prompts alone; None if a price is not known.
        cost_high: US dollars if each answer is as long as it may be; None if that is not known.
        sampled: Rows that were looked at; the rest is taken to be like them.
    """

    rows: int
    input_tokens: int
    output_tokens: int | None
    cost_low: Decimal | None
    cost_high: Decimal | None
    sampled: int
