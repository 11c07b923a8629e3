"""What the policies of a client do for an SDK over the bridge."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import openai
import pytest

from dragoman import (
    AsyncClient,
    Budget,
    BudgetError,
    Cache,
    ChatRequest,
    Client,
    ConfigError,
    Context,
    DeadlineError,
    Handler,
    Limit,
    Message,
    MissingKeyError,
    Opened,
    Retry,
    TextDelta,
    Timeouts,
)
from dragoman.bridge import httpx2_client
from dragoman.errors import TimeoutError
from dragoman.policy.watched import Watched
from dragoman.testing import Reply, Server, embeds, raw, says, status
from dragoman.testing.cassette import cassette
from dragoman.testing.faults import fault
from dragoman.transport.base import Limits
from tests.bridge.sdks import KEY, providers
from tests.observe.seen import Seen

ASK: list[Any] = [{"role": "user", "content": "Hi"}]
OWN = "an-own-key-of-the-sdk-0815"


@pytest.fixture
def over(server: Server) -> Iterator[Callable[..., openai.OpenAI]]:
    """Makes an openai SDK over a client with these options."""
    opened: list[Any] = []

    def make(*, sdk: dict[str, Any] | None = None, **options: Any) -> openai.OpenAI:
        client = Client(**{"providers": providers(server), "retry": Retry(base=0.01), "limit": None, **options})
        http = httpx2_client(client)
        opened.extend((http, client))
        given: dict[str, Any] = {"api_key": "dragoman", "base_url": server.base_url(), "http_client": http}
        return openai.OpenAI(**{**given, **(sdk or {})})

    yield make
    for one in opened:
        one.close()


def ask(sdk: openai.OpenAI, **more: Any) -> Any:
    create: Any = sdk.chat.completions.create
    return create(model="gpt-x", messages=ASK, **more)


def text(sdk: openai.OpenAI, **more: Any) -> Any:
    return ask(sdk, **more).choices[0].message.content


# --- retries ----------------------------------------------------------------------------------------------------------


def test_retries_do_not_multiply(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """A provider that fails for good is asked as often as the client may, although the SDK would repeat that twice."""
    server.script(*[status(500, "boom")] * 9)

    with pytest.raises(openai.InternalServerError, match="boom") as caught:
        ask(over(sdk={"max_retries": 2}))

    assert 3 == server.calls
    assert "false" == caught.value.response.headers["x-should-retry"]


@pytest.mark.parametrize(
    ("step", "kind", "calls"),
    [
        pytest.param(fault("close_before_answer"), openai.APIConnectionError, 2, id="cut"),
        pytest.param(says("late", latency=3), openai.APITimeoutError, 1, id="late"),
    ],
)
def test_a_failed_connection_is_not_repeated_by_the_sdk(
    server: Server, over: Callable[..., openai.OpenAI], step: Any, kind: type[Exception], calls: int
) -> None:
    """The SDK comes back after it, and is told the same again: nothing more is sent."""
    server.script(*[step] * 9)

    with pytest.raises(kind) as caught:
        ask(over(sdk={"max_retries": 1, "timeout": 0.3}))

    assert calls == server.calls
    assert caught.value.__cause__ is not None
    assert calls == len(caught.value.__cause__.__cause__.attempts)  # type: ignore[union-attr]


def test_a_call_after_a_failure_is_sent(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """Only the SDK's own repeats are held back, not the same question asked anew."""
    sdk = over(sdk={"max_retries": 0})
    server.script(fault("close_before_answer"), fault("close_before_answer"), says("hello"))
    with pytest.raises(openai.APIConnectionError):
        ask(sdk)

    assert "hello" == text(sdk)


