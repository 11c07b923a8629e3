"""
Plain answers: value to bytes, as a server.

Google's SDK is the reader to satisfy.  What an answer of this dialect said of its end (safety, sources, the token of a
continuation) goes on as it came; sources of another's become grounding.

Rule: nothing is made up.  Without a token count there is no `usageMetadata`.

Source: google-genai SDK 3.4.0 (`GenerateContentResponse`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.types.messages import Part, Reasoning, Text, TokenLogprob
from dragoman.types.responses import ChatResponse, Choice, FinishReason
from dragoman.wire.gemini_generate.dialect import ENDING, NAME, OUTER_ENDING, Json, finish_word
from dragoman.wire.gemini_generate.grounding import grounding_metadata
from dragoman.wire.gemini_generate.parts import encode_part
from dragoman.wire.gemini_generate.usage import encode_usage
from dragoman.wire.lenient import known
from dragoman.wire.native import is_ours
from dragoman.wire.place import Place


def encode_response(response: ChatResponse) -> bytes:
    """Write a plain answer."""
    first = Choice(
        message=response.message,
        finish_reason=response.finish_reason,
        finish_reason_raw=response.finish_reason_raw,
    )
    details = response.finish_details or {}
    choices = () if is_blocked(response.finish_reason_raw, details) else (first, *response.alternatives)
    body: Json = {"candidates": [_candidate(i, choice, details if i == 0 else {}) for i, choice in enumerate(choices)]}
    if not choices:
        del body["candidates"]
    body |= outer_fields(details)
    body |= known(
        {
            "usageMetadata": encode_usage(response.usage),
            "modelVersion": response.model,
            "responseId": response.id,
        }
    )
    return msgspec.json.encode(body)


def is_blocked(raw: str | None, details: Json) -> bool:
    """Whether the prompt was refused, so that there is no candidate."""
    return raw is None and "promptFeedback" in details


def outer_fields(details: Json) -> Json:
    """What was said of the question and the model."""
    return {name: details[name] for name in OUTER_ENDING if name in details}


def _candidate(index: int, choice: Choice, details: Json) -> Json:
    parts = choice.message.parts
    written = [json for part in parts if (json := answer_part(part)) is not None]
    sources = None if "groundingMetadata" in details else grounding_metadata(parts)
    probabilities = [item for part in parts if isinstance(part, Text) for item in part.logprobs]
    return {
        "content": {"parts": written, "role": "model"},
        "index": index,
        **end_fields(choice.finish_reason, choice.finish_reason_raw, details),
        **known({"groundingMetadata": sources, "logprobsResult": encode_logprobs(probabilities)}),
    }


def end_fields(reason: FinishReason, raw: str | None, details: Json) -> Json:
    """The reason, and what else was said of the end."""
    return {"finishReason": finish_word(reason, raw), **{name: details[name] for name in ENDING if name in details}}


def answer_part(part: Part) -> Json | None:
    """The JSON of a part of an answer; None where the dialect has none for it."""
    if isinstance(part, Reasoning) and not is_ours(part.native, NAME):
        return {"text": part.text, "thought": True} if part.text else None
    return encode_part(part, Place("", "assistant", True, []))


def encode_logprobs(items: list[TokenLogprob]) -> Json | None:
    """Write probabilities of tokens; None if there are none."""
    if not items:
        return None
    made: Json = {"chosenCandidates": [_logprob(item) for item in items]}
    if any(item.top for item in items):
        made["topCandidates"] = [{"candidates": [_logprob(top) for top in item.top]} for item in items]
    return made


def _logprob(item: TokenLogprob) -> dict[str, Any]:
    return {"token": item.token, "logProbability": item.logprob}
