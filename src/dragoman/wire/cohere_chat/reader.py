"""
What a plain answer or the events of a stream say, as our events.

Both are read by the same functions, so that they give the same value.

Source: Cohere SDK 7.3, `types/assistant_message_response.py`.
"""

from __future__ import annotations

from typing import Any

from dragoman.types.events import (
    CitationDelta,
    Event,
    Finish,
    MessageNative,
    PartAdded,
    PartEnd,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from dragoman.types.messages import Opaque, TokenLogprob
from dragoman.wire.cohere_chat.citations import decode_citation, stands_at
from dragoman.wire.cohere_chat.dialect import NAME, Call, Function, Json, Said, finish_reason
from dragoman.wire.cohere_chat.usage import decode_usage
from dragoman.wire.lenient import list_of, object_of, text_of

_EMPTY = Function()


class Reader:
    """Reads one answer; `out` takes the events."""

    def __init__(self, out: list[Event]) -> None:
        self._out = out
        self._kinds: list[Any] = []  # types of the blocks so far
        self._index: int | None = None  # of the text or thought that grows
        self._calls: dict[int, int] = {}  # that grow: their index as sent to ours
        self._started = 0
        self._plan: list[str] = []
        self._told = 0  # pieces of the plan that were told
        self._loose: list[Json] = []

    # --- content ------------------------------------------------------------------------------------------------------

    def begin(self, kind: Any) -> None:
        """A block begins."""
        self._tell_plan()
        if self._index is not None:
            self._out.append(PartEnd())
        self._index = len(self._kinds)
        self._kinds.append(kind)

    def text(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> None:
        """More text."""
        self._within("text")
        if text:
            self._out.append(TextDelta(text, logprobs))

    def thought(self, text: str) -> None:
        """More of a thought."""
        self._within("thinking")
        if text:
            self._out.append(ReasoningDelta(text))

    def _within(self, kind: str) -> None:
        if self._index is None or self._kinds[self._index] != kind:
            self.begin(kind)

    def other(self, block: Json) -> None:
        """A whole block of a type that is not known."""
        self.begin(block.get("type"))
        self._index = None
        self._out.append(PartAdded(Opaque(NAME, block)))

    def cite(self, citation: Json) -> None:
        """A citation, of the text that grows if it stands there."""
        if self._index is not None and stands_at(citation, self._index, self._kinds):
            self._out.append(CitationDelta(decode_citation(citation)))
        else:
            self._loose.append(citation)

    # --- tools --------------------------------------------------------------------------------------------------------

    def plan(self, text: str) -> None:
        """More of what the model plans to do with its tools."""
        if text:
            self._plan.append(text)

    def _tell_plan(self) -> None:
        """Give the plan as state of the message when something else follows it: then it is whole."""
        if self._told < len(self._plan):
            self._told = len(self._plan)
            self._out.append(MessageNative({NAME: {"tool_plan": "".join(self._plan)}}))

    def call(self, at: int, call: Call) -> None:
        """A call begins; its first arguments may be there."""
        self._tell_plan()
        self.call_end(at)
        self._index = None
        index = self._calls[at] = self._started
        self._started += 1
        function = call.function or _EMPTY
        self._out.append(ToolCallStart(index, call.id or "", function.name or ""))
        self.arguments(at, function.arguments or "")

    def arguments(self, at: int, text: str) -> bool:
        """More arguments; whether there is a call that they belong to."""
        if text and at in self._calls:
            self._out.append(ToolCallDelta(self._calls[at], text))
        return at in self._calls

    def call_end(self, at: int) -> None:
        """The arguments of a call are whole."""
        index = self._calls.pop(at, None)
        if index is not None:
            self._out.append(ToolCallEnd(index))

    # --- the whole ----------------------------------------------------------------------------------------------------

    def message(self, said: Said, logprobs: Any = None) -> None:
        """Read the message of a plain answer."""
        self.plan(said.tool_plan or "")
        content = [{"type": "text", "text": said.content}] if isinstance(said.content, str) else said.content or []
        kinds = [block.get("type") for block in content]
        waiting = said.citations or []
        for i, block in enumerate(content):
            self.block(block, decode_logprobs(logprobs) if kinds == ["text"] else ())
            here = [citation for citation in waiting if stands_at(citation, i, kinds)]
            self._out += (CitationDelta(decode_citation(citation)) for citation in here)
            waiting = [citation for citation in waiting if citation not in here]
        self._loose += waiting
        for at, call in enumerate(said.tool_calls or ()):
            self.call(at, call)
            self.call_end(at)

    def block(self, block: Json, logprobs: tuple[TokenLogprob, ...] = ()) -> None:
        """A whole block."""
        kind = block.get("type")
        if kind == "text":
            self.begin(kind)
            self.text(text_of(block.get("text")), logprobs)
        elif kind == "thinking":
            self.begin(kind)
            self.thought(text_of(block.get("thinking")))
        else:
            self.other(block)

    def usage(self, sent: Any) -> None:
        """What the answer cost."""
        if object_of(sent):
            self._out.append(UsageUpdate(decode_usage(sent)))

    def end(self, raw: str | None) -> None:
        """The answer is whole."""
        self._tell_plan()
        for at in list(self._calls):
            self.call_end(at)
        if self._loose:
            self._out.append(MessageNative({NAME: {"citations": self._loose}}))
        self._out.append(Finish(finish_reason(raw), raw))


def decode_logprobs(sent: Any) -> tuple[TokenLogprob, ...]:
    """
    Token probabilities of a piece of text, where they are told token by token.

    The vendor gives a text and the numbers of its tokens: of several tokens, which has which letters is not known.
    """
    read: list[TokenLogprob] = []
    for item in list_of(sent) or [sent]:
        fields = object_of(item)
        text, numbers = fields.get("text"), list_of(fields.get("logprobs"))
        if not isinstance(text, str) or len(numbers) != 1 or not isinstance(numbers[0], int | float):
            return ()
        read.append(TokenLogprob(text, float(numbers[0])))
    return tuple(read)
