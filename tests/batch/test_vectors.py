"""Rows that ask for vectors."""

from __future__ import annotations

import asyncio
import base64
from array import array
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, BudgetError, Client, ConfigError, SourceError
from dragoman.testing import Server, embeds
from tests.batch.rows import line, read, write

PRICED: dict[str, Any] = {"fake/e": {"prices": [{"input": "1", "output": "0"}]}}


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider of vectors."""
    with Server(default=embeds(3)) as running:
        yield running


@pytest.fixture
def options(server: Server) -> dict[str, Any]:
    """What a client needs to ask it."""
    row = {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}
    return {"providers": {"fake": row}, "models": PRICED}


@pytest.fixture
def client(options: dict[str, Any]) -> Iterator[Client]:
    """A client that asks it."""
    with Client(**options) as made:
        yield made


def ask(number: int, texts: Any, **body: Any) -> dict[str, Any]:
    """A line of OpenAI's batch files for vectors."""
    body = {"model": "fake/e", "input": texts, **body}
    return {"custom_id": f"e{number}", "method": "POST", "url": "/v1/embeddings", "body": body}


def test_lines_of_openai_are_known_by_their_address(client: Client, server: Server, tmp_path: Path) -> None:
    """Answers are OpenAI's bodies, with usage, cost and ledger beside them; numbers or base64 as the line asked."""
    rows = [ask(0, "one"), ask(1, ["two", "three"], dimensions=3), ask(2, "four", encoding_format="base64")]

    batch = client.batch(write(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl")

    wanted = embeds(3).vector
    first, second, third = read(tmp_path / "out.jsonl")
    assert ("list", "embedding") == (
        first["response"]["body"]["object"],
        first["response"]["body"]["data"][0]["object"],
    )
    assert pytest.approx(wanted("one")) == first["response"]["body"]["data"][0]["embedding"]
    assert [0, 1] == [item["index"] for item in second["response"]["body"]["data"]]
    packed = array("f", base64.b64decode(third["response"]["body"]["data"][0]["embedding"]))
    assert pytest.approx(wanted("four"), rel=1e-6) == packed.tolist()
    assert (1, 200, None) == (len(first["attempts"]), first["response"]["status_code"], first["error"])
    one, two, three = batch.results()
    assert (None, None) == (one.response, one.text)
    assert [pytest.approx(wanted("two")), pytest.approx(wanted("three"))] == list(two.vectors)
    assert pytest.approx(wanted("four"), rel=1e-6) == three.vectors[0]
    assert 3 == server.requests[1].embed.dimensions  # type: ignore[union-attr]
    assert batch.report.cost == sum(row.cost or 0 for row in batch.results()) > 0
    assert batch.report.input_tokens == sum(row.usage.input_tokens or 0 for row in batch.results()) > 0


def test_plain_rows_and_templates(client: Client, tmp_path: Path) -> None:
    """With `verb="embed"` a row is a text, several, an object with `input`, or any object under a template."""
    rows = ["one", ["two", "three"], {"id": "c", "input": "four"}]
    batch = client.batch(rows, model="fake/e", verb="embed")
    wanted = embeds(3).vector

    assert [("row-0", 1), ("row-1", 2), ("c", 1)] == [(row.id, len(row.vectors)) for row in batch.results()]
    (tmp_path / "in.csv").write_text("id,title,text\nx,T,t\n")
    table = client.batch(tmp_path / "in.csv", model="fake/e", verb="embed", template="{title}: {text}", dimensions=3)
    assert [pytest.approx(wanted("T: t"))] == [row.vectors[0] for row in table.results()]


def test_a_file_may_hold_both(tmp_path: Path, echoing: Server, server: Server) -> None:
    """Lines of either address are answered each in its own form; a table has the columns of both."""
    talk = {"base_url": echoing.base_url(), "api_key": "k", "wire": "openai-chat"}
    vectors = {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}
    source = write(tmp_path / "in.jsonl", [line(0, model="talk/m"), ask(1, "one")])
    with Client(providers={"talk": talk, "fake": vectors}) as client:
        first, second = client.batch(source, tmp_path / "out.csv").results()

    assert ("hello 0", 0) == (first.text, len(first.vectors))
    assert (None, 1) == (second.text, len(second.vectors))
    head = (tmp_path / "out.csv").read_text().splitlines()[0]
    assert head.startswith("id,text,embedding,embeddings,error")


def test_what_has_no_meaning_for_vectors_is_refused(client: Client, server: Server) -> None:
    """Settings of chat, rows without input, and values that cannot be are said, and nothing is sent."""
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"temperature": 0.5}, ConfigError, "temperature"),
        ({"output": int}, ConfigError, "output"),
        ({"dimensions": 0}, ConfigError, "dimensions"),
        ({"kind": "poem"}, ConfigError, "kind"),
        ({"verb": "sing"}, ConfigError, "verb"),
    ]
    for keywords, kind, field in wrong:
        with pytest.raises(kind) as raised:
            client.batch(["a"], model="fake/e", **{"verb": "embed", **keywords})
        assert field == raised.value.field  # type: ignore[attr-defined]
    with pytest.raises(SourceError, match="row 0: no input"):
        client.batch([{"prompt": "a"}], model="fake/e", verb="embed")
    with pytest.raises(ConfigError, match="output is missing"):
        client.batch(["a"], model="fake/e", verb="parse")
    assert 0 == server.calls


def test_rows_that_cannot_be_asked_fail_alone(client: Client, server: Server) -> None:
    """Tokens instead of text, an empty text and a message are failures of their rows."""
    rows = [ask(0, [1, 2]), ask(1, ""), {"input": 7}, {"input": "ok"}]
    batch = client.batch(rows, model="fake/e", verb="embed")

    assert (1, {"ConfigError": 3}, 1) == (batch.report.done, batch.report.errors, server.calls)


def test_it_goes_on_and_only_changed_rows_are_asked(client: Client, server: Server, tmp_path: Path) -> None:
    """Resuming, estimates and `max_cost` hold for vectors as for words."""
    rows: list[dict[str, Any]] = [{"id": str(number), "input": f"text {number}"} for number in range(20)]
    source = write(tmp_path / "in.jsonl", rows)
    batch = client.batch(source, tmp_path / "out.jsonl", model="fake/e", verb="embed", start=False)
    estimate = batch.estimate
    assert (20, 0) == (estimate.rows, server.calls)
    assert estimate.cost_high == estimate.cost_low == Decimal(estimate.input_tokens) / 1_000_000
    batch.run()
    rows[3]["input"] = "another"
    write(source, rows)

    report = client.resume_batch(tmp_path / "out.jsonl").report

    assert (21, 19, 20) == (server.calls, report.reused, report.done)
    with pytest.raises(BudgetError):
        client.batch([f"text {number}" for number in range(50)], model="fake/e", verb="embed", max_cost="0.00001")


def test_the_async_face(options: dict[str, Any]) -> None:
    """The same there."""

    async def go() -> list[int]:
        async with AsyncClient(**options) as client:
            batch = await client.batch((f"text {number}" for number in range(30)), model="fake/e", verb="embed")
            return [len(row.vectors) async for row in batch.results()]

    assert [1] * 30 == asyncio.run(go())
