"""
Perplexity's Chat Completions, where they are stricter than OpenAI's.

Source: the API's error texts, quoted at each rule (perplexityai/api-discussion #265 and others).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from dragoman.wire.validate.compatible_chat import RULES as SHARED
from dragoman.wire.validate.rules import Asked, Problem, Problems, Rule, items

_INSTRUCTIONS: Final = ("system", "developer")


def _order(asked: Asked) -> Problems:
    # "After the (optional) system message(s), user or tool message(s) should alternate with assistant message(s)."
    listed = list(items(asked.body, "messages"))
    told = next((i for i, item in enumerate(listed) if item.fields.get("role") not in _INSTRUCTIONS), len(listed))
    turns = listed[told:]
    for turn in turns:
        if turn.fields.get("role") in _INSTRUCTIONS:
            yield Problem(f"{turn.path}.role", "instructions stand only at the head")
    if turns and turns[0].fields.get("role") == "assistant":
        yield Problem(f"{turns[0].path}.role", "the first turn is the user's")
    for before, turn in pairwise(turns):
        if before.fields.get("role") == turn.fields.get("role") != "tool":
            yield Problem(f"{turn.path}.role", "turns of the user and of the model alternate")


def _end(asked: Asked) -> Problems:
    # "Last message must have role `user`."
    listed = list(items(asked.body, "messages"))
    if listed and listed[-1].fields.get("role") not in ("user", "tool"):
        yield Problem(f"{listed[-1].path}.role", "the last turn is the user's")


RULES: Final[tuple[Rule, ...]] = (*SHARED, _order, _end)
