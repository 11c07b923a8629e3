"""What a knowledge base holds, finds and answers.  Offsets count characters of a document's text as it was read."""

from __future__ import annotations

from typing import Literal

import msgspec

from dragoman.kits.findings import KitResult

Mode = Literal["hybrid", "words", "vectors"]
"""How passages are found: by both, by the words that they have, or by vectors alone."""

Format = Literal["markdown", "html", "text", "pdf"]
"""What a document is written in."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """
    One document.

    Attributes:
        source: Its name: the path of a file, or the name that it was given.
        format: What it is written in.
        digest: SHA-256 of its bytes, as hexadecimal digits.
        recipe: How it was cut; one that is cut otherwise now is cut anew.
        tags: What it was marked with.
        bytes: Size of the file.
        chunks: Number of its pieces.
        added: When it was added or last changed, in seconds since 1970.
        id: Number in the store.
    """

    source: str
    format: Format
    digest: str
    recipe: str
    tags: tuple[str, ...] = ()
    bytes: int = 0
    chunks: int = 0
    added: float = 0.0
    id: int = 0


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """
    A piece of a document.  The pieces of a document cover all of its text; they may overlap.

    Attributes:
        number: Its place among the pieces, from 0.
        start: Where it begins in the text.
        end: Where it ends.
        text: The characters between.
        headings: Those that it stands under, the highest first.
        page: Page of a PDF, from 1.
        digest: Of headings and text: pieces with the same one share a vector.
    """

    number: int
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    page: int | None
    digest: bytes

    @property
    def embedded(self) -> str:
        """What its vector is of."""
        return embedded(self.headings, self.text)


def embedded(headings: tuple[str, ...], text: str) -> str:
    """A piece of text together with what it stands under."""
    return f"{' > '.join(headings)}\n{text}" if headings else text


class ScoreParts(msgspec.Struct, frozen=True, kw_only=True):
    """
    Why a passage was found.

    Attributes:
        words: BM25; None if none of the words is in it.
        words_rank: Its place among those found by words, from 1.
        vector: Cosine of its vector with that of the question.
        vector_rank: Its place among those found by vectors, from 1.
        rerank: Its place after a model has put them in order, from 1.
    """

    words: float | None = None
    words_rank: int | None = None
    vector: float | None = None
    vector_rank: int | None = None
    rerank: int | None = None


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """
    A passage that was found.

    Attributes:
        source: The document.
        text: Its words, exactly as they stand there.
        start: Where it begins in the document's text.
        end: Where it ends.
        headings: Those that it stands under, the highest first.
        page: Page of a PDF, from 1.
        tags: Of the document.
        score: Reciprocal ranks added up; only good to compare the passages of one search.
        parts: What the score is made of.
        number: Place among the document's pieces, from 0.
        id: Number in the store.
    """

    source: str
    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None
    tags: tuple[str, ...] = ()
    score: float = 0.0
    parts: ScoreParts = ScoreParts()
    number: int = 0
    id: int = 0

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return place(self.source, self.headings, self.page)


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """
    A quote that proves a part of an answer.  `text(source)[start:end]` is the quote, to the letter.

    Attributes:
        number: As in the answer's text: `[1]`.
        source: The document.
        quote: The words.
        start: Where they begin in the document's text.
        end: Where they end.
        headings: What they stand under.
        page: Page of a PDF, from 1.
    """

    number: int
    source: str
    quote: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return place(self.source, self.headings, self.page)


class Answer(KitResult, frozen=True, kw_only=True):
    """
    An answer.  `.text` has marks like `[1]`, one for each citation; if nothing was found, it says so.

    Attributes:
        question: What was looked for; with a conversation, the question as it stands alone.
        found: Whether the documents answer it, and at least one quote proves that.
        citations: In the order of their numbers; all of them resolve.
        passages: What the model was shown.
        unproved: What the model said, where no quote of its proves it; else empty.
    """

    question: str = ""
    found: bool = False
    citations: tuple[Citation, ...] = ()
    passages: tuple[Hit, ...] = ()
    unproved: str = ""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """
    How far an `add` is.

    Attributes:
        what: `read` for files, `embed` for pieces that get a vector again.
        done: How many.
        total: Of how many.
        name: The file that was read last.
    """

    what: Literal["read", "embed"]
    done: int
    total: int
    name: str = ""


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A file that could not be read, and why; the others are in."""

    source: str
    why: str


class AddReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What an `add` did; names of documents.

    Attributes:
        added: New.
        changed: Read anew, because their bytes (or sizes of pieces) have changed.
        unchanged: How many were as they are in the base; nothing was done for them.
        renamed: Old and new names.
        tagged: Only their tags have changed.
        missing: In the base, and no longer in the folders; `prune=True` removes them.
        removed: Those that were.
        failed: Those that cannot be read.
        chunks: Pieces that were written.
        embedded: Texts that an embedding model was asked for; of pieces that were there before, none.
        embed: The embedding model of the base.
        was: The embedding model before, where it has changed.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: int = 0
    renamed: tuple[tuple[str, str], ...] = ()
    tagged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[Trouble, ...] = ()
    chunks: int = 0
    embedded: int = 0
    embed: str = ""
    was: str = ""

    @property
    def ok(self) -> bool:
        """Whether every file could be read."""
        return not self.failed

    @property
    def work(self) -> bool:
        """Whether anything was written."""
        moved = self.renamed or self.tagged or self.removed or self.was
        return bool(self.added or self.changed or moved or self.embedded)


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """
    Attributes:
        documents: How many.
        chunks: How many pieces.
        embed: The embedding model; empty for a base that has nothing yet.
        dimensions: Length of its vectors.
        bytes: What all of it takes.
        store: Where it is.
    """

    documents: int
    chunks: int
    embed: str
    dimensions: int
    bytes: int
    store: str


def place(source: str, headings: tuple[str, ...], page: int | None) -> str:
    """
    Say where something stands.

    >>> place("guide.pdf", ("Refunds",), 3)
    'guide.pdf, page 3 > Refunds'
    """
    paged = f"{source}, page {page}" if page is not None else source
    return " > ".join((paged, *headings))
