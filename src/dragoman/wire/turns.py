"""
Histories that every provider takes.

Providers refuse a history in which a tool call has no result, a result has no call, or something stands between the
two. Such histories come about by themselves: a process died between call and result, a window cut the call away,
another provider gave no ids.  `settle` mends them, says what it did, and leaves a history that is right exactly as it
is.

Rules (OpenAI, Anthropic, Gemini, Mistral and Bedrock document the same in other words): the results of a turn's calls
come right after it, one for each call, before anything else; no call and no result stands alone; ids are not empty and
not given twice; no turn is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from dragoman.types.http import Notice
from dragoman.types.messages import Message, Part, Text, ToolCall, ToolResult

INTERRUPTED: Final = "The call was interrupted: it has no result."
_ORPHAN: Final = "[Result of a tool call that is not part of this conversation]\n"


def settle(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], tuple[Notice, ...]]:
    """
    Return a history that obeys the rules, and what was changed; the very same tuple if nothing was.

    >>> call = Message.assistant(ToolCall("c1", "look"))
    >>> settled, notices = settle((Message.user("Look."), call))
    >>> settled[-1].parts[0].text
    'The call was interrupted: it has no result.'
    """
    if _is_settled(messages):
        return messages, ()
    mender = _Mender(messages)
    return tuple(mender.turns()), tuple(mender.notices)


def _is_settled(messages: tuple[Message, ...]) -> bool:
    """Whether the rules hold already.  Costs one look at each part."""
    owed: list[str] = []
    given: set[str] = set()
    for message in messages:
        if not message.parts:
            return False
        results = [part.call_id for part in message.parts if isinstance(part, ToolResult)]
        if any(call_id not in owed for call_id in results) or len(set(results)) != len(results):
            return False
        owed = [call_id for call_id in owed if call_id not in results]
        if owed and not (results and _only_results(message)):
            return False
        calls = [part.id for part in message.parts if isinstance(part, ToolCall)]
        if any(not call_id or call_id in given for call_id in calls) or len(set(calls)) != len(calls):
            return False
        given.update(calls)
        owed += calls
    return not owed


def _only_results(message: Message) -> bool:
    return all(isinstance(part, ToolResult) for part in message.parts)


class _Mender:
    """Writes a history anew, turn by turn."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.notices: list[Notice] = []
        self._messages = messages
        self._given: set[str] = set()
        # Results not used yet, by the id that they answer, in order: (place, result).
        self._results: dict[str, list[tuple[int, ToolResult]]] = {}
        for i, message in enumerate(messages):
            for part in message.parts:
                if isinstance(part, ToolResult):
                    self._results.setdefault(part.call_id, []).append((i, part))

    def turns(self) -> Iterator[Message]:
        """The new history."""
        for i, message in enumerate(self._messages):
            parts = tuple(self._kept(i, message.parts))
            if not parts:
                if not message.parts:
                    self._say(i, "the turn is empty: it was left out")
                continue
            calls = [part for part in parts if isinstance(part, ToolCall)]
            named = self._named(i, calls)
            new = {id(call): renamed for call, renamed in zip(calls, named, strict=True)}
            spoken = tuple(new.get(id(part), part) for part in parts)
            role = "user" if message.role == "tool" else message.role
            yield message if spoken == message.parts else msgspec.structs.replace(message, role=role, parts=spoken)
            if calls:
                yield Message("tool", tuple(self._answers(i, calls, named)))

    def _kept(self, i: int, parts: Iterable[Part]) -> Iterator[Part]:
        """The parts of a turn without its results: those stand behind their calls, or become text."""
        for part in parts:
            if not isinstance(part, ToolResult):
                yield part
            elif (i, part) in self._results.get(part.call_id, []) and not self._has_call(i, part.call_id):
                self._say(i, f"no call has the id {part.call_id!r}: its result was sent as text")
                yield Text(_ORPHAN + part.text)

    def _has_call(self, i: int, call_id: str) -> bool:
        """Whether a turn before number `i` calls under that id."""
        return any(part.id == call_id for message in self._messages[:i] for part in message.tool_calls)

    def _named(self, i: int, calls: Sequence[ToolCall]) -> list[ToolCall]:
        """The calls of a turn with ids that nothing else has."""
        named: list[ToolCall] = []
        for j, call in enumerate(calls):
            if call.id and call.id not in self._given:
                self._given.add(call.id)
                named.append(call)
                continue
            fresh = f"call_{i}_{j}"
            self._given.add(fresh)
            self._say(i, f"the call of {call.name} had no id of its own: {fresh} was given")
            named.append(msgspec.structs.replace(call, id=fresh))
        return named

    def _answers(self, i: int, calls: Sequence[ToolCall], named: Sequence[ToolCall]) -> Iterator[ToolResult]:
        """One result for each call: the first after it that answers it, or a word that there is none."""
        for call, renamed in zip(calls, named, strict=True):
            waiting = self._results.get(call.id, [])
            found = next((entry for entry in waiting if entry[0] > i), None)
            if found is None:
                self._say(i, f"the call of {call.name} has no result: one was added that says so")
                yield ToolResult(renamed.id, (Text(INTERRUPTED),), call.name, is_error=True)
                continue
            waiting.remove(found)
            yield msgspec.structs.replace(found[1], call_id=renamed.id, name=found[1].name or call.name)

    def _say(self, i: int, text: str) -> None:
        self.notices.append(Notice(f"messages[{i}]", text))
