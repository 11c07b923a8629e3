"""`dragoman kb ask`: an answer from the documents."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.conv.place import Place as ConversationPlace
from dragoman.cli.conv.place import usual_store
from dragoman.cli.kb.place import Place, named, placed, shown
from dragoman.cli.output import print_json, talk, terminal, write
from dragoman.cli.session import session
from dragoman.cli.words import t
from dragoman.knowledge.base import KnowledgeBase
from dragoman.knowledge.values import Answer
from dragoman.types.messages import Message


@click.command("ask", context_settings=CONTEXT)
@click.argument("question", nargs=-1, required=True)
@click.option("-m", "--model", metavar="PROVIDER/MODEL", help="Who answers; as for dragoman ask if it is not given.")
@click.option("-k", "count", type=int, default=8, help="Pieces that the model is shown, at most; 8.")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="Only documents marked with this.")
@click.option("--path", metavar="GLOB", help="Only documents whose name matches.")
@click.option("--rerank", metavar="MODEL", help="Model that puts the passages in order first.")
@click.option("--conv", metavar="NAME", help="The question goes on with this conversation (dragoman conv list).")
@click.option("--no-stream", is_flag=True, help="Show nothing before all is checked.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@placed
def ASK(
    place: Place,
    question: tuple[str, ...],
    model: str | None,
    count: int,
    tags: tuple[str, ...],
    path: str | None,
    rerank: str | None,
    conv: str | None,
    no_stream: bool,
    as_json: bool,
) -> int:
    """
    Answer QUESTION from the documents, with quotes that are checked to stand in them.

    If the documents do not say it, that is the answer.  What is streamed is not checked yet; if a quote did not hold,
    the checked answer follows.  Into a file or pipe only the checked one goes.
    """
    which: dict[str, Any] = {"k": count, "tags": tags, "path": path, "rerank": rerank, "history": _said(conv)}
    words = " ".join(question)
    if path is not None and not any(sign in path for sign in "*?["):
        which["path"] = named(path)
    with session(model) as asked, place.opened(asked.client, model=asked.model) as base:
        if as_json or no_stream or not terminal(os.environ).stdout:
            answer = base.ask(words, **which)
            if as_json:
                print_json({**msgspec.to_builtins(answer), "cost": _cost(answer)})
                return exits.OK
            write(answer.text.rstrip() + "\n")
        else:
            answer = _streamed(base, words, which)
    _prove(answer)
    return exits.OK


def _streamed(base: KnowledgeBase, question: str, which: dict[str, Any]) -> Answer:
    with base.ask_stream(question, **which) as stream:
        for piece in stream:
            write(piece)
        write("\n")
    if stream.revised:
        talk(t("kb.revised"))
        write(stream.answer.text.rstrip() + "\n")
    return stream.answer


def _prove(answer: Answer) -> None:
    for citation in answer.citations:
        quote = " ".join(citation.quote.split())
        head = f"[{citation.number}] {shown(citation.place)}"
        write(f"{head}: “{quote}”\n")
    for finding in answer.findings:
        talk(f"· {finding}")
    if not answer.found:
        talk(t("kb.not_found"))


def _said(name: str | None) -> Sequence[Message] | None:
    if name is None:
        return None
    owner = os.environ.get("DRAGOMAN_OWNER")
    tenant, keys = os.environ.get("DRAGOMAN_TENANT", "default"), os.environ.get("DRAGOMAN_ENCRYPTION", "").split()
    place = ConversationPlace(store=usual_store(os.environ), tenant=tenant, owner=owner, keys=tuple(keys))
    with place.talk(name) as conversation:
        return conversation.history


def _cost(answer: Answer) -> float | None:
    return None if answer.cost is None else float(answer.cost)
