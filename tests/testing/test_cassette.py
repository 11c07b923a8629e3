"""Recording what clients send and get, and playing it: modes, order, time, and what is said when it does not fit."""

from __future__ import annotations

import asyncio
import collections
import gc
import json
import os
import resource
import threading
import time
from pathlib import Path
from typing import Any

import openai
import pytest

from dragoman import AsyncClient, Client, ConfigError, DragomanError, Fallback, Hedge, Retry, StreamInterrupted, wire
from dragoman.bridge import httpx2_client
from dragoman.testing import Server, echo, embeds, says, status
from dragoman.testing.cassette import CassetteError, Difference, UnmatchedError, UnusedError, cassette
from dragoman.testing.faults import fault

WIRES = wire.names()
ADDRESS = {"project": "p", "location": "l"}
GONE = "http://127.0.0.1:9/v1"  # nobody listens: what is sent there fails


def rows(base_url: str, name: str = "openai-chat") -> dict[str, Any]:
    return {"fake": {"base_url": base_url, "wire": name, "api_key": "a-key-of-tests-1", "address": ADDRESS}}


def recorded(path: Path, server: Server, *questions: str, **options: Any) -> list[str]:
    """Make a cassette of these questions; return the answers."""
    with cassette(path, mode="record", **options), Client(providers=rows(server.base_url())) as client:
        return [client.chat("fake/m", question).text for question in questions]


