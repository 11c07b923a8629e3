"""Answers of ours as the objects of OpenAI's chat dialect."""

from __future__ import annotations

from typing import Any, Final, TypeVar, cast

import msgspec

from dragoman import wire
from dragoman.types.responses import ChatResponse, Choice
from dragoman.types.usage import Usage

Json = dict[str, Any]
T = TypeVar("T")

CHAT: Final = "openai-chat"
_COUNTS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


def stamped(made: T, response: Any) -> T:
    """An object that knows what it was made of."""
    made.__dict__["_dragoman"] = response
    made.__dict__["_request_id"] = response.request_id
    return made


def completion_of(responses: list[ChatResponse], now: int) -> Json:
    """One completion of one answer or several."""
    first = responses[0]
    usage = first.usage if len(responses) == 1 else _sum([response.usage for response in responses])
    choices = tuple(choice for response in responses[1:] for choice in _choices(response))
    whole = msgspec.structs.replace(first, usage=usage, alternatives=(*first.alternatives, *choices))
    fields = cast("Json", msgspec.json.decode(wire.get(CHAT).encode_response(whole)))
    sent = _sent(first.body)
    if "choices" in sent:  # it was this dialect: what the provider said beside goes on
        fields |= {name: value for name, value in sent.items() if name not in fields or name == "created"}
    fields["created"] = fields["created"] or now
    return fields


def _sent(body: bytes | None) -> Json:
    """The object that an answer came as; empty if it was a stream, or no plain object."""
    try:
        found = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}


def _choices(response: ChatResponse) -> list[Choice]:
    raw = response.finish_reason_raw
    first = Choice(message=response.message, finish_reason=response.finish_reason, finish_reason_raw=raw)
    return [first, *response.alternatives]


def _sum(usages: list[Usage]) -> Usage:
    """What several answers used; None where one of them did not say."""
    sums: dict[str, Any] = {}
    for name in _COUNTS:
        values: list[int | None] = [getattr(usage, name) for usage in usages]
        sums[name] = None if None in values else sum(value or 0 for value in values)
    return Usage(**sums)
