"""`dragoman batch run`, `estimate`, `resume` and `retry-failed`."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from shutil import copyfileobj
from typing import Any, Final, TypeVar

import click
import msgspec

from dragoman import Client
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.options import parse_options
from dragoman.cli.output import print_json, talk, terminal, write
from dragoman.cli.setup import load
from dragoman.errors import ConfigError
from dragoman.observe.logswitch import kept
from dragoman.types.batches import BatchEstimate, BatchReport
from dragoman.verbs.batch import Batch

T = TypeVar("T")

_EVERY: Final = 0.5  # seconds between two lines of progress
_COSTLY: Final = Decimal(1)  # US dollars from which a person is asked first


def _options(command: Callable[..., T]) -> Callable[..., T]:
    for option in reversed(
        (
            click.option("-m", "--model", metavar="PROVIDER/MODEL", help="Model for all rows, whatever they say."),
            click.option("-t", "--template", metavar="TEXT", help="Prompt with places: 'Classify: {text}'."),
            click.option("-s", "--system", metavar="TEXT", help="Instructions before each prompt."),
            click.option("--key", metavar="FIELD", help="Field that is the row's id; custom_id or id by default."),
            click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Setting: temperature=0."),
            click.option("--window", type=click.IntRange(min=1), help="Most rows under way at once."),
            click.option("--max-cost", metavar="USD", help="Hard stop, for all runs of the batch together."),
            click.option("--as-they-come", is_flag=True, help="Answers in the order in which they come."),
            click.option("-y", "--yes", is_flag=True, help="Do not ask before a costly start."),
            click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object."),
        )
    ):
        command = option(command)
    return command


@click.command("run", context_settings=CONTEXT)
@click.argument("source", metavar="IN")
@click.option("-o", "--output", required=True, metavar="OUT", help="Where the answers go.")
@_options
def RUN(source: str, output: str, yes: bool, as_json: bool, **options: Any) -> int:
    """
    Ask every row of IN (.jsonl, .csv, .tsv, or - for lines on standard input), and write the answers to OUT.

    The same command again goes on where the last one ended.
    """
    with _client() as client, _readable(source) as path:
        return _run(client.batch(path, output, start=False, **_keywords(options)), output, yes=yes, as_json=as_json)


@click.command("resume", context_settings=CONTEXT)
@click.argument("output", metavar="OUT")
@click.option("-i", "--input", "source", metavar="IN", help="The input, if it is elsewhere now.")
@_options
def RESUME(output: str, source: str | None, yes: bool, as_json: bool, **options: Any) -> int:
    """Go on with the batch of OUT, as it was begun; options win over what its journal says."""
    with _client() as client:
        batch = client.resume_batch(output, source, start=False, **_keywords(options))
        return _run(batch, output, yes=yes, as_json=as_json)


@click.command("retry-failed", context_settings=CONTEXT)
@click.argument("output", metavar="OUT")
@click.option("-i", "--input", "source", metavar="IN", help="The input, if it is elsewhere now.")
@_options
def RETRY(output: str, source: str | None, yes: bool, as_json: bool, **options: Any) -> int:
    """Try the rows of OUT's batch again that have failed."""
    with _client() as client:
        batch = client.resume_batch(output, source, start=False, retry_failed=True, **_keywords(options))
        return _run(batch, output, yes=yes, as_json=as_json)


@click.command("estimate", context_settings=CONTEXT)
@click.argument("source", metavar="IN")
@click.option("-o", "--output", metavar="OUT", help="Leave out what is settled there.")
@_options
def ESTIMATE(source: str, output: str | None, yes: bool, as_json: bool, **options: Any) -> int:
    """Say how many rows and tokens a run of IN has, and what it can cost.  Nothing is sent."""
    with _client() as client, _readable(source) as path:
        kept_there = output if output is not None and Path(f"{output}.job").exists() else None
        estimate = client.batch(path, kept_there, start=False, **_keywords(options)).estimate
    if as_json:
        print_json(estimate)
    else:
        write(_shown(estimate) + "\n")
    return exits.OK


def _keywords(options: dict[str, Any]) -> dict[str, Any]:
    settings = parse_options(options.pop("settings"), None)
    as_they_come = options.pop("as_they_come")
    keywords = {name: value for name, value in options.items() if value is not None}
    return {**keywords, **({"order": None} if as_they_come else {}), "settings": settings}


@contextmanager
def _client() -> Generator[Client, None, None]:
    setup = load(os.environ, Path())
    providers: dict[str, Any] = {}
    for name in setup.providers:
        with suppress(ConfigError):  # a provider that is not set up: a row that names it says so
            providers |= setup.overrides(name)
    with kept(os.environ, wanted=True) as log, Client(providers=providers, observe=log) as client:
        yield client


@contextmanager
def _readable(source: str) -> Generator[str, None, None]:
    """Standard input is kept in a file first, so that it is looked through before anything is spent."""
    if source != "-":
        yield source
        return
    with tempfile.NamedTemporaryFile(prefix="dragoman-batch-", suffix=".jsonl") as file:
        copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield file.name


def _run(batch: Batch, output: str, *, yes: bool, as_json: bool) -> int:
    screen = terminal(os.environ)
    if screen.interactive and not yes and not _agreed(batch.estimate):
        batch.cancel()
        return exits.OK
    try:
        with _progress(batch, shown=screen.stderr):
            report = batch.run()
    except KeyboardInterrupt:
        talk(f"· stopped cleanly: {batch.report}")
        talk(f"· go on with: dragoman batch resume {output}")
        return exits.INTERRUPTED
    if as_json:
        print_json({**msgspec.to_builtins(report), "cost": float(report.cost)})
    talk(f"· {report}, {report.seconds:.1f} s")
    return exits.PARTIAL if report.failed else exits.OK


def _agreed(estimate: BatchEstimate) -> bool:
    talk(f"· {_shown(estimate)}")
    if estimate.cost_high is not None and estimate.cost_high < _COSTLY:
        return True
    return estimate.rows == 0 or click.confirm("Go on?", default=True, err=True)


def _shown(estimate: BatchEstimate) -> str:
    most = "as many as they like" if estimate.output_tokens is None else f"at most {estimate.output_tokens:,}"
    text = f"{estimate.rows:,} rows, about {estimate.input_tokens:,} tokens in and {most} out"
    if estimate.cost_low is None:
        return f"{text}; the price is not known"
    high = "" if estimate.cost_high is None else f" to ${estimate.cost_high:,.4f}"
    return f"{text}; ${estimate.cost_low:,.4f}{high}"


# --- progress ---------------------------------------------------------------------------------------------------------


@contextmanager
def _progress(batch: Batch, *, shown: bool) -> Generator[None, None, None]:
    """A line that changes, on a terminal."""
    if not shown:
        yield
        return
    over, begun = threading.Event(), time.monotonic()

    def show() -> None:
        while not over.wait(_EVERY):
            talk(f"\r{_line(batch.report, time.monotonic() - begun)}", end="")

    shower = threading.Thread(target=show, name="dragoman-batch-progress", daemon=True)
    shower.start()
    try:
        yield
    finally:
        over.set()
        shower.join()
        talk()


def _line(report: BatchReport, seconds: float) -> str:
    settled = report.done + report.failed
    rate = (settled - report.reused) / seconds
    left = "" if not rate or report.left is None else f", {report.left / rate:,.0f} s left"
    of = "" if report.rows is None else f"/{report.rows:,}"
    return f"{settled:,}{of} rows, {report.failed:,} failed, {rate:,.1f}/s, ${report.cost:.4f}{left}   "
