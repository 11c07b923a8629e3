"""`dragoman batch run`, `estimate`, `resume` and `retry-failed`."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from shutil import copyfileobj
from typing import Any, Final, TypeVar, get_args

import click

from dragoman import Client
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.batch_report import as_json as as_told
from dragoman.cli.batch_report import lines, progress, write_page
from dragoman.cli.batch_stream import stream
from dragoman.cli.options import parse_options
from dragoman.cli.output import print_json, talk, terminal, write
from dragoman.cli.setup import load
from dragoman.cli.words import t
from dragoman.errors import ConfigError, SourceError
from dragoman.observe.logswitch import kept
from dragoman.types.batches import BatchEstimate
from dragoman.types.batching import Mode
from dragoman.types.placement import EngineName
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
            click.option("--by-prefix", is_flag=True, help="Ask rows that begin alike together: prompt caches."),
            click.option("--mode", type=click.Choice(get_args(Mode)), help="Live, at a provider's batch API, or auto."),
            click.option("--poll", type=float, hidden=True),
            click.option("--deadline", metavar="TIME", help="With --mode auto: when all must be there (90m, 24h)."),
            click.option("-y", "--yes", is_flag=True, help="Do not ask before a costly start."),
            click.option("--outage", type=click.FloatRange(min=0), metavar="S", help="Wait for a provider; 600."),
            click.option("--dedupe", is_flag=True, default=None, help="Pay rows that ask the same once."),
            click.option("--embed", is_flag=True, help="Rows are texts, and vectors are wanted."),
            click.option("--dimensions", type=click.IntRange(min=1), help="Length of the vectors."),
            click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object."),
            click.option("--engine", type=click.Choice(get_args(EngineName)), help="This process, several, or Ray."),
            click.option("--workers", type=click.IntRange(min=1), help="With --engine processes or ray: how many."),
            click.option("--ray-address", metavar="HOST:PORT", help="With --engine ray: cluster; else a local one."),
            click.option("--html", metavar="FILE", help="Write the report as a page with plots."),
        )
    ):
        command = option(command)
    return command


@click.command("run", context_settings=CONTEXT)
@click.argument("source", metavar="IN")
@click.option("-o", "--output", required=True, metavar="OUT", help="Where the answers go; - for standard output.")
@click.option("--job", metavar="FILE.job", help="A journal for -o -; that of OUT is OUT.job.")
@_options
def RUN(source: str, output: str, job: str | None, yes: bool, as_json: bool, html: str | None, **options: Any) -> int:
    """
    Ask every row of IN, and write the answers to OUT: .jsonl, .csv, .tsv or .parquet, by their names.

    IN may be - for lines on standard input, and OUT - for lines on standard output, as they come.  The same command
    again goes on where the last one ended.
    """
    if job is not None:
        options["job"] = job
    with client_of() as client, _readable(source) as path:
        if output == "-":
            return stream(client.batch(path, start=False, **_keywords(options)), job)
        return _run(
            client.batch(path, output, start=False, **_keywords(options)), output, yes=yes, as_json=as_json, html=html
        )


@click.command("resume", context_settings=CONTEXT)
@click.argument("output", metavar="OUT")
@click.option("-i", "--input", "source", metavar="IN", help="The input, if it is elsewhere now.")
@_options
def RESUME(output: str, source: str | None, yes: bool, as_json: bool, html: str | None, **options: Any) -> int:
    """Go on with the batch of OUT, as it was begun; options win over what its journal says."""
    with client_of() as client:
        batch = client.resume_batch(output, source, start=False, **_keywords(options))
        return _run(batch, output, yes=yes, as_json=as_json, html=html)


@click.command("retry-failed", context_settings=CONTEXT)
@click.argument("output", metavar="OUT")
@click.option("-i", "--input", "source", metavar="IN", help="The input, if it is elsewhere now.")
@_options
def RETRY(output: str, source: str | None, yes: bool, as_json: bool, html: str | None, **options: Any) -> int:
    """Try the rows of OUT's batch again that have failed."""
    with client_of() as client:
        batch = client.resume_batch(output, source, start=False, retry_failed=True, **_keywords(options))
        return _run(batch, output, yes=yes, as_json=as_json, html=html)


