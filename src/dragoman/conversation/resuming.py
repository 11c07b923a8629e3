"""
An answer that broke off, gone on with.

What had come is sent back as the model's own words with the request for the rest, and the two are joined as pieces of a
long text are (`dragoman.writing`): what the model says twice is taken out.

Rule: what had come is kept first, so that a second break loses nothing of it.
"""

from __future__ import annotations

import msgspec

from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.writing.asking import Turn, asked
from dragoman.writing.joint import joint_of


def rest_asked(request: ChatRequest, text: str) -> ChatRequest:
    """
    The request for the rest of an answer.

    Args:
        request: The question.
        text: What of its answer had come.
    """
    return asked(request, (Turn(Message.assistant(text)),), text, None, begins=False).request


def joined(text: str, answer: ChatResponse) -> ChatResponse:
    """
    One answer of what had come and of the rest.

    Usage and cost are those of the rest: what the broken call used was never said.
    """
    joint = joint_of(None)
    joint.resume(text)
    joint.begin(text)
    whole = text + joint.feed(answer.text) + joint.close()
    return msgspec.structs.replace(answer, message=Message.assistant(whole))
