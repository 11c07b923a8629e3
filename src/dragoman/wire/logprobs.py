"""
Token probabilities as OpenAI's dialects write them: `{"token", "logprob", "bytes", "top_logprobs": [...]}`.

Rule: entries that are not of this shape say nothing about the answer and are passed over.

Source: OpenAI's OpenAPI file (`ChatCompletionTokenLogprob`, `LogProb`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dragoman.types.messages import TokenLogprob
from dragoman.wire.lenient import list_of, object_of, whole


def decode_logprobs(value: Any) -> tuple[TokenLogprob, ...]:
    """Read a list of tokens."""
    return tuple(read for item in list_of(value) if (read := _decode(object_of(item))) is not None)


def _decode(item: dict[str, Any]) -> TokenLogprob | None:
    token, logprob = item.get("token"), item.get("logprob")
    if not isinstance(token, str) or isinstance(logprob, bool) or not isinstance(logprob, int | float):
        return None
    codes = item.get("bytes")
    return TokenLogprob(
        token,
        float(logprob),
        tuple(code for value in list_of(codes) if (code := whole(value)) is not None) if codes is not None else None,
        decode_logprobs(item.get("top_logprobs")),
    )


def encode_logprobs(items: Iterable[TokenLogprob]) -> list[dict[str, Any]]:
    """Write a list of tokens."""
    return [{**_encode(item), "top_logprobs": [_encode(top) for top in item.top]} for item in items]


def _encode(item: TokenLogprob) -> dict[str, Any]:
    codes = {"bytes": list(item.bytes)} if item.bytes is not None else {}
    return {"token": item.token, "logprob": item.logprob, **codes}
