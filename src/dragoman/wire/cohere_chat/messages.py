"""
Messages of a request: values to JSON.

Rules of the dialect that shape this file: a tool's result is a message of its own and holds only text and documents, so
its pictures go into a user message after the last result of the turn, and so do those of answers and instructions,
since only the user shows pictures; the model's turn is one message whose content, calls, plan and citations are fields.
State goes back only to the provider that wrote it.

Source: Cohere SDK 7.3, `types/chat_message_v2.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from dragoman.types.http import Notice
from dragoman.types.messages import Citation, Image, Message, Part, Text, ToolCall, ToolResult
from dragoman.types.providers import Provider
from dragoman.wire.call_ids import CallIds
from dragoman.wire.cohere_chat.blocks import encode_block
from dragoman.wire.cohere_chat.citations import encode_citation
from dragoman.wire.cohere_chat.dialect import NAME, Json
from dragoman.wire.cohere_chat.serve import encode_call
from dragoman.wire.lenient import known, list_of
from dragoman.wire.native import is_ours, over, own, replays
from dragoman.wire.place import Place
from dragoman.wire.setting_rows import same

_ROLES: Final = {"developer": "system", "tool": "user"}  # what stands beside a tool's results is the user's
_NO_CACHE: Final = "this dialect marks nothing for a cache; left out"


def encode_messages(messages: Iterable[Message], provider: Provider, notices: list[Notice]) -> list[Json]:
    """Write the turns.  What could not be carried is said in `notices`."""
    writer = _Writer(notices)
    for i, message in enumerate(messages):
        writer.add(message, f"messages[{i}]", replays(message, provider))
    writer.flush()
    return writer.out


class _Writer:
    """The list in the making."""

    def __init__(self, notices: list[Notice]) -> None:
        self.out: list[Json] = []
        self._notices = notices
        self._ids = CallIds(same)
        self._pictures: list[Json] = []  # of tool results, until their turn is over

    def flush(self) -> None:
        if self._pictures:
            self.out.append({"role": "user", "content": self._pictures})
            self._pictures = []

    def add(self, message: Message, field: str, replay: bool) -> None:
        if message.name:
            self._notices.append(Notice(f"{field}.name", "this dialect has no names of speakers; left out"))
        role = _ROLES.get(message.role, message.role)
        rest: list[tuple[Part, Place]] = []
        for i, part in enumerate(message.parts):
            place = Place(f"{field}.parts[{i}]", role, replay, self._notices)
            if isinstance(part, ToolResult):
                self._result(part, place)
            else:
                rest.append((part, place))
        if rest or not message.parts:
            self.flush()
            turn = _Turn(self._ids, self._pictures)
            for part, place in rest:
                turn.add(part, place)
            self.out.append(turn.message(role, own(message.native, NAME, replay)))

    def _result(self, result: ToolResult, place: Place) -> None:
        blocks: list[Json] = []
        for i, part in enumerate(result.parts):
            at = place.inside(i, "tool")
            block = encode_block(part, at)
            if block is None:
                continue
            if isinstance(part, Image):
                at.note("a tool result holds only text here; moved into a user message after it")
                self._pictures.append(block)
            else:
                blocks.append(block)
        if result.is_error:
            place.note("this dialect does not mark a failed tool; its text was sent as an ordinary result", ".is_error")
        if result.cache is not None:
            place.note(_NO_CACHE, ".cache")
        made = encode_result(self._ids.result(result), content_of(blocks, result.parts))
        self.out.append(over(made, own(result.native, NAME, place.replay)))


def encode_result(call_id: str, content: str | list[Json] | None) -> Json:
    """The message that a result is."""
    return {"role": "tool", "tool_call_id": call_id, "content": "" if content is None else content}


def content_of(blocks: list[Json], parts: Iterable[Part]) -> str | list[Json] | None:
    """Blocks as `content`: a text where they are one that did not come as a block; None where there are none."""
    came_as_blocks = any(is_ours(part.native, NAME) for part in parts)
    if len(blocks) == 1 and set(blocks[0]) == {"type", "text"} and not came_as_blocks:
        return str(blocks[0]["text"])
    return blocks or None


class _Turn:
    """One message that is no tool result."""

    def __init__(self, ids: CallIds, pictures: list[Json]) -> None:
        self._ids = ids
        self._pictures = pictures
        self._blocks: list[Json] = []
        self._parts: list[Part] = []  # that the blocks stand for
        self._calls: list[Json] = []
        self._citations: list[Json] = []

    def add(self, part: Part, place: Place) -> None:
        if part.cache is not None:
            place.note(_NO_CACHE, ".cache")
        if isinstance(part, ToolCall):
            call = encode_call(part, self._ids.call(part))
            self._calls.append(over(call, own(part.native, NAME, place.replay)))
            return
        if isinstance(part, Text) and part.citations:
            self._cite(part.citations, place)
        block = encode_block(part, place)
        if block is not None and isinstance(part, Image) and place.role != "user":
            place.note("only the user shows pictures in this dialect; moved into a user message after it")
            self._pictures.append(block)
        elif block is not None:
            self._blocks.append(block)
            self._parts.append(part)

    def _cite(self, citations: Iterable[Citation], place: Place) -> None:
        came = [citation for citation in citations if is_ours(citation.native, NAME, place.replay)]
        self._citations += (encode_citation(citation, len(self._blocks)) for citation in came)
        if not came:
            place.note("sources of an answer are sent to the provider that gave them only; left out", ".citations")

    def message(self, role: str, state: Json) -> Json:
        content: Any = content_of(self._blocks, self._parts)
        if content is None and not (self._calls and role == "assistant"):
            content = ""  # the dialect requires one
        fields: Json = {
            "content": content,
            "tool_calls": self._calls or None,
            "citations": [*self._citations, *list_of(state.get("citations"))] or state.get("citations"),
        }
        rest = {name: value for name, value in state.items() if name != "citations"}
        return over({"role": role, **known(fields)}, rest)
