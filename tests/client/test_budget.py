"""Calls are held to their budgets: nothing is sent that does not fit, and everything that was sent is booked."""

from __future__ import annotations

import asyncio
import builtins
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman import (
    AsyncClient,
    Budget,
    BudgetError,
    Client,
    Cost,
    DragomanError,
    Fallback,
    Hedge,
    Limit,
    Retry,
    StoreError,
    StreamInterrupted,
    Timeouts,
    Usage,
    background,
)
from dragoman.testing import Server, embeds, says, status
from dragoman.testing.faults import fault

# Dollars per million tokens.  Of the prompts here nobody knows the tokens but the server, which says 100.
FACTS: dict[str, Any] = {
    "openai/m": {"prices": [{"input": "10", "output": "20"}], "context": 10_000, "max_output": 1_000},
    "anthropic/m": {"prices": [{"input": "10", "output": "20"}], "context": 10_000, "max_output": 1_000},
    "openai/dear": {"prices": [{"input": "10", "output": "90"}], "context": 10_000, "max_output": 1_000},
    "openai/vectors": {"kind": "embedding", "prices": [{"input": "1"}]},
}
USAGE = Usage(input_tokens=100, output_tokens=10)
COST = Decimal("0.0012")  # 100 x 10 + 10 x 20
HELLO = says("one two three four five six", usage=USAGE)
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
# What a lost request is charged: half of 32 + 8 tokens for the chat, and of one for two letters; at 10 a token.
PROMPT = Decimal("0.0002")


def ask(face: Any, streamed: bool, model: str = "openai/m", **settings: Any) -> Any:
    """Ask in either way and return the whole answer."""
    if not streamed:
        return face.chat(model, "Hi", **settings)
    face.events(model, "Hi", **settings)
    return face.last.response


def leave(face: Any, budget: Budget) -> None:
    """Close the connections of a budget, those of the face's own loop, too."""
    if face.name == "async":
        face.runner.run(budget.aclose())
    budget.close()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """A budget's own memory, or a file."""
    return None if request.param == "memory" else f"sqlite:///{tmp_path}/budget.db"


@pytest.fixture
def make_budget(store: str | None) -> Iterator[Callable[..., Budget]]:
    """Make budgets of one dollar."""
    made: list[Budget] = []

    def make(usd: Any = 1, **options: Any) -> Budget:
        made.append(Budget(usd=usd, **({"store": store} | options)))
        return made[-1]

    yield make
    assert background.flush(5)
    for budget in made:
        budget.close()


# --- what is booked ---------------------------------------------------------------------------------------------------


@STREAMED
def test_what_an_answer_cost_is_booked(make_face: Any, server: Server, make_budget: Any, streamed: bool) -> None:
    """When the answer is there, its cost is spent and nothing is reserved."""
    budget = make_budget(per="day")
    face = make_face(models=FACTS, budget=budget)
    server.script(HELLO, HELLO)

    answers = [ask(face, streamed), ask(face, streamed, "anthropic/m")]

    assert [COST, COST] == [answer.cost for answer in answers]
    assert (2 * COST, 0) == (budget.spent(), budget.reserved())
    assert 1 - 2 * COST == budget.left()


@STREAMED
def test_the_parts_of_a_cost_are_told(make_face: Any, server: Server, streamed: bool) -> None:
    """The answer has the sum and what it is the sum of."""
    server.script(HELLO)
    answer = ask(make_face(models=FACTS), streamed)

    assert Cost(total=COST, input=Decimal("0.001"), output=Decimal("0.0002")) == answer.cost_parts
    assert answer.cost_parts.total == answer.cost


@STREAMED
def test_unknown_is_not_zero(make_face: Any, server: Server, streamed: bool) -> None:
    """An answer without a known price has neither a cost nor parts of it."""
    server.script(HELLO)
    answer = ask(make_face(), streamed)

    assert (None, None) == (answer.cost, answer.cost_parts)


@STREAMED
def test_the_simulator_is_free(make_face: Any, streamed: bool) -> None:
    """What asks nobody costs nothing, which is known; and no budget is too small for it."""
    answer = ask(make_face(budget=Budget(usd=0)), streamed, "sim/echo")

    assert (Decimal(0), Cost(total=Decimal(0))) == (answer.cost, answer.cost_parts)


