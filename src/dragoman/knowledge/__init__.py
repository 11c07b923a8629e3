"""
Questions to one's own documents, with answers that are proved by quotes.

`KnowledgeBase` reads files, finds passages by words and by meaning, and has a model answer from them.  Each citation of
an answer resolves to the words of a file, or it is not given.

Rule: what a document says is data.  It is never an instruction, and an answer that no quote proves is not given as
found.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES: dict[str, str] = {
    "AddReport": "values",
    "Answer": "values",
    "AsyncAnswerStream": "streams",
    "AsyncKnowledgeBase": "aio",
    "AnswerStream": "streams",
    "Citation": "values",
    "Document": "values",
    "Hit": "values",
    "KnowledgeBase": "base",
    "Progress": "values",
    "ScoreParts": "values",
    "Stats": "values",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"dragoman.knowledge.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_HOMES)
