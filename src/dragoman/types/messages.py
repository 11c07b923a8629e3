"""
Messages and the parts they are made of.

A message is a role and an ordered tuple of parts.  The same values are asked and answered, stored and replayed, for
every provider.

`native` is how a dialect's own state travels.  It maps a wire name (`"anthropic-messages"`) to what that dialect
needs back unchanged: a reasoning signature, an unknown field.  Only the wire of that name reads it, and only for the
provider that wrote it (`Message.origin`), so a signature never reaches a provider that did not make it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, cast, get_args

import msgspec
from msgspec.structs import force_setattr

from dragoman.errors import ConfigError
from dragoman.types.media import audio_type, checked_source, file_type, image_type

Role = Literal["system", "developer", "user", "assistant", "tool"]
ROLES: tuple[str, ...] = get_args(Role)

Native = dict[str, Any]
"""Wire name to opaque JSON; see the text of this module."""


class TokenLogprob(msgspec.Struct, frozen=True, omit_defaults=True):
    """One generated token and its natural-log probability; `top` holds the alternatives at its place."""

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple[TokenLogprob, ...] = ()


class Citation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    A source of a piece of text.

    Attributes:
        url: Where it is, if it is on the web.
        title: Its title.
        text: The words cited.
        start: Offset of the first character that it supports, in its `Text` part, where the provider says so.
        end: Offset after the last character.
        native: The provider's own form, for replay.
    """

    url: str | None = None
    title: str | None = None
    text: str | None = None
    start: int | None = None
    end: int | None = None
    native: Native | None = None


class CacheMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    Asks the provider to cache the prompt up to and including the part that bears it.

    Attributes:
        ttl: How long, in the provider's words (`"5m"`, `"1h"`), or None for its default.
    """

    ttl: str | None = None


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What every part has: a cache mark and its dialect's own state."""

    cache: CacheMark | None = None
    native: Native | None = None


class Text(_Part, frozen=True, omit_defaults=True, tag="text"):
    """Text that the model reads or wrote."""

    text: str
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


class Image(_Part, frozen=True, omit_defaults=True, tag="image"):
    """
    A picture: exactly one of `data`, `url`, `file_id`.

    Attributes:
        data: The file's bytes.
        url: An http(s) address; a `data:` URL is taken apart into `data` and `media_type`.
        file_id: Id of a file that the provider keeps.
        media_type: `image/png`, `image/jpeg`...; recognised from the first bytes when it is not given.
        detail: `low`, `high` or `auto`, where a provider knows it.

    Raises:
        ConfigError: None or several sources, or bytes that are no known image.
    """

    data: bytes | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    detail: str | None = None

    def __post_init__(self) -> None:
        checked_source(self, "image", image_type)


class Audio(_Part, frozen=True, omit_defaults=True, tag="audio"):
    """
    Sound, asked or answered.

    Attributes:
        data: The file's bytes.
        media_type: `audio/wav`, `audio/mpeg`...; recognised from the first bytes when it is not given.
        url: An http(s) address.
        file_id: Id of a file or an earlier answer that the provider keeps.
        transcript: The words, where the provider gives them.
        expires_at: Unix seconds after which `file_id` is gone.
    """

    data: bytes | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    transcript: str | None = None
    expires_at: int | None = None

    def __post_init__(self) -> None:
        checked_source(self, "audio", audio_type)


class File(_Part, frozen=True, omit_defaults=True, tag="file"):
    """
    A document (PDF, text, video...): exactly one of `data`, `url`, `file_id`.

    Attributes:
        data: The file's bytes.
        media_type: `application/pdf`, `text/plain`...; recognised from bytes and name when it is not given.
        url: An http(s) address.
        file_id: Id of a file that the provider keeps.
        name: File name or title.
    """

    data: bytes | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        checked_source(self, "file", lambda data: file_type(data, self.name))


class Reasoning(_Part, frozen=True, omit_defaults=True, tag="reasoning"):
    """
    What the model thought.

    `text` may be empty: a provider may hide or encrypt it and send only a signature, kept in `native`.
    """

    text: str = ""


class ToolCall(_Part, frozen=True, omit_defaults=True, tag="tool_call"):
    """
    The model asks to call a tool.

    Attributes:
        id: The provider's id of the call, which its result must repeat; may be empty, as sent.
        name: Name of the tool.
        arguments_json: The arguments exactly as sent.
        kind: `function` (JSON arguments) or `custom` (free text).
    """

    id: str
    name: str
    arguments_json: str = "{}"
    kind: Literal["function", "custom"] = "function"

    @property
    def arguments(self) -> Any:
        """
        The arguments as parsed JSON; `{}` where the model sent nothing.

        None when `arguments_json` is not JSON: cut by the output limit, or a custom tool's free text.  Nothing is
        repaired.
        """
        if not self.arguments_json.strip():
            return {}
        try:
            return msgspec.json.decode(self.arguments_json)
        except msgspec.DecodeError:
            return None