def test_while_a_stream_is_read_the_most_is_reserved(server: Server, make_budget: Any) -> None:
    """Reserved: (32 + 8 + 1) x 10 + 50 x 20 per million; spent when the last event is handed out."""
    budget = make_budget()
    server.script(HELLO)
    rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "k"}}
    with Client(providers=rows, models=FACTS, budget=budget) as client:
        with client.stream("openai/m", "Hi", max_tokens=50) as stream:
            assert (0, Decimal("0.00141")) == (budget.spent(), budget.reserved())
            finish = list(stream)[-1]
        assert ("stop", COST) == (finish.reason, budget.spent())


@STREAMED
@pytest.mark.parametrize(
    ("steps", "attempts"),
    [
        pytest.param([status(400)], 1, id="refused"),
        pytest.param([status(500)] * 3, 3, id="refused three times"),
        pytest.param([status(429, code="insufficient_quota")], 1, id="no quota"),
    ],
)
def test_what_was_refused_costs_nothing(
    make_face: Any, server: Server, make_budget: Any, streamed: bool, steps: list[Any], attempts: int
) -> None:
    """An error of the provider gives everything back."""
    budget = make_budget()
    face = make_face(models=FACTS, budget=budget, retry=Retry(base=0))
    server.script(*steps)

    with pytest.raises(DragomanError):
        ask(face, streamed)
    assert attempts == server.calls
    assert (0, 0) == (budget.spent(), budget.reserved())


@STREAMED
def test_a_request_that_got_lost_costs_its_prompt(
    make_face: Any, server: Server, make_budget: Any, streamed: bool
) -> None:
    """A connection that broke before an answer may have been billed; the answer of the repeat is booked beside it."""
    budget = make_budget()
    face = make_face(models=FACTS, budget=budget, retry=Retry(base=0))
    server.script(fault("reset_before_answer"), HELLO)

    answer = ask(face, streamed)

    assert [True, False] == [attempt.maybe_billed for attempt in answer.attempts]
    assert COST == answer.cost
    assert COST + PROMPT == budget.spent()


@STREAMED
def test_a_call_that_ran_out_of_time_costs_its_prompt(
    make_face: Any, server: Server, make_budget: Any, streamed: bool
) -> None:
    """It was sent, and nobody knows what came of it."""
    budget = make_budget()
    face = make_face(models=FACTS, budget=budget)
    server.script(fault("stall_before_answer"))

    with pytest.raises(DragomanError):
        ask(face, streamed, timeout=0.2)
    assert background.flush(5)
    assert (PROMPT, 0) == (budget.spent(), budget.reserved())


def test_a_stream_that_was_cut_costs_what_arrived(make_face: Any, server: Server, make_budget: Any) -> None:
    """The prompt by its length, the output by what was seen of it."""
    budget = make_budget()
    face = make_face(models=FACTS, budget=budget)
    server.script(fault("cut_in_text"))

    with pytest.raises(StreamInterrupted) as caught:
        face.events("openai/m", "Hi")
    assert background.flush(5)
    written = -(-len(caught.value.partial.text) // 4)
    assert PROMPT + written * Decimal("0.00002") == budget.spent()
    assert 0 == budget.reserved()


def test_a_stream_that_is_left_costs_what_was_seen(make_face: Any, server: Server, make_budget: Any) -> None:
    """Leaving settles at once in memory, and soon in a store."""
    budget = make_budget()
    face = make_face(models=FACTS, budget=budget)
    server.script(fault("stall_in_text"))

    face.leave("openai/m", "Hi", after=1)
    assert background.flush(5)
    assert PROMPT < budget.spent() < COST
    assert 0 == budget.reserved()


def test_a_stream_that_nobody_holds_settles(server: Server, make_budget: Any) -> None:
    """Also when its last reference goes, without the garbage collector."""
    budget = make_budget()
    server.script(fault("stall_in_text"))
    rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "k"}}
    gc.disable()
    try:
        with Client(providers=rows, models=FACTS, budget=budget) as client:
            stream = client.stream("openai/m", "Hi")
            next(stream)
            assert budget.reserved() > 0
            del stream
            assert background.flush(5)
            assert 0 == budget.reserved()
    finally:
        gc.enable()


