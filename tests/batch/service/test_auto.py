"""Batches that go to a provider where it is worth it, and live where it is not."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, Client, ManifestError
from dragoman.batch.journal import read_records
from dragoman.errors import BadRequestError
from dragoman.testing.batches import BatchServer, Course
from dragoman.testing.batches.base import Asked, echoed
from dragoman.testing.batches.openai import OpenAI
from dragoman.testing.batches.server import Seen
from tests.batch.rows import expected, line, texts, write

COUNT = 60
SLOW = Course(looks=10**6)


class Both:
    """A provider that answers calls and batches."""

    def __init__(self, server: BatchServer) -> None:
        self.batches = server

    @property
    def calls(self) -> int:
        """Rows that were asked live."""
        return len(self.batches.house.lived)

    def client(self, **more: Any) -> Client:
        """A client of it, and of another provider that has no batches."""
        row = {"base_url": self.batches.url + "/v1", "api_key": "k"}
        return Client(providers={"openai": {**row, "batch_options": {"max_rows": 40}}, "other": row}, **more)


@pytest.fixture
def both() -> Iterator[Callable[..., Both]]:
    """Makes one."""
    with ExitStack() as stack:
        yield lambda *courses, **more: Both(stack.enter_context(BatchServer(OpenAI, *courses, **more)))


def _rows(folder: Path, count: int = COUNT, model: str = "openai/m") -> Path:
    return write(folder / "in.jsonl", (line(number, model=model) for number in range(count)))


def _run(at: Both, folder: Path, count: int = COUNT, **keywords: Any) -> Any:
    with at.client() as client:
        said = {"mode": "auto", "poll": 0.02, **keywords}
        return client.batch(_rows(folder, count), folder / "out.jsonl", **said).report


def test_many_rows_go_to_the_provider(both: Callable[..., Both], tmp_path: Path) -> None:
    """Without a deadline, where the provider has batches and there are enough rows; the report says so."""
    at = both()
    report = _run(at, tmp_path)
    assert (0, 2) == (at.calls, len(at.batches.batches))
    assert ("60 rows to openai's batches",) == report.notes
    assert "60 rows to openai's batches" in str(report)


def test_few_rows_are_asked_live(both: Callable[..., Both], tmp_path: Path) -> None:
    """Half of nearly nothing is not worth the wait, unless a deadline says that there is time."""
    at = both()
    report = _run(at, tmp_path, 10)
    assert (10, 0) == (at.calls, len(at.batches.batches))
    assert ("10 rows live: fewer than 50 for openai/m, and no deadline",) == report.notes

    folder = tmp_path / "again"
    folder.mkdir()
    _run(at, folder, 10, deadline="1h")
    assert (10, 1) == (at.calls, len(at.batches.batches))


def test_rows_of_other_providers_are_asked_live(both: Callable[..., Both], tmp_path: Path) -> None:
    """Each row goes where it can."""
    at = both()
    rows = [line(number, model="openai/m" if number % 2 else "other/m") for number in range(COUNT)]
    write(tmp_path / "in.jsonl", rows)
    with at.client() as client:
        batch = client.batch(tmp_path / "in.jsonl", tmp_path / "out.jsonl", mode="auto", deadline="1h", poll=0.02)
    assert (30, 30) == (at.calls, sum(len(one.rows) for one in at.batches.batches))
    assert expected(COUNT) == texts(tmp_path / "out.jsonl")
    assert 60 == batch.report.done


def test_a_deadline_is_met_live(both: Callable[..., Both], tmp_path: Path) -> None:
    """What batches have not brought in time is cancelled there, what they have done is kept, the rest is asked live."""

    def answer(asked: Asked) -> Any:
        return echoed(asked) if int(asked.text.split()[1]) < 30 else None

    at = both(default=Course(looks=10**6, answer=answer))
    begun = time.monotonic()
    report = _run(at, tmp_path, deadline=3)
    assert time.monotonic() - begun < 3
    assert (60, 0) == (report.done, report.failed)
    assert expected(COUNT) == texts(tmp_path / "out.jsonl")
    assert {"cancelled"} == {batch.state for batch in at.batches.batches}
    assert 30 == at.calls


def test_a_provider_that_does_not_let_go(both: Callable[..., Both], tmp_path: Path) -> None:
    """A cancel that takes too long is not waited for: the deadline is."""
    at = both(default=Course(looks=10**6, cancels=10**6))
    begun = time.monotonic()
    report = _run(at, tmp_path, deadline=2)
    assert time.monotonic() - begun < 4.5
    assert (60, 60) == (report.done, at.calls)
    assert expected(COUNT) == texts(tmp_path / "out.jsonl")


def test_what_batches_do_not_settle_is_asked_live(both: Callable[..., Both], tmp_path: Path) -> None:
    """Three batches in vain, and then a call."""

    def answer(asked: Asked) -> Any:
        return None if asked.text == "hello 7" else echoed(asked)

    at = both(default=Course(end="expired", answer=answer))
    report = _run(at, tmp_path)
    assert (60, 1) == (report.done, at.calls)
    assert expected(COUNT) == texts(tmp_path / "out.jsonl")


def test_a_provider_that_takes_no_batches(both: Callable[..., Both], tmp_path: Path) -> None:
    """An account without the batch API: all rows are asked live."""

    def hook(moment: str, seen: Seen) -> Any:
        return 400 if moment == "before" and seen.path == "/v1/files" else None

    at = both(hook=hook)
    assert (60, 60) == (_run(at, tmp_path).done, at.calls)


def test_an_error_of_a_row_stays_one(both: Callable[..., Both], tmp_path: Path) -> None:
    """A row that the provider refused is not asked again live."""
    at = both(default=Course(answer=lambda asked: BadRequestError("no", status=400)))
    assert (60, 0) == (_run(at, tmp_path).failed, at.calls)


def test_live_after_all(both: Callable[..., Both], tmp_path: Path) -> None:
    """A batch that was handed in and is now run live is cancelled there first: nothing is paid twice."""

    def answer(asked: Asked) -> Any:
        return echoed(asked) if int(asked.text.split()[1]) < 50 else None

    at = both(default=Course(looks=10**6, answer=answer))
    with at.client() as client:
        batch = client.batch(_rows(tmp_path), tmp_path / "out.jsonl", mode="provider", poll=0.02, start=False)
        _until(batch, lambda: at.batches.count("GET") > 2, then="stop")
        report = client.resume_batch(tmp_path / "out.jsonl", mode="live").report
    assert (60, 10) == (report.done, at.calls)
    assert {"cancelled"} == {one.state for one in at.batches.batches}
    assert expected(COUNT) == texts(tmp_path / "out.jsonl")


def test_cancel_cancels_there(both: Callable[..., Both], tmp_path: Path) -> None:
    """A batch that is cancelled while it waits is cancelled at the provider; what it has done is kept."""

    def answer(asked: Asked) -> Any:
        return echoed(asked) if int(asked.text.split()[1]) < 50 else None

    at = both(default=Course(looks=10**6, answer=answer))
    with at.client() as client:
        batch = client.batch(_rows(tmp_path), tmp_path / "out.jsonl", mode="provider", poll=0.02, start=False)
        _until(batch, lambda: at.batches.count("GET") > 2, then="cancel")
        assert (50, "cancelled") == (batch.report.done, batch.report.stopped)
    assert {"cancelled"} == {one.state for one in at.batches.batches}


def test_cancel_of_what_an_earlier_run_left(both: Callable[..., Both], tmp_path: Path) -> None:
    """A batch that nobody runs is cancelled by its journal."""
    at = both(default=SLOW)
    with at.client() as client:
        batch = client.batch(_rows(tmp_path), tmp_path / "out.jsonl", mode="provider", poll=0.02, start=False)
        _until(batch, lambda: at.batches.count("GET") > 2, then="stop")
        assert "goes on at the provider" in str(batch.report.stopped)
        again = client.resume_batch(tmp_path / "out.jsonl", start=False)
        again.cancel()
        again.run()
    assert {"cancelled"} == {one.state for one in at.batches.batches}
    assert 2 == len(at.batches.batches)


def _until(batch: Any, there: Callable[[], bool], *, then: str) -> None:
    """Run a batch until something is so; then cancel it, or stop it as Ctrl-C does."""

    def act() -> None:
        while not there():
            time.sleep(0.002)
        batch.cancel() if then == "cancel" else batch._run._stop(None)

    actor = threading.Thread(target=act)
    actor.start()
    batch.run()
    actor.join()


def test_both_faces(both: Callable[..., Both], tmp_path: Path) -> None:
    """The asynchronous face does the same."""
    at = both()
    row = {"base_url": at.batches.url + "/v1", "api_key": "k"}

    async def main() -> list[str | None]:
        async with AsyncClient(providers={"openai": row}) as client:
            batch = await client.batch(_rows(tmp_path, 3), mode="provider", poll=0.02, start=False)
            return [one.text async for one in batch.results()]

    assert ["hello 0", "hello 1", "hello 2"] == asyncio.run(main())


def test_the_estimate_has_both_prices(both: Callable[..., Both], tmp_path: Path) -> None:
    """Live, and at the batch API; the figures beside them are those of the mode that was said."""
    at = both()
    facts = {"openai/m": {"prices": [{"input": "2", "output": "8"}], "max_output": 100}}
    with at.client(models=facts) as client:
        live = client.batch(_rows(tmp_path, 4), model="openai/m", start=False).estimate
        there = client.batch(_rows(tmp_path, 4), model="openai/m", mode="provider", start=False).estimate
    assert live.cost_high is not None
    assert {"live", "provider"} == set(live.modes)
    assert (live.cost_low, live.cost_high) == live.modes["live"] == there.modes["live"]
    assert (there.cost_low, there.cost_high) == live.modes["provider"]
    assert live.cost_high / 2 == there.cost_high
    assert Decimal(0) < there.cost_high


def test_an_old_journal_still_opens(client: Client, tmp_path: Path) -> None:
    """A journal without a word of providers can go on in any mode; sim has no batches."""
    client.batch(["a", "b"], tmp_path / "out.jsonl", model="fake/m")
    kinds = {int(record.kind) for record in read_records(tmp_path / "out.jsonl.job")}
    assert kinds <= {1, 2, 3, 5}
    assert 2 == client.batch(["a", "b"], tmp_path / "out.jsonl", model="fake/m", mode="auto").report.reused


def test_another_provider_in_the_journal(both: Callable[..., Both], tmp_path: Path) -> None:
    """A batch is at a provider that this client knows nothing of: the error names it, before anything is sent."""
    at = both(default=SLOW)
    with at.client() as client:
        batch = client.batch(_rows(tmp_path), tmp_path / "out.jsonl", mode="provider", poll=0.02, start=False)
        _until(batch, lambda: at.batches.count("GET") > 2, then="stop")
    row = {"base_url": at.batches.url + "/v1", "api_key": "k", "batches": None}
    with Client(providers={"openai": row}) as other, pytest.raises(ManifestError, match="a batch of openai"):
        other.batch(tmp_path / "in.jsonl", tmp_path / "out.jsonl", poll=0.02)
    assert 0 == at.calls
