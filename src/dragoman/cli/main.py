"""
The entry point: finds the command, runs it, and turns whatever happens into an exit code.

`dragoman --version` answers before anything else is imported.  Of the commands only the one that is called is imported.
A first word that is no command is a prompt: `dragoman "why?"` is `dragoman ask "why?"`.
"""

from __future__ import annotations

import sys

from dragoman._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process, and end it."""
    sys.excepthook = _fault
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while a command was still being loaded
        code = 130
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        if list(arguments) in (["--version"], ["-V"]):
            print(f"dragoman {__version__}", flush=True)
            return 0
        if arguments and arguments[0] == "__complete":  # a shell asks, and somebody waits
            from dragoman.cli.completion.answers import complete

            return complete(arguments[1:])
    except OSError as error:
        from dragoman.cli.app import unwritten

        return unwritten(error)
    from dragoman.cli.app import execute  # click and the rest, which `--version` need not pay for

    return execute(list(arguments))


def _fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What the interpreter calls for an exception that nobody caught; it then ends the process with 1."""
    import os
    import traceback

    from dragoman.redact import redact

    if os.environ.get("DRAGOMAN_DEBUG"):
        sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))
    sys.stderr.write(f"dragoman: a fault of the program, not yours: {redact(f'{kind.__name__}: {error}')}\n")
    sys.stderr.write("  fix: report it with what DRAGOMAN_DEBUG=1 shows\n")
