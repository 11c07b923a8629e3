"""
What is never kept.

A request is not, if its answer depends on something that is not in it (what a provider stores and may change, the web,
an address whose content may change), or if asking has an effect of its own at the provider.  An answer is not, unless
it is proved complete and will mean the same later.

Rule: both are tables.  A tool that the provider runs is one that is not known to be run by the caller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, cast, get_args

import msgspec

from dragoman.errors import ConfigError
from dragoman.policy.cache.key import Body
from dragoman.redact import knows
from dragoman.types.messages import Audio, File, Image, Message, Part, Text, ToolResult
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse, FinishReason

# --- requests ---------------------------------------------------------------------------------------------------------

# Field of a body to why its answer is not kept, in whichever dialect.  A field that is null, false or empty is not set.
# (OpenAI: `CreateResponse`, `CreateChatCompletionRequest`; Anthropic: `MessageCreateParams`; google-genai 3.4
# `CreateModelInteraction`; OpenRouter and xAI: their chat parameters.)
STATE: Final = {
    "store": "the provider is asked to store the answer",
    "background": "it is answered later",
    "previous_response_id": "it goes on from what the provider stores",
    "previous_interaction_id": "it goes on from what the provider stores",
    "conversation": "the provider adds it to a conversation",
    "prompt": "the prompt is stored at the provider and may change",
    "promptVariables": "the prompt is stored at the provider and may change",
    "container": "it runs in a container that has a state",
    "environment": "it runs in an environment that has a state",
    "agent": "an agent acts",
    "mcp_servers": "the provider calls servers",
    "web_search_options": "the provider looks into the web",
    "search_parameters": "the provider looks into the web",
    "plugins": "the provider looks into the web",
}

_UNSET: Final = frozenset({b"null", b"false", b'""', b"{}", b"[]"})

# Tools that the caller runs, or that are no tools: by `type`, or by the only fields that such an entry has.
_OURS: Final = frozenset({"function", "custom"})
_OUR_FIELDS: Final = frozenset({"functionDeclarations", "function_declarations", "toolSpec", "cachePoint"})


class _ToolConfig(msgspec.Struct):
    tools: msgspec.Raw = msgspec.Raw(b"[]")


def why_not_asked(request: ChatRequest, body: Body | None) -> str | None:
    """
    Why the answer to a request is neither looked for nor kept; None if it may be.

    Args:
        request: As asked.
        body: Of the encoded request.
    """
    if body is None:
        return "its body is not JSON"
    for name in STATE.keys() & body.keys():
        if bytes(body[name]) not in _UNSET:
            return STATE[name]
    if _hosted(body):
        return "the provider runs tools"
    if request.model.endswith(":online"):  # OpenRouter's word
        return "the provider looks into the web"
    if any(getattr(part, "url", None) is not None for part in _media(request.messages)):
        return "what is behind an address may change"
    return None


def _hosted(body: Body) -> bool:
    """Whether a tool is offered that the provider runs."""
    if "tools" in body:
        return _any_hosted(body["tools"])
    if "toolConfig" in body:  # of Bedrock; Gemini's has no tools in it
        try:
            return _any_hosted(msgspec.json.decode(body["toolConfig"], type=_ToolConfig).tools)
        except msgspec.DecodeError:
            return True
    return False


def _any_hosted(tools: msgspec.Raw) -> bool:
    try:
        listed = msgspec.json.decode(tools, type=list[dict[str, msgspec.Raw]] | None)
        return any(not _ours(tool) for tool in listed or ())
    except msgspec.DecodeError:
        return True


def _ours(tool: Body) -> bool:
    if tool.keys() <= _OUR_FIELDS:
        return True
    if "type" in tool:
        return msgspec.json.decode(tool["type"]) in _OURS
    return "name" in tool


def _media(messages: Iterable[Message]) -> Iterator[Image | Audio | File]:
    for message in messages:
        for part in message.parts:
            if isinstance(part, Image | Audio | File):
                yield part
            elif isinstance(part, ToolResult):
                yield from (inner for inner in part.parts if isinstance(inner, Image | Audio | File))


# --- answers ----------------------------------------------------------------------------------------------------------

KEPT: Final[tuple[FinishReason, ...]] = ("stop", "tool_calls")
# They say that there is no whole answer, or not yet.
NEVER: Final[frozenset[FinishReason]] = frozenset({"pause", "error", "unknown"})


def checked_reasons(reasons: object) -> frozenset[FinishReason]:
    """
    The finish reasons whose answers are kept.

    Raises:
        ConfigError: One of them is none, or one of an answer that is not whole.
    """
    allowed: frozenset[FinishReason] = frozenset(get_args(FinishReason)) - NEVER
    listed = cast("Iterable[object]", reasons) if isinstance(reasons, Collection) else (None,)
    if isinstance(reasons, str) or any(not isinstance(reason, str) or reason not in allowed for reason in listed):
        raise ConfigError(f"keep is {reasons!r}: give a list of {', '.join(sorted(allowed))}", field="cache.keep")
    return frozenset(cast("Iterable[FinishReason]", listed))


def why_not_kept(
    answer: ChatResponse, *, models: Collection[str], keep: Collection[FinishReason], simulated: bool
) -> str | None:
    """
    Why an answer is not kept; None if it may be.

    Args:
        answer: Whole, as the caller gets it.
        models: `provider/model` of those that were asked.
        keep: Finish reasons of answers that are kept.
        simulated: Whether the simulator's are.
    """
    messages = (answer.message, *(choice.message for choice in answer.alternatives))
    reasons = {answer.finish_reason, *(choice.finish_reason for choice in answer.alternatives)}
    if not reasons <= set(keep):
        return f"it ended with {', '.join(sorted(reasons - set(keep)))}"
    if answer.simulated and not simulated:
        return "it is simulated"
    if answer.message.origin not in models:
        return "another model answered than was asked"
    if any(isinstance(extra, dict) and "seam" in extra for extra in answer.extras):
        return "it was put together of two"
    if not any(_says_something(part) for message in messages for part in message.parts):
        return "it says nothing"
    if any(_expires(part) for message in messages for part in message.parts):
        return "it refers to what the provider keeps for a while"
    return None


def _says_something(part: Part) -> bool:
    return not isinstance(part, Text) or bool(part.text)


def _expires(part: Part) -> bool:
    """Whether a part is a reference that will lead nowhere one day."""
    return isinstance(part, Image | Audio | File) and (part.data is None or part.file_id is not None)


def holds_secret(entry: bytes) -> bool:
    """Whether a credential that was used is in an answer: some servers echo what they were sent."""
    return knows(entry.decode("utf-8", "replace"))
