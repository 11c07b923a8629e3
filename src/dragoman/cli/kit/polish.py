"""`dragoman kit polish`: a text improved in its own language."""

from __future__ import annotations

import sys
from typing import Any, Final, get_args

import click

from dragoman import kits
from dragoman.cli.app import CONTEXT
from dragoman.cli.kit.rewriting import arguments, bar, options, stopped, tell, tell_estimate, without
from dragoman.cli.output import coloured, print_json, write
from dragoman.cli.session import session
from dragoman.kits.polishing.polish import Level

_OF_A_RUN: Final = ("parallel", "attempts", "max_cost", "again", "max_ratio")
_RED: Final = "\x1b[31;9m"
_GREEN: Final = "\x1b[32m"
_RESET: Final = "\x1b[0m"


@click.command("polish", context_settings=CONTEXT)
@options
@click.option("--level", type=click.Choice(get_args(Level)), help="How much may be changed; light.")
@click.option("--tone", metavar="TEXT", help="How it shall sound: friendly.")
@click.option("--max-ratio", type=float, help="How much wider a text may become; 1.5.")
@click.option("--diff", "shows", is_flag=True, help="Show the changed words instead of the text.")
@click.option("--unified", is_flag=True, help="Show the changed lines as diff -u does.")
def POLISH(
    source: str, model: str | None, dry_run: bool, as_json: bool, shows: bool, unified: bool, **given: Any
) -> int:
    """
    Improve FILE (- for standard input) in the language in which it is written.

    Facts, numbers, links, code and placeholders stay, and are checked.  With -o the run can be stopped and killed: the
    same command goes on.  Exit code 6 if a segment ends with an error.
    """
    keywords = arguments("polishing", source, given)
    with session(model) as asked:
        keywords |= {"model": asked.model, "client": asked.client}
        if dry_run:
            return tell_estimate(kits.estimate_polishing(**without(keywords, *_OF_A_RUN)))
        try:
            result = kits.polish(**keywords, progress=bar())
        except KeyboardInterrupt:
            return stopped(keywords.get("output"))
    if as_json:
        print_json(result)
    elif unified:
        write(result.diff)
    elif shows:
        _show(result)
    elif not result.output:
        write(result.text)
    return tell(result)


def _show(result: kits.PolishResult) -> None:
    """The changed segments; what goes is red and what comes is green, or both are in brackets."""
    colours = coloured(sys.stdout)
    for number, change in enumerate(result.changes):
        write("\n" if number else "")
        for run in change:
            _write_run(run.kind, run.text, colours=colours)
        write("\n")


_BRACKETS: Final = {"deleted": ("[-", "-]"), "inserted": ("{+", "+}"), "same": ("", "")}
_COLOURS: Final = {"deleted": (_RED, _RESET), "inserted": (_GREEN, _RESET), "same": ("", "")}


def _write_run(kind: str, text: str, *, colours: bool) -> None:
    before, after = (_COLOURS if colours else _BRACKETS)[kind]
    if not colours:
        write(f"{before}{text}{after}")
        return
    sys.stdout.write(before)
    write(text)
    sys.stdout.write(after)
    sys.stdout.flush()
