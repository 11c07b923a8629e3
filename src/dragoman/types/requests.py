"""
What is asked.

`Settings` are the knobs, all unset by default; an unset one is not sent.  `ChatRequest` is a model, messages and the
same knobs.  Both are checked when they are made, so that bad input fails where it was written, and names its field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from difflib import get_close_matches
from operator import attrgetter
from typing import Any, TypedDict, cast

import msgspec
from msgspec.structs import force_setattr

from dragoman.errors import ConfigError
from dragoman.types.messages import CacheMark, Message, Native
from dragoman.types.setting_checks import CHECKS, typed_output
from dragoman.types.setting_values import Effort, OutputFormat, Priority, ReasoningSettings, Reuse, Verbosity
from dragoman.types.tools import Tool

__all__ = [
    "SETTING_NAMES",
    "ChatRequest",
    "Effort",
    "OutputFormat",
    "Priority",
    "ReasoningSettings",
    "Reuse",
    "Settings",
    "SettingsDict",
    "Verbosity",
    "check_names",
    "settings_from",
    "settings_of",
    "typed_output",
]


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Reusable settings of a call.  None means unset, and what is unset is not sent.

    Attributes:
        temperature: Randomness, 0 and up; most providers cap at 1 or 2.
        top_p: Sample from the smallest set of tokens whose probability reaches this, 0 to 1.
        top_k: Sample from this many tokens.
        max_tokens: Cap on generated tokens, reasoning included.
        stop: Texts at which generation ends.
        seed: For repeatable sampling, where a provider offers it.
        frequency_penalty: -2 to 2: against repeating what was said often.
        presence_penalty: -2 to 2: against repeating what was said at all.
        logit_bias: Token id (as text) to bias, -100 to 100.
        logprobs: Ask for the probability of each token.
        top_logprobs: And of that many alternatives.
        n: How many answers.
        tools: Functions, `@tool`s, `Tool`s, or OpenAI-style dicts.
        tool_choice: `auto`, `none`, `required`, or the name of a tool that must be called.
        parallel_tool_calls: Whether several calls may come in one answer.
        reasoning: An effort (`"low"`), a token budget, or `ReasoningSettings`.
        verbosity: `low`, `medium`, `high`: length of the answer.
        output: The form of the answer: a type, a JSON Schema dict, or `OutputFormat`.
        cache: Ask for automatic prompt caching, where that is a switch.
        service_tier: The provider's name of a price and speed class.
        metadata: Key-value pairs that the provider stores with the call.
        user: Stable, anonymous id of the end user, for abuse detection.
        timeout: Seconds for the whole call.
        priority: `interactive`, `normal` (as if unset) or `batch`: who goes first where a limit is shared.
        reuse: What the client's cache may do: False for nothing, `"refresh"` to ask anew and keep the answer, a number
            for answers of at most that many seconds; by default (and True) whatever is there is used.
        extra: More fields for the body, sent as they are, to whichever provider is called.
        native: Wire name to fields of the body that only that dialect is sent.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None
    tools: tuple[Tool, ...] | None = None
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    reasoning: ReasoningSettings | None = None
    verbosity: Verbosity | None = None
    output: OutputFormat | None = None
    cache: CacheMark | None = None
    service_tier: str | None = None
    metadata: dict[str, Any] | None = None
    user: str | None = None
    timeout: float | None = None
    priority: Priority | None = None
    reuse: Reuse | None = None
    extra: dict[str, Any] | None = None
    native: Native | None = None

    def __post_init__(self) -> None:
        for name, value in self.values().items():
            checked = CHECKS[name](value, name)
            if checked is not value:
                force_setattr(self, name, checked)

    def values(self) -> dict[str, Any]:
        """Return what is set, by name."""
        return {name: value for name, value in zip(SETTING_NAMES, _values(self), strict=True) if value is not None}

    def override(self, other: Settings) -> Settings:
        """Return these settings with every one that is set in `other` replaced."""
        return msgspec.structs.replace(self, **other.values())


class ChatRequest(Settings, frozen=True, omit_defaults=True):
    """
    One question to one model.

    Attributes:
        model: `provider/model`, or the bare name where the provider is known from elsewhere.
        messages: The turns so far: a text, one `Message`, or several.
        stream: Whether the answer comes as a stream; `Client.open` sets it.

    Raises:
        ConfigError: A value is of the wrong type or out of range; `.field` names it.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model.strip():
            raise ConfigError("model is empty: give 'provider/model'", field="model")
        messages = self.messages
        if type(messages) is not tuple or not _MESSAGE.issuperset(map(type, messages)):
            force_setattr(self, "messages", _messages(messages))
        if not self.messages:
            raise ConfigError("messages is empty: give at least one message", field="messages")
        Settings.__post_init__(self)

    def directed(
        self, *, model: str | None = None, stream: bool | None = None, messages: tuple[Message, ...] | None = None
    ) -> ChatRequest:
        """Return the same request with these replaced by values that are known to be right: none is checked again."""
        if model is None and messages is None and stream is self.stream:
            return self
        other = copy(self)
        if messages is not None:
            force_setattr(other, "messages", messages)
        if model is not None:
            force_setattr(other, "model", model)
        if stream is not None:
            force_setattr(other, "stream", stream)
        return other


