"""
What is to be done: a document, by a model, by prompts and rules; and what a segment's text depends on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from dragoman.kits.checks.base import Rules
from dragoman.kits.checks.wording import terms_in
from dragoman.kits.documents.base import Document, Segment
from dragoman.kits.prompts import Prompts
from dragoman.tokens import estimate
from dragoman.types.requests import Settings

_MOST: Final = 40  # segments in a request: of longer lists models forget some


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """
    Attributes:
        kit: Name of the kit.
        document: To be rewritten.
        model: `provider/model`.
        prompts: Of the kit; `system` has places for `values`, and `{glossary}`.
        values: For the prompt: the language, the style.
        rules: For the checks.
        settings: For every request.
        attempts: How often a segment is asked for at most.
        parallel: How many requests are under way at most.
        group_tokens: How many tokens of text a request has, about.
    """

    kit: str
    document: Document
    model: str
    prompts: Prompts
    values: Mapping[str, str]
    rules: Rules
    settings: Settings
    attempts: int = 3
    parallel: int = 8
    group_tokens: int = 800

    @property
    def open(self) -> list[Segment]:
        """The segments that have words."""
        return [segment for segment in self.document.segments if not segment.done]

    def terms(self, texts: str) -> dict[str, str]:
        """What of the glossary stands in texts."""
        return terms_in(texts, dict(self.rules.glossary))

    def system(self, texts: str) -> str:
        """The instructions for texts."""
        terms = self.terms(texts)
        listed = "\n".join(f"- {term}: {wanted}" for term, wanted in sorted(terms.items())) or "(none)"
        return self.prompts.fill("system", {**self.values, "glossary": listed})


def keyed(task: Task) -> Callable[[Segment], str]:
    """What makes the key of a segment: everything that its text depends on, and nothing else."""
    shared = [task.kit, task.model, task.document.format, *(task.prompts.text(name) for name in task.prompts.names)]
    shared += [f"{name}={value}" for name, value in sorted(task.values.items())]
    given = task.settings.values()
    base = hashlib.sha256(msgspec.json.encode([shared, {k: repr(v) for k, v in sorted(given.items())}])).digest()

    def key(segment: Segment) -> str:
        own = [segment.text, segment.kind, segment.note, sorted(task.terms(segment.text).items())]
        return hashlib.sha256(base + msgspec.json.encode(own)).hexdigest()[:32]

    return key


class Wanted(msgspec.Struct):
    """
    A segment that is asked for.

    Attributes:
        segment: As it was read.
        key: Of its text.
        attempts: How often it was asked for.
        text: The last answer.
        problems: What was wrong with it.
    """

    segment: Segment
    key: str
    attempts: int = 0
    text: str = ""
    problems: tuple[str, ...] = ()


def grouped(wanted: list[Wanted], budget: int) -> list[list[Wanted]]:
    """Segments in requests: neighbours together, as far as they have room."""
    groups: list[list[Wanted]] = []
    room = 0
    for one in wanted:
        size = estimate(one.segment.text) + 12  # the JSON around it
        if not groups or size > room or len(groups[-1]) >= _MOST:
            groups.append([])
            room = budget
        groups[-1].append(one)
        room -= size
    return groups
