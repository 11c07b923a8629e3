"""`dragoman kit support`: one message of a customer, or a scenario that is played."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.conv.place import usual_store
from dragoman.cli.kit.about import prompts_of
from dragoman.cli.output import print_json, talk, write
from dragoman.cli.session import session
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.kits.support.faces import Support
from dragoman.kits.support.scenarios import Simulation
from dragoman.kits.support.values import Knowledge, SupportReply


@click.command("support", context_settings=CONTEXT)
@click.argument("message", required=False)
@click.option("--ticket", metavar="ID", help="The conversation that the message belongs to.")
@click.option("--message-id", metavar="ID", help="Of the message: the same again gives the kept reply.")
@click.option("--simulate", metavar="SCENARIO", type=click.Path(dir_okay=False), help="Play a TOML file instead.")
@click.option("-m", "--model", help="provider/model; as for dragoman ask if it is not given.")
@click.option("--persona", type=click.Path(dir_okay=False), help="File that says who answers.")
@click.option("--policy", type=click.Path(dir_okay=False), help="File that says what is allowed.")
@click.option("--knowledge", metavar="PATH|URL", help="Files or a folder, or the store of a knowledge base.")
@click.option("--store", metavar="URL", help="Where tickets are kept; DRAGOMAN_STORE.")
@click.option("--tone", help="Instead of the persona's.")
@click.option("--language", "languages", multiple=True, metavar="CODE", help="Instead of the persona's; repeatable.")
@click.option("--name", "names", multiple=True, help="A name to mask; may be repeated.")
@click.option("--keep-personal", is_flag=True, help="Keep what was masked, too, for the next message.")
@click.option("--encryption", envvar="DRAGOMAN_ENCRYPTION", metavar="REF", help="Key that tickets are encrypted with.")
@click.option("--prompts", type=click.Path(file_okay=False), help="Folder of edited prompts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def SUPPORT(message: str | None, model: str | None, **given: Any) -> int:
    """
    Answer MESSAGE (- for standard input) of a customer.

    \b
    dragoman kit support --ticket 42 "How long can I send it back?" --knowledge faq/
    dragoman kit support --simulate angry.toml --knowledge faq/

    E-mail addresses, telephone numbers, cards, accounts and names given are masked before anything is sent.  Exit code
    6 if no answer passed the checks, or a scenario did not end as it should.
    """
    scenario, as_json = given["simulate"], given["as_json"]
    if (message is None) is (scenario is None):
        raise ConfigError("give a message, or --simulate SCENARIO", field="message")
    if message is not None and not given["ticket"]:
        raise ConfigError("a message needs a ticket: give --ticket ID", field="ticket")
    with session(model) as asked, _knowledge(given["knowledge"], asked.client) as knowledge:
        desk = Support(
            model=asked.model,
            client=asked.client,
            knowledge=knowledge,
            store=given["store"] or usual_store(os.environ),
            prompts=given["prompts"] or prompts_of("support", os.environ),
            persona=given["persona"],
            policy=given["policy"],
            tone=given["tone"],
            languages=given["languages"] or None,
            names=given["names"],
            keep_personal=given["keep_personal"],
            encryption=given["encryption"],
        )
        if scenario is not None:
            return _played(desk.simulate(scenario), as_json=as_json)
        text = sys.stdin.read() if message == "-" else message
        return _told(desk.open(given["ticket"]).reply(text or "", given["message_id"]), as_json=as_json)


@contextmanager
def _knowledge(given: str | None, client: Any) -> Generator[Knowledge | None]:
    """A knowledge base of a store, or one of files, in memory."""
    if given is None:
        yield None
        return
    from dragoman.knowledge.base import KnowledgeBase  # only who searches pays for it

    with KnowledgeBase(given if "://" in given else "memory://", client=client) as base:
        if "://" not in given:
            for failed in base.add(given).failed:
                talk(f"· {failed.source}: {failed.why}")
        yield base


def _told(reply: SupportReply, *, as_json: bool) -> int:
    if as_json:
        print_json({**msgspec.to_builtins(reply), "ok": reply.ok})
        return exits.OK if reply.ok else exits.OUTPUT
    write(reply.text + "\n")
    for cited in reply.citations:
        talk(f"· {cited.source}: “{cited.quote}”")
    for finding in reply.findings:
        talk(f"· {finding}")
    if reply.escalate is not None:
        gone = reply.escalate
        talk(t("kit.takes_over", reason=gone.reason, by=gone.by, summary=gone.summary))
    return exits.OK if reply.ok else exits.OUTPUT


def _played(played: Simulation, *, as_json: bool) -> int:
    if as_json:
        print_json({**msgspec.to_builtins(played), "ok": played.ok})
    else:
        write(f"{played}\n")
    return exits.OK if played.ok else exits.OUTPUT
