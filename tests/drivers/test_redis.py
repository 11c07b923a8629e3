"""Redis: answers, scripts, refusals, and URLs whose password is never seen."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from dragoman.drivers.redis import Redis
from dragoman.drivers.redis_address import parse_address
from dragoman.errors import ConfigError, StoreError
from dragoman.runtime import BlockingRuntime, drive
from tests.drivers.subjects import Face
from tests.services import RedisServer

BLOCKING = BlockingRuntime()
PASSWORD = "s3cret/pass:word@redis"
QUOTED = "s3cret%2Fpass%3Aword%40redis"


@pytest.fixture(params=["tcp", "unix"])
def redis(request: pytest.FixtureRequest, redis_server: RedisServer) -> Iterator[Redis]:
    """A driver over each kind of socket."""
    driver = Redis(redis_server.url if request.param == "tcp" else redis_server.unix_url)
    yield driver
    driver.close()


def test_answers_are_as_the_server_gives_them(redis: Redis, face: Face) -> None:
    """Bytes, numbers, None and lists; bytes that are no text are left alone."""

    async def steps(runtime: Any) -> list[Any]:
        return await redis.pipeline(
            runtime,
            [
                ["DEL", "k"],
                ["SET", "k", b"\xff\x00"],
                ["GET", "k"],
                ["GET", "missing"],
                ["INCRBY", "n:x", 0],
                ["MGET", "k", "missing"],
            ],
        )

    assert [b"OK", b"\xff\x00", None, 0, [b"\xff\x00", None]] == face.do(steps)[1:]


def test_a_script_is_sent_once_and_then_by_its_name(redis: Redis, face: Face) -> None:
    """The first run loads it, also after the server has forgotten it."""

    async def steps(runtime: Any) -> list[Any]:
        source = "return {KEYS[1], ARGV[1], #ARGV}"
        first = await redis.script(runtime, source, ["key"], ["a", 2])
        await redis.command(runtime, "SCRIPT", "FLUSH")
        return [first, await redis.script(runtime, source, [b"key"], ["a", 2])]

    assert [[b"key", b"a", 2]] * 2 == face.do(steps)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        pytest.param("return redis.error_reply('FENCED by another')", "FENCED", id="own"),
        pytest.param("return redis.call('LPUSH', KEYS[1], 'x')", "WRONGTYPE", id="type"),
        pytest.param("this is not Lua", "ERR", id="syntax"),
    ],
)
def test_a_script_that_fails_says_why(redis: Redis, face: Face, source: str, code: str) -> None:
    """The code is the first word of the error; the outcome is known, and the connection is used again."""
    drive(redis.command(BLOCKING, "SET", "text", "x"))

    async def steps(runtime: Any) -> Any:
        with pytest.raises(StoreError) as caught:
            await redis.script(runtime, source, ["text"], [])
        assert b"x" == await redis.command(runtime, "GET", "text")
        return caught.value

    error = face.do(steps)

    assert (code, False, False) == (error.code, error.outcome_unknown, error.retryable)


def test_a_refused_command_does_not_spoil_the_others(redis: Redis, face: Face) -> None:
    """In a pipeline every answer is read, so the next call gets its own."""

    async def steps(runtime: Any) -> Any:
        with pytest.raises(StoreError, match="refused the command"):
            await redis.pipeline(runtime, [["SET", "a", 1], ["NOSUCH"], ["SET", "a", 2]])
        return await redis.command(runtime, "GET", "a")

    assert b"2" == face.do(steps)


def test_large_answers_and_long_pipelines(redis: Redis, face: Face) -> None:
    """What takes many reads is whole."""

    async def steps(runtime: Any) -> Any:
        await redis.command(runtime, "SET", "large", b"x" * 3_000_000)
        whole = await redis.command(runtime, "GET", "large")
        many = await redis.pipeline(runtime, [["ECHO", number] for number in range(2000)])
        return len(whole), many[0], many[-1]

    assert (3_000_000, b"0", b"1999") == face.do(steps)


def test_a_wrong_password_is_no_secret_of_ours(redis_server: RedisServer, face: Face) -> None:
    """The server's refusal says what to change, and nothing shows the password: text, repr, pickle, causes."""
    server = Redis(redis_server.url)
    drive(server.command(BLOCKING, "ACL", "SETUSER", "ann", "on", f">{PASSWORD}", "~*", "+get"))
    url = redis_server.url.replace("//", f"//ann:{QUOTED}wrong@")
    driver = Redis(url)

    with pytest.raises(StoreError, match="refuses the user or the password") as caught:
        face.do(lambda runtime: driver.command(runtime, "GET", "x"))

    assert ("WRONGPASS", False) == (caught.value.code, caught.value.retryable)
    seen = f"{caught.value!r} {caught.value} {driver!r} {caught.value.__cause__!r} {pickle.dumps(caught.value)!r}"
    assert "s3cret" not in seen


def test_the_right_password_and_its_limits(redis_server: RedisServer, face: Face) -> None:
    """What the user may not do is said with the server's words."""
    server = Redis(redis_server.url)
    drive(server.command(BLOCKING, "ACL", "SETUSER", "ann", "on", f">{PASSWORD}", "~*", "+get"))
    driver = Redis(redis_server.url.replace("//", f"//ann:{QUOTED}@"))

    async def steps(runtime: Any) -> Any:
        await driver.command(runtime, "GET", "x")
        with pytest.raises(StoreError, match="does not allow this") as caught:
            await driver.command(runtime, "SET", "x", 1)
        return caught.value.code

    assert "NOPERM" == face.do(steps)


def test_a_full_server(redis_server: RedisServer, face: Face) -> None:
    """A server without memory says so, and that waiting may help."""
    server = Redis(redis_server.url)
    drive(server.command(BLOCKING, "CONFIG", "SET", "maxmemory", 1))
    try:
        with pytest.raises(StoreError, match="is full") as caught:
            face.do(lambda runtime: server.script(runtime, "return redis.call('SET', KEYS[1], 1)", ["k"], []))
    finally:
        drive(server.command(BLOCKING, "CONFIG", "SET", "maxmemory", 0))

    assert ("OOM", True) == (caught.value.code, caught.value.retryable)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        pytest.param("redis://u:pw123456@host:7000/2", "Redis at host:7000/2", id="all"),
        pytest.param("redis://host", "Redis at host:6379/0", id="host"),
        pytest.param("rediss://:pw123456@[::1]:7000", "Redis at [::1]:7000/0", id="ipv6"),
        pytest.param("unix:///run/redis.sock?db=1&password=pw123456", "Redis at /run/redis.sock", id="unix"),
    ],
)
def test_where_a_url_leads(url: str, place: str) -> None:
    """The place names the server and no credential."""
    address = parse_address(url)

    assert place == address.place
    assert "pw123456" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("redis://:secretpw@host:port/0", id="port"),
        pytest.param("redis://:secretpw@host/db", id="database"),
        pytest.param("redis://:secretpw@host/0?no_such_option=1", id="option"),
        pytest.param("redis://:secretpw@host/0?max_connections=0", id="connections"),
        pytest.param("redis://:secretpw@host/0?db=x", id="value"),
        pytest.param("unix://:secretpw@host", id="unix"),
        pytest.param("http://:secretpw@host", id="scheme"),
    ],
)
def test_a_url_that_cannot_be_used(url: str) -> None:
    """It fails where it is written, names the field and does not repeat the password."""
    with pytest.raises(ConfigError, match="the Redis URL cannot be used") as caught:
        Redis(url)

    assert "url" == caught.value.field
    assert "secretpw" not in str(caught.value)