def test_a_call_that_is_cancelled_costs_its_prompt(server: Server, make_budget: Any) -> None:
    """It was sent, so it may be billed."""
    budget = make_budget()
    server.script(fault("stall_before_answer"))
    rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "k"}}

    async def run() -> None:
        async with AsyncClient(providers=rows, models=FACTS, budget=budget) as client:
            with pytest.raises(builtins.TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.chat("openai/m", "Hi")
        await budget.aclose()

    asyncio.run(run())
    assert background.flush(5)
    assert 1 == server.calls
    assert (PROMPT, 0) == (budget.spent(), budget.reserved())


def test_a_call_that_is_cancelled_before_it_was_sent_costs_nothing(server: Server, make_budget: Any) -> None:
    """It was still waiting for its turn."""
    budget = make_budget()
    rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "a-key-of-its-own"}}
    limits = {"openai": [Limit(dimension="requests", amount=1, period=3_600)]}
    server.script(HELLO)

    async def run() -> None:
        async with AsyncClient(providers=rows, models=FACTS, budget=budget, limits=limits) as client:
            await client.chat("openai/m", "Hi")
            with pytest.raises(builtins.TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.chat("openai/m", "Hi")
        await budget.aclose()

    asyncio.run(run())
    assert background.flush(5)
    assert 1 == server.calls
    assert (COST, 0) == (budget.spent(), budget.reserved())


def test_vectors_are_booked(make_face: Any, server: Server, make_budget: Any) -> None:
    """Each request of a call for vectors; the answer has the sum."""
    server.on("/v1/embeddings", embeds(4, usage=Usage(input_tokens=7)))
    budget = make_budget()
    face = make_face(
        models=FACTS, budget=budget, providers={"other": {"base_url": server.base_url("openai-chat"), "auth": "none"}}
    )

    vectors = face.do("embed", "openai/vectors", ["a", "b"])

    assert Decimal("0.000007") == vectors.cost
    assert (Decimal("0.000007"), 0) == (budget.spent(), budget.reserved())
    with pytest.raises(BudgetError, match="other/vectors"):
        face.do("embed", "other/vectors", ["a"])
    assert 1 == server.calls


def test_vectors_that_are_too_dear_are_not_asked_for(make_face: Any, server: Server) -> None:
    """They are held to the budget as chats are."""
    server.on("/v1/embeddings", embeds(4))
    with pytest.raises(BudgetError, match="whole budget"):
        make_face(models=FACTS, budget=Budget(usd="0.000001")).do("embed", "openai/vectors", ["a" * 100])
    assert 0 == server.calls


# --- what is refused --------------------------------------------------------------------------------------------------


@STREAMED
def test_what_does_not_fit_is_not_sent(make_face: Any, server: Server, make_budget: Any, streamed: bool) -> None:
    """The error says what is needed, what is left, when it renews, and what helps."""
    budget = make_budget("0.03", per="hour", name="team")
    face = make_face(models=FACTS, budget=budget)
    server.script(HELLO)
    ask(face, streamed, max_tokens=1_000)  # it could have cost 20.41 thousandths

    server.script(HELLO)
    ask(face, streamed)
    with pytest.raises(BudgetError) as caught:
        ask(face, streamed, "openai/dear")
    error = caught.value

    assert 2 == server.calls
    assert ("team", Decimal("0.09041"), Decimal("0.0276")) == (error.budget, error.needed, error.left)
    assert ("openai", "dear") == (error.provider, error.model)
    assert error.retry_after is None  # it would not fit the next hour either
    assert "max_tokens" in error.message


def test_the_error_says_when_it_renews(make_face: Any, server: Server) -> None:
    """If the next window has room for it."""
    face = make_face(models=FACTS, budget=Budget(usd="0.0205", per="hour"))
    server.script(HELLO)
    ask(face, False)

    with pytest.raises(BudgetError, match="renews in") as caught:
        ask(face, False)
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 3_600


def test_max_tokens_is_not_made_smaller(make_face: Any, server: Server) -> None:
    """What was asked for is sent as it is, or not at all."""
    face = make_face(models=FACTS, budget=Budget(usd="0.01"))
    server.script(HELLO)

    with pytest.raises(BudgetError):
        ask(face, False, max_tokens=900)
    ask(face, False, max_tokens=100)
    assert server.requests[0].chat is not None
    assert 100 == server.requests[0].chat.max_tokens


@STREAMED
def test_a_price_that_is_not_known_is_refused(make_face: Any, server: Server, streamed: bool) -> None:
    """The error names what to write."""
    with pytest.raises(BudgetError, match=r"Client\(models=\{'openai/new'") as caught:
        ask(make_face(budget=Budget(usd=1)), streamed, "openai/new")
    assert (0, "models") == (server.calls, caught.value.field)


@STREAMED
def test_a_price_that_is_not_known_can_be_allowed(make_face: Any, server: Server, streamed: bool) -> None:
    """The answer says that it was not counted."""
    budget = Budget(usd=1, unknown="allow")
    server.script(HELLO)
    answer = ask(make_face(budget=budget), streamed, "openai/new")

    assert ["budget"] == [notice.field for notice in answer.notices if "does not count" in notice.text]
    assert 0 == budget.spent()


@STREAMED
def test_exceeding_can_be_allowed(make_face: Any, server: Server, make_budget: Any, streamed: bool) -> None:
    """It is counted, and the answer says so."""
    budget = make_budget("0.001", on_exceed="allow")
    server.script(HELLO)
    answer = ask(make_face(models=FACTS, budget=budget), streamed)

    assert ["budget"] == [notice.field for notice in answer.notices]
    assert (COST, 0, 0) == (budget.spent(), budget.reserved(), budget.left())


def test_of_several_budgets_all_must_have_room(make_face: Any, server: Server, make_budget: Any) -> None:
    """What one has given is given back when another refuses, and both book what was spent."""
    day, month = make_budget(1, name="day"), make_budget("0.0210", name="month")
    face = make_face(models=FACTS, budget=[day, month])
    server.script(HELLO)
    ask(face, False)

    with pytest.raises(BudgetError, match="month"):
        ask(face, False)
    assert background.flush(5)
    assert [(COST, 0), (COST, 0)] == [(one.spent(), one.reserved()) for one in (day, month)]


def test_a_plan_reserves_its_dearest_target(server: Server) -> None:
    """As often as a hedge asks at once; what is booked is who answered."""
    rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "k"}}
    server.script(status(500), HELLO, HELLO)
    roomy, tight = Budget(usd="0.091"), Budget(usd="0.09")

    async def run() -> None:
        async with AsyncClient(providers=rows, models=FACTS, budget=roomy, retry=None) as client:
            answer = await client.chat(Fallback("openai/dear", "openai/m"), "Hi")
            assert COST == answer.cost
        async with AsyncClient(providers=rows, models=FACTS, budget=tight, retry=None) as client:
            with pytest.raises(BudgetError):
                await client.chat(Fallback("openai/m", "openai/dear"), "Hi")
            with pytest.raises(BudgetError) as caught:
                await client.chat(Hedge("openai/m", after=5, most=5), "Hi")
            assert Decimal("0.10205") == caught.value.needed

    asyncio.run(run())
    assert (COST, 2) == (roomy.spent(), server.calls)


