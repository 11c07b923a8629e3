"""
Requests, both ways.

Law: `decode_request` and then `encode_request` gives the body back, as JSON; only explicit nulls are dropped.

One question of one text is written as a text, anything else as steps.  `native["gemini-interactions"]` of the message
says where it came in another of the dialect's forms; that of the request holds what has no neutral form
(`previous_interaction_id`, `store`, `background`...).

Rule: the vendor stores interactions unless `store` says no, and a stored one brings back only its steps: tools,
instructions and settings are sent with every request.

Sources: google-genai SDK 3.4.0 (`CreateModelInteraction`, `CreateAgentInteraction`, `InteractionsInput`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.http import HttpRequest, Notice
from dragoman.types.messages import Message, Part, Role, Text
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.wire.base import encode_json
from dragoman.wire.gemini_interactions.content import decode_block
from dragoman.wire.gemini_interactions.dialect import CONTENT, NAME, PATH, REVISION, Json
from dragoman.wire.gemini_interactions.settings import decode_settings, encode_settings
from dragoman.wire.gemini_interactions.steps import begins_anew, decode_step
from dragoman.wire.gemini_interactions.writer import StepWriter
from dragoman.wire.lenient import list_of, text_of
from dragoman.wire.native import is_ours, own, replays
from dragoman.wire.place import Place
from dragoman.wire.request_body import overlay, read_body

_INSTRUCTIONS: Final = ("system", "developer")

_FORM: Final = "input"
"""Key of a message's `native` that says in which form it came as the whole `input`."""


def encode_request(request: ChatRequest, provider: Provider) -> HttpRequest:
    """
    Write a request, without credentials.  What it could not carry is in `.notices`.

    Raises:
        ConfigError: There are only instructions and no message to answer, or a text that has no bytes.
    """
    notices: list[Notice] = []
    body: Json = {"model": request.model, **_conversation(request, provider, notices)}
    if request.stream:
        body["stream"] = True
    settings = encode_settings(request, notices)
    body = {**settings, **body}
    _name_target(body, request)
    return HttpRequest(
        url=provider.url(PATH, request.model),
        headers={
            **{name.lower(): value for name, value in provider.headers.items()},
            "content-type": "application/json",
            "accept": "text/event-stream" if request.stream else "application/json",
            "api-revision": provider.quirks.api_version or REVISION,
        },
        body=encode_json(overlay(body, request.extra or {})),
        notices=tuple(notices),
    )


def _name_target(body: Json, request: ChatRequest) -> None:
    """An agent is named in a field of its own, and then there is no model."""
    agent = body.pop("agent", None)  # as it came, for the model that was asked then
    if "agent" in (request.extra or {}):
        del body["model"]
    elif agent == request.model:
        body["agent"] = body.pop("model")


# --- messages ---------------------------------------------------------------------------------------------------------


def _conversation(request: ChatRequest, provider: Provider, notices: list[Notice]) -> Json:
    """`system_instruction` of the instructions, `input` of the rest."""
    places = [
        (message, Place(f"messages[{i}]", message.role, replays(message, provider), notices))
        for i, message in enumerate(request.messages)
    ]
    asked = [(message, place) for message, place in places if message.role not in _INSTRUCTIONS]
    told = [(message, place) for message, place in places if message.role in _INSTRUCTIONS]
    if not asked:
        raise ConfigError("messages holds instructions only: add a message of the user", field="messages")
    for message, place in places[len(told) :]:
        if message.role in _INSTRUCTIONS:
            place.note("this dialect has one place for instructions; moved to the head")
    fields: Json = {"system_instruction": "\n\n".join(_instruction(*one) for one in told)} if told else {}
    return fields | _input(asked)


def _instruction(message: Message, place: Place) -> str:
    for i, part in enumerate(message.parts):
        if not isinstance(part, Text):
            place.note("instructions are a text in this dialect; left out", f".parts[{i}]")
    return message.text


def _input(asked: list[tuple[Message, Place]]) -> Json:
    message, place = asked[0]
    form = text_of(own(message.native, NAME, place.replay).get(_FORM)) if len(asked) == 1 else _STEPS
    if not form and _is_plain(message):
        if any(part.cache is not None for part in message.parts):
            place.note("prompts are cached of themselves here; marks were left out", ".parts[0].cache")
        return {"input": message.text}
    writer = StepWriter()
    steps = [step for message, place in asked for step in writer.message(message, place)]
    written = _FORMS.get(form, _as_steps)(steps)
    if written is None:
        raise ConfigError("messages holds nothing that can be sent to this provider", field="messages")
    return written