SETTING_NAMES: tuple[str, ...] = Settings.__struct_fields__
_MESSAGE: frozenset[type] = frozenset((Message,))
_values: Callable[[Settings], tuple[Any, ...]] = attrgetter(*SETTING_NAMES)


def _messages(value: object) -> tuple[Message, ...]:
    if isinstance(value, str):
        return (Message.user(value),)
    if isinstance(value, Message):
        return (value,)
    if not isinstance(value, Iterable):
        raise ConfigError(f"messages is {type(value).__name__}: give a text, a Message or a list", field="messages")
    messages: list[Message] = []
    for i, message in enumerate(cast("Iterable[object]", value)):
        if not isinstance(message, Message):
            raise ConfigError(f"messages[{i}] is {type(message).__name__}, not a Message", field=f"messages[{i}]")
        messages.append(message)
    return tuple(messages)


class SettingsDict(TypedDict, total=False):
    """The settings as keywords; each means what `Settings` says."""

    temperature: float | None
    top_p: float | None
    top_k: int | None
    max_tokens: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    logit_bias: dict[str, float] | None
    logprobs: bool | None
    top_logprobs: int | None
    n: int | None
    tools: Sequence[Tool | Callable[..., Any] | Mapping[str, Any]] | None
    tool_choice: str | None
    parallel_tool_calls: bool | None
    reasoning: Effort | int | ReasoningSettings | Mapping[str, Any] | None
    verbosity: Verbosity | None
    output: Any
    cache: bool | str | CacheMark | None
    service_tier: str | None
    metadata: dict[str, Any] | None
    user: str | None
    timeout: float | None
    priority: Priority | None
    reuse: Reuse | None
    extra: dict[str, Any] | None
    native: dict[str, Any] | None


def check_names(keywords: Mapping[str, Any]) -> None:
    """
    Hold keywords to the names of settings.

    Raises:
        ConfigError: No such setting; near matches are named.
    """
    for name in keywords:
        if name not in SETTING_NAMES:
            near = get_close_matches(name, SETTING_NAMES, n=2, cutoff=0.6)
            hint = f": did you mean {' or '.join(near)}?" if near else "; other fields of the body go into extra={...}"
            raise ConfigError(f"no setting is called {name!r}{hint}", field=name)


def settings_of(given: Settings | None) -> Settings:
    """
    What was given as `settings=`.

    Raises:
        ConfigError: It is something else.
    """
    if given is None:
        return Settings()
    if not isinstance(given, Settings):
        raise ConfigError(f"settings is {type(given).__name__}: give Settings(...), or keywords", field="settings")
    return given


def settings_from(keywords: Mapping[str, Any]) -> Settings:
    """
    Make settings of keywords.

    Raises:
        ConfigError: No such setting, or a bad value.
    """
    check_names(keywords)
    return Settings(**keywords)
