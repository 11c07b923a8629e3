"""
The commands by name, and what happens around each.

No failure shows a traceback: errors of ours print what and what helps; a fault of the program says where to report it.
`DRAGOMAN_DEBUG=1` shows tracebacks.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

import click

from dragoman._version import __version__
from dragoman.cli import exits
from dragoman.cli.group import Commands, told
from dragoman.cli.naming import Ran, options_of
from dragoman.cli.output import ReaderLeft, discard_output, talk
from dragoman.cli.words import of_click, t
from dragoman.errors import DragomanError
from dragoman.redact import redact

COMMANDS: Final = {
    "ask": "dragoman.cli.ask",
    "models": "dragoman.cli.models",
    "chat": "dragoman.cli.chat",
    "conv": "dragoman.cli.conv",
    "template": "dragoman.cli.template",
    "schema": "dragoman.cli.schema",
    "batch": "dragoman.cli.batch",
    "kb": "dragoman.cli.kb",
    "kit": "dragoman.cli.kit",
    "keys": "dragoman.cli.keys",
    "doctor": "dragoman.cli.doctor",
    "logs": "dragoman.cli.logs",
    "metrics": "dragoman.cli.metrics",
    "usage": "dragoman.cli.usage",
    "config": "dragoman.cli.config",
    "env": "dragoman.cli.env",
    "completion": "dragoman.cli.completion.command",
    "mock": "dragoman.cli.mock",
}
_OWN_OPTIONS: Final = ("--help", "-h", "--version", "-V")
CONTEXT: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Commands, at=COMMANDS, context_settings=CONTEXT)
@click.version_option(__version__, "-V", "--version", message="dragoman %(version)s")
def dragoman() -> None:
    """
    Ask any language model.

    \b
    dragoman "why is the sky blue?"              the first model that is there
    dragoman -m openai/gpt-5.6-luna "why?"       this model
    git diff | dragoman "write a commit message"
    dragoman kb ask "what do my documents say?"  an answer with quotes that are checked

    Exit codes: 0 ok, 1 error, 2 usage, 3 no model or credentials, 4 rate or budget limit, 5 provider or network,
    6 answer is not what was asked for, 7 some rows of a batch failed, 130 interrupted.
    """


def execute(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name, and return its exit code."""
    _open_closed_ends()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter shows ?, and the answer goes on
    ran = Ran()
    try:
        return _invoke(_with_command(arguments), ran)
    except click.ClickException as error:
        return _usage(error)
    except (KeyboardInterrupt, click.Abort):
        talk()
        return exits.INTERRUPTED
    except ReaderLeft:
        discard_output()
        return exits.OK
    except DragomanError as error:
        return _failure(error, ran)
    except OSError as error:
        return unwritten(error)


def unwritten(error: OSError) -> int:
    """Standard output takes no more: nothing is wrong if its reader has left, else say what is."""
    if not isinstance(error, BrokenPipeError):
        return _system(error)
    discard_output()
    return exits.OK


def _open_closed_ends() -> None:
    """Give a process without standard output or error (`>&-`) one that goes nowhere: no file gets its number."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open until the process ends


def _invoke(arguments: Sequence[str], ran: Ran) -> int:
    root = told(dragoman)
    try:
        with root.make_context("dragoman", list(arguments), obj=ran) as ctx:
            result = root.invoke(ctx)
    except click.exceptions.Exit as end:  # a page of help was shown
        return end.exit_code
    return result if isinstance(result, int) else exits.OK


def _with_command(arguments: Sequence[str]) -> list[str]:
    if not arguments:
        return ["--help"] if sys.stdin is None or sys.stdin.isatty() else ["ask"]
    first = arguments[0]
    if list(arguments) == ["help"]:
        return ["--help"]
    if first in COMMANDS or first in _OWN_OPTIONS:
        return list(arguments)
    near = get_close_matches(first, COMMANDS, n=1, cutoff=0.75) if len(arguments) == 1 else []
    if near:
        raise click.UsageError(t("app.no_command", first=first, near=near[0]))
    return ["ask", *arguments]


def _usage(error: click.ClickException) -> int:
    talk(f"dragoman: {of_click(error.format_message())}")
    if isinstance(error, click.UsageError) and error.ctx is not None:
        talk(t("fix", text=f"{error.ctx.command_path} --help"))
    return exits.USAGE


def _system(error: OSError) -> int:
    """What the system refused, and nobody nearer to it could say better: a full disk behind standard output."""
    _trace(error)
    talk(t("fail.system", what=error.filename or t("fail.output"), why=error.strerror or error))
    if error.filename is None:
        discard_output()
    return exits.ERROR


def _trace(error: Exception) -> None:
    if os.environ.get("DRAGOMAN_DEBUG"):
        talk(redact("".join(traceback.format_exception(error))), end="")


def _failure(error: DragomanError, ran: Ran) -> int:
    _trace(error)
    talk(f"dragoman: {exits.words(error, options_of(ran.command))}")
    fix = exits.fix(error)
    if fix:
        talk(t("fix", text=fix))
    return exits.exit_code(error)