@click.command("estimate", context_settings=CONTEXT)
@click.argument("source", metavar="IN")
@click.option("-o", "--output", metavar="OUT", help="Leave out what is settled there.")
@_options
def ESTIMATE(source: str, output: str | None, yes: bool, as_json: bool, html: str | None, **options: Any) -> int:
    """Say how many rows and tokens a run of IN has, and what it can cost.  Nothing is sent."""
    with client_of() as client, _readable(source) as path:
        kept_there = output if output is not None and Path(f"{output}.job").exists() else None
        estimate = client.batch(path, kept_there, start=False, **_keywords(options)).estimate
    if as_json:
        print_json(estimate)
    else:
        write(_shown(estimate) + "\n")
    return exits.OK


def _keywords(options: dict[str, Any]) -> dict[str, Any]:
    settings = parse_options(options.pop("settings"), None)
    as_they_come, by_prefix = options.pop("as_they_come"), options.pop("by_prefix")
    if as_they_come and by_prefix:
        raise click.UsageError("--as-they-come or --by-prefix, not both")
    keywords = {name: value for name, value in options.items() if value is not None}
    more: dict[str, Any] = {"order": None} if as_they_come else {"order": "prefix"} if by_prefix else {}
    address = keywords.pop("ray_address", None)
    if address is not None:
        more["ray"] = {"address": address}
    if keywords.pop("embed"):
        more["verb"] = "embed"
    return {**keywords, **more, "settings": settings}


@contextmanager
def client_of() -> Generator[Client, None, None]:
    """A client as the setup says."""
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
        if not file.tell():
            raise SourceError("standard input is empty: give at least one row", field="source")
        file.flush()
        yield file.name


def _run(batch: Batch, output: str, *, yes: bool, as_json: bool, html: str | None) -> int:
    screen = terminal(os.environ)
    if screen.interactive and not yes and not _agreed(batch.estimate):
        return exits.OK
    try:
        with _progress(batch, shown=screen.stderr):
            report = batch.run()
    except KeyboardInterrupt:
        talk(t("batch.stopped", report=batch.report))
        talk(t("batch.resume", output=output))
        return exits.INTERRUPTED
    finally:
        if html:
            write_page(batch.report, html, output)
    if as_json:
        print_json(as_told(report))
    talk(f"· {report}, {report.seconds:.1f} s")
    for line in lines(report):
        talk(f"·   {line}")
    return exits.PARTIAL if report.failed else exits.OK


def _agreed(estimate: BatchEstimate) -> bool:
    talk(f"· {_shown(estimate)}")
    if estimate.cost_high is not None and estimate.cost_high < _COSTLY:
        return True
    return estimate.rows == 0 or click.confirm(t("batch.sure"), default=True, err=True)


def _shown(estimate: BatchEstimate) -> str:
    limit = estimate.output_tokens
    most = t("batch.most_any") if limit is None else t("batch.most", count=limit)
    text = t("batch.takes", rows=estimate.rows, input=estimate.input_tokens, most=most)
    if len(estimate.modes) < 2:
        return f"{text}; {_priced(estimate.cost_low, estimate.cost_high)}"
    return f"{text}; " + "; ".join(f"{mode}: {_priced(*prices)}" for mode, prices in estimate.modes.items())


def _priced(low: Decimal | None, high: Decimal | None) -> str:
    if low is None:
        return t("batch.no_price")
    return f"${low:,.4f}" if high is None else t("batch.prices", low=low, high=high)


# --- progress ---------------------------------------------------------------------------------------------------------


@contextmanager
def _progress(batch: Batch, *, shown: bool) -> Generator[None, None, None]:
    """A line that changes, on a terminal."""
    if not shown:
        yield
        return
    over = threading.Event()

    def show() -> None:
        longest = 0
        while not over.wait(_EVERY):
            text = progress(batch.report)
            talk(f"\r{text}{' ' * (longest - len(text))}", end="")
            longest = max(longest, len(text))

    shower = threading.Thread(target=show, name="dragoman-batch-progress", daemon=True)
    shower.start()
    try:
        yield
    finally:
        over.set()
        shower.join()
        talk()
