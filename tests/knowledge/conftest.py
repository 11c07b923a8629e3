"""Bases of every store and both faces, and models that answer by a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, Client
from dragoman.knowledge import AsyncKnowledgeBase, KnowledgeBase
from dragoman.testing import Server, Step, says
from tests.schemas import fresh_schema

SHOP = {
    "refunds.md": "# Refunds\n\nGoods can be sent back within **14 days** of delivery. The buyer pays the postage.\n\n"
    "# Payment\n\nWe take cards and bank transfer. Invoices are due after 30 days.\n",
    "delivery.md": "# Delivery\n\nDelivery takes 2 working days.\n\n## Islands\n\n"
    "To islands we deliver on Thursdays.\n",
    "茶.md": "# 茶叶\n\n龙井茶产于杭州。每年春天采摘,价格是每斤三百元。\n\n# 退货\n\n七天内可以无理由退货。\n",
}


@pytest.fixture(params=["sqlite", "postgres", "pgvector"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/kb.db"
    if request.param == "pgvector":
        return fresh_schema(request.getfixturevalue("pgvector_server"), "kb", "public")
    return fresh_schema(request.getfixturevalue("postgres_server"), "kb")


class Base:
    """A base of either face behind blocking verbs."""

    def __init__(self, face: str, store: str, server: Server, **arguments: Any) -> None:
        self._runner = asyncio.Runner() if face == "async" else None
        row = {"base_url": server.base_url("openai-chat"), "api_key": "any"}
        if self._runner is None:
            self.client: Any = Client(providers={"fake": row}, retry=None)
            self.base: Any = KnowledgeBase(store, client=self.client, model="fake/m", **arguments)
        else:
            self.client = self._runner.run(_made(lambda: AsyncClient(providers={"fake": row}, retry=None)))
            self.base = AsyncKnowledgeBase(store, client=self.client, model="fake/m", **arguments)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        verb = getattr(self.base, name)
        if self._runner is None:
            return verb
        return lambda *args, **kwargs: self._runner.run(verb(*args, **kwargs))

    def streamed(self, question: str, **arguments: Any) -> tuple[list[str], Any]:
        """The pieces of a streamed answer, and its stream."""
        stream = self.base.ask_stream(question, **arguments)
        if self._runner is None:
            return list(stream), stream

        async def read() -> list[str]:
            async with stream:
                return [piece async for piece in stream]

        return self._runner.run(read()), stream

    def close(self) -> None:
        if self._runner is None:
            self.base.close()
            self.client.close()
            return
        self._runner.run(self.base.aclose())
        self._runner.run(self.client.aclose())
        self._runner.close()


async def _made(make: Callable[[], Any]) -> Any:
    return make()


@pytest.fixture(params=["blocking", "async"])
def make(request: pytest.FixtureRequest, server: Server) -> Iterator[Callable[..., Base]]:
    """Makes bases of either face that ask the local server."""
    made: list[Base] = []

    def opened(store: str = "memory://", **arguments: Any) -> Base:
        made.append(Base(request.param, store, server, **arguments))
        return made[-1]

    yield opened
    for base in made:
        base.close()


def reply(answer: str, *citations: tuple[int, int, str], found: bool = True) -> Step:
    """What a model says: its text, and number, passage and quote of each citation."""
    quoted = [{"number": number, "passage": passage, "quote": quote} for number, passage, quote in citations]
    return says(json.dumps({"found": found, "answer": answer, "citations": quoted}, ensure_ascii=False))
