"""Anthropic's, Gemini's and Bedrock's batch APIs through the whole engine, kills included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiohttp import web

from dragoman import ConfigError, MissingKeyError, wire
from dragoman.errors import BadRequestError, DragomanError, OverloadedError
from dragoman.testing.batches import Asked, Course
from dragoman.testing.batches.anthropic import Anthropic
from dragoman.testing.batches.base import Api, echoed
from dragoman.testing.batches.bedrock import Bedrock
from dragoman.testing.batches.gemini import Gemini
from dragoman.types.responses import ChatResponse
from tests.batch.rows import expected, read, texts
from tests.batch.service.answering import but
from tests.batch.service.conftest import Bench
from tests.batch.service.test_kills import Nursery, killed_around_every_request
from tests.batch.service.work import providers

Make = Callable[..., Bench]


class Jobs(Bedrock):
    """Takes jobs of one record."""

    min_records: ClassVar[int] = 1


class Pairs(Bedrock):
    """Takes jobs of two records."""

    min_records: ClassVar[int] = 2


class Live(Api):
    """Answers plain calls of Bedrock's."""

    wire: ClassVar[str] = "bedrock-converse"

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/model/{model}/converse", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        asked = self.asked("0", await request.read(), path=request.path)
        return web.Response(body=wire.get(self.wire).encode_response(echoed(asked)), content_type="application/json")


APIS = [
    pytest.param(Anthropic, "anthropic", id="anthropic"),
    pytest.param(Gemini, "gemini", id="gemini"),
    pytest.param(Jobs, "bedrock", id="bedrock"),
]


@pytest.mark.parametrize(("api", "name"), APIS)
def test_all_rows_come_back_in_the_order_of_the_input(bench: Make, api: Any, name: str) -> None:
    """Seven rows in batches of three: three batches, shuffled results, an output in order, no file left behind."""
    at = bench(api, name=name)
    report = at.run(7)

    assert expected(7) == texts(at.sink)
    assert (7, 0, 3) == (report.done, report.failed, len(at.server.batches))
    assert [3, 3, 1] == [len(batch.rows) for batch in at.server.batches]
    assert {} == at.server.house.files


@pytest.mark.parametrize(("api", "name"), APIS)
def test_rows_that_expire_go_again_and_no_others(bench: Make, api: Any, name: str) -> None:
    """Of a batch that ended before it came to all rows, what was done is kept; only the rest is handed in again."""
    end: Any = "ended" if api is Gemini else "expired"  # an expired one of Gemini's has no results at all
    at = bench(api, Course(end=end, answer=but(0, 2, error=None)), name=name)
    report = at.run(3)

    assert expected(3) == texts(at.sink)
    assert [3, 2] == [len(batch.rows) for batch in at.server.batches]
    assert ["hello 0", "hello 2"] == [row.text for row in at.server.batches[1].rows]
    assert (3, 0) == (report.done, report.failed)


@pytest.mark.parametrize(("api", "name"), APIS)
def test_errors_of_rows_are_outcomes_or_go_again(bench: Make, api: Any, name: str) -> None:
    """A row that is refused ends in the errors file; one that found the provider overloaded goes again."""

    def once(asked: Asked) -> ChatResponse | DragomanError | None:
        told: dict[str, DragomanError] = {
            "hello 0": BadRequestError("no", status=400),
            "hello 1": OverloadedError("busy", status=529 if name == "anthropic" else 503),
        }
        return told.get(asked.text) or echoed(asked)

    at = bench(api, Course(answer=once), name=name)
    report = at.run(3)

    assert (2, 1, {"BadRequestError": 1}) == (report.done, report.failed, report.errors)
    assert [3, 1] == [len(batch.rows) for batch in at.server.batches]
    [failure] = read(at.folder / "out.errors.jsonl")
    assert ("c0", 400) == (failure["custom_id"], failure["error"]["status"])


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Starts workers."""
    made = Nursery()
    yield made
    made.close()


@pytest.mark.parametrize(("api", "name"), APIS)
def test_killed_around_every_request(nursery: Nursery, tmp_path: Path, api: Any, name: str) -> None:
    """Before and after each upload, create, look, download and delete: two batches in all, and every row once."""
    assert killed_around_every_request(nursery, tmp_path, api, name) >= 16


def test_bedrock_without_a_role_says_what_to_do(bench: Make) -> None:
    """What only the caller knows is asked for before anything is sent."""
    at = bench(Jobs, name="bedrock")
    with pytest.raises(ConfigError, match=r"need role_arn: pass Client\(providers="):
        at.run(3, row={"batch_options": {"s3_uri": "s3://bucket/x"}})
    assert [] == at.server.seen
    assert not at.sink.exists()


def test_a_missing_key_ends_the_run_and_marks_no_row(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with the account is not the rows' fault: with the key, the same command does them all."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    at = bench(Anthropic, name="anthropic")
    with pytest.raises(MissingKeyError):
        at.run(3, row={"api_key": None})

    assert (3, 0) == ((report := at.run(3)).done, report.failed)


def test_auto_without_a_role_is_live_and_says_why(bench: Make) -> None:
    """Where nobody insists on batches, rows that cannot go there are asked as calls."""
    at = bench((Jobs, Live), name="bedrock")
    report = at.run(3, row={"batch_options": {"s3_uri": "s3://bucket/x"}}, mode="auto", deadline="1h")

    assert expected(3) == texts(at.sink)
    assert 3 == report.done
    assert any("need role_arn" in note for note in report.notes)
    assert [] == at.server.batches


def test_rows_too_few_for_a_batch_are_asked_live(bench: Make) -> None:
    """Of seven rows in batches of two to three, one is left over: it is no batch, so it is asked as a call."""
    at = bench((Pairs, Live), name="bedrock")
    [row] = providers("bedrock", at.server.url).values()
    options = {**row["batch_options"], "min_rows": 2}
    report = at.run(7, row={"batch_options": options})

    assert expected(7) == texts(at.sink)
    assert (7, 0) == (report.done, report.failed)
    assert [3, 3] == [len(batch.rows) for batch in at.server.batches]
    assert 1 == at.server.count("POST", "/converse")


def test_rows_that_come_back_too_few_are_asked_live(bench: Make) -> None:
    """One row of three was never come to: alone it is no batch."""
    at = bench((Pairs, Live), Course(end="expired", answer=but(1, error=None)), name="bedrock")
    [row] = providers("bedrock", at.server.url).values()
    report = at.run(3, row={"batch_options": {**row["batch_options"], "min_rows": 2}})

    assert expected(3) == texts(at.sink)
    assert ((3, 0), 1) == ((report.done, report.failed), len(at.server.batches))
