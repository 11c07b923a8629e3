"""
Vectors in Ollama's own dialect: `/api/embed`.

The older `/api/embeddings`, which takes one `prompt` and gives one `embedding`, is still read, on both sides.

Sources: Ollama's OpenAPI file (`EmbedRequest`, `EmbedResponse`); the recordings.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dragoman.types.embeddings import EmbedRequest, EmbedResponse, Vector
from dragoman.types.usage import Usage
from dragoman.wire.embeddings.codec import Codec, Json, model_of, texts_of
from dragoman.wire.lenient import known, whole

_NAMED: Final = ("model", "input", "prompt", "dimensions")


class _Answer(msgspec.Struct):
    embeddings: list[Vector] = []
    embedding: Vector = []
    model: str | None = None
    prompt_eval_count: int | None = None


def _write(request: EmbedRequest, kind: str | None) -> Json:
    return {
        "model": request.model,
        "input": list(request.inputs),
        **known({"dimensions": request.dimensions}),
    }


def _read(answer: _Answer) -> EmbedResponse:
    vectors = answer.embeddings or ([answer.embedding] if answer.embedding else [])
    return EmbedResponse(vectors=tuple(vectors), usage=Usage(input_tokens=answer.prompt_eval_count), model=answer.model)


def _receive(body: Json, path: str) -> EmbedRequest:
    field = "input" if "input" in body else "prompt"
    return EmbedRequest(
        model=model_of(body.get("model")),
        inputs=texts_of(body.get(field), field),
        dimensions=whole(body.get("dimensions")),
        extra=known({name: value for name, value in body.items() if name not in _NAMED}) or None,
    )


def _reply(response: EmbedResponse, request: EmbedRequest) -> Json:
    counts = known({"prompt_eval_count": response.usage.input_tokens})
    return {"model": response.model or request.model, "embeddings": list(response.vectors), **counts}


OLLAMA: Final = Codec(
    name="ollama",
    path="api/embed",
    served=re.compile(r"/api/embed"),
    write=_write,
    answer=_Answer,
    read=_read,
    receive=_receive,
    reply=_reply,
    limit=512,
)
