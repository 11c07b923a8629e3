"""
Which call a piece of a tool call belongs to.

Rule: the explicit index, unless a named call with a new id arrives on it, which is a new call.  Without an index an
id opens a call and arguments continue the last one.  Without either, a name opens a call, unless it repeats the name
of the call whose arguments are still incomplete.  An id repeated with every piece continues its call, and a name
repeated is not appended.  Nothing is repaired.

Sources: Ollama #15457 (several calls with index 0 each), OpenRouter recordings (id and name in every piece), vLLM (a
fresh id in every piece, without a name), Mistral (name repeated as empty text), Gemini (no index, empty ids).
"""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.types.events import Event, ToolCallDelta, ToolCallEnd, ToolCallStart
from dragoman.wire.lenient import text_of, whole
from dragoman.wire.openai_chat.dialect import NAME, Custom, Function, ToolPiece

_EMPTY = Function()


class _Call:
    """A call whose arguments still come; it starts when its name is known."""

    __slots__ = ("id", "index", "json", "kind", "name", "native")

    def __init__(self, id_: str, native: dict[str, Any] | None) -> None:
        self.index = -1  # not started
        self.id = id_
        self.name = ""
        self.kind = "function"
        self.json: list[str] = []
        self.native = native

    def whole(self) -> bool:
        """Whether the arguments so far are a JSON value."""
        try:
            msgspec.json.decode("".join(self.json))
        except msgspec.DecodeError:
            return False
        return True


class Calls:
    """The tool calls of one answer."""

    def __init__(self) -> None:
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._all: list[_Call] = []
        self._started = 0

    def add(self, piece: ToolPiece, out: list[Event]) -> None:
        """Take one piece."""
        body = piece.function or _EMPTY
        custom = piece.custom if piece.type == "custom" or piece.function is None else None
        name = text_of(custom.name if custom else body.name)
        id_ = text_of(piece.id)
        index = _index(piece.index)
        arguments = _arguments(custom, body)
        call = self._find(index, id_, name)
        if call is None:
            if not (id_ or name or arguments):
                return
            call = self._open(index, id_, piece)
        if call.index < 0:
            self._name(call, custom, name, out)
        if arguments:
            call.json.append(arguments)
            if call.index >= 0:
                out.append(ToolCallDelta(call.index, arguments))

    def end(self, out: list[Event]) -> None:
        """The answer is complete, and so are its calls."""
        for call in self._all:
            if call.index < 0:
                self._start(call, out)
            out.append(ToolCallEnd(call.index))

    def _find(self, index: int | None, id_: str, name: str) -> _Call | None:
        if index is None and id_:
            return self._by_id.get(id_)
        call = self._by_index.get(index) if index is not None else (self._all[-1] if self._all else None)
        if call is None or not name:
            return call
        if id_ and call.id:
            return call if id_ == call.id else None
        if not call.name:
            return call
        return call if not id_ and name == call.name and not call.whole() else None

    def _open(self, index: int | None, id_: str, piece: ToolPiece) -> _Call:
        call = _Call(id_, {NAME: {"extra_content": piece.extra_content}} if piece.extra_content else None)
        self._all.append(call)
        if index is not None:
            self._by_index[index] = call
        if id_:
            self._by_id[id_] = call
        return call

    def _name(self, call: _Call, custom: Custom | None, name: str, out: list[Event]) -> None:
        if custom is not None:
            call.kind = "custom"
        if name:
            call.name = name
            self._start(call, out)

    def _start(self, call: _Call, out: list[Event]) -> None:
        call.index = self._started
        self._started += 1
        out.append(
            ToolCallStart(
                call.index, call.id, call.name, "custom" if call.kind == "custom" else "function", call.native
            )
        )
        if call.json:
            out.append(ToolCallDelta(call.index, "".join(call.json)))


def _index(value: Any) -> int | None:
    return int(value) if isinstance(value, str) and value.isdigit() else whole(value)


def _arguments(custom: Custom | None, body: Function) -> str:
    value = custom.input if custom else body.arguments
    if value is None or isinstance(value, str):
        return value or ""
    # Some servers send the object itself; its JSON text is what others would have sent.
    return msgspec.json.encode(value).decode()
