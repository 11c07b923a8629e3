"""
From a row as it was given to the request that it is.

A row is one of

* a line of OpenAI's batch files: `custom_id`, `url`, `body`; the body is read by the dialect of its address;
* an object with `prompt` or `messages`, and `system`, `model` and settings if it likes; or, under a template,
  any object;
* where vectors are wanted, an object with `input`, or any object under a template;
* in Python also a text, a message, a list of messages, or a `ChatRequest`.

What stands in the row wins over what was said for all rows, save the model: who names one wants it for this file.

Rule: a row is known by its id and its resolved request (`digest`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any, Final, NamedTuple, cast

import msgspec

from dragoman import wire
from dragoman.batch import vectors
from dragoman.batch.cells import fields_of, json_of
from dragoman.batch.digest import digest
from dragoman.batch.source import Given
from dragoman.batch.template import Template
from dragoman.batch.vectors import VectorRequest
from dragoman.errors import ConfigError, SourceError, UnknownModelError
from dragoman.types.messages import Message
from dragoman.types.requests import SETTING_NAMES, ChatRequest
from dragoman.verbs.parsing import typed_form
from dragoman.wire.openai_chat import parse_messages

# End of an address to the dialect of its bodies.
_DIALECTS: Final = {
    "/chat/completions": "openai-chat",
    "/responses": "openai-responses",
    "/messages": "anthropic-messages",
    "/embeddings": vectors.DIALECT,
}
_IDS: Final = ("custom_id", "id")


class Row(NamedTuple):
    """
    One row that can be asked.

    Attributes:
        number: Place in the input.
        id: Its own, or `row-N`.
        key: 16 bytes: what it is known by.
        dialect: In which its answer is written.
        request: What is asked; or the error for which it cannot be.
        given: The row as it was given.
        same: 16 bytes: what all rows that ask the same have in common.
    """

    number: int
    id: str
    key: bytes
    dialect: str
    request: ChatRequest | VectorRequest | ConfigError
    given: Given
    same: bytes = b""


class Rows:
    """
    Makes requests of rows.

    Args:
        model: For all rows; None to take each row's own.
        settings: For all rows; a row's own win.
        template: Makes the prompt of a row's fields, or None.
        system: Instructions before each prompt that has none, or None.
        key: Name of the field that is the row's id; None for `custom_id`, then `id`.
        resolves: Raises `UnknownModelError` for a reference that leads to no provider.
        embed: Whether rows that say nothing else ask for vectors.
        said: `dimensions` and `kind` of the vectors.
        parse: Whether answers in words are read as values, also where only the row says of which form.

    Attributes:
        vectors: Whether a row was seen that asks for them.
        words: Whether one was seen that asks for words.

    Raises:
        ConfigError: A setting that has no meaning for vectors.
    """

    def __init__(
        self,
        *,
        model: str | None,
        settings: Mapping[str, Any],
        template: Template | None,
        system: str | None,
        key: str | None,
        resolves: Callable[[str], object],
        embed: bool = False,
        said: Mapping[str, Any] | None = None,
        parse: bool = False,
    ) -> None:
        if embed:
            vectors.check_settings(settings)
        self.vectors = embed
        self.words = not embed
        self._embed = embed
        self._parse = parse
        self._said = said or {}
        self._asked = settings
        self._model = model
        self._settings: dict[str, Any] = {"priority": "batch", **settings}
        self._bare = not parse and not settings
        self._template = template
        self._system = system
        self._ids = (key,) if key else _IDS
        self._named = key is not None
        self._reference = lru_cache(1000)(partial(_reference, resolves))

    def name(self, given: Given) -> str:
        """
        Look whether a row can be one, and return its id.

        Raises:
            SourceError: It cannot; the message names the line and the field.
        """
        return self._name(self._value(given), given)

    def row(self, given: Given) -> Row:
        """Make the request of a row that was looked at; what is wrong in it is kept beside it."""
        value = self._value(given)
        name, dialect = self._name(value, given), self._dialect(value)
        request: ChatRequest | VectorRequest | ConfigError
        try:
            made = self._request(value, dialect, given.place)
            request, known = made, digest(made)
        except ConfigError as error:
            request = error
            known = blake2b(error.message.encode("utf-8", "replace")).digest()
        key = blake2b(name.encode() + b"\0" + known, digest_size=16).digest()
        return Row(given.number, name, key, dialect or "openai-chat", request, given, known[:16])

    def _value(self, given: Given) -> Any:
        if given.table:
            return given.value if self._template is not None else fields_of(given.value, given.place)
        return _unwrapped(given.value)

    def _dialect(self, value: object) -> str | None:
        """That of a body; None for a row that is none, unless it is to give vectors."""
        found = None
        if isinstance(value, Mapping) and self._template is None:
            found = _dialect(cast("Mapping[str, Any]", value))
        return found or (vectors.DIALECT if self._embed else None)

    def _name(self, value: object, given: Given) -> str:
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, Any]", value)
            self._check(fields, given.place)
            return self._id(fields, given)
        if not isinstance(value, str | Message | ChatRequest | Sequence):
            raise SourceError(
                f"{given.place} is {type(value).__name__}: give an object with prompt or messages", field=given.place
            )
        if self._parse and not isinstance(value, ChatRequest):
            typed_form(self._asked.get("output"))  # such a row has none of its own
        return f"row-{given.number}"

    # --- looking ------------------------------------------------------------------------------------------------------

    def _check(self, fields: Mapping[str, Any], place: str) -> None:
        if "body" in fields and self._template is None:
            if not isinstance(fields["body"], Mapping):
                raise SourceError(f"{place}: body is no object", field="body")
            dialect = _dialect(fields)
            if dialect is None:
                known = ", ".join(_DIALECTS)
                raise SourceError(
                    f"{place}: nothing here answers {fields.get('url')!r}; known are addresses that end in {known}",
                    field="url",
                )
            self.vectors |= dialect == vectors.DIALECT
            self.words |= dialect != vectors.DIALECT
            self._check_model(cast("Mapping[str, Any]", fields["body"]), place)
            return
        if self._template is not None:
            self._template.fill(fields, place)
        elif self._embed:
            vectors.check_fields(fields, place)
        elif "prompt" not in fields and "messages" not in fields:
            there = ", ".join(map(repr, fields)) or "none"
            raise SourceError(
                f"{place}: neither body nor messages nor prompt (there: {there}): give a template",
                field="prompt",
            )
        self._check_model(fields, place)

    def _check_model(self, fields: Mapping[str, Any], place: str) -> None:
        if self._model is None and not isinstance(fields.get("model"), str):
            raise SourceError(f"{place}: no model: give model= for all rows, or one in each", field="model")

    def _id(self, fields: Mapping[str, Any], given: Given) -> str:
        for name in self._ids:
            if name in fields:
                value = fields[name]
                if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
                    raise SourceError(f"{given.place}: {name} is {value!r}: give a text or a number", field=name)
                return _text(str(value), name, given.place)
        if self._named:
            raise SourceError(f"{given.place}: no field {self._ids[0]!r}, which is to be the id", field=self._ids[0])
        return f"row-{given.number}"

    # --- making -------------------------------------------------------------------------------------------------------

    def _request(self, value: Any, dialect: str | None, place: str) -> ChatRequest | VectorRequest:
        if dialect == vectors.DIALECT:
            return self._vectors(value, place)
        if isinstance(value, ChatRequest):
            own = {name: got for name in SETTING_NAMES if (got := getattr(value, name)) is not None}
            return self._made(value.model, value.messages, own)
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, Any]", value)
            if dialect is not None and self._template is None:
                return self._decoded(fields, dialect)
            return self._plain(fields, place)
        return self._plain({"messages": value} if not isinstance(value, str) else {"prompt": value}, place)

    def _vectors(self, value: Any, place: str) -> VectorRequest:
        fields = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {"input": value}
        if "body" in fields and self._template is None:
            made = vectors.decoded(fields["body"], self._model, self._said, self._asked)
            return msgspec.structs.replace(made, model=self._reference(made.model))
        texts = fields["input"] if self._template is None else self._template.fill(fields, place)
        model = self._model or fields.get("model")
        if not isinstance(model, str):
            raise ConfigError("no model: give model= for all rows, or one in each", field="model")
        own = {} if self._template is not None else fields
        return vectors.request_of(texts, self._reference(model), self._said, own, self._asked)

    def _decoded(self, fields: Mapping[str, Any], dialect: str) -> ChatRequest:
        """A body, in its dialect."""
        body = dict(cast("Mapping[str, Any]", fields["body"]))
        if self._model is not None:
            body["model"] = self._model
        body.pop("stream", None)  # a batch has nobody to stream to
        body.pop("stream_options", None)
        request = wire.get(dialect).decode_request(json_of(body, "body"), path=str(fields.get("url")))
        if self._bare:  # the usual case; a second look at what was just checked would be a tenth of the row's work
            made = request.directed(model=self._reference(request.model))
            if made.priority is None:
                msgspec.structs.force_setattr(made, "priority", "batch")
            return made
        own = {name: got for name in SETTING_NAMES if (got := getattr(request, name)) is not None}
        return self._made(request.model, request.messages, own)

    def _plain(self, fields: Mapping[str, Any], place: str) -> ChatRequest:
        own: dict[str, Any] = {}
        if self._template is not None:
            messages: Any = self._template.fill(fields, place)
        else:
            messages = fields["messages"] if "messages" in fields else fields["prompt"]
            own = {name: fields[name] for name in SETTING_NAMES if fields.get(name) is not None}
        said = _messages(messages)
        system = self._system if self._template is not None else fields.get("system", self._system)
        if system is not None and said[0].role not in ("system", "developer"):
            said = (Message.system(system), *said)
        model = fields.get("model")
        return self._made(model if isinstance(model, str) else None, said, own)

    def _made(self, model: str | None, messages: tuple[Message, ...], own: Mapping[str, Any]) -> ChatRequest:
        named = self._model or model
        if named is None:
            raise ConfigError("no model: give model= for all rows, or one in each", field="model")
        merged: dict[str, Any] = {**self._settings, **own}
        request = ChatRequest(self._reference(named), messages, **merged)
        return msgspec.structs.replace(request, output=typed_form(request.output)) if self._parse else request


def _reference(resolves: Callable[[str], object], name: str) -> str:
    """A reference that resolves; the bare names in OpenAI's files are OpenAI's."""
    try:
        resolves(name)
    except UnknownModelError:
        if "/" in name or ":" in name:
            raise
        return f"openai/{name}"
    return name


def _unwrapped(value: Any) -> Any:
    """A line of an errors file is the row that failed."""
    if isinstance(value, Mapping) and "row" in value and "error" in value:
        return cast("Mapping[str, Any]", value)["row"]
    return cast("object", value)


def _dialect(fields: Mapping[str, Any]) -> str | None:
    if "body" not in fields:
        return None
    return _spoken_at(str(fields.get("url") or "/v1/chat/completions"))


@lru_cache(100)
def _spoken_at(url: str) -> str | None:
    path = url.partition("?")[0].rstrip("/")
    return next((name for end, name in _DIALECTS.items() if path.endswith(end)), None)


def _messages(given: Any) -> tuple[Message, ...]:
    if isinstance(given, str):
        return (Message.user(given),)
    if isinstance(given, Message):
        return (given,)
    made = parse_messages([given] if isinstance(given, Mapping) else given)
    if not made:
        raise ConfigError("messages is empty: give at least one message", field="messages")
    return made


def _text(name: str, field: str, place: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise SourceError(f"{place}: {field} holds half a surrogate pair: it is no valid text", field=field) from error
    return name
