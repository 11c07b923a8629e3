"""
A streamed answer, piece by piece.

Order: `Start` first (where the dialect has one), `Finish` last.  `Finish` is emitted only when the answer is proved
complete, so whoever has seen it has the whole answer.

Text, reasoning and refusal deltas extend the part of their kind that is open; a delta of another kind, or `PartEnd`,
closes it.  Tool calls are told apart by `index`, which counts from 0 in the order of their start.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dragoman.types.messages import Citation, Native, Part, TokenLogprob
from dragoman.types.responses import FinishReason
from dragoman.types.usage import Usage


class _Event(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="event"):
    """What all events have in common: a tag in JSON."""


class Start(_Event, frozen=True, omit_defaults=True, tag="start"):
    """The answer has begun; it is not content and is never counted as delivered."""

    id: str | None = None
    model: str | None = None


class TextDelta(_Event, frozen=True, omit_defaults=True, tag="text", gc=False):
    """More text."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


class ReasoningDelta(_Event, frozen=True, omit_defaults=True, tag="reasoning"):
    """More reasoning.  `native` is merged into the part's: a signature comes this way."""

    text: str
    native: Native | None = None


class RefusalDelta(_Event, frozen=True, omit_defaults=True, tag="refusal"):
    """More of the model's refusal."""

    text: str


class AudioDelta(_Event, frozen=True, omit_defaults=True, tag="audio"):
    """More sound: `data` continues the bytes, `transcript` the words."""

    data: bytes = b""
    transcript: str = ""
    file_id: str | None = None
    expires_at: int | None = None


class CitationDelta(_Event, frozen=True, omit_defaults=True, tag="citation"):
    """A source of the text part that is open."""

    citation: Citation


class PartEnd(_Event, frozen=True, omit_defaults=True, tag="part_end"):
    """
    The open part is whole; the next delta begins another, even of the same kind.

    `native` is merged into the part's: state that a dialect tells only when the part is whole.
    """

    native: Native | None = None


class PartAdded(_Event, frozen=True, omit_defaults=True, tag="part"):
    """A whole part at once: hidden reasoning, a server tool's block, a picture."""

    part: Part


class ToolCallStart(_Event, frozen=True, omit_defaults=True, tag="tool_start"):
    """The model begins to call a tool."""

    index: int
    id: str
    name: str
    kind: Literal["function", "custom"] = "function"
    native: Native | None = None


class ToolCallDelta(_Event, frozen=True, omit_defaults=True, tag="tool_delta"):
    """More of the arguments' JSON text."""

    index: int
    json: str


class ToolCallEnd(_Event, frozen=True, omit_defaults=True, tag="tool_end"):
    """The call is whole: its arguments are all there.  `native` is merged into the call's."""

    index: int
    native: Native | None = None


class UsageUpdate(_Event, frozen=True, omit_defaults=True, tag="usage"):
    """Usage so far; the last one holds."""

    usage: Usage


class ProviderEvent(_Event, frozen=True, omit_defaults=True, tag="provider"):
    """Something that only one dialect knows, carried as it came."""

    wire: str
    data: Any


class MessageNative(_Event, frozen=True, omit_defaults=True, tag="native"):
    """State of the whole message that its dialect wants back; merged into `Message.native`."""

    native: Native


class Finish(_Event, frozen=True, omit_defaults=True, tag="finish"):
    """The answer is complete.  `raw` is the reason as sent; `details` what else the provider said of the end."""

    reason: FinishReason
    raw: str | None = None
    details: dict[str, Any] | None = None


Event = (
    Start
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | AudioDelta
    | CitationDelta
    | PartEnd
    | PartAdded
    | ToolCallStart
    | ToolCallDelta
    | ToolCallEnd
    | UsageUpdate
    | ProviderEvent
    | MessageNative
    | Finish
)

# Held back until the first content arrives: they prove that the provider lives, not that it answers.
BEFORE_CONTENT = (Start, UsageUpdate, ProviderEvent, MessageNative)
