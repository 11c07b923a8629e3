"""
A message, or what a line adds to it, as events.

Plain and streamed answers are read by the same functions, so that they give the same value.

Source: Ollama's OpenAPI file (`ChatResponse.message`).
"""

from __future__ import annotations

import msgspec

from dragoman.errors import WireError
from dragoman.types.events import (
    Event,
    Finish,
    PartAdded,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from dragoman.types.messages import Image, Native
from dragoman.wire.base import not_protocol
from dragoman.wire.lenient import text_of
from dragoman.wire.logprobs import decode_logprobs
from dragoman.wire.ollama_chat.dialect import NAME, Answer, Call, Function, finish_reason
from dragoman.wire.ollama_chat.pictures import decode_picture
from dragoman.wire.ollama_chat.usage import decode_usage

_EMPTY = Function()


class Reader:
    """Reads the lines of one answer; `out` takes the events."""

    def __init__(self, out: list[Event]) -> None:
        self._out = out
        self._calls = 0

    def read(self, answer: Answer) -> None:
        """Read what a line, or a whole answer, says."""
        piece = answer.message
        if piece is None:
            return
        if piece.thinking:
            self._out.append(ReasoningDelta(piece.thinking))
        if piece.content:
            self._out.append(TextDelta(piece.content, decode_logprobs(answer.logprobs) if answer.logprobs else ()))
        for image in piece.images or ():
            self._out.append(PartAdded(_picture(image)))
        for call in piece.tool_calls or ():
            self._call(call)

    def finish(self, answer: Answer) -> None:
        """The answer is whole; `answer` is the line that says so."""
        usage = decode_usage(answer)
        if usage is not None:
            self._out.append(UsageUpdate(usage))
        raw = answer.done_reason if isinstance(answer.done_reason, str) else None
        self._out.append(Finish(finish_reason(raw, self._calls > 0), raw))

    def _call(self, call: Call) -> None:
        index, self._calls = self._calls, self._calls + 1
        function = call.function or _EMPTY
        self._out += (
            ToolCallStart(index, text_of(call.id), function.name, native=_native(function)),
            ToolCallDelta(index, arguments_json(bytes(function.arguments))),
            ToolCallEnd(index),
        )


def _native(function: Function) -> Native | None:
    return {NAME: {"function": {"index": function.index}}} if function.index is not None else None


def arguments_json(sent: bytes) -> str:
    """
    The arguments' JSON text as sent; an empty object where there are none.  Servers that imitate may quote the text.

    Raises:
        WireError: They are no text.
    """
    if sent == b"null":
        return "{}"
    try:
        return msgspec.json.decode(sent, type=str) if sent[:1] == b'"' else sent.decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_protocol(sent, "the arguments of a call are no text", "$.message.tool_calls") from error


def _picture(image: str) -> Image:
    """
    A picture in the answer.

    Raises:
        WireError: It is damaged.
    """
    try:
        return decode_picture(image)
    except ValueError as error:
        raise WireError(f"a picture of the answer cannot be read: {error}", path="$.message.images") from error
