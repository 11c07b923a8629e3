"""
What a knowledge base asks of its store.

Rule: a document is in with all its pieces, words and vectors, or not at all; one `put` is one transaction.  What comes
behind it (a vector that is kept before) is found again, and what nobody refers to is swept away.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from dragoman.knowledge.values import Chunk, Document, Hit
from dragoman.runtime import Runtime


class State(msgspec.Struct, frozen=True, kw_only=True):
    """
    A base as it is.

    Attributes:
        embed: Model of its vectors; empty while there are none.
        dimensions: Length of them.
        generation: Grows with each change.
        documents: How many.
        chunks: How many.
        bytes: What all of it takes.
    """

    embed: str = ""
    dimensions: int = 0
    generation: int = 0
    documents: int = 0
    chunks: int = 0
    bytes: int = 0


class Put(msgspec.Struct, frozen=True):
    """A document with its pieces, in place of the one of the same name."""

    document: Document
    chunks: tuple[Chunk, ...]


class Missing(msgspec.Struct, frozen=True):
    """A text whose vector is not there."""

    digest: bytes
    text: str


VectorRow = tuple[int, int, bytes]
"""Number of a piece, number of its document, vector."""


class Store(Protocol):
    """SQLite or Postgres."""

    place: str

    async def state(self, runtime: Runtime, *, sized: bool = False) -> State:
        """The base as it is; `bytes` only if it is asked for."""
        ...

    async def documents(self, runtime: Runtime) -> list[Document]:
        """All documents, by name."""
        ...

    async def put(
        self, runtime: Runtime, puts: Sequence[Put], model: str, vectors: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """Write documents, and the vectors of their pieces that are not there yet (digest and numbers)."""
        ...

    async def rename(self, runtime: Runtime, moves: Sequence[tuple[str, str]]) -> None:
        """Give documents other names; their pieces stay."""
        ...

    async def tag(self, runtime: Runtime, document: int, tags: Sequence[str]) -> None:
        """Give a document other tags."""
        ...

    async def remove(self, runtime: Runtime, sources: Sequence[str]) -> int:
        """Remove documents: how many there were."""
        ...

    async def known(self, runtime: Runtime, model: str, digests: Collection[bytes]) -> set[bytes]:
        """Those of some texts that have a vector of a model."""
        ...

    async def keep(self, runtime: Runtime, model: str, vectors: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep vectors, before or apart from the pieces that they belong to."""
        ...

    async def missing(self, runtime: Runtime, model: str, limit: int) -> list[Missing]:
        """Texts of pieces that have no vector of a model."""
        ...

    async def adopt(self, runtime: Runtime, model: str, dimensions: int) -> None:
        """The base's vectors are those of this model from now on."""
        ...

    async def sweep(self, runtime: Runtime) -> int:
        """Remove vectors of other models, and of pieces that are gone: how many."""
        ...

    async def vectors(self, runtime: Runtime, model: str) -> tuple[int, list[VectorRow]]:
        """The generation, and the vectors of all pieces."""
        ...

    async def nearest(
        self, runtime: Runtime, model: str, question: Sequence[float], count: int, documents: Collection[int] | None
    ) -> list[tuple[int, float]] | None:
        """The pieces whose vectors are nearest; None if the store cannot say, and `vectors` has to be asked."""
        ...

    async def words(
        self, runtime: Runtime, asked: Sequence[str], count: int, documents: Collection[int] | None
    ) -> list[tuple[int, float]]:
        """The pieces that have one of these terms, and how well they fit, the best first."""
        ...

    async def seen(self, runtime: Runtime, asked: Sequence[str]) -> dict[str, int]:
        """In how many pieces each of these terms is."""
        ...

    async def hits(self, runtime: Runtime, chunks: Sequence[int]) -> dict[int, Hit]:
        """Pieces by their numbers; what is gone meanwhile is left out."""
        ...

    async def text(self, runtime: Runtime, source: str) -> list[tuple[int, str]]:
        """Where the pieces of a document begin, and their texts, in order."""
        ...

    def close(self) -> None:
        """Close what is open; a later call opens it again."""
        ...

    async def aclose(self) -> None:
        """Like `close`, on the asynchronous face."""
        ...
