"""Plans against real servers: who is asked, who answers, and what the answer says of it; on both faces."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dragoman import (
    AsyncClient,
    AuthenticationError,
    BadRequestError,
    Balance,
    Breaker,
    ChatRequest,
    ChatResponse,
    CircuitOpenError,
    Client,
    ConnectError,
    ContentFilterError,
    Context,
    DragomanError,
    Ending,
    Fallback,
    Finish,
    Hedge,
    Limit,
    Message,
    OverloadedError,
    ProviderEvent,
    RateLimitError,
    Retry,
    ServerError,
    Start,
    StreamInterrupted,
    Target,
    TextDelta,
    TimeoutError,
    Timeouts,
    Tool,
    Usage,
    UsageUpdate,
)
from dragoman import wire as wires
from dragoman.policy.base import Handler, Opened
from dragoman.testing import Server, calls, events, raw, says, status
from dragoman.types.events import Event
from dragoman.types.models import Model, Prices

QUICK = Retry(base=0.001)
PLAN = Fallback("openai/m", "anthropic/n")
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


@pytest.fixture
def second() -> Iterator[Server]:
    """Another provider."""
    with Server() as running:
        yield running


@pytest.fixture
def make(make_face: Callable[..., Any], second: Server) -> Callable[..., Any]:
    """Make a client of either face: `openai` is the first server, `anthropic` the second, `gone` nobody."""

    def made(**options: Any) -> Any:
        rows = {
            "anthropic": {"base_url": second.base_url("anthropic-messages"), "api_key": "test-key-0002"},
            "gone": {"base_url": "http://127.0.0.1:9/v1", "api_key": "test-key-0003"},
            "keyless": {"base_url": "http://127.0.0.1:9/v1", "key_env": "NO_SUCH_KEY_ANYWHERE"},
        }
        return make_face(providers=rows | options.pop("providers", {}), **{"retry": QUICK, **options})

    return made


def ask(face: Any, streamed: bool, model: Any = PLAN, **settings: Any) -> ChatResponse:
    if not streamed:
        answer: ChatResponse = face.chat(model, "Hi", **settings)
        return answer
    face.events(model, "Hi", **settings)
    whole: ChatResponse = face.last.response
    return whole


def lines(told: ChatResponse | DragomanError) -> list[tuple[str, str]]:
    return [(attempt.provider, attempt.outcome) for attempt in told.attempts]


# --- fallback ---------------------------------------------------------------------------------------------------------


@STREAMED
@pytest.mark.parametrize(
    ("step", "outcome", "times"),
    [
        pytest.param(status(500), "ServerError", 2, id="server"),
        pytest.param(status(529), "OverloadedError", 2, id="overloaded"),
        pytest.param(status(429, code="insufficient_quota"), "QuotaError", 1, id="quota"),
        pytest.param(status(401), "AuthenticationError", 1, id="key"),
        pytest.param(status(403), "PermissionDeniedError", 1, id="permission"),
        pytest.param(status(404, code="model_not_found"), "ModelNotFoundError", 1, id="no such model"),
        pytest.param(status(400, code="context_length_exceeded"), "ContextLengthError", 1, id="too long"),
        pytest.param(raw(b"<html>sorry</html>"), "WireError", 1, id="no protocol"),
        pytest.param(says("late", latency=3), "TimeoutError", 1, id="silence"),
    ],
)
def test_the_next_target_answers(
    make: Any, server: Server, second: Server, step: Any, outcome: str, times: int, streamed: bool
) -> None:
    """Whatever another target may do better goes on to it; the answer says who gave it, why, and after what."""
    server.default = step
    second.script(says("hello"))

    answer = ask(make(timeouts=Timeouts(first_event=0.8)), streamed)

    assert ("hello", "anthropic", "n") == (answer.text, answer.provider, answer.model)
    assert [("openai", outcome)] * times + [("anthropic", "ok")] == lines(answer)
    told = [notice for notice in answer.notices if notice.text.startswith("openai/m: ")]
    assert [True] == [outcome in notice.text and not notice.adapted for notice in told]
    assert (times, 1) == (server.calls, second.calls)


@STREAMED
@pytest.mark.parametrize(
    ("first", "outcome"),
    [("gone/m", "ConnectError"), ("keyless/m", "MissingKeyError")],
    ids=["no connection", "no key"],
)
def test_a_target_that_cannot_be_asked_is_passed(
    make: Any, second: Server, first: str, outcome: str, streamed: bool
) -> None:
    """No connection and no key are reasons to ask the next, and are told."""
    second.script(says("hello"))

    answer = ask(make(), streamed, Fallback(first, "anthropic/n"))

    assert "hello" == answer.text
    assert any(outcome in notice.text for notice in answer.notices)


@STREAMED
@pytest.mark.parametrize(
    ("step", "kind"),
    [
        pytest.param(status(400), BadRequestError, id="request"),
        pytest.param(status(400, code="content_filter"), ContentFilterError, id="filter"),
    ],
)
def test_what_no_other_target_does_better_is_raised(
    make: Any, server: Server, second: Server, step: Any, kind: type[DragomanError], streamed: bool
) -> None:
    """A bad request is bad everywhere; who refuses for its content is not evaded."""
    server.default = step

    with pytest.raises(kind):
        ask(make(), streamed)

    assert (1, 0) == (server.calls, second.calls)


@STREAMED
def test_on_widens_and_narrows(make: Any, server: Server, second: Server, streamed: bool) -> None:
    """The classes of `on` hold instead of the usual ones."""
    server.script(status(400, code="content_filter"), status(401))
    second.script(says("hello"))
    face, plan = make(), Fallback("openai/m", "anthropic/n", on=ContentFilterError)

    assert "hello" == ask(face, streamed, plan).text
    with pytest.raises(AuthenticationError):
        ask(face, streamed, plan)

    assert (2, 1) == (server.calls, second.calls)


def test_nothing_goes_on_after_delivery(make: Any, server: Server, second: Server) -> None:
    """A stream that breaks after its first event is an error, unless recovery was asked for."""
    server.script(events(TextDelta("half")))

    with pytest.raises(StreamInterrupted) as caught:
        ask(make(), streamed=True)

    assert "half" == caught.value.partial.text  # type: ignore[union-attr]
    assert 0 == second.calls


@STREAMED
def test_the_error_of_a_plan_names_all(make: Any, server: Server, second: Server, streamed: bool) -> None:
    """It is the last that a provider said; its message has each target's reason, its ledger every request."""
    server.default, second.default = status(503, "first is down"), status(500, "second is down")

    with pytest.raises(ServerError) as caught:
        ask(make(), streamed, Fallback("keyless/m", "openai/m", "anthropic/n", "gone/m"))

    error = caught.value
    assert ("anthropic", "n") == (error.provider, error.model)
    for told in ("keyless/m: MissingKeyError", "openai/m: OverloadedError: first is down", "gone/m: ConnectError"):
        assert told in error.message
    assert ["openai", "anthropic", "gone"] == list(dict.fromkeys(provider for provider, _ in lines(error)))