def played(base_url: str = GONE) -> Client:
    """A client that reaches nobody."""
    return Client(providers=rows(base_url), retry=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "one.json"


# --- the same again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["plain", "stream"])
@pytest.mark.parametrize("name", WIRES)
def test_a_recording_gives_the_same_answer(face: Any, server: Server, path: Path, name: str, verb: str) -> None:
    """In every dialect, plain and streamed, on either face: answer and events are those that were recorded."""
    server.script(says("so be it, 好的", reasoning="hm", tools=[("weather", {"city": "Zürich"})]))
    ask = getattr(face, verb)
    with cassette(path, mode="once"):
        first = ask(face.client(providers=rows(server.base_url(name), name)), "fake/m", "Hi", max_tokens=100)
    with cassette(path):
        second = ask(face.client(providers=rows(server.base_url(name), name)), "fake/m", "Hi", max_tokens=100)

    assert first.text == "so be it, 好的"
    assert first == second
    assert 1 == server.calls


def test_what_one_face_recorded_the_other_plays(server: Server, path: Path) -> None:
    """A cassette knows no face."""
    server.script(says("yes"))
    recorded(path, server, "Hi")

    async def play() -> str:
        async with AsyncClient(providers=rows(GONE)) as client:
            return (await client.chat("fake/m", "Hi")).text

    with cassette(path):
        assert "yes" == asyncio.run(play())


def test_the_simulator_is_recorded_too(path: Path) -> None:
    """Every transport goes through the tape, those that ask no network, too."""
    with cassette(path, mode="once") as tape, Client() as client:
        first = client.chat("sim/lorem", "Hi", max_tokens=5)
        assert 1 == tape.count
    edited = path.read_text("utf-8").replace("Lorem", "Edited")
    path.write_text(edited, "utf-8")
    with cassette(path), Client() as client:
        second = client.chat("sim/lorem", "Hi", max_tokens=5)

    assert first.text.replace("Lorem", "Edited") == second.text
    assert second.simulated


def test_what_is_not_chat_is_recorded_too(server: Server, path: Path) -> None:
    """Vectors and raw requests come back as they were."""
    server.on("/v1/embeddings", embeds(4))
    options = {"providers": {"openai": {"base_url": server.base_url(), "api_key": "any-key-1"}}}
    with cassette(path, mode="once"), Client(**options) as client:
        vectors = client.embed("openai/text-embedding-3-small", ["a", "b"]).vectors
        models = client.raw("openai").get("models", params={"limit": 2}).json()
    server.stop()
    with cassette(path), Client(**options) as client:
        assert vectors == client.embed("openai/text-embedding-3-small", ["a", "b"]).vectors
        assert models == client.raw("openai").get("models", params={"limit": 2}).json()


def test_clients_made_before_are_taped_and_free_again_afterwards(server: Server, path: Path) -> None:
    """The block decides, not the client's age; of two blocks the inner one."""
    server.default = echo()
    with Client(providers=rows(server.base_url())) as client:
        with cassette(path, mode="record"):
            client.chat("fake/m", "outer")
            with cassette(path.with_name("inner.json"), mode="record") as inner:
                client.chat("fake/m", "inner")
                assert 1 == inner.count
        client.chat("fake/m", "free")

    assert 3 == server.calls
    assert ["outer"] == [one["request"]["json"]["messages"][0]["content"] for one in exchanges(path)]


def exchanges(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["exchanges"]
    return found


def test_threads_are_taped(server: Server, path: Path) -> None:
    """A program's own threads go through the tape, and each recording is played once, whoever asks."""
    server.default = echo()
    questions = [f"question {number}" for number in range(12)]

    def ask_all(client: Client) -> set[str]:
        answers: list[str] = []
        threads = [
            threading.Thread(target=lambda text=text: answers.append(client.chat("fake/m", text).text))
            for text in questions
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return set(answers)

    with cassette(path, mode="once"), Client(providers=rows(server.base_url())) as client:
        assert set(questions) == ask_all(client)
    with cassette(path), played() as client:
        assert set(questions) == ask_all(client)
    assert 12 == server.calls


# --- modes ------------------------------------------------------------------------------------------------------------


def test_once_records_what_is_not_there_and_then_plays(server: Server, path: Path) -> None:
    """The first run sends, the second does not, and takes nothing new."""
    server.script(says("one"), says("two"))
    for _ in range(2):
        with cassette(path, mode="once") as tape, Client(providers=rows(server.base_url())) as client:
            assert "one" == client.chat("fake/m", "Hi").text
    assert tape.playing
    assert 1 == server.calls

    with (
        pytest.raises(UnmatchedError),
        cassette(path, mode="once"),
        Client(providers=rows(server.base_url())) as client,
    ):
        client.chat("fake/m", "Something else")
    assert 1 == server.calls


def test_new_adds_what_is_missing(server: Server, path: Path) -> None:
    """Known requests are played, unknown ones sent and added at the end; what is not asked for stays."""
    server.default = echo()
    recorded(path, server, "one", "two")
    with cassette(path, mode="new"), Client(providers=rows(server.base_url())) as client:
        assert ["two", "three"] == [client.chat("fake/m", text).text for text in ("two", "three")]

    assert 3 == server.calls
    assert ["one", "two", "three"] == [one["request"]["json"]["messages"][0]["content"] for one in exchanges(path)]


def test_new_writes_nothing_when_nothing_is_new(server: Server, path: Path) -> None:
    """A file whose recordings suffice is not touched."""
    server.default = echo()
    recorded(path, server, "one")
    os.utime(path, ns=(0, 0))
    with cassette(path, mode="new"), played() as client:
        client.chat("fake/m", "one")

    assert 0 == path.stat().st_mtime_ns


@pytest.mark.parametrize("mode", ["record", "all"])
def test_record_writes_the_file_anew(server: Server, path: Path, mode: Any) -> None:
    """Everything is sent, and what the file held before is gone."""
    server.default = echo()
    recorded(path, server, "one", "two")
    with cassette(path, mode=mode), Client(providers=rows(server.base_url())) as client:
        client.chat("fake/m", "three")

    assert ["three"] == [one["request"]["json"]["messages"][0]["content"] for one in exchanges(path)]


def test_replay_is_the_default_and_needs_a_file_only_when_asked(path: Path) -> None:
    """Without a file a block that sends nothing is right, and one that sends is told how to record."""
    with cassette(path) as tape:
        assert ("replay", True, 0) == (tape.mode, tape.playing, tape.count)
    assert not path.exists()
    with pytest.raises(UnmatchedError, match="is not there; record it with mode='once'"), cassette(path):
        played().chat("fake/m", "Hi")


def test_the_variable_says_the_mode(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`DRAGOMAN_RECORD` is for programs without options; what the code says wins."""
    server.default = echo()
    monkeypatch.setenv("DRAGOMAN_RECORD", "once")
    with cassette(path), Client(providers=rows(server.base_url())) as client:
        client.chat("fake/m", "Hi")
    assert 1 == len(exchanges(path))
    assert "replay" == cassette(path, mode="none").mode

    monkeypatch.setenv("DRAGOMAN_RECORD", "sometimes")
    with pytest.raises(ConfigError, match="DRAGOMAN_RECORD is 'sometimes'"):
        cassette(path)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("mode", "twice"),
        ("order", "loose"),
        ("speed", -1),
        ("speed", float("nan")),
        ("speed", "fast"),
        ("hide", ["("]),
        ("ignore", [3]),
    ],
)
def test_bad_arguments_are_named(path: Path, argument: str, value: Any) -> None:
    """What cannot work fails where it was written."""
    with pytest.raises(ConfigError) as caught:
        cassette(path, **{argument: value})
    assert argument == caught.value.field


def test_a_tape_runs_once(path: Path) -> None:
    """Its state is that of one run."""
    tape = cassette(path)
    with tape, pytest.raises(CassetteError, match="make a new one"):
        tape.start()
    with pytest.raises(CassetteError, match="make a new one"), tape:
        pass


# --- matching ---------------------------------------------------------------------------------------------------------


def test_a_request_that_is_not_recorded_is_shown_beside_the_nearest(server: Server, path: Path) -> None:
    """The error names the file, the nearest recording and each field that differs."""
    server.default = echo()
    recorded(path, server, "Hello", "something quite different and much longer")
    with pytest.raises(UnmatchedError) as caught, cassette(path), played() as client:
        client.chat("fake/m", "Hello!", temperature=0.5)

    error = caught.value
    assert 1 == error.nearest
    assert (
        Difference("body.messages[0].content", "'Hello'", "'Hello!'"),
        Difference("body.temperature", "nothing", "0.5"),
    ) == error.differences
    assert f"POST /v1/chat/completions is not in the cassette {path} (2 recorded, 2 not used yet)" in error.message
    assert "body.messages[0].content: recorded 'Hello', sent 'Hello!'" in error.message
    assert isinstance(error, AssertionError)
    assert not error.retryable


def test_an_unmatched_request_is_told_at_the_end_too(server: Server, path: Path) -> None:
    """A program that lives on without its answer does not make the test pass."""
    server.default = echo()
    recorded(path, server, "Hello")
    tape = cassette(path).start()
    with played() as client:
        client.chat("fake/m", "Hello")
        with pytest.raises(DragomanError):
            client.chat("fake/m", "Bye")
    with pytest.raises(UnmatchedError, match="sent 'Bye'"):
        tape.stop()


def test_no_plan_and_no_retry_hides_an_unmatched_request(server: Server, path: Path) -> None:
    """It is no failure of a provider: nobody else is asked, and it is asked once."""
    server.default = echo()
    recorded(path, server, "Hello")
    two = {**rows(GONE), "other": {"base_url": GONE, "api_key": "any-key-2"}}
    with pytest.raises(UnmatchedError) as caught, cassette(path), Client(providers=two) as client:
        client.chat(Fallback("fake/m", "other/m"), "Bye")
    assert 1 >= len(caught.value.attempts)


def test_each_recording_is_used_once(server: Server, path: Path) -> None:
    """The same request twice needs two recordings, and gets them in their order."""
    server.script(says("first"), says("second"))
    recorded(path, server, "Hi", "Hi")
    tape = cassette(path).start()
    try:
        with played() as client:
            assert ["first", "second"] == [client.chat("fake/m", "Hi").text for _ in range(2)]
            with pytest.raises(UnmatchedError, match="the same as number 1, which was played already"):
                client.chat("fake/m", "Hi")
    finally:
        tape.stop(failed=True)


def test_any_order_is_the_default_and_strict_is_strict(server: Server, path: Path) -> None:
    """With `order="strict"` the next recording is the only one that may answer."""
    server.default = echo()
    recorded(path, server, "one", "two")
    with cassette(path), played() as client:
        assert ["two", "one"] == [client.chat("fake/m", text).text for text in ("two", "one")]
    with (
        pytest.raises(UnmatchedError, match=r"the next one \(order='strict'\) is number 1") as caught,
        cassette(path, order="strict"),
        played() as client,
    ):
        client.chat("fake/m", "two")
    assert 1 == caught.value.nearest


def test_what_was_not_asked_for_is_told(server: Server, path: Path) -> None:
    """At the end of the block, or when the test asks; unless the test says that it does not matter."""
    server.default = echo()
    recorded(path, server, "one", "two", "three")
    tape = cassette(path).start()
    played().chat("fake/m", "two")
    assert 2 == tape.left
    with pytest.raises(AssertionError):
        tape.assert_all_used()
    with pytest.raises(UnusedError, match=r"2 of the 3 recordings .* number 1 \(POST /v1/chat/completions\), number 3"):
        tape.stop()
    with cassette(path, all_used=False):
        played().chat("fake/m", "two")


def test_a_test_that_fails_says_why_and_not_that_the_tape_is_not_at_its_end(server: Server, path: Path) -> None:
    """The block's own error comes out."""
    server.default = echo()
    recorded(path, server, "one")
    with pytest.raises(ZeroDivisionError), cassette(path):
        raise ZeroDivisionError


# --- without a key ----------------------------------------------------------------------------------------------------


def test_a_client_of_a_tape_that_plays_needs_no_key(server: Server, path: Path, monkeypatch: Any) -> None:
    """No variable, no stored key, no signature: `tape.client` looks for none."""
    for name in ("OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    server.default = echo()
    urls = {"openai": {"base_url": server.base_url()}, "bedrock": {"base_url": server.base_url("bedrock-converse")}}
    keyed = {name: {**row, "api_key": "a-key-of-tests-2"} for name, row in urls.items()}
    with cassette(path, mode="once") as tape, tape.client(providers=keyed) as client:
        for name in urls:
            client.chat(f"{name}/m", "Hi")

    async def ask(client: AsyncClient) -> list[str]:
        async with client:
            return [(await client.chat(f"{name}/m", "Hi")).text for name in urls]

    with cassette(path) as tape:
        assert ["Hi", "Hi"] == asyncio.run(ask(tape.async_client(providers=urls)))


def test_a_client_of_a_tape_that_plays_does_not_wait(server: Server, path: Path) -> None:
    """The waits between recorded attempts are over; the answer is that of the last attempt."""
    server.script(status(429, retry_after=1.5), status(503), says("at last"))
    with cassette(path, mode="once") as tape, tape.client(providers=rows(server.base_url())) as client:
        first = client.chat("fake/m", "Hi")
    with cassette(path) as tape, tape.client(providers=rows(GONE), retry=Retry(base=20.0, cap=20.0)) as client:
        began = time.monotonic()
        second = client.chat("fake/m", "Hi")
    assert time.monotonic() - began < 1.4
    assert "at last" == first.text == second.text
    assert [429, 503, 200] == [attempt.status for attempt in second.attempts]


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_stream_is_played_at_once_or_as_it_was(face: Any, server: Server, path: Path) -> None:
    """Each piece has its time: at speed 0 none is kept, at 1 as recorded, at 4 a quarter."""
    server.script(says("a b c d", latency=0.1, pace=0.05))
    with cassette(path, mode="once"):
        face.stream(face.client(providers=rows(server.base_url())), "fake/m", "Hi")
    seconds = sum(after for after, _ in exchanges(path)[0]["response"]["pieces"])
    took: dict[float, float] = {}
    for speed in (0.0, 1.0, 4.0):
        with cassette(path, speed=speed):
            client = face.client(providers=rows(GONE))
            began = time.monotonic()
            assert "a b c d" == face.stream(client, "fake/m", "Hi").text
            took[speed] = time.monotonic() - began

    assert 0.2 <= seconds <= 0.6
    assert took[0] < 0.1
    assert took[1] >= 0.29
    assert took[4] < took[1] / 2


def test_deadlines_hold_while_a_recording_is_played(face: Any, server: Server, path: Path) -> None:
    """At the speed of life a slow answer is too late for a shorter clock."""
    server.script(says("slow", latency=1.5))
    with cassette(path, mode="once"):
        face.plain(face.client(providers=rows(server.base_url())), "fake/m", "Hi")
    with cassette(path, speed=1):
        began = time.monotonic()
        outcome = face.plain(face.client(providers=rows(GONE), retry=None), "fake/m", "Hi", timeout=0.1)
        took = time.monotonic() - began

    assert outcome.error is not None
    assert "TimeoutError" == outcome.error[0]
    assert took < 1.4


def test_a_stream_that_is_left_ends_its_wait(server: Server, path: Path) -> None:
    """Leaving a played stream from another thread ends the reader's wait at once."""
    server.script(says("a b", pace=1.5))
    with cassette(path, mode="once"), Client(providers=rows(server.base_url())) as client:
        client.stream("fake/m", "Hi").drain()
    with cassette(path, speed=1), played() as client:
        stream = client.stream("fake/m", "Hi")
        next(stream)
        timer = threading.Timer(0.1, stream.close)
        timer.start()
        began = time.monotonic()
        with pytest.raises((StreamInterrupted, StopIteration)):
            collections.deque(stream, 0)
        assert time.monotonic() - began < 1.4
        timer.join()


# --- ends -------------------------------------------------------------------------------------------------------------


def test_a_stream_that_was_left_plays_as_far_as_it_was_read(face: Any, server: Server, path: Path) -> None:
    """Who leaves at the same place sees no difference; who reads on is told that there is no more."""
    server.script(says("a b c d", pace=0.02))

    def leave(client: Client) -> str:
        with client.stream("fake/m", "Hi") as stream:
            return next(stream.text)

    with cassette(path, mode="once"), Client(providers=rows(server.base_url())) as client:
        first = leave(client)
    with cassette(path), played() as client:
        assert first == leave(client)
    with cassette(path):
        outcome = face.stream(face.client(providers=rows(GONE)), "fake/m", "Hi")
    assert outcome.error is not None
    assert "read no further when it was recorded" in outcome.error[1]


def test_a_stream_that_is_still_read_when_the_tape_ends_is_recorded_so_far(server: Server, path: Path) -> None:
    """The tape's end does not end the stream."""
    server.script(says("a b c d", pace=0.02))
    with Client(providers=rows(server.base_url())) as client:
        with cassette(path, mode="once"):
            stream = client.stream("fake/m", "Hi")
            next(stream)
        stream.drain()
    assert "a b c d" == stream.response.text
    assert "left" == exchanges(path)[0]["end"]


def test_a_stream_that_is_dropped_is_recorded(server: Server, path: Path) -> None:
    """Garbage collection ends an exchange as leaving does."""
    server.script(says("a b c d", pace=0.02))
    with cassette(path, mode="once"), Client(providers=rows(server.base_url())) as client:
        stream = client.stream("fake/m", "Hi")
        next(stream)
        del stream
        gc.collect()
    assert "left" == exchanges(path)[0]["end"]


def test_a_call_that_was_cancelled_is_cancelled_again(server: Server, path: Path) -> None:
    """What never answered does not answer: a deadline of the caller's own ends the call as it did."""
    server.script(says("late", latency=5))

    async def ask(base_url: str) -> None:
        async with AsyncClient(providers=rows(base_url)) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.chat("fake/m", "Hi")

    with cassette(path, mode="once"):
        asyncio.run(ask(server.base_url()))
    with cassette(path):
        asyncio.run(ask(GONE))
    assert "left" == exchanges(path)[0]["end"]
    with pytest.raises(CassetteError, match="nobody waited for its answer"), cassette(path), played() as client:
        client.chat("fake/m", "Hi")


def test_a_hedged_call_is_played(server: Server, path: Path) -> None:
    """Both requests are recorded, the one that was overtaken without an answer."""
    with Server(says("quick")) as other:
        server.script(says("slow", latency=5))

        async def ask(first: str, second: str) -> str:
            two = {**rows(first), "other": {"base_url": second, "api_key": "any-key-2"}}
            async with AsyncClient(providers=two) as client:
                return (await client.chat(Hedge(Fallback("fake/a", "other/b"), after=0.05), "Hi")).text

        with cassette(path, mode="once"):
            assert "quick" == asyncio.run(ask(server.base_url(), other.base_url()))
    with cassette(path):
        assert "quick" == asyncio.run(ask(GONE, GONE))
    assert ["left", "whole"] == [one.get("end", "whole") for one in exchanges(path)]


# --- writing ----------------------------------------------------------------------------------------------------------


def test_what_was_paid_for_is_kept_when_the_test_fails(server: Server, path: Path) -> None:
    """A first recording is written all the same; one that is there is not replaced by less."""
    server.default = echo()

    def fail(mode: Any, question: str) -> None:
        with cassette(path, mode=mode), Client(providers=rows(server.base_url())) as client:
            client.chat("fake/m", question)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail("once", "one")
    assert 1 == len(exchanges(path))
    with pytest.raises(ZeroDivisionError):
        fail("record", "two")
    assert "one" == exchanges(path)[0]["request"]["json"]["messages"][0]["content"]


def test_a_full_disk_leaves_the_old_cassette(server: Server, path: Path) -> None:
    """The error names the file; nothing half written stays."""
    server.default = echo()
    recorded(path, server, "one")
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    tape = cassette(path, mode="record").start()
    with Client(providers=rows(server.base_url())) as client:
        client.chat("fake/m", "two " * 1000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(CassetteError, match=f"{path} cannot be written: File too large"):
            tape.stop()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert before == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_a_fork_does_not_write_into_the_tape_of_its_parent(server: Server, path: Path) -> None:
    """In the child, recording is an error and its end writes nothing; the parent's tape is the parent's."""
    said = path.parent.with_name("said")
    server.default = echo()
    with cassette(path, mode="once") as tape, Client(providers=rows(server.base_url())) as client:
        client.chat("fake/m", "one")
        child = os.fork()
        if child == 0:
            try:
                client.chat("fake/m", "two")
            except CassetteError as error:
                said.write_text(error.message, "utf-8")
                tape.stop()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert not path.exists()

    assert 1 == len(exchanges(path))
    assert "this is its fork" in said.read_text("utf-8")


def test_nothing_is_written_when_nothing_was_sent(path: Path) -> None:
    """A block without a request leaves no file."""
    with cassette(path, mode="once"):
        pass
    assert not path.parent.exists()


def test_a_fault_is_recorded_as_what_it_was(server: Server, path: Path) -> None:
    """The file says in words how an exchange ended."""
    server.script(fault("reset_in_text"), fault("close_before_answer"))
    with cassette(path, mode="record"), Client(providers=rows(server.base_url()), retry=None) as client:
        for _ in range(2):
            with pytest.raises(StreamInterrupted):
                client.stream("fake/m", "Hi").drain()
        server.stop()
        with pytest.raises(DragomanError):
            client.chat("fake/m", "Hi")
    first, second, third = exchanges(path)

    assert "failed" == first["end"] == second["end"] == third["end"]
    assert ("disconnected", True) == (first["failure"]["kind"], first["failure"]["answered"])
    assert first["response"]["pieces"]
    assert "response" not in second
    assert ("error", "ConnectError") == (third["failure"]["kind"], third["failure"]["error"])


def test_an_official_sdk_is_taped_over_the_bridge(server: Server, path: Path) -> None:
    """What asks through a client of ours, plain and streamed, goes through the tape as the client does."""
    server.script(says("from the provider"), says("in pieces"))

    def ask(base_url: str) -> list[str]:
        rows = {"openai": {"base_url": base_url, "api_key": "a-key-of-tests-1"}}
        with Client(providers=rows) as client, httpx2_client(client) as http:
            sdk = openai.OpenAI(api_key="unused", base_url=base_url, http_client=http, max_retries=0)
            question: Any = [{"role": "user", "content": "Hi"}]
            plain = sdk.chat.completions.create(model="gpt-5.6-luna", messages=question)
            stream = sdk.chat.completions.create(model="gpt-5.6-luna", messages=question, stream=True)
            pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
            return [plain.choices[0].message.content or "", "".join(pieces)]

    with cassette(path, mode="once"):
        first = ask(server.base_url())
    with cassette(path):
        second = ask(GONE)

    assert ["from the provider", "in pieces"] == first == second
    assert 2 == server.calls


def test_a_large_tape_is_searched_quickly(path: Path) -> None:
    """A thousand recordings, asked for in reverse, are found by what they are and not one by one."""
    questions = [f"question {number}" for number in range(1000)]
    with cassette(path, mode="once"), Client() as client:
        for question in questions:
            client.chat("sim/echo", question)
    began = time.monotonic()
    with cassette(path), Client() as client:
        assert all(question == client.chat("sim/echo", question).text for question in reversed(questions))
    assert time.monotonic() - began < 10
