"""
DeepSeek's Responses, where they are stricter than OpenAI's.

Source: a recording of the API, quoted at the rule.
"""

from __future__ import annotations

from typing import Final

from dragoman.wire.lenient import text_of
from dragoman.wire.validate.openai_responses import CALLS, kind_of, listed_items
from dragoman.wire.validate.openai_responses import RULES as SHARED
from dragoman.wire.validate.rules import Asked, Problem, Problems, Rule


def _together(asked: Asked) -> Problems:
    # "No tool output found for tool call call-a." where a message stands between two calls of one turn (recorded)
    waiting: list[str] = []
    for item in listed_items(asked):
        kind, call_id = kind_of(item), text_of(item.fields.get("call_id"))
        if kind in CALLS:
            waiting.append(call_id)
        elif call_id in waiting:
            waiting.remove(call_id)
        elif kind == "message" and waiting:
            yield Problem(item.path, f"the output of call {waiting[0]!r} comes first")


RULES: Final[tuple[Rule, ...]] = (*SHARED, _together)