@STREAMED
@pytest.mark.parametrize(
    ("attempts", "targets", "expected"),
    [(3, 2, [2, 1]), (5, 2, [4, 1]), (1, 3, [1, 1, 1]), (3, 4, [1, 1, 1, 1]), (4, 3, [2, 1, 1])],
)
def test_attempts_are_shared(
    make: Any, server: Server, attempts: int, targets: int, expected: list[int], streamed: bool
) -> None:
    """A plan sends no more than the retry's attempts, and each target is asked at least once."""
    server.default = status(500)
    plan = Fallback(*(f"openai/m{number}" for number in range(targets)))

    with pytest.raises(ServerError) as caught:
        ask(make(retry=Retry(attempts=attempts, base=0.0), breaker=None), streamed, plan)

    asked = Counter(request.chat.model for request in server.requests if request.chat)
    assert expected == [asked[f"m{number}"] for number in range(targets)]
    assert sum(expected) == len(caught.value.attempts)
    assert 1 == len({request.headers["idempotency-key"] for request in server.requests})


def test_the_total_deadline_is_over_all(make: Any, server: Server, second: Server) -> None:
    """A call ends in its time, however many targets there are; no time left, no next target."""
    server.default = second.default = says("late", latency=5)
    face = make(timeouts=Timeouts(first_event=0.7))
    before = time.monotonic()

    with pytest.raises(TimeoutError) as caught:
        ask(face, False, Fallback("openai/m", "anthropic/n", "openai/o"), timeout=1.2)

    assert "total" == caught.value.clock
    assert (1, 1) == (server.calls, second.calls)
    assert time.monotonic() - before < 2.0


def test_keys_are_the_targets_own(make: Any, server: Server) -> None:
    """Each request carries the key of its target, and no other."""
    server.script(status(429, code="insufficient_quota"), status(401), says("hello"))
    plan = Fallback(Target("openai/m", api_key="key-one-11"), Target("openai/m", api_key="key-two-22"), "openai/m")

    answer = ask(make(), False, plan)

    sent = [request.headers["authorization"].split()[1] for request in server.requests]
    assert ["key-one-11", "key-two-22", "test-key-0001"] == sent
    assert ["openai/m #1: QuotaError", "openai/m #2: AuthenticationError"] == [
        notice.text.partition(": the script")[0] for notice in answer.notices if "another target" in notice.text
    ]
    assert not any("key-one" in text or "key-two" in text for text in map(str, answer.notices))


