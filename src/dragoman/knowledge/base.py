"""
A knowledge base on the blocking face.

Rule: here stand signatures and words, and nothing else; what is done is a coroutine that both faces share.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from dragoman.client import Client
from dragoman.knowledge.checking import Reply
from dragoman.knowledge.chunking import Sizes
from dragoman.knowledge.core import Core, Filter, marks
from dragoman.knowledge.files import Walk
from dragoman.knowledge.models import BlockingModels
from dragoman.knowledge.streams import AnswerStream
from dragoman.knowledge.values import AddReport, Answer, Document, Format, Hit, Mode, Progress, Stats
from dragoman.runtime import BlockingRuntime, drive
from dragoman.stream import Stream
from dragoman.types.requests import Settings
from dragoman.verbs.conversations.blocking import Conversation


class KnowledgeBase:
    """
    Documents that can be searched and asked.  Used from any number of threads; several processes may share a store.

    >>> with KnowledgeBase("memory://") as base:
    ...     report = base.add_texts({"shop.md": "# Refunds\\nGoods go back within 14 days."})
    ...     base.search("When do goods go back?")[0].headings
    ('Refunds',)
    """

    def __init__(
        self,
        store: str,
        *,
        name: str = "default",
        client: Client | None = None,
        model: str | None = None,
        embed: str | None = None,
        size: int = 320,
        overlap: int = 32,
        prompts: str | Path | None = None,
    ) -> None:
        """
        Nothing is opened yet.

        Args:
            store: `sqlite:///path.db`, `memory://` or `postgresql://...`.
            name: Of the base in a Postgres database; an SQLite file holds one base.
            client: Who asks models; one with nothing but defaults if it is not given.
            model: Who answers, unless `ask` says otherwise.
            embed: Model of the vectors, such as `openai/text-embedding-3-small`; by default the one that the base has,
                and for a new base `local/hash`, which needs no model and no network.
            size: Most tokens of a piece, 32 to 8000.
            overlap: Tokens of the piece before that are repeated.
            prompts: Folder with edited prompts of the kit `knowledge`.

        Raises:
            ConfigError: An argument is wrong; `.field` says which.
        """
        self._models = BlockingModels(client)
        self._core = Core(
            store,
            name,
            self._models,
            BlockingRuntime(),
            model=model,
            embed=embed,
            sizes=Sizes(size, overlap),
            prompts=prompts,
        )

    def __repr__(self) -> str:
        return f"<KnowledgeBase {self._core.store.place!r}>"

    def add(
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
        """
        Add files, or the files of folders: Markdown, HTML, text, PDF.

        A file that is as it was costs its reading and nothing else.  One that has moved keeps its pieces.  When the
        embedding model is another than before, all pieces are embedded again.

        Args:
            *paths: Files, folders, or patterns (`docs/**/*.md`).
            include: Patterns of which the files of folders must match one.
            exclude: Patterns of files and folders that are left out; as the lines of a `.dragomanignore`.
            tags: What the documents are marked with; None leaves the tags that they have.
            format: What the files are written in; by default their names say it.
            encoding: Of files that say nothing of it.
            root: Names in the base are relative to this folder; by default they are whole paths.
            prune: Remove documents of these folders whose files are gone; by default they are `missing` in the report.
            progress: Called after each file.

        Returns:
            What was done.  A file that cannot be read stands in `failed`, and the others are in.

        Raises:
            ConfigError: A path is not there, or of no kind that is read.
            StoreError: The store failed.
            DragomanError: The embedding model failed; documents that were written before stay.
        """
        walk = Walk(
            include=tuple(include), exclude=tuple(exclude), root=None if root is None else Path(root), format=format
        )
        return drive(self._core.add(paths, walk, tags, encoding, prune, progress))

    def add_texts(
        self, texts: Mapping[str, str], *, format: Format = "markdown", tags: Sequence[str] | None = None
    ) -> AddReport:
        """Add texts under names of your own; as `add` otherwise."""
        return drive(self._core.add_texts(texts, format, tags))

    def search(
        self,
        query: str,
        k: int = 5,
        *,
        mode: Mode = "hybrid",
        path: str | None = None,
        tags: Sequence[str] = (),
        rerank: str | None = None,
    ) -> list[Hit]:
        """
        Find passages.

        Args:
            query: What to look for.
            k: How many at most, 1 to 1000.
            mode: `hybrid`, `words` or `vectors`.
            path: Pattern for the documents' names, or for the ends of them: `faq/*.md`.
            tags: What the documents must be marked with, all of it.
            rerank: Model that puts three times as many in order first.

        Returns:
            The best first; each says what its score is made of.

        Raises:
            ConfigError: An argument is wrong, or the base has vectors of another model than `embed`.
            StoreError: The store failed.
            DragomanError: A model failed.
        """
        return drive(self._core.search(query, Filter(k=k, mode=mode, path=path, tags=marks(tags), rerank=rerank)))

    def ask(
        self,
        question: str,
        *,
        model: str | None = None,
        k: int = 8,
        history: Conversation | Sequence[Any] | None = None,
        mode: Mode = "hybrid",
        path: str | None = None,
        tags: Sequence[str] = (),
        rerank: str | None = None,
        settings: Settings | None = None,
    ) -> Answer:
        """
        Have a question answered from the documents.

        Every citation of the answer stands in a document to the letter.  If one does not, the model is asked once more;
        what it says without proof is not given as found.

        Args:
            question: The question.
            model: Who answers; by default the base's.
            k: How many pieces the model is shown, at most.
            history: A conversation, or its messages: the question is first written so that it stands alone.
            mode: As `search`.
            path: As `search`.
            tags: As `search`.
            rerank: As `search`.
            settings: Of the requests.

        Returns:
            The answer; `.found` is False if the documents do not say it.

        Raises:
            ConfigError: An argument is wrong.
            SchemaError: The model cannot keep to the form of an answer.
            DragomanError: As `Client.parse`.
        """
        which = Filter(k=k, mode=mode, path=path, tags=marks(tags), rerank=rerank)
        return drive(self._core.answer(drive(self._core.prepare(question, model, settings, history, which))))

    def ask_stream(
        self,
        question: str,
        *,
        model: str | None = None,
        k: int = 8,
        history: Conversation | Sequence[Any] | None = None,
        mode: Mode = "hybrid",
        path: str | None = None,
        tags: Sequence[str] = (),
        rerank: str | None = None,
        settings: Settings | None = None,
    ) -> AnswerStream:
        """
        As `ask`, with the text while it is written; `.answer` has the whole, after the end.

        Raises:
            DragomanError: As `ask`; those of the answer come while it is read.
        """
        which = Filter(k=k, mode=mode, path=path, tags=marks(tags), rerank=rerank)
        asked = drive(self._core.prepare(question, model, settings, history, which))
        client = self._models.client

        def opening() -> Stream:
            return client.stream(asked.model, list(asked.messages), settings=asked.settings, output=Reply)

        return AnswerStream(self._core.asking, asked, opening)

    def list(self) -> list[Document]:
        """All documents, by name."""
        return drive(self._core.documents())

    def remove(self, *sources: str) -> int:
        """Remove documents by their names: how many there were."""
        return drive(self._core.remove(sources))

    def text(self, source: str) -> str:
        """
        The text of a document, in which the spans of hits and citations count.

        Raises:
            ConfigError: There is none of that name.
        """
        return drive(self._core.text(source))

    def stats(self) -> Stats:
        """How much there is, and where."""
        return drive(self._core.stats())

    def close(self) -> None:
        """Close what is open; a later call opens it again.  A base in memory is gone."""
        self._core.store.close()
        self._models.close()

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
