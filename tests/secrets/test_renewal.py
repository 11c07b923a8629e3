"""A refused key is replaced within the call, where there is another; looking one up holds nobody else up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, Client, Retry
from dragoman.errors import AuthenticationError, ConfigError, TimeoutError
from dragoman.policy.base import Context, Handler, Opened
from dragoman.secrets import Secret
from dragoman.testing import Server, model_list, says, status
from dragoman.types.requests import ChatRequest
from dragoman.types.timeouts import Timeouts

Ask = Callable[..., Any]


def ask(face: str, server: Server, api_key: object, do: Callable[[Any], Any], **options: Any) -> Any:
    """Make a client of that face, and have it do something once."""
    providers: Mapping[str, Any] = {"openai": {"base_url": server.base_url(), "api_key": api_key}}
    if face == "blocking":
        with Client(providers=providers, **options) as client:
            return do(client)

    async def main() -> Any:
        async with AsyncClient(providers=providers, **options) as client:
            return await do(client)

    return asyncio.run(main())


def keys(server: Server) -> list[str]:
    """The keys that came, in order."""
    return [request.headers["authorization"].removeprefix("Bearer ") for request in server.all_requests]


def chat(client: Any) -> Any:
    return client.chat("openai/m", "hi")


faces = pytest.mark.parametrize("face", ["blocking", "async"])


@faces
def test_a_refused_key_is_looked_up_again(face: str, server: Server, tmp_path: Path) -> None:
    """The place has another key by now: the same call goes on with it, and both requests stand in its ledger."""
    script = tmp_path / "rotate.sh"
    script.write_text(f"echo x >> {tmp_path}/runs; echo key-of-run-$(wc -l < {tmp_path}/runs)\n")
    server.script(status(401, "expired"), says("hello"), says("again"))

    answer = ask(face, server, f"cmd:sh {script}", chat)

    assert "hello" == answer.text
    assert ["key-of-run-1", "key-of-run-2"] == keys(server)
    assert ["AuthenticationError", "ok"] == [attempt.outcome for attempt in answer.attempts]


@faces
def test_a_refused_key_of_several_is_left_out(face: str, server: Server) -> None:
    """The next one is used at once, and the refused one not again."""
    server.script(status(401, "no such key"), says("a"), says("b"), says("c"))

    def several(client: Any) -> Any:
        if face == "blocking":
            return [chat(client).text for _ in range(3)]

        async def main() -> list[str]:
            return [(await chat(client)).text for _ in range(3)]

        return main()

    assert ["a", "b", "c"] == ask(face, server, ["key-one", "key-two"], several)
    assert ["key-one", "key-two", "key-two", "key-two"] == keys(server)


@faces
def test_the_same_key_again_is_not_sent_again(face: str, server: Server, tmp_path: Path) -> None:
    """Where the place still has the refused key there is one request, and its refusal is the end."""
    (tmp_path / "key").write_text("the-only-key")
    server.script(status(401, "no such key"))

    with pytest.raises(AuthenticationError) as caught:
        ask(face, server, f"file:{tmp_path}/key", chat)

    assert ["the-only-key"] == keys(server)
    assert not caught.value.retryable


@faces
def test_a_place_that_cannot_be_asked_again_is_noted(face: str, server: Server, tmp_path: Path) -> None:
    """The refusal is what happened; why no other key was found is noted on it."""
    key = tmp_path / "key"
    script = tmp_path / "once.sh"
    key.write_text("the-only-key")
    script.write_text(f"cat {key} && rm {key}\n")
    server.script(status(401, "expired"))

    with pytest.raises(AuthenticationError) as caught:
        ask(face, server, f"cmd:sh {script}", chat)

    assert 1 == len(caught.value.__notes__)
    assert "the key could not be looked up again: openai: cmd:sh … ended with exit code 1" in caught.value.__notes__[0]


def test_whoever_never_tries_again_is_told_that_it_would_help(server: Server) -> None:
    """With `retry=None` the refusal is raised, marked as one that another try may mend."""
    server.script(status(401, "expired"))

    with pytest.raises(AuthenticationError) as caught:
        ask("blocking", server, ["key-one", "key-two"], chat, retry=None)

    assert caught.value.retryable
    assert ["key-one"] == keys(server)


def test_attempts_are_counted_over_all_keys(server: Server) -> None:
    """Five keys, two attempts: two requests."""
    server.script(status(401, "a"), status(401, "b"), says("never"))

    with pytest.raises(AuthenticationError):
        ask("blocking", server, [f"key-{i}" for i in range(5)], chat, retry=Retry(attempts=2))

    assert ["key-0", "key-1"] == keys(server)


@faces
def test_what_is_not_chat_has_the_same_keys(face: str, server: Server) -> None:
    """A list of models is asked for again with the other key."""
    server.on("/v1/models", status(401, "no such key"))

    def listed(client: Any) -> Any:
        return client.models("openai")

    with pytest.raises(AuthenticationError):
        ask(face, server, ["key-one", "key-two"], listed)
    assert ["key-one", "key-two"] == keys(server)
    server.on("/v1/models", model_list("any"))
    assert 1 == len(ask(face, server, ["key-one", "key-two"], listed))


def test_streams_begin_again_with_another_key(server: Server) -> None:
    """A refusal comes before the first content, so nothing is lost."""
    server.script(status(401, "expired"), says("hello"))

    def streamed(client: Client) -> str:
        with client.stream("openai/m", "hi") as stream:
            return "".join(stream.text)

    assert "hello" == ask("blocking", server, ["key-one", "key-two"], streamed)


def test_a_key_that_was_chosen_for_the_call_stays(server: Server) -> None:
    """Middleware may choose: its key is used, and no other instead of it."""
    server.script(status(401, "no such key"))

    def choosing(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Opened:
            context.credential = Secret("key-of-the-tenant")
            return await handler(request, context)

        return handle

    with pytest.raises(AuthenticationError):
        ask("blocking", server, ["key-one", "key-two"], chat, middleware=[choosing])

    assert ["key-of-the-tenant"] == keys(server)


@faces
def test_a_slow_look_up_ends_with_the_connect_clock(face: str, server: Server) -> None:
    """The call does not wait longer than it may; nothing was sent."""
    began = time.monotonic()

    with pytest.raises(TimeoutError, match="no credentials were found in time") as caught:
        ask(face, server, "cmd:sleep 3", chat, timeouts=Timeouts(connect=0.2))

    assert time.monotonic() - began < 2.5
    assert ("connect", "openai") == (caught.value.clock, caught.value.provider)
    assert [] == keys(server)


def test_a_look_up_does_not_hold_the_event_loop_up(server: Server, tmp_path: Path) -> None:
    """While a key is looked up for a hundred calls, by one program, other tasks run."""
    script = tmp_path / "slow.sh"
    script.write_text(f"echo x >> {tmp_path}/runs; sleep 0.4; echo the-key\n")
    server.default = says("ok")

    async def main() -> tuple[int, int]:
        providers: Mapping[str, Any] = {"openai": {"base_url": server.base_url(), "api_key": f"cmd:sh {script}"}}
        async with AsyncClient(providers=providers) as client:
            calls = [asyncio.ensure_future(client.chat("openai/m", "hi")) for _ in range(100)]
            ticks = 0
            while not calls[0].done():
                await asyncio.sleep(0.02)
                ticks += 1
            answers = await asyncio.gather(*calls)
            return ticks, len(answers)

    ticks, answered = asyncio.run(main())

    assert ticks > 5
    assert 100 == answered
    assert 1 == (tmp_path / "runs").read_text().count("x")


@faces
def test_a_place_that_has_no_key_is_an_error_before_anything_is_sent(face: str, server: Server) -> None:
    """It names the reference and the fix."""
    with pytest.raises(ConfigError, match="file:/nowhere is not there"):
        ask(face, server, "file:/nowhere", chat)

    assert [] == keys(server)


def test_a_dry_run_looks_nothing_up(server: Server) -> None:
    """`prepare` shows the request with a mask, whether or not the key can be had."""
    prepared = ask("blocking", server, "file:/nowhere", lambda client: client.prepare("openai/m", "hi"))

    assert "[redacted]" == prepared.headers["authorization"]
