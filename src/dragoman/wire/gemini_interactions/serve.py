"""
Plain answers as a server writes them.

Source: google-genai SDK 3.4.0 (`Interaction`).
"""

from __future__ import annotations

import msgspec

from dragoman.types.responses import ChatResponse, FinishReason
from dragoman.types.usage import Usage
from dragoman.wire.gemini_interactions.dialect import END_FIELDS, Json, status_out
from dragoman.wire.gemini_interactions.usage import encode_usage
from dragoman.wire.gemini_interactions.writer import answer_steps


def encode_response(response: ChatResponse) -> bytes:
    """Write a plain answer."""
    interaction = interaction_head(response.id, response.model) | interaction_end(
        response.finish_reason, response.finish_reason_raw, response.finish_details, response.usage
    )
    return msgspec.json.encode(interaction | {"steps": answer_steps(response.message)})


def interaction_head(answer_id: str | None, model: str | None) -> Json:
    """The fields with which every interaction begins; an id that is not known is empty, since events require one."""
    return {"id": answer_id or "", "object": "interaction", **({"model": model} if model else {})}


def interaction_end(reason: FinishReason, raw: str | None, details: Json | None, usage: Usage) -> Json:
    """Status, usage and what else is said of the end."""
    status, fields = status_out(reason, raw)
    said = {name: details[name] for name in END_FIELDS if details and details.get(name) is not None}
    counts = encode_usage(usage)
    return {"status": status, **fields, **said, **({"usage": counts} if counts else {})}
