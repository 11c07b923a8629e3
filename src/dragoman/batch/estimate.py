"""
What a batch will take, before anything is sent.

Up to a thousand rows, evenly spread, are counted as `Client.count(local=True)` counts; the rest is taken to be like
them.

Rule: nothing is asked of anybody.  What is not known is None, never zero.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar

from dragoman.catalog.cost import cost, is_free
from dragoman.errors import ConfigError
from dragoman.tokens.prompt import count_prompt
from dragoman.types.batches import BatchEstimate
from dragoman.types.requests import ChatRequest
from dragoman.types.usage import Usage

if TYPE_CHECKING:
    from dragoman.batch.job import Job
    from dragoman.routes import Routes

SAMPLE: Final = 1000
N = TypeVar("N", int, Decimal)


class _Sums:
    """Of the rows that were looked at."""

    def __init__(self) -> None:
        self.seen = self.open = self.input = 0
        self.output: int | None = 0
        self.low: Decimal | None = Decimal(0)
        self.high: Decimal | None = Decimal(0)

    def add(self, request: ChatRequest, routes: Routes) -> None:
        provider, model = routes.locate(request.model)
        facts = routes.facts(provider.name, model)
        read = count_prompt(request, provider.name, model).tokens
        most = request.max_tokens or (facts.max_output if facts else None)
        self.input += read
        self.output = _sum(self.output, most)
        if is_free(provider, facts):
            return
        tier = request.service_tier or ""
        low = cost(Usage(input_tokens=read, output_tokens=0), facts, tier) if facts else None
        high = cost(Usage(input_tokens=read, output_tokens=most), facts, tier) if facts and most else None
        self.low = _sum(self.low, low.total if low else None)
        self.high = _sum(self.high, high.total if high else None)


def estimated(job: Job, routes: Routes) -> BatchEstimate:
    """
    Estimate what is still to be done.

    Raises:
        ConfigError: The input can be read only once.
    """
    rows = job.tally.rows
    if not job.rereadable or rows is None:
        raise ConfigError("an estimate needs a source that can be read twice: a file, or a list", field="source")
    sums = _Sums()
    for row in job.spread(max(1, -(-rows // SAMPLE))):
        sums.seen += 1
        if row is None:
            continue
        sums.open += 1
        if isinstance(row.request, ChatRequest):
            sums.add(row.request, routes)
    scale = Decimal(rows) / sums.seen if sums.seen else Decimal(0)
    return BatchEstimate(
        rows=round(sums.open * scale),
        input_tokens=round(sums.input * scale),
        output_tokens=None if sums.output is None else round(sums.output * scale),
        cost_low=None if sums.low is None else sums.low * scale,
        cost_high=None if sums.high is None else sums.high * scale,
        sampled=sums.seen,
    )


def _sum(first: N | None, second: N | None) -> N | None:
    return None if first is None or second is None else first + second
