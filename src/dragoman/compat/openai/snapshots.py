"""
What a stream has come to so far: the decisions behind `chat.completions.stream` and `responses.stream`.

Rule: pure.  A piece goes in, the helper's events come out; the faces only read and hand on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from dragoman.compat.openai import parsing
from dragoman.compat.openai.chat_types import ParsedChatCompletion
from dragoman.compat.openai.objects import BaseModel
from dragoman.compat.openai.response_types import ParsedResponse
from dragoman.errors import StreamInterrupted

_TEXTS: Final = (("content", "content.delta", "delta"), ("refusal", "refusal.delta", "delta"))
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class HelperEvent(BaseModel):
    """One event of a helper; `type` says which."""


class _Call(msgspec.Struct):
    """A tool call in the making."""

    id: str | None
    name: str
    kind: str = "function"
    arguments: str = ""
    done: bool = False

    def fields(self) -> dict[str, Any]:
        inner = (
            {"name": self.name, "input": self.arguments}
            if self.kind == "custom"
            else {"name": self.name, "arguments": self.arguments}
        )
        return {"id": self.id, "type": self.kind, self.kind: inner}


class _Choice:
    """One choice in the making."""

    def __init__(self, index: int, typed: dict[str, Any], kind: Any) -> None:
        self.index = index
        self.texts: dict[str, str] = {}
        self.calls: dict[int, _Call] = {}
        self.logprobs: dict[str, list[Any]] = {}
        self.finish: str | None = None
        self.more: dict[str, Any] = {}
        self._typed = typed
        self._kind = kind

    def add(self, choice: Any) -> list[HelperEvent]:
        """Take a piece."""
        delta, events = choice.delta, list[HelperEvent]()
        for name, kind, field in _TEXTS:
            text = getattr(delta, name)
            if text is not None:
                self.texts[name] = self.texts.get(name, "") + text
                more = {"parsed": None} if name == "content" else {}
                events.append(HelperEvent({"type": kind, field: text, "snapshot": self.texts[name], **more}))
        for call in delta.tool_calls or ():
            events += self._call(call)
        if choice.logprobs is not None:
            for name in ("content", "refusal"):
                self.logprobs.setdefault(name, []).extend(getattr(choice.logprobs, name) or ())
        for name, value in delta.model_extra.items():
            grows = isinstance(value, str) and isinstance(self.more.get(name), str)
            self.more[name] = self.more[name] + value if grows else value
        if choice.finish_reason:
            self.finish = choice.finish_reason
            events += self._ends()
        return events

    def _call(self, sent: Any) -> list[HelperEvent]:
        events: list[HelperEvent] = []
        known = self.calls.get(sent.index)
        if known is None:
            events += [self._call_done(at, call) for at, call in self.calls.items() if not call.done]
            known = self.calls[sent.index] = _Call(sent.id, "", sent.type or "function")
        inner = sent.function or BaseModel(sent.model_extra.get("custom") or {"arguments": None, "name": None})
        known.name += getattr(inner, "name", None) or ""
        piece = getattr(inner, "arguments", None) or getattr(inner, "input", None) or ""
        known.arguments += piece
        if piece and known.kind == "function":
            fields = {"arguments": known.arguments, "arguments_delta": piece, "parsed_arguments": None}
            kind = "tool_calls.function.arguments.delta"
            events.append(HelperEvent({"type": kind, "name": known.name, "index": sent.index, **fields}))
        return events

    def _call_done(self, at: int, call: _Call) -> HelperEvent:
        call.done = True
        parsed = parsing.arguments(call.name, call.arguments, self._typed)
        fields = {"name": call.name, "index": at, "arguments": call.arguments, "parsed_arguments": parsed}
        return HelperEvent({"type": "tool_calls.function.arguments.done", **fields})

    def _ends(self) -> list[HelperEvent]:
        events: list[HelperEvent] = []
        content = self.texts.get("content")
        if content is not None:
            whole = self._kind is not None and self.finish == "stop"
            parsed = parsing.read(content, self._kind) if whole else None
            events.append(HelperEvent({"type": "content.done", "content": content, "parsed": parsed}))
        if "refusal" in self.texts:
            events.append(HelperEvent({"type": "refusal.done", "refusal": self.texts["refusal"]}))
        whole_calls = [item for item in self.calls.items() if not item[1].done]
        return events + [self._call_done(at, call) for at, call in whole_calls if self.finish != "length"]

    def fields(self) -> dict[str, Any]:
        calls = [self.calls[at].fields() for at in sorted(self.calls)]
        texts = {"content": self.texts.get("content"), "refusal": self.texts.get("refusal")}
        message = {"role": "assistant", **texts, **self.more, **({"tool_calls": calls} if calls else {})}
        logprobs = {name: [item.to_dict() for item in items] or None for name, items in self.logprobs.items()}
        told = logprobs if any(logprobs.values()) else None
        return {"index": self.index, "message": message, "finish_reason": self.finish, "logprobs": told}


class ChatSnapshot:
    """
    A completion in the making.

    Args:
        kind: Type of its content, or None.
        tools: Those that were offered.
    """

    def __init__(self, kind: Any, tools: Iterable[Any]) -> None:
        self._kind = kind
        self._tools = tuple(tools)
        self._typed = parsing.kinds_of(self._tools)
        self._head: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: Any = None

    def add(self, chunk: Any) -> list[HelperEvent]:
        """Take a chunk, and return the events that follow from it."""
        self._head = self._head or {"id": chunk.id, "created": chunk.created, "model": chunk.model}
        events: list[HelperEvent] = []
        if chunk.usage is not None:
            self._usage = chunk.usage.to_dict()
        for choice in chunk.choices:
            known = self._choices.get(choice.index)
            if known is None:
                known = self._choices[choice.index] = _Choice(choice.index, self._typed, self._kind)
            events += known.add(choice)
        return [HelperEvent({"type": "chunk", "chunk": chunk, "snapshot": self.completion()}), *events]

    def completion(self) -> ParsedChatCompletion:
        """What there is so far."""
        choices = [self._choices[at].fields() for at in sorted(self._choices)]
        usage = {"usage": self._usage} if self._usage is not None else {}
        return ParsedChatCompletion({**self._head, "object": "chat.completion", "choices": choices, **usage})

    def final(self) -> ParsedChatCompletion:
        """
        The whole, with its parsed values.

        Raises:
            OpenAIError: It is cut, or not what was asked for.
        """
        completion = self.completion()
        for choice in completion.choices:
            parsing.complete(choice, completion, self._kind, self._tools)
        return completion


class ResponseSnapshot:
    """
    A response in the making.

    Args:
        kind: Type of its text, or None.
        tools: Those that were offered.
    """

    def __init__(self, kind: Any, tools: Iterable[Any]) -> None:
        self._kind = kind
        self._tools = tuple(tools)
        self._texts: dict[tuple[int, int], str] = {}
        self._final: ParsedResponse | None = None

    def add(self, event: Any) -> list[Any]:
        """Take an event, and return it with what the helper adds to it."""
        if event.type == "response.output_text.delta":
            at = (event.output_index, event.content_index)
            self._texts[at] = event.snapshot = self._texts.get(at, "") + event.delta
        elif event.type in _ENDS:
            self._final = ParsedResponse(event.response.to_dict())
            parsing.items(self._final, self._kind if event.type == "response.completed" else None, self._tools)
        return [event]

    def final(self) -> ParsedResponse:
        """
        The whole response.

        Raises:
            StreamInterrupted: Its last event did not come.
        """
        if self._final is None:
            raise StreamInterrupted("the stream was not read to its end")
        return self._final
