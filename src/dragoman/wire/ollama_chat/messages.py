"""
Messages of a request: values to JSON.

Rules of the dialect that shape this file: a message has one text, pictures beside it as bytes, and thoughts and calls
as fields; a tool's result is a message of its own and names the tool, not the call.  State goes back only to the
provider that wrote it.

Ids: a call that came without one goes back without one, and the result of such a call names the tool of the first call
of its kind that is not answered yet.  Where there are ids they go along in both; servers of 2026 read them, older ones
pass them over.

Sources: Ollama's OpenAPI file (`ChatMessage`); the official client 0.6, `_types.py` (`thinking`, `tool_name`); the
server's `prompt.go` (pictures stand before the text of their message).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from dragoman.types.http import Notice
from dragoman.types.messages import Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from dragoman.types.providers import Provider
from dragoman.wire.lenient import known
from dragoman.wire.native import over, own, replays
from dragoman.wire.ollama_chat.dialect import NAME, Json
from dragoman.wire.ollama_chat.pictures import encode_picture
from dragoman.wire.ollama_chat.serve import arguments_object, encode_call
from dragoman.wire.place import Place
from dragoman.wire.text_forms import as_text

_ROLES: Final = {"developer": "system", "tool": "user"}  # what stands beside a tool's results is the user's


def encode_messages(messages: Iterable[Message], provider: Provider, notices: list[Notice]) -> list[Json]:
    """Write the turns.  What could not be carried is said in `notices`."""
    writer = _Writer(notices)
    for i, message in enumerate(messages):
        writer.add(message, f"messages[{i}]", replays(message, provider))
    return writer.out


class _Writer:
    """The list in the making."""

    def __init__(self, notices: list[Notice]) -> None:
        self.out: list[Json] = []
        self._notices = notices
        self._names: dict[str, str] = {}  # of tools, by the id of the call
        self._waiting: list[str] = []  # names of the calls without id that have no result yet

    def add(self, message: Message, field: str, replay: bool) -> None:
        if message.name:
            self._notices.append(Notice(f"{field}.name", "this dialect has no names of speakers; left out"))
        turn = _Turn()
        rest = 0
        for i, part in enumerate(message.parts):
            place = Place(f"{field}.parts[{i}]", message.role, replay, self._notices)
            if isinstance(part, ToolResult):
                self._result(part, place)
            else:
                rest += 1
                turn.add(part, place)
                self._remember(part)
        if rest or not message.parts:
            made = {"role": _ROLES.get(message.role, message.role), **turn.fields()}
            self.out.append(over(made, own(message.native, NAME, replay)))

    def _remember(self, part: Part) -> None:
        if isinstance(part, ToolCall):
            if part.id:
                self._names[part.id] = part.name
            else:
                self._waiting.append(part.name)

    def _result(self, result: ToolResult, place: Place) -> None:
        turn = _Turn()
        for i, part in enumerate(result.parts):
            turn.add(part, place.inside(i, "tool"))
        if result.is_error:
            place.note("this dialect does not mark a failed tool; its text was sent as an ordinary result", ".is_error")
        if result.cache is not None:
            place.note(_NO_CACHE, ".cache")
        self.out.append(over(encode_result(result, turn.fields(), self._name(result)), own(result.native, NAME)))

    def _name(self, result: ToolResult) -> str | None:
        """Name of the tool, from the result or from the call that it answers."""
        if result.call_id:
            return result.name or self._names.get(result.call_id)
        name = next((name for name in self._waiting if result.name in (None, name)), None)
        if name is not None:
            self._waiting.remove(name)
        return result.name or name


def encode_result(result: ToolResult, content: Json, name: str | None) -> Json:
    """The message that a result is."""
    return {"role": "tool", **content, **known({"tool_name": name, "tool_call_id": result.call_id or None})}


_NO_CACHE: Final = "this dialect marks nothing for a cache; left out"


class _Turn:
    """The fields of one message in the making."""

    def __init__(self) -> None:
        self._content: list[str] = []
        self._thinking: list[str] = []
        self._images: list[str] = []
        self._calls: list[Json] = []

    def fields(self) -> Json:
        lists = {"images": self._images or None, "tool_calls": self._calls or None}
        return {
            "content": "".join(self._content),
            **known({"thinking": "".join(self._thinking) or None, **lists}),
        }

    def add(self, part: Part, place: Place) -> None:
        if part.cache is not None:
            place.note(_NO_CACHE, ".cache")
        _WRITE.get(type(part), _Turn.other)(self, part, place)

    def text(self, part: Text, place: Place) -> None:
        self._content.append(part.text)
        if part.citations:
            place.note("sources of an answer are not sent in this dialect; left out", ".citations")

    def thought(self, part: Reasoning, place: Place) -> None:
        if place.replay:
            self._thinking.append(part.text)
        elif part.text:
            place.note("reasoning of another provider is not sent; left out")

    def picture(self, part: Image, place: Place) -> None:
        picture = encode_picture(part)
        if picture is None:
            place.note("this dialect takes pictures as bytes only; left out: give data")
            return
        self._images.append(picture)
        if part.detail:
            place.note("this dialect knows no detail of pictures; left out", ".detail")

    def call(self, part: ToolCall, place: Place) -> None:
        if arguments_object(part) != part.arguments:
            place.note("this dialect takes arguments as a JSON object; they were sent as one text in it")
        plain = part if place.replay else ToolCall(part.id, part.name, part.arguments_json, part.kind)
        self._calls.append(encode_call(plain))

    def other(self, part: Part, place: Place) -> None:
        text = as_text(part, place)
        if text is not None:
            self._content.append(text)


_WRITE: Final[dict[type[Any], Callable[[_Turn, Any, Place], None]]] = {
    Text: _Turn.text,
    Reasoning: _Turn.thought,
    Image: _Turn.picture,
    ToolCall: _Turn.call,
}
