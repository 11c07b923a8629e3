"""
`polish`: a text improved in its own language, with what was changed.

Rule: facts, numbers, links, code and placeholders are those of the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from dragoman.errors import ConfigError
from dragoman.kits.arguments import text_of
from dragoman.kits.checks.base import Rules
from dragoman.kits.documents.base import Document, in_words
from dragoman.kits.faces import AnyClient, asker
from dragoman.kits.polishing.diff import Change, changes, unified
from dragoman.kits.prompts import Prompts
from dragoman.kits.rewriting.doing import check_counts, estimated_beforehand, facts_of, place, rewritten
from dragoman.kits.rewriting.engine import Progress
from dragoman.kits.rewriting.glossary import Glossary, glossary_of
from dragoman.kits.rewriting.task import Task
from dragoman.kits.rewriting.values import RewriteEstimate, RewriteResult, RewrittenSegment
from dragoman.types.requests import Settings, settings_of

Level = Literal["light", "medium", "strong"]
"""How much may be changed: mistakes only; clumsy sentences, too; or everything that reads better."""

_LEVELS: Final[dict[str, str]] = {
    "light": "Correct spelling, grammar and punctuation, and nothing else.",
    "medium": "Correct mistakes, and rewrite sentences that are clumsy, unclear or too long.",
    "strong": "Rewrite freely for clarity and flow, sentence by sentence, as long as the meaning is the same.",
}


class PolishResult(RewriteResult, frozen=True, kw_only=True):
    """
    An improved text.

    Attributes:
        level: How much might be changed.
        diff: The lines that are different, as `diff -u` shows them; empty if none are.
        changes: The segments that are different, each as runs of words that stay, go and come.
    """

    level: str = "light"
    diff: str = ""
    changes: tuple[tuple[Change, ...], ...] = ()


async def polish(
    source: str | Path,
    *,
    model: str,
    level: Level = "light",
    style: str = "",
    tone: str = "",
    output: str | Path | None = None,
    format: str | None = None,
    glossary: Glossary = None,
    parallel: int = 8,
    attempts: int = 3,
    max_cost: float | str | Decimal | None = None,
    max_ratio: float = 1.5,
    skip: Sequence[str] = (),
    group_tokens: int = 800,
    job: str | Path | None = None,
    again: bool = False,
    encoding: str = "utf-8",
    prompts: str | Path | None = None,
    progress: Progress | None = None,
    client: AnyClient = None,
    settings: Settings | None = None,
) -> PolishResult:
    """
    Improve a text in the language in which it is written.

    Args:
        source: As for `translate`; PO files are not polished.
        model: `provider/model`.
        level: How much may be changed: `light`, `medium` or `strong`.
        style: For the editor: `plain English, short sentences`.
        tone: For the editor: `friendly`.
        output: As for `translate`; so are all that follow.
        format: See there.
        glossary: Terms that must be as they are (`keep`), or become something else.
        parallel: See there.
        attempts: See there.
        max_cost: See there.
        max_ratio: How much wider a text may become.
        skip: See there.
        group_tokens: See there.
        job: See there.
        again: See there.
        encoding: See there.
        prompts: See there.
        progress: See there.
        client: Whose models are asked.
        settings: For every request.

    Raises:
        DragomanError: As `translate`.
    """
    check_counts(parallel=parallel, attempts=attempts, group_tokens=group_tokens)
    where = place(source, output, job, format, encoding, skip)
    before, document = where.document()
    task = _task(document, model, level, style, tone, glossary, max_ratio, prompts, settings_of(settings))
    task = msgspec.structs.replace(task, parallel=parallel, attempts=attempts, group_tokens=group_tokens)
    outcome = await rewritten(task, where, asker(client), max_cost=max_cost, progress=progress, again=again)
    name = source.name if isinstance(source, Path) else "text"
    return PolishResult(
        **facts_of(outcome, where, document, model),
        level=level,
        diff=unified(before, outcome.text, name),
        changes=_changes(document, outcome.segments),
    )


async def estimate_polishing(
    source: str | Path,
    *,
    model: str,
    level: Level = "light",
    style: str = "",
    tone: str = "",
    output: str | Path | None = None,
    format: str | None = None,
    glossary: Glossary = None,
    skip: Sequence[str] = (),
    group_tokens: int = 800,
    job: str | Path | None = None,
    encoding: str = "utf-8",
    prompts: str | Path | None = None,
    client: AnyClient = None,
    settings: Settings | None = None,
) -> RewriteEstimate:
    """
    Say what `polish` with the same arguments would take.  Nothing is sent.

    Raises:
        ConfigError: An argument that cannot be.
    """
    check_counts(group_tokens=group_tokens)
    where = place(source, output, job, format, encoding, skip)
    _, document = where.document()
    task = _task(document, model, level, style, tone, glossary, 1.5, prompts, settings_of(settings))
    task = msgspec.structs.replace(task, group_tokens=group_tokens)
    return estimated_beforehand(task, where, asker(client))


def _task(
    document: Document,
    model: str,
    level: Level,
    style: str,
    tone: str,
    glossary: Glossary,
    max_ratio: float,
    prompts: str | Path | None,
    settings: Settings,
) -> Task:
    if not isinstance(model, str) or not model:
        raise ConfigError("model is missing: give provider/model", field="model")
    if document.format == "po":
        raise ConfigError("a PO file is translated, not polished: its messages belong to the program", field="format")
    if level not in _LEVELS:
        raise ConfigError(f"level is {level!r}: give one of {', '.join(get_args(Level))}", field="level")
    if isinstance(max_ratio, bool) or not isinstance(max_ratio, int | float) or not max_ratio > 0:
        raise ConfigError(f"max_ratio is {max_ratio!r}: give a number above 0", field="max_ratio")
    return Task(
        kit="polishing",
        document=document,
        model=model,
        prompts=Prompts("polishing", prompts),
        values={
            "level": _LEVELS[level],
            "style": text_of(style, "style") or "that of the source",
            "tone": text_of(tone, "tone") or "that of the source",
        },
        rules=Rules(glossary=glossary_of(glossary), max_ratio=max_ratio, format=document.format),
        settings=settings,
    )


def _changes(document: Document, segments: tuple[RewrittenSegment, ...]) -> tuple[tuple[Change, ...], ...]:
    """Of each segment that is different, with what its marks stand for."""
    opened = [segment for segment in document.segments if not segment.done]
    pairs = [(segment, one.text) for segment, one in zip(opened, segments, strict=True) if one.text != segment.text]
    return tuple(changes(in_words(segment, segment.text), in_words(segment, text)) for segment, text in pairs)