@STREAMED
def test_a_plan_by_its_name(make: Any, server: Server, second: Server, streamed: bool) -> None:
    """`routes=` gives a plan a name, which stands for a model, also in other plans and in ready requests."""
    face = make(
        routes={"fast": Balance("slow", "openai/m"), "slow": "openai/m", "any": Fallback("fast", "anthropic/n")}
    )
    server.default, second.default = status(401), says("hello")

    assert "hello" == ask(face, streamed, "any").text
    request = ChatRequest("any", (Message.user("Hi"),))
    if face.name == "blocking":
        assert "hello" == face.client.send(request).text


def test_middleware_sees_the_first_model(make: Any, server: Server, second: Server) -> None:
    """It stands outside the plan: it sees one call, and one that sets another model takes the call off its plan."""
    seen: list[str] = []
    turned = [""]

    def middleware(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Opened:
            seen.append(request.model)
            return await handler(request.directed(model=turned[0] or request.model), context)

        return handle

    face = make(middleware=[middleware])
    server.default, second.default = status(401), says("hello")

    assert "hello" == ask(face, False).text
    turned[0] = "openai/other"
    with pytest.raises(AuthenticationError):
        ask(face, False)
    assert ["openai/m", "openai/m"] == seen


@STREAMED
def test_a_call_by_a_plan_ends_once(make: Any, server: Server, second: Server, streamed: bool) -> None:
    """The targets that failed do not end the call; the one that answered does, or the last error."""
    endings: list[Ending] = []

    def middleware(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Opened:
            context.at_end(endings.append)
            return await handler(request, context)

        return handle

    face = make(middleware=[middleware])
    server.default = status(500)
    second.script(says("a b"), status(401))

    ask(face, streamed)
    with pytest.raises(DragomanError):
        ask(face, streamed)

    assert ["stop", None] == [ending.finish_reason for ending in endings]
    assert 2 == endings[0].usage.output_tokens
    assert isinstance(endings[1].error, AuthenticationError)


# --- balance ----------------------------------------------------------------------------------------------------------


def test_calls_are_spread_by_weight(make: Any, server: Server) -> None:
    """Of two keys, the heavier gets more; and where one fails, the other answers."""
    server.default = says("hello")
    plan = Balance(
        Target("openai/m", api_key="key-one-11", weight=9), Target("openai/m", api_key="key-two-22", weight=1)
    )
    face = make()

    for _ in range(60):
        ask(face, False, plan)

    sent = Counter(request.headers["authorization"].split()[1] for request in server.requests)
    assert 60 == sum(sent.values())
    assert sent["key-one-11"] > sent["key-two-22"]


def test_calls_go_to_the_quicker(make: Any, server: Server, second: Server) -> None:
    """After each was asked, most calls go to the one whose first content comes sooner."""
    server.default, second.default = says("slow", latency=0.05), says("quick")
    face, plan = make(), Balance("openai/m", "anthropic/n", by="latency")

    for _ in range(20):
        ask(face, False, plan)

    assert second.calls > server.calls >= 1


def test_another_is_asked_where_one_fails(make: Any, server: Server, second: Server) -> None:
    """A balance is left only when all of it failed."""
    server.default, second.default = status(401), says("hello")
    face, plan = make(), Fallback(Balance("openai/m", "anthropic/n"), "gone/m")

    assert {"hello"} == {ask(face, False, plan).text for _ in range(10)}


@STREAMED
def test_a_line_is_not_waited_in_while_another_is_free(
    make: Any, server: Server, second: Server, streamed: bool
) -> None:
    """A call that would wait longer than its patience for its turn goes to the next target; the last one waits."""
    server.default, second.default = says("first"), says("second")
    face = make(limits={"openai/paced": [Limit(dimension="requests", amount=1, period=3600.0)]})
    plan = Fallback("openai/paced", "anthropic/n", patience=0.5)

    answers = [ask(face, streamed, plan) for _ in range(3)]

    assert ["first", "second", "second"] == [answer.text for answer in answers]
    assert any("DeadlineError" in notice.text for notice in answers[1].notices)


# --- the breaker ------------------------------------------------------------------------------------------------------


@STREAMED
def test_a_target_that_failed_too_often_is_passed_over(
    make: Any, server: Server, second: Server, streamed: bool
) -> None:
    """After five failures nothing is sent to it; the notice says so."""
    server.default, second.default = status(500), says("hello")
    face = make(retry=None)

    answers = [ask(face, streamed) for _ in range(8)]

    assert {"hello"} == {answer.text for answer in answers}
    assert (5, 8) == (server.calls, second.calls)
    assert any("CircuitOpenError" in notice.text for notice in answers[-1].notices)
    assert [("anthropic", "ok")] == lines(answers[-1])


def test_refusals_are_no_failures(make: Any, server: Server, second: Server) -> None:
    """Limits, keys and quotas do not open a circuit."""
    server.default, second.default = status(401), says("hello")
    face = make(retry=None)

    for _ in range(8):
        ask(face, False)

    assert 8 == server.calls


def test_a_probe_finds_out_that_it_works_again(make: Any, server: Server, second: Server) -> None:
    """After the cool-down one request goes; when it is answered, the target is back."""
    server.script(*[status(500)] * 2)
    server.default, second.default = says("first"), says("second")
    face = make(retry=None, breaker=Breaker(failures=2, cooldown=0.2))

    assert ["second"] * 3 == [ask(face, False).text for _ in range(3)]
    time.sleep(0.25)

    assert ["first"] * 3 == [ask(face, False).text for _ in range(3)]


def test_where_all_are_left_alone_nothing_is_sent(make: Any, server: Server, second: Server) -> None:
    """The error comes at once, and says when to come again."""
    server.default = second.default = status(500)
    face = make(retry=None, breaker=Breaker(failures=1, cooldown=30.0))
    with pytest.raises(ServerError):
        ask(face, False)

    with pytest.raises(CircuitOpenError) as caught:
        ask(face, False)

    assert (1, 1) == (server.calls, second.calls)
    assert 25 < caught.value.retry_after <= 30  # type: ignore[operator]
    assert "anthropic/n" in caught.value.message


@STREAMED
def test_a_single_model_is_watched_where_it_is_asked_for(make: Any, server: Server, streamed: bool) -> None:
    """`breaker=Breaker()` holds for every call; by default only plans have one."""
    server.default = status(500)
    watched, unwatched = make(retry=None, breaker=Breaker(failures=2)), make(retry=None)

    for _ in range(2):
        with pytest.raises(ServerError):
            ask(watched, streamed, "openai/m")
    with pytest.raises(CircuitOpenError):
        ask(watched, streamed, "openai/m")
    for _ in range(8):
        with pytest.raises(ServerError):
            ask(unwatched, streamed, "openai/m")

    assert 2 + 8 == server.calls


def test_an_attempt_that_opens_the_circuit_is_the_last(make: Any, server: Server) -> None:
    """The call ends with what the provider said, not with our refusal to ask again."""
    server.default = status(500)

    with pytest.raises(ServerError) as caught:
        ask(make(breaker=Breaker(failures=2), retry=Retry(attempts=5, base=0.0)), False, "openai/m")

    assert 2 == server.calls == len(caught.value.attempts)


def test_a_stream_counts_at_its_end(make: Any, server: Server) -> None:
    """One that is cut after its first words is a failure; one that is left, or whole, is none."""
    cut = events(TextDelta("half"))
    server.script(cut, says("a b c d", pace=0.01), cut, says("whole"), cut, cut)
    face = make(breaker=Breaker(failures=2))

    for number in range(6):
        if number == 1:
            face.leave("openai/m", "Hi", after=2)
        elif number == 3:
            face.events("openai/m", "Hi")
        else:
            with pytest.raises(StreamInterrupted):
                face.events("openai/m", "Hi")
    with pytest.raises(CircuitOpenError):
        face.events("openai/m", "Hi")

    assert 6 == server.calls


def test_threads_share_what_is_known(server: Server) -> None:
    """Of 40 calls in eight threads no more than a few reach a target that is down."""
    server.default = status(500)
    rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"}}
    kinds: list[type] = []

    with Client(providers=rows, retry=None, breaker=Breaker(failures=3)) as client:

        def work() -> None:
            for _ in range(5):
                with pytest.raises(DragomanError) as caught:
                    client.chat("openai/m", "Hi")
                kinds.append(type(caught.value))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert {ServerError, CircuitOpenError} == set(kinds)
    assert 40 == len(kinds)
    assert 3 <= server.calls <= 3 + 8


# --- hedging ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def rows(server: Server, second: Server) -> dict[str, Any]:
    return {
        "openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"},
        "anthropic": {"base_url": second.base_url("anthropic-messages"), "api_key": "test-key-0002"},
    }


async def hedged(client: AsyncClient, streamed: bool, plan: Hedge) -> ChatResponse:
    if not streamed:
        return await client.chat(plan, "Hi")
    async with client.stream(plan, "Hi") as stream:
        return await stream.drain()


@STREAMED
def test_a_hedge_wins(rows: Any, server: Server, second: Server, streamed: bool) -> None:
    """The quicker answer is given; the slow request is closed within 100 ms and stands in the ledger as `hedged`."""
    server.script(says("slow", latency=5))
    second.script(says("quick"))

    async def run() -> ChatResponse:
        async with AsyncClient(providers=rows, retry=QUICK) as client:
            return await hedged(client, streamed, Hedge(PLAN, after=0.1))

    answer = asyncio.run(run())

    assert ("quick", "anthropic") == (answer.text, answer.provider)
    assert [("openai", "hedged"), ("anthropic", "ok")] == lines(answer)
    assert (True, False) == tuple(attempt.maybe_billed for attempt in answer.attempts)
    assert any("within 0.1 s" in notice.text for notice in answer.notices)
    closed, sent = server.requests[0].wait_closed(), second.requests[0].received_at
    assert closed is not None
    assert closed - sent < 0.2
    assert 2 == len({request.headers["idempotency-key"] for request in (*server.requests, *second.requests)})


@STREAMED
def test_a_hedge_loses(rows: Any, server: Server, second: Server, streamed: bool) -> None:
    """The first is given where its content comes first, and it is the other that is left."""
    server.script(says("first", latency=0.2))
    second.script(says("late", latency=5))

    async def run() -> ChatResponse:
        async with AsyncClient(providers=rows, retry=QUICK) as client:
            return await hedged(client, streamed, Hedge(PLAN, after=0.05))

    answer = asyncio.run(run())

    assert "first" == answer.text
    assert [("openai", "ok"), ("anthropic", "hedged")] == lines(answer)
    assert second.requests[0].wait_closed() is not None


def test_a_quick_answer_is_not_hedged(rows: Any, server: Server, second: Server) -> None:
    """Nothing is sent beside it, and nothing is said of it."""
    server.script(says("quick"))

    async def run() -> ChatResponse:
        async with AsyncClient(providers=rows) as client:
            return await hedged(client, False, Hedge(PLAN, after=1.0))

    answer = asyncio.run(run())

    assert [("openai", "ok")] == lines(answer)
    assert 0 == second.calls
    assert not any("beside" in notice.text for notice in answer.notices)


@STREAMED
def test_both_fail(rows: Any, server: Server, second: Server, streamed: bool) -> None:
    """The first's error is raised, with both requests."""
    failure = b'{"error": {"message": "first", "type": "server_error"}}'
    server.script(raw(failure, status=500, latency=0.2), status(401, "second"))

    async def run() -> ChatResponse:
        async with AsyncClient(providers=rows, retry=None) as client:
            return await hedged(client, streamed, Hedge("openai/m", after=0.05))

    with pytest.raises(ServerError) as caught:
        asyncio.run(run())

    assert [("openai", "ServerError"), ("openai", "AuthenticationError")] == lines(caught.value)


def test_a_hedge_that_fails_is_not_the_end(rows: Any, server: Server, second: Server) -> None:
    """The first goes on, and its answer is given; the hedge is not repeated."""
    server.script(says("first", latency=0.2))
    server.default = status(500)

    async def run() -> ChatResponse:
        async with AsyncClient(providers=rows, retry=QUICK) as client:
            return await hedged(client, False, Hedge("openai/m", after=0.05))

    answer = asyncio.run(run())

    assert [("openai", "ok"), ("openai", "ServerError")] == lines(answer)
    assert 2 == server.calls


def test_a_call_that_is_cancelled_leaves_both(rows: Any, server: Server, second: Server) -> None:
    """Both connections are closed, and the call has ended once."""
    server.script(says("slow", latency=5))
    second.script(says("slow", latency=5))
    endings: list[Ending] = []

    def middleware(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Opened:
            context.at_end(endings.append)
            return await handler(request, context)

        return handle

    async def run() -> None:
        async with AsyncClient(providers=rows, middleware=[middleware]) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.chat(Hedge(PLAN, after=0.05), "Hi"), 0.3)
            assert 1 == len(asyncio.all_tasks())

    asyncio.run(run())

    assert server.requests[0].wait_closed() is not None
    assert second.requests[0].wait_closed() is not None
    assert [(None, None)] == [(ending.finish_reason, ending.error) for ending in endings]


def test_a_hedge_does_not_stand_in_line(rows: Any, server: Server) -> None:
    """One that would have to wait for its turn is not sent."""
    server.script(says("first", latency=0.3))

    async def run() -> ChatResponse:
        limits = {"openai/one-an-hour": [Limit(dimension="requests", amount=1, period=3600.0)]}
        async with AsyncClient(providers=rows, limits=limits) as client:
            return await client.chat(Hedge("openai/one-an-hour", after=0.05), "Hi")

    assert [("openai", "ok")] == lines(asyncio.run(run()))
    assert 1 == server.calls


def test_a_hedge_learns_when_it_is_due(rows: Any, server: Server) -> None:
    """Without `after`, the first twenty calls are not hedged; then what 95 of 100 took is waited for."""
    server.script(*[says("quick")] * 20, says("slow", latency=5), says("quick"))
    plan = Hedge("openai/m")

    async def run() -> list[ChatResponse]:
        async with AsyncClient(providers=rows) as client:
            return [await client.chat(plan, "Hi") for _ in range(21)]

    answers = asyncio.run(run())

    assert {"quick"} == {answer.text for answer in answers}
    assert ["hedged", "ok"] == [attempt.outcome for attempt in answers[-1].attempts]


def test_a_hedge_in_a_fallback(rows: Any, server: Server, second: Server) -> None:
    """Where both requests of a hedge failed, the plan goes on; attempts are shared by all."""
    server.script(raw(b"{}", status=500, latency=0.2), status(500))
    second.script(says("at last"))

    async def run() -> ChatResponse:
        async with AsyncClient(providers=rows, retry=QUICK) as client:
            return await client.chat(Fallback(Hedge("openai/m", after=0.05), "anthropic/n"), "Hi")

    answer = asyncio.run(run())

    assert "at last" == answer.text
    assert [("openai", "ServerError"), ("openai", "ServerError"), ("anthropic", "ok")] == lines(answer)


# --- recovery ---------------------------------------------------------------------------------------------------------

RECOVERING = Fallback("openai/m", "anthropic/n", recover=True)
CUT = events(Start("one"), TextDelta("The quick "), TextDelta("brown "))


def texts(found: list[Event]) -> str:
    return "".join(event.text for event in found if isinstance(event, TextDelta))


def seams(found: list[Event]) -> list[Any]:
    return [event.data["seam"] for event in found if isinstance(event, ProviderEvent) and event.wire == "dragoman"]


@pytest.mark.parametrize(
    ("step", "error"),
    [
        pytest.param(CUT, "StreamInterrupted", id="cut"),
        pytest.param(
            raw(
                b'data: {"choices":[{"index":0,"delta":{"content":"The quick brown "}}]}\n\n',
                b'data: {"error": {"message": "boom", "type": "server_error"}}\n\n',
                pace=0.02,
            ),
            "ServerError",
            id="error event",
        ),
        pytest.param(
            raw(b'data: {"choices":[{"index":0,"delta":{"content":"The quick brown "}}]}\n\n', b"data", pace=3),
            "TimeoutError",
            id="silence",
        ),
    ],
)
def test_another_target_goes_on(make: Any, server: Server, second: Server, step: Any, error: str) -> None:
    """The words that came are kept, what is repeated of them is taken out, and the seam is marked."""
    server.script(step)
    second.script(says("quick brown fox jumps."))
    face = make(timeouts=Timeouts(idle=0.3))

    found = face.events(RECOVERING, "Tell.")

    assert "The quick brown fox jumps." == texts(found) == face.last.response.text
    assert [{"provider": "openai", "model": "m", "at": 16, "error": error}] == seams(found)
    assert 1 == sum(isinstance(event, Finish) for event in found)
    assert isinstance(found[-1], Finish)
    answer = face.last.response
    assert ("anthropic", "n", "stop") == (answer.provider, answer.model, answer.finish_reason)
    assert [("openai", error), ("anthropic", "ok")] == lines(answer)
    assert any("broke off after 16 characters" in notice.text for notice in answer.notices)
    asked = second.requests[0].chat
    assert asked is not None
    assert ["user", "assistant", "user"] == [message.role for message in asked.messages]
    assert "The quick brown " == asked.messages[1].text


def test_a_model_that_takes_a_beginning_is_given_one(make: Any, server: Server, second: Server) -> None:
    """A Claude that goes on with its own words is given them, without a turn that asks it to."""
    server.script(CUT)
    second.script(says("fox."))
    face = make()

    face.events(Fallback("openai/m", "anthropic/claude-haiku-4-5", recover=True), "Tell.")

    asked = second.requests[0].chat
    assert asked is not None
    assert [("user", "Tell."), ("assistant", "The quick brown")] == [(m.role, m.text) for m in asked.messages]
    assert "The quick brown fox." == face.last.response.text


def test_a_second_break_is_mended_too(make: Any, server: Server, second: Server) -> None:
    """Once around: the first target is asked again where the second broke off, and no more often than there are any."""
    server.script(events(TextDelta("one ")), events(TextDelta("three ")))
    second.script(events(TextDelta("two ")), events(TextDelta("four ")))
    face = make()

    with pytest.raises(StreamInterrupted) as caught:
        face.events(RECOVERING, "Count.")

    assert (2, 1) == (server.calls, second.calls)
    assert "one two three " == caught.value.partial.text  # type: ignore[union-attr]
    assert 3 == len(caught.value.attempts)


def test_where_none_goes_on_the_break_is_the_error(make: Any, server: Server, second: Server) -> None:
    """It has the words that came, every request, and why the other targets did not help."""
    server.script(CUT)
    server.default = second.default = status(401, "no")
    face = make()

    with pytest.raises(StreamInterrupted) as caught:
        face.events(RECOVERING, "Tell.")

    assert "The quick brown " == caught.value.partial.text  # type: ignore[union-attr]
    assert "anthropic/n: AuthenticationError" in caught.value.message
    assert ["StreamInterrupted", "AuthenticationError", "AuthenticationError"] == [
        attempt.outcome for attempt in caught.value.attempts
    ]


@pytest.mark.parametrize(
    "settings",
    [{"tools": [Tool(name="look")]}, {"output": {"type": "object"}}, {"extra": {"response_format": {}}}],
    ids=["tools", "form", "form in a dialect's words"],
)
def test_tools_and_forms_are_never_patched(make: Any, server: Server, second: Server, settings: Any) -> None:
    """A seam in JSON or between calls would be an answer that nobody gave."""
    server.script(CUT)
    second.default = says("fox")

    with pytest.raises(StreamInterrupted):
        make().events(RECOVERING, "Tell.", **settings)

    assert 0 == second.calls


def test_what_was_used_is_summed(make: Any, server: Server, second: Server) -> None:
    """Where all pieces told their numbers, the whole has their sum; the end of the call has it, too."""
    used = Usage(input_tokens=10, output_tokens=3)
    endings: list[Ending] = []
    server.script(raw(*_anthropic(UsageUpdate(used), TextDelta("one ")), pace=0.01))
    second.script(says("two", usage=Usage(input_tokens=20, output_tokens=4)))

    def middleware(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Opened:
            context.at_end(endings.append)
            return await handler(request, context)

        return handle

    rows = {
        "first": {
            "base_url": server.base_url("anthropic-messages"),
            "api_key": "k-1234567",
            "wire": "anthropic-messages",
        }
    }
    face = make(
        providers=rows,
        middleware=[middleware],
        models={"anthropic/n": Model(prices=(Prices(input=1, output=1),))},  # type: ignore[arg-type]
    )

    found = face.events(Fallback("first/m", "anthropic/n", recover=True), "Tell.")

    usage = face.last.response.usage
    assert usage.details is not None
    told = [piece["output_tokens"] for piece in usage.details["pieces"]]
    assert (30, sum(told), 2) == (usage.input_tokens, usage.output_tokens, len(told))
    assert None is face.last.response.cost
    assert [usage.input_tokens] == [ending.usage.input_tokens for ending in endings]
    assert usage == [event.usage for event in found if isinstance(event, UsageUpdate)][-1]


def _anthropic(*sequence: Event) -> list[bytes]:
    """A stream of Anthropic's dialect that has no end."""
    encoder = wires.get("anthropic-messages").encoder()
    return [data for event in (Start("id", "m"), *sequence) if (data := encoder.feed(event))]


def test_a_plain_call_recovers_where_its_answer_came_in_pieces(make: Any, server: Server, second: Server) -> None:
    """Some providers stream whatever was asked: what they sent of an answer that was cut is kept."""
    stream = {"content-type": "text/event-stream"}
    server.script(raw(b'data: {"choices":[{"index":0,"delta":{"content":"The quick "}}]}\n\n', headers=stream))
    second.script(says("brown fox."))

    answer = make().chat(RECOVERING, "Tell.")

    assert ("The quick brown fox.", "anthropic") == (answer.text, answer.provider)
    assert [("openai", "StreamInterrupted"), ("anthropic", "ok")] == lines(answer)


def test_a_recovering_stream_that_is_left_is_closed(make: Any, server: Server, second: Server) -> None:
    """Also after a seam: the upstream sees it at once."""
    server.script(CUT)
    second.script(says("word " * 200, pace=0.02))
    face = make()

    found = face.leave(RECOVERING, "Tell.", after=5)

    assert 5 == len(found)
    assert second.requests[0].wait_closed(2.0) is not None


def test_a_dropped_stream_of_a_plan_is_closed(server: Server, second: Server, rows: Any) -> None:
    """Without the collector's help: there is no reference cycle."""
    server.script(CUT)
    second.script(says("word " * 200, pace=0.02))
    gc.disable()
    try:
        with Client(providers=rows) as client:
            stream = client.stream(RECOVERING, "Tell.")
            for _ in range(5):
                next(stream)
            del stream
            assert second.requests[0].wait_closed(2.0) is not None
    finally:
        gc.enable()


def test_a_rate_limit_with_a_long_wait_goes_to_the_next(make: Any, server: Server, second: Server) -> None:
    """`Retry-After: 60` is not slept off while another target is there; alone, it is obeyed or raised."""
    server.default, second.default = status(429, retry_after=60), says("hello")
    before = time.monotonic()

    assert "hello" == ask(make(), False).text
    assert time.monotonic() - before < 2
    with pytest.raises(RateLimitError):
        ask(make(), False, "openai/other", timeout=1)


def test_errors_of_each_kind_are_still_themselves(make: Any, server: Server) -> None:
    """A plan of one target raises what the target gave, unchanged."""
    server.default = status(529, "busy")

    with pytest.raises(OverloadedError) as caught:
        ask(make(), False, Fallback("openai/m"))
    with pytest.raises(ConnectError):
        ask(make(), False, Balance("gone/m"))

    assert "busy" == caught.value.message


# --- any plan, any fault ----------------------------------------------------------------------------------------------

_STEPS = (
    status(500),
    status(429, retry_after=0.01),
    status(401),
    status(400),
    raw(b"<html>"),
    raw(b'data: {"choices"', b"cut", pace=0.0),
    events(TextDelta("a "), TextDelta("b ")),
    says("a b c d"),
    says("a b c d", latency=0.03),
    says("a b c d", pace=0.002),
)


def plan_of(chance: random.Random, deep: int, *, hedges: bool) -> Any:
    """Any plan, a few levels deep."""
    if deep == 0 or chance.random() < 0.3:
        return chance.choice(["openai/m", Target("openai/n", api_key="key-two-22", weight=2), "anthropic/n", "gone/m"])
    if hedges and chance.random() < 0.3:
        return Hedge(plan_of(chance, deep - 1, hedges=False), after=0.01)
    below = [plan_of(chance, deep - 1, hedges=hedges) for _ in range(chance.randint(1, 3))]
    if chance.random() < 0.5:
        return Fallback(*below, recover=chance.random() < 0.5)
    return Balance(*below, by=chance.choice(["weight", "latency"]))


@pytest.mark.parametrize("seed", range(6))
def test_any_plan_with_any_faults(make: Any, server: Server, second: Server, seed: int) -> None:
    """
    A whole answer or one of our errors; every request that a server saw stands in the ledger; the call ends once.
    """
    chance, endings = random.Random(seed), list[Ending]()

    def middleware(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Opened:
            context.at_end(endings.append)
            return await handler(request, context)

        return handle

    clocks = Timeouts(connect=0.5, first_event=0.5, idle=0.2, total=5)
    face = make(middleware=[middleware], timeouts=clocks, limit=None)
    for number in range(25):
        server.default, second.default = chance.choice(_STEPS), chance.choice(_STEPS)
        plan, before = plan_of(chance, 3, hedges=face.name == "async"), server.calls + second.calls
        told: ChatResponse | DragomanError
        try:
            told = ask(face, chance.random() < 0.6, plan)
        except DragomanError as error:
            told = error
        else:
            assert told.text.startswith("a b"), plan
        sent = [attempt for attempt in told.attempts if attempt.provider != "gone"]
        hedged = sum(attempt.outcome == "hedged" for attempt in sent)
        assert len(sent) - hedged <= server.calls + second.calls - before <= len(sent), plan
        assert not any(attempt.outcome == "pending" for attempt in told.attempts)
        assert number + 1 == len(endings)
        assert (endings[-1].error is None) == isinstance(told, ChatResponse)


def test_hedges_leave_nothing_behind(rows: Any, server: Server) -> None:
    """After 300 calls at once, most of them hedged, no task and no connection in use is left."""
    chance = random.Random(3)
    server.default = calls(lambda chat: says("hello", latency=chance.choice([0.0, 0.05, 0.3])))

    async def run() -> None:
        async with AsyncClient(providers=rows, limit=None) as client:
            answers = await asyncio.gather(*(client.chat(Hedge("openai/m", after=0.02), "Hi") for _ in range(300)))
            assert {"hello"} == {answer.text for answer in answers}
            assert any(attempt.outcome == "hedged" for answer in answers for attempt in answer.attempts)
            assert 1 == len(asyncio.all_tasks())

    asyncio.run(run())
    deadline = time.monotonic() + 2
    while server.connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert 0 == server.connections
