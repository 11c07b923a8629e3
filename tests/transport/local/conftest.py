"""Tiny models in this process, and both faces behind one set of verbs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import (
    AsyncClient,
    ChatResponse,
    Client,
    Event,
    local,
)
from tests.llamacpp.model import CALL, write_model


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with models; their memory is freed in the end."""
    path = tmp_path_factory.mktemp("models")
    write_model(path / "tiny.gguf")
    write_model(path / "long.gguf", context=60_000)
    write_model(path / "caller.gguf", answer=CALL)
    yield path
    local.unload()


@pytest.fixture
def tiny(folder: Path) -> str:
    return f"local/{folder}/tiny.gguf?threads=1"


@pytest.fixture
def long(folder: Path) -> str:
    """A model that can go on for half a minute."""
    return f"local/{folder}/long.gguf?threads=1&ctx=60000"


class Face:
    """One of the two clients, behind blocking verbs."""

    def __init__(self, asynchronous: bool, **options: Any) -> None:
        self.runner = asyncio.Runner() if asynchronous else None
        self.client: Any = AsyncClient(**options) if asynchronous else Client(**options)

    def chat(self, model: str, messages: Any = "why?", **settings: Any) -> ChatResponse:
        called = self.client.chat(model, messages, temperature=settings.pop("temperature", 0), **settings)
        return self.runner.run(called) if self.runner else called

    def read(self, model: str, *, most: int = 10**9, **settings: Any) -> tuple[list[Event], ChatResponse | None]:
        """The first events of a stream, and its answer if that was all."""
        opened = self.client.stream(model, "why?", temperature=0, **settings)
        if self.runner:
            return self.runner.run(_read(opened, most))
        seen: list[Event] = []
        with opened as stream:
            for event in stream:
                seen.append(event)
                if len(seen) == most:
                    return seen, None
        return seen, stream.response

    def close(self) -> None:
        if self.runner:
            self.runner.run(self.client.aclose())
            self.runner.close()
        else:
            self.client.close()


async def _read(opened: Any, most: int) -> tuple[list[Event], ChatResponse | None]:
    seen: list[Event] = []
    async with opened as stream:
        async for event in stream:
            seen.append(event)
            if len(seen) == most:
                return seen, None
    return seen, stream.response


@pytest.fixture(params=[False, True], ids=["blocking", "async"])
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    """Each face in turn."""
    made = Face(request.param)
    yield made
    made.close()
