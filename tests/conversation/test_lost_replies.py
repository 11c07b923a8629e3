"""A call whose line to the store breaks, wherever: it is answered all the same, and the model is asked once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

import pytest

from dragoman import Client, StoreError
from dragoman.conversation.store import open_store
from dragoman.testing import Server
from tests.conversation.conftest import URLS, rows_of
from tests.conversation.cutting import Line as PostgresLine
from tests.conversation.redis_servers import Line as RedisLine


class Broken(NamedTuple):
    """
    A store behind a line.

    Attributes:
        far: Its URL, behind the line.
        near: The same, straight.
        cut: Have the line cut at a number of messages from now on, once.
        whole: Let all pass; says whether it was cut.
    """

    far: str
    near: str
    cut: Callable[[int], None]
    whole: Callable[[], bool]


@contextmanager
def _postgres(near: str, server: Any) -> Iterator[Broken]:
    line = PostgresLine(server.port)
    straight, _, options = near.partition("?")
    far = f"{straight.rpartition(':')[0]}:{line.port}/dragoman?{options}&sslmode=disable&gssencmode=disable"

    def whole() -> bool:
        line.disarm()
        return line.cut

    yield Broken(far, near, line.arm, whole)
    line.close()


@contextmanager
def _redis(near: str, server: Any) -> Iterator[Broken]:
    line = RedisLine(server)
    line.sent = True  # it is the reply that is lost

    def cut(number: int) -> None:
        line.count, line.cut = 0, number + 1

    def whole() -> bool:
        was_cut, line.cut = line.count >= line.cut, 0
        return was_cut

    yield Broken(near.replace(str(server.port), str(line.port), 1), near, cut, whole)
    line.close()


_BEHIND: dict[str, Any] = {"postgres": _postgres, "redis": _redis}


@pytest.fixture(params=_BEHIND)
def broken(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Broken]:
    near = URLS[request.param](request, tmp_path)
    with _BEHIND[request.param](near, request.getfixturevalue(f"{request.param}_server")) as behind:
        yield behind


@pytest.mark.parametrize("how", ["say", "stream"])
def test_call_is_answered_wherever_the_line_breaks(broken: Broken, provider: Server, how: str) -> None:
    """Each message in turn is lost, the reply of `begin` among them: one answer, one call of the model, and soon."""
    with Client(providers=rows_of(provider)) as client, Client(providers=rows_of(provider)) as other:
        for number in count():
            talk = client.conversation(f"c{number}", model="openai/any", store=broken.far)
            assert talk.history == []  # the connection is open, the tables are there
            calls, since = provider.calls, time.monotonic()
            broken.cut(number)
            answer = talk.say("hi", "t1") if how == "say" else talk.stream("hi", "t1").drain()
            took, was_cut = time.monotonic() - since, broken.whole()
            straight = other.conversation(f"c{number}", model="openai/any", store=broken.near)

            assert "1: hi" == answer.text
            assert ["hi", "1: hi"] == [message.text for message in straight.history]
            assert 1 == provider.calls - calls
            assert took < 1.0 + 4.0  # what a busy machine takes; a lease is 30 seconds
            if not was_cut:
                break
    assert number >= 2


def test_store_that_is_not_there_is_said_soon(provider: Server) -> None:
    """It is asked a few times, not for as long as a lease, and the model never."""
    with Client(providers=rows_of(provider)) as client:
        talk = client.conversation("x", model="openai/any", store="redis://127.0.0.1:1/0")
        since = time.monotonic()
        with pytest.raises(StoreError):
            talk.say("hi")

    assert time.monotonic() - since < 8
    assert 0 == provider.calls


def test_server_is_named_by_any_of_its_schemes(redis_server: Any, provider: Server) -> None:
    """Valkey's names, and a socket of this host."""
    place = redis_server.url.partition("://")[2]
    urls = [f"valkey://{place}?prefix=schemes", f"{redis_server.unix_url}?prefix=schemes"]
    with Client(providers=rows_of(provider)) as client:
        for number, url in enumerate(urls):
            talk = client.conversation("x", model="openai/any", store=url)
            talk.say("hi", f"t{number}")

        assert 4 == len(talk.history)
    open_store("valkeys://127.0.0.1:1/0").close()
