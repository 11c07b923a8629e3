"""
`translate`: a document in another language.

Rule: everything but words is the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.kits.arguments import text_of
from dragoman.kits.checks import check
from dragoman.kits.checks.base import Rules
from dragoman.kits.documents.base import Document
from dragoman.kits.faces import AnyClient, asker
from dragoman.kits.prompts import Prompts
from dragoman.kits.rewriting.doing import Place, check_counts, estimated_beforehand, facts_of, place, rewritten
from dragoman.kits.rewriting.engine import Outcome, Progress, whole
from dragoman.kits.rewriting.files import write_whole
from dragoman.kits.rewriting.glossary import Glossary, glossary_of
from dragoman.kits.rewriting.task import Task
from dragoman.kits.rewriting.values import RewriteEstimate, RewriteResult, RewrittenSegment
from dragoman.kits.translation.pseudo import PSEUDO, pseudo
from dragoman.types.requests import Settings, settings_of
from dragoman.types.usage import Usage

_STYLE: Final = "that of the source"


class TranslateResult(RewriteResult, frozen=True, kw_only=True):
    """
    A translated document.

    Attributes:
        to: The language.
    """

    to: str = ""


async def translate(
    source: str | Path,
    *,
    to: str,
    model: str = "",
    output: str | Path | None = None,
    format: str | None = None,
    glossary: Glossary = None,
    style: str = "",
    parallel: int = 8,
    attempts: int = 3,
    max_cost: float | str | Decimal | None = None,
    max_ratio: float = 3.0,
    line_width: int = 42,
    reading_speed: float = 21.0,
    skip: Sequence[str] = (),
    group_tokens: int = 800,
    job: str | Path | None = None,
    again: bool = False,
    encoding: str = "utf-8",
    prompts: str | Path | None = None,
    progress: Progress | None = None,
    client: AnyClient = None,
    settings: Settings | None = None,
) -> TranslateResult:
    """
    Translate a document; everything but words stays, byte for byte.

    With an output the run is kept in a journal beside it (`OUT.job`): after a kill the same call goes on, and after a
    change of the source only changed segments are paid.

    Args:
        source: A text, or the `Path` of a file.
        to: The language, as you would tell a translator: `German`, `zh-Hans`, `Brazilian Portuguese`.  `pseudo` asks no
            model: each letter gets an accent.
        model: `provider/model`.
        output: File to write.
        format: `markdown`, `html`, `plain`, `srt`, `json` or `po`; by default that of the file's name, and Markdown for
            a text.
        glossary: Term to translation (`a|b` for any of two, `keep` for the term itself), or a CSV file with both.
        style: For the translator: `formal, for engineers`.
        parallel: How many requests are under way at most.
        attempts: How often a segment is asked for if checks find an error; then it is kept with its findings.
        max_cost: US dollars, for all runs of the journal together.
        max_ratio: How much wider a text may be than its source.
        line_width: Columns of a line of subtitles.
        reading_speed: Characters of subtitles that are read in a second.
        skip: For JSON: patterns of keys whose strings stay.
        group_tokens: How many tokens of text a request has, about.
        job: Path of the journal.
        again: Ask again for segments that ended with an error in an earlier run.
        encoding: Of the files.
        prompts: Folder with edited prompts.
        progress: Called after each answer.
        client: Whose models are asked.
        settings: For every request.

    Raises:
        ConfigError: An argument that cannot be; nothing was sent.
        BudgetError: `max_cost` does not suffice; what is paid is kept in the journal.
        StoreError: The journal or the output cannot be written.
        DragomanError: As `Client.parse`; what is paid is kept.
    """
    check_counts(parallel=parallel, attempts=attempts, group_tokens=group_tokens, line_width=line_width)
    where = place(source, output, job, format, encoding, skip)
    _, document = where.document()
    terms = glossary_of(glossary)
    rules = _rules(to, terms, document, max_ratio, line_width, reading_speed)
    if to == PSEUDO:
        return _pseudo(document, rules, where)
    task = _task(document, to, model, style, rules, prompts, settings_of(settings))
    task = _sized(task, parallel, attempts, group_tokens)
    outcome = await rewritten(task, where, asker(client), max_cost=max_cost, progress=progress, again=again)
    return TranslateResult(**facts_of(outcome, where, document, model), to=to)


async def estimate_translation(
    source: str | Path,
    *,
    to: str,
    model: str,
    output: str | Path | None = None,
    format: str | None = None,
    glossary: Glossary = None,
    style: str = "",
    skip: Sequence[str] = (),
    group_tokens: int = 800,
    job: str | Path | None = None,
    encoding: str = "utf-8",
    prompts: str | Path | None = None,
    client: AnyClient = None,
    settings: Settings | None = None,
) -> RewriteEstimate:
    """
    Say what `translate` with the same arguments would take.  Nothing is sent.

    Raises:
        ConfigError: An argument that cannot be.
    """
    check_counts(group_tokens=group_tokens)
    where = place(source, output, job, format, encoding, skip)
    _, document = where.document()
    rules = _rules(to, glossary_of(glossary), document, 3.0, 42, 21.0)
    task = _task(document, to, model, style, rules, prompts, settings_of(settings))
    return estimated_beforehand(_sized(task, 1, 1, group_tokens), where, asker(client))


def _rules(
    to: str, glossary: dict[str, str], document: Document, max_ratio: float, line_width: int, reading_speed: float
) -> Rules:
    if not isinstance(to, str) or not to.strip():
        raise ConfigError(f"to is {to!r}: give a language, such as German", field="to")
    for name, value in (("max_ratio", max_ratio), ("reading_speed", reading_speed)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ConfigError(f"{name} is {value!r}: give a number above 0", field=name)
    return Rules(
        to=to,
        glossary=glossary,
        max_ratio=max_ratio,
        line_width=line_width,
        reading_speed=reading_speed,
        format=document.format,
    )


def _task(
    document: Document, to: str, model: str, style: str, rules: Rules, prompts: str | Path | None, settings: Settings
) -> Task:
    if not isinstance(model, str) or not model:
        raise ConfigError("model is missing: give provider/model", field="model")
    return Task(
        kit="translation",
        document=document,
        model=model,
        prompts=Prompts("translation", prompts),
        values={"to": to, "style": text_of(style, "style") or _STYLE},
        rules=rules,
        settings=settings,
    )


def _sized(task: Task, parallel: int, attempts: int, group_tokens: int) -> Task:
    return msgspec.structs.replace(task, parallel=parallel, attempts=attempts, group_tokens=group_tokens)


def _pseudo(document: Document, rules: Rules, where: Place) -> TranslateResult:
    """Without a model; the glossary does not count."""
    texts = {segment.number: pseudo(segment.text) for segment in document.segments if not segment.done}
    free = Rules(format=rules.format, max_ratio=rules.max_ratio, line_width=rules.line_width)
    text, _ = whole(document, texts)
    segments = tuple(
        RewrittenSegment(
            line=segment.line,
            source=segment.text,
            text=texts[segment.number],
            findings=tuple(check(segment, texts[segment.number], free)),
        )
        for segment in document.segments
        if not segment.done
    )
    findings = tuple(finding for segment in segments for finding in segment.findings)
    outcome = Outcome(text, segments, findings, Usage(), Decimal(0), 0, 0)
    if where.output is not None:
        write_whole(where.output, text, where.encoding)
    return TranslateResult(**facts_of(outcome, where, document, ""), to=PSEUDO)
