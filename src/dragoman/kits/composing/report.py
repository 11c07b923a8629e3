"""
Reports to a brief: planned and written by the long-output engine, then checked section by section.

    brief -> plan (the model's, or the caller's) -> sections -> checks -> sections that are faulty are written again

Rule: the engine writes; here it is only said what, and looked at what came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.client import AsyncClient
from dragoman.errors import ConfigError
from dragoman.kits.arguments import text_of, texts_of
from dragoman.kits.composing.asking import Asker, facts_of, told
from dragoman.kits.composing.checks import check_text
from dragoman.kits.composing.sections import Parted, check_citations, check_headings, parted, plain
from dragoman.kits.composing.values import ReportResult, TextFormat, Wanted, brief_of, points_of
from dragoman.kits.faces import AnyClient, asker
from dragoman.kits.findings import Finding
from dragoman.kits.prompts import Prompts
from dragoman.kits.tongues import length_of
from dragoman.types.messages import Message
from dragoman.types.requests import Settings
from dragoman.types.responses import ChatResponse
from dragoman.verbs.write import WriteCall
from dragoman.writing.checkpoint import Checkpoint, DoneRecord, OutlineRecord, digests
from dragoman.writing.headings import Headings
from dragoman.writing.outline import Outline, Section, clean_title
from dragoman.writing.report import Report
from dragoman.writing.writer import Clock
from dragoman.writing.writes import finished

if TYPE_CHECKING:
    from dragoman.policy.route.plans import Plan


async def report(
    brief: str,
    *,
    model: str | Plan,
    outline: Sequence[str] | None = None,
    title: str = "",
    sources: Mapping[str, str] | Sequence[str | Path] = (),
    audience: str = "",
    tone: str = "",
    length: int | None = None,
    tolerance: float = 0.35,
    language: str = "",
    points: Sequence[str] = (),
    strict_facts: bool = False,
    numbering: bool = False,
    format: TextFormat = "markdown",
    parallel: int = 1,
    checkpoint: str | Path | None = None,
    attempts: int = 2,
    prompts: str | Path | None = None,
    settings: Settings | None = None,
    client: AnyClient = None,
) -> ReportResult:
    """
    Write a report.

    Args:
        brief: What it is about.
        model: `provider/model`, or a plan.
        outline: Titles of its sections; `"Title: what it says"` is good, too.  The model plans, if it is None.
        title: Its title, with an outline of yours.
        sources: What its facts may come from: texts by name, or texts and paths of files.  They are cited as `[1]`.
        audience: For whom.
        tone: How it speaks.
        length: Words of all sections; in Chinese and Japanese, signs.
        tolerance: How far from that it may be, as a share of it.
        language: Code, such as `de`; that of the brief by default.
        points: Words or phrases that must be in it.
        strict_facts: Whether no number and no link may be in it that is not in the brief or the sources.
        numbering: Number the sections.
        format: `markdown`, or `text`: then the marks are taken out.
        parallel: Sections that are written at once.
        checkpoint: File that holds what is written so far, so that the same call goes on after a crash.
        attempts: How often a section may be written, until the checks pass it.
        prompts: Folder of edited prompts.
        settings: For each request.
        client: Who asks.

    Returns:
        The report; what is still wrong with it is in `.findings`.

    Raises:
        ConfigError: An argument that cannot be; `.field` names it.
        DragomanError: As `Client.write`; `.partial` has what was written.
    """
    brief, given = brief_of(brief), _sources(sources)
    wanted = Wanted(
        audience=audience,
        tone=tone,
        length=length,
        tolerance=tolerance,
        language=language,
        points=points_of(points),
        strict_facts=strict_facts,
    )
    if format not in ("markdown", "text"):
        raise ConfigError(f"format is {format!r}: give 'markdown' or 'text'", field="format")
    files = Prompts("composing", prompts)
    asked = files.fill("report", {"brief": brief, "wanted": told(wanted), "sources": _shown(given)})
    asking = Asker(asker(client), model, files, attempts, settings)
    options = {"outline": True, "words": length, "numbering": numbering, "parallel": parallel, "checkpoint": checkpoint}
    call = _call(asking, asked, {name: value for name, value in options.items() if value is not None})
    plan = None if outline is None else _outline(outline, title, length)
    whole = await _written(call, plan)
    facts = [brief, *given.values(), *_titles(plan)]
    text, more = await _mended(asking, asked, whole.text, wanted, facts)
    parts = parted(text)
    headings = [section.title for section in plan.sections] if plan is not None else []
    findings = [
        *check_text(text, wanted, facts),
        *check_headings(parts, headings),
        *check_citations(text, len(given)),
    ]
    return ReportResult(
        text=plain(text) if format == "text" else text,
        title=parts.title,
        headings=tuple(section.title for section in parts.sections),
        words=length_of(text),
        findings=tuple(findings),
        **facts_of([whole, *more], model),
    )


def _call(asking: Asker, asked: str, options: Mapping[str, Any]) -> WriteCall:
    client = asking.client
    return client._write_call(  # pyright: ignore[reportPrivateUsage] - the verb, before it is awaited
        asking.model, [Message.user(asked)], asking.settings, options
    )


async def _written(call: WriteCall, plan: Outline | None) -> ChatResponse:
    """Have the engine write; a plan of the caller's is put where it keeps its own."""
    if plan is None:
        return await finished(call)
    kept = msgspec.to_builtins(plan)
    path = call.options.checkpoint
    if path is not None:
        asked = digests(call.request, call.options)
        await call.runtime.run_blocking(lambda: _begin(Checkpoint(path, asked), OutlineRecord(kept)), None)
        return await finished(call)
    now = call.runtime.now
    text = Report(call, Clock(now, call.total, None if call.total is None else now() + call.total), None, kept)
    while await text.more():
        pass
    return text.folded()