def test_the_same_idempotency_key_goes_with_every_attempt(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """The SDK's own where it sends one."""
    server.script(status(503), says("hello"), status(503), says("hello"))
    sdk = over()

    ask(sdk)
    ask(sdk, extra_headers={"idempotency-key": "mine-7"})

    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert keys[0] == keys[1]
    assert ["mine-7", "mine-7"] == keys[2:]


# --- keys and origins -------------------------------------------------------------------------------------------------


def test_an_own_key_is_used_as_it_is(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """A key that the SDK was given goes out, and the client's own does not."""
    server.script(says("hello"))
    server.on("/v1/embeddings", embeds(4))
    sdk = over(sdk={"api_key": OWN})

    ask(sdk)
    sdk.embeddings.create(model="e", input="a")

    assert {f"Bearer {OWN}"} == {request.headers["authorization"] for request in server.all_requests}


def test_a_client_without_a_key_says_so(
    server: Server, over: Callable[..., openai.OpenAI], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The placeholder asks for a key that nobody has: nothing is sent."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    sdk = over(providers={"openai": {"base_url": server.base_url()}})

    with pytest.raises(openai.AuthenticationError, match="OPENAI_API_KEY") as caught:
        ask(sdk)
    with pytest.raises(openai.AuthenticationError, match="OPENAI_API_KEY"):
        sdk.models.list()

    assert isinstance(caught.value.response.extensions["dragoman_error"], MissingKeyError)
    assert () == server.all_requests


def test_the_clients_key_goes_to_its_origin_only(over: Callable[..., openai.OpenAI]) -> None:
    """An SDK that is pointed elsewhere with the placeholder sends nothing; its own key it may send where it likes."""
    with Server(says("hello"), says("hello")) as stranger:
        with pytest.raises(openai.BadRequestError, match="no provider of this client is at http://127"):
            ask(over(sdk={"base_url": stranger.base_url()}))
        assert () == stranger.all_requests

        assert "hello" == text(over(sdk={"base_url": stranger.base_url(), "api_key": OWN}))

        assert [f"Bearer {OWN}"] == [request.headers["authorization"] for request in stranger.requests]


def test_a_request_without_a_credential_gets_none(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """Who is told to send no key sends none."""
    server.script(says("hello"))

    ask(over(), extra_headers={"authorization": openai.Omit()})

    assert "authorization" not in server.requests[0].headers


def test_a_key_that_is_refused_is_followed_by_the_next(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """Several keys of a row are used as the client's own calls use them."""
    server.script(status(401, "no"), says("hello"))
    row = {"base_url": server.base_url(), "api_key": ["key-number-one", "key-number-two"]}

    assert "hello" == text(over(providers={"openai": row}))

    sent = [request.headers["authorization"] for request in server.requests]
    assert ["Bearer key-number-one", "Bearer key-number-two"] == sent


def test_a_redirect_is_not_followed(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """Whoever asks for it gets an answer without an address to follow to."""
    server.on("/v1/files", raw(b"", status=307, headers={"location": "http://127.0.0.1:9/stolen"}))

    response = over()._client.get(f"{server.url}/v1/files", follow_redirects=True)

    assert 307 == response.status_code
    assert "location" not in response.headers


# --- clocks -----------------------------------------------------------------------------------------------------------


class _Comments:
    """A stream of nothing but comments."""

    async def play(self, reply: Reply) -> None:
        await reply.start(200, {"content-type": "text/event-stream"})
        for _ in range(100):
            await reply.write(b": still here\n\n")
            await reply.sleep(0.05)
        await reply.end()


@pytest.mark.parametrize("stream", [False, True])
def test_pings_do_not_keep_a_call_alive(server: Server, over: Callable[..., openai.OpenAI], stream: bool) -> None:
    """A stream of comments ends by the SDK's timeout, which alone it would outlast for ever."""
    server.script(_Comments() if stream else says("late", latency=3))
    begun = time.monotonic()

    with pytest.raises(openai.APITimeoutError) as caught:
        ask(over(sdk={"timeout": 0.3, "max_retries": 0}), stream=stream)

    assert time.monotonic() - begun < 2
    cause = caught.value.__cause__
    assert cause is not None
    assert isinstance(cause.__cause__, TimeoutError)
    assert "first_event" == cause.__cause__.clock


def test_the_clients_clocks_hold_where_the_sdk_has_none(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """An SDK without a timeout of its own takes over the client's."""
    server.script(says("late", latency=3))

    with pytest.raises(openai.APITimeoutError):
        ask(over(timeouts=Timeouts(total=0.3), sdk={"max_retries": 0}))


def test_no_connection(over: Callable[..., openai.OpenAI]) -> None:
    """A server that is not there is the SDK's connection error."""
    with Server() as gone:
        row = {"base_url": gone.base_url(), "api_key": KEY}
    sdk = over(providers={"openai": row}, sdk={"base_url": row["base_url"], "max_retries": 0})

    with pytest.raises(openai.APIConnectionError) as caught:
        ask(sdk)

    assert isinstance(caught.value.__cause__, httpx2.ConnectError)


# --- limits, budgets, cache, observers --------------------------------------------------------------------------------


def test_a_refused_call_waits_in_the_line_of_its_limit(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """A 429 is waited for as the provider says, by the client's pacing."""
    server.script(status(429, retry_after=0.2), says("hello"))

    assert "hello" == text(over(limit="process"))
    assert server.gap(0, 1) >= 0.2


def test_a_wait_that_is_too_long_is_refused(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """What cannot be in time is not sent, and is the SDK's rate limit error."""
    server.script(says("one"), says("two"))
    known = {"openai": [Limit(dimension="requests", amount=1, period=600)]}
    sdk = over(limit="process", limits=known, timeouts=Timeouts(total=2))
    ask(sdk)

    with pytest.raises(openai.RateLimitError, match="nothing was sent") as caught:
        ask(sdk)

    assert isinstance(caught.value.response.extensions["dragoman_error"], DeadlineError)
    assert float(caught.value.response.headers["retry-after"]) > 2
    assert 1 == server.calls


def test_budgets_hold(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """A call that could cost more than is left is not sent, for chat and for vectors."""
    server.script(says("hello"))
    server.on("/v1/embeddings", embeds(4))
    prices = {"prices": [{"input": "1000", "output": "1000"}]}
    budget = Budget(usd="0.5")
    sdk = over(budget=budget, models={"openai/gpt-x": prices, "openai/embed-x": prices})

    ask(sdk, max_completion_tokens=10)
    with pytest.raises(openai.RateLimitError, match="nothing was sent") as caught:
        ask(sdk, max_completion_tokens=100_000)
    sdk.embeddings.create(model="embed-x", input="a")
    with pytest.raises(openai.RateLimitError, match="nothing was sent"):
        sdk.embeddings.create(model="embed-x", input="word " * 5000)

    assert isinstance(caught.value.response.extensions["dragoman_error"], BudgetError)
    assert 2 == len(server.all_requests)
    assert 0 < budget.left() < 0.5


def test_a_question_that_was_asked_is_answered_from_the_cache(
    server: Server, over: Callable[..., openai.OpenAI]
) -> None:
    """The second answer is the first, plain and streamed, and says where it comes from."""
    server.script(says("hello there"), says("one two"))
    sdk = over(cache=Cache())

    first = ask(sdk)
    again = sdk.chat.completions.with_raw_response.create(model="gpt-x", messages=ASK)
    streams = [[chunk for chunk in ask(sdk, stream=True)] for _ in range(2)]  # noqa: C416 - read to the end

    assert first.choices[0].message.content == again.parse().choices[0].message.content
    assert first.id == again.parse().id
    assert "hit" == again.headers["x-dragoman-cache"]
    texts = ["".join(chunk.choices[0].delta.content or "" for chunk in chunks) for chunks in streams]
    assert texts[0] == texts[1]
    assert 2 == server.calls


def test_another_field_is_another_question(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """What we have no name for counts, too: two answers to go on from are two questions."""
    server.script(says("one"), says("two"))
    sdk = over(cache=Cache())

    answers = [
        sdk.responses.create(model="gpt-x", input="Go on.", previous_response_id=name).output_text
        for name in ("resp_1", "resp_2")
    ]

    assert ["one", "two"] == answers


def test_calls_are_recorded_and_played_again(
    server: Server, over: Callable[..., openai.OpenAI], tmp_path: Path
) -> None:
    """A cassette holds what went over the wire; played, the SDK has the same answers without a provider."""
    server.script(says("hello", id="c-1"), says("one two"))
    server.on("/v1/embeddings", embeds(4))

    def calls(sdk: openai.OpenAI) -> list[Any]:
        pieces = [chunk.to_dict() for chunk in ask(sdk, stream=True)]
        return [ask(sdk).to_dict(), pieces, sdk.embeddings.create(model="e", input="a").to_dict()]

    with cassette(tmp_path / "calls.yaml", mode="once"):
        first = calls(over())
    sent = len(server.all_requests)
    with cassette(tmp_path / "calls.yaml"):
        second = calls(over())

    assert first == second
    assert sent == len(server.all_requests)
    assert KEY not in (tmp_path / "calls.yaml").read_text("utf-8")


def test_observers_see_every_call(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """Chat, streams, vectors, lists and files, with their usage, status and ledger."""
    server.script(status(503), says("hello"), says("one two"), status(404, "gone"))
    server.on("/v1/embeddings", embeds(4))
    server.on("/v1/files", raw(b'{"object":"list","data":[],"has_more":false}'))
    seen = Seen()
    sdk = over(observe=[seen])

    ask(sdk)
    list(ask(sdk, stream=True, stream_options={"include_usage": True}))
    with pytest.raises(openai.NotFoundError):
        ask(sdk)
    sdk.embeddings.create(model="e", input="a b c")
    sdk.models.list()
    sdk.files.list()

    told = [(call.operation, call.provider, call.model, call.status, len(call.attempts)) for call in seen.over]
    assert [
        ("chat", "openai", "gpt-x", "ok", 2),
        ("chat", "openai", "gpt-x", "ok", 1),
        ("chat", "openai", "gpt-x", "not_found", 1),
        ("embeddings", "openai", "e", "ok", 1),
        ("models", "openai", "", "ok", 1),
        ("raw", "openai", "", "ok", 1),
    ] == told
    assert [1, 2] == [seen.over[0].usage.input_tokens, seen.over[1].usage.output_tokens]
    assert seen.over[3].usage.input_tokens is not None
    assert len(server.all_requests) == sum(len(call.attempts) for call in seen.over)


def test_a_stream_that_is_left_is_seen_as_left(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """Its end is told once, and says that nobody read on."""
    server.script(says("word " * 500, pace=0.01))
    seen = Seen()
    with ask(over(observe=[seen]), stream=True) as stream:
        next(stream)

    assert ("left", "openai") == (seen.one().status, seen.one().provider)


# --- middleware -------------------------------------------------------------------------------------------------------


def shouting(handler: Handler) -> Handler:
    """Changes what is asked."""

    async def handle(request: ChatRequest, context: Context) -> Opened:
        messages = (*request.messages, Message.user("LOUDER"))
        return await handler(msgspec.structs.replace(request, messages=messages), context)

    return handle


def test_a_changed_request_is_what_is_sent(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """Middleware that changes a request changes what the provider is asked, and nothing of the rest is lost."""
    server.script(says("hello"))

    assert "hello" == text(over(middleware=[shouting]), extra_body={"some_new_field": 7})

    sent = server.requests[0].json
    assert ["Hi", "LOUDER"] == [message["content"] for message in sent["messages"]]
    assert 7 == sent["some_new_field"]


class _Masked:
    """An answer whose texts from the given event on are masked."""

    def __init__(self, opened: Opened, after: int) -> None:
        self.response = opened.response
        self.folded = opened.folded
        self.abandon = opened.abandon
        self._opened = opened
        self._after = after
        if self.response is not None:
            self.response = msgspec.structs.replace(self.response, message=Message.assistant("***"))

    async def more(self) -> list[Any]:
        return [self._mask(event) for event in await self._opened.more()]

    def _mask(self, event: Any) -> Any:
        if not isinstance(event, TextDelta):
            return event
        self._after -= 1
        return event if self._after >= 0 else TextDelta("***")


def masking(after: int) -> Any:
    def wrap(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Any:
            return _Masked(await handler(request, context), after)

        return handle

    return wrap


def test_a_changed_answer_is_what_the_sdk_reads(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """Middleware that changes an answer is not passed by: not by the provider's bytes either."""
    server.script(says("secret"), says("secret words"))
    sdk = over(middleware=[masking(0)])

    assert "***" == text(sdk)
    assert "******" == "".join(chunk.choices[0].delta.content or "" for chunk in ask(sdk, stream=True))


def test_an_answer_that_changes_on_the_way_is_an_error(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """Bytes that were handed on cannot be taken back, so what would contradict them is not hidden."""
    server.script(says("secret words here", pace=0.05))

    with pytest.raises(openai.APIConnectionError) as caught:
        list(ask(over(middleware=[masking(1)]), stream=True))

    assert "middleware changed the answer" in str(caught.value.__cause__)


def test_middleware_that_only_looks_leaves_the_bytes(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """A field that we do not know reaches the SDK, through a wrapper that hands on what it was given."""
    body = (
        b'{"id":"c","object":"chat.completion","created":5,"model":"m","brand_new":[1],"choices":[{"index":0,'
        b'"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}]}'
    )
    server.script(raw(body))

    async def nothing(opened: Opened) -> None:
        pass

    def looking(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Opened:
            return Watched(await handler(request, context), nothing, lambda opened, error: None)

        return handle

    answer = ask(over(middleware=[looking]))

    assert (5, [1]) == (answer.created, answer.brand_new)


# --- leaving ----------------------------------------------------------------------------------------------------------


def test_closing_early_closes_the_upstream(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """By `close`, and by the last reference: the provider sees it at once."""
    server.script(*[says("word " * 2000, pace=0.005)] * 2)
    sdk = over()

    closed = ask(sdk, stream=True)
    next(closed)
    at = time.monotonic()
    closed.close()
    seen = server.requests[0].wait_closed()
    dropped = ask(sdk, stream=True)
    next(dropped)
    del dropped
    gc.collect()

    assert seen is not None
    assert seen - at < 0.5
    assert server.requests[1].wait_closed() is not None


def test_cancelling_closes_the_upstream(server: Server) -> None:
    """A task that is cancelled before the first word, or after it, leaves nothing behind; the client goes on."""
    server.script(says("late", latency=5), says("word " * 2000, pace=0.005), says("hello"))

    async def main() -> str | None:
        client = AsyncClient(providers=providers(server), limit=None)
        async with client, httpx2_client(client) as http:
            sdk = openai.AsyncOpenAI(api_key="dragoman", base_url=server.base_url(), http_client=http)
            create: Any = sdk.chat.completions.create

            async def read() -> None:
                async for _ in await create(model="m", messages=ASK, stream=True):
                    pass

            for _ in range(2):
                task = asyncio.create_task(read())
                await asyncio.sleep(0.2)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            answer = await create(model="m", messages=ASK)
            content: str | None = answer.choices[0].message.content
            return content

    assert "hello" == asyncio.run(main())
    assert all(request.wait_closed() is not None for request in server.requests[:2])


def test_nothing_leaks(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """After many calls of all kinds there are as many files and connections as after a few."""
    server.default = says("one two three")
    sdk = over(sdk={"max_retries": 0})

    def some() -> None:
        for _ in range(10):
            ask(sdk)
            list(ask(sdk, stream=True))
            with ask(sdk, stream=True) as stream:
                next(stream)
            server.script(fault("cut_in_text"))
            with pytest.raises(openai.APIConnectionError):
                list(ask(sdk, stream=True))

    some()
    before, files = server.connections, len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        some()
    until = time.monotonic() + 3
    while server.connections > before and time.monotonic() < until:
        time.sleep(0.01)

    assert before >= server.connections
    assert files >= len(os.listdir("/proc/self/fd"))


def test_threads_share_one_sdk(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """Each thread has its own answers."""
    server.default = says("one two")
    sdk, texts = over(), list[str]()

    def work() -> None:
        for _ in range(5):
            texts.append("".join(chunk.choices[0].delta.content or "" for chunk in ask(sdk, stream=True)))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ["one two"] * 30 == texts


def test_one_sdk_in_several_loops(server: Server) -> None:
    """The asynchronous client belongs to no loop."""
    server.default = says("hello")
    client = AsyncClient(providers=providers(server))
    http = httpx2_client(client)
    sdk = openai.AsyncOpenAI(api_key="dragoman", base_url=server.base_url(), http_client=http)

    async def main() -> None:
        create: Any = sdk.chat.completions.create
        assert "hello" == (await create(model="m", messages=ASK)).choices[0].message.content

    for _ in range(3):
        asyncio.run(main())
    asyncio.run(client.aclose())


# --- beside chat ------------------------------------------------------------------------------------------------------


def test_files_and_sound_pass(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """An upload goes out as the SDK wrote it, a body that is no JSON comes in pieces, with the client's key."""
    file = b'{"id":"file-1","object":"file","bytes":5,"created_at":0,"filename":"a.txt","purpose":"batch"}'
    server.on("/v1/files", raw(file))
    server.on("/v1/audio/speech", raw(b"RIFF", b"sound", headers={"content-type": "audio/wav"}, pace=0.01))
    sdk = over()

    made = sdk.files.create(file=("a.txt", io.BytesIO(b"hello")), purpose="batch")
    with sdk.audio.speech.with_streaming_response.create(model="tts-x", voice="alloy", input="Hi") as speech:
        pieces = list(speech.iter_bytes())

    assert "file-1" == made.id
    assert b"RIFFsound" == b"".join(pieces)
    upload, sound = server.all_requests
    assert b"hello" in upload.body
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert {f"Bearer {KEY}"} == {upload.headers["authorization"], sound.headers["authorization"]}


class _Cut:
    """Half a file."""

    async def play(self, reply: Reply) -> None:
        reply.started = True
        await reply.unframed(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nhalf")
        reply.abort()


def test_a_cut_body_beside_chat(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """A file that breaks off in the middle is the SDK's connection error, and stands in the ledger."""
    server.on("/v1/files/f/content", _Cut())

    with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
        over(sdk={"max_retries": 0}).files.content("f").read()


def test_a_chat_request_that_cannot_be_read_is_the_providers_to_judge(
    server: Server, over: Callable[..., openai.OpenAI]
) -> None:
    """It is passed on as it is, with the key and the retries."""
    sdk = over(sdk={"max_retries": 0})

    with pytest.raises(openai.BadRequestError, match="role"):
        sdk.chat.completions.create(model="m", messages=[{"role": "stranger", "content": "x"}])  # type: ignore[list-item,misc]

    assert [f"Bearer {KEY}"] == [request.headers["authorization"] for request in server.requests]


def test_a_body_above_the_limit_is_not_sent(server: Server, over: Callable[..., openai.OpenAI]) -> None:
    """It is refused while it is read, and not kept in memory."""
    piece = bytes(1 << 20)
    pieces = (piece for _ in range(Limits.body // len(piece) + 1))

    response = over()._client.post(f"{server.url}/v1/files", content=pieces)

    assert (413, "false") == (response.status_code, response.headers["x-should-retry"])
    assert () == server.all_requests


# --- making one -------------------------------------------------------------------------------------------------------


def test_what_is_no_client_is_refused() -> None:
    """The error names what was given."""
    with pytest.raises(ConfigError, match="client is str") as caught:
        httpx2_client("client")  # type: ignore[call-overload]

    assert "client" == caught.value.field


def test_a_client_that_is_closed_says_so(server: Server) -> None:
    """Requests after that are refused, not sent."""
    client = Client(providers=providers(server))
    with httpx2_client(client) as http:
        client.close()
        sdk = openai.OpenAI(api_key="dragoman", base_url=server.base_url(), http_client=http)
        with pytest.raises(openai.BadRequestError, match="the client is closed"):
            ask(sdk)


def test_without_httpx2_the_extra_is_named() -> None:
    """The bridge says what to install; nothing else needs it."""
    program = (
        "import sys; sys.modules['httpx2'] = None\n"
        "from dragoman import Client, ConfigError\n"
        "from dragoman.bridge import httpx2_client\n"
        "try:\n    httpx2_client(Client())\n"
        "except ConfigError as error:\n    print(error)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)

    assert "pip install 'dragoman[bridge]'" in done.stdout
