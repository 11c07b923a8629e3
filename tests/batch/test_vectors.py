"""Rows that ask for vectors."""

from __future__ import annotations

import asyncio
import base64
import time
from array import array
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, BudgetError, Client, ConfigError, Retry, SourceError
from dragoman.testing import Server, embeds, status
from dragoman.testing.connection import Reply
from dragoman.testing.steps import Step
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

    assert (2, 19, 20) == (server.calls, report.reused, report.done)
    with pytest.raises(BudgetError):
        client.batch([f"text {number}" for number in range(50)], model="fake/e", verb="embed", max_cost="0.00001")


def test_the_async_face(options: dict[str, Any]) -> None:
    """The same there."""

    async def go() -> list[int]:
        async with AsyncClient(**options) as client:
            batch = await client.batch((f"text {number}" for number in range(30)), model="fake/e", verb="embed")
            return [len(row.vectors) async for row in batch.results()]

    assert [1] * 30 == asyncio.run(go())


# --- several rows in one request --------------------------------------------------------------------------------------


class Fussy:
    """A provider that has no vector for some texts, and refuses a request in which one of them is."""

    def __init__(self, refusal: Step, *bad: str) -> None:
        self._refusal, self._bad = refusal, bad

    async def play(self, reply: Reply) -> None:
        """Answer, or refuse."""
        asked = reply.request.embed
        bad = asked is not None and any(word in text for text in asked.inputs for word in self._bad)
        await (self._refusal if bad else embeds(3)).play(reply)


def texts(count: int) -> list[str]:
    """Rows of different lengths."""
    return ["word " * (1 + number % 7) + str(number) for number in range(count)]


def sizes(server: Server) -> list[int]:
    """How many texts each request had."""
    return [len(request.embed.inputs) for request in server.requests if request.embed]


def test_rows_are_packed(client: Client, server: Server) -> None:
    """600 rows are ten requests, 64 or fewer in each; cost and tokens are divided, and their sums are the bill."""
    batch = client.batch(texts(600), model="fake/e", verb="embed")
    rows, report = list(batch.results()), batch.report
    wanted = embeds(3).vector

    assert (600, 0, 10) == (report.done, report.failed, server.calls)
    assert (10, 10) == (report.requests, sum(len(row.attempts) for row in rows))
    assert all(pytest.approx(wanted(text)) == row.vectors[0] for text, row in zip(texts(600), rows, strict=True))
    words = sum(len(text.split()) for text in texts(600))
    assert words == sum(row.usage.input_tokens or 0 for row in rows) == report.input_tokens
    assert Decimal(words) / 1_000_000 == sum(row.cost or 0 for row in rows) == report.cost
    assert max(row.cost or 0 for row in rows) > min(row.cost or 0 for row in rows) > 0


def test_only_rows_that_ask_the_same_way_are_packed(client: Client, server: Server) -> None:
    """Another model, or another length of the vectors, is another request; base64 is only how a row is written."""
    rows = [ask(number, f"text {number}", dimensions=3 + number % 2) for number in range(20)]
    rows += [ask(number, f"text {number}", model="fake/e2") for number in range(20, 30)]
    rows += [ask(number, f"text {number}", dimensions=3, encoding_format="base64") for number in range(30, 35)]
    batch = client.batch(rows)

    assert (35, [10, 10, 15]) == (batch.report.done, sorted(sizes(server)))
    assert [4 if number % 2 else 3 for number in range(20)] == [len(row.vectors[0]) for row in batch.results()][:20]


def test_what_the_provider_takes_at_once_is_kept(options: dict[str, Any], server: Server) -> None:
    """Texts of all rows together, and their tokens; a row that has more goes alone, cut by the client."""
    options["providers"]["fake"]["quirks"] = {"embed_limit": 10}
    rows: list[Any] = [["a", "b", "c"]] * 7 + [[f"long {number}" for number in range(25)]]
    with Client(**options) as client:
        batch = client.batch(rows, model="fake/e", verb="embed")
        assert [3] * 7 + [25] == [len(row.vectors) for row in batch.results()]
        assert sum(map(len, rows)) == sum(sizes(server))
        assert max(sizes(server)) <= 10
        assert 6 == server.calls  # 9 + 9 + 3 texts, and 10 + 10 + 5
    options["providers"]["fake"]["quirks"] = {}
    with Client(**options) as client:
        before = server.calls
        client.batch(["word " * 50_000] * 12, model="fake/e", verb="embed", dedupe=False)
    # 50,000 tokens each, of which OpenAI takes 300,000 in one request; by our estimate no more than three quarters.
    assert 3 <= server.calls - before <= 6


@pytest.mark.parametrize(("code", "most"), [(400, 1 + 2 * 6 * 2), (500, 1 + 64)])
def test_only_the_row_to_blame_fails(options: dict[str, Any], code: int, most: int) -> None:
    """Halves are asked, or after what may be an outage each by itself, until the bad ones are alone."""
    rows = [*texts(62), "a bad one", "another bad one"]
    with Server(default=Fussy(status(code, "no"), "bad")) as server:
        options["providers"]["fake"]["base_url"] = server.base_url()
        with Client(retry=Retry(attempts=1), **options) as client:
            batch = client.batch(rows, model="fake/e", verb="embed")
            results, report = list(batch.results()), batch.report
            calls = server.calls

    assert (62, 2) == (report.done, report.failed)
    assert ["a bad one", "another bad one"] == [rows[row.number] for row in results if row.error]
    assert all(row.attempts for row in results if row.error)
    assert calls == report.requests == sum(len(row.attempts) for row in results)
    assert calls <= most + 2


def test_a_budget_holds_for_packs(options: dict[str, Any], server: Server) -> None:
    """Where the whole pack costs too much, as much of it is asked as may be."""
    with Client(**options) as client:
        batch = client.batch(texts(64), model="fake/e", verb="embed", max_cost="0.0001", start=False)
        with pytest.raises(BudgetError):
            batch.run()
    report = batch.report
    assert 0 < report.done < 64
    assert 0 == report.failed
    assert report.cost <= Decimal("0.0001")


def test_the_row_window_is_kept(client: Client, server: Server) -> None:
    """One row at a time is one row at a time."""
    client.batch(texts(5), model="fake/e", verb="embed", window=1)

    assert [1] * 5 == sizes(server)


def test_packs_of_rows_that_come_slowly(client: Client, server: Server) -> None:
    """Nobody waits for rows that are not there yet."""

    def slowly() -> Iterator[str]:
        for number in range(3):
            time.sleep(0.1)
            yield f"text {number}"

    assert 3 == client.batch(slowly(), model="fake/e", verb="embed").report.done
    assert [1, 1, 1] == sizes(server)


def test_a_stopped_batch_of_packs(options: dict[str, Any], tmp_path: Path) -> None:
    """Leaving ends what is under way, and the same batch again asks what is left."""
    with Server(default=embeds(3, latency=0.05)) as server:
        options["providers"]["fake"]["base_url"] = server.base_url()
        source = write(tmp_path / "in.jsonl", ({"input": text} for text in texts(400)))
        with Client(**options) as client:
            batch = client.batch(source, tmp_path / "o.jsonl", model="fake/e", verb="embed", start=False, window=128)
            for _ in batch.results():
                break
            early = sum(sizes(server))
            report = client.resume_batch(tmp_path / "o.jsonl").report
        assert early < 400
        assert 400 == report.done
        assert sum(sizes(server)) <= 400 + 128
