"""`dragoman batch`: many rows, each asked once."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

import click

from dragoman.cli.app import CONTEXT

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


class _Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        return cast("click.Command", getattr(import_module(module), name))


@click.group("batch", cls=_Commands, context_settings=CONTEXT)
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
