"""
One turn at the desk: what is said is masked, grounded, answered, checked, and kept.

    reply -> mask -> conversation.say -> [ search -> ask -> check -> ask again ... ] -> kept -> restored

What stands in brackets is how the conversation has its turn answered; it holds the turn's lease meanwhile, and only
what comes out of it is kept.  So a turn is one, however often the model is asked.

Rule: this module is one coroutine for both faces, and what it sends has been masked, whatever the history holds.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from decimal import Decimal
from secrets import token_hex
from typing import Any, cast

import msgspec

from dragoman.client import AsyncClient, Client
from dragoman.errors import ConfigError, OutputError
from dragoman.kits.findings import Finding
from dragoman.kits.prompts import Prompts
from dragoman.kits.support.answering import Answering, Send, sender
from dragoman.kits.support.checks import Ground, Source, check, cited
from dragoman.kits.support.files import Persona, Policy
from dragoman.kits.support.masking import Masked, Masker, placeholders, restore
from dragoman.kits.support.rules import ruled, unanswered
from dragoman.kits.support.values import (
    NATIVE,
    Draft,
    Escalation,
    KeptReply,
    Knowledge,
    Reason,
    SupportReply,
    kept_of,
)
from dragoman.kits.support.vault import Vault
from dragoman.kits.tongues import language_of, named
from dragoman.types.messages import Message, Text
from dragoman.types.requests import ChatRequest, Settings, typed_output
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import run_response
from dragoman.verbs.conversations.aio import AsyncConversation


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk was made with; see `Support`."""

    model: Any
    persona: Persona
    policy: Policy
    prompts: Prompts
    knowledge: Knowledge | None = None
    passages: int = 5
    attempts: int = 3
    names: tuple[str, ...] = ()
    secret: str | bytes | None = None
    keep_personal: bool = False
    talk: Mapping[str, Any] = {}
    settings: Settings | None = None


class Desk:
    """
    One ticket.

    Args:
        client: Who asks.
        rules: How.
        ticket: Name of the conversation.
        names: Names to mask in this ticket, besides those of the rules.
    """

    def __init__(self, client: Client | AsyncClient, rules: Rules, ticket: str, names: Sequence[str] = ()) -> None:
        self.ticket = ticket
        self._client = client
        self._rules = rules
        self._masker = Masker(
            ticket,
            names=(*rules.names, *names),
            keep=rules.policy.keep,
            more=rules.policy.mask,
            secret=rules.secret,
        )
        self._vault = Vault(client, ticket, dict(rules.talk), kept=rules.keep_personal)
        self._talk = self._conversation(sender(client))

    def _conversation(self, send: Send) -> AsyncConversation:
        rules = self._rules
        return Answering(self._client, send).conversation(
            self.ticket, model=rules.model, system=_system(rules), settings=rules.settings, **rules.talk
        )

    async def reply(self, text: str, message_id: str | None) -> SupportReply:
        """See `Session.reply`."""
        if not isinstance(text, str) or not text.strip():
            raise ConfigError("text is empty: give what the customer says", field="text")
        message_id = token_hex(8) if message_id is None else message_id
        masked = self._masker.mask(text, message_id)
        values = await self._vault.add(masked.values)
        turn = _Turn(self._client, self._rules, self._masker, masked, frozenset(values))
        answer = await self._conversation(turn.send).say(masked.text, message_id)
        return self._reply(answer, masked, message_id, values, replayed=not turn.asked)

    def _reply(
        self, answer: ChatResponse, masked: Masked, message_id: str, values: dict[str, str], *, replayed: bool
    ) -> SupportReply:
        kept = kept_of(answer.message.native) or KeptReply()
        taken = kept.escalate
        if taken is not None:
            taken = msgspec.structs.replace(taken, summary=restore(taken.summary, values))
        return SupportReply(
            text=restore(answer.text, values),
            findings=kept.findings,
            model=answer.message.origin or str(self._rules.model),
            usage=answer.usage,
            cost=answer.cost,
            requests=0 if replayed else kept.requests,
            citations=kept.citations,
            escalate=taken,
            language=kept.language,
            masked=masked.kinds,
            answered=kept.answered,
            message_id=message_id,
            refused=kept.refused,
            replayed=replayed,
        )

    async def history(self, *, restored: bool) -> list[Message]:
        """See `Session.history`."""
        said = [message for message in await self._talk.history() if message.role in ("user", "assistant")]
        if not restored:
            return said
        values = await self._vault.add({})
        return [Message(message.role, (Text(restore(message.text, values)),)) for message in said]

    async def erase(self) -> tuple[int, int]:
        """See `Session.erase`."""
        await self._vault.erase()
        return await self._talk.erase()


