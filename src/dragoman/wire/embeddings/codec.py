"""
What every dialect of vectors is: a path, a few facts, and four short functions between values and JSON.

The facts decide what is sent; what they cannot express is left out and noticed.

Rule: vectors come out in the order of the texts, as many as there are texts, or there is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from dragoman.errors import ConfigError, DragomanError, WireError
from dragoman.types.embeddings import EmbedRequest, EmbedResponse, InputKind
from dragoman.types.http import HttpRequest, Notice
from dragoman.types.providers import Provider
from dragoman.wire import openai_errors
from dragoman.wire.beside import asking
from dragoman.wire.lenient import list_of, object_of
from dragoman.wire.plain_answer import Failure, parse_json, read_answer
from dragoman.wire.request_body import overlay, read_body
from dragoman.wire.status import lowered, request_id_of

Json = dict[str, Any]


def _failure(
    status: int | None, headers: Mapping[str, str], sent: Any, text: bytes, provider: Provider | None
) -> DragomanError:
    inner = openai_errors.reported(sent)
    return openai_errors.failure(status, headers, inner, body=sent, text=text, provider=provider)


class Codec(msgspec.Struct, frozen=True, kw_only=True):
    """
    One dialect.

    Attributes:
        name: Its name, as a provider's row says it.
        path: Below the base URL; `{model}` is replaced.
        served: The whole path of such a request, as a server sees it.
        write: Makes the body of a request; its kind is in the dialect's word, or None.
        answer: The Struct of an answer.
        read: Takes vectors and usage out of an answer.
        receive: Reads a request's body, as a server; the path is its second argument.
        reply: Makes the body of an answer to a request, as a server.
        limit: Most texts that the vendor takes in one request.
        token_limit: Most tokens of all texts of a request together, or None if the vendor names none.
        kinds: What a kind of text is called.
        required_kind: Kind that is sent where none was said, for a dialect that requires one.
        has_base64: Whether vectors may travel as base64.
        each: Name of the list in the body whose items take `extra`, for dialects that have no settings above them.
        failure: Builds the error of an answer that says no.
    """

    name: str
    path: str
    served: re.Pattern[str]
    write: Callable[[EmbedRequest, str | None], Json]
    answer: type[Any]
    read: Callable[[Any], EmbedResponse]
    receive: Callable[[Json, str], EmbedRequest]
    reply: Callable[[EmbedResponse, EmbedRequest], Json]
    limit: int
    token_limit: int | None = None
    kinds: Mapping[InputKind, str] = {}
    required_kind: InputKind | None = None
    has_base64: bool = False
    each: str | None = None
    failure: Failure = _failure

    # --- client half ------------------------------------------------------------------------------------------------

    def encode_request(self, request: EmbedRequest, provider: Provider) -> HttpRequest:
        """Write a request, without credentials.  What it could not carry is in `.notices`."""
        kind, notices = self._kind(request)
        body = self.write(request, kind)
        if request.extra and self.each:
            body[self.each] = [overlay(object_of(item), request.extra) for item in body[self.each]]
        elif request.extra:
            body = overlay(body, request.extra)
        return asking(provider, self.path, model=request.model, body=body, notices=notices)

    def _kind(self, request: EmbedRequest) -> tuple[str | None, tuple[Notice, ...]]:
        """The dialect's word for the kind, and what there is to say of it."""
        if request.kind is not None and request.kind in self.kinds:
            return self.kinds[request.kind], ()
        instead = self.kinds[self.required_kind] if self.required_kind else None
        if request.kind is None:
            return instead, (
                (Notice("kind", f"not set, and required: {instead} was sent", adapted=False),) if instead else ()
            )
        told = f"{instead} was sent" if instead else "it was left out"
        return instead, (Notice("kind", f"the provider has no word for {request.kind}: {told}"),)

    def decode_response(
        self, status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
    ) -> EmbedResponse:
        """
        Read an answer.

        Raises:
            StatusError: The provider said no, by status or in the body.
            WireError: Not the protocol.
        """
        names = lowered(headers)
        reports = openai_errors.reported
        answer = read_answer(
            self.answer, status, names, body, provider, lambda sent: reports(sent) is not None, self.failure
        )
        response = self.read(answer)
        if not response.vectors:
            sent = parse_json(body)
            if reports(sent) is not None:
                raise self.failure(status, names, sent, body, provider)
            raise WireError("the answer holds no vectors", provider=provider.name if provider else None, status=status)
        return msgspec.structs.replace(
            response, provider=provider.name if provider else None, request_id=request_id_of(names)
        )

    # --- server half ------------------------------------------------------------------------------------------------

    def serves(self, path: str) -> bool:
        """Whether requests of this dialect come to `path`."""
        return self.served.fullmatch(path) is not None

    def decode_request(self, body: bytes, *, path: str = "") -> EmbedRequest:
        """
        Read a request.

        Raises:
            ConfigError: Not a request of this dialect; `.field` says where.
        """
        raw, _ = read_body(body, dict[str, Any])
        request = self.receive(raw, path)
        if not request.inputs:
            raise ConfigError("there is no text: give one or more", field="input")
        return request

    def encode_response(self, response: EmbedResponse, request: EmbedRequest) -> bytes:
        """Write an answer to `request`."""
        return msgspec.json.encode(self.reply(response, request))


# --- what the dialects share ------------------------------------------------------------------------------------------


def texts_of(value: Any, field: str) -> tuple[str, ...]:
    """
    A text, or a list of them, in a request.

    Raises:
        ConfigError: Neither.
    """
    items = [value] if isinstance(value, str) else list_of(value)
    if not items or not all(isinstance(item, str) for item in items):
        raise ConfigError(f"{field}: give a text, or a list of texts", field=field)
    return tuple(items)


def model_of(value: Any) -> str:
    """
    The model that a request names.

    Raises:
        ConfigError: None.
    """
    if not isinstance(value, str) or not value:
        raise ConfigError("model: give the name of one", field="model")
    return value


def kind_of(word: Any, kinds: Mapping[InputKind, str]) -> InputKind | None:
    """The kind that a dialect's word stands for, in a request."""
    return next((kind for kind, own in kinds.items() if own == word), None)
