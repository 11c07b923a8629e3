"""`dragoman batch status`, `cost`, `results` and `cancel`: what a journal says, also while it is written."""

from __future__ import annotations

import os
import signal

import click
import msgspec

from dragoman.batch.journal import Kind, journal_of, read_records
from dragoman.batch.recall import running, sink_of, standing
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.output import print_json, talk, write


@click.command("status", context_settings=CONTEXT)
@click.argument("output", metavar="OUT")
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON object.")
def STATUS(output: str, as_json: bool) -> int:
    """Say how the batch of OUT stands; it may be running."""
    report, open_rows = standing(output)
    pid = running(output)
    if as_json:
        told = {**msgspec.to_builtins(report), "cost": float(report.cost)}
        print_json({**told, "sent": open_rows, "pid": pid})
        return exits.OK
    state = f"running in process {pid}" if pid else "not running"
    write(f"{report}; {open_rows:,} sent without an answer; {state}\n")
    if pid is None and report.left:
        talk(f"· go on with: dragoman batch resume {output}")
    return exits.OK


@click.command("cost", context_settings=CONTEXT)
@click.argument("output", metavar="OUT")
def COST(output: str) -> int:
    """Print what the batch of OUT has cost so far, in US dollars, of all answers whose price is known."""
    report, _ = standing(output)
    write(f"{report.cost:f}\n")
    if report.unpriced:
        talk(f"· the price of {report.unpriced:,} answers is not known")
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
    """Stop the run of OUT's batch on this machine as Ctrl-C would: rows under way end, and it can go on later."""
    standing(output)  # says what is wrong with the journal
    pid = running(output)
    if pid is None:
        talk("· it is not running")
        return exits.OK
    os.kill(pid, signal.SIGINT)
    talk(f"· process {pid} was told to stop")
    return exits.OK
