"""Answers given again: both faces, plain and streamed, over every store, against a real server."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.services import RedisServer, wait_for

from dragoman import (
    AsyncClient,
    AuthenticationError,
    BadRequestError,
    Cache,
    ChatRequest,
    ChatResponse,
    Client,
    ConfigError,
    Context,
    DragomanError,
    Ending,
    Finish,
    Handler,
    Message,
    MissingKeyError,
    Opened,
    Semantic,
    StreamInterrupted,
    TextDelta,
    TimeoutError,
    Usage,
    fold,
)
from dragoman.policy.route.plans import Fallback
from dragoman.testing import Server, calls, embeds, events, says, status

STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
QUESTION = "Where do you live?"


def echo(chat: ChatRequest) -> Any:
    return says(f"You said: {chat.messages[-1].text}", usage=Usage(input_tokens=7, output_tokens=5))


@pytest.fixture(params=["memory", "sqlite", "redis"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cache]:
    """An empty cache of each kind."""
    urls = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/cache.db"}
    url = urls.get(request.param) or request.getfixturevalue("redis_server").url
    with Cache(url, scope=f"test-{time.monotonic_ns()}") as made:
        yield made


@pytest.fixture
def make_cached(make_face: Callable[..., Any], server: Server) -> Callable[..., Any]:
    """Make a client with a cache, whose provider repeats what is said."""
    server.default = calls(echo)
    return lambda cache, **options: make_face(cache=cache, **options)


def ask(face: Any, streamed: bool, text: str = QUESTION, model: str = "openai/m", **settings: Any) -> ChatResponse:
    if not streamed:
        answer: ChatResponse = face.chat(model, text, **settings)
        return answer
    found = face.events(model, text, **settings)
    whole: ChatResponse = face.last.response
    assert fold(found).message.parts == whole.message.parts
    return whole


# --- hits -------------------------------------------------------------------------------------------------------------


@STREAMED
@pytest.mark.parametrize("first", [False, True], ids=["from plain", "from stream"])
def test_the_second_call_is_answered_without_a_request(
    make_cached: Any, server: Server, cache: Cache, first: bool, streamed: bool
) -> None:
    """However each of them was asked; it says that it is a replay, costs nothing, and means the same."""
    face = make_cached(cache)

    asked, again = ask(face, first), ask(face, streamed)

    assert 1 == server.calls
    assert (False, True) == (asked.cached, again.cached)
    assert (asked.message, asked.usage, asked.finish_reason) == (again.message, again.usage, again.finish_reason)
    assert (asked.id, asked.model, asked.provider) == (again.id, again.model, again.provider)
    assert (Decimal(0), ()) == (again.cost, again.attempts)
    assert (1, 1, 1) == (cache.stats().misses, cache.stats().stored, cache.stats().hits)


def test_a_plain_answer_keeps_its_body(make_cached: Any, cache: Cache) -> None:
    """What the provider sent beside what we read is there again."""
    face = make_cached(cache)

    assert ask(face, False).raw == ask(face, False).raw


def test_tool_calls_are_given_again(make_cached: Any, server: Server, cache: Cache) -> None:
    """With ids and arguments, plain and as a stream."""

    def look_up(city: str) -> str:
        """Look up a city."""
        return city

    server.default = says(tools=[("look_up", {"city": "Ulm"})])
    face = make_cached(cache)
    server.default = says(tools=[("look_up", {"city": "Ulm"})])
    asked = [ask(face, streamed, tools=[look_up]) for streamed in (False, False, True)]

    assert 1 == server.calls
    assert 1 == len({answer.tool_calls for answer in asked})
    assert {"city": "Ulm"} == asked[2].tool_calls[0].arguments


def test_notices_are_kept(make_cached: Any, cache: Cache) -> None:
    """What was adapted when it was asked is said again."""
    face = make_cached(cache)
    asked, again = (ask(face, False, model="anthropic/m") for _ in range(2))

    assert asked.notices == again.notices
    assert "max_tokens" in {notice.field for notice in again.notices}


def test_both_faces_and_several_clients_share_one(server: Server, cache: Cache) -> None:
    """What one asked, in a thread or in a loop, the others are given."""
    server.default = calls(echo)
    rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"}}

    async def suspending() -> bool:
        async with AsyncClient(providers=rows, cache=cache) as client:
            return (await client.chat("openai/m", QUESTION)).cached

    with Client(providers=rows, cache=cache) as one, Client(providers=rows, cache=cache) as other:
        told = [one.chat("openai/m", QUESTION).cached, other.chat("openai/m", QUESTION).cached]
        told += [asyncio.run(suspending()) for _ in range(2)]

    assert [False, True, True, True] == told
    assert 1 == server.calls


def test_what_a_caller_does_to_his_answer_is_his_alone(make_cached: Any) -> None:
    """Each replay is a value of its own."""
    face = make_cached(Cache())
    for _ in range(3):
        details = ask(face, False).usage.details
        assert details is not None
        assert "mine" not in details
        details["mine"] = 1


def test_metrics_are_told_what_the_cache_did(make_cached: Any) -> None:
    """In one word for each call; nothing for one that left the cache alone."""
    told: list[str | None] = []

    def noting(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Opened:
            opened = await handler(request, context)
            told.append(context.cached)
            return opened

        return handle

    face = make_cached(Cache(semantic=NEAR), middleware=[noting])
    for text in (QUESTION, QUESTION, "Where did you live?"):
        ask(face, False, text=text)
    ask(face, False, extra={"store": True})
    ask(face, False, reuse=False)

    assert ["miss", "hit", "similar", "pass", None] == told


def test_who_accounts_is_told_that_nothing_was_used(make_cached: Any) -> None:
    """The end of a replay has no tokens, so that no metric counts them twice."""
    endings: list[Ending] = []

    def noting(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Opened:
            context.at_end(endings.append)
            return await handler(request, context)

        return handle

    face = make_cached(Cache(), middleware=[noting])
    for streamed in (False, False, True):
        ask(face, streamed)

    assert [7, 0, 0] == [ending.usage.input_tokens for ending in endings]
    assert ["stop"] * 3 == [ending.finish_reason for ending in endings]


def test_a_dead_provider_and_a_missing_key_do_not_matter(make_cached: Any, server: Server, cache: Cache) -> None:
    """In a named scope, what is kept is given without a network and without a key."""
    ask(make_cached(cache), False)
    server.default = status(500)
    keyless = {"openai": {"base_url": server.base_url("openai-chat")}}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OPENAI_API_KEY", raising=False)
        with Client(providers=keyless, cache=cache) as client:
            assert client.chat("openai/m", QUESTION).cached
            with pytest.raises(MissingKeyError):
                client.chat("openai/m", "Something else")

    assert 1 == server.calls


# --- what is asked each time ------------------------------------------------------------------------------------------


def test_reuse_decides_for_one_call(make_cached: Any, server: Server, cache: Cache) -> None:
    """False leaves the cache alone, "refresh" asks and keeps, a number takes what is that young."""
    face = make_cached(cache)
    cached = [
        ask(face, False, reuse=reuse).cached
        for reuse in (False, True, None, False, 60.0, "refresh", "refresh", True, 0.0, 1000)
    ]

    assert [False, False, True, False, True, False, False, True, False, True] == cached
    assert (4, 4) == (cache.stats().misses, cache.stats().stored)
    assert 6 == server.calls


def test_an_answer_is_as_old_as_it_may_be(make_cached: Any, server: Server, tmp_path: Path) -> None:
    """After `ttl` it is asked again."""
    face = make_cached(Cache(f"sqlite:///{tmp_path}/a.db", ttl=0.2))
    assert [False, True] == [ask(face, False).cached for _ in range(2)]
    time.sleep(0.25)

    assert not ask(face, False).cached


def test_a_stream_that_was_left_is_not_kept(make_cached: Any, server: Server, cache: Cache) -> None:
    """What its reader did not wait for is no answer."""
    face = make_cached(cache)
    server.script(events(*(TextDelta("word ") for _ in range(50)), Finish("stop"), pace=0.01))
    face.leave("openai/m", QUESTION, after=2)

    assert not ask(face, True).cached
    assert 2 == server.calls


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (events(TextDelta("half")), StreamInterrupted),
        (status(400), BadRequestError),
        (status(401), AuthenticationError),
    ],
    ids=["cut", "refused", "key"],
)
def test_a_failure_is_not_kept(make_cached: Any, server: Server, cache: Cache, step: Any, kind: Any) -> None:
    """Neither what was cut nor what was refused."""
    face = make_cached(cache, retry=None)
    server.script(step)
    with pytest.raises(kind):
        ask(face, True)

    assert not ask(face, True).cached


@STREAMED
@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_an_answer_that_did_not_end_well_is_kept_only_if_asked(
    make_cached: Any, server: Server, finish: Any, streamed: bool
) -> None:
    """By default it is asked again, which may end better."""
    caches = (Cache(), Cache(keep=("stop", finish)))
    told = []
    for one in caches:
        face = make_cached(one)
        server.default = says("cut off", finish=finish)
        told.append([ask(face, streamed).cached for _ in range(2)])

    assert [[False, False], [False, True]] == told


def test_what_has_a_state_at_the_provider_is_asked_each_time(make_cached: Any, server: Server) -> None:
    """Storing, going on from what is stored, and tools that the provider runs."""
    cache = Cache()
    face = make_cached(cache)
    for extra in ({"store": True}, {"previous_response_id": "x"}, {"tools": [{"type": "web_search"}]}):
        assert not any(ask(face, False, extra=extra).cached for _ in range(2))

    assert (6, 0) == (cache.stats().passed, cache.stats().misses)


def test_simulated_answers_are_not_kept_unless_asked() -> None:
    """An answer that no model gave must not be found where one did."""
    with Client(cache=Cache()) as one, Client(cache=Cache(simulated=True)) as other:
        told = [[client.chat("sim/echo", "Hi").cached for _ in range(2)] for client in (one, other)]

    assert [[False, False], [False, True]] == told


def test_an_answer_that_echoes_the_key_is_not_written(make_cached: Any, server: Server, tmp_path: Path) -> None:
    """No credential comes into the file."""
    path = tmp_path / "a.db"
    with Cache(f"sqlite:///{path}", scope="one") as cache:
        face = make_cached(cache)
        server.default = says("you sent test-key-0001 to me")

        assert not any(ask(face, False).cached for _ in range(2))
    assert b"test-key-0001" not in path.read_bytes()


def test_the_question_and_the_scope_are_not_written(make_cached: Any, server: Server, tmp_path: Path) -> None:
    """An entry holds the answer; who asked and what is only in its hash."""
    path = tmp_path / "a.db"
    with Cache(f"sqlite:///{path}", scope="somebody@example.org") as cache:
        face = make_cached(cache)
        server.default = says("an answer")
        ask(face, False, text="a very private question")
        assert ask(face, False, text="a very private question").cached

    data = path.read_bytes()
    assert b"an answer" in data
    assert not any(secret in data for secret in (b"private question", b"somebody", b"test-key"))


def test_a_request_that_cannot_be_sent_says_so_itself(make_cached: Any) -> None:
    """The cache changes no error."""
    with pytest.raises(ConfigError) as caught:
        ask(make_cached(Cache(scope="one")), False, model="no-such/model")

    assert "no-such" in str(caught.value)


# --- whose answers ----------------------------------------------------------------------------------------------------


def test_scopes_do_not_see_each_other(make_cached: Any, server: Server, cache: Cache) -> None:
    """Two views of one store are two caches."""
    one, other = (make_cached(cache.scoped(f"{cache.scope}-{name}")) for name in "ab")

    assert [False, False, True, True] == [ask(face, False).cached for face in (one, other, one, other)]
    assert 2 == server.calls


def test_a_function_tells_the_scope_of_each_call(make_cached: Any, server: Server) -> None:
    """One client serves several tenants."""
    face = make_cached(Cache(scope=lambda request: (request.metadata or {})["tenant"]))
    tenants = ["a", "b", "a", "b", "c"]

    cached = [ask(face, False, metadata={"tenant": tenant}).cached for tenant in tenants]
    assert [False, False, True, True, False] == cached


@pytest.mark.parametrize("nobody", [None, "", 5])
def test_a_call_of_nobody_is_refused(make_cached: Any, server: Server, nobody: Any) -> None:
    """A function that gives no name would have everybody share; nothing is sent."""
    face = make_cached(Cache(scope=lambda request: nobody))
    with pytest.raises(ConfigError) as caught:
        ask(face, False)

    assert "cache.scope" == caught.value.field
    assert 0 == server.calls
    assert "You said" in ask(face, False, reuse=False).text


def test_without_a_scope_each_credential_has_its_own(server: Server) -> None:
    """Clients with other keys are other people."""
    server.default = calls(echo)
    cache = Cache()
    cached = []
    for key in ("key-number-1", "key-number-2", "key-number-1"):
        rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": key}}
        with Client(providers=rows, cache=cache) as client:
            cached.append(client.chat("openai/m", QUESTION).cached)

    assert [False, False, True] == cached


@STREAMED
def test_the_answer_of_a_plan_is_the_plans(make_cached: Any, server: Server, streamed: bool) -> None:
    """Whoever of its models gave it: the plan has it again, and nobody else."""
    face, plan = make_cached(Cache(), retry=None), Fallback("openai/m-1", "openai/m-2")
    server.default = calls(lambda chat: status(503) if chat.model == "m-1" else echo(chat))
    told = [ask(face, streamed, model=model) for model in (plan, plan, "openai/m-2")]

    assert [False, True, False] == [answer.cached for answer in told]
    assert ["openai/m-2"] * 3 == [answer.message.origin for answer in told]


# --- forgetting -------------------------------------------------------------------------------------------------------


def test_one_answer_can_be_forgotten(make_cached: Any, cache: Cache) -> None:
    """That of a request, and no other."""
    face = make_cached(cache)
    ask(face, False), ask(face, False, text="Another")
    request = ChatRequest("openai/m", QUESTION)

    assert [True, False] == [cache.forget(request), asyncio.run(cache.aforget(request))]
    assert [False, True] == [ask(face, False).cached, ask(face, False, text="Another").cached]


def test_a_scope_can_be_emptied(make_cached: Any, cache: Cache) -> None:
    """By the view of it; others stay."""
    mine, theirs = (cache.scoped(f"{cache.scope}-{name}") for name in "ab")
    faces = [make_cached(mine), make_cached(theirs)]
    for face in faces:
        ask(face, False)
    mine.clear()
    assert [False, True] == [ask(face, False).cached for face in faces]
    asyncio.run(cache.aclear(theirs.scope))

    assert not ask(faces[1], False).cached


def test_forgetting_needs_a_client() -> None:
    """Only a client knows what a request becomes."""
    with pytest.raises(ConfigError, match="no client"):
        Cache().forget(ChatRequest("openai/m", "Hi"))


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("cache.ttl", {"ttl": 0}),
        ("cache.ttl", {"ttl": "1h"}),
        ("cache.wait", {"wait": -1}),
        ("cache.scope", {"scope": ""}),
        ("cache.scope", {"scope": 5}),
        ("cache.max_entries", {"max_entries": 0}),
        ("cache.max_bytes", {"max_bytes": 1.5}),
        ("cache.max_entry_bytes", {"max_entry_bytes": True}),
        ("cache.keep", {"keep": ["unknown"]}),
        ("cache.semantic", {"semantic": 0.9}),
        ("cache.store", {"store": "nowhere"}),
    ],
)
def test_a_bad_value_is_named(field: str, options: dict[str, Any]) -> None:
    """What cannot work fails where it is written."""
    with pytest.raises(ConfigError) as caught:
        Cache(**options)

    assert field == caught.value.field


# --- stores that fail -------------------------------------------------------------------------------------------------


def test_a_damaged_entry_is_asked_again_and_mended(
    make_cached: Any, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Said once in the log, whatever stands there."""
    path = tmp_path / "a.db"
    with Cache(f"sqlite:///{path}", scope="one") as cache:
        face = make_cached(cache)
        for broken in ("x'00'", "substr(entry, 1, 30)", "'text'", "zeroblob(length(entry))"):
            ask(face, False)
            with closing(sqlite3.connect(path)) as db:
                db.execute(f"UPDATE answer SET entry = {broken}")
                db.commit()
            assert [False, True] == [ask(face, False).cached for _ in range(2)]

    assert 4 == cache.stats().damaged
    assert 1 == len([record for record in caplog.records if record.levelno >= logging.WARNING])


