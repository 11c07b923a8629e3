"""
Marks for the providers whose prompt cache wants them, and what is known of their caches.

Anthropic (on all its hosts) and Bedrock cache what ends at a mark; all others cache of themselves, and are sent none.
Three places are marked: the end of the instructions (which are behind the tools), the end of what the turn before had
sent (the cache that it wrote is read from there, however many messages its tools made), and the end of what is asked.

Rule: the caller's own marks stand, and there are never more than four.

Sources: the vendors' pages on prompt caching: four marks; a cache is looked for twenty blocks back; the least that is
cached is 1,024 to 4,096 tokens at Anthropic, 1,024 at OpenAI, 6,144 for Gemini 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from dragoman.catalog.accept import adapt
from dragoman.errors import ConfigError
from dragoman.routes import Routes
from dragoman.types.messages import CacheMark, File, Image, Message, Part, Text, ToolResult
from dragoman.types.models import Model
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.wire.lenient import object_of

MOST: Final = 4

# Tokens below which nothing is cached, by the name of the model; the first that fits holds.
_MINIMUM: Final = (
    (re.compile(r"claude-(?:sonnet|3)"), 1024),
    (re.compile(r"claude"), 4096),
    (re.compile(r"gemini-4"), 6144),
    (re.compile(r"gemini-(?:3|2\.5-pro)"), 4096),
)
_USUAL: Final = 1024

_CACHEABLE: Final = (Text, Image, File, ToolResult)


class Target(NamedTuple):
    """
    Who will answer, as far as that is known before.

    Attributes:
        provider: The row; None where a plan chooses.
        model: The bare name.
        facts: What is known of the model.
        wire: Name of the dialect.
    """

    provider: Provider | None = None
    model: str = ""
    facts: Model | None = None
    wire: str | None = None

    @property
    def context(self) -> int | None:
        """Tokens that it can read, if that is known."""
        return self.facts.context if self.facts else None

    @property
    def minimum(self) -> int:
        """Tokens below which no prompt is cached."""
        return next((least for name, least in _MINIMUM if name.search(self.model)), _USUAL)

    @property
    def marked(self) -> bool:
        """Whether it caches only what is marked."""
        takes = _TAKES_MARKS.get(self.wire or "")
        return takes is not None and takes(self)


def target(routes: Routes, request: ChatRequest) -> Target:
    """Find out who will answer."""
    if request.model in routes.plans:
        return Target()
    provider, model = routes.locate(request.model)
    facts = routes.facts(provider.name, model)
    return Target(provider, model, facts, adapt(request.directed(model=model), provider, facts).wire)


def _not_refused(target: Target) -> bool:
    return target.facts is None or target.facts.can("cache") is not False


def _known(target: Target) -> bool:
    """Bedrock refuses marks for models that do not cache."""
    said = target.facts.can("cache") if target.facts else None
    return "anthropic.claude" in target.model if said is None else said


def _of_anthropic(target: Target) -> bool:
    """OpenAI's dialect has no marks; gateways that pass models of Anthropic on (`anthropic/claude-...`) take them."""
    return target.model.startswith("anthropic/") and _not_refused(target)


_TAKES_MARKS: Final[dict[str, Callable[[Target], bool]]] = {
    "anthropic-messages": _not_refused,
    "bedrock-anthropic": _not_refused,
    "vertex-anthropic": _not_refused,
    "bedrock-converse": _known,
    "openai-chat": _of_anthropic,
}


def check_marks(marks: object) -> CacheMark | None:
    """
    The mark that `cache_marks=` stands for.

    Raises:
        ConfigError: It is neither True, False nor a lifetime.
    """
    if marks is True:
        return CacheMark()
    if marks is False:
        return None
    if isinstance(marks, str) and marks:
        return CacheMark(marks)
    raise ConfigError(f"cache_marks is {marks!r}: give True, False, or a lifetime such as '1h'", field="cache_marks")


def marked(request: ChatRequest, mark: CacheMark, head: int, before: int) -> ChatRequest:
    """
    Return the request with marks.

    Args:
        request: What will be sent.
        mark: What is placed.
        head: How many messages at its beginning are instructions.
        before: How many messages the request before had, if this one begins with them; else 0.
    """
    messages = list(request.messages)
    left = MOST - sum(map(_marks, messages)) - _beside(request)
    # In the order of what they save.  With `cache=` the provider marks the end by itself.
    wanted = [*([] if request.cache else [len(messages)]), head, before]
    for end in dict.fromkeys(wanted):
        if left < 1 or end < 1:
            continue
        at = _last_cacheable(messages, head if end > head else 0, end)
        if at is not None:
            messages[at] = _with_mark(messages[at], mark)
            left -= 1
    return request.directed(messages=tuple(messages))


def _marks(message: Message) -> int:
    """How many marks a message bears, those in what tools gave back included."""
    return sum((part.cache is not None) + _inner(part) for part in message.parts)


def _inner(part: Part) -> int:
    return sum(piece.cache is not None for piece in part.parts) if isinstance(part, ToolResult) else 0


def _beside(request: ChatRequest) -> int:
    """Marks that stand in no message: that of `cache=`, and those of tools that came in the dialect."""
    native = [fields for tool in request.tools or () for fields in (tool.native or {}).values()]
    tools = sum("cache_control" in object_of(fields) for fields in native)
    return tools + (request.cache is not None)


def _last_cacheable(messages: Sequence[Message], first: int, end: int) -> int | None:
    """The last message in a range that can bear a mark and bears none; none may stand between it and the end."""
    for at in range(end - 1, first - 1, -1):
        if _marks(messages[at]):
            return None
        if any(map(_bears, messages[at].parts)):
            return at
    return None


def _bears(part: Part) -> bool:
    """Whether a part can be marked: not what the model thought, and nothing empty."""
    return isinstance(part, _CACHEABLE) and not (isinstance(part, Text) and not part.text.strip())


def _with_mark(message: Message, mark: CacheMark) -> Message:
    at = max(i for i, part in enumerate(message.parts) if _bears(part))
    part = msgspec.structs.replace(message.parts[at], cache=mark)
    return msgspec.structs.replace(message, parts=(*message.parts[:at], part, *message.parts[at + 1 :]))
