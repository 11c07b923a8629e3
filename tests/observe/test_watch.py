"""What observers see of calls: on both faces, plain and streamed, well and badly ended."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from decimal import Decimal
from typing import Any

import pytest

from dragoman import AsyncClient, BadRequestError, Client, ConfigError, DragomanError, Retry, StreamInterrupted
from dragoman.observe.watch import Watch
from dragoman.testing import Server, embeds, model_list, raw, says, status
from dragoman.testing.faults import fault
from tests.observe.seen import Seen

MODEL = "openai/gpt-5.6-luna"


def test_a_plain_call_is_seen_whole(make_face: Any, server: Server, seen: Seen) -> None:
    """Who was asked and answered, how it ended, tokens, cost, and the time it took."""
    server.script(says("hello there friend"))
    answer = make_face(observe=[seen]).chat(MODEL, "Hi")
    call = seen.one()

    assert seen.begun == seen.over
    assert ("chat", MODEL, False) == (call.operation, call.asked, call.stream)
    assert ("ok", "openai", "gpt-5.6-luna") == (call.status, call.provider, call.model)
    assert ("stop", answer.usage, answer.cost) == (call.finish_reason, call.usage, call.cost)
    assert answer is call.response
    assert 0 < call.seconds < 5
    assert None is call.first
    assert [] == call.waits


def test_a_stream_is_measured_to_its_end(make_face: Any, server: Server, seen: Seen) -> None:
    """The time to the first content, the wait for each piece, and the end are the stream's own."""
    server.script(says("one two three four", latency=0.05, pace=0.02))
    face = make_face(observe=[seen])
    face.events(MODEL, "Hi")
    call = seen.one()

    assert (True, "ok", "stop") == (call.stream, call.status, call.finish_reason)
    assert 0.04 < (call.first or 0) < call.seconds
    assert 3 <= len(call.waits) <= 12
    assert 0.05 < sum(call.waits) <= call.seconds
    assert face.last.response.usage == call.usage
    assert face.last.response.cost == call.cost
    assert isinstance(call.cost, Decimal)


def test_the_readers_own_time_is_not_a_wait(server: Server, seen: Seen) -> None:
    """Who takes long with each piece does not make the provider look slow."""
    server.script(says(" ".join("word" for _ in range(10)), pace=0.01))
    pause = threading.Event()
    rows = {"openai": {"base_url": server.base_url(), "api_key": "test-key-0001"}}
    with Client(providers=rows, observe=[seen]) as client, client.stream(MODEL, "Hi") as stream:
        for _ in stream:
            pause.wait(0.02)
    call = seen.one()

    assert call.seconds > 0.1
    assert sum(call.waits) < call.seconds / 2


def test_a_stream_that_is_left_is_over(make_face: Any, server: Server, seen: Seen) -> None:
    """It has neither error nor finish reason; what came before stays."""
    server.script(says(" ".join("word" for _ in range(50)), pace=0.01))
    make_face(observe=[seen]).leave(MODEL, "Hi", after=2)
    call = seen.one()

    assert ("left", None, None) == (call.status, call.error, call.finish_reason)
    assert ("openai", "gpt-5.6-luna", None) == (call.provider, call.model, call.cost)
    assert call.response is not None
    assert call.response.text.startswith("word")


def test_a_stream_that_nobody_holds_is_over(server: Server, seen: Seen) -> None:
    """Its end is told although it comes from the garbage collector."""
    server.script(says(" ".join("word" for _ in range(50)), pace=0.01))
    rows = {"openai": {"base_url": server.base_url(), "api_key": "test-key-0001"}}
    with Client(providers=rows, observe=[seen]) as client:
        stream = client.stream(MODEL, "Hi")
        next(stream)
        circle: list[Any] = [stream]
        circle.append(circle)
        del stream, circle
        gc.collect()

        assert "left" == seen.one().status


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_an_error_is_seen_with_its_name(make_face: Any, server: Server, seen: Seen, streamed: bool) -> None:
    """The status is the error's name; who refused is known."""
    server.script(status(400, "no such thing"))
    face = make_face(observe=[seen])
    with pytest.raises(BadRequestError):
        (face.events if streamed else face.chat)(MODEL, "Hi")
    call = seen.one()

    assert ("bad_request", "openai", "gpt-5.6-luna") == (call.status, call.provider, call.model)
    assert 1 == len(call.attempts)
    assert isinstance(call.error, BadRequestError)


def test_an_answer_that_is_cut_is_seen_with_its_part(make_face: Any, server: Server, seen: Seen) -> None:
    """A stream that fails after its first content ended in that error."""
    server.script(fault("cut_in_text"))
    with pytest.raises(StreamInterrupted):
        make_face(observe=[seen]).events(MODEL, "Hi")
    call = seen.one()

    assert ("stream_interrupted", "openai") == (call.status, call.provider)
    assert call.response is not None
    assert call.response.text


def test_a_call_that_is_wrong_is_seen(make_face: Any, seen: Seen) -> None:
    """What fails before anything is sent is a call, too, and names no provider that does not exist."""
    with pytest.raises(DragomanError):
        make_face(observe=[seen]).chat("nobody/m", "Hi")
    call = seen.one()

    assert ("unknown_provider", "", 0) == (call.status, call.provider, len(call.attempts))
    assert None is call.row


