"""Gemini's batches: the server half by the vendor's SDK, and the service against the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from aiohttp import web
from google import genai
from google.genai import errors as genai_errors
from google.genai import types

from dragoman import AsyncClient
from dragoman.batch.service.gemini import GeminiBatches
from dragoman.errors import (
    BadRequestError,
    ConfigError,
    OverloadedError,
    RateLimitError,
    StreamInterrupted,
)
from dragoman.testing.batches import BatchServer, Course
from dragoman.testing.batches.gemini import Gemini
from dragoman.testing.batches.server import Seen
from tests.batch.service.answering import fates
from tests.batch.service.handing import Hand, key_of, weigh

MODEL = "gemini-3.8-flash"
Act = Callable[[Hand], Awaitable[None]]


class Forgetful(Gemini):
    """Answers inline rows without their metadata."""

    keeps_metadata: ClassVar[bool] = False


class Close(Gemini):
    """Answers files inline."""

    answers_inline: ClassVar[bool] = True


class Shaky(Gemini):
    """Takes one megabyte of an upload at a time, and then breaks the connection."""

    offsets: ClassVar[list[int]] = []

    async def _upload(self, request: web.Request) -> web.Response:
        name, offset = request.match_info["name"], int(request.headers.get("x-goog-upload-offset", "-1"))
        about, path = self.house.names[name], self.house.files[name]
        if offset < 0 or about["size"] - offset <= 1_000_000:
            self.offsets.extend([offset] if offset >= 0 else [])
            return await super()._upload(request)
        self.offsets.append(offset)
        with path.open("ab") as file:
            file.write(await request.content.readexactly(1_000_000))
        assert request.transport is not None
        request.transport.abort()
        return web.Response()


FATES = fates("Resource has been exhausted")


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(Gemini, default=Course(answer=FATES, looks=2)) as running:
        yield running


def run(server: BatchServer, folder: Path, act: Act, **more: Any) -> None:
    async def main() -> None:
        row = {"base_url": server.url, "api_key": "k", **more}
        async with AsyncClient(providers={"gemini": row}) as client:
            await act(Hand(GeminiBatches, client, "gemini", folder))

    asyncio.run(main())


# --- the server half --------------------------------------------------------------------------------------------------


@pytest.fixture
def sdk(server: BatchServer) -> Iterator[genai.Client]:
    with genai.Client(api_key="k", http_options=types.HttpOptions(base_url=server.url)) as client:
        yield client


def test_the_sdk_sees_a_file_through(sdk: genai.Client, tmp_path: Path) -> None:
    """Uploaded, created, polled, downloaded and deleted by the vendor's own client."""
    lines = [
        {"key": f"row-{number}", "request": {"contents": [{"role": "user", "parts": [{"text": text}]}]}}
        for number, text in enumerate(["one", "bad", "two"])
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    file = sdk.files.upload(file=path, config={"display_name": "rows", "mime_type": "application/jsonl"})
    assert file.name is not None
    job = sdk.batches.create(model=MODEL, src=file.name, config={"display_name": "mine"})
    assert job.name is not None
    assert (types.JobState.JOB_STATE_PENDING, "mine") == (job.state, job.display_name)
    while (job := sdk.batches.get(name=job.name)).state != types.JobState.JOB_STATE_SUCCEEDED:
        assert job.name is not None
    assert job.dest is not None
    assert job.dest.file_name is not None
    assert job.name is not None
    got = {line["key"]: line for line in map(json.loads, sdk.files.download(file=job.dest.file_name).splitlines())}
    assert "one" == got["row-0"]["response"]["candidates"][0]["content"]["parts"][0]["text"]
    assert 3 == got["row-1"]["error"]["code"]
    sdk.batches.delete(name=job.name)
    with pytest.raises(genai_errors.ClientError):
        sdk.batches.get(name=job.name)
    sdk.files.delete(name=file.name)


def test_the_sdk_sees_inline_rows_through(sdk: genai.Client) -> None:
    """Inline rows come back inline, each with its metadata; the list has pages; a cancel is a state."""
    src: Any = [
        types.InlinedRequest(
            contents=[types.Content(role="user", parts=[types.Part(text=text)])], metadata={"key": f"row-{text}"}
        )
        for text in ("one", "late")
    ]
    names = [sdk.batches.create(model=MODEL, src=src, config={"display_name": f"job-{at}"}).name for at in range(3)]
    assert names[::-1] == [job.name for job in sdk.batches.list(config={"page_size": 2})]
    name = names[0]
    assert name is not None
    while (job := sdk.batches.get(name=name)).state != types.JobState.JOB_STATE_SUCCEEDED:
        pass
    assert job.dest is not None
    assert job.dest.inlined_responses is not None
    got = {(answer.metadata or {})["key"]: answer for answer in job.dest.inlined_responses}
    one, late = got["row-one"].response, got["row-late"].error
    assert one is not None
    assert "one" == one.text
    assert late is not None
    assert 1 == late.code
    assert names[1] is not None
    sdk.batches.cancel(name=names[1])
    while (job := sdk.batches.get(name=names[1])).state != types.JobState.JOB_STATE_CANCELLED:
        pass


# --- the service ------------------------------------------------------------------------------------------------------


def ways(*apis: type[Gemini]) -> list[Any]:
    return [pytest.param(api, inline, id=f"{api.__name__}-{inline}") for api in apis for inline in (False, True)]


@pytest.mark.parametrize(("api", "inline"), ways(Gemini, Close)[:3])
def test_every_row_comes_back_as_what_became_of_it(api: type[Gemini], inline: bool, tmp_path: Path) -> None:
    """As a file or inline: answers as of a live call, errors with `retryable` set right, rows that were never asked."""

    async def act(hand: Hand) -> None:
        sending = hand.sending(["one", "bad", "busy", "many", "late", "tw\u00f6\n"], model=MODEL)
        sent = await hand.service.submit(sending)
        assert "waiting" == (await hand.service.look(sent)).state
        status = await hand.ended(sent)
        assert ("ended", 2, 3) == (status.state, status.done, status.failed)
        got = await hand.results(sent, status)
        assert {key_of(number) for number in range(6)} == set(got)
        texts = [result.response.text if result.response else None for _, result in sorted(got.items())]
        assert ["one", None, None, None, None, "tw\u00f6\n"] == texts
        first = got[key_of(0)].response
        assert first is not None
        assert ("stop", 10, 5) == (
            first.finish_reason,
            first.usage.input_tokens,
            first.usage.output_tokens,
        )
        kinds = {number: got[key_of(number)].error for number in (1, 2, 3)}
        assert {1: BadRequestError, 2: OverloadedError, 3: RateLimitError} == {n: type(e) for n, e in kinds.items()}
        assert {1: False, 2: True, 3: True} == {n: e.retryable for n, e in kinds.items() if e is not None}
        assert got[key_of(4)].expired
        await hand.service.forget(sent, status)
        await hand.service.forget(sent, status)
        assert (await hand.service.look(sent)).gone

    with BatchServer(api, default=Course(answer=FATES, looks=2)) as server:
        run(server, tmp_path, act, batch_options={"inline": inline})
        assert (True, {}) == (server.batches[0].extra["deleted"], server.house.files)


def test_inline_answers_without_a_key_are_given_to_nobody(tmp_path: Path) -> None:
    """Google has left metadata out of answers in another order: guessing would give rows the answers of others."""

    async def act(hand: Hand) -> None:
        sent = await hand.service.submit(hand.sending(["one", "two"], model=MODEL))
        status = await hand.ended(sent)
        assert ("failed", ()) == (status.state, status.results)
        assert "do not say which row" in (status.error or "")

    with BatchServer(Forgetful) as server:
        run(server, tmp_path, act, batch_options={"inline": True})


def test_an_option_that_is_not_known_is_an_error(server: BatchServer, tmp_path: Path) -> None:
    """A misspelled option is named, before anything is sent."""

    async def act(hand: Hand) -> None:
        raise AssertionError

    with pytest.raises(ConfigError, match=r"inlined.*there are max_rows, max_bytes, inline"):
        run(server, tmp_path, act, batch_options={"inlined": True})
    assert [] == server.seen


@pytest.mark.parametrize("inline", [False, True])
def test_a_batch_whose_answer_was_lost_is_found_by_its_name(inline: bool, tmp_path: Path) -> None:
    """The connection breaks after the batch was created: that is an error, and then it is found, among others."""

    def hook(moment: Literal["before", "after"], seen: Seen) -> Literal["cut"] | None:
        return "cut" if moment == "after" and seen.path.endswith(":batchGenerateContent") and lost else None

    async def act(hand: Hand) -> None:
        for number in range(120):
            await hand.service.submit(hand.sending(["other"], model=MODEL, tag=f"dragoman-{number}"))
            if number == 10:
                lost.append(True)
                with pytest.raises(StreamInterrupted):
                    await hand.service.submit(hand.sending(["mine"], model=MODEL, tag="dragoman-cut"))
                lost.clear()
        sent = await hand.service.find("dragoman-cut")
        assert sent is not None
        assert MODEL == sent.model
        got = await hand.results(sent, await hand.ended(sent))
        response = got[key_of(0)].response
        assert response is not None
        assert "mine" == response.text
        assert await hand.service.find("dragoman-none") is None

    lost: list[bool] = []
    with BatchServer(Gemini, hook=hook) as server:
        run(server, tmp_path, act, batch_options={"inline": inline})
        assert 121 == len(server.batches)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_upload_that_breaks_is_taken_up_where_it_stands(when: str, tmp_path: Path) -> None:
    """The connection breaks before any byte came, or after all: what is there is not sent again."""
    broken: list[int] = []

    def hook(moment: Literal["before", "after"], seen: Seen) -> Literal["cut"] | None:
        if seen.path.startswith("/upload/v1beta/files/") and not broken and moment == when:
            broken.append(seen.number)
            return "cut"
        return None

    async def act(hand: Hand) -> None:
        sent = await hand.service.submit(hand.sending(["one"], model=MODEL))
        assert 1 == len(await hand.results(sent, await hand.ended(sent)))

    with BatchServer(Gemini, hook=hook) as server:
        run(server, tmp_path, act)
    assert 1 == len(broken)


@pytest.mark.parametrize(
    ("course", "state", "crowded"),
    [
        pytest.param(Course(end="expired"), "expired", False, id="expired"),
        pytest.param(Course(end="failed", error=("3", "bad file")), "failed", False, id="failed"),
        pytest.param(Course(end="failed", error=("8", "too many tokens are enqueued")), "failed", True, id="crowded"),
    ],
)
def test_a_batch_that_ends_badly_says_how(course: Course, state: str, crowded: bool, tmp_path: Path) -> None:
    """Expired, failed for good, and failed because too much was handed in are told apart; none has results."""

    async def act(hand: Hand) -> None:
        sent = await hand.service.submit(hand.sending(["one"], model=MODEL))
        status = await hand.ended(sent)
        assert (state, crowded, ()) == (status.state, status.crowded, status.results)
        assert {} == await hand.results(sent, status)
        assert (status.error == course.error[1]) is (state == "failed")
        await hand.service.cancel(sent)

    with BatchServer(Gemini, course) as server:
        run(server, tmp_path, act)


def test_a_cancelled_batch_keeps_what_was_done(tmp_path: Path) -> None:
    """After a cancel the answers are there, and the rest was never asked."""

    async def act(hand: Hand) -> None:
        sent = await hand.service.submit(hand.sending(["one", "late"], model=MODEL))
        await hand.service.cancel(sent)
        status = await hand.ended(sent)
        got = await hand.results(sent, status)
        assert "cancelled" == status.state
        assert got[key_of(0)].response is not None
        assert got[key_of(1)].expired

    with BatchServer(Gemini, Course(looks=50, answer=FATES)) as server:
        run(server, tmp_path, act)


def test_what_arrives_is_what_google_reads(server: BatchServer, tmp_path: Path) -> None:
    """Each row is a request that Google's own types take, field by field."""

    async def act(hand: Hand) -> None:
        await hand.service.submit(hand.sending(["one", "two"], model=MODEL))

    run(server, tmp_path, act)
    [batch] = server.batches
    for row in batch.rows:
        body = json.loads(row.body)
        assert {"contents", "generationConfig"} == set(body)
        [types.Content.model_validate(content) for content in body["contents"]]
        types.GenerationConfig.model_validate(body["generationConfig"])
    assert ("dragoman-test-1", MODEL) == (batch.tag, batch.extra["model"])


def test_memory_does_not_grow_with_rows(server: BatchServer, tmp_path: Path) -> None:
    """Handing in 20 MB and reading as much takes a few MB: files are read as they leave, and as they come."""
    row = {"base_url": server.url, "api_key": "k", "default_model": MODEL}

    count, most = weigh(GeminiBatches, "gemini", tmp_path, row)

    assert 2500 == count
    assert most < 12_000_000


def test_an_upload_that_breaks_in_the_middle_goes_on(tmp_path: Path) -> None:
    """Each connection breaks after some megabytes; what came is not sent again, and the file is whole in the end."""

    async def act(hand: Hand) -> None:
        sent = await hand.service.submit(hand.sending(("x" * 4000 for _ in range(1500)), model=MODEL))
        assert 1500 == len(await hand.results(sent, await hand.ended(sent)))

    with BatchServer(Shaky) as server:
        run(server, tmp_path, act)
        assert [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000, 6_000_000] == Shaky.offsets


def test_an_upload_that_never_comes_through_fails(tmp_path: Path) -> None:
    """Five connections that bring nothing are enough."""

    def hook(moment: Literal["before", "after"], seen: Seen) -> Literal["cut"] | None:
        uploads = seen.path.startswith("/upload/v1beta/files/") and seen.number % 2
        return "cut" if moment == "before" and uploads else None

    async def act(hand: Hand) -> None:
        with pytest.raises(StreamInterrupted):
            await hand.service.submit(hand.sending(["one"], model=MODEL))

    with BatchServer(Gemini, hook=hook) as server:
        run(server, tmp_path, act)
        assert 6 == len([seen for seen in server.seen if seen.path.startswith("/upload/")])  # a start, five queries
        assert [] == server.batches
