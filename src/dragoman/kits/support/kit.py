"""The cases of the support kit: scenarios with passages, and what must become of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from dragoman.client import AsyncClient
from dragoman.errors import ConfigError
from dragoman.kits.evaluate import Case
from dragoman.kits.findings import Finding, KitResult
from dragoman.kits.support.checks import Source
from dragoman.kits.support.faces import AsyncSupport
from dragoman.kits.support.scenarios import Expected, Scenario, Simulation, judged

NAME: Final = "support"
SUMMARY: Final = "answer customers: grounded, masked, checked, handed over to a person where one is needed"


class Played(KitResult, frozen=True, kw_only=True):
    """A scenario that was played; `.text` is the talk."""

    simulation: Simulation


class Fixed:
    """
    Passages of a case: a search that gives those with most words of the question.

    Args:
        passages: Their words, or their words by their names.
    """

    def __init__(self, passages: Sequence[str] | dict[str, str]) -> None:
        named = passages if isinstance(passages, dict) else {f"passage {at}": one for at, one in enumerate(passages, 1)}
        self._passages = [Source(name, text) for name, text in named.items()]

    def search(self, query: str, k: int, /) -> list[Source]:
        """The best `k`."""
        words = {word.strip(".,!?").casefold() for word in query.split()}
        return sorted(self._passages, key=lambda one: -sum(word in one.text.casefold() for word in words))[:k]


async def run(case: Case, model: str, client: AsyncClient) -> Played:
    """Play a case."""
    given: dict[str, Any] = dict(case.given)
    passages = given.pop("passages", [])
    desk = AsyncSupport(model=model, knowledge=Fixed(passages), client=client)
    played = await desk.simulate({"name": case.name, **given})
    replies = [one.reply for one in played.exchanges]
    return Played(
        text=str(played),
        findings=tuple(finding for reply in replies for finding in reply.findings),
        model=model,
        cost=played.cost,
        requests=sum(reply.requests for reply in replies),
        simulation=played,
    )


def judge(case: Case, result: KitResult) -> list[Finding]:
    """What is not as expected."""
    if not isinstance(result, Played):
        raise ConfigError(f"result is {type(result).__name__}: give what run() gave", field="result")
    replies = [one.reply for one in result.simulation.exchanges]
    found = judged(msgspec.convert(case.expect, Expected), replies)
    return [finding for finding in found if finding.check == "expect"]


__all__ = ["NAME", "SUMMARY", "Fixed", "Played", "Scenario", "judge", "run"]
