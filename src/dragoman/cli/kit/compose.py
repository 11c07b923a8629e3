"""`dragoman kit mail`, `report` and `code`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.kit.about import prompts_of
from dragoman.cli.options import parse_options
from dragoman.cli.output import print_json, talk, write
from dragoman.cli.session import session
from dragoman.errors import ConfigError
from dragoman.kits.composing import code as coding
from dragoman.kits.composing import mail as mailing
from dragoman.kits.composing import report as reporting
from dragoman.kits.faces import blocking
from dragoman.kits.findings import KitResult

T = TypeVar("T")


def _shared(command: Callable[..., T]) -> Callable[..., T]:
    """What all three take."""
    for option in reversed(
        (
            click.argument("brief"),
            click.option("-m", "--model", help="provider/model; as for dragoman ask if it is not given."),
            click.option("--attempts", type=click.IntRange(min=1), help="How often it may be written."),
            click.option("--option", "settings", multiple=True, metavar="NAME=VALUE", help="Setting: temperature=0."),
            click.option("--prompts", type=click.Path(file_okay=False), help="Folder of edited prompts."),
            click.option("--json", "as_json", is_flag=True, help="One JSON object."),
        )
    ):
        command = option(command)
    return command


def _styled(command: Callable[..., T]) -> Callable[..., T]:
    """What texts take besides."""
    for option in reversed(
        (
            click.option("--audience", metavar="TEXT", help="For whom."),
            click.option("--tone", metavar="TEXT", help="How it speaks."),
            click.option("--length", type=click.IntRange(min=1), metavar="WORDS", help="How long; signs in Chinese."),
            click.option("--tolerance", type=click.FloatRange(0, 1), help="How far from that, as a share of it."),
            click.option("--language", metavar="CODE", help="That of the brief by default."),
            click.option("--point", "points", multiple=True, metavar="TEXT", help="Must be in it; may be repeated."),
            click.option("--strict-facts", is_flag=True, help="No number and no link that is not in the brief."),
            click.option("--format", type=click.Choice(("markdown", "text")), help="With marks, or without."),
        )
    ):
        command = option(command)
    return command


@click.command("mail", context_settings=CONTEXT)
@_shared
@_styled
def MAIL(brief: str, **given: Any) -> int:
    """Write a mail to BRIEF (- for standard input).  Exit code 6 if something is still wrong with it."""
    return _written(mailing.mail, brief, given)


@click.command("report", context_settings=CONTEXT)
@_shared
@_styled
@click.option("--section", "outline", multiple=True, metavar="TITLE", help="A section; may be repeated.")
@click.option("--title", help="Of the report, with sections of yours.")
@click.option("--source", "sources", multiple=True, type=click.Path(dir_okay=False, path_type=Path), help="To cite.")
@click.option("--numbering", is_flag=True, help="Number the sections.")
@click.option("--parallel", type=click.IntRange(min=1), help="Sections that are written at once.")
@click.option(
    "--checkpoint", type=click.Path(dir_okay=False), help="File with what is there: the same command goes on."
)
def REPORT(brief: str, **given: Any) -> int:
    """Write a report to BRIEF (- for standard input).  Exit code 6 if something is still wrong with it."""
    return _written(reporting.report, brief, given)


@click.command("code", context_settings=CONTEXT)
@_shared
@click.option("--language", metavar="NAME", help="In which language; python.")
@click.option("--file", "files", multiple=True, type=click.Path(dir_okay=False), help="To show; may be repeated.")
@click.option("--write-to", metavar="FOLDER", type=click.Path(file_okay=False), help="Write the files below it.")
@click.option("--dry-run", is_flag=True, help="Write nothing, show what would change.")
def CODE(brief: str, **given: Any) -> int:
    """
    Write code for the task BRIEF (- for standard input), as files.

    Without --write-to nothing is written: the changes are shown.  Exit code 6 if something is still wrong with it; then
    nothing is written, either.
    """
    shown = given["files"]
    given["files"] = {path: _read(path) for path in shown} if shown else None
    return _written(coding.code, brief, given, shown="diff")


def _written(work: Callable[..., Any], brief: str, given: dict[str, Any], shown: str = "text") -> int:
    model, as_json = given.pop("model"), given.pop("as_json")
    settings = parse_options(given.pop("settings"), None)
    prompts = given.pop("prompts") or prompts_of("composing", os.environ)
    text = sys.stdin.read() if brief == "-" else brief
    keywords = {name: value for name, value in given.items() if value not in (None, (), False)}
    with session(model) as asked:
        result: KitResult = blocking(work)(
            text, model=asked.model, client=asked.client, settings=settings, prompts=prompts, **keywords
        )
    if as_json:
        print_json({**msgspec.to_builtins(result), "ok": result.ok})
    else:
        written = getattr(result, shown)
        write(written if written.endswith("\n") else f"{written}\n")
        _tell(result, getattr(result, "written", ()))
    return exits.OK if result.ok else exits.OUTPUT


def _tell(result: KitResult, written: Sequence[str]) -> None:
    for finding in result.findings:
        talk(f"· {finding}")
    for path in written:
        talk(f"✓ {path}")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the file {path!r} cannot be read: {getattr(error, 'strerror', None) or error}", field="file"
        ) from error
