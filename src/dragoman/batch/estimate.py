"""
What a batch will take, before anything is sent.

Up to a thousand rows, evenly spread, are counted as `Client.count(local=True)` counts; the rest is taken to be like
them.

Rule: nothing is asked of anybody.  What is not known is None, never zero.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar

from dragoman.batch.vectors import VectorRequest
from dragoman.catalog.cost import cost, is_free
from dragoman.errors import ConfigError
from dragoman.tokens import estimate
from dragoman.tokens.prompt import count_prompt
from dragoman.types.batches import BatchEstimate
from dragoman.types.cost import Cost
from dragoman.types.models import Model
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.usage import Usage
from dragoman.verbs.embed import price

if TYPE_CHECKING:
    from dragoman.batch.job import Job
    from dragoman.routes import Routes

SAMPLE: Final = 1000
_Range = tuple[Cost | None, Cost | None]
N = TypeVar("N", int, Decimal)


class _Sums:
    """Of the rows that were looked at."""

    def __init__(self) -> None:
        self.seen = self.open = self.input = 0
        self.output: int | None = 0
        self.low: Decimal | None = Decimal(0)
        self.high: Decimal | None = Decimal(0)
        self.low_there: Decimal | None = Decimal(0)
        self.high_there: Decimal | None = Decimal(0)
        self.there = 0

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
        self._charge(low, high, *self._at_batches(provider, facts, read, most, (low, high)))

    def _at_batches(
        self,
        provider: Provider,
        facts: Model | None,
        read: int,
        most: int | None,
        live: tuple[Cost | None, Cost | None],
    ) -> tuple[Cost | None, Cost | None]:
        """The least and the most at the provider's batch API; where it has none, the live price."""
        if provider.batches is None:
            return live
        from dragoman.batch.service import service_of  # who asks live need not load this
        from dragoman.batch.service.collecting import charged

        self.there += 1
        part = service_of(provider.batches).discount
        if facts is None:
            return None, None
        low = charged(Usage(input_tokens=read, output_tokens=0), facts, part)
        return low, charged(Usage(input_tokens=read, output_tokens=most), facts, part) if most else None

    def _charge(self, low: Cost | None, high: Cost | None, low_there: Cost | None, high_there: Cost | None) -> None:
        self.low = _sum(self.low, low.total if low else None)
        self.high = _sum(self.high, high.total if high else None)
        self.low_there = _sum(self.low_there, low_there.total if low_there else None)
        self.high_there = _sum(self.high_there, high_there.total if high_there else None)

    def embed(self, request: VectorRequest, routes: Routes) -> None:
        route = routes.resolve(request.model)
        read = sum(map(estimate, request.inputs))
        self.input += read
        bill = price(Usage(input_tokens=read), route)
        self.low, self.high = _sum(self.low, bill), _sum(self.high, bill)
        self.low_there, self.high_there = _sum(self.low_there, bill), _sum(self.high_there, bill)


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
        elif isinstance(row.request, VectorRequest):
            sums.embed(row.request, routes)
    scale = Decimal(rows) / sums.seen if sums.seen else Decimal(0)
    modes = {"live": (_scaled(sums.low, scale), _scaled(sums.high, scale))}
    if sums.there:
        modes["provider"] = (_scaled(sums.low_there, scale), _scaled(sums.high_there, scale))
    low, high = modes["live" if job.mode == "live" or not sums.there else "provider"]
    return BatchEstimate(
        rows=round(sums.open * scale),
        input_tokens=round(sums.input * scale),
        output_tokens=None if sums.output is None else round(sums.output * scale),
        cost_low=low,
        cost_high=high,
        modes=modes,
        sampled=sums.seen,
    )


def _scaled(sum_: Decimal | None, scale: Decimal) -> Decimal | None:
    return None if sum_ is None else sum_ * scale


def _sum(first: N | None, second: N | None) -> N | None:
    return None if first is None or second is None else first + second
