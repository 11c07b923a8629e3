"""
Vectors in Gemini's dialect: `batchEmbedContents`, one small request for each text.

There are no settings above the texts: each carries the model, its kind and its length, so `extra` is put into each.

Sources: Google's reference of `models.batchEmbedContents` (at most 100 requests); google-genai SDK 3.4.0; the
recordings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from dragoman.errors import ConfigError, DragomanError
from dragoman.types.embeddings import EmbedRequest, EmbedResponse, InputKind, Vector
from dragoman.types.providers import Provider
from dragoman.types.usage import Usage
from dragoman.wire import google_errors
from dragoman.wire.embeddings.codec import Codec, Json, kind_of
from dragoman.wire.lenient import known, list_of, object_of, text_of, whole

_KINDS: Final[dict[InputKind, str]] = {
    "query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "similarity": "SEMANTIC_SIMILARITY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
_SERVED: Final = re.compile(r"/v1(?:beta1?|alpha)?/(?:models|tunedModels)/([^/:]+):batchEmbedContents")


class _Values(msgspec.Struct):
    values: Vector


class _Answer(msgspec.Struct):
    embeddings: list[_Values]
    usageMetadata: dict[str, Any] | None = None


def _resource(model: str) -> str:
    return model if "/" in model else f"models/{model}"


def _write(request: EmbedRequest, kind: str | None) -> Json:
    settings = known({"taskType": kind, "outputDimensionality": request.dimensions})
    model = _resource(request.model)
    return {
        "requests": [{"model": model, "content": {"parts": [{"text": text}]}, **settings} for text in request.inputs]
    }


def _read(answer: _Answer) -> EmbedResponse:
    counts = answer.usageMetadata
    return EmbedResponse(
        vectors=tuple(row.values for row in answer.embeddings),
        usage=Usage(input_tokens=whole((counts or {}).get("promptTokenCount")), details=counts),
    )


def _receive(body: Json, path: str) -> EmbedRequest:
    asked = [object_of(item) for item in list_of(body.get("requests"))]
    found = _SERVED.search(path)
    model = unquote(found[1]) if found else text_of(asked[0].get("model") if asked else "").removeprefix("models/")
    if not asked or not model:
        raise ConfigError("requests is empty: give one for each text", field="requests")
    return EmbedRequest(
        model=model,
        inputs=tuple(_text(item, f"requests[{at}]") for at, item in enumerate(asked)),
        dimensions=whole(asked[0].get("outputDimensionality")),
        kind=kind_of(asked[0].get("taskType"), _KINDS),
    )


def _text(item: Json, field: str) -> str:
    parts = [object_of(part).get("text") for part in list_of(object_of(item.get("content")).get("parts"))]
    texts = [part for part in parts if isinstance(part, str)]
    if not texts or len(texts) != len(parts):
        raise ConfigError(f"{field}.content: give parts with text", field=f"{field}.content")
    return "".join(texts)


def _reply(response: EmbedResponse, request: EmbedRequest) -> Json:
    counts = response.usage.input_tokens
    rows: Json = {"embeddings": [{"values": vector} for vector in response.vectors]}
    return rows | ({"usageMetadata": {"promptTokenCount": counts}} if counts is not None else {})


def _failure(
    status: int | None, headers: Mapping[str, str], sent: Any, text: bytes, provider: Provider | None
) -> DragomanError:
    return google_errors.failure(status, headers, text, sent, provider.name if provider else None)


GEMINI: Final = Codec(
    name="gemini",
    path="v1beta/models/{model}:batchEmbedContents",
    served=_SERVED,
    write=_write,
    answer=_Answer,
    read=_read,
    receive=_receive,
    reply=_reply,
    limit=100,
    kinds=_KINDS,
    each="requests",
    failure=_failure,
)
