"""Anthropic's Message Batches: the server half by the vendor's SDK, and the service against the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anthropic
import pytest

from dragoman import AsyncClient
from dragoman.batch.service.anthropic import AnthropicBatches
from dragoman.errors import BadRequestError, ConfigError, DragomanError, OverloadedError, StreamInterrupted, WireError
from dragoman.testing.batches import Asked, BatchServer, Course
from dragoman.testing.batches.anthropic import Anthropic
from dragoman.testing.batches.base import echoed
from dragoman.testing.batches.server import Seen
from dragoman.types.responses import ChatResponse
from tests.batch.service.handing import Hand, key_of, weigh
from tests.specs.bundle import Specs

MODEL = "claude-haiku-5-5"


def fates(asked: Asked) -> ChatResponse | DragomanError | None:
    """Most rows are answered; some are refused, some find the provider overloaded, some are never come to."""
    told: dict[str, DragomanError | None] = {
        "bad": BadRequestError("max_tokens: too many", status=400),
        "busy": OverloadedError("Overloaded", status=529),
        "late": None,
    }
    return told[asked.text] if asked.text in told else echoed(asked)


@asynccontextmanager
async def handing(server: BatchServer, folder: Path, **more: Any) -> AsyncIterator[Hand]:
    row = {"base_url": server.url, "api_key": "k"}
    async with AsyncClient(providers={"anthropic": row}, **more) as client:
        yield Hand(AnthropicBatches, client, "anthropic", folder)


def run(server: BatchServer, folder: Path, act: Callable[[Hand], Awaitable[None]]) -> None:
    async def main() -> None:
        async with handing(server, folder) as hand:
            await act(hand)

    asyncio.run(main())


# --- the server half --------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(Anthropic, default=Course(answer=fates, looks=2)) as running:
        yield running


@pytest.fixture
def sdk(server: BatchServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0) as client:
        yield client


def rows(*texts: str) -> Any:
    return [
        {
            "custom_id": f"row-{number}",
            "params": {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": text}]},
        }
        for number, text in enumerate(texts)
    ]


def test_the_sdk_sees_a_batch_through(sdk: anthropic.Anthropic) -> None:
    """Created, looked at, ended, read and deleted by the vendor's own client, with one result of each kind."""
    made = sdk.messages.batches.create(requests=rows("one", "bad", "late", "two"))
    assert ("in_progress", 4, None) == (made.processing_status, made.request_counts.processing, made.results_url)
    while (seen := sdk.messages.batches.retrieve(made.id)).processing_status != "ended":
        pass
    assert (2, 1, 1, 0) == (
        seen.request_counts.succeeded,
        seen.request_counts.errored,
        seen.request_counts.expired,
        seen.request_counts.processing,
    )
    results = {line.custom_id: line.result for line in sdk.messages.batches.results(made.id)}
    assert {"row-0": "succeeded", "row-1": "errored", "row-2": "expired", "row-3": "succeeded"} == {
        name: result.type for name, result in results.items()
    }
    [first, bad] = results["row-0"], results["row-1"]
    assert first.type == "succeeded"
    assert first.message.content[0].type == "text"
    assert ("one", 10) == (first.message.content[0].text, first.message.usage.input_tokens)
    assert bad.type == "errored"
    assert "invalid_request_error" == bad.error.error.type
    assert made.id == sdk.messages.batches.delete(made.id).id
    with pytest.raises(anthropic.NotFoundError):
        sdk.messages.batches.retrieve(made.id)


def test_the_sdk_lists_and_cancels(sdk: anthropic.Anthropic) -> None:
    """The list has pages, the newest first; a cancelled batch passes through `canceling`; an ended one cannot be."""
    ids = [sdk.messages.batches.create(requests=rows("late", "x")).id for _ in range(3)]
    assert ids[::-1] == [batch.id for batch in sdk.messages.batches.list(limit=2)]

    assert "canceling" == sdk.messages.batches.cancel(ids[0]).processing_status
    with pytest.raises(anthropic.BadRequestError):
        sdk.messages.batches.delete(ids[0])
    while (seen := sdk.messages.batches.retrieve(ids[0])).processing_status != "ended":
        pass
    assert (1, 1) == (seen.request_counts.canceled, seen.request_counts.succeeded)
    assert seen.cancel_initiated_at is not None
    with pytest.raises(anthropic.BadRequestError):
        sdk.messages.batches.cancel(ids[0])


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param([], id="empty"),
        pytest.param([*rows("a"), *rows("b")], id="same-id"),
        pytest.param([{**rows("a")[0], "custom_id": "no space"}], id="id"),
        pytest.param([{"custom_id": "a", "params": {"model": MODEL}}], id="no-messages"),
    ],
)
def test_the_server_refuses_what_the_vendor_refuses(sdk: anthropic.Anthropic, wrong: Any) -> None:
    """What the specification forbids is a 400 before anything is made."""
    with pytest.raises(anthropic.BadRequestError):
        sdk.messages.batches.create(requests=wrong)
    assert [] == list(sdk.messages.batches.list())


