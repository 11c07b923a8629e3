"""Both faces: results in memory, as they come, in order, and stopped."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, AuthenticationError, BudgetError, ChatRequest, Client, Message, SourceError
from dragoman.testing import Server, calls, says, status
from tests.batch.rows import expected, line, texts, write

ONE = {"prices": [{"input": "1", "output": "1"}]}


def test_without_a_sink_results_are_in_memory_and_in_order(client: Client) -> None:
    """Texts, objects, messages and requests are rows; each has its answer at its place."""
    request = ChatRequest("fake/own", (Message.user("four"),))
    rows: list[Any] = ["one", {"prompt": "two"}, [{"role": "user", "content": "three"}], request, Message.user("five")]

    batch = client.batch(rows, model="fake/m")

    assert ["one", "two", "three", "four", "five"] == [row.text for row in batch.results()]
    assert ["row-0", "row-1"] == [row.id for row in batch][:2]
    assert [] == list(client.batch([], model="fake/m").results())


def test_the_async_face_is_awaited(options: dict[str, Any], tmp_path: Path) -> None:
    """The same on the async face, with files and without."""

    async def go() -> tuple[list[str | None], int]:
        async with AsyncClient(**options) as client:
            memory = await client.batch((f"hello {number}" for number in range(50)), model="fake/m")
            source = write(tmp_path / "in.jsonl", (line(number) for number in range(50)))
            batch = await client.batch(source, tmp_path / "out.jsonl")
            resumed = await client.resume_batch(tmp_path / "out.jsonl")
            assert 50 == resumed.report.reused
            return [row.text async for row in memory.results()], batch.report.done

    answers, done = asyncio.run(go())

    assert [text for _, text in expected(50)] == answers
    assert 50 == done
    assert expected(50) == texts(tmp_path / "out.jsonl")


def test_results_come_while_it_runs() -> None:
    """With `order=None` a row is given before slower ones; with `order="input"` it waits for its turn."""

    async def slow(chat: ChatRequest) -> Any:
        await asyncio.sleep(0.4 if chat.messages[0].text == "slow" else 0)
        return says(chat.messages[0].text)

    with (
        Server(default=calls(slow)) as server,
        Client(providers={"fake": {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}}) as client,
    ):
        free = client.batch(["slow", "fast"], model="fake/m", order=None, start=False)
        assert ["fast", "slow"] == [row.text for row in free.results()]
        kept = client.batch(["slow", "fast"], model="fake/m", start=False)
        assert ["slow", "fast"] == [row.text for row in kept.results()]


def test_a_batch_may_run_inside_of_a_running_loop(client: Client) -> None:
    """Notebooks have a loop that runs; the blocking face needs none of it."""

    async def cell() -> int:
        return client.batch(["a", "b"], model="fake/m").report.done

    assert 2 == asyncio.run(cell())


def test_leaving_the_results_stops_the_batch(client: Client, echoing: Server) -> None:
    """After a `break` no more rows are taken."""
    batch = client.batch((f"hello {number}" for number in range(100_000)), model="fake/m", window=4, start=False)

    for row in batch.results():
        assert "hello 0" == row.text
        break

    assert echoing.calls < 100_000
    assert "cancelled" == batch.run().stopped


def test_cancel_leaves_rows_under_way_their_answers(client: Client, tmp_path: Path) -> None:
    """A cancelled batch says so, writes no output, and goes on later."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(500)))
    batch = client.batch(source, tmp_path / "out.jsonl", window=4, start=False)
    for number, _ in enumerate(batch.results()):
        if number == 10:
            batch.cancel()

    assert "cancelled" == batch.report.stopped
    assert 10 < batch.report.done < 500
    assert not (tmp_path / "out.jsonl").exists()
    assert batch.report.done == client.resume_batch(tmp_path / "out.jsonl").report.reused
    assert expected(500) == texts(tmp_path / "out.jsonl")


def test_an_iterator_that_repeats_an_id_stops_the_run(client: Client) -> None:
    """What can be read only once is looked at as it comes; rows before the wrong one are kept."""
    rows = iter([{"id": "a", "prompt": "x"}, {"id": "a", "prompt": "y"}])
    with pytest.raises(SourceError, match="row 1"):
        client.batch(rows, model="fake/m")


def test_what_an_iterator_raises_ends_the_run(client: Client, echoing: Server) -> None:
    """An exception of the caller's own code comes out as it is, and no more rows are taken."""

    def broken() -> Any:
        yield "one"
        raise LookupError("the table is gone")

    with pytest.raises(LookupError, match="gone"):
        client.batch(broken(), model="fake/m", window=2)
    assert echoing.calls <= 1


def test_what_is_the_accounts_fault_stops_the_run(tmp_path: Path) -> None:
    """A wrong key fails no row: the run ends, and goes on with the right one."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(50)))
    with Server(says("ok"), default=status(401)) as server:
        fake = {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}
        with Client(providers={"fake": fake}) as client, pytest.raises(AuthenticationError):
            client.batch(source, tmp_path / "out.jsonl", window=2)
        assert server.calls < 10
        server.default = says("ok")
        with Client(providers={"fake": fake}) as client:
            report = client.batch(source, tmp_path / "out.jsonl").report

    assert (50, 0) == (report.done, report.failed)
    assert report.reused >= 1


def test_max_cost_is_never_crossed(options: dict[str, Any], echoing: Server, tmp_path: Path) -> None:
    """Rows are sent while their worst case fits, over all runs together; with more money it goes on."""
    source = write(tmp_path / "in.jsonl", (line(number, max_tokens=100) for number in range(50)))
    with Client(**options, models={"fake/m": {**ONE, "max_output": 100}}) as client:
        with pytest.raises(BudgetError):
            client.batch(source, tmp_path / "out.jsonl", max_cost="0.0003", window=4)
        spent = client.resume_batch(tmp_path / "out.jsonl", start=False).report
        first = echoing.calls
        with pytest.raises(BudgetError):
            client.resume_batch(tmp_path / "out.jsonl")
        done = client.resume_batch(tmp_path / "out.jsonl", max_cost=1).report

    assert 0 < first < 50
    assert 0 == spent.done
    assert Decimal(50 * 4) / 1_000_000 == done.cost


def test_an_estimate_says_rows_tokens_and_cost(options: dict[str, Any], echoing: Server, tmp_path: Path) -> None:
    """Before the start nothing is sent, and what is settled is not counted."""
    source = write(tmp_path / "in.jsonl", (line(number, max_tokens=10) for number in range(50)))
    with Client(**options, models={"fake/m": ONE}) as client:
        batch = client.batch(source, tmp_path / "out.jsonl", start=False)
        before = batch.estimate
        assert 0 == echoing.calls
        batch.run()
        after = batch.estimate

    assert (50, 500, 50) == (before.rows, before.output_tokens, before.sampled)
    assert before.cost_low is not None
    assert before.cost_high == before.cost_low + Decimal(500) / 1_000_000
    assert (0, 0) == (after.rows, after.input_tokens)


def test_a_cancelled_task_ends_at_once(options: dict[str, Any], tmp_path: Path) -> None:
    """Cancelling the task on the async face stops the calls under way; what was kept stays."""

    async def go() -> None:
        async with AsyncClient(**options) as client:
            source = write(tmp_path / "in.jsonl", (line(number) for number in range(20_000)))
            batch = await client.batch(source, tmp_path / "out.jsonl", window=8, start=False)
            async with asyncio.timeout(0.7):
                await batch.run()

    with pytest.raises(TimeoutError):
        asyncio.run(go())
    assert (tmp_path / "out.jsonl.job").stat().st_size > 100
