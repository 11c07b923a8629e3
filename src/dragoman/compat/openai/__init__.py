"""
A drop-in for the openai library, over any provider.

    from dragoman.compat.openai import OpenAI

    client = OpenAI()
    client.chat.completions.create(model="anthropic/claude-haiku-5-5", messages=[...])

There are `chat.completions` (`create`, `parse`, `stream`), `responses` (the same), `embeddings.create` and `models`, on
both faces, with the objects and the errors that programs read.  The openai library is not needed.

Rule: arguments, fields and names are OpenAI's; what happens between is a Dragoman client.
"""

from __future__ import annotations

from dragoman.compat.openai.asking import NOT_GIVEN, NotGiven, Omit, not_given, omit
from dragoman.compat.openai.client import DEFAULT_MAX_RETRIES, AsyncOpenAI, OpenAI
from dragoman.compat.openai.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContentFilterFinishReasonError,
    InternalServerError,
    LengthFinishReasonError,
    NotFoundError,
    OpenAIError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)
from dragoman.compat.openai.objects import BaseModel
from dragoman.compat.openai.parsing import pydantic_function_tool
from dragoman.compat.openai.streams import AsyncStream, Stream

__all__ = [
    "DEFAULT_MAX_RETRIES",
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncOpenAI",
    "AsyncStream",
    "AuthenticationError",
    "BadRequestError",
    "BaseModel",
    "ConflictError",
    "ContentFilterFinishReasonError",
    "InternalServerError",
    "LengthFinishReasonError",
    "NotFoundError",
    "NotGiven",
    "Omit",
    "OpenAI",
    "OpenAIError",
    "PermissionDeniedError",
    "RateLimitError",
    "Stream",
    "UnprocessableEntityError",
    "not_given",
    "omit",
    "pydantic_function_tool",
]
