"""`dragoman kb add`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import click
import msgspec

from dragoman import catalog
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.kb.place import Place, placed, shown
from dragoman.cli.output import print_json, talk, terminal
from dragoman.cli.setup import load
from dragoman.cli.words import t
from dragoman.client import Client
from dragoman.knowledge.hashing import MODEL
from dragoman.knowledge.values import AddReport, Format, Progress


@click.command("add", context_settings=CONTEXT)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--embed", metavar="MODEL", help="Model of the vectors; by default the base's, else local/hash (offline)."
)
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="Mark the documents with this.")
@click.option("--include", multiple=True, metavar="GLOB", help="Of folders, only files that match.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Of folders, no files and folders that match.")
@click.option("--format", "form", type=click.Choice(["markdown", "html", "text", "pdf"]), help="What the files are.")
@click.option("--encoding", default="utf-8", metavar="NAME", help="Of text files that do not say it; utf-8.")
@click.option("--prune", is_flag=True, help="Remove documents of these folders whose files are gone.")
@click.option("--size", type=int, default=320, metavar="TOKENS", help="Most tokens of a piece; 320.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@placed
def ADD(
    place: Place,
    paths: tuple[str, ...],
    embed: str | None,
    tags: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    form: str | None,
    encoding: str,
    prune: bool,
    size: int,
    as_json: bool,
) -> int:
    """
    Read Markdown, HTML, text and PDF files, or folders of them, into the base.

    A file that has not changed since the last time costs its reading and nothing else.  Exit code 1 if a file cannot
    be read; the others are in.
    """
    logging.getLogger("pypdf").addHandler(logging.NullHandler())  # what is wrong with a file is said below, once
    with place.opened(embedding_client(embed, place), new=True, embed=embed, size=size) as base:
        report = base.add(
            *paths,
            include=include,
            exclude=exclude,
            tags=tags or None,
            format=cast("Format | None", form),
            encoding=encoding,
            prune=prune,
            progress=None if as_json else _progress(),
        )
    if as_json:
        print_json({**msgspec.to_builtins(report), "ok": report.ok})
    else:
        _tell(report)
    return exits.OK if report.ok else exits.ERROR


def embedding_client(embed: str | None, place: Place) -> Client:
    """A client that knows the provider of the vectors as `.env` and the stored keys have it."""
    setup = load(os.environ, Path())
    model = embed
    if not model and place.is_there:
        with place.opened() as base:
            model = base.stats().embed
    if not model or model == MODEL:
        return Client()
    provider, _ = catalog.parse_model(model, setup.providers)
    return Client(providers=setup.overrides(provider))


def _progress() -> Callable[[Progress], None] | None:
    if not terminal(os.environ).stderr:
        return None

    def tell(progress: Progress) -> None:
        if progress.what == "embed" or progress.done % 100 == 0:
            doing = "kb.doing.embed" if progress.what == "embed" else "kb.doing.read"
            talk(t(doing, done=progress.done, total=progress.total))

    return tell


def _tell(report: AddReport) -> None:
    for trouble in report.failed:
        talk(f"✗ {shown(trouble.source)}: {trouble.why}")
    for old, new in report.renamed:
        talk(t("kb.moved", old=shown(old), new=shown(new)))
    counts = {
        "kb.added": len(report.added),
        "kb.changed": len(report.changed),
        "kb.renamed": len(report.renamed),
        "kb.tagged": len(report.tagged),
        "kb.gone": len(report.removed),
    }
    told = ", ".join(t(key, count=count) for key, count in counts.items() if count)
    if told or report.unchanged or not report.failed:
        talk(t("kb.did", told=told or t("kb.idle"), unchanged=report.unchanged))
    if report.missing:
        talk(t("kb.missing", count=len(report.missing)))
    if report.was:
        talk(t("kb.embedded_anew", embed=report.embed, was=report.was))
    elif report.embed == MODEL and report.added:
        talk(t("kb.local"))
