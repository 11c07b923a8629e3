"""Pieces as rows of Postgres, terms as a `tsvector`, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from dragoman.knowledge.analysis import terms
from dragoman.knowledge.values import Chunk, Document, Hit

LONGEST: Final = 500
"""Letters of a term; a lexeme has 2 KiB at most."""

_CANDIDATES: Final = 2000  # pieces that are ranked, about
_LAST: Final = 16_383  # the last position that a tsvector can hold


def telling(seen: dict[str, int]) -> list[str]:
    """The rarest terms, until they are in enough pieces."""
    found: list[str] = []
    pieces = 0
    for term, count in sorted(seen.items(), key=_count):
        if found and pieces + count > _CANDIDATES:
            break
        found.append(term)
        pieces += count
    return found


def _count(pair: tuple[str, int]) -> int:
    return pair[1]


def columns_of(chunks: Sequence[Chunk]) -> list[list[Any]]:
    rows: list[tuple[Any, ...]] = []
    for chunk in chunks:
        words, length = tsvector_of(chunk.headings, chunk.text)
        heads = json.dumps(list(chunk.headings), ensure_ascii=False)
        rows.append(
            (chunk.number, chunk.start, chunk.end, chunk.page, heads, chunk.digest, length, words, _clean(chunk.text))
        )
    return [list(column) for column in zip(*rows, strict=True)]


def _clean(text: str) -> str:
    # What is not Unicode cannot be stored; one sign for one keeps the spans.
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def tsvector_of(headings: Sequence[str], text: str) -> tuple[str, int]:
    """The terms as a tsvector is written, those of headings with weight A; and how many there are."""
    placed: dict[str, list[str]] = {}
    heads, body = terms(" ".join(headings)), terms(text)
    for at, term in enumerate((*heads, *body), 1):
        if len(term) <= LONGEST:
            mark = f"{min(at, _LAST)}{'A' if at <= len(heads) else ''}"
            placed.setdefault(term, []).append(mark)
    return " ".join(f"{quoted(term)}:{','.join(marks[:250])}" for term, marks in placed.items()), len(heads) + len(body)


def quoted(term: str) -> str:
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"


def listed(numbers: Sequence[float]) -> str:
    return "{" + ",".join(f"{number:.7g}" for number in numbers) + "}"


def document_of(row: Sequence[Any]) -> Document:
    names = ("source", "format", "digest", "recipe", "tags", "bytes", "chunks", "added", "id")
    about: dict[str, Any] = dict(zip(names, row, strict=True))
    about["tags"] = tuple(json.loads(about["tags"]))
    return Document(**about)


def hit_of(row: Sequence[Any]) -> Hit:
    names = ("id", "source", "text", "start", "end", "headings", "page", "tags", "number")
    about: dict[str, Any] = dict(zip(names, row, strict=True))
    about["headings"], about["tags"] = tuple(json.loads(about["headings"])), tuple(json.loads(about["tags"]))
    return Hit(**about)
