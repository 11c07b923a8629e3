"""
Finding passages: by their words, by their vectors, or by both.

Two lists that cannot be compared by their scores are put together by their ranks: each passage gets 1 / (60 + rank) of
each list.  The vectors of `local/hash` know no more than words do, and count a quarter.

A word that is in no document may be misspelt: the words of the documents that differ by one letter, or by two that
have changed places, are looked for in its stead.

Source: Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms Condorcet" (SIGIR 2009);
P. Norvig, "How to write a spelling corrector" (2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.knowledge.analysis import asked_terms
from dragoman.knowledge.embedding import Embedding, embedding_of
from dragoman.knowledge.hashing import question_vector
from dragoman.knowledge.models import Models
from dragoman.knowledge.opening import chosen
from dragoman.knowledge.store import State, Store
from dragoman.knowledge.values import Hit, Mode, ScoreParts
from dragoman.knowledge.vectors import Found, Vectors
from dragoman.runtime import Runtime

_RRF: Final = 60
_DEPTH: Final = 50  # passages of each list that are put together, at least
_LOCAL: Final = 0.25  # what a rank of `local/hash` counts
_WORD: Final = 4  # letters of a word that may be misspelt
_LONG: Final = 40  # no word is longer; the slips of one letter are 54 times its square in memory
_MISSPELT: Final = 3  # words of a question that are looked at so
_NEAR: Final = 3  # words that one of them may mean
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
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
        if self.path is not None and not isinstance(self.path, str):
            raise ConfigError(f"path is {type(self.path).__name__}: give a pattern of names", field="path")
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
        asked, seen = await self._spelt(asked_terms(wanted.query))
        depth = max(_DEPTH, 4 * wanted.count)
        words: Found = []
        vectors: Found = []
        embedding = embedding_of(state, self._embed, self._models, adding=False)
        if wanted.mode != "vectors":
            words = await self._store.words(self._runtime, asked, depth, documents)
        weight = _LOCAL if embedding.is_local else 1.0
        if wanted.mode != "words":
            local = embedding.is_local
            question = (
                question_vector(asked, seen, state.chunks) if local else await embedding.of_question(wanted.query)
            )
            vectors = await self._nearest(embedding, question, depth, documents, state)
        return await self._hits(fused(words, vectors, weight)[: wanted.count])

    async def _spelt(self, asked: list[str]) -> tuple[list[str], dict[str, int]]:
        """The terms of a question and in how many pieces each is; one that is nowhere gives way to those next to it."""
        seen = await self._store.seen(self._runtime, asked)
        strange = [term for term in asked if term not in seen and _WORD <= len(term) <= _LONG and term.isascii()]
        for term in strange[:_MISSPELT]:
            near = await self._store.seen(self._runtime, sorted(one_off(term)))
            best = sorted(near, key=lambda other: (-near[other], other))[:_NEAR]
            seen.update({other: near[other] for other in best})
            asked = [*(one for one in asked if one != term or not best), *best]
        return list(dict.fromkeys(asked)), seen

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


def one_off(word: str) -> set[str]:
    """
    The words that a slip of the pen makes of one: a letter too many, too few or wrong, or two in the wrong order.

    >>> sorted(word for word in one_off("teh") if word in ("the", "ten", "eh", "teeth"))
    ['eh', 'ten', 'the']
    """
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    turned = {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
    shorter = {head + tail[1:] for head, tail in cuts if tail}
    wrong = {head + letter + tail[1:] for head, tail in cuts if tail for letter in _LETTERS}
    longer = {head + letter + tail for head, tail in cuts for letter in _LETTERS}
    return (turned | shorter | wrong | longer) - {word}
