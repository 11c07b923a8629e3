"""What a batch is made of, as values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from dragoman.types.attempts import Attempt
from dragoman.types.embeddings import EmbedResponse, Vector
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
    One row of a batch and what became of it: it has a response, an embedding, or an error.

    Attributes:
        id: The row's own id, or `row-N`.
        number: Place in the input, from 0.
        response: The answer.
        error: Why there is none.
        usage: Tokens; of a row that failed, what is known of them.
        cost: US dollars, or None if a price is not known.
        attempts: Ledger of all requests made for it.
        latency_ms: From the first sending to the end, waits included, in milliseconds.
        embedding: The vectors, where they were asked for; there is no `response` then.
        reused: Id of the row whose answer it is, where rows that ask the same are paid once and this was not the one.
    """

    id: str
    number: int
    response: ChatResponse | None = None
    error: BatchFailure | None = None
    usage: Usage = Usage()
    cost: Decimal | None = None
    attempts: tuple[Attempt, ...] = ()
    latency_ms: float = 0.0
    embedding: EmbedResponse | None = None
    reused: str | None = None

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """The vectors of the row's texts; none for a row that failed or asked for something else."""
        return self.embedding.vectors if self.embedding else ()

    @property
    def text(self) -> str | None:
        """The answer's text; None for a row that failed."""
        return self.response.text if self.response else None

    @property
    def output(self) -> Any:
        """The typed value, where one was asked; None for a row that failed."""
        return self.response.output if self.response else None


class BatchPoint(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a run stood at one time.

    Attributes:
        seconds: Since it began.
        rows: That it had settled.
        failed: With an error, those of earlier runs included.
        tokens: Of its answers, in and out.
        cost: US dollars, those of earlier runs included.
    """

    seconds: float
    rows: int
    failed: int
    tokens: int
    cost: Decimal


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
        cached_tokens: Those of them that came from the provider's prompt cache.
        output_tokens: Of all answers.
        cost: US dollars of all answers whose price is known, those of earlier runs included.
        cost_parts: The same by part, as `Cost` names them (`input`, `cache_read`, `output`...).
        projected: US dollars of all rows once they are settled, by what those so far have cost; None if not known.
        unpriced: Answers whose price is not known.
        errors: Failed rows by class of error.
        requests: Requests that this run sent.
        attempts: Requests that all rows took, those of earlier runs included.
        refused: Those of them that were refused with status 429.
        latency_ms: `p50`, `p90` and `p99` of answered rows, right to a twentieth; waits for a turn included.
        latencies: Lower ends of equal parts of a logarithmic scale, in milliseconds, and how many answers lie in each.
        seconds: That this run took so far.
        rows_per_second: Rows that it settled each second, of late; in the end, over all its time.
        tokens_per_minute: In and out, likewise.
        tokens_limit: Tokens a minute that the provider allows, while it runs and if that is known.
        eta_seconds: Until all rows are settled; None if not known.
        waiting: For whom it waits, in words, while a provider is down or has batches; else None.
        notes: Which rows of this run were asked how, and why, where that was not live for all.
        stopped: Why it ended before all rows were settled, in words; None if it did not.
        timeline: How it stood over time; at most 256 points.
    """

    rows: int | None = None
    done: int = 0
    failed: int = 0
    reused: int = 0
    again: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    cost_parts: dict[str, Decimal] = {}
    projected: Decimal | None = None
    unpriced: int = 0
    errors: dict[str, int] = {}
    requests: int = 0
    attempts: int = 0
    refused: int = 0
    latency_ms: dict[str, float] = {}
    latencies: dict[float, int] = {}
    seconds: float = 0.0
    rows_per_second: float = 0.0
    tokens_per_minute: float = 0.0
    tokens_limit: float | None = None
    eta_seconds: float | None = None
    waiting: str | None = None
    notes: tuple[str, ...] = ()
    stopped: str | None = None
    timeline: tuple[BatchPoint, ...] = ()

    @property
    def left(self) -> int | None:
        """Rows that are not settled; None while they are not counted."""
        return None if self.rows is None else self.rows - self.done - self.failed

    def __str__(self) -> str:
        of = "" if self.rows is None else f" of {self.rows:,}"
        text = f"{self.done:,}{of} rows done, {self.failed:,} failed, ${self.cost:.4f}"
        text += f" and {self.unpriced:,} of unknown price" if self.unpriced else ""
        text += "".join(f"; {count:,} {kind}" for kind, count in sorted(self.errors.items()))
        text += "".join(f"; {note}" for note in self.notes)
        return text + (f"; stopped: {self.stopped}" if self.stopped else "")

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from dragoman.types.shown import report_html  # who has no notebook need not load this

        return report_html(self)


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
        modes: The same two by mode: `live`, and `provider` where a row's provider has a batch API.  `cost_low` and
            `cost_high` are those of the mode that was said.
    """

    rows: int
    input_tokens: int
    output_tokens: int | None
    cost_low: Decimal | None
    cost_high: Decimal | None
    sampled: int
    modes: dict[str, tuple[Decimal | None, Decimal | None]] = {}

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from dragoman.types.shown import estimate_html  # who has no notebook need not load this

        return estimate_html(self)