# --- the service ------------------------------------------------------------------------------------------------------


def test_every_row_comes_back_as_what_became_of_it(server: BatchServer, tmp_path: Path) -> None:
    """Answers as of a live call, errors typed with `retryable` set right, and rows that were never asked."""

    async def act(hand: Hand) -> None:
        sent = await hand.service.submit(hand.sending(["one", "bad", "busy", "late", "two"], model=MODEL))
        assert "running" == (await hand.service.look(sent)).state
        status = await hand.ended(sent)
        assert ("expired", 2, 2) == (status.state, status.done, status.failed)
        got = await hand.results(sent, status)
        assert {key_of(number) for number in range(5)} == set(got)
        first = got[key_of(0)].response
        assert first is not None
        assert ("one", "stop", 10, 5) == (
            first.text,
            first.finish_reason,
            first.usage.input_tokens,
            first.usage.output_tokens,
        )
        bad, busy, late = (got[key_of(number)] for number in (1, 2, 3))
        assert isinstance(bad.error, BadRequestError)
        assert not bad.error.retryable
        assert isinstance(busy.error, OverloadedError)
        assert busy.error.retryable
        assert ("anthropic", 529) == (busy.error.provider, busy.error.status)
        assert late.expired
        assert late.error is None
        assert late.response is None
        await hand.service.forget(sent, status)
        await hand.service.forget(sent, status)
        assert (await hand.service.look(sent)).gone

    run(server, tmp_path, act)
    assert server.batches[0].extra["deleted"]


def test_what_is_sent_satisfies_the_specification(server: BatchServer, tmp_path: Path) -> None:
    """What arrives is what the vendor's specification allows, whatever the texts hold."""
    texts = ["one", "tw\u00f6", "three\nlines"]

    async def act(hand: Hand) -> None:
        await hand.service.submit(hand.sending(texts, model=MODEL))

    run(server, tmp_path, act)
    [batch] = server.batches
    body = {"requests": [{"custom_id": row.key, "params": json.loads(row.body)} for row in batch.rows]}
    valid = Specs().validator("anthropic-batches")
    assert valid is not None
    assert valid(body) is None
    assert texts == [row.text for row in batch.rows]


# --- after a crash ----------------------------------------------------------------------------------------------------


def test_a_batch_that_has_ended_is_found_by_the_stamp_of_its_rows(server: BatchServer, tmp_path: Path) -> None:
    """Created, and the process died before it could note the id: another one finds it among others, and reads it."""

    async def before(hand: Hand) -> None:
        for tag in ("dragoman-a", "dragoman-b", "dragoman-c"):
            sent = await hand.service.submit(hand.sending([f"for {tag}"], model=MODEL, tag=tag))
            await hand.ended(sent)

    async def after(hand: Hand) -> None:
        sent = await hand.service.find("dragoman-b")
        assert sent is not None
        assert server.batches[1].id == sent.id
        got = await hand.results(sent, await hand.ended(sent))
        response = got[key_of(0)].response
        assert response is not None
        assert "for dragoman-b" == response.text
        assert await hand.service.find("dragoman-z") is None

    run(server, tmp_path, before)
    run(server, tmp_path, after)
    assert 3 == len(server.batches)


