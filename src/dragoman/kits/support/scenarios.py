"""
A customer who is played: for tests of a persona, a policy, a knowledge base and a model together.

    name = "late parcel"
    turns = ["Where is my parcel?", "I want 300 EUR back!"]

    [expect]
    escalate = "refund_over_limit"
    never = ["tomorrow"]

With `customer = "..."` instead of `turns`, a model plays them.

Rule: what is expected is checked by this program.  No model judges another.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Literal

import msgspec

from dragoman.client import AsyncClient, Client
from dragoman.errors import ConfigError
from dragoman.kits.findings import Finding
from dragoman.kits.support.answering import sender
from dragoman.kits.support.desk import Desk, Rules, cost_of
from dragoman.kits.support.rules import phrases_in
from dragoman.kits.support.values import Reason, SupportReply
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest

_DONE: Final = "[DONE]"


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What must become of a scenario.

    Attributes:
        escalate: Why a person must have taken over by the end; `no` if none may; empty if it does not matter.
        says: Phrases of which each stands in some reply.
        never: Phrases that stand in none.
        language: Of every reply, as a code; empty if it does not matter.
        answered: Whether the last question must be answered; None if it does not matter.
    """

    escalate: Reason | Literal["no", ""] = ""
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    language: str = ""
    answered: bool | None = None


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A customer.

    Attributes:
        name: Of the scenario.
        turns: What they say, one message after another.
        customer: Who they are and want, for a model that plays them, after `turns` if there are some.
        model: Who plays them; the desk's own model by default.
        most: So many messages at most.
        names: Their names, to be masked.
        expect: What must become of it.
    """

    name: str
    turns: tuple[str, ...] = ()
    customer: str = ""
    model: str = ""
    most: int = 8
    names: tuple[str, ...] = ()
    expect: Expected = Expected()


class Exchange(msgspec.Struct, frozen=True):
    """What was said, and what was replied."""

    customer: str
    reply: SupportReply


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of a scenario.

    Attributes:
        scenario: Its name.
        exchanges: In order.
        findings: What was not as expected, and what the checks of the replies found.
        cost: US dollars of the replies; None if a price is not known.
    """

    scenario: str
    exchanges: tuple[Exchange, ...]
    findings: tuple[Finding, ...] = ()
    cost: Decimal | None = None

    @property
    def ok(self) -> bool:
        """Whether all was as expected."""
        return not any(finding.severity == "error" for finding in self.findings)

    def __str__(self) -> str:
        lines = [f"{self.scenario}: {'passed' if self.ok else 'failed'}"]
        for one in self.exchanges:
            lines += [f"  customer: {one.customer}", f"  reply:    {one.reply.text}"]
            lines += [f"            -> {one.reply.escalate.reason}"] if one.reply.escalate else []
        return "\n".join([*lines, *(f"  ! {finding}" for finding in self.findings)])


def read_scenario(given: Scenario | str | Path | Mapping[str, Any]) -> Scenario:
    """
    Read a scenario.

    Raises:
        ConfigError: It cannot be read, or says something that cannot be.
    """
    if isinstance(given, Scenario):
        return _sound(given)
    values = given
    try:
        if isinstance(given, str | Path):
            values = {"name": Path(given).stem, **tomllib.loads(Path(given).read_text(encoding="utf-8"))}
        return _sound(msgspec.convert(values, Scenario))
    except (OSError, ValueError) as error:  # msgspec.ValidationError and TOMLDecodeError are ValueErrors
        raise ConfigError(
            f"the scenario cannot be read: {getattr(error, 'strerror', None) or error}", field="scenario"
        ) from error


def _sound(scenario: Scenario) -> Scenario:
    if not scenario.turns and not scenario.customer.strip():
        raise ConfigError("the scenario has neither turns nor a customer: give one of them", field="scenario")
    if scenario.most < 1:
        raise ConfigError("the scenario's most is a whole number, 1 or more", field="scenario")
    return scenario


async def simulated(client: Client | AsyncClient, rules: Rules, scenario: Scenario) -> Simulation:
    """Play a scenario; its ticket is a new one, in memory, and leaves nothing behind."""
    rules = msgspec.structs.replace(rules, talk={**rules.talk, "store": "memory://"}, keep_personal=False)
    desk = Desk(client, rules, f"simulation-{token_hex(6)}", scenario.names)
    exchanges: list[Exchange] = []
    while len(exchanges) < scenario.most:
        said = await _next(client, rules, scenario, exchanges)
        if said is None:
            break
        exchanges.append(Exchange(said, await desk.reply(said, f"m{len(exchanges)}")))
    await desk.erase()
    return Simulation(
        scenario=scenario.name,
        exchanges=tuple(exchanges),
        findings=tuple(judged(scenario.expect, [one.reply for one in exchanges])),
        cost=cost_of([one.reply for one in exchanges]),
    )


async def _next(client: Any, rules: Rules, scenario: Scenario, before: list[Exchange]) -> str | None:
    """What the customer says next; None if they have nothing more to say."""
    if len(before) < len(scenario.turns):
        return scenario.turns[len(before)]
    if not scenario.customer or (before and before[-1].reply.escalate is not None):
        return None
    values = {"company": rules.persona.company, "customer": scenario.customer, "done": _DONE}
    messages = [Message.system(rules.prompts.fill("customer", values))]
    messages.append(Message.user("(The chat begins.)" if not before else "(What follows is the chat so far.)"))
    for one in before:
        messages += [Message.assistant(one.customer), Message.user(one.reply.text)]
    answer = await sender(client)(ChatRequest(scenario.model or rules.model, tuple(messages)), None)
    said = answer.text.strip()
    return None if not said or _DONE in said else said


def judged(expect: Expected, replies: list[SupportReply]) -> list[Finding]:
    """What of the replies is not as expected, and what their own checks found."""
    findings = [finding for reply in replies for finding in reply.findings if finding.severity == "error"]
    reasons = [reply.escalate.reason for reply in replies if reply.escalate is not None]
    said = "\n".join(reply.text for reply in replies)
    if expect.escalate == "no" and reasons:
        findings.append(Finding(check="expect", message="a person took over", expected="no", found=reasons[0]))
    elif expect.escalate not in ("", "no") and expect.escalate not in reasons:
        findings.append(
            Finding(
                check="expect",
                message="no person took over for this",
                expected=expect.escalate,
                found=", ".join(reasons),
            )
        )
    there = phrases_in(said, expect.says, whole=False)
    findings += [
        Finding(check="expect", message=f"no reply says {phrase!r}", expected=phrase)
        for phrase in expect.says
        if phrase not in there
    ]
    findings += [
        Finding(check="expect", message=f"a reply says {phrase!r}", found=phrase)
        for phrase in phrases_in(said, expect.never, whole=False)
    ]
    findings += [
        Finding(
            check="expect", message="a reply is in another language", expected=expect.language, found=reply.language
        )
        for reply in replies
        if expect.language and reply.language != expect.language
    ]
    if expect.answered is not None and replies and replies[-1].answered is not expect.answered:
        findings.append(Finding(check="expect", message=f"the last question was {'not ' * expect.answered}answered"))
    return findings
