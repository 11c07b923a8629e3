"""
How the rest of an answer is asked for.

    pause with a token (Gemini)     the same question, with the token
    pause (Anthropic)               the answer so far as it came, and nothing behind it
    cut, and Claude goes on         the words so far as the beginning of its answer
    cut                             each piece as it came, and behind each a turn of the user that asks for the rest

Pieces go back as they came, so that reasoning stays with the words that it led to (OpenAI's Responses want the items of
an answer back together, newer Claudes their thinking with the same words before it).  A piece of which something was
taken out goes back as the words that stayed.

Rule: what is asked depends on values only.

Sources: google-genai SDK 3.4.0 (`automatic_continuation`); Anthropic's pages on stop reasons and prefilled answers.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.policy.route.seam import GO_ON
from dragoman.types.messages import Message, Native, Reasoning, Text
from dragoman.types.models import Model
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.lenient import object_of, text_of
from dragoman.wire.request_body import overlay
from dragoman.writing.fences import open_fence
from dragoman.writing.joint import Format

# Where an answer that was begun is gone on with to the letter.  Others take such a turn and repeat it, or answer it.
_BEGINS: Final = frozenset({"anthropic-messages", "bedrock-anthropic", "vertex-anthropic"})

_IN_JSON: Final = "It is one JSON value: write what is missing of it and nothing else, no code fence."
_IN_FENCE: Final = "You are inside of a code block: do not open it again."
_NOT_FENCED: Final = "Do not put it into a code block."


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    One piece, as it is sent back.

    Attributes:
        message: What the model said.
        token: What the provider goes on by, as fields of its dialect; None where it goes on by the words.
        paused: Whether the model goes on by itself when it is sent back.
    """

    message: Message
    token: Native | None = None
    paused: bool = False


def turn_of(answer: ChatResponse, kept: str, *, whole: bool) -> Turn:
    """
    The turn of an answer that is to be gone on with.

    Args:
        answer: As it came.
        kept: The text that stayed of it.
        whole: Whether nothing was taken out.
    """
    message = answer.message if whole else Message.assistant(kept)
    return Turn(message, _token(answer), answer.finish_reason == "pause")


def _token(answer: ChatResponse) -> Native | None:
    details = answer.finish_details or {}
    if token := details.get("continuationToken"):
        return {"gemini-generate": {"generationConfig": {"continuationToken": token}}}
    if token := details.get("continuation_token"):
        return {"gemini-interactions": {"continuation_token": token}}
    if answer.finish_reason == "pause" and (place := _container(details)):
        return {"anthropic-messages": {"container": place}}
    return None


def _container(details: dict[str, Any]) -> str | None:
    """Where the provider's own tools run: they go on in the same place."""
    return text_of(object_of(details.get("container")).get("id")) or None


class Asked(msgspec.Struct, frozen=True):
    """
    What is sent.

    Attributes:
        request: The request.
        trusted: Whether the model goes on to the letter and cannot repeat.
    """

    request: ChatRequest
    trusted: bool = False


def begins(request: ChatRequest, wire: str, facts: Model | None) -> bool:
    """Whether a model goes on with an answer that was begun; none does that has to think first."""
    thinks = request.reasoning is not None and request.reasoning.effort != "none"
    return wire in _BEGINS and facts is not None and facts.can("prefill") is True and not thinks


def asked(request: ChatRequest, turns: tuple[Turn, ...], text: str, form: Format | None, *, begins: bool) -> Asked:
    """
    The request for what is missing.

    Args:
        request: The first question.
        turns: The pieces so far, in order.
        text: All that is written.
        form: What is written.
        begins: Whether the model goes on with an answer that was begun.
    """
    if not turns:
        return Asked(request)
    last = turns[-1]
    if last.token is not None and "anthropic-messages" not in last.token:
        before = next(i for i in range(len(turns) - 1, -1, -1) if i == 0 or turns[i - 1].token is None)
        return Asked(_with(request, _history(request.messages, turns[:before], form, ""), last.token), trusted=True)
    if begins and text.strip() and all(_is_words(turn) for turn in turns):
        messages = (*request.messages, Message.assistant(text.rstrip()))
        return Asked(request.directed(messages=_one_turn(messages)), trusted=True)
    sent = _with(request, _history(request.messages, turns, form, text), last.token)
    return Asked(sent, trusted=last.paused)


def _is_words(turn: Turn) -> bool:
    return not turn.paused and all(isinstance(part, Text) for part in turn.message.parts)


def _with(request: ChatRequest, messages: tuple[Message, ...], token: Native | None) -> ChatRequest:
    sent = request.directed(messages=messages)
    if token is None:
        return sent
    return msgspec.structs.replace(sent, native=overlay(request.native or {}, token))


def _history(
    messages: tuple[Message, ...], turns: tuple[Turn, ...], form: Format | None, text: str
) -> tuple[Message, ...]:
    for turn in turns:
        if turn.message.parts:
            messages = _one_turn((*messages, turn.message))
        if not turn.paused:
            messages = (*messages, Message.user(go_on(text, form) if turn is turns[-1] else GO_ON))
    return messages


def _one_turn(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """There are no two turns of the model in a row: the caller began the answer, or it paused."""
    if len(messages) < 2 or messages[-2].role != "assistant" or messages[-1].role != "assistant":
        return messages
    first, second = messages[-2:]
    joined = msgspec.structs.replace(second, parts=(*first.parts, *second.parts))
    if all(isinstance(part, Text) and not part.native for part in joined.parts):
        joined = msgspec.structs.replace(joined, parts=(Text(joined.text),))
    return (*messages[:-2], joined)


def go_on(text: str, form: Format | None) -> str:
    """The turn of the user that asks for the rest."""
    if form == "json":
        return f"{GO_ON} {_IN_JSON}"
    if open_fence(text) is not None:
        return f"{GO_ON} {_IN_FENCE}"
    return f"{GO_ON} {_NOT_FENCED}" if form != "text" else GO_ON


def has_no_words(answer: ChatResponse) -> bool:
    """Whether an answer was cut before its first word."""
    return not answer.text.strip()


def thought(answer: ChatResponse) -> bool:
    """Whether the model reasoned."""
    reasoned = any(isinstance(part, Reasoning) for part in answer.message.parts)
    return reasoned or bool(answer.usage.reasoning_tokens)
