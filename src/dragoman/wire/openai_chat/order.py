"""
The order of messages, for servers that do not take any.

`Quirks.turns` of the provider's row says which order it wants; what has to be moved, joined or put in between is said
in a notice.

Sources: error texts of Perplexity ("user or tool message(s) should alternate with assistant message(s)") and Mistral
("Unexpected role 'user' after role 'tool'", "Expected last role User or Tool (or Assistant with prefix True)").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dragoman.types.providers import Quirks
from dragoman.wire.lenient import is_array, list_of
from dragoman.wire.openai_chat.blocks import Notes
from dragoman.wire.turns import BEGUN, GO_ON

Json = dict[str, Any]

_INSTRUCTIONS: Final = ("system", "developer")
_FIELD: Final = "messages"
# What stands for an answer that nobody gave.
_HEARD: Final = "OK."


def ordered(messages: list[Json], quirks: Quirks, notes: Notes) -> list[Json]:
    """The messages in the order that the provider takes."""
    order = _ORDERS.get(quirks.turns)
    return messages if order is None else order(messages, notes)


# --- by turns ---------------------------------------------------------------------------------------------------------


def _alternate(messages: list[Json], notes: Notes) -> list[Json]:
    turns: list[Json] = []
    for message in messages:
        head = not turns or turns[-1]["role"] in _INSTRUCTIONS
        turn = message if head else _as_user(message, notes)
        same = bool(turns) and turns[-1]["role"] == turn["role"] and turn["role"] in ("user", "assistant")
        if not same:
            turns.append(turn)
        else:
            notes.add(_FIELD, f"this provider wants turns to alternate: two of the {turn['role']} were joined")
            turns[-1] = _joined(turns[-1], turn)
    return _to_end(_from_start(turns, notes), notes)


def _as_user(message: Json, notes: Notes) -> Json:
    if message["role"] not in _INSTRUCTIONS:
        return message
    notes.add(_FIELD, "this provider takes no instructions here: they were sent as a turn of the user")
    return {**message, "role": "user"}


def _joined(one: Json, other: Json) -> Json:
    """One message of two of the same role."""
    made = {**one, **other}
    for name in one.keys() & other.keys() - {"role"}:
        made[name] = together(one[name], other[name])
    return made


def together(one: Any, other: Any) -> Any:
    """Two values of a field as one: texts under each other, blocks behind each other, else the later one."""
    if isinstance(one, str) and isinstance(other, str):
        return "\n\n".join(text for text in (one, other) if text)
    several = is_array(one) or is_array(other)
    later: Any = one if other is None else other
    return [*_blocks(one), *_blocks(other)] if several else later


def _blocks(content: Any) -> list[Any]:
    return ([{"type": "text", "text": content}] if content else []) if isinstance(content, str) else list_of(content)


def _from_start(turns: list[Json], notes: Notes) -> list[Json]:
    first = next((i for i, turn in enumerate(turns) if turn["role"] not in _INSTRUCTIONS), len(turns))
    if first < len(turns) and turns[first]["role"] == "user":
        return turns
    notes.add(_FIELD, "this provider wants the user to begin: a turn that says so was put before")
    return [*turns[:first], {"role": "user", "content": BEGUN}, *turns[first:]]


def _to_end(turns: list[Json], notes: Notes) -> list[Json]:
    if turns[-1]["role"] != "assistant":
        return turns
    notes.add(_FIELD, "this provider does not go on with an answer that was begun: a turn that asks it to was added")
    return [*turns, {"role": "user", "content": GO_ON}]


# --- answered ---------------------------------------------------------------------------------------------------------


def _answered(messages: list[Json], notes: Notes) -> list[Json]:
    turns: list[Json] = []
    for message in messages:
        before = turns[-1]["role"] if turns else ""
        turn = _as_user(message, notes) if before in ("assistant", "tool") else message
        if before == "tool" and turn["role"] == "user":
            notes.add(_FIELD, f"this provider wants results to be answered first: {_HEARD!r} was put in between")
            turns.append({"role": "assistant", "content": _HEARD})
        turns.append(turn)
    if turns and turns[-1]["role"] == "assistant" and not turns[-1].get("tool_calls"):
        turns[-1] = {**turns[-1], "prefix": True}
    return turns


_ORDERS: Final[dict[str, Callable[[list[Json], Notes], list[Json]]]] = {
    "alternate": _alternate,
    "answered": _answered,
}