def _is_plain(message: Message) -> bool:
    if message.role != "user" or message.name or len(message.parts) != 1:
        return False
    part = message.parts[0]
    return isinstance(part, Text) and not part.citations and not is_ours(part.native, NAME)


# How the one message of a request came, where a lone text or steps do not say it.
_STEPS: Final = "steps"


def _as_steps(steps: list[Json]) -> Json | None:
    return {"input": steps} if steps else None


def _as_blocks(steps: list[Json]) -> Json | None:
    blocks = _blocks(steps)
    return {"input": blocks} if blocks else _as_steps(steps)


def _as_block(steps: list[Json]) -> Json | None:
    blocks = _blocks(steps)
    return {"input": blocks[0]} if len(blocks) == 1 else _as_steps(steps)


def _as_nothing(steps: list[Json]) -> Json | None:
    return _as_steps(steps) or {}


def _blocks(steps: list[Json]) -> list[Any]:
    """The blocks of a lone question; none where there is more than that."""
    return list_of(steps[0].get("content")) if len(steps) == 1 else []


_FORMS: Final[dict[str, Callable[[list[Json]], Json | None]]] = {
    "blocks": _as_blocks,
    "block": _as_block,
    "nothing": _as_nothing,
}


# --- as a server ------------------------------------------------------------------------------------------------------


class _Body(msgspec.Struct):
    model: str | None = None
    agent: str | None = None
    input: str | Json | list[Json] | None = None
    system_instruction: str | None = None
    stream: bool | None = None
    generation_config: Json | None = None


def decode_request(body: bytes) -> ChatRequest:
    """
    Read a request, as a server.

    Raises:
        ConfigError: Not a request of this dialect; `.field` says where.
    """
    raw, told = read_body(body, _Body)
    model = told.model or told.agent
    if not model:
        raise ConfigError("model is missing: give a model or an agent", field="model")
    settings, native = decode_settings({name: value for name, value in raw.items() if name not in _NAMED})
    if told.stream is False:
        native["stream"] = False
    if told.agent is not None:
        native["agent"] = told.agent
    return ChatRequest(
        model=model,
        messages=(*_system(told.system_instruction), *_messages(told.input, native)),
        stream=bool(told.stream),
        native={NAME: native} if native else None,
        **settings,
    )


_NAMED: Final = ("model", "agent", "input", "system_instruction", "stream")


def _system(text: str | None) -> tuple[Message, ...]:
    return () if text is None else (Message("system", (Text(text),)),)


def _messages(given: str | Json | list[Json] | None, native: Json) -> tuple[Message, ...]:
    if isinstance(given, str):
        return (Message("user", (Text(given),)),)
    if isinstance(given, dict):
        return (_lone((decode_block(given, "input"),), "block"),)
    if given is None and "continuation_token" in native:
        return (_lone((), "nothing"),)  # what is to go on is known to the vendor
    if not given:
        raise ConfigError("input is missing: give a text, or a list of steps", field="input")
    if all(text_of(block.get("type")) in CONTENT for block in given):
        return (_lone(tuple(decode_block(block, f"input[{i}]") for i, block in enumerate(given)), "blocks"),)
    return tuple(_turns(given))


def _lone(parts: tuple[Part, ...], form: str) -> Message:
    return Message("user", parts, native={NAME: {_FORM: form}})


def _turns(steps: list[Json]) -> Iterable[Message]:
    """The messages of steps: what the model did without a break is one, and so are results; each question is one."""
    role, parts, before = "", list[Part](), ""
    for i, step in enumerate(steps):
        kind = text_of(step.get("type"))
        if not kind:
            raise ConfigError(f"input[{i}].type is missing: each step has a type", field=f"input[{i}].type")
        found, speaker = decode_step(step, f"input[{i}]"), _ROLES.get(kind, "assistant")
        if parts and (speaker != role or speaker == "user"):
            yield _turn(role, parts, len(steps) == 1)
            parts, before = [], ""
        parts += begins_anew(found) if kind == before == "model_output" else found
        role, before = speaker, kind
    yield _turn(role, parts, len(steps) == 1)


_ROLES: Final[dict[str, Role]] = {"user_input": "user", "function_result": "tool"}


def _turn(role: Any, parts: list[Part], alone: bool) -> Message:
    # A lone question that came as a step is not sent back as a text.
    return Message(role, tuple(parts), native={NAME: {_FORM: _STEPS}} if alone else None)
