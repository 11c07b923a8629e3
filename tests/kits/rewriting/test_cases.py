"""The cases of both kits score models."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from dragoman import AsyncClient
from dragoman.kits.documents import read
from dragoman.kits.evaluate import Case, cases_of, evaluate, kit_of
from dragoman.kits.findings import KitResult
from dragoman.testing import Server, calls, says
from tests.kits.rewriting.provider import MODEL


@pytest.mark.parametrize("name", ["translation", "polishing"])
def test_cases_are_good(name: str):
    """Each case has a name of its own, a document that can be read, and something that is expected."""
    cases = cases_of(name)

    assert len(cases) == len({case.name for case in cases}) >= 7
    for case in cases:
        document = read(case.given["source"], case.given.get("format", "markdown"))
        assert any(not segment.done for segment in document.segments)
        assert case.expect


def test_what_is_expected_is_judged():
    """Words that must be there, of several any, words that must not, and texts that must stay."""
    case = Case(name="x", given={"source": "a"}, expect={"has": ["one|two"], "lacks": ["three"], "same": True})

    assert 1 == len(kit_of("polishing").judge(case, KitResult(text="two")))
    assert [] == kit_of("translation").judge(case, KitResult(text="TWO"))
    assert 2 == len(kit_of("translation").judge(case, KitResult(text="three")))


def test_a_model_that_does_nothing_fails():
    """Of a model that gives texts back as they are, only what need not change passes."""

    def lazy(chat: Any) -> Any:
        segments = json.loads(chat.messages[-1].text)["segments"]
        return says(json.dumps({"segments": [{"id": one["id"], "text": one["text"]} for one in segments]}))

    async def scored() -> list[str]:
        with Server(default=calls(lazy)) as server:
            row = {"openai": {"base_url": server.base_url(), "api_key": "k"}}
            async with AsyncClient(providers=row) as client:
                score = await evaluate("polishing", MODEL, client=client)
                other = await evaluate("translation", MODEL, client=client)
        return [case.name for case in (*score.cases, *other.cases) if case.passed]

    assert ["good text stays"] == asyncio.run(scored())
