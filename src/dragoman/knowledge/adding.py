"""
Bringing files into a base.

Each file is read and compared by the hash of its bytes; what is as it was costs nothing more.  What is new or changed
is cut into pieces, and pieces whose text has no vector yet get one, many at a time.  Vectors are kept as soon as they
are there, documents in groups of one transaction each.

Rule: who is killed in the middle leaves whole documents, and vectors that the next run finds.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.knowledge.chunking import Sizes, chunks_of
from dragoman.knowledge.embedding import Embedding
from dragoman.knowledge.files import File, is_below
from dragoman.knowledge.reading import Unreadable, read
from dragoman.knowledge.store import Put, State, Store
from dragoman.knowledge.values import AddReport, Chunk, Document, Format, Progress, Trouble
from dragoman.runtime import Runtime

_GROUP: Final = 256  # pieces of one transaction, about
_BATCH: Final = 512  # texts of one call for vectors
_LARGEST: Final = 64 * 1024 * 1024  # bytes of a file

OnProgress = Callable[[Progress], None]


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is to be added.

    Attributes:
        files: Files.
        texts: Names, texts and what they are written in.
        folders: Folders that were looked through: what the base has of them and was not found is missing.
        gone: Files that were named and are not there.
    """

    files: tuple[File, ...] = ()
    texts: tuple[tuple[str, bytes, Format], ...] = ()
    folders: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


class How(msgspec.Struct, frozen=True, kw_only=True):
    """
    How it is added.

    Attributes:
        sizes: Of the pieces.
        tags: For the documents that are given; None leaves those that they have.
        encoding: Of texts.
        prune: Whether documents that are missing are removed.
        progress: Called as it goes on.
    """

    sizes: Sizes
    tags: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    prune: bool = False
    progress: OnProgress | None = None


class _Item(msgspec.Struct):
    """A document as it is read."""

    source: str
    format: Format
    data: bytes
    digest: str


