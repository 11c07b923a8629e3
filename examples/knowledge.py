"""Ask one's own documents; every quote of the answer is checked to stand in them."""

from __future__ import annotations

import json

from dragoman import ChatRequest, Client
from dragoman.knowledge import KnowledgeBase
from dragoman.testing import Server, Step, calls, says

HANDBOOK = {
    "refunds.md": "# Refunds\n\nGoods can be sent back within 14 days of delivery.\n",
    "tea.md": "# 茶叶\n\n龙井茶产于杭州,每年春天采摘。\n",
}


def model(request: ChatRequest) -> Step:
    """A model that quotes the last line of the first passage it is shown."""
    shown = request.messages[-1].text
    quote = shown.partition(">>>")[2].partition("<<<end")[0].strip().splitlines()[-1]
    citation = {"number": 1, "passage": 1, "quote": quote}
    return says(json.dumps({"found": True, "answer": "It is there [1].", "citations": [citation]}))


def main() -> None:
    with Server(default=calls(model)) as server:
        row = {"base_url": server.base_url("openai-chat"), "api_key": "any"}
        with (
            Client(providers={"acme": row}) as client,
            KnowledgeBase("memory://", client=client, model="acme/m") as base,
        ):
            report = base.add_texts(HANDBOOK)
            print(f"{len(report.added)} documents, vectors by {report.embed}")
            for question in ("How long can goods be sent back?", "龙井茶产于哪里?"):
                answer = base.ask(question)
                print(question, "->", answer.text)
                for citation in answer.citations:
                    print(f"  [{citation.number}] {citation.place}: {citation.quote}")


if __name__ == "__main__":
    main()
