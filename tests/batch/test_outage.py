"""A provider that is down: rows wait, none fails for it, and the batch goes on when it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dragoman import BatchError, ChatRequest, Client, ConfigError, Retry
from dragoman.testing import Server, calls, echo, says, status
from tests.batch.rows import expected, line, texts, write
from tests.services import wait_for

ROWS = 600
QUICK = Retry(attempts=2, base=0.01, cap=0.02)


def _options(url: str) -> dict[str, Any]:
    return {"providers": {"fake": {"base_url": url, "api_key": "k", "wire": "openai-chat"}}, "retry": QUICK}


@contextmanager
def _later(seconds: float, what: Callable[[], object]) -> Iterator[None]:
    timer = threading.Timer(seconds, what)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@pytest.mark.parametrize("code", [503, 500, 429])
def test_rows_wait_while_a_provider_says_no_to_all(tmp_path: Path, code: int) -> None:
    """It refuses everything for a while in the middle: every row is answered, and it is asked little meanwhile."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(ROWS)))
    seen: list[float] = []

    with Server(default=echo(latency=0.005)) as server:
        begun = time.monotonic()

        def ask(chat: ChatRequest) -> Any:
            seen.append(time.monotonic() - begun)
            down = 100 < len(seen) and time.monotonic() < until
            return status(code) if down else says(chat.messages[0].text)

        until = begun + 2.5
        server.default = calls(ask)
        with Client(**_options(server.base_url()), limit=None) as client:
            report = client.batch(source, tmp_path / "out.jsonl", window=32).report

    assert (ROWS, 0, {}) == (report.done, report.failed, report.errors)
    assert expected(ROWS) == texts(tmp_path / "out.jsonl")
    assert len(seen) < ROWS + 32 * 4  # those under way, and a few tries


def test_rows_wait_while_a_provider_is_dead(tmp_path: Path) -> None:
    """Nobody listens any more, and then somebody does: every row is answered."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(ROWS)))
    first = Server(default=echo(latency=0.02))
    with first:
        port, url = first.port, first.base_url()
        second = Server(default=echo(), port=port)
        with Client(**_options(url), limit=None) as client:
            batch = client.batch(source, tmp_path / "out.jsonl", window=16, start=False)
            waited: list[str | None] = []

            def die() -> None:
                wait_for(lambda: first.calls >= 50, 30)
                first.__exit__(None, None, None)
                wait_for(lambda: batch.report.waiting is not None, 30)
                waited.append(batch.report.waiting)
                second.__enter__()

            try:
                with _later(0.0, die):
                    report = batch.run()
            finally:
                second.__exit__(None, None, None)

    assert (ROWS, 0) == (report.done, report.failed)
    assert "fake/m is down" in (waited[0] or "")
    assert report.waiting is None
    assert expected(ROWS) == texts(tmp_path / "out.jsonl")


def test_an_outage_that_lasts_stops_the_run_and_fails_no_row(tmp_path: Path) -> None:
    """After `outage` seconds the run ends with an error that says so; later it goes on."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(50)))
    with Server(default=status(503)) as server, Client(**_options(server.base_url()), limit=None) as client:
        with pytest.raises(BatchError, match="was down for 1 s") as raised:
            client.batch(source, tmp_path / "out.jsonl", window=8, outage=1)
        assert "outage" == raised.value.field
        assert server.calls <= 8 * 2 + 6
        server.default = echo()
        report = client.batch(source, tmp_path / "out.jsonl").report

    assert (50, 0, 0) == (report.done, report.failed, report.reused)


def test_a_row_that_breaks_the_provider_fails_alone(tmp_path: Path) -> None:
    """A status that only some rows get is theirs: they fail, also where they are the last ones."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(60)))

    def ask(chat: ChatRequest) -> Any:
        text = chat.messages[0].text
        return status(500) if text in ("hello 7", "hello 59") else says(text)

    with Server(default=calls(ask)) as server, Client(**_options(server.base_url()), limit=None) as client:
        report = client.batch(source, tmp_path / "out.jsonl", window=8).report

    assert (58, 2, {"ServerError": 2}) == (report.done, report.failed, report.errors)


def test_ctrl_c_and_cancel_end_the_wait(tmp_path: Path) -> None:
    """A batch that waits for a provider is cancelled at once."""
    with Server(default=status(503)) as server, Client(**_options(server.base_url()), limit=None) as client:
        batch = client.batch(["a", "b", "c"], model="fake/m", start=False)
        begun = time.monotonic()
        with _later(0.5, batch.cancel):
            report = batch.run()

    assert "cancelled" == report.stopped
    assert (0, 0) == (report.done, report.failed)
    assert time.monotonic() - begun < 9


@pytest.mark.parametrize("value", [-1, "10", True, float("inf")])
def test_outage_is_checked(client: Client, value: Any) -> None:
    """Seconds, and no word for ever."""
    with pytest.raises(ConfigError, match="outage"):
        client.batch(["a"], model="fake/m", outage=value)