def test_a_batch_that_does_not_say_yet_whose_it_is_is_waited_for(server: BatchServer, tmp_path: Path) -> None:
    """While batches run their rows cannot be read: all of them are followed, and the right one is taken."""

    async def before(hand: Hand) -> None:
        for tag in ("dragoman-a", "dragoman-b"):
            await hand.service.submit(hand.sending([f"for {tag}"], model=MODEL, tag=tag))

    async def after(hand: Hand) -> None:
        sent = await hand.service.find("dragoman-a")
        assert sent is not None
        assert "running" == (await hand.service.look(sent)).state
        with pytest.raises(ConfigError, match="which of the batches"):
            await hand.service.cancel(sent)  # it may be somebody else's
        status = await hand.ended(sent)
        assert ("ended", (server.batches[0].id,)) == (status.state, status.results)
        got = await hand.results(sent, status)
        response = got[key_of(0)].response
        assert response is not None
        assert "for dragoman-a" == response.text
        assert 0 == server.count("POST", "/cancel")

    run(server, tmp_path, before)
    run(server, tmp_path, after)


def test_where_none_was_created_none_is_taken(server: BatchServer, tmp_path: Path) -> None:
    """The only batch that runs turns out to be another's: ours is gone, and theirs is not touched."""

    async def before(hand: Hand) -> None:
        await hand.service.submit(hand.sending(["theirs"], model=MODEL, tag="dragoman-theirs"))

    async def after(hand: Hand) -> None:
        sent = await hand.service.find("dragoman-ours")
        assert sent is not None
        status = await hand.ended(sent)
        assert ("failed", True, ()) == (status.state, status.gone, status.results)
        await hand.service.forget(sent, status)

    run(server, tmp_path, before)
    run(server, tmp_path, after)
    assert "deleted" not in server.batches[0].extra


def test_batches_of_the_same_run_are_not_mistaken(server: BatchServer, tmp_path: Path) -> None:
    """What this run has handed in itself cannot be what it lost."""

    async def act(hand: Hand) -> None:
        await hand.service.submit(hand.sending(["one"], model=MODEL, tag="dragoman-one"))
        assert await hand.service.find("dragoman-two") is None

    run(server, tmp_path, act)


def test_an_answer_that_is_lost_on_the_way_is_found(tmp_path: Path) -> None:
    """The connection breaks after the provider has created the batch: that is an error, and then it is found."""

    def hook(moment: Literal["before", "after"], seen: Seen) -> Literal["cut"] | None:
        return "cut" if moment == "after" and (seen.method, seen.number) == ("POST", 0) else None

    async def act(hand: Hand) -> None:
        with pytest.raises(StreamInterrupted):
            await hand.service.submit(hand.sending(["one"], model=MODEL, tag="dragoman-cut"))
        sent = await hand.service.find("dragoman-cut")
        assert sent is not None
        status = await hand.ended(sent)
        assert 1 == len(await hand.results(sent, status))

    with BatchServer(Anthropic, hook=hook) as server:
        run(server, tmp_path, act)
        assert 1 == len(server.batches)


def test_a_cancelled_batch_keeps_what_was_done(tmp_path: Path) -> None:
    """After a cancel the answers are there, and the rest was never asked; cancelling again does nothing."""

    async def act(hand: Hand) -> None:
        sent = await hand.service.submit(hand.sending(["one", "late"], model=MODEL))
        await hand.service.cancel(sent)
        status = await hand.ended(sent)
        assert "cancelled" == status.state
        got = await hand.results(sent, status)
        assert got[key_of(0)].response is not None
        assert got[key_of(1)].expired
        await hand.service.cancel(sent)

    with BatchServer(Anthropic, Course(looks=50, answer=fates)) as server:
        run(server, tmp_path, act)


def test_results_of_another_batch_are_refused(server: BatchServer, tmp_path: Path) -> None:
    """A result whose id was never sent is not given to any row."""

    async def act(hand: Hand) -> None:
        ours = await hand.service.submit(hand.sending(["ours"], model=MODEL, tag="dragoman-a"))
        theirs = await hand.service.submit(hand.sending(["theirs"], model=MODEL, tag="dragoman-b"))
        status = await hand.ended(theirs)
        with pytest.raises(WireError, match="not asked"):
            await hand.results(ours, status)

    run(server, tmp_path, act)


def test_memory_does_not_grow_with_rows(server: BatchServer, tmp_path: Path) -> None:
    """Handing in 20 MB and reading as much takes a few MB: the file is read as it leaves, the results as they come."""
    row = {"base_url": server.url, "api_key": "k", "default_model": MODEL}

    count, most = weigh(AnthropicBatches, "anthropic", tmp_path, row)

    assert 2500 == count
    assert most < 12_000_000
    assert ["dragoman-test-1.jsonl"] == [path.name for path in tmp_path.iterdir()]