def _system(rules: Rules) -> str:
    persona, policy = rules.persona, rules.policy
    languages = ""
    if persona.languages:
        languages = (
            f"You know {', '.join(map(named, persona.languages))}; who writes in another one is answered in "
            f"{named(persona.languages[0])}."
        )
    values = {
        "name": persona.name,
        "company": persona.company,
        "tone": persona.tone,
        "persona": persona.text,
        "policy": policy.text,
        "languages": languages,
        "max_words": str(policy.max_words),
        "forbidden": ", ".join(policy.forbidden) or "(none)",
    }
    return rules.prompts.fill("system", values)


class _Turn:
    """
    How one turn is answered.

    Attributes:
        asked: Whether it was: one that was done before is not.
    """

    def __init__(
        self, client: Client | AsyncClient, rules: Rules, masker: Masker, masked: Masked, known: frozenset[str]
    ) -> None:
        self.asked = False
        self._client = client
        self._rules = rules
        self._masker = masker
        self._masked = masked
        self._known = known
        self._answers: list[ChatResponse] = []

    async def send(self, request: ChatRequest, way: Any = None) -> ChatResponse:
        """Have the conversation's request answered by a reply that may be sent."""
        self.asked = True
        request = self._safe(request)
        ground = await self._ground(request)
        asked = msgspec.structs.replace(self._shown(request, ground), output=typed_output(Draft))
        draft, findings = await self._checked(asked, way, ground)
        return self._answer(draft, findings, ground, request)

    def _safe(self, request: ChatRequest) -> ChatRequest:
        """The same request with every customer's turn masked: a history may have come from elsewhere."""
        masked = [
            self._masked_message(message, at) if message.role == "user" else message
            for at, message in enumerate(request.messages)
        ]
        return request.directed(messages=tuple(masked))

    def _masked_message(self, message: Message, at: int) -> Message:
        parts = tuple(
            Text(self._masker.mask(part.text, f"history {at}").text) if isinstance(part, Text) else part
            for part in message.parts
        )
        return msgspec.structs.replace(message, parts=parts)

    async def _ground(self, request: ChatRequest) -> Ground:
        rules, text = self._rules, self._masked.text
        replies = [message.text for message in request.messages[:-1] if message.role == "assistant"]
        customers = [message.text for message in request.messages[:-1] if message.role == "user"]
        return Ground(
            passages=await self._found(text, customers),
            ours=(*replies, rules.persona.text, rules.policy.text),
            theirs=(*customers, text),
            persona=rules.persona,
            policy=rules.policy,
            language=self._language(text, customers),
            known=self._known,
            masker=self._masker,
            ruled=ruled(text, rules.policy),
        )

    def _language(self, text: str, earlier: Sequence[str]) -> str:
        spoken = next((code for said in (text, *reversed(earlier)) if (code := language_of(said))), "")
        allowed = self._rules.persona.languages
        return allowed[0] if spoken and allowed and spoken not in allowed else spoken

    async def _found(self, text: str, earlier: Sequence[str]) -> tuple[Source, ...]:
        """Search for what is asked; a short question means what the one before it was about."""
        knowledge = self._rules.knowledge
        if knowledge is None:
            return ()
        query = " ".join([*(earlier[-1:] if len(text.split()) < 5 else []), text])
        for name in placeholders(query):
            query = query.replace(name, " ")
        found = await self._searched(knowledge, query)
        return tuple(Source(str(hit.source), str(hit.text)) for hit in found)

    async def _searched(self, knowledge: Knowledge, query: str) -> Sequence[Any]:
        runtime = self._client.runtime
        if inspect.iscoroutinefunction(knowledge.search):
            if not runtime.suspends:
                raise ConfigError("knowledge is to be awaited: use dragoman.kits.aio.Support", field="knowledge")
            return cast("Sequence[Any]", await knowledge.search(query, self._rules.passages))
        hits = await runtime.run_blocking(lambda: knowledge.search(query, self._rules.passages), None)
        return cast("Sequence[Any]", hits)

    def _shown(self, request: ChatRequest, ground: Ground) -> ChatRequest:
        passages = "\n\n".join(f"[{at}] {one.source}\n{one.text}" for at, one in enumerate(ground.passages, 1))
        notes = [f"Answer in {named(ground.language)}."] if ground.language else []
        if ground.ruled is not None:
            notes.append(f"A colleague takes this over ({ground.ruled}): say so, and promise nothing.")
        values = {"passages": passages or "(none)", "notes": " ".join(notes), "message": self._masked.text}
        turn = Message.user(self._rules.prompts.fill("turn", values))
        return request.directed(messages=(*request.messages[:-1], turn))

    async def _checked(self, asked: ChatRequest, way: Any, ground: Ground) -> tuple[Draft | None, tuple[Finding, ...]]:
        """Ask until a draft passes, or nobody wants to ask again; what stands last has the findings."""
        draft, findings = None, list[Finding]()
        for _ in range(self._rules.attempts):
            try:
                answer = await sender(self._client)(asked, way)
            except OutputError as error:
                self._answers += getattr(error, "answers", None) or ([error.partial] if error.partial else [])
                return draft, (*findings, Finding(check="form", message=error.message))
            self._answers.append(answer)
            draft = answer.output
            findings = check(draft, ground)
            wrong = [finding for finding in findings if finding.severity == "error"]
            if not wrong:
                break
            problems = "\n".join(f"- {finding}" for finding in wrong)
            again = Message.user(self._rules.prompts.fill("again", {"problems": problems}))
            asked = asked.directed(messages=(*asked.messages, Message.assistant(answer.text), again))
        return draft, tuple(findings)

    def _answer(
        self, draft: Draft | None, findings: tuple[Finding, ...], ground: Ground, request: ChatRequest
    ) -> ChatResponse:
        failed = draft is None or any(finding.severity == "error" for finding in findings)
        before = [kept for message in request.messages if (kept := kept_of(message.native)) is not None]
        language = ground.language or (language_of(draft.text) if draft is not None else "")
        text = self._rules.policy.handed(language) if failed or draft is None else draft.text.strip()
        answered = draft is not None and draft.answered and not failed
        kept = KeptReply(
            citations=cited(draft, ground) if draft is not None and not failed else (),
            escalate=self._escalation(draft, failed, ground, before),
            language=language_of(text) or language,
            answered=answered,
            findings=tuple(self._masked_finding(finding) for finding in findings),
            refused=self._again_masked(draft.text) if failed and draft is not None else "",
            requests=len(self._answers),
        )
        return _whole(self._answers, text, kept)

    def _escalation(
        self, draft: Draft | None, failed: bool, ground: Ground, before: Sequence[KeptReply]
    ) -> Escalation | None:
        written = self._again_masked(draft.summary.strip()) if draft is not None else ""
        summary = written or _summary(ground)
        reason: Reason | None = ground.ruled
        if reason is not None:
            return Escalation(reason=reason, summary=summary, by="rule")
        if failed or draft is None:
            return Escalation(reason="failed_checks", summary=summary, by="checks")
        if draft.escalate is not None:
            return Escalation(reason=draft.escalate, summary=summary, by="model")
        if unanswered(before, draft.answered, self._rules.policy):
            return Escalation(reason="unknown", summary=summary, by="rule")
        return None

    def _masked_finding(self, finding: Finding) -> Finding:
        return msgspec.structs.replace(
            finding, message=self._again_masked(finding.message), found=self._again_masked(finding.found)
        )

    def _again_masked(self, text: str) -> str:
        """What a model wrote, without what it may have made up of persons."""
        return self._masker.mask(text, "kept").text


def _summary(ground: Ground) -> str:
    """What a person needs to know, where the model did not write it: the customer's last words."""
    return f"The customer writes: {ground.theirs[-1][:500]}"


def _whole(answers: Sequence[ChatResponse], text: str, kept: KeptReply) -> ChatResponse:
    """The reply as the turn's answer; usage and cost are those of all answers."""
    native = {NATIVE: msgspec.to_builtins(kept)}
    if not answers:
        return ChatResponse(message=Message("assistant", (Text(text),), native=native))
    attempts = tuple(attempt for answer in answers for attempt in answer.attempts)
    whole = run_response(answers, (), attempts)
    values: dict[str, Any] = {name: getattr(whole, name) for name in ChatResponse.__struct_fields__}
    values["message"] = Message("assistant", (Text(text),), origin=answers[-1].message.origin, native=native)
    values.update(output=None, alternatives=(), body=b"", extras=())
    return ChatResponse(**values)


def cost_of(replies: Sequence[SupportReply]) -> Decimal | None:
    """US dollars of several replies; None if the price of one is not known."""
    costs = [reply.cost for reply in replies if not reply.replayed]
    known = [cost for cost in costs if cost is not None]
    return sum(known, start=Decimal(0)) if len(known) == len(costs) else None