def _begin(checkpoint: Checkpoint, plan: OutlineRecord) -> None:
    try:
        if not any(isinstance(line, OutlineRecord | DoneRecord) for line in checkpoint.lines):
            checkpoint.append(plan)
    finally:
        checkpoint.close()


async def _mended(
    asking: Asker, asked: str, text: str, wanted: Wanted, facts: Sequence[str]
) -> tuple[str, list[ChatResponse]]:
    """Have sections that are faulty by themselves written again; the others stay as they are, to the letter."""
    parts, answers = parted(text), list[ChatResponse]()
    alone = msgspec.structs.replace(wanted, length=None, points=())
    for at, section in enumerate(parts.sections):
        for _ in range(asking.attempts - 1):
            findings = check_text(parts.sections[at].body, alone, facts)
            if not findings:
                break
            answer = await _again(asking.client, asking, asked, parts, at, findings)
            answers.append(answer)
            headings = Headings(section.title)  # as in the engine: none of its own title, all others below it
            body = headings.feed(answer.text.strip()) + headings.close()
            parts = parts.replaced(at, f"{body}\n")
    return parts.text if answers else text, answers


async def _again(
    client: AsyncClient, asking: Asker, asked: str, parts: Parted, at: int, findings: Sequence[Finding]
) -> ChatResponse:
    section = parts.sections[at]
    values = {
        "title": section.title,
        "section": section.body.strip(),
        "problems": "\n".join(f"- {finding}" for finding in findings),
    }
    messages = [
        Message.user(asked),
        Message.assistant(parts.text),
        Message.user(asking.prompts.fill("section", values)),
    ]
    return await client.chat(asking.model, messages, settings=asking.settings)


def _outline(outline: Sequence[str], title: str, length: int | None) -> Outline:
    lines = texts_of(outline, "outline", "titles")
    pairs = [(clean_title(head), brief.strip()) for head, _, brief in (line.partition(":") for line in lines)]
    if not pairs:
        raise ConfigError("outline is empty: give a list of titles", field="outline")
    if not all(head for head, _ in pairs):
        raise ConfigError("outline has an empty title", field="outline")
    each = max(50, length // len(pairs)) if length else None
    return Outline(clean_title(title), tuple(Section(head, brief, each) for head, brief in pairs))


def _titles(plan: Outline | None) -> list[str]:
    return [] if plan is None else [plan.title, *(f"{one.title} {one.brief}" for one in plan.sections)]


def _sources(given: Mapping[str, str] | Sequence[str | Path]) -> dict[str, str]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ConfigError(
            f"sources is {type(given).__name__}: give a list of texts and paths, or texts by name", field="sources"
        )
    if isinstance(given, Mapping):
        return {text_of(name, "sources"): text_of(text, "sources") for name, text in given.items()}
    return {_name(one, at): _text(one) for at, one in enumerate(given, 1)}


def _name(source: str | Path, number: int) -> str:
    return source.name if isinstance(source, Path) else f"source {number}"


def _text(source: object) -> str:
    if isinstance(source, str):
        return source
    if not isinstance(source, Path):
        raise ConfigError(f"sources has a {type(source).__name__}: give texts and paths", field="sources")
    try:
        return source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the source {str(source)!r} cannot be read: {getattr(error, 'strerror', None) or error}", field="sources"
        ) from error


def _shown(sources: Mapping[str, str]) -> str:
    if not sources:
        return ""
    listed = "\n\n".join(f"[{at}] {name}\n{text}" for at, (name, text) in enumerate(sources.items(), 1))
    return f"Its facts come from these sources; cite each where you use it, as [1]:\n\n{listed}"
