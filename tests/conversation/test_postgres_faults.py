"""The line to Postgres is cut at each message, and the server is restarted: nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any, NamedTuple

import pytest

from dragoman import Client, DragomanError, Message, StoreError
from dragoman.conversation.model import Ask, Busy, Done, Go, Mark, Outcome, Piece, Ref, write_events
from dragoman.conversation.nodes import ROOT, Place, node
from dragoman.conversation.postgres.store import PostgresStore
from dragoman.runtime import AsyncRuntime, BlockingRuntime, Runtime, drive
from dragoman.testing import Server
from dragoman.types.events import TextDelta
from tests.conversation.conftest import rows_of
from tests.conversation.cutting import Line
from tests.schemas import fresh_schema
from tests.services import PostgresServer

BLOCKING = BlockingRuntime()
INPUT = b'[{"role":"user","parts":[{"type":"text","text":"ok?"}]}]'
NODES = tuple(node("message", Message.user(text)) for text in ("ok?", "yes"))
PIECE = Piece(0, write_events([TextDelta("ye")]))
LEASE = 0.1

Do = Callable[[Callable[[Runtime], Awaitable[Any]]], Any]


@pytest.fixture(params=["blocking", "asyncio"])
def do(request: pytest.FixtureRequest) -> Iterator[Do]:
    """Run one step on either face; the connections of the asyncio face stay from step to step."""
    if request.param == "blocking":
        yield lambda step: drive(step(BLOCKING))  # type: ignore[arg-type]
        return
    with asyncio.Runner() as runner:
        yield lambda step: runner.run(step(AsyncRuntime()))  # type: ignore[arg-type]


class Scene(NamedTuple):
    """A store behind the line, the same straight, and a conversation."""

    far: PostgresStore
    near: PostgresStore
    ref: Ref

    async def begin(self, runtime: Runtime, key: str = "t1", ttl: float = 30.0) -> Any:
        ask = Ask(key=key, input=INPUT, digest=hashlib.sha256(INPUT).digest(), ttl=ttl, wait=False)
        return await self.far.begin(runtime, self.ref, ask)

    async def commit(self, runtime: Runtime, go: Go, key: str = "t1") -> Place:
        outcome = Outcome(state="done", nodes=NODES, answer=b"answer", pieces=(PIECE,))
        return await self.far.commit(runtime, Mark(go.ref, key, go.fence), outcome)

    def kept(self) -> list[str]:
        path = drive(self.near.read(BLOCKING, self.ref))
        return [kept.value.text for kept in path.nodes] if path else []  # type: ignore[union-attr]

    def turns(self) -> int:
        return sum(listed.turns for listed in drive(self.near.scan(BLOCKING, self.ref.tenant)))


@pytest.fixture(scope="module")
def postgres(postgres_server: PostgresServer) -> str:
    return fresh_schema(postgres_server, "talk")


@pytest.fixture
def line(postgres_server: PostgresServer) -> Iterator[Line]:
    running = Line(postgres_server.port)
    yield running
    running.close()


# --- what is done, and what must hold afterwards; each begins with an empty conversation ------------------------------


class Begin:
    """A turn that begins, as often as it takes, and is committed."""

    def before(self, do: Do, scene: Scene) -> None:
        pass

    async def once(self, runtime: Runtime, scene: Scene) -> Any:
        return await scene.begin(runtime, ttl=LEASE)

    def after(self, do: Do, scene: Scene, got: Any) -> None:
        end = time.monotonic() + 5
        while isinstance(got, Busy):  # it began, and was not told
            assert "t1" == got.key
            assert time.monotonic() < end
            time.sleep(LEASE / 4)
            got = do(lambda runtime: scene.begin(runtime))
        assert isinstance(got, Go)
        do(lambda runtime: scene.commit(runtime, got))
        assert ["ok?", "yes"] == scene.kept()
        assert 1 == scene.turns()


class Held:
    """What a turn does that has begun."""

    go: Go

    def before(self, do: Do, scene: Scene) -> None:
        self.go = do(lambda runtime: scene.begin(runtime))

    def pieces(self, scene: Scene) -> tuple[Piece, ...]:
        found = drive(scene.near.turn(BLOCKING, scene.ref, "t1"))
        assert found is not None
        return found.pieces


class Renew(Held):
    async def once(self, runtime: Runtime, scene: Scene) -> Any:
        return await scene.far.renew(runtime, Mark(self.go.ref, "t1", self.go.fence), 30.0)

    def after(self, do: Do, scene: Scene, got: Any) -> None:
        assert got is True


class Emit(Held):
    async def once(self, runtime: Runtime, scene: Scene) -> Any:
        return await scene.far.emit(runtime, Mark(self.go.ref, "t1", self.go.fence), PIECE, 30.0)

    def after(self, do: Do, scene: Scene, got: Any) -> None:
        assert got is True
        assert (PIECE,) == self.pieces(scene)


class Commit(Held):
    async def once(self, runtime: Runtime, scene: Scene) -> Any:
        return await scene.commit(runtime, self.go)

    def after(self, do: Do, scene: Scene, got: Any) -> None:
        assert Place(0, 2) == got
        assert ["ok?", "yes"] == scene.kept()
        assert (PIECE,) == self.pieces(scene)
        assert isinstance(do(lambda runtime: scene.begin(runtime)), Done)


class Append:
    """What was written is found by who reads again: the version that it saw is over."""

    def before(self, do: Do, scene: Scene) -> None:
        pass

    async def once(self, runtime: Runtime, scene: Scene) -> Any:
        return await scene.far.append(runtime, scene.ref, 0, ROOT, NODES)

    def after(self, do: Do, scene: Scene, got: Any) -> None:
        assert got in (Place(0, 2), None)
        assert ["ok?", "yes"] == scene.kept()


class Whole(Held):
    """What is done to a conversation with one turn."""

    def before(self, do: Do, scene: Scene) -> None:
        super().before(do, scene)
        do(lambda runtime: scene.commit(runtime, self.go))


class Fork(Whole):
    async def once(self, runtime: Runtime, scene: Scene) -> Any:
        return await scene.far.fork(runtime, scene.ref, "other", Place(0, 1))

    def after(self, do: Do, scene: Scene, got: Any) -> None:
        found = {branch.name: branch.leaf for branch in drive(scene.near.branches(BLOCKING, scene.ref))}
        assert {"main": Place(0, 2), "other": Place(0, 1)} == found


class Erase(Whole):
    async def once(self, runtime: Runtime, scene: Scene) -> Any:
        return await scene.far.erase(runtime, scene.ref)

    def after(self, do: Do, scene: Scene, got: Any) -> None:
        assert [] == scene.kept()
        assert 0 == scene.turns()


@pytest.mark.parametrize("what", [Begin, Renew, Emit, Commit, Append, Fork, Erase])
def test_line_is_cut_at_each_message(do: Do, postgres: str, line: Line, what: Any) -> None:
    """Wherever the line breaks, the error says whether it may have happened, and to do it again is right."""
    near = PostgresStore(postgres)
    straight, _, options = postgres.partition("?")
    address = straight.rpartition(":")[0]
    far = PostgresStore(f"{address}:{line.port}/dragoman?{options}&sslmode=disable&gssencmode=disable")
    do(lambda runtime: far.read(runtime, Ref("nobody", "x")))  # the connection is open, the tables are there
    said: list[tuple[bool, bool]] = []
    for number in count():
        scene, step = Scene(far, near, Ref(f"{what.__name__}-{id(do)}-{number}", "talk")), what()
        step.before(do, scene)
        line.arm(number)
        try:
            got = do(lambda runtime, step=step, scene=scene: step.once(runtime, scene))
        except StoreError as error:
            said.append((error.outcome_unknown, error.retryable))
            got = None
        line.disarm()
        cut = line.cut
        if got is None:
            got = do(lambda runtime, step=step, scene=scene: step.once(runtime, scene))
        step.after(do, scene, got)
        if not cut:
            break
    do(lambda runtime: far.aclose() if runtime.suspends else _closed(far))
    near.close()

    assert number == len(said) > 8  # five messages ask, and as many answer
    assert {(True, False)} <= set(said) <= {(True, False), (False, True)}


async def _closed(store: PostgresStore) -> None:
    store.close()


# --- the server goes, and comes back ----------------------------------------------------------------------------------


def test_server_is_restarted_under_turns(provider: Server) -> None:
    """Stopped by its administrator, and by a power cut: whoever tries again loses nothing and doubles nothing."""
    server = PostgresServer()
    acknowledged: list[str] = []
    rounds = 0
    try:
        with Client(providers=rows_of(provider)) as client:
            talk = client.conversation("ticket", model="openai/any", store=server.url, lease=0.5)
            talk.say("first", "first")
            over = threading.Event()

            def work(who: int) -> None:
                for number in count():
                    if over.is_set():
                        return
                    _said(talk, f"{who}-{number}", acknowledged)

            threads = [threading.Thread(target=work, args=(who,)) for who in range(3)]
            for thread in threads:
                thread.start()
            for end in (server.stop, server.kill):
                rounds = len(acknowledged)
                time.sleep(0.3)
                end()
                time.sleep(0.1)
                server.start()
                _until(lambda rounds=rounds: len(acknowledged) > rounds + 5)
            over.set()
            for thread in threads:
                thread.join(30)
            texts = [message.text for message in talk.history]
    finally:
        server.close()

    assert sorted(["first", *acknowledged]) == sorted(texts[::2])
    assert [f"{at + 1}: {texts[at]}" for at in range(0, len(texts), 2)] == texts[1::2]


def _said(talk: Any, key: str, acknowledged: list[str]) -> None:
    """Say a turn until it is done."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            talk.say(key, key)
        except DragomanError:
            time.sleep(0.02)
        else:
            acknowledged.append(key)
            return
    raise TimeoutError(key)


def _until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
