"""Rows in the order of how their prompts begin, for providers' prompt caches."""

from __future__ import annotations

import csv
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import BatchError, Client, ConfigError, Usage
from dragoman.testing import Server, calls, says, status
from dragoman.testing.steps import Answer
from dragoman.types.requests import ChatRequest
from tests.batch.rows import line, read, write

BLOCK, KEPT = 1024, 6


class PromptCache:
    """
    A provider that keeps the beginnings of the last few prompts, block by block, when it has answered them.

    Attributes:
        read: Characters that it had, of `all`.
        asked: The texts, as they came.
        latency: Seconds until an answer.
    """

    def __init__(self) -> None:
        self.read = self.all = 0
        self.asked: list[str] = []
        self.latency = 0.0
        self._known: OrderedDict[str, None] = OrderedDict()

    def step(self, request: ChatRequest) -> Answer:
        """Answer, and keep the blocks."""
        text = "".join(message.text for message in request.messages)
        self.asked.append(text)
        blocks = [text[:end] for end in range(BLOCK, len(text) + 1, BLOCK)]
        had = max((len(block) for block in blocks if block in self._known), default=0)
        self.read, self.all = self.read + had, self.all + len(text)
        for block in blocks:
            self._known[block] = None
            self._known.move_to_end(block)
        while len(self._known) > KEPT * 4:
            self._known.popitem(last=False)
        usage = Usage(input_tokens=len(text), output_tokens=1, cache_read_tokens=had)
        return says("ok", usage=usage, latency=self.latency)


def questions(documents: int, each: int) -> list[dict[str, Any]]:
    """Rows that ask about many documents by turns, each some 4,000 characters long."""
    texts = [f"Document {number}. " + f"{number} is what it says. " * 200 for number in range(documents)]
    return [
        line(question * documents + number, f"{text}\nQuestion {question}?")
        for question in range(each)
        for number, text in enumerate(texts)
    ]


@pytest.fixture
def cache() -> PromptCache:
    """A cache that has nothing."""
    return PromptCache()


@pytest.fixture
def echoing(cache: PromptCache) -> Iterator[Server]:
    """The provider that has it."""
    with Server(default=calls(cache.step)) as running:
        yield running


@pytest.mark.parametrize("order", ["input", "prefix"])
def test_rows_that_begin_alike_are_read_from_the_cache(
    client: Client, cache: PromptCache, tmp_path: Path, order: Any
) -> None:
    """Of 40 documents by turns nothing is cached; sorted, all questions but the first of each document are."""
    rows = questions(40, 5)
    batch = client.batch(write(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl", order=order, window=16)

    assert 200 == batch.report.done
    assert [row["custom_id"] for row in rows] == [row["custom_id"] for row in read(tmp_path / "out.jsonl")]
    cached = sum(row["usage"].get("cache_read_tokens", 0) for row in read(tmp_path / "out.jsonl"))
    assert cache.read == cached
    if order == "input":
        assert cache.read < 0.05 * cache.all
    else:  # all blocks of each document but for its first question: three fifths of all that was sent
        texts = [row["body"]["messages"][0]["content"].partition("\n")[0] for row in rows[:40]]
        assert sum(4 * (len(text) // BLOCK * BLOCK) for text in texts) == cache.read > 0.6 * cache.all


def test_the_first_of_them_goes_alone(options: dict[str, Any]) -> None:
    """A provider knows a beginning when it has answered once, so the others wait for that; other beginnings do not."""
    rows = questions(2, 10)
    with Server(default=says("ok", latency=0.2)) as server:
        options["providers"]["fake"]["base_url"] = server.base_url()
        with Client(**options) as client:
            assert 20 == client.batch(rows, order="prefix", window=20).report.done
        came = [(request.received_at, request.chat) for request in server.requests]
    first = min(at for at, _ in came)
    early = [chat.messages[0].text[:12] for at, chat in came if at < first + 0.15 and chat]
    assert ["Document 0. ", "Document 1. "] == sorted(early)


def test_the_first_of_them_fails(options: dict[str, Any]) -> None:
    """Then the others go all the same."""
    with Server(status(400, "no"), default=says("ok")) as server:
        options["providers"]["fake"]["base_url"] = server.base_url()
        with Client(**options) as client:
            report = client.batch(questions(1, 10), order="prefix").report

    assert (9, 1) == (report.done, report.failed)


def test_what_was_asked_is_not_asked_again(client: Client, cache: PromptCache, tmp_path: Path) -> None:
    """A stopped batch goes on in either order: rows are known by what they ask."""
    cache.latency = 0.01
    source = write(tmp_path / "in.jsonl", questions(10, 4))
    batch = client.batch(source, tmp_path / "out.jsonl", order="prefix", start=False, window=2)
    for _ in batch.results():
        break
    early = len(cache.asked)
    assert 0 < early < 40
    client.resume_batch(tmp_path / "out.jsonl")

    assert len(cache.asked) <= 42
    assert 40 == len(set(cache.asked)) == len(read(tmp_path / "out.jsonl"))


def test_tables_and_lists(client: Client, cache: PromptCache, tmp_path: Path) -> None:
    """Rows of a table, and those of a list, are sorted and asked likewise, short ones and empty cells, too."""
    texts = [row["body"]["messages"][0]["content"] for row in questions(5, 3)] + ["short", ""]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])
    table = client.batch(tmp_path / "in.csv", model="fake/m", template="{text}!", order="prefix")
    rows = list(table.results())
    from_table, cache.asked = cache.asked, []
    values = [f"{text}!" for text in texts]
    listed = list(client.batch(values, model="fake/m", order="prefix").results())

    assert list(range(17)) == [row.number for row in rows] == [row.number for row in listed]
    assert sorted(values) == sorted(cache.asked) == sorted(from_table)


def test_what_gives_its_rows_once_cannot_be_sorted(client: Client, echoing: Server) -> None:
    """An iterator may have no end: the error says what to give instead, and nothing is sent."""
    with pytest.raises(ConfigError, match="a file, or a list") as caught:
        client.batch(iter(["one"]), model="fake/m", order="prefix").run()
    assert ("order", 0) == (caught.value.field, echoing.calls)
    with pytest.raises(ConfigError, match="'input', 'prefix' or None"):
        client.batch(["one"], model="fake/m", order="sorted")  # type: ignore[arg-type] # pyright: ignore


def test_a_folder_without_room(client: Client, echoing: Server, tmp_path: Path) -> None:
    """What cannot be sorted is said before anything is sent."""
    import resource

    source = write(tmp_path / "in.jsonl", questions(40, 5))
    batch = client.batch(source, tmp_path / "out.jsonl", order="prefix", start=False)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(BatchError, match="no room left to write the temporary folder"):
            batch.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert 0 == echoing.calls
