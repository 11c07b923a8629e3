"""
What a recorded interaction means.

The corpus does not say it for this dialect, so it is worked out here: the slow and plain way, apart from the wire.

Source: google-genai SDK 3.4.0 (`Interaction`, `InteractionSSEEvent`, `Usage`).
"""

from __future__ import annotations

import json
import re
from typing import Any

_DATA = re.compile(r"^data: (\{.*\})$", re.MULTILINE)


def meaning(body: str, streamed: bool) -> dict[str, Any]:
    """The fields of an `expected`."""
    interaction = _put_together(body) if streamed else json.loads(body)
    steps = interaction["steps"]
    outputs = [block for step in steps if step["type"] == "model_output" for block in step.get("content", ())]
    thoughts = [block for step in steps if step["type"] == "thought" for block in step.get("summary", ())]
    calls = [step for step in steps if step["type"] == "function_call"]
    return {
        "text": "".join(block["text"] for block in outputs if block["type"] == "text"),
        "reasoning": "".join(block["text"] for block in thoughts if block["type"] == "text"),
        "tool_calls": [_call(step) for step in calls],
        "finish_reason": interaction["status"],
        "id": interaction["id"],
        "model": interaction["model"],
        "usage_norm": _usage(interaction["usage"]),
    }


def _call(step: dict[str, Any]) -> dict[str, Any]:
    given = step["arguments"]
    text = given if isinstance(given, str) else json.dumps(given)
    return {"id": step["id"], "name": step["name"], "arguments": text, "arguments_json": json.loads(text)}


def _usage(usage: dict[str, int]) -> dict[str, int]:
    """What the model read and wrote add up to the total that the vendor gives."""
    read = usage["total_input_tokens"] + usage["total_tool_use_tokens"]
    written = usage["total_output_tokens"] + usage["total_thought_tokens"]
    assert read + written == usage["total_tokens"]
    return {
        "input": read,
        "output": written,
        "cached_input": usage["total_cached_tokens"],
        "reasoning": usage["total_thought_tokens"],
    }


def _put_together(body: str) -> dict[str, Any]:
    """The interaction that a stream builds."""
    steps: list[dict[str, Any]] = []
    interaction: dict[str, Any] = {}
    for event in map(json.loads, _DATA.findall(body)):
        interaction |= event.get("interaction", {})
        if event["event_type"] == "step.start":
            steps.append(event["step"])
        elif event["event_type"] == "step.delta":
            _add(steps[event["index"]], event["delta"])
    return {**interaction, "steps": steps}


def _add(step: dict[str, Any], delta: dict[str, Any]) -> None:
    if delta["type"] == "text":
        step.setdefault("content", []).append(delta)
    elif delta["type"] == "thought_summary":
        step.setdefault("summary", []).append(delta["content"])
    elif delta["type"] == "arguments_delta":
        before = step["arguments"]
        step["arguments"] = (before if isinstance(before, str) else "") + delta["arguments"]
