"""
A knowledge base, as coroutines that both faces share.

Rule: `add` writes, everything else reads; what a question costs stands in its answer.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from dragoman.errors import ConfigError
from dragoman.kits.arguments import text_of, texts_of
from dragoman.kits.prompts import Prompts
from dragoman.knowledge.adding import Adding, Given, How, OnProgress
from dragoman.knowledge.asking import KIT, Asked, Asking, checked_history
from dragoman.knowledge.chunking import Sizes
from dragoman.knowledge.embedding import embedding_of
from dragoman.knowledge.files import Walk
from dragoman.knowledge.models import Models
from dragoman.knowledge.opening import open_store
from dragoman.knowledge.searching import Searching, Wanted
from dragoman.knowledge.store import Store
from dragoman.knowledge.values import AddReport, Answer, Document, Format, Hit, Mode, Stats
from dragoman.runtime import Runtime
from dragoman.types.requests import Settings

_RERANKED: Final = 3  # passages that a model puts in order, for each that is wanted
_FORMATS: Final = ("markdown", "html", "text")

Paths = str | os.PathLike[str]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which passages, and how they are found; as `KnowledgeBase.search`."""

    k: int
    mode: Mode = "hybrid"
    path: str | None = None
    tags: tuple[str, ...] = ()
    rerank: str | None = None


class Core:
    """What a base does; see `KnowledgeBase`."""

    def __init__(
        self,
        store: str,
        name: str,
        models: Models,
        runtime: Runtime,
        *,
        model: str | None,
        embed: str | None,
        sizes: Sizes,
        prompts: str | Path | None,
        numpy: bool = True,
    ) -> None:
        for field, value in (("model", model), ("embed", embed)):
            if value is not None and (not isinstance(value, str) or not value):
                raise ConfigError(f"{field} is {value!r}: give 'provider/model'", field=field)
        self.store: Store = open_store(store, name)
        self._runtime = runtime
        self._models = models
        self._model = model
        self._embed = embed
        self._sizes = sizes
        self._searching = Searching(runtime, self.store, models, embed, numpy=numpy)
        self._asking = Asking(models, Prompts(KIT, prompts))

    async def add(
        self,
        paths: Sequence[Paths],
        walk: Walk,
        tags: Sequence[str] | None,
        encoding: str,
        prune: bool,
        progress: OnProgress | None,
    ) -> AddReport:
        """Add files and folders."""
        if not paths:
            raise ConfigError("paths is empty: give files or folders", field="paths")
        for path in paths:
            if not isinstance(path, str | Path):
                raise ConfigError(f"paths has {path!r}: give files or folders", field="paths")
        files, folders, gone = walk.files(paths)
        given = Given(files=tuple(files), folders=tuple(folders), gone=tuple(gone))
        return await self._add(given, tags, encoding, prune, progress)

    async def add_texts(
        self, texts: Mapping[str, str], form: Format, tags: Sequence[str] | None, progress: OnProgress | None = None
    ) -> AddReport:
        """Add texts under names."""
        if form not in _FORMATS:
            raise ConfigError(f"format is {form!r}: a text is markdown, html or text", field="format")
        if not isinstance(texts, Mapping):
            raise ConfigError(f"texts is {type(texts).__name__}: give texts by name", field="texts")
        for name, text in texts.items():
            if not isinstance(name, str) or not name or not isinstance(text, str):
                raise ConfigError(f"texts has {name!r}: give names and texts", field="texts")
        rows: tuple[tuple[str, bytes, Format], ...] = tuple(
            (name, text.encode("utf-8", "surrogatepass"), form) for name, text in texts.items()
        )
        return await self._add(Given(texts=rows), tags, "utf-8", False, progress)

    async def _add(
        self, given: Given, tags: Sequence[str] | None, encoding: str, prune: bool, progress: OnProgress | None
    ) -> AddReport:
        marked = None if tags is None else marks(tags)
        state = await self.store.state(self._runtime)
        embedding = embedding_of(state, self._embed, self._models, adding=True)
        how = How(sizes=self._sizes, tags=marked, encoding=encoding, prune=prune, progress=progress)
        return await Adding(self._runtime, self.store, embedding, state, how).run(given)

    async def search(self, query: str, which: Filter) -> list[Hit]:
        """Find passages."""
        asked = Asked(question=query, model=which.rerank or "", settings=None)
        return await self._find(asked, which)

    async def prepare(
        self, question: str, model: str | None, settings: Settings | None, history: Any, which: Filter
    ) -> Asked:
        """Do everything that comes before the answer."""
        chosen = model or self._model
        if not chosen:
            raise ConfigError("no model is given: ask(..., model='provider/model')", field="model")
        if not isinstance(question, str) or not question.strip():
            raise ConfigError("the question is empty: say what to look for", field="question")
        asked = Asked(question=question, model=chosen, settings=settings)
        if history is not None:
            await self._asking.alone(asked, checked_history(await _said(history)))
        hits = await self._find(asked, which)
        if hits:
            self._asking.show(asked, hits)
        return asked

    async def answer(self, asked: Asked) -> Answer:
        """Have a model answer."""
        return await self._asking.answer(asked)

    @property
    def asking(self) -> Asking:
        """What asks the models."""
        return self._asking

    async def documents(self) -> list[Document]:
        """All documents."""
        return await self.store.documents(self._runtime)

    async def remove(self, sources: Sequence[str]) -> int:
        """Remove documents."""
        removed = await self.store.remove(self._runtime, list(texts_of(sources, "sources", "names")))
        if removed:
            await self.store.sweep(self._runtime)
        return removed

    async def text(self, source: str) -> str:
        """The text of a document."""
        pieces = await self.store.text(self._runtime, text_of(source, "source"))
        if not pieces:
            raise ConfigError(f"{source!r} is not in the base: list() shows what is", field="source")
        whole = ""
        for start, text in pieces:
            whole = whole + text[len(whole) - start :] if start < len(whole) else whole + text
        return whole

    async def stats(self) -> Stats:
        """Numbers."""
        state = await self.store.state(self._runtime, sized=True)
        return Stats(
            documents=state.documents,
            chunks=state.chunks,
            embed=state.embed,
            dimensions=state.dimensions,
            bytes=state.bytes,
            store=self.store.place,
        )

    async def _find(self, asked: Asked, which: Filter) -> list[Hit]:
        count = which.k * _RERANKED if which.rerank else which.k
        wanted = Wanted(query=asked.question, count=count, mode=which.mode, path=which.path, tags=which.tags)
        hits = await self._searching.find(wanted)
        if which.rerank is None:
            return hits
        return await self._asking.rank(asked, which.rerank, hits, which.k)


def marks(tags: Collection[str]) -> tuple[str, ...]:
    """
    Tags in order, each once.

    Raises:
        ConfigError: They are no list of words.
    """
    words = texts_of(tags, "tags", "words")
    if not all(tag.strip() for tag in words):
        raise ConfigError(f"tags is {tags!r}: give a list of words", field="tags")
    return tuple(sorted({tag.strip() for tag in words}))


async def _said(history: Any) -> Any:
    """The messages of a conversation of ours, or what was given."""
    told: Any = getattr(history, "history", history)
    return await cast("Callable[[], Awaitable[Any]]", told)() if callable(told) else told
