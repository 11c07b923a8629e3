"""
How a round ended, and what that means for the text.

Rule: a finish reason is never taken for another one.  What ends neither the text nor can be gone on with is an error.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.errors import ContentFilterError, DragomanError, RefusalError, SchemaError, TruncatedError
from dragoman.types.responses import ChatResponse, FinishReason
from dragoman.writing.joint import Format, Joint, JsonJoint


class Verdict(msgspec.Struct, frozen=True):
    """
    Attributes:
        goes_on: Whether the rest is asked for; else the text is finished, or there is an error.
        why: What stopped the model, for a notice.
        error: Why the text cannot go on.
    """

    goes_on: bool = False
    why: str = ""
    error: DragomanError | None = None


_DONE: Final = Verdict()

_ERRORS: Final[dict[FinishReason, tuple[type[DragomanError], str]]] = {
    "refusal": (RefusalError, "the model refused to go on"),
    "content_filter": (ContentFilterError, "the provider's content filter stopped the text"),
    "error": (TruncatedError, "the provider broke the answer off"),
}


def judged(answer: ChatResponse, joint: Joint, form: Format | None, *, has_text: bool) -> Verdict:
    """
    What follows from the end of a round.

    Args:
        answer: The round.
        joint: What joined it, closed.
        form: What is written.
        has_text: Whether anything was delivered of it.
    """
    reason: FinishReason = answer.finish_reason
    if answer.refusal and not has_text:
        reason = "refusal"
    if reason in _ERRORS:
        kind, words = _ERRORS[reason]
        said = f"{words}: {answer.refusal[:500]}" if reason == "refusal" and answer.refusal else words
        return Verdict(error=kind(said, **facts_of(answer)))
    if form == "json" and isinstance(joint, JsonJoint) and reason in ("stop", "unknown", "length"):
        return _of_json(answer, joint)
    if reason == "length":
        return Verdict(goes_on=True, why="the output cap was reached")
    return Verdict(goes_on=True, why="the model paused") if reason == "pause" else _DONE


def _of_json(answer: ChatResponse, joint: JsonJoint) -> Verdict:
    json = joint.json
    if json.whole:
        return _DONE
    if json.wrong or (joint.spoken and answer.finish_reason != "length"):
        said = f": {joint.spoken[:200]!r}" if joint.spoken else ""
        error = SchemaError(f"what was written is not JSON{said}", **facts_of(answer))
        error.errors = ("$: this is not JSON",)
        return Verdict(error=error)
    if answer.finish_reason == "length":
        return Verdict(goes_on=True, why="the output cap was reached")
    return Verdict(goes_on=True, why="the model stopped before the JSON was whole")


def facts_of(answer: ChatResponse) -> dict[str, Any]:
    """What an error about an answer knows."""
    return {
        "provider": answer.provider,
        "model": answer.model,
        "request_id": answer.request_id,
        "attempts": answer.attempts,
        "partial": answer,
    }