def test_without_its_store_a_client_works_as_without_a_cache(
    make_cached: Any, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that is not there is said once, and every call is answered."""
    cache = Cache("redis://127.0.0.1:9/0", scope="one")
    face = make_cached(cache)

    assert not any(ask(face, streamed).cached for streamed in (False, True, False))
    assert 3 == server.calls
    assert 1 == len([record for record in caplog.records if record.levelno >= logging.WARNING])


def test_a_store_that_stands_still_is_not_waited_for(
    make_cached: Any, server: Server, redis_server: RedisServer
) -> None:
    """A second, and then not at all for a while."""
    with Cache(redis_server.url, scope=f"still-{time.monotonic_ns()}") as cache:
        face = make_cached(cache)
        ask(face, False)
        redis_server.pause()
        try:
            before = time.monotonic()
            assert not any(ask(face, False).cached for _ in range(3))
            assert time.monotonic() - before < 2.5
        finally:
            redis_server.resume()


def test_a_file_that_is_none_is_not_touched(make_cached: Any, tmp_path: Path) -> None:
    """Somebody else's file stays as it is."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada,\n" * 1000)
    with Cache(f"sqlite:///{path}", scope="one") as cache:
        face = make_cached(cache)
        assert not any(ask(face, False).cached for _ in range(2))

    assert "Dear Ada,\n" * 1000 == path.read_text()


def test_a_forked_child_goes_on(make_cached: Any, server: Server, tmp_path: Path) -> None:
    """With what the parent had, and with its own connection."""
    with Cache(f"sqlite:///{tmp_path}/a.db", scope="one") as cache:
        rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"}}
        server.default = calls(echo)
        with Client(providers=rows, cache=cache) as client:
            client.chat("openai/m", QUESTION)
            pid = os.fork()
            if pid == 0:
                os._exit(0 if client.chat("openai/m", QUESTION).cached else 1)
            assert 0 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            assert client.chat("openai/m", QUESTION).cached


# --- several at once --------------------------------------------------------------------------------------------------


@contextmanager
def threads(*work: Callable[[], Any]) -> Iterator[list[Any]]:
    """Do all at once; what each gave or raised is there at the end of the block."""
    given: list[Any] = [None] * len(work)

    def do(at: int) -> None:
        try:
            given[at] = work[at]()
        except DragomanError as error:
            given[at] = error

    running = [threading.Thread(target=do, args=(at,)) for at in range(len(work))]
    for one in running:
        one.start()
    yield given
    for one in running:
        one.join(20)
        assert not one.is_alive()


def client_of(server: Server, cache: Cache, **options: Any) -> Client:
    rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"}}
    return Client(providers=rows, cache=cache, **options)


def test_those_who_ask_the_same_at_once_make_one_request(server: Server, cache: Cache) -> None:
    """Plain and streamed, in threads and in a loop: one is asked, all have the answer."""
    server.default = says("the answer", latency=0.3)

    def suspending() -> list[str]:
        async def main() -> list[str]:
            rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"}}
            async with AsyncClient(providers=rows, cache=cache) as client:
                answers = await asyncio.gather(*(client.chat("openai/m", QUESTION) for _ in range(10)))
                return [answer.text for answer in answers]

        return asyncio.run(main())

    with client_of(server, cache) as client:
        plain = [lambda: client.chat("openai/m", QUESTION).text for _ in range(5)]
        streamed = [lambda: client.stream("openai/m", QUESTION).drain().text for _ in range(5)]
        with threads(*plain, *streamed, suspending) as given:
            pass

    assert ["the answer"] * 10 + [["the answer"] * 10] == given
    assert 1 == server.calls
    assert 20 == cache.stats().misses + cache.stats().shared + cache.stats().hits


def test_if_it_fails_the_others_ask_for_themselves(server: Server) -> None:
    """An error is of one call; it is given to no other."""
    server.script(status(400, "no"))
    server.default = says("the answer", latency=0.1)
    with (
        client_of(server, Cache()) as client,
        threads(*[lambda: client.chat("openai/m", QUESTION).text for _ in range(4)]) as given,
    ):
        pass

    assert 1 == sum(isinstance(one, BadRequestError) for one in given)
    assert 3 == given.count("the answer")


def test_who_is_cancelled_hands_over(server: Server) -> None:
    """Of those who wait, one asks, and the others wait for him."""
    server.script(says("never", latency=30))
    server.default = says("the answer", latency=0.1)

    async def main() -> list[str]:
        rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"}}
        async with AsyncClient(providers=rows, cache=Cache()) as client:
            leader = asyncio.create_task(client.chat("openai/m", QUESTION))
            await asyncio.to_thread(wait_for, lambda: server.calls == 1, 5)
            others = [asyncio.create_task(client.chat("openai/m", QUESTION)) for _ in range(5)]
            await asyncio.sleep(0.05)
            leader.cancel()
            answers = await asyncio.gather(*others)
            return [answer.text for answer in answers]

    assert ["the answer"] * 5 == asyncio.run(main())
    assert 2 == server.calls


def test_a_stream_is_waited_for_to_its_end(server: Server) -> None:
    """Who asks while another reads is given the whole when that one has it."""
    server.default = events(*(TextDelta("word ") for _ in range(5)), Finish("stop"), pace=0.05)
    with client_of(server, Cache()) as client, client.stream("openai/m", QUESTION) as stream:
        next(stream)
        with threads(lambda: client.chat("openai/m", QUESTION)) as given:
            stream.drain()

    assert ("word " * 5, True) == (given[0].text, given[0].cached)
    assert 1 == server.calls


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "async"])
def test_nobody_waits_for_his_own_stream(server: Server, asynchronous: bool) -> None:
    """Who reads a stream and asks the same before its end would wait for himself: he asks at once."""
    server.script(events(*(TextDelta("word ") for _ in range(5)), Finish("stop"), pace=0.01), says("the other"))

    async def suspending() -> list[str]:
        rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"}}
        async with AsyncClient(providers=rows, cache=Cache()) as client:
            async with client.stream("openai/m", QUESTION) as stream:
                await anext(stream)
                inner, outer = await client.chat("openai/m", QUESTION), await stream.drain()
            return [inner.text, outer.text]

    def blocking() -> list[str]:
        with client_of(server, Cache()) as client, client.stream("openai/m", QUESTION) as stream:
            next(stream)
            return [client.chat("openai/m", QUESTION).text, stream.drain().text]

    before = time.monotonic()
    assert ["the other", "word " * 5] == (asyncio.run(suspending()) if asynchronous else blocking())
    assert time.monotonic() - before < 10


