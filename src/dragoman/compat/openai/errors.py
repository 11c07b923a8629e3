"""
Errors with the names of the openai library.

    OpenAIError
    +- APIError
    |  +- APIResponseValidationError
    |  +- APIConnectionError
    |  |  +- APITimeoutError
    |  +- APIStatusError
    |     +- BadRequestError 400  AuthenticationError 401  PermissionDeniedError 403  NotFoundError 404
    |     +- ConflictError 409  UnprocessableEntityError 422  RateLimitError 429  InternalServerError 5xx
    +- LengthFinishReasonError  ContentFilterFinishReasonError

Every error is two things at once: one of these classes, chosen by the status that goes with it, and the class of
`dragoman.errors` that it is.  So `except RateLimitError` of either library catches it, and `retryable`, `attempts` and
`partial` are there, too.

Rule: what the two libraries call the same is the same (`code`, `request_id`, `message`); `body` is openai's: a dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.errors import DragomanError
from dragoman.wire.base import error_headers, status_of
from dragoman.wire.openai_errors import error_fields


class OpenAIError(Exception):
    """Base of all of them."""


class APIError(OpenAIError):
    """
    A call failed.

    Attributes:
        message: What happened.
        code: The provider's own code, or None.
    """

    message: str
    code: str | None
    request: Any = None

    @property
    def body(self) -> dict[str, Any] | None:
        """The error as OpenAI would write it: `message`, `type`, `param`, `code`."""
        fields = error_fields(self) if isinstance(self, DragomanError) else None
        return fields and {name: value for name, value in fields.items() if name != "status"}

    @body.setter
    def body(self, value: object) -> None:
        self.__dict__["raw_body"] = value

    @property
    def type(self) -> str | None:
        """OpenAI's word for its kind."""
        return (self.body or {}).get("type")

    @property
    def param(self) -> str | None:
        """Which field of the request is wrong, or None."""
        return (self.body or {}).get("param")

    def __reduce__(self) -> tuple[Any, ...]:
        ours = next(kind for kind in type(self).__mro__ if kind.__module__ == errors.__name__)
        return _again, (ours, getattr(self, "message", ""), self.__dict__)


class APIConnectionError(APIError):
    """The network failed."""


class APITimeoutError(APIConnectionError):
    """A clock ran out."""


class APIResponseValidationError(APIError):
    """What came is not the protocol."""


class Refused:
    """
    The answer that an error was made of, as far as it is known.

    Attributes:
        status_code: HTTP status.
        headers: Names in lower case: `retry-after`, `x-request-id`.
        text: The error as JSON.
    """

    def __init__(self, status_code: int, headers: Mapping[str, str], text: str) -> None:
        self.status_code = status_code
        self.headers = headers
        self.text = text

    def json(self) -> Any:
        """The error, parsed."""
        return msgspec.json.decode(self.text)


class APIStatusError(APIError):
    """The provider, or Dragoman before it, said no."""

    @property
    def status_code(self) -> int:
        """Its HTTP status; where nothing was sent, the one that goes with such a refusal."""
        return status_of(self) if isinstance(self, DragomanError) else 500

    @property
    def response(self) -> Refused:
        """Status and headers."""
        headers: dict[str, str] = error_headers(self) if isinstance(self, DragomanError) else {}
        return Refused(self.status_code, headers, msgspec.json.encode({"error": self.body}).decode())


class BadRequestError(APIStatusError):
    """400, or a call that is wrong."""


class AuthenticationError(APIStatusError):
    """401, or no key."""


class PermissionDeniedError(APIStatusError):
    """403."""


class NotFoundError(APIStatusError):
    """404, or a model that nobody has."""


class ConflictError(APIStatusError):
    """409."""


class UnprocessableEntityError(APIStatusError):
    """422."""


class RateLimitError(APIStatusError):
    """429: a limit, a quota, a budget."""


class InternalServerError(APIStatusError):
    """5xx."""


class LengthFinishReasonError(OpenAIError):
    """The answer that should be parsed ended at its length limit."""

    def __init__(self, *, completion: Any) -> None:
        super().__init__("Could not parse the answer: it ended at the length limit")
        self.completion = completion


class ContentFilterFinishReasonError(OpenAIError):
    """The answer that should be parsed was stopped by a content filter."""

    def __init__(self) -> None:
        super().__init__("Could not parse the answer: it was stopped by the content filter")


_BY_STATUS: Final[dict[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}
_BY_CLASS: Final[tuple[tuple[type[DragomanError], type[APIError]], ...]] = (
    (errors.TimeoutError, APITimeoutError),
    (errors.TransportError, APIConnectionError),
    (errors.WireError, APIResponseValidationError),
)


def both(error: DragomanError) -> DragomanError:
    """The same error as one of openai's, too."""
    if isinstance(error, OpenAIError):
        return error
    return _again(type(error), error.message, error.__dict__).with_traceback(error.__traceback__)


def _again(ours: type[DragomanError], message: str, state: Mapping[str, Any]) -> DragomanError:
    fresh = ours.__new__(ours, message)
    fresh.__dict__.update(state)
    kind = _mixed(_theirs(fresh), ours)
    made = kind.__new__(kind, message)
    made.args = (message,)
    made.__dict__.update(state)
    return made


def _theirs(error: DragomanError) -> type[APIError]:
    for ours, theirs in _BY_CLASS:
        if isinstance(error, ours):
            return theirs
    status = status_of(error)
    return _BY_STATUS.get(status, InternalServerError if status >= 500 else APIStatusError)


_made: dict[tuple[type[APIError], type[DragomanError]], type[DragomanError]] = {}


def _mixed(theirs: type[APIError], ours: type[DragomanError]) -> type[DragomanError]:
    """The class that is both; one for each pair, so that `type(a) is type(b)` means something."""
    found = _made.get((theirs, ours))
    # setdefault is atomic: of two threads that both made one, both use the first.
    return found or _made.setdefault((theirs, ours), _make(theirs, ours))


def _make(theirs: type[APIError], ours: type[DragomanError]) -> type[DragomanError]:
    return type(theirs.__name__, (theirs, ours), {"__module__": __name__, "__doc__": theirs.__doc__})
