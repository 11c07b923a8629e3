"""What a run will take, before anything is sent: tokens as `Client.count(local=True)` counts them, and their price."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from dragoman.catalog.cost import cost, is_free
from dragoman.client import AsyncClient
from dragoman.kits.rewriting.asking import request_of
from dragoman.kits.rewriting.engine import Run
from dragoman.kits.rewriting.task import Task
from dragoman.kits.rewriting.values import RewriteEstimate
from dragoman.tokens import estimate as tokens_of
from dragoman.tokens.prompt import count_prompt
from dragoman.types.usage import Usage

_LONGER: Final = 1.25  # a translation's tokens, and the JSON around them, beside those of the text


def estimated(task: Task, run: Run, client: AsyncClient) -> RewriteEstimate:
    """Estimate what is missing."""
    routes = client._routes  # pyright: ignore[reportPrivateUsage] - the kits belong to the client's own layer
    provider, model = routes.locate(task.model)
    facts = routes.facts(provider.name, model)
    read = written = 0
    for group in run.groups:
        read += count_prompt(request_of(task, group), provider.name, model).tokens
        written += round(sum(tokens_of(one.segment.text) + 8 for one in group) * _LONGER)
    price = cost(Usage(input_tokens=read, output_tokens=written), facts) if facts is not None else None
    total = Decimal(0) if is_free(provider, facts) or not run.groups else price.total if price else None
    return RewriteEstimate(
        segments=len(task.open),
        reused=run.reused,
        requests=len(run.groups),
        input_tokens=read,
        output_tokens=written,
        cost=total,
    )
