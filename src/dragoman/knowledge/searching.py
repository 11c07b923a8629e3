"""
Finding passages: by their words, by their vectors, or by both.

Two lists that cannot be compared by their scores are put together by their ranks: each passage gets 1 / (60 + rank) of
each list.  The vectors of `local/hash` know no more than words do, and count half.

Source: Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms Condorcet" (SIGIR 2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.knowledge import hashing
from dragoman.knowledge.analysis import asked_terms
from dragoman.knowledge.embedding import Embedding, embedding_of
from dragoman.knowledge.models import Models
from dragoman.knowledge.store import State, Store, chosen
from dragoman.knowledge.values import Hit, Mode, ScoreParts
from dragoman.knowledge.vectors import Found, Vectors
from dragoman.runtime import Runtime

_RRF: Final = 60
_DEPTH: Final = 50  # passages of each list that are put together, at least
_LOCAL: Final = 0.5
_MODES: Final = ("hybrid", "words", "vectors")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is looked for.

    Attributes:
        query: In words.
        count: How many passages.
        mode: How.
        path: Pattern of the documents' names.
        tags: What the documents must be marked with.
    """

    query: str
    count: int
    mode: Mode = "hybrid"
    path: str | None = None
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.query, str) or not self.query.strip():
            raise ConfigError("the question is empty: say what to look for", field="query")
        if isinstance(self.count, bool) or not isinstance(self.count, int) or not 1 <= self.count <= 1000:
            raise ConfigError(f"k is {self.count!r}: give 1 to 1000", field="k")
        if self.mode not in _MODES:
            raise ConfigError(f"mode is {self.mode!r}: there are {', '.join(_MODES)}", field="mode")


class Searching:
    """Finds passages; keeps the vectors in memory while the base does not change."""

    def __init__(
        self, runtime: Runtime, store: Store, models: Models, embed: str | None, *, numpy: bool = True
    ) -> None:
        self._runtime = runtime
        self._store = store
        self._models = models
        self._embed = embed
        self._numpy = numpy
        self._loaded: tuple[int, str, Vectors] | None = None

    async def find(self, wanted: Wanted) -> list[Hit]:
        """The passages, the best first."""
        state = await self._store.state(self._runtime)
        if not state.chunks:
            return []
        documents: list[int] | None = None
        if wanted.path is not None or wanted.tags:
            documents = chosen(await self._store.documents(self._runtime), wanted.path, wanted.tags)
        asked, depth = asked_terms(wanted.query), max(_DEPTH, 4 * wanted.count)
        words: Found = []
        vectors: Found = []
        embedding = embedding_of(state, self._embed, self._models, adding=False)
        if wanted.mode != "vectors":
            words = await self._store.words(self._runtime, asked, depth, documents)
        if wanted.mode != "words":
            question = await self._question(wanted.query, asked, embedding, state)
            vectors = await self._nearest(embedding, question, depth, documents, state)
        weight = _LOCAL if embedding.is_local and wanted.mode == "hybrid" else 1.0
        return await self._hits(fused(words, vectors, weight)[: wanted.count])

    async def _question(self, query: str, asked: Sequence[str], embedding: Embedding, state: State) -> list[float]:
        if not embedding.is_local:
            return await embedding.of_question(query)
        return hashing.question_vector(asked, await self._store.seen(self._runtime, asked), state.chunks)

    async def _nearest(
        self, embedding: Embedding, question: list[float], count: int, documents: list[int] | None, state: State
    ) -> Found:
        there = await self._store.nearest(self._runtime, embedding.model, question, count, documents)
        if there is not None:
            return there
        vectors = await self._vectors(embedding.model, state)
        within = None if documents is None else frozenset(documents)
        work = partial(vectors.nearest, question, count, within)
        return await self._runtime.run_blocking(work, None) if self._runtime.suspends else work()

    async def _vectors(self, model: str, state: State) -> Vectors:
        if self._loaded is not None and self._loaded[:2] == (state.generation, model):
            return self._loaded[2]
        generation, rows = await self._store.vectors(self._runtime, model)
        made = Vectors(rows, numpy=self._numpy)
        self._loaded = (generation, model, made)
        return made

    async def _hits(self, scored: Sequence[tuple[int, float, ScoreParts]]) -> list[Hit]:
        found = await self._store.hits(self._runtime, [chunk for chunk, _, _ in scored])
        return [
            msgspec.structs.replace(found[chunk], score=round(score, 6), parts=parts)
            for chunk, score, parts in scored
            if chunk in found
        ]


def fused(words: Found, vectors: Found, weight: float = 1.0) -> list[tuple[int, float, ScoreParts]]:
    """
    Put two lists together by their ranks.

    Args:
        words: Pieces and their scores, the best first.
        vectors: Likewise.
        weight: What a rank among the vectors counts.

    >>> [chunk for chunk, _, _ in fused([(1, 9.0), (2, 5.0)], [(2, 0.8), (3, 0.7)])]
    [2, 1, 3]
    """
    scores: dict[int, float] = {}
    parts: dict[int, ScoreParts] = {}
    for rank, (chunk, score) in enumerate(words, 1):
        scores[chunk] = 1 / (_RRF + rank)
        parts[chunk] = ScoreParts(words=round(score, 4), words_rank=rank)
    for rank, (chunk, score) in enumerate(vectors, 1):
        scores[chunk] = scores.get(chunk, 0.0) + weight / (_RRF + rank)
        before = parts.get(chunk, ScoreParts())
        parts[chunk] = msgspec.structs.replace(before, vector=round(score, 4), vector_rank=rank)
    ordered = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))
    return [(chunk, scores[chunk], parts[chunk]) for chunk in ordered]
