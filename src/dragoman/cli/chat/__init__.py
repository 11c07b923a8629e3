"""`dragoman chat`: a conversation at the terminal."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.conv.place import Place, placed
from dragoman.cli.output import terminal
from dragoman.cli.words import t


@click.command("chat", context_settings=CONTEXT)
@click.option("-m", "--model", metavar="PROVIDER/MODEL", help="Model to talk to; without it the first that is there.")
@click.option("-s", "--system", metavar="TEXT", help="Instructions for the model, from now on.")
@click.option("-a", "--attach", multiple=True, metavar="FILE|URL", help="Goes with the first message.")
@click.option("-o", "--option", multiple=True, metavar="NAME=VALUE", help="Setting, such as temperature=0.2.")
@click.option("-c", "--continue", "goes_on", is_flag=True, help="Go on with the last conversation of the command line.")
@click.option("--cid", metavar="NAME", help="Go on with this conversation, or begin it.")
@click.option("--branch", metavar="NAME", help="Which of its branches.")
@click.option("--raw", is_flag=True, help="Show answers as they come, and draw no Markdown.")
@click.option("-n", "--no-log", is_flag=True, help="Keep calls out of dragoman logs; the conversation is kept.")
@placed
@click.pass_context
def COMMAND(
    ctx: click.Context,
    place: Place,
    model: str | None,
    system: str | None,
    attach: tuple[str, ...],
    option: tuple[str, ...],
    goes_on: bool,
    cid: str | None,
    branch: str | None,
    raw: bool,
    no_log: bool,
) -> int:
    """
    Talk with a model.  The conversation is kept; dragoman conv shows it, and -c or --cid goes on with it.

    Enter sends; Alt-Enter, a paste, or lines between \"\"\" and \"\"\" make several lines.  @FILE in a message attaches
    the file.  Ctrl-C stops an answer and keeps what came; Ctrl-D leaves.  /help shows the commands.
    """
    from dragoman.cli.chat.begin import Wishes, begun  # who asks for help need not load what talks

    if goes_on and cid:
        raise click.UsageError(t("usage.two", one="-c", other="--cid"), ctx)
    wishes = Wishes(
        model=model, system=system, attach=attach, option=option, last=goes_on, name=cid, branch=branch, log=not no_log
    )
    with begun(wishes, place, terminal(os.environ), Path(), raw=raw) as chat:
        chat.run()
    return exits.OK
