"""
`sharegpt`: what data sets of talks are shared in, `{"conversations": [{"from": "human", "value": "Hi"}]}`.

Texts, and tool calls as `function_call` and `observation`, which have no ids: calls are numbered, and a result answers
the first call before it that has none.

Source: the dataset_info format of LLaMA-Factory; FastChat's data.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from dragoman.conversation.transcripts.reading import Given, list_at, object_at, talks, text_at, wrong
from dragoman.conversation.transcripts.tree import Tree, line_of
from dragoman.types.messages import Message, Role, Text, ToolCall, ToolResult

FORM = "sharegpt"

_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "function_call": "assistant",
    "tool_call": "assistant",
    "observation": "tool",
    "tool": "tool",
    "function_response": "tool",
    "tool_response": "tool",
}
_CALLS: Final = frozenset({"function_call", "tool_call"})
_SAYS: Final = {"system": "system", "developer": "system", "user": "human", "assistant": "gpt"}


def write(tree: Tree) -> str:
    """Write one object of a data set."""
    turns = [turn for message in tree.messages() for turn in _turns(message)]
    named = {"id": tree.name} if tree.name else {}
    return msgspec.json.encode({**named, "conversations": turns}).decode()


def _turns(message: Message) -> list[dict[str, str]]:
    """A text, then each call or result by itself."""
    turns: list[dict[str, str]] = []
    if message.role in _SAYS and message.text:
        turns.append({"from": _SAYS[message.role], "value": message.text})
    for part in message.parts:
        if isinstance(part, ToolCall):
            call = {
                "name": part.name,
                "arguments": part.arguments if part.arguments is not None else part.arguments_json,
            }
            turns.append({"from": "function_call", "value": msgspec.json.encode(call).decode()})
        elif isinstance(part, ToolResult):
            turns.append({"from": "observation", "value": part.text})
    return turns


def read(given: Given) -> list[Tree]:
    """Read one or several conversations, also as JSONL."""
    found: list[Tree] = []
    for place, whole in talks(given, FORM, "conversations", "from"):
        turns = list_at(whole.get("conversations"), FORM, place)
        system = whole.get("system")
        lead = [Message.system(system)] if isinstance(system, str) and system else []
        name = whole.get("id")
        found.append(line_of([*lead, *_Reader().messages(turns, place)], name if isinstance(name, str) else ""))
    return found


class _Reader:
    """Reads one conversation, and knows the calls that have no result yet."""

    def __init__(self) -> None:
        self._open: list[ToolCall] = []
        self._calls = 0

    def messages(self, turns: list[Any], place: str) -> list[Message]:
        return [self._message(turn, f"{place}[{i}]") for i, turn in enumerate(turns)]

    def _message(self, turn: object, place: str) -> Message:
        fields = object_at(turn, FORM, place)
        who, value = fields.get("from"), text_at(fields.get("value"), FORM, f"{place}.value")
        role = _ROLES.get(who) if isinstance(who, str) else None
        if role is None:
            raise wrong(FORM, f"{who!r} is nobody: use one of {', '.join(_ROLES)}", f"{place}.from")
        if who in _CALLS:
            return self._call(value, f"{place}.value")
        if role == "tool":
            call = self._open.pop(0) if self._open else ToolCall("", "")
            return Message("tool", (ToolResult(call.id, (Text(value),), call.name or None),))
        return Message(role, (Text(value),))

    def _call(self, value: str, place: str) -> Message:
        try:
            told = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise wrong(FORM, f"a call is JSON: {error}", place) from error
        calls = cast("list[Any]", told) if isinstance(told, list) else [told]
        parts = [self._one(object_at(call, FORM, place), place) for call in calls]
        self._open = [*self._open, *parts]
        return Message("assistant", tuple(parts))

    def _one(self, told: dict[str, Any], place: str) -> ToolCall:
        name, arguments = text_at(told.get("name"), FORM, f"{place}.name"), told.get("arguments", {})
        self._calls += 1
        given = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
        return ToolCall(f"call-{self._calls}", name, given)
