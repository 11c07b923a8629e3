"""
Rows that ask for vectors: `verb="embed"`, or a line whose address ends in `/embeddings`.

A row has one text or several, in `input`; its answer is written as OpenAI writes it, whoever gave the vectors.

Rule: what has no meaning for vectors is refused, and never left out in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from dragoman.batch.cells import json_of
from dragoman.errors import ConfigError, SourceError
from dragoman.types.embeddings import EmbedRequest, EmbedResponse, InputKind
from dragoman.wire.embeddings import CODECS

if TYPE_CHECKING:
    from dragoman.client import AsyncClient

DIALECT: Final = "openai-embeddings"
"""In which the answers of such rows are written."""

_CODEC: Final = CODECS["openai"]
# Settings that mean something here; `priority` is said for all rows of a batch.
_SETTINGS: Final = frozenset({"timeout", "extra", "priority"})
_OWN: Final = ("dimensions", "kind")


class VectorRequest(EmbedRequest, frozen=True, kw_only=True):
    """
    What a row asks; its model is a reference.

    Attributes:
        timeout: Seconds for the whole call.
    """

    timeout: float | None = None


def check_settings(settings: Mapping[str, Any]) -> None:
    """
    Look through what was said for all rows.

    Raises:
        ConfigError: Something that has no meaning for vectors.
    """
    wrong = next((name for name in settings if name not in _SETTINGS), None)
    if wrong is not None:
        raise ConfigError(f"{wrong} has no meaning for vectors: leave it out", field=wrong)


def check_fields(fields: Mapping[str, Any], place: str) -> None:
    """
    Look whether a row can be one.

    Raises:
        SourceError: It cannot.
    """
    if "input" not in fields:
        there = ", ".join(map(repr, fields)) or "none"
        raise SourceError(f"{place}: no input (there: {there}): give a text, or a template", field="input")


def request_of(
    texts: object, model: str, said: Mapping[str, Any], own: Mapping[str, Any], settings: Mapping[str, Any]
) -> VectorRequest:
    """
    Make a request of a row's texts.

    Args:
        texts: One, or a list of them.
        model: A reference.
        said: `dimensions` and `kind` for all rows.
        own: The row's own fields, which win.
        settings: For all rows.

    Raises:
        ConfigError: It cannot be one.
    """
    inputs: Sequence[object] = ()
    if isinstance(texts, str):
        inputs = (texts,)
    elif isinstance(texts, Sequence):
        inputs = cast("Sequence[object]", texts)
    if not inputs or not all(isinstance(text, str) for text in inputs):
        raise ConfigError("input: give a text, or a list of texts", field="input")
    found = {name: value for name in _OWN if (value := own.get(name, said.get(name))) is not None}
    return VectorRequest(
        model=model,
        inputs=tuple(cast("Sequence[str]", inputs)),
        dimensions=found.get("dimensions"),
        kind=cast("InputKind | None", found.get("kind")),
        extra=own.get("extra", settings.get("extra")),
        timeout=own.get("timeout", settings.get("timeout")),
    )


def decoded(
    body: Mapping[str, Any], model: str | None, said: Mapping[str, Any], settings: Mapping[str, Any]
) -> VectorRequest:
    """
    Read the body of a line.

    Raises:
        ConfigError: It is none.
    """
    given = {**body, **({"model": model} if model is not None else {})}
    asked = _CODEC.decode_request(json_of(given, "body"))
    return VectorRequest(
        model=asked.model,
        inputs=asked.inputs,
        dimensions=asked.dimensions if asked.dimensions is not None else said.get("dimensions"),
        kind=said.get("kind"),
        encoding=asked.encoding,
        extra=asked.extra if asked.extra is not None else settings.get("extra"),
        timeout=settings.get("timeout"),
    )


async def ask(client: AsyncClient, request: VectorRequest) -> EmbedResponse:
    """Ask.  Errors as `AsyncClient.embed`."""
    return await client.embed(
        request.model,
        request.inputs,
        dimensions=request.dimensions,
        kind=request.kind,
        timeout=request.timeout,
        extra=request.extra,
    )


def body_of(request: VectorRequest, response: EmbedResponse) -> bytes:
    """The answer as OpenAI writes it: as numbers, or as base64 where the row has asked for that."""
    return _CODEC.encode_response(response, request)


def response_of(body: bytes) -> EmbedResponse:
    """Read it again."""
    return _CODEC.decode_response(200, {}, body)