def test_a_stream_that_is_left_is_not_waited_for(server: Server) -> None:
    """Whoever waits asks as soon as its reader leaves, by `close` or by dropping it."""
    server.default = events(*(TextDelta("word ") for _ in range(200)), Finish("stop"), pace=0.02)
    for leave in (lambda one: one.close(), lambda one: None):
        with client_of(server, Cache()) as client:
            streams = [client.stream("openai/m", QUESTION)]
            next(streams[0])
            server.script(says("the answer"))
            with threads(lambda: client.chat("openai/m", QUESTION).text) as given:
                time.sleep(0.1)
                leave(streams.pop())

        assert ["the answer"] == given


def test_waiting_for_another_is_within_the_deadline(server: Server) -> None:
    """The call that waits ends in its time, and the other goes on."""
    server.default = says("the answer", latency=1.0)
    with client_of(server, Cache()) as client:

        def hurried() -> Any:
            time.sleep(0.1)
            return client.chat("openai/m", QUESTION, timeout=0.2)

        with threads(lambda: client.chat("openai/m", QUESTION).text, hurried) as given:
            pass

    assert "the answer" == given[0]
    assert isinstance(given[1], TimeoutError)
    assert "total" == given[1].clock


def test_nobody_waits_longer_than_he_is_told_to(server: Server) -> None:
    """After `wait` a call asks for itself."""
    server.script(says("slow", latency=1.0))
    server.default = says("quick")
    with client_of(server, Cache(wait=0.1)) as client:

        def second() -> str:
            time.sleep(0.1)
            return client.chat("openai/m", QUESTION).text

        with threads(lambda: client.chat("openai/m", QUESTION).text, second) as given:
            pass

    assert ["slow", "quick"] == given


