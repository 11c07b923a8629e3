"""`dragoman kit translate`: a document in another language."""

from __future__ import annotations

from typing import Any

import click

from dragoman import kits
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.kit.rewriting import arguments, bar, options, stopped, tell, tell_estimate, without
from dragoman.cli.output import print_json, write
from dragoman.cli.session import session
from dragoman.kits.translation.pseudo import PSEUDO

_OF_A_RUN = ("parallel", "attempts", "max_cost", "again", "max_ratio", "line_width", "reading_speed")


@click.command("translate", context_settings=CONTEXT)
@options
@click.option("--to", required=True, metavar="LANGUAGE", help="German, zh-Hans, ...; pseudo asks no model.")
@click.option("--max-ratio", type=float, help="How much wider a text may be than its source; 3.")
@click.option("--line-width", type=click.IntRange(min=1), help="Columns of a line of subtitles; 42.")
@click.option("--reading-speed", type=float, help="Characters of subtitles in a second; 21.")
def TRANSLATE(source: str, model: str | None, dry_run: bool, as_json: bool, **given: Any) -> int:
    """
    Translate FILE (- for standard input): Markdown, HTML, plain text, SRT, JSON or PO.

    Everything but words stays, byte for byte: code, links, placeholders, tags, keys.  Numbers, links, placeholders, the
    glossary and the language of every segment are checked, and what fails is asked for again.  With -o the run can be
    stopped and killed: the same command goes on.  Exit code 6 if a segment ends with an error.
    """
    keywords = arguments("translation", source, given)
    if keywords["to"] == PSEUDO:
        return _told(kits.translate(**keywords), as_json=as_json)
    with session(model) as asked:
        keywords |= {"model": asked.model, "client": asked.client}
        if dry_run:
            estimate = kits.estimate_translation(**without(keywords, *_OF_A_RUN))
            return _json(estimate) if as_json else tell_estimate(estimate)
        try:
            return _told(kits.translate(**keywords, progress=bar()), as_json=as_json)
        except KeyboardInterrupt:
            return stopped(keywords.get("output"))


def _told(result: kits.TranslateResult, *, as_json: bool) -> int:
    if as_json:
        print_json(result)
    elif not result.output:
        write(result.text)
    return tell(result)


def _json(value: object) -> int:
    print_json(value)
    return exits.OK
