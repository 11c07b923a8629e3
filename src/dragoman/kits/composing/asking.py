"""
Ask, check, and ask again with what was found: one loop for all that is written at once.

Rule: the last answer is given with its findings; no error is hidden, and none stops what was paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from dragoman.client import AsyncClient
from dragoman.errors import ConfigError, TruncatedError
from dragoman.kits.composing.values import Wanted
from dragoman.kits.findings import Finding
from dragoman.kits.prompts import Prompts
from dragoman.kits.tongues import named
from dragoman.types.messages import Message
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import summed_usage, total_cost

T = TypeVar("T")


class Written(msgspec.Struct, Generic[T], frozen=True):
    """What came of it: the value that was read, what is wrong with it, and every answer."""

    value: T
    findings: tuple[Finding, ...]
    answers: tuple[ChatResponse, ...]


class Asker(msgspec.Struct, frozen=True):
    """
    Whom to ask, and how.

    Attributes:
        client: Who asks.
        model: `provider/model`, or a plan.
        prompts: Of the kit.
        attempts: How often the model may write it.
        settings: For each request.
    """

    client: AsyncClient
    model: Any
    prompts: Prompts
    attempts: int
    settings: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.attempts, int) or isinstance(self.attempts, bool) or self.attempts < 1:
            raise ConfigError(f"attempts is {self.attempts!r}: give a whole number, 1 or more", field="attempts")

    async def written(
        self, asked: str, read: Callable[[str], T], check: Callable[[T, str], list[Finding]]
    ) -> Written[T]:
        """
        Have something written.

        Args:
            asked: The prompt.
            read: Makes the value of an answer's text.
            check: What is wrong with it; the text is the second argument.

        Raises:
            TruncatedError: The answer was cut by the output limit.
            DragomanError: As `AsyncClient.chat`.
        """
        messages, answers = [Message.user(asked)], list[ChatResponse]()
        while True:
            answer = await self.client.chat(self.model, messages, settings=self.settings)
            answers.append(answer)
            if answer.finish_reason == "length":
                raise TruncatedError("the answer was cut by the output limit: raise max_tokens", partial=answer)
            value = read(answer.text)
            findings = check(value, answer.text)
            wrong = [finding for finding in findings if finding.severity == "error"]
            if not wrong or len(answers) == self.attempts:
                return Written(value, tuple(findings), tuple(answers))
            problems = "\n".join(f"- {finding}" for finding in wrong)
            again = self.prompts.fill("again", {"problems": problems})
            messages += [Message.assistant(answer.text), Message.user(again)]


def facts_of(answers: Sequence[ChatResponse], model: Any) -> dict[str, Any]:
    """What a result says of how it came."""
    return {
        "model": answers[-1].message.origin or str(model),
        "usage": summed_usage([answer.usage for answer in answers]),
        "cost": total_cost(answers),
        "requests": sum(max(1, len(answer.attempts)) for answer in answers),
    }


def told(wanted: Wanted) -> str:
    """What the model is told of how it is wanted, as a list."""
    points = "".join(f"\n  - {point}" for point in wanted.points)
    lines = (
        ("Readers: ", wanted.audience),
        ("Tone: ", wanted.tone),
        ("Length: about ", f"{wanted.length} words" if wanted.length else ""),
        ("Language: ", named(wanted.language) if wanted.language else "that of the brief"),
        ("These words must be in it, to the letter:", points),
        ("", "No number, date, name or link that is not in the brief or the sources." if wanted.strict_facts else ""),
        ("", "Plain text, no marks of Markdown." if wanted.format == "text" else ""),
    )
    return "\n".join(f"- {what}{value}" for what, value in lines if value)
