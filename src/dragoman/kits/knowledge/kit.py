"""The cases of answers from documents."""

from __future__ import annotations

from typing import Any, Final

from dragoman.client import AsyncClient
from dragoman.errors import ConfigError
from dragoman.kits.evaluate import Case
from dragoman.kits.findings import Finding
from dragoman.knowledge.aio import AsyncKnowledgeBase
from dragoman.knowledge.values import Answer
from dragoman.types.messages import Message

NAME: Final = "knowledge"
SUMMARY: Final = "answer from documents, with citations that are checked to stand in them"


async def run(case: Case, model: str, client: AsyncClient) -> Answer:
    """Answer a case's `question` from its `documents`; `history` is what was said before, as `[role, text]`."""
    given: dict[str, Any] = case.given
    if "documents" not in given or "question" not in given:
        raise ConfigError(f"the case {case.name!r} needs documents and a question", field="given")
    history = [_message(role, text) for role, text in given.get("history", ())]
    async with AsyncKnowledgeBase("memory://", client=client, model=model) as base:
        await base.add_texts(given["documents"])
        return await base.ask(given["question"], history=history or None)


def judge(case: Case, result: Answer) -> list[Finding]:
    """What is not as expected: `found`, `cites` a document, `says` words, `never` words."""
    expect = case.expect
    text = result.text.casefold()
    findings: list[Finding] = []
    if result.found != expect.get("found", True):
        what = "it was not found" if not result.found else "it was found, and is not there"
        findings.append(Finding(check="found", message=what, found=result.unproved or result.text))
    cited = {citation.source for citation in result.citations}
    if "cites" in expect and expect["cites"] not in cited:
        findings.append(
            Finding(check="cites", message="another document was expected", expected=expect["cites"], found=str(cited))
        )
    findings += [
        Finding(check="says", message=f"{word!r} is missing", expected=word)
        for word in expect.get("says", ())
        if word.casefold() not in text
    ]
    findings += [
        Finding(check="never", message=f"{word!r} is in it", found=word)
        for word in expect.get("never", ())
        if word.casefold() in text
    ]
    return findings


def _message(role: str, text: str) -> Message:
    return Message.user(text) if role == "user" else Message.assistant(text)