# --- nearly the same --------------------------------------------------------------------------------------------------


def vector(text: str) -> list[float]:
    """By the number of its letters: nearly the same for texts that are."""
    return [1.0 + text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz "]


NEAR = Semantic(embed=vector, threshold=0.95)


@STREAMED
@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_a_question_nearly_the_same_is_answered(
    make_cached: Any, server: Server, where: str, streamed: bool, tmp_path: Path
) -> None:
    """With a notice of how near it was; one that is not near is asked."""
    with Cache("memory://" if where == "memory" else f"sqlite:///{tmp_path}/a.db", semantic=NEAR) as cache:
        face = make_cached(cache)
        ask(face, False)
        similar = ask(face, streamed, text="Where did you live?")
        other = ask(face, streamed, text="What is the capital of Peru?")

    assert (True, f"You said: {QUESTION}") == (similar.cached, similar.text)
    assert "similarity 0.9" in str(similar.notices[-1])
    assert (False, "You said: What is the capital of Peru?") == (other.cached, other.text)
    assert (1, 2, 2) == (cache.stats().similar, cache.stats().misses, server.calls)


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 0.1},
        {"model": "openai/m-2"},
        {"text": [Message.system("Be brief."), Message.user("Where did you live?")]},
        {"text": [Message.user("Hello"), Message.assistant("Hi"), Message.user("Where did you live?")]},
        {"reuse": False},
        {"reuse": "refresh"},
    ],
    ids=str,
)
def test_everything_but_the_last_text_must_be_the_same(make_cached: Any, changes: dict[str, Any]) -> None:
    """Another model, setting, instruction or history is another question."""
    face = make_cached(Cache(semantic=NEAR))
    ask(face, False)

    assert not ask(face, False, **{"text": "Where did you live?", **changes}).cached


