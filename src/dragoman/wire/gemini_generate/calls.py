"""
Function calls of an answer.

A call comes whole, or (where it was asked for) in pieces: a name first, then values at JSON paths, then a piece that
does not continue.  The pieces have no index and no id: each belongs to the call that is open.

Rule: the arguments of a whole call go on as sent.  A call whose last piece never came is not ended, so it is no call.

Sources: google-genai SDK 3.4.0 (`FunctionCall`, `PartialArg`); the recordings.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Final

import msgspec

from dragoman.errors import WireError
from dragoman.types.events import Event, ToolCallDelta, ToolCallEnd, ToolCallStart
from dragoman.wire.base import decode_json
from dragoman.wire.gemini_generate.dialect import NAME, FunctionCall, Json, PartialArg
from dragoman.wire.lenient import is_array, is_object

_CALL: Final = "$.candidates[].content.parts[].functionCall"
_STEP: Final = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\[(?:'([^']*)'|"([^"]*)")\]""")
# Arguments nest by what people write: more is no path but an attack on the stack.
_DEEPEST: Final = 64


class Calls:
    """
    The calls of one answer.

    Attributes:
        ended: How many are whole.
    """

    def __init__(self) -> None:
        self.ended = 0
        self._started = 0
        self._open = False
        self._values: dict[str, list[PartialArg]] = {}  # path to its pieces, in the order of the paths

    def add(self, call: FunctionCall, state: Json, out: list[Event]) -> None:
        """Take a call or a piece of one; `state` is what its part holds beside it."""
        arguments = bytes(call.args) if call.args else b"null"
        if call.name is not None or (not self._open and arguments != b"null"):
            self._start(call, state, out)
        elif not self._open:
            return
        for piece in call.partialArgs or ():
            self._values.setdefault(piece.jsonPath, []).append(piece)
        if not call.willContinue:
            self._end(arguments, None if call.name is not None else state, out)

    def _start(self, call: FunctionCall, state: Json, out: list[Event]) -> None:
        self._open = True
        self._values = {}
        out.append(
            ToolCallStart(self._started, call.id or "", call.name or "", native={NAME: state} if state else None)
        )
        self._started += 1

    def _end(self, arguments: bytes, state: Json | None, out: list[Event]) -> None:
        index = self._started - 1
        text = _put_together(self._values) if arguments == b"null" else _compact(arguments)
        out.append(ToolCallDelta(index, text))
        out.append(ToolCallEnd(index, {NAME: state} if state else None))
        self._open = False
        self.ended += 1


def _compact(arguments: bytes) -> str:
    """The same JSON without the line breaks in which Google indents it; numbers stay as they were written."""
    try:
        decode_json(arguments, dict[str, Any], "the arguments of a call")
    except WireError as error:
        error.path = f"{_CALL}.args"
        raise
    return msgspec.json.format(arguments, indent=-1).decode()


# --- arguments in pieces ----------------------------------------------------------------------------------------------


def _put_together(values: dict[str, list[PartialArg]]) -> str:
    arguments: Json = {}
    for path, pieces in values.items():
        _place(arguments, path, _value(pieces))
    return msgspec.json.encode(arguments).decode()


def _value(pieces: list[PartialArg]) -> Any:
    last = pieces[-1]
    if any(piece.stringValue is not None for piece in pieces):
        return "".join(piece.stringValue or "" for piece in pieces)
    return last.numberValue if last.numberValue is not None else last.boolValue


def _place(arguments: Json, path: str, value: Any) -> None:
    steps = _steps(path)
    holder: Any = arguments
    for step, following in pairwise(steps):
        holder = _inner(holder, step, path, [] if isinstance(following, int) else {})
    _inner(holder, steps[-1], path, value, replace=True)


def _inner(holder: Any, step: str | int, path: str, new: Any, *, replace: bool = False) -> Any:
    """The value at one step, which is `new` if there is none or it is to be replaced."""
    if isinstance(step, str) and is_object(holder):
        if replace or step not in holder:
            holder[step] = new
        return holder[step]
    if isinstance(step, int) and is_array(holder):
        if step == len(holder):
            holder.append(new)
        elif step < len(holder) and replace:
            holder[step] = new
        if step < len(holder):
            return holder[step]
    raise _bad_path(path)


def _steps(path: str) -> list[str | int]:
    """
    Take a JSON path apart.

    >>> _steps("$.operations[0].action")
    ['operations', 0, 'action']
    """
    steps: list[str | int] = []
    at = 1
    while path.startswith("$") and at < len(path) and len(steps) < _DEEPEST:
        found = _STEP.match(path, at)
        if found is None:
            break
        name, index, single, double = found.groups()
        steps.append(int(index) if index is not None else next(t for t in (name, single, double) if t is not None))
        at = found.end()
    if not steps or at != len(path) or not isinstance(steps[0], str):
        raise _bad_path(path)
    return steps


def _bad_path(path: str) -> WireError:
    return WireError(
        f"a piece of a call's arguments has a path that leads nowhere: {path[:100]!r}",
        path=f"{_CALL}.partialArgs[].jsonPath",
    )
