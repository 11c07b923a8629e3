"""What is answered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import msgspec

from dragoman.types.attempts import Attempt
from dragoman.types.cost import Cost
from dragoman.types.http import Notice
from dragoman.types.messages import Message, ToolCall
from dragoman.types.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "pause", "error", "unknown"]


class Choice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of several answers to one request (`n=`)."""

    message: Message
    finish_reason: FinishReason = "unknown"
    finish_reason_raw: str | None = None


class ChatResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    A whole answer.

    Attributes:
        message: What the model said.
        finish_reason: Why it ended: `stop length tool_calls content_filter refusal pause error unknown`.
            Never made up.
        finish_reason_raw: The same as the provider sent it, or None.
        finish_details: What else the provider said of the end (the stop sequence, why it refused), or None.
        usage: Tokens; its fields are None where the provider did not say.
        cost: US dollars, or None if a price is not known.  Requests that failed before this answer are not in it.
        cost_parts: What it is the sum of; None if it is not known.
        model: Model name as the provider gave it, or None.
        provider: Name of the provider row that answered.
        id: The provider's id of the answer.
        request_id: The provider's id of the request, for its support.
        alternatives: The other answers, where several were asked.
        notices: What was adapted, and what could not be carried.
        attempts: Ledger of all requests made for this answer.
        output: The typed value, where one was asked.
        simulated: True if no model was asked: the built-in simulator made this.
        cached: True if no model was asked: it was given before, and is given again by the client's cache.
        body: The answer's bytes as received, for a plain call.
        extras: Pieces of the answer that no field here stands for, as the provider sent them.
    """

    message: Message
    finish_reason: FinishReason = "unknown"
    finish_reason_raw: str | None = None
    finish_details: dict[str, Any] | None = None
    usage: Usage = Usage()
    cost: Decimal | None = None
    cost_parts: Cost | None = None
    model: str | None = None
    provider: str | None = None
    id: str | None = None
    request_id: str | None = None
    alternatives: tuple[Choice, ...] = ()
    notices: tuple[Notice, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    output: Any = None
    simulated: bool = False
    cached: bool = False
    body: bytes | None = None
    extras: tuple[Any, ...] = ()

    @property
    def text(self) -> str:
        """All text parts, joined without a separator.  A refusal is not in it."""
        return self.message.text

    @property
    def reasoning(self) -> str:
        """All reasoning parts, joined without a separator."""
        return self.message.reasoning

    @property
    def refusal(self) -> str | None:
        """The model's words of refusal, or None."""
        return self.message.refusal

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model asks for, in order."""
        return self.message.tool_calls

    @property
    def raw(self) -> Any:
        """The answer as parsed JSON for a plain call; for a stream, the tuple `extras`."""
        return msgspec.json.decode(self.body) if self.body is not None else self.extras

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        from dragoman.types.shown import response_markdown  # who has no notebook need not load this

        return response_markdown(self)
