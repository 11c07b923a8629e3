"""What `dragoman kit translate` and `dragoman kit polish` share: options, progress, and what is told at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dragoman.cli import exits
from dragoman.cli.kit.about import prompts_of
from dragoman.cli.options import parse_options
from dragoman.cli.output import talk, terminal, write
from dragoman.cli.words import t
from dragoman.kits.documents import FORMATS
from dragoman.kits.rewriting.files import decoded
from dragoman.kits.rewriting.values import RewriteEstimate, RewriteProgress, RewriteResult

T = TypeVar("T")
_SHOWN = 20  # findings; --json has all


def options(command: Callable[..., T]) -> Callable[..., T]:
    """The options of both commands."""
    for option in reversed(
        (
            click.argument("source", metavar="FILE"),
            click.option("-m", "--model", metavar="PROVIDER/MODEL", help="As for dragoman ask if it is not given."),
            click.option("-o", "--output", metavar="FILE", help="Where it goes; standard output by default."),
            click.option("-f", "--format", type=click.Choice(FORMATS), help="If the file's name does not say it."),
            click.option("-g", "--glossary", metavar="FILE.csv", help="Terms: term,translation or term,keep."),
            click.option("--style", metavar="TEXT", help="How it shall read."),
            click.option("--option", "settings", multiple=True, metavar="NAME=VALUE", help="Setting: temperature=0."),
            click.option("--parallel", type=click.IntRange(min=1), help="Requests at once; 8."),
            click.option("--attempts", type=click.IntRange(min=1), help="How often a faulty segment is asked for; 3."),
            click.option("--max-cost", metavar="USD", help="Hard stop, for all runs of the output together."),
            click.option("--skip", multiple=True, metavar="KEY", help="For JSON: a key whose strings stay (meta.*)."),
            click.option("--encoding", metavar="NAME", help="Of the files; utf-8."),
            click.option("--prompts", metavar="FOLDER", help="Edited prompts."),
            click.option("--again", is_flag=True, help="Ask again for segments that ended with an error."),
            click.option("--dry-run", is_flag=True, help="Say what it takes, and send nothing."),
            click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object."),
        )
    ):
        command = option(command)
    return command


def arguments(kit: str, source: str, given: dict[str, Any]) -> dict[str, Any]:
    """Keywords of the library's function, of the options of a command."""
    settings = parse_options(given.pop("settings"), None)
    prompts = given.pop("prompts") or prompts_of(kit, os.environ)
    if source == "-":
        given["format"] = given.get("format") or "markdown"
        text: str | Path = decoded(sys.stdin.buffer.read(), "standard input", given.get("encoding") or "utf-8")
    else:
        text = Path(source)
    kept = {name: value for name, value in given.items() if value is not None and value != ()}
    return {"source": text, "settings": settings, "prompts": prompts, **kept}


def without(keywords: dict[str, Any], *names: str) -> dict[str, Any]:
    """Keywords of an estimate: without those that only a run has."""
    return {name: value for name, value in keywords.items() if name not in names}


def tell_estimate(estimate: RewriteEstimate) -> int:
    """Say what a run takes."""
    words = t(
        "kit.takes",
        segments=_segments(estimate.segments),
        reused=estimate.reused,
        requests=_requests(estimate.requests),
        input=estimate.input_tokens,
        output=estimate.output_tokens,
        price=t("kit.no_price") if estimate.cost is None else t("kit.price", cost=estimate.cost),
    )
    write(f"{words}\n")
    return exits.OK


def _segments(count: int) -> str:
    return t("kit.segment" if count == 1 else "kit.segments", count=count)


def _requests(count: int) -> str:
    return t("kit.request" if count == 1 else "kit.requests", count=count)


def bar() -> Callable[[RewriteProgress], None] | None:
    """A line that changes, where someone sees it."""
    if not terminal(os.environ).stderr:
        return None
    return lambda progress: talk(f"\r{line(progress)}", end="" if progress.done < progress.total else "\n")


def line(progress: RewriteProgress, width: int = 30) -> str:
    """How far it is, on one line."""
    part = progress.done / progress.total if progress.total else 1.0
    filled = round(part * width)
    cost = "" if progress.cost is None else f" · ${progress.cost:.4f}"
    errors = t("kit.with_errors", count=progress.errors) if progress.errors else ""
    return f"{'━' * filled}{' ' * (width - filled)} {progress.done:,}/{progress.total:,}{cost}{errors}"


def tell(result: RewriteResult) -> int:
    """Say what was found, and what it took."""
    for finding in result.findings[:_SHOWN]:
        talk(t("kit.error" if finding.severity == "error" else "kit.warning", finding=finding))
    if len(result.findings) > _SHOWN:
        talk(t("kit.more", count=len(result.findings) - _SHOWN))
    kept = sum(segment.kept for segment in result.segments)
    if kept:
        talk(t("kit.left", segments=_segments(kept)))
    cost = "" if result.cost is None else f", ${result.cost:.4f}"
    segments, requests = _segments(len(result.segments)), _requests(result.requests)
    talk(t("kit.did", segments=segments, reused=result.reused, requests=requests, cost=cost))
    return exits.OK if result.ok else exits.OUTPUT


def stopped(output: str | None) -> int:
    """Say how to go on."""
    talk(t("kit.stopped_at", output=output) if output else t("kit.stopped"))
    return exits.INTERRUPTED
