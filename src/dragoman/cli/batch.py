"""`dragoman batch`: many rows, each asked once."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "run": "dragoman.cli.batch_run:RUN",
    "estimate": "dragoman.cli.batch_run:ESTIMATE",
    "resume": "dragoman.cli.batch_run:RESUME",
    "retry-failed": "dragoman.cli.batch_run:RETRY",
    "status": "dragoman.cli.batch_show:STATUS",
    "cost": "dragoman.cli.batch_show:COST",
    "results": "dragoman.cli.batch_show:RESULTS",
    "cancel": "dragoman.cli.batch_show:CANCEL",
}


@click.group("batch", cls=Commands, at=_COMMANDS, context_settings=CONTEXT)
def COMMAND() -> None:
    """
    Ask every row of a file, and pay for none twice.

    \b
    dragoman batch run in.jsonl -o out.jsonl                        the lines say model and messages
    dragoman batch run in.csv -o out.jsonl -m openai/gpt-5.6-luna -t "Classify: {text}"
    dragoman batch status out.jsonl                                 from another terminal
    dragoman batch resume out.jsonl                                 after a crash, Ctrl-C or a full disk

    Answers are kept in OUT.job as they come; OUT is written when all rows are settled.  Rows that failed go to OUT with
    .jsonl made .errors.jsonl.  Exit codes: 0 all answered, 7 some rows failed, 130 interrupted.
    """
