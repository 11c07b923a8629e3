"""`dragoman batch status`, `cost`, `results` and `cancel`: what a journal says, also while it is written."""

from __future__ import annotations

import os
import signal
import time
from typing import Final

import click

from dragoman.batch.journal import Kind, journal_of, read_records
from dragoman.batch.recall import away, running, sink_of, standing
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.batch_report import as_json as as_told
from dragoman.cli.batch_report import lines, progress, write_page
from dragoman.cli.output import print_json, talk, write
from dragoman.cli.words import t

# Seconds that a process which was told to stop may take, and between two looks.
_PATIENCE: Final = 30.0
_LOOK: Final = 0.1


@click.command("status", context_settings=CONTEXT)
@click.argument("output", metavar="OUT")
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON object.")
@click.option("--html", metavar="FILE", help="Write it as a page with plots.")
def STATUS(output: str, as_json: bool, html: str | None) -> int:
    """Say how the batch of OUT stands; it may be running."""
    report, open_rows = standing(output)
    pid = running(output)
    if html:
        write_page(report, html, output)
    if as_json:
        print_json({**as_told(report), "sent": open_rows, "pid": pid})
        return exits.OK
    state = t("batch.runs", pid=pid) if pid else t("batch.rests")
    write(t("batch.state", report=report, open=open_rows, state=state) + "\n")
    if pid is not None:
        write(f"{progress(report)}\n")
    for line in lines(report):
        write(f"{line}\n")
    if pid is None and report.left:
        talk(t("batch.resume", output=output))
    return exits.OK


@click.command("cost", context_settings=CONTEXT)
@click.argument("output", metavar="OUT")
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON object, part by part.")
@click.option("--html", metavar="FILE", help="Write the report as a page with plots.")
def COST(output: str, as_json: bool, html: str | None) -> int:
    """Print what the batch of OUT has cost so far, in US dollars, of all answers whose price is known."""
    report, _ = standing(output)
    if html:
        write_page(report, html, output)
    if as_json:
        told = as_told(report)
        print_json({name: told[name] for name in ("cost", "cost_parts", "projected", "unpriced")})
        return exits.OK
    write(f"{report.cost:f}\n")
    for name, part in report.cost_parts.items():
        talk(f"· {name} {part:f}")
    if report.unpriced:
        talk(t("batch.unpriced", count=report.unpriced))
    return exits.OK


@click.command("results", context_settings=CONTEXT)
@click.argument("output", metavar="OUT")
@click.option("--failed", is_flag=True, help="The rows that failed instead.")
def RESULTS(output: str, failed: bool) -> int:
    """Print the answers that are there so far, as lines, in the order in which they came."""
    wanted = Kind.FAILED if failed else Kind.DONE
    for record in read_records(journal_of(sink_of(output))):
        if record.kind == wanted:
            write(record.payload.decode())
    return exits.OK


@click.command("cancel", context_settings=CONTEXT)
@click.argument("output", metavar="OUT")
def CANCEL(output: str) -> int:
    """
    Stop the run of OUT's batch on this machine as Ctrl-C would: rows under way end, and it can go on later.

    What is at a provider's batch API is cancelled there; what was done by then is kept.
    """
    standing(output)  # says what is wrong with the journal
    pid = running(output)
    if pid is not None:
        os.kill(pid, signal.SIGINT)
        talk(t("batch.told", pid=pid))
    if away(output):
        return _revoke(output)
    if pid is None:
        talk(t("batch.idle"))
    return exits.OK


def _revoke(output: str) -> int:
    """Cancel what is at a provider, once nobody else runs the batch."""
    until = time.monotonic() + _PATIENCE
    while running(output) is not None and time.monotonic() < until:
        time.sleep(_LOOK)
    from dragoman.cli.batch_run import client_of  # who only looks need not load it

    with client_of() as client:
        batch = client.resume_batch(output, start=False)
        batch.cancel()
        talk(f"· {batch.run()}")
    return exits.OK
