"""
Questions to a model about the passages that were found.

The model gets the passages between lines with a key that none of them has, and gives its answer by a form: whether it
is there, the text with marks, and for each mark the words that prove it.  What it gives is held to the passages; if a
citation does not hold it is told so and asked once more.

Rule: a document's text stands between its two lines in the message of the user and nowhere else, so that it can neither
close them nor become an instruction of ours; and whatever it makes a model say, the form and the checks stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, cast

import msgspec

from dragoman.errors import ConfigError
from dragoman.kits.findings import Finding
from dragoman.kits.prompts import Prompts
from dragoman.knowledge.checking import Checked, Reply, check
from dragoman.knowledge.models import Models
from dragoman.knowledge.values import Answer, Hit, ScoreParts
from dragoman.tokens import estimate
from dragoman.types.messages import Message
from dragoman.types.requests import Settings
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import summed_usage

KIT: Final = "knowledge"
_MOST: Final = 12_000  # tokens of passages that are shown
_TURNS: Final = 8  # messages of a conversation that say what a question means
_LONGEST: Final = 2_000  # characters of one of them
_NOTHING: Final = "The documents do not say."
_NOTHING_ZH: Final = "文档中没有相关内容。"


class Ranking(msgspec.Struct, frozen=True):
    """Numbers of passages, the most useful first."""

    order: list[int]


class Asked(msgspec.Struct, kw_only=True):
    """
    A question under way.

    Attributes:
        question: As it stands alone.
        model: Who answers.
        settings: Of the requests.
        passages: What is shown.
        messages: What is sent.
        answers: Every answer of a model so far, for the sums.
        findings: What was found wrong on the way.
    """

    question: str
    model: str
    settings: Settings | None
    passages: tuple[Hit, ...] = ()
    messages: tuple[Message, ...] = ()
    answers: list[ChatResponse] = msgspec.field(default_factory=list[ChatResponse])
    findings: list[Finding] = msgspec.field(default_factory=list[Finding])


class Asking:
    """What a base asks models, other than vectors."""

    def __init__(self, models: Models, prompts: Prompts) -> None:
        self._models = models
        self._prompts = prompts

    # --- before the answer ---

    async def alone(self, asked: Asked, history: Sequence[Message]) -> None:
        """Have a question of a conversation written so that it is understood without the conversation."""
        turns = [message for message in history if message.role in ("user", "assistant") and message.text.strip()]
        if not turns:
            return
        said = "\n".join(f"{message.role}: {message.text[:_LONGEST]}" for message in turns[-_TURNS:])
        key = key_for([said, asked.question])
        values = {"key": key, "history": said, "question": asked.question}
        messages = [Message.user(self._prompts.fill("standalone", values))]
        answer = await self._models.chat(asked.model, messages, asked.settings)
        asked.answers.append(answer)
        written = answer.text.strip()
        if answer.finish_reason == "stop" and written and len(written) <= 4 * len(asked.question) + 400:
            asked.question = written
        else:
            why = "the question could not be written to stand alone: it was looked for as it is"
            asked.findings.append(Finding(check="standalone", message=why, found=written[:200], severity="warning"))

    async def rank(self, asked: Asked, model: str, hits: Sequence[Hit], count: int) -> list[Hit]:
        """Have a model put passages in order; one that it does not name stands behind, as before."""
        if len(hits) < 2:
            return list(hits)
        shown, key = shown_passages(hits)
        messages = [
            Message.system(self._prompts.fill("rerank", {"key": key})),
            Message.user(f"{shown}\n\nQuestion: {asked.question}"),
        ]
        answer = await self._models.parse(model, messages, asked.settings, Ranking)
        asked.answers.append(answer)
        named = [number for number in dict.fromkeys(answer.output.order) if 1 <= number <= len(hits)]
        rest = [number for number in range(1, len(hits) + 1) if number not in named]
        return [_ranked(hits[number - 1], rank) for rank, number in enumerate((*named, *rest), 1)][:count]

    def show(self, asked: Asked, hits: Sequence[Hit]) -> None:
        """Make the messages that ask for the answer."""
        asked.passages = fitting(merged(hits))
        shown, key = shown_passages(asked.passages)
        asked.messages = (
            Message.system(self._prompts.fill("answer", {"key": key})),
            Message.user(f"{shown}\n\nQuestion: {asked.question}"),
        )

    # --- the answer ---

    async def answer(self, asked: Asked) -> Answer:
        """Have it answered."""
        if not asked.passages:
            return nothing(asked)
        first = await self._models.parse(asked.model, asked.messages, asked.settings, Reply)
        return await self.conclude(asked, first, first.output)

    async def conclude(self, asked: Asked, first: ChatResponse, reply: Reply) -> Answer:
        """Hold an answer to the passages, and have it given again if it does not hold."""
        asked.answers.append(first)
        checked = check(reply, asked.passages, asked.question)
        if checked.holds:
            return made(asked, checked, reply)
        wrong = "\n".join(_fault(finding) for finding in checked.findings if finding.severity == "error")
        messages = (*asked.messages, first.message, Message.user(self._prompts.fill("again", {"wrong": wrong})))
        second = await self._models.parse(asked.model, messages, asked.settings, Reply)
        asked.answers.append(second)
        better = check(second.output, asked.passages, asked.question)
        why = "the first answer was given back: " + "; ".join(str(one) for one in checked.findings)
        asked.findings.append(Finding(check="asked_again", message=why, severity="warning"))
        if checked.found and not better.holds and len(checked.citations) > len(better.citations):
            return made(asked, checked, reply)
        return made(asked, better, second.output)


def made(asked: Asked, checked: Checked, reply: Reply) -> Answer:
    """The answer as it is given: what no quote proves is not its text."""
    unproved = reply.answer if reply.found and not checked.found else ""
    text = checked.text if checked.text and not unproved else sentence_for(asked.question)
    return Answer(
        text=text,
        found=checked.found,
        citations=checked.citations,
        unproved=unproved,
        findings=(*asked.findings, *checked.findings),
        **_about(asked),
    )


def nothing(asked: Asked) -> Answer:
    """Nothing was found, and no model was asked for an answer."""
    return Answer(text=sentence_for(asked.question), findings=tuple(asked.findings), **_about(asked))


def sentence_for(question: str) -> str:
    """What is said when nothing was found, in the language of the question as far as it is known."""
    return _NOTHING_ZH if any("\u4e00" <= letter <= "\u9fff" for letter in question) else _NOTHING


def _fault(finding: Finding) -> str:
    return f"- {finding}: {' '.join(finding.found.split())}" if finding.found else f"- {finding}"


def _about(asked: Asked) -> dict[str, Any]:
    costs = [answer.cost for answer in asked.answers]
    known = [cost for cost in costs if cost is not None]
    return {
        "question": asked.question,
        "passages": asked.passages,
        "model": asked.model,
        "usage": summed_usage([answer.usage for answer in asked.answers]),
        "cost": sum(known, start=Decimal(0)) if known and len(known) == len(costs) else None,
        "requests": len(asked.answers),
    }


# --- passages ---------------------------------------------------------------------------------------------------------


def merged(hits: Sequence[Hit]) -> list[Hit]:
    """
    Put pieces of a document that stand next to each other into one passage, in the place of the better one.

    Pieces under other headings or on other pages stay apart, so that a citation says exactly where it stands.
    """
    runs: list[list[Hit]] = []
    for hit in hits:
        beside = [run for run in runs if any(_is_beside(hit, other) for other in run)]
        if not beside:
            runs.append([hit])
            continue
        beside[0].append(hit)
        for run in beside[1:]:  # it closes the gap between two
            beside[0] += run
            runs.remove(run)
    return [_one(sorted(run, key=_number)) for run in runs]


def fitting(hits: Sequence[Hit], most: int = _MOST) -> tuple[Hit, ...]:
    """The first passages that are not more than so many tokens; one at least."""
    found: list[Hit] = []
    used = 0
    for hit in hits:
        used += estimate(hit.text)
        if found and used > most:
            break
        found.append(hit)
    return tuple(found)


def shown_passages(hits: Sequence[Hit]) -> tuple[str, str]:
    """The passages as a model is shown them, and the key of their lines."""
    key = key_for([hit.text + hit.place for hit in hits])
    shown = (
        f"<<<passage {number} {key}>>>\n({hit.place})\n{hit.text.strip()}\n<<<end {number} {key}>>>"
        for number, hit in enumerate(hits, 1)
    )
    return "\n\n".join(shown), key


def key_for(texts: Sequence[str]) -> str:
    """A word that is in none of some texts; always the same for the same ones."""
    whole = "\n".join(texts)
    key = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    while key in whole:
        key = hashlib.sha256(key.encode()).hexdigest()[:12]
    return key


def checked_history(history: Any) -> list[Message]:
    """
    The messages of a conversation.

    Raises:
        ConfigError: They are something else.
    """
    if isinstance(history, str) or not isinstance(history, Sequence):
        kind = type(cast("object", history)).__name__
        raise ConfigError(f"history is {kind}: give a conversation, or its messages", field="history")
    found = list(cast("Sequence[Any]", history))
    if not all(isinstance(message, Message) for message in found):
        raise ConfigError("history has something that is no Message: give talk.history", field="history")
    return found


def _is_beside(one: Hit, other: Hit) -> bool:
    return (
        one.source == other.source
        and abs(one.number - other.number) == 1
        and (one.headings, one.page) == (other.headings, other.page)
    )


def _one(run: list[Hit]) -> Hit:
    first = run[0]
    text, end = first.text, first.end
    for hit in run[1:]:
        text, end = text + hit.text[end - hit.start :], hit.end
    best = max(run, key=_score)
    return msgspec.structs.replace(best, text=text, start=first.start, end=end, number=first.number)


def _number(hit: Hit) -> int:
    return hit.number


def _score(hit: Hit) -> float:
    return hit.score


def _ranked(hit: Hit, rank: int) -> Hit:
    parts: ScoreParts = msgspec.structs.replace(hit.parts, rerank=rank)
    return msgspec.structs.replace(hit, parts=parts)
