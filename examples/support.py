"""
A support desk: answers from passages, personal data masked, a person called where one is needed.

It runs against a scripted provider, so that it needs no key; take `Support(model="openai/...")` for a real one.
"""

from __future__ import annotations

import json

from dragoman import Client
from dragoman.kits import Support
from dragoman.knowledge import KnowledgeBase
from dragoman.testing import Server, says


def written(text: str, quote: str | None = None, **more: object) -> str:
    """What a model would write."""
    citations = [{"passage": 1, "quote": quote}] if quote else []
    return json.dumps({"text": text, "citations": citations, **more})


server = Server(
    says(written("You have 60 days.", "within 30 days")),  # refused: no passage says so
    says(written("You have 30 days.", "within 30 days")),
    says(written("A colleague will look at it.")),
).start()

with (
    Client(providers={"fake": {"base_url": server.base_url("openai-chat"), "api_key": "any"}}) as client,
    KnowledgeBase("memory://") as base,
):
    base.add_texts({"returns.md": "# Returns\nReturns are free within 30 days of delivery."})
    desk = Support(model="fake/model", client=client, knowledge=base)
    ticket = desk.open("ticket-42", names=["Ann Lee"])

    reply = ticket.reply("I am Ann Lee, ann@acme.example. How long can I send it back?", "message-1")
    print(reply.text, reply.masked, [f"{one.source}: {one.quote}" for one in reply.citations])

    reply = ticket.reply("It came broken. I want a refund of 450 EUR, or my lawyer will write to you!", "message-2")
    print(reply.text, "->", reply.escalate.reason if reply.escalate else "nobody")

    print("What the provider saw:", server.requests[0].chat.messages[-1].text.splitlines()[-1])
server.stop()