def test_repeats_are_seen_with_reasons_and_waits(make_face: Any, server: Server, seen: Seen) -> None:
    """Each attempt stands in the ledger of the call; what was spent in the line of a limit is told apart."""
    server.script(status(500), status(429, retry_after=0.05), says("at last"))
    make_face(observe=[seen], retry=Retry(base=0.01)).chat(MODEL, "Hi")
    call = seen.one()
    pairs = [(number, failed.outcome, following.outcome) for number, failed, following in call.again()]

    assert [(1, "ServerError", "RateLimitError"), (2, "RateLimitError", "ok")] == pairs
    assert call.attempts[2].waited >= 0.049  # timers may fire a little early
    assert call.attempts[1].paced <= call.attempts[1].waited
    assert call.paced == sum(attempt.paced for attempt in call.attempts)


def test_a_cancelled_call_is_seen(server: Server, seen: Seen) -> None:
    """A task that is cancelled before its answer ends the call as cancelled."""
    server.script(says("too late", latency=5))

    async def main() -> None:
        rows = {"openai": {"base_url": server.base_url(), "api_key": "test-key-0001"}}
        async with AsyncClient(providers=rows, observe=[seen]) as client:
            task = asyncio.create_task(client.chat(MODEL, "Hi"))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())

    assert "cancelled" == seen.one().status


def test_calls_in_flight_together_are_told_apart(server: Server, seen: Seen) -> None:
    """Nothing of a call hangs on its task or thread: each has its own times, answer and key."""
    server.default = says("hello", latency=0.02)

    async def main() -> None:
        rows = {"openai": {"base_url": server.base_url(), "api_key": "test-key-0001"}}
        async with AsyncClient(providers=rows, observe=[seen]) as client:
            await asyncio.gather(*(client.chat(MODEL, f"question {number}") for number in range(20)))

    asyncio.run(main())

    assert 20 == len({call.id for call in seen.over})
    assert 20 == len({call.request.messages[0].text for call in seen.over if call.request is not None})
    assert all(call.seconds >= 0.02 for call in seen.over)


def test_other_verbs_are_seen(make_face: Any, server: Server, seen: Seen) -> None:
    """Vectors, lists of models and raw requests are calls; the requests of one call for vectors are one call."""
    server.on("/v1/embeddings", embeds(8))
    server.on("/v1/models", model_list("m-1", "m-2"))
    face = make_face(observe=[seen], providers={})
    face.do("embed", "openai/text-embedding-3-small", ["word"] * 3000)
    face.do("models", "openai")
    face.raw("openai", "get", "models")
    vectors, listed, asked = seen.over

    assert ("embeddings", "ok", "text-embedding-3-small") == (vectors.operation, vectors.status, vectors.model)
    assert 2 == len(vectors.attempts)
    assert 3000 == vectors.usage.input_tokens
    assert ("models", "openai", "ok") == (listed.operation, listed.provider, listed.status)
    assert ("raw", "openai", "ok") == (asked.operation, asked.provider, asked.status)


def test_a_failed_verb_is_seen(make_face: Any, server: Server, seen: Seen) -> None:
    """Its error is the call's status."""
    server.on("/v1/embeddings", raw(b'{"error": {"message": "no"}}', status=400))
    with pytest.raises(BadRequestError):
        make_face(observe=[seen]).do("embed", "openai/text-embedding-3-small", "word")

    assert ("embeddings", "bad_request") == (seen.one().operation, seen.one().status)


def test_an_observer_that_fails_breaks_no_call(make_face: Any, server: Server, seen: Seen, caplog: Any) -> None:
    """What it raises is logged; the call and the other observers go on."""

    class Broken:
        def begin(self, call: Any) -> Any:
            raise ValueError("cannot look")

    class BrokenLater:
        def begin(self, call: Any) -> Any:
            def end(call: Any) -> None:
                raise ValueError("cannot look back")

            return end

    server.script(says("hello"))
    with caplog.at_level(logging.ERROR, "dragoman.observe"):
        assert "hello" == make_face(observe=[Broken(), BrokenLater(), seen]).chat(MODEL, "Hi").text

    assert 2 == len(caplog.records)
    assert "ok" == seen.one().status


@pytest.mark.parametrize(
    ("observe", "field"),
    [
        pytest.param("prometheus", "observe", id="text"),
        pytest.param([object()], "observe[0]", id="no-observer"),
        pytest.param([Seen], "observe[0]", id="class"),
    ],
)
def test_what_is_no_observer_is_refused(observe: Any, field: str) -> None:
    """Where the client is made, with the place that is wrong."""
    with pytest.raises(ConfigError) as caught:
        Client(observe=observe)

    assert field == caught.value.field


def test_signals_reach_those_who_take_them(seen: Seen) -> None:
    """What belongs to no call is told to observers that have `signal`."""

    class Only:
        def begin(self, call: Any) -> Any:
            return None

    Watch([seen, Only()]).signal("circuit_state", 2, provider="openai", model="m")

    assert [("circuit_state", 2, {"provider": "openai", "model": "m"})] == seen.signals


def test_when_nobody_looks_a_call_passes_through() -> None:
    """Without observers the middleware gives what the handler gives, not a wrapper around it."""

    async def handler(request: Any, context: Any) -> Any:
        raise AssertionError("not awaited here")

    coroutine = Watch().wrap(handler)(None, None)  # type: ignore[arg-type]
    assert "handler" == coroutine.cr_code.co_name  # type: ignore[attr-defined]
    coroutine.close()  # type: ignore[attr-defined]
