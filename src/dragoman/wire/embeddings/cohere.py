"""
Vectors in Cohere's dialect, version 2.

The dialect requires what the texts are for; where nobody said, they are taken for documents.  The vectors stand under
the name of their type; the first version's bare list is read, too.

Sources: cohere SDK 7.3 (`v2/raw_client.py`: at most 96 texts); the recordings.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from dragoman.errors import WireError
from dragoman.types.embeddings import EmbedRequest, EmbedResponse, InputKind, Vector
from dragoman.types.usage import Usage
from dragoman.wire.embeddings.codec import Codec, Json, kind_of, model_of, texts_of
from dragoman.wire.lenient import known, object_of, whole

_KINDS: Final[dict[InputKind, str]] = {
    "query": "search_query",
    "document": "search_document",
    "classification": "classification",
    "clustering": "clustering",
}
_NAMED: Final = ("model", "texts", "input_type", "embedding_types", "output_dimension")


class _Answer(msgspec.Struct):
    embeddings: dict[str, list[Vector] | None] | list[Vector]
    meta: dict[str, Any] | None = None


def _write(request: EmbedRequest, kind: str | None) -> Json:
    return {
        "model": request.model,
        "texts": list(request.inputs),
        "input_type": kind,
        "embedding_types": ["float"],
        **known({"output_dimension": request.dimensions}),
    }


def _read(answer: _Answer) -> EmbedResponse:
    billed = object_of(object_of(answer.meta).get("billed_units"))
    return EmbedResponse(
        vectors=tuple(_floats(answer.embeddings)),
        usage=Usage(input_tokens=whole(billed.get("input_tokens")), details=billed or None),
    )


def _floats(sent: dict[str, list[Vector] | None] | list[Vector]) -> list[Vector]:
    """The floats, or whatever type the caller asked for instead."""
    if isinstance(sent, list):
        return sent
    found = sent.get("float") or next((vectors for vectors in sent.values() if vectors), None)
    if found is None:
        raise WireError("the answer holds no vectors", path="$.embeddings")
    return found


def _receive(body: Json, path: str) -> EmbedRequest:
    return EmbedRequest(
        model=model_of(body.get("model")),
        inputs=texts_of(body.get("texts"), "texts"),
        dimensions=whole(body.get("output_dimension")),
        kind=kind_of(body.get("input_type"), _KINDS),
        extra=known({name: value for name, value in body.items() if name not in _NAMED}) or None,
    )


def _reply(response: EmbedResponse, request: EmbedRequest) -> Json:
    return {
        "id": response.request_id or "",
        "embeddings": {"float": list(response.vectors)},
        "texts": list(request.inputs),
        "meta": {"api_version": {"version": "2"}, "billed_units": known({"input_tokens": response.usage.input_tokens})},
        "response_type": "embeddings_by_type",
    }


COHERE: Final = Codec(
    name="cohere",
    path="v2/embed",
    served=re.compile(r"/v2/embed"),
    write=_write,
    answer=_Answer,
    read=_read,
    receive=_receive,
    reply=_reply,
    limit=96,
    kinds=_KINDS,
    required_kind="document",
)