class Refusal(_Part, frozen=True, omit_defaults=True, tag="refusal"):
    """The model's words of refusal; not part of `.text`."""

    text: str


class Opaque(_Part, frozen=True, omit_defaults=True, tag="opaque"):
    """
    A block that only one dialect knows (a server tool's call or result), carried and replayed unchanged.

    Attributes:
        wire: The dialect that wrote it; no other is ever sent it.
        data: The block as JSON.
    """

    wire: str
    data: dict[str, Any]


class ToolResult(_Part, frozen=True, omit_defaults=True, tag="tool_result"):
    """
    What a tool gave back.

    Attributes:
        call_id: `ToolCall.id` of the call it answers.
        parts: The result: text, images, files.  A `str` is taken as one text.
        name: Name of the tool, which some providers want repeated.
        is_error: Whether the tool failed; `parts` then says how.
    """

    call_id: str
    parts: tuple[Text | Image | Audio | File | Opaque, ...] = ()
    name: str | None = None
    is_error: bool = False

    def __post_init__(self) -> None:
        force_setattr(self, "parts", as_parts(self.parts))

    @property
    def text(self) -> str:
        """All text parts, joined without a separator."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


Part = Text | Image | Audio | File | Reasoning | ToolCall | ToolResult | Refusal | Opaque
PART_TYPES: tuple[type[Part], ...] = get_args(Part)
_PART_TYPES: frozenset[type] = frozenset(PART_TYPES)


def as_parts(parts: object, field: str = "parts") -> tuple[Any, ...]:
    """Take a text, a part, or an iterable of both, and give the tuple of parts."""
    if isinstance(parts, str):
        return (Text(parts),)
    if isinstance(parts, PART_TYPES):
        return (parts,)
    if not isinstance(parts, Iterable):
        raise ConfigError(f"{field} must be a text, a part or a list of both, not {type(parts).__name__}", field=field)
    return _as_tuple(tuple(cast("Iterable[object]", parts)), field)


def _as_tuple(parts: tuple[object, ...], field: str = "parts") -> tuple[Any, ...]:
    return tuple([_as_part(part, field, i) for i, part in enumerate(parts)])


def _as_part(part: object, field: str, i: int) -> Part:
    if isinstance(part, str):
        return Text(part)
    if isinstance(part, PART_TYPES):
        return part
    field = f"{field}[{i}]"
    raise ConfigError(
        f"{field} is {type(part).__name__}: use text or {', '.join(kind.__name__ for kind in PART_TYPES)}", field=field
    )


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    One turn of a conversation.

    Attributes:
        role: `system`, `developer`, `user`, `assistant` or `tool`.
        parts: What it says, in order.  A `str` or one part is taken as a tuple of one.
        name: Name of the speaker, where a provider knows it.
        origin: `provider/model` that wrote an answer; None for what people and programs wrote.
        native: The dialect's own fields of this message.

    Raises:
        ConfigError: Unknown role, or something that is no part; `.field` says where.

    >>> Message("user", "Hello").text
    'Hello'
    """

    role: Role
    parts: tuple[Part, ...] = ()
    name: str | None = None
    origin: str | None = None
    native: Native | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ConfigError(f"role is {self.role!r}: use one of {', '.join(ROLES)}", field="role")
        if type(self.parts) is not tuple or not _PART_TYPES.issuperset(map(type, self.parts)):
            force_setattr(self, "parts", as_parts(self.parts))

    @property
    def text(self) -> str:
        """All text parts, joined without a separator."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        """All reasoning parts, joined without a separator."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def refusal(self) -> str | None:
        """The words of refusal, or None."""
        texts = [part.text for part in self.parts if isinstance(part, Refusal)]
        return "".join(texts) if texts else None

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls in this message, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @classmethod
    def user(cls, *parts: str | Part) -> Message:
        """A turn of the user: texts and parts in order."""
        return cls("user", _as_tuple(parts))

    @classmethod
    def system(cls, *parts: str | Part) -> Message:
        """Instructions from whoever runs the program."""
        return cls("system", _as_tuple(parts))

    @classmethod
    def assistant(cls, *parts: str | Part) -> Message:
        """A turn of the model."""
        return cls("assistant", _as_tuple(parts))

    @classmethod
    def tool(cls, call: ToolCall | str, *parts: str | Part, is_error: bool = False) -> Message:
        """The result of one tool call, named by the call or its id."""
        call_id, name = (call.id, call.name) if isinstance(call, ToolCall) else (call, None)
        return cls("tool", (ToolResult(call_id, as_parts(parts), name, is_error),))