class Adding:
    """One `add`."""

    def __init__(self, runtime: Runtime, store: Store, embedding: Embedding, state: State, how: How) -> None:
        self._runtime = runtime
        self._store = store
        self._embedding = embedding
        self._state = state
        self._how = how
        self._puts: list[Put] = []
        self._added: list[str] = []
        self._changed: list[str] = []
        self._renamed: list[tuple[str, str]] = []
        self._tagged: list[str] = []
        self._failed: list[Trouble] = []
        self._unchanged = self._chunks = self._embedded = 0

    async def run(self, given: Given) -> AddReport:
        """
        Add what is given.

        Raises:
            ConfigError: A file that was named is not there, and not in the base either.
            DragomanError: The store or the embedding model failed; what was written before stays.
        """
        known = {document.source: document for document in await self._store.documents(self._runtime)}
        missing = _missing(given, known)
        for done, file in enumerate(given.files, 1):
            if (item := self._item(file)) is not None:
                await self._one(item, known, missing)
            self._tell(Progress(what="read", done=done, total=len(given.files), name=file.source))
        for name, data, form in given.texts:
            await self._one(_Item(name, form, data, hashlib.sha256(data).hexdigest()), known, missing)
        await self._flush()
        if self._renamed:
            await self._store.rename(self._runtime, self._renamed)
        was = await self._complete()
        removed = tuple(sorted(missing)) if self._how.prune else ()
        if removed:
            await self._store.remove(self._runtime, removed)
        report = self._report(missing, removed, was)
        if report.work:
            await self._store.sweep(self._runtime)
        return report

    # --- one document ---

    def _item(self, file: File) -> _Item | None:
        try:
            size = os.path.getsize(file.path)
            if size > _LARGEST:
                raise Unreadable(f"it has {size:,} bytes, and {_LARGEST:,} are the most")
            data = file.path.read_bytes()
        except OSError as error:
            self._failed.append(Trouble(source=file.source, why=error.strerror or str(error)))
        except Unreadable as error:
            self._failed.append(Trouble(source=file.source, why=str(error)))
        else:
            return _Item(file.source, file.format, data, hashlib.sha256(data).hexdigest())
        return None

    async def _one(self, item: _Item, known: dict[str, Document], missing: set[str]) -> None:
        old = known.get(item.source)
        recipe = f"{item.format}/{self._how.sizes.recipe}/{self._how.encoding}"
        if old is not None and (old.digest, old.recipe) == (item.digest, recipe):
            await self._same(old)
            return
        moved = None if old else _moved(item.digest, recipe, known, missing)
        if moved is not None:
            missing.discard(moved.source)
            self._renamed.append((moved.source, item.source))
            await self._retag(moved)
            return
        await self._read(item, recipe, old)

    async def _same(self, document: Document) -> None:
        if await self._retag(document):
            self._tagged.append(document.source)
        else:
            self._unchanged += 1

    async def _retag(self, document: Document) -> bool:
        if self._how.tags is None or self._how.tags == document.tags:
            return False
        await self._store.tag(self._runtime, document.id, self._how.tags)
        return True

    async def _read(self, item: _Item, recipe: str, old: Document | None) -> None:
        work = partial(_cut, item, self._how)
        try:
            chunks = await self._runtime.run_blocking(work, None) if self._runtime.suspends else work()
        except Unreadable as error:
            self._failed.append(Trouble(source=item.source, why=str(error)))
            return
        tags = self._how.tags if self._how.tags is not None else (old.tags if old else ())
        document = Document(
            source=item.source,
            format=item.format,
            digest=item.digest,
            recipe=recipe,
            tags=tags,
            bytes=len(item.data),
        )
        self._puts.append(Put(document, chunks))
        self._chunks += len(chunks)
        (self._changed if old else self._added).append(item.source)
        if sum(len(put.chunks) for put in self._puts) >= _GROUP:
            await self._flush()

    # --- groups ---

    async def _flush(self) -> None:
        """Write the documents that wait; their vectors first, unless they are made here."""
        if not self._puts:
            return
        model = self._embedding.model
        texts = {chunk.digest: chunk.embedded for put in self._puts for chunk in put.chunks}
        known = await self._store.known(self._runtime, model, list(texts))
        wanted = [(digest, text) for digest, text in texts.items() if digest not in known]
        vectors: list[tuple[bytes, bytes]] = []
        for at in range(0, len(wanted), _BATCH):
            made = await self._vectors(wanted[at : at + _BATCH])
            if self._embedding.is_local:
                vectors += made
            else:
                await self._store.keep(self._runtime, model, made)  # it is paid for
        await self._store.put(self._runtime, self._puts, model, vectors)
        self._puts = []

    async def _vectors(self, wanted: Sequence[tuple[bytes, str]]) -> list[tuple[bytes, bytes]]:
        points = await self._embedding.of_texts([text for _, text in wanted])
        self._embedded += len(wanted)
        return [(digest, point) for (digest, _), point in zip(wanted, points, strict=True)]

    async def _complete(self) -> str:
        """See that every piece has a vector of this model, and say so: the model before, if it was another."""
        model, state = self._embedding.model, self._state
        total = 0
        if state.chunks and (model != state.embed or self._chunks):
            while some := await self._store.missing(self._runtime, model, _BATCH):
                made = await self._vectors([(one.digest, one.text) for one in some])
                await self._store.keep(self._runtime, model, made)
                total += len(made)
                self._tell(Progress(what="embed", done=total, total=state.chunks))
        if model == state.embed or not (state.chunks or self._chunks):
            return ""
        await self._store.adopt(self._runtime, model, self._embedding.dimensions)
        return state.embed

    def _tell(self, progress: Progress) -> None:
        if self._how.progress is not None:
            self._how.progress(progress)

    def _report(self, missing: set[str], removed: tuple[str, ...], was: str) -> AddReport:
        return AddReport(
            added=tuple(self._added),
            changed=tuple(self._changed),
            unchanged=self._unchanged,
            renamed=tuple(self._renamed),
            tagged=tuple(self._tagged),
            missing=tuple(sorted(missing)) if not removed else (),
            removed=removed,
            failed=tuple(self._failed),
            chunks=self._chunks,
            embedded=self._embedded,
            embed=self._embedding.model,
            was=was,
        )


def _cut(item: _Item, how: How) -> tuple[Chunk, ...]:
    return tuple(chunks_of(read(item.data, item.format, how.encoding), how.sizes))


def _missing(given: Given, known: dict[str, Document]) -> set[str]:
    """Documents of the folders, and files that were named, which are not there any more."""
    strange = [source for source in given.gone if source not in known]
    if strange:
        raise ConfigError(f"{strange[0]!r} is not there: no such file or folder", field="paths")
    found = {file.source for file in given.files}
    below = {source for source in known for folder in given.folders if is_below(source, folder)}
    return (below | set(given.gone)) - found


def _moved(digest: str, recipe: str, known: dict[str, Document], missing: set[str]) -> Document | None:
    """A document that is missing under its name, and has the same bytes."""
    same = (known[source] for source in sorted(missing))
    return next((one for one in same if (one.digest, one.recipe) == (digest, recipe)), None)
