"""pgvector itself: the same is found with its index and without, and without pgvector."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from dragoman.drivers.postgres import Postgres
from dragoman.knowledge import postgres_near
from dragoman.knowledge.analysis import VERSION
from dragoman.knowledge.hashing import packed, unit
from dragoman.knowledge.postgres import PostgresStore
from dragoman.knowledge.vectors import Vectors
from dragoman.runtime import BlockingRuntime, drive
from tests.schemas import fresh_schema
from tests.services import PgvectorServer, PostgresServer

RUNTIME = BlockingRuntime()
WIDTH = 8
MODEL = "fake/it's 100%\\n"
BASE = "o'base 5%\\"


class Large:
    """A base with so many vectors that it gets an index; every other piece is in the second document."""

    def __init__(self, url: str, count: int) -> None:
        self.db = Postgres(url)
        self.store = PostgresStore(self.db, BASE)
        drive(self.store.state(RUNTIME))
        self.run("INSERT INTO dragoman_kb VALUES (%s, %s, %s, 1, %s)", (BASE, MODEL, WIDTH, VERSION))
        document = (
            "INSERT INTO dragoman_kb_document (id, base, source, format, digest, recipe, tags, bytes, added)"
            " SELECT g, %s, g::text, 'text', '', '', '[]', 1, 0 FROM generate_series(1, 2) g"
        )
        self.run(document, (BASE,))
        self.run(
            "INSERT INTO dragoman_kb_chunk (base, document, number, start, stop, headings, digest, length, words, text)"
            " SELECT %s, 1 + g %% 2, g, 0, 1, '[]', decode(md5(g::text), 'hex'), 1, '', 'x'"
            " FROM generate_series(1, %s) g",
            (BASE, count),
        )
        digests = [bytes(row[0]) for row in self.run("SELECT digest FROM dragoman_kb_chunk ORDER BY id")]
        rng = random.Random(5)
        vectors = [packed(unit([rng.gauss(0, 1) for _ in range(WIDTH)])) for _ in digests]
        drive(self.store.keep(RUNTIME, MODEL, list(zip(digests, vectors, strict=True))))
        drive(self.store.sweep(RUNTIME))

    def run(self, sql: str, values: Any = ()) -> Any:
        return drive(self.db.run(RUNTIME, sql, values))

    def nearest(self, question: list[float], count: int, documents: list[int] | None = None) -> Any:
        return drive(self.store.nearest(RUNTIME, MODEL, question, count, documents))

    def here(self) -> Vectors:
        """The same vectors, compared in this process."""
        return Vectors(drive(self.store.vectors(RUNTIME, MODEL))[1])

    def indexes(self) -> list[str]:
        sql = "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND indexdef LIKE '%hnsw%'"
        return [row[0] for row in self.run(sql)]


@pytest.fixture(scope="module")
def large(pgvector_server: PgvectorServer) -> Iterator[Large]:
    made = Large(fresh_schema(pgvector_server, "near", "public"), postgres_near.INDEXED)
    yield made
    made.store.close()


def questions(count: int) -> list[list[float]]:
    rng = random.Random(6)
    return [unit([rng.gauss(0, 1) for _ in range(WIDTH)]) for _ in range(count)]


def test_the_index_is_there_and_used(large: Large) -> None:
    """A base of many vectors has one index, and the planner takes it for our question."""
    asked: list[Any] = []

    async def explained(execute: Any) -> None:
        async def explain(sql: str, values: Any = ()) -> Any:
            rows = await execute(f"EXPLAIN {sql}" if sql.startswith("WITH") else sql, values)
            asked.extend(row[0] for row in rows)
            return rows

        await postgres_near._by_index(explain, BASE, MODEL, questions(1)[0], 10)

    drive(large.db.transaction(RUNTIME, explained))

    (name,) = large.indexes()
    assert any(f"Index Scan using {name}" in line for line in asked if isinstance(line, str)), asked


def test_the_same_is_found_with_the_index(large: Large) -> None:
    """Of 50 questions' ten nearest, those that this process finds by comparing all, with the same cosines."""
    here = large.here()
    missed = 0
    for question in questions(50):
        there, expected = large.nearest(question, 10), dict(here.nearest(question, 10))
        assert 10 == len(there)
        assert sorted(there, key=lambda pair: (-pair[1], pair[0])) == there
        missed += len(expected.keys() - dict(there).keys())
        for chunk, score in there:
            assert expected.get(chunk, score) == pytest.approx(score, abs=1e-5)
    assert missed <= 5


def test_some_documents_are_compared_exactly(large: Large) -> None:
    """An index cannot know which pieces are asked for."""
    here = large.here()
    for question in questions(10):
        there = dict(large.nearest(question, 10, [2]))
        assert dict(here.nearest(question, 10, {2})) == pytest.approx(there, abs=1e-5)


def test_what_was_removed_hides_nothing(large: Large) -> None:
    """Where vectors of pieces that are gone are all the index gives, the others are found all the same."""
    question = questions(1)[0]
    near = [chunk for chunk, _ in large.nearest(question, 1000)]
    assert len(near) == 1000

    async def work(execute: Any) -> None:
        await execute("DELETE FROM dragoman_kb_chunk WHERE id = ANY (%s::bigint[])", (near,))

    drive(large.db.transaction(RUNTIME, work))
    expected = dict(large.here().nearest(question, 10))
    assert expected == pytest.approx(dict(large.nearest(question, 10)), abs=1e-5)


def test_a_small_base_has_no_index(pgvector_server: PgvectorServer) -> None:
    """It would take room and find nothing faster."""
    small = Large(fresh_schema(pgvector_server, "near", "public"), 50)
    question = questions(1)[0]

    assert [] == small.indexes()
    assert dict(small.here().nearest(question, 10)) == pytest.approx(dict(small.nearest(question, 10)), abs=1e-5)
    small.store.close()


def test_without_the_extension_vectors_are_compared_here(postgres_server: PostgresServer) -> None:
    """The server says that it cannot, and nothing is made there."""
    plain = Large(fresh_schema(postgres_server, "near"), 50)

    assert plain.nearest(questions(1)[0], 10) is None
    assert [] == plain.indexes()
    assert 10 == len(plain.here().nearest(questions(1)[0], 10))
    plain.store.close()
