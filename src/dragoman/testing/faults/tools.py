"""
Faults of tool calls: indexes that are missing, repeated or null, ids that come once, always, or never.

Rule: a new id on an index opens a new call; without an index the id opens one and arguments continue it; what is whole
in the stream is whole in the answer.

Sources: openai #2806, #3246; ollama #7881, #15457; vercel/ai #14277; litellm #33678; omnigent #28.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.testing.faults.actions import Action
from dragoman.testing.faults.fault import WHOLE_TOOLS, Expects, Fault, Make
from dragoman.testing.faults.ordinary import TOOLS, Ordinary

_INDEXES: Final = "missing or duplicate index: openai #2806, #3246; ollama #7881, #15457; vercel/ai #14277"
_IDS: Final = "ids once, always or never: ollama #7881; litellm #33678"
_OPENAI: Final = frozenset({"openai-chat"})
_BLOCKS: Final = frozenset({"anthropic-messages", "vertex-anthropic", "cohere-chat", "gemini-interactions"})

Change = Callable[[dict[str, Any]], Any]


def _events(good: Ordinary, change: Change) -> list[bytes]:
    return [_changed(frame + b"\n\n", change) for frame in b"".join(good.frames(TOOLS)).split(b"\n\n") if frame]


def _changed(frame: bytes, change: Change) -> bytes:
    head, mark, data = frame.partition(b"data: ")
    if not data.startswith(b"{"):
        return frame
    event = msgspec.json.decode(data)
    change(event)
    return head + mark + msgspec.json.encode(event) + b"\n\n"


def _streams(change: Callable[[], Change]) -> Make:
    """The stream of tool calls with something done to each event; a change is made anew for each stream."""

    def make(good: Ordinary) -> list[Action]:
        return [*good.chunked(_events(good, change()))]

    return make


def _each_call(change: Change) -> Callable[[], Change]:
    def event(sent: dict[str, Any]) -> None:
        for choice in sent.get("choices", ()):
            for call in choice["delta"].get("tool_calls", ()):
                change(call)

    return lambda: event


def _every_id() -> Change:
    last: dict[int, str] = {}

    def repeat(call: dict[str, Any]) -> None:
        call["id"] = last.setdefault(call["index"], call.get("id", ""))

    return _each_call(repeat)()


def _no_index(call: dict[str, Any]) -> None:
    del call["index"]


def _empty_fields(call: dict[str, Any]) -> None:
    """Servers that write every field into every delta, empty where there is nothing new."""
    call.setdefault("id", "")
    call.setdefault("type", "function")
    call["function"].setdefault("name", None)


def _no_type(call: dict[str, Any]) -> None:
    call.pop("type", None)


def _stop_as_reason(sent: dict[str, Any]) -> None:
    for choice in sent.get("choices", ()):
        if choice.get("finish_reason"):
            choice["finish_reason"] = "stop"


def _block_index(change: Change) -> Change:
    return lambda sent: change(sent) if "index" in sent else None


def _fault(
    name: str,
    meaning: str,
    source: str,
    change: Callable[[], Change],
    wires: frozenset[str],
    expects: Expects = WHOLE_TOOLS,
) -> Fault:
    return Fault(name, meaning, source, _streams(change), None, expects, wires)


_WHOLE_OR_ERROR: Final = Expects(errors=("WireError", "StreamInterrupted"), answer="tools")

# A table is read by rows.
# fmt: off
TOOL_FAULTS: Final = (
    _fault("tool_index_missing", "The deltas of tool calls carry no index.", _INDEXES, _each_call(_no_index), _OPENAI),
    _fault("tool_index_null", "The index of every tool call is null.", _INDEXES, _each_call(lambda call:
           call.update(index=None)), _OPENAI),
    _fault("tool_index_duplicate", "Two tool calls have the same index.", _INDEXES, _each_call(lambda call:
           call.update(index=0)), _OPENAI),
    _fault("tool_index_shifted", "The indexes of the tool calls begin at 5.", _INDEXES, _each_call(lambda call:
           call.update(index=call["index"] + 5)), _OPENAI),
    _fault("tool_id_repeated", "Every delta of a tool call carries its id.", _IDS, _every_id, _OPENAI),
    _fault("tool_fields_empty", "Every delta carries id, type and name, empty where nothing is new.", _IDS,
           _each_call(_empty_fields), _OPENAI),
    _fault("tool_type_missing", "The tool calls carry no type.", _IDS, _each_call(_no_type), _OPENAI),
    _fault("tool_finish_stop", "The finish reason of an answer with tool calls is `stop`.", _IDS, lambda:
           _stop_as_reason, _OPENAI),
    _fault("block_index_duplicate", "Every block has the index 0.", _INDEXES, lambda: _block_index(lambda sent:
           sent.update(index=0)), _BLOCKS),
    _fault("block_index_shifted", "The indexes of the blocks begin at 5.", _INDEXES, lambda: _block_index(lambda sent:
           sent.update(index=sent["index"] + 5)), _BLOCKS),
)
# fmt: on
