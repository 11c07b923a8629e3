"""
A knowledge base on the asynchronous face.

Rule: here stand signatures and words, and nothing else; arguments, results and errors are those of `KnowledgeBase`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from dragoman.client import AsyncClient
from dragoman.knowledge.asking import Asked
from dragoman.knowledge.checking import Reply
from dragoman.knowledge.chunking import Sizes
from dragoman.knowledge.core import Core, Filter, marks
from dragoman.knowledge.files import Walk
from dragoman.knowledge.models import AsyncModels
from dragoman.knowledge.streams import AsyncAnswerStream
from dragoman.knowledge.values import AddReport, Answer, Document, Format, Hit, Mode, Progress, Stats
from dragoman.runtime import AsyncRuntime
from dragoman.stream import AsyncStream
from dragoman.types.requests import Settings
from dragoman.verbs.conversations.aio import AsyncConversation


class AsyncKnowledgeBase:
    """Documents that can be searched and asked; as `KnowledgeBase`."""

    def __init__(
        self,
        store: str,
        *,
        name: str = "default",
        client: AsyncClient | None = None,
        model: str | None = None,
        embed: str | None = None,
        size: int = 320,
        overlap: int = 32,
        prompts: str | Path | None = None,
    ) -> None:
        """Nothing is opened yet.  As `KnowledgeBase`."""
        self._models = AsyncModels(client)
        self._core = Core(
            store,
            name,
            self._models,
            AsyncRuntime(),
            model=model,
            embed=embed,
            sizes=Sizes(size, overlap),
            prompts=prompts,
        )

    def __repr__(self) -> str:
        return f"<AsyncKnowledgeBase {self._core.store.place!r}>"

    async def add(
        self,
        *paths: str | os.PathLike[str],
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        tags: Sequence[str] | None = None,
        format: Format | None = None,
        encoding: str = "utf-8",
        root: str | os.PathLike[str] | None = None,
        prune: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> AddReport:
        """Add files, or the files of folders.  As `KnowledgeBase.add`."""
        walk = Walk(
            include=tuple(include), exclude=tuple(exclude), root=None if root is None else Path(root), format=format
        )
        return await self._core.add(paths, walk, tags, encoding, prune, progress)

    async def add_texts(
        self, texts: Mapping[str, str], *, format: Format = "markdown", tags: Sequence[str] | None = None
    ) -> AddReport:
        """Add texts under names of your own.  As `KnowledgeBase.add_texts`."""
        return await self._core.add_texts(texts, format, tags)

    async def search(
        self,
        query: str,
        k: int = 5,
        *,
        mode: Mode = "hybrid",
        path: str | None = None,
        tags: Sequence[str] = (),
        rerank: str | None = None,
    ) -> list[Hit]:
        """Find passages.  As `KnowledgeBase.search`."""
        return await self._core.search(query, Filter(k=k, mode=mode, path=path, tags=marks(tags), rerank=rerank))

    async def ask(
        self,
        question: str,
        *,
        model: str | None = None,
        k: int = 8,
        history: AsyncConversation | Sequence[Any] | None = None,
        mode: Mode = "hybrid",
        path: str | None = None,
        tags: Sequence[str] = (),
        rerank: str | None = None,
        settings: Settings | None = None,
    ) -> Answer:
        """Have a question answered from the documents.  As `KnowledgeBase.ask`."""
        which = Filter(k=k, mode=mode, path=path, tags=marks(tags), rerank=rerank)
        return await self._core.answer(await self._core.prepare(question, model, settings, history, which))

    def ask_stream(
        self,
        question: str,
        *,
        model: str | None = None,
        k: int = 8,
        history: AsyncConversation | Sequence[Any] | None = None,
        mode: Mode = "hybrid",
        path: str | None = None,
        tags: Sequence[str] = (),
        rerank: str | None = None,
        settings: Settings | None = None,
    ) -> AsyncAnswerStream:
        """As `ask`, with the text while it is written; not awaited.  As `KnowledgeBase.ask_stream`."""
        which = Filter(k=k, mode=mode, path=path, tags=marks(tags), rerank=rerank)
        preparing = partial(self._core.prepare, question, model, settings, history, which)
        client = self._models.client

        def opening(asked: Asked) -> AsyncStream:
            return client.stream(asked.model, list(asked.messages), settings=asked.settings, output=Reply)

        return AsyncAnswerStream(self._core.asking, preparing, opening)

    async def list(self) -> list[Document]:
        """All documents, by name."""
        return await self._core.documents()

    async def remove(self, *sources: str) -> int:
        """Remove documents by their names: how many there were."""
        return await self._core.remove(sources)

    async def text(self, source: str) -> str:
        """The text of a document.  As `KnowledgeBase.text`."""
        return await self._core.text(source)

    async def stats(self) -> Stats:
        """How much there is, and where."""
        return await self._core.stats()

    async def aclose(self) -> None:
        """Close what is open; a later call opens it again.  A base in memory is gone."""
        await self._core.store.aclose()
        await self._models.aclose()

    async def __aenter__(self) -> AsyncKnowledgeBase:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
