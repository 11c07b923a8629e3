"""Batches for which a provider has no room, and rows for which it never will."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from dragoman import BatchError
from dragoman.testing.batches.mistral import Mistral
from dragoman.testing.batches.openai import OpenAI
from tests.batch.rows import line, read, texts, write
from tests.batch.service.conftest import Bench

Make = Callable[..., Bench]
ROOM = 1000
LONG = "word " * 4000


class Narrow(OpenAI):
    """Its queue holds few tokens, and its refusal, which shows when a batch is looked at, says how many."""

    words = f"Enqueued token limit reached for m in organization org-1. Limit: {ROOM:,} enqueued tokens."

    def _rows(self, data: bytes, endpoint: str, dialect: str) -> tuple[list[Any], list[dict[str, Any]]]:
        rows, problems = super()._rows(data, endpoint, dialect)
        if sum(len(row.body) for row in rows) / 5 > ROOM:
            problems.append({"code": "token_limit_exceeded", "message": self.words, "line": None, "param": None})
        return rows, problems


class Terse(Narrow):
    """One that does not say how many."""

    words = "Enqueued token limit reached."


class Strict(Mistral):
    """It refuses at once what does not fit."""

    async def _create(self, request: web.Request) -> web.Response:
        path = self.house.files[(await request.json())["input_files"][0]]
        if path.stat().st_size / 5 > ROOM:
            return self.refused(429, "too many tokens are enqueued")
        return await super()._create(request)


class Full(Mistral):
    """It has no room at all, for now."""

    full = True

    async def _create(self, request: web.Request) -> web.Response:
        if self.full:
            return self.refused(429, "too many tokens are enqueued")
        return await super()._create(request)


APIS = [
    pytest.param(Narrow, "openai", "1,000", id="says its limit"),
    pytest.param(Terse, "openai", "10 times in a row", id="does not say it"),
    pytest.param(Strict, "mistral", "10 times in a row", id="refuses at once"),
]


def run(at: Bench, long: set[int], mode: Any, **more: Any) -> Any:
    """Seven rows, of which some are long."""
    rows = (line(n, LONG if n in long else None, model=f"{at.api}/m") for n in range(7))
    with at.client() as client:
        return client.batch(
            write(at.folder / "in.jsonl", rows),
            at.sink,
            mode=mode,
            poll=0.005,
            **more,
        ).report


@pytest.mark.parametrize(("api", "name", "words"), APIS)
def test_a_row_that_never_fits_fails_alone(bench: Make, api: Any, name: str, words: str) -> None:
    """The others are handed in as if it were not there, and its error says for what there is no room."""
    at = bench(api, name=name)
    report = run(at, {3}, "provider")

    assert (6, 1, {"BadRequestError": 1}) == (report.done, report.failed, report.errors)
    assert [f"hello {n}" for n in (0, 1, 2, 4, 5, 6)] == [text for _, text in texts(at.sink)]
    [failure] = read(at.folder / "out.errors.jsonl")
    assert "c3" == failure["custom_id"]
    assert "queue of batches" in failure["error"]["message"]
    assert words in failure["error"]["message"]
    assert "enqueued" in failure["error"]["message"].lower()


@pytest.mark.parametrize(("api", "name", "words"), APIS)
def test_or_is_asked_live(bench: Make, api: Any, name: str, words: str) -> None:
    """With `auto` it is asked live, and the report says why."""
    at = bench(api, name=name)
    report = run(at, {3}, "auto", deadline="1h")

    assert (7, 0, [LONG]) == (report.done, report.failed, [asked.text for asked in at.server.house.lived])
    assert any(note.startswith("1 rows live: ") and words in note for note in report.notes), report.notes


def test_several_that_say_their_limit(bench: Make) -> None:
    """Each fails; it is known of each that it never fits."""
    at = bench(Narrow)
    report = run(at, {2, 3, 4}, "provider")

    assert (4, 3) == (report.done, report.failed)


def test_a_provider_without_any_room(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is no row's fault: after the first row the run ends, and the same one later goes on."""
    at = bench(Full, name="mistral")
    with pytest.raises(BatchError, match=r"no room in its queue.*later") as caught:
        run(at, set(), "provider")
    assert "mode" == caught.value.field
    monkeypatch.setattr(Full, "full", False)
    with at.client() as client:
        report = client.resume_batch(at.sink, retry_failed=True).report
    assert (7, 0) == (report.done, report.failed)