# --- sharing ----------------------------------------------------------------------------------------------------------


def test_one_budget_serves_both_faces(server: Server, make_budget: Any) -> None:
    """Clients of either face, in threads and loops at the same time, spend from one budget."""
    budget = make_budget(1)
    rows = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "k"}}
    server.script(*[HELLO] * 40)

    def blocking() -> None:
        with Client(providers=rows, models=FACTS, budget=budget) as client:
            for _ in range(10):
                client.chat("openai/m", "Hi")

    async def awaiting() -> None:
        async with AsyncClient(providers=rows, models=FACTS, budget=budget) as client:
            await asyncio.gather(*(client.chat("openai/m", "Hi") for _ in range(10)))

    works: list[Callable[[], None]] = [
        blocking,
        blocking,
        lambda: asyncio.run(awaiting()),
        lambda: asyncio.run(awaiting()),
    ]
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (40 * COST, 0) == (budget.spent(), budget.reserved())


SIM: dict[str, Any] = {"sim/lorem": {"prices": [{"input": "0", "output": "1000"}], "context": 1000}}
EACH = Decimal("0.016")  # 16 tokens at a thousand dollars a million: what is reserved, and what it costs


@pytest.fixture(params=["memory", "sqlite", "redis"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """Each store in turn, as `Budget` takes it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shared.db"
    return str(request.getfixturevalue("redis_server").url) if request.param == "redis" else None


@pytest.mark.parametrize("round_", range(3))
def test_64_threads_never_overspend(shared: str | None, round_: int) -> None:
    """With room for k calls, k of 64 that come at once are answered, and the rest are refused."""
    room = 7 + 20 * round_
    budget = Budget(usd=room * EACH, store=shared, name=f"threads-{round_}")
    budget.reset()
    together = threading.Barrier(64)

    def one(number: int) -> int:
        together.wait()
        try:
            if number % 2:
                client.chat("sim/lorem", "Go on.", max_tokens=16)
            else:
                client.stream("sim/lorem", "Go on.", max_tokens=16).drain()
        except BudgetError:
            return 0
        return 1

    with Client(models=SIM, budget=budget) as client, ThreadPoolExecutor(64) as pool:
        answered = sum(pool.map(one, range(64)))
    assert (room, room * EACH, 0) == (answered, budget.spent(), budget.reserved())
    budget.close()


@pytest.mark.parametrize("round_", range(3))
def test_64_tasks_never_overspend(shared: str | None, round_: int) -> None:
    """The same in one event loop."""
    room = 7 + 20 * round_
    budget = Budget(usd=room * EACH, store=shared, name=f"tasks-{round_}")
    budget.reset()

    async def one(client: AsyncClient, number: int) -> int:
        try:
            if number % 2:
                await client.chat("sim/lorem", "Go on.", max_tokens=16)
            else:
                async with client.stream("sim/lorem", "Go on.", max_tokens=16) as stream:
                    await asyncio.sleep(0.01)
                    await stream.drain()
        except BudgetError:
            return 0
        return 1

    async def run() -> int:
        async with AsyncClient(models=SIM, budget=budget) as client:
            answered = sum(await asyncio.gather(*(one(client, number) for number in range(64))))
        await budget.aclose()
        return answered

    assert (room, room * EACH, 0) == (asyncio.run(run()), budget.spent(), budget.reserved())
    budget.close()


@pytest.mark.parametrize("shared", ["sqlite", "redis"], indirect=True)
def test_processes_that_are_killed_do_not_break_the_budget(shared: str) -> None:
    """Of four processes two are killed: together they were answered no more often than the budget allows."""
    budget = Budget(usd=200 * EACH, store=shared, name="shared")
    budget.reset()
    command = [sys.executable, str(Path(__file__).with_name("budget_worker.py")), shared, str(200 * EACH)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    until = time.monotonic() + 20
    while budget.spent() < 30 * EACH and time.monotonic() < until:
        time.sleep(0.01)
    for worker in workers[:2]:
        worker.kill()
    told = [worker.communicate(timeout=30)[0].split("\n") for worker in workers]

    paid = sum((Decimal(line) for lines in told for line in lines if line.startswith("0.016")), Decimal(0))
    balance = budget.balance()
    assert [True, True] == ["no more" in lines for lines in told[2:]]
    assert paid <= balance.spent + balance.reserved <= budget.limit
    # What the two had under way stays reserved; nothing else does.
    assert balance.reserved <= 2 * EACH
    assert budget.limit - 2 * EACH <= paid
    budget.close()


# --- stores that fail -------------------------------------------------------------------------------------------------


@STREAMED
def test_a_store_that_is_down_lets_nothing_through(make_face: Any, server: Server, streamed: bool) -> None:
    """The error is the store's, and nothing was sent."""
    budget = Budget(usd=1, store="redis://127.0.0.1:1/0")
    with pytest.raises(StoreError, match="connect"):
        ask(make_face(models=FACTS, budget=budget), streamed)
    assert 0 == server.calls
    budget.close()


@STREAMED
def test_a_store_that_stands_still_is_waited_for_as_long_as_the_call(
    make_face: Any, server: Server, redis_server: Any, streamed: bool
) -> None:
    """The call's own deadline holds, and nothing was sent."""
    budget = Budget(usd=1, store=redis_server.url, name="still")
    budget.reset()
    face = make_face(models=FACTS, budget=budget)
    redis_server.pause()
    try:
        began = time.monotonic()
        with pytest.raises(StoreError):
            ask(face, streamed, timeout=0.3)
        took = time.monotonic() - began
    finally:
        redis_server.resume()
    assert background.flush(10)

    assert (0, True) == (server.calls, took < 2)
    assert (0, 0) == (budget.spent(), budget.reserved())
    leave(face, budget)


def test_an_answer_is_given_although_it_cannot_settle(
    make_face: Any, server: Server, redis_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What was paid for is not lost because a store is; the log says so, and it is booked when the store is back."""
    budget = Budget(usd=1, store=redis_server.url, name="slow")
    budget.reset()
    face = make_face(models=FACTS, budget=budget, timeouts=Timeouts(total=1.5))
    server.script(says("hello", usage=USAGE, latency=0.6))
    timer = threading.Timer(0.3, redis_server.pause)
    timer.start()
    try:
        answer = face.chat("openai/m", "Hi")
        time.sleep(0.2)
    finally:
        timer.join()
        redis_server.resume()
    assert background.flush(10)

    assert ("hello", COST) == (answer.text, answer.cost)
    assert "could not be settled" in caplog.text
    assert (COST, 0) == (budget.spent(), budget.reserved())
    leave(face, budget)