def test_likeness_stays_in_its_scope(make_cached: Any) -> None:
    """Nobody is given the answer to somebody else's question."""
    cache = Cache(semantic=NEAR)
    ask(make_cached(cache.scoped("one")), False)

    assert not ask(make_cached(cache.scoped("two")), False, text="Where did you live?").cached
    assert ask(make_cached(cache.scoped("one")), False, text="Where did you live?").cached


def test_a_strict_client_takes_no_question_for_another(make_cached: Any) -> None:
    """What is sent is what was asked, or an answer to exactly that."""
    cache = Cache(semantic=NEAR, scope="one")
    ask(make_cached(cache), False)
    strict = make_cached(cache, strict=True)

    assert [False, True] == [ask(strict, False, text="Where did you live?").cached for _ in range(2)]


def test_a_model_makes_the_vectors(make_cached: Any, server: Server) -> None:
    """In requests that stand in the ledger; what they cost is not known to be nothing."""
    server.on("/v1/embeddings", embeds(8))
    face = make_cached(Cache(semantic=Semantic(embed="openai/any-model", threshold=0.1)))
    asked, similar = ask(face, False), ask(face, False, text="Where did you live?")

    assert [2, 1] == [len(answer.attempts) for answer in (asked, similar)]
    assert (True, None) == (similar.cached, similar.cost)
    assert ["/v1/embeddings", "/v1/chat/completions", "/v1/embeddings"] == [one.path for one in server.requests]


def test_without_vectors_the_call_goes_on(make_cached: Any, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A model that makes none now costs a warning, and no call."""
    server.on("/v1/embeddings", status(500))
    face = make_cached(Cache(semantic=Semantic(embed="openai/any-model", threshold=0.1)), retry=None)

    assert [False, True] == [ask(face, False).cached for _ in range(2)]
    assert 1 == len([record for record in caplog.records if record.levelno >= logging.WARNING])


def test_a_function_may_be_async(server: Server) -> None:
    """On the asyncio face it is awaited."""
    server.default = calls(echo)

    async def embed(text: str) -> list[float]:
        await asyncio.sleep(0.001)
        return vector(text)

    async def main() -> bool:
        rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"}}
        cache = Cache(semantic=Semantic(embed=embed, threshold=0.95))
        async with AsyncClient(providers=rows, cache=cache) as client:
            await client.chat("openai/m", QUESTION)
            return (await client.chat("openai/m", "Where did you live?")).cached

    assert asyncio.run(main())


def test_redis_keeps_no_vectors(redis_server: RedisServer) -> None:
    """Which is said where it is asked for."""
    with pytest.raises(ConfigError, match="keeps no vectors"):
        Cache(redis_server.url, semantic=NEAR)
