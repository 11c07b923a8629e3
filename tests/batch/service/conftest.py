"""What the tests of providers' batches share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dragoman import BatchReport, Client
from dragoman.testing.batches import BatchServer
from tests.batch.rows import line, write
from tests.batch.service.work import providers


class Bench:
    """One batch, on one server."""

    def __init__(self, server: BatchServer, api: str, folder: Path) -> None:
        self.server, self.api, self.folder = server, api, folder
        self.sink = folder / "out.jsonl"

    def rows(self, count: int, **body: Any) -> Path:
        """Write the input."""
        model = f"{self.api}/m"
        return write(self.folder / "in.jsonl", (line(number, model=model, **body) for number in range(count)))

    def client(self, *, row: dict[str, Any] | None = None, **more: Any) -> Client:
        """A client of the server."""
        return Client(providers=providers(self.api, self.server.url, **(row or {})), **more)

    def run(self, count: int = 7, *, row: dict[str, Any] | None = None, **keywords: Any) -> BatchReport:
        """Run it to its end."""
        with self.client(row=row) as client:
            said = {"mode": "provider", "poll": 0.02, **keywords}
            return client.batch(self.rows(count), self.sink, **said).report


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes a server, and what runs a batch there."""
    with ExitStack() as stack:

        def make(api: Any, *courses: Any, name: str = "openai", **more: Any) -> Bench:
            server = stack.enter_context(BatchServer(api, *courses, **more))
            return Bench(server, name, tmp_path)

        yield make
