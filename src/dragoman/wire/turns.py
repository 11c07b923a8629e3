"""
Histories that every provider takes.

Providers refuse a history in which a tool call has no result, a result has no call, or something stands between the
two. Such histories come about by themselves: a process died between call and result, a window cut the call away,
another provider gave no ids or takes other names.  `settle` mends them, says what it did, and leaves a history that is
right exactly as it is.

Rules (OpenAI, Anthropic, Gemini, Mistral and Bedrock document the same in other words): the results of a turn's calls
come right after it, one for each call, before anything else; no call and no result stands alone; ids are not empty and
not given twice; names of tools have 1 to 64 letters, digits, `_` and `-`; no turn is empty.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from dragoman.types.http import Notice
from dragoman.types.messages import Message, Part, Text, ToolCall, ToolResult

INTERRUPTED: Final = "The call was interrupted: it has no result."
_ORPHAN: Final = "[Result of a tool call that is not part of this conversation]\n"
_SECOND: Final = "[Another result of a tool call]\n"

BEGUN: Final = "[The conversation begins with the answer that follows.]"
"""For providers that want the user to speak first."""

GO_ON: Final = "Go on exactly where you stopped."
"""For providers that do not go on with an answer that was begun."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_NOT_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")


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


def has_results(message: Message) -> bool:
    """Whether a turn answers calls, by whatever role: then it belongs right behind them."""
    return any(isinstance(part, ToolResult) for part in message.parts)


def valid_name(name: str) -> str:
    """
    The name of a tool, or one made of it that every provider takes.

    >>> valid_name("look_up"), valid_name("functions.look up")
    ('look_up', 'functions_look_up')
    """
    if _NAME.match(name):
        return name
    plain = _NOT_NAME.sub("_", name)
    return plain if 0 < len(plain) <= 64 else f"{plain[:50]}_{zlib.crc32(name.encode('utf-8', 'surrogatepass')):08x}"


def _is_settled(messages: tuple[Message, ...]) -> bool:
    """Whether the rules hold already.  Costs one look at each part."""
    owed: list[str] = []
    given: set[str] = set()
    for message in messages:
        if not message.parts:
            return False
        if not owed and len(message.parts) == 1 and type(message.parts[0]) is Text and message.role != "tool":
            continue  # most turns
        if not _answers(message, owed) or not _calls(message, owed, given):
            return False
    return not owed


def _answers(message: Message, owed: list[str]) -> bool:
    """Whether the results in a turn are those that are owed, and where they belong; they are owed no more."""
    results = [part.call_id for part in message.parts if isinstance(part, ToolResult)]
    if results:
        if len(set(results)) != len(results) or not set(results).issubset(owed):
            return False
        owed[:] = [call_id for call_id in owed if call_id not in results]
    return not (owed or message.role == "tool") or 0 < len(results) == len(message.parts)


def _calls(message: Message, owed: list[str], given: set[str]) -> bool:
    """Whether the calls in a turn have names and ids that can be sent; their results are owed from here on."""
    calls = message.tool_calls
    if not all(call.id and call.id not in given and _NAME.match(call.name) for call in calls):
        return False
    ids = {call.id for call in calls}
    given |= ids
    owed += ids
    return len(ids) == len(calls)


# --- which result answers which call ----------------------------------------------------------------------------------

_Spot = tuple[int, int]
"""Number of a message, and of a part in it."""


class _Pairs:
    """
    Calls and the results that answer them.

    A result answers the first call of its id that has none, in the turn that last called under that id; where
    providers give no ids, the first of its name.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self.result_of: dict[_Spot, ToolResult] = {}
        self.used: set[_Spot] = set()
        self.known: set[str] = set()
        self._open: dict[str, tuple[int, list[tuple[_Spot, ToolCall]]]] = {}  # by id: turn, and its calls
        for i, message in enumerate(messages):
            for j, part in enumerate(message.parts):
                if isinstance(part, ToolCall):
                    self._call((i, j), part)
                elif isinstance(part, ToolResult):
                    self._result((i, j), part)

    def _call(self, spot: _Spot, call: ToolCall) -> None:
        self.known.add(call.id)
        turn, waiting = self._open.get(call.id, (-1, []))
        self._open[call.id] = (spot[0], [*waiting, (spot, call)] if turn == spot[0] else [(spot, call)])

    def _result(self, spot: _Spot, result: ToolResult) -> None:
        turn, waiting = self._open.get(result.call_id, (-1, []))
        for k, (at, call) in enumerate(waiting):
            if turn < spot[0] and (result.call_id or result.name in (None, call.name)):
                del waiting[k]
                self.result_of[at] = result
                self.used.add(spot)
                return


class _Mender:
    """Writes a history anew, turn by turn."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.notices: list[Notice] = []
        self._messages = messages
        self._given: set[str] = set()
        self._pairs = _Pairs(messages)

    def turns(self) -> Iterator[Message]:
        """The new history."""
        for i, message in enumerate(self._messages):
            parts: list[Part] = []
            answers: list[ToolResult] = []
            for j, part in enumerate(message.parts):
                if isinstance(part, ToolCall):
                    call = self._named((i, j), part)
                    parts.append(call)
                    answers.append(self._answer((i, j), part, call))
                elif not isinstance(part, ToolResult):
                    parts.append(part)
                elif (i, j) not in self._pairs.used:
                    parts += self._as_text(i, part)
            if not message.parts:
                self._say(i, "the turn is empty: it was left out")
            if parts:
                yield _with_parts(message, tuple(parts))
            if answers:
                yield Message("tool", tuple(answers))

    def _as_text(self, i: int, result: ToolResult) -> Iterator[Part]:
        """What a result says that answers no call, or one that has an answer."""
        again = result.call_id in self._pairs.known and bool(result.call_id)
        why = "has a result already" if again else "is not there"
        self._say(i, f"the call {result.call_id!r} {why}: this result was sent as text")
        yield Text((_SECOND if again else _ORPHAN) + result.text)
        yield from (part for part in result.parts if not isinstance(part, Text))

    def _named(self, spot: _Spot, call: ToolCall) -> ToolCall:
        """A call with a name that is taken, and an id that nothing else has."""
        i, j = spot
        name = valid_name(call.name)
        if name != call.name:
            self._say(i, f"no tool can be called {call.name!r} everywhere: it was sent as {name!r}")
        call_id = call.id
        if not call_id or call_id in self._given:
            call_id = f"call_{i}_{j}"
            self._say(i, f"the call of {name} had no id of its own: {call_id} was given")
        self._given.add(call_id)
        same = call_id == call.id and name == call.name
        return call if same else msgspec.structs.replace(call, id=call_id, name=name)

    def _answer(self, spot: _Spot, call: ToolCall, named: ToolCall) -> ToolResult:
        """The result of a call, or a word that there is none."""
        found = self._pairs.result_of.get(spot)
        if found is None:
            self._say(spot[0], f"the call of {call.name} has no result: one was added that says so")
            return ToolResult(named.id, (Text(INTERRUPTED),), named.name, is_error=True)
        name = named.name if found.name is None or found.name == call.name else valid_name(found.name)
        return msgspec.structs.replace(found, call_id=named.id, name=name)

    def _say(self, i: int, text: str) -> None:
        self.notices.append(Notice(f"messages[{i}]", text))


def _with_parts(message: Message, parts: tuple[Part, ...]) -> Message:
    """A turn with other parts; what stood beside results is the user's."""
    role = "user" if message.role == "tool" else message.role
    return (
        message
        if parts == message.parts and role == message.role
        else msgspec.structs.replace(message, role=role, parts=parts)
    )
