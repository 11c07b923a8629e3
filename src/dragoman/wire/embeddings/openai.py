"""
Vectors in the dialect of OpenAI, and of those who speak it with words of their own: Mistral and Voyage.

Vectors come as JSON numbers, or as base64 of little-endian 32-bit floats: both are read whatever was asked, because
some servers give the other.  `index` says which text a vector belongs to; the order in the list does not.

Sources: OpenAI's OpenAPI file 2.3.0 (`CreateEmbeddingRequest`: at most 2,048 texts and 300,000 tokens), Mistral's
(`EmbeddingRequest`: `output_dimension`), Voyage's page on embeddings (1,000 texts and, by model, 120,000 tokens); the
recordings.
"""

from __future__ import annotations

import base64
import binascii
import re
import sys
from array import array
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from dragoman.errors import WireError
from dragoman.types.embeddings import EmbedRequest, EmbedResponse, InputKind, Vector
from dragoman.types.usage import Usage
from dragoman.wire.embeddings.codec import Codec, Json, kind_of, model_of, texts_of
from dragoman.wire.lenient import known, whole


class _Row(msgspec.Struct):
    embedding: Vector | str
    index: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Row]
    model: str | None = None
    usage: dict[str, Any] | None = None


# --- client half ------------------------------------------------------------------------------------------------------


def _read(answer: _Answer) -> EmbedResponse:
    return EmbedResponse(
        vectors=tuple(_vector(row.embedding, at) for at, row in enumerate(_ordered(answer.data))),
        usage=_usage(answer.usage),
        model=answer.model,
    )


def _ordered(rows: list[_Row]) -> list[_Row]:
    """By index, if the indexes are those of the texts; a server that numbers none means the order of the list."""
    if all(row.index is None for row in rows):
        return rows
    if {row.index for row in rows} != set(range(len(rows))):
        raise WireError("the vectors do not belong to one text each", path="$.data[*].index")
    return sorted(rows, key=lambda row: row.index or 0)


def _vector(sent: Vector | str, at: int) -> Vector:
    if not isinstance(sent, str):
        return sent
    try:
        data = base64.b64decode(sent, validate=True)
        floats = array("f", data)
    except (binascii.Error, ValueError) as error:
        raise WireError(f"a vector is no base64 of 32-bit floats: {error}", path=f"$.data[{at}].embedding") from error
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()


def _usage(sent: Json | None) -> Usage:
    """Voyage tells only the total, and there is nothing but input in it."""
    counts = sent or {}
    total, prompt = whole(counts.get("total_tokens")), whole(counts.get("prompt_tokens"))
    output = total - prompt if total is not None and prompt is not None and total >= prompt else None
    return Usage(input_tokens=total if prompt is None else prompt, output_tokens=output, details=sent)


# --- server half ------------------------------------------------------------------------------------------------------


def _reply(response: EmbedResponse, request: EmbedRequest) -> Json:
    packed = request.encoding == "base64"
    rows = [
        {"object": "embedding", "index": at, "embedding": _packed(vector) if packed else vector}
        for at, vector in enumerate(response.vectors)
    ]
    counts = {"prompt_tokens": response.usage.input_tokens, "total_tokens": response.usage.input_tokens}
    return {"object": "list", "data": rows, "model": response.model or request.model, "usage": known(counts)}


def _packed(vector: Vector) -> str:
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()


# --- the family -------------------------------------------------------------------------------------------------------


def _writer(dimensions: str, kind_field: str | None) -> Callable[[EmbedRequest, str | None], Json]:
    def write(request: EmbedRequest, kind: str | None) -> Json:
        optional = {
            dimensions: request.dimensions,
            "encoding_format": "base64" if request.encoding == "base64" else None,
            **({kind_field: kind} if kind_field else {}),
        }
        return {"model": request.model, "input": list(request.inputs), **known(optional)}

    return write


def _receiver(
    dimensions: str, kind_field: str | None, kinds: Mapping[InputKind, str]
) -> Callable[[Json, str], EmbedRequest]:
    named = {"model", "input", "encoding_format", dimensions, kind_field}

    def receive(body: Json, path: str) -> EmbedRequest:
        return EmbedRequest(
            model=model_of(body.get("model")),
            inputs=texts_of(body.get("input"), "input"),
            dimensions=whole(body.get(dimensions)),
            kind=kind_of(body.get(kind_field), kinds) if kind_field else None,
            encoding="base64" if body.get("encoding_format") == "base64" else "float",
            extra=known({name: value for name, value in body.items() if name not in named}) or None,
        )

    return receive


def _member(
    name: str,
    served: str,
    *,
    limit: int,
    token_limit: int | None = None,
    dimensions: str = "dimensions",
    kind_field: str | None = None,
    kinds: Mapping[InputKind, str] | None = None,
) -> Codec:
    words: Mapping[InputKind, str] = kinds or {}
    return Codec(
        name=name,
        path="embeddings",
        served=re.compile(served),
        write=_writer(dimensions, kind_field),
        answer=_Answer,
        read=_read,
        receive=_receiver(dimensions, kind_field, words),
        reply=_reply,
        limit=limit,
        token_limit=token_limit,
        kinds=words,
        has_base64=True,
    )


_NOWHERE: Final = r"(?!)"  # the path is OpenAI's, and a server there speaks OpenAI's form

OPENAI: Final = _member(
    "openai", r"(/v1)?/embeddings|/openai(/v1|/deployments/[^/]+)/embeddings", limit=2048, token_limit=300_000
)
MISTRAL: Final = _member("mistral", _NOWHERE, limit=512, dimensions="output_dimension")
VOYAGE: Final = _member(
    "voyage",
    _NOWHERE,
    limit=1000,
    token_limit=120_000,
    dimensions="output_dimension",
    kind_field="input_type",
    kinds={"query": "query", "document": "document"},
)
