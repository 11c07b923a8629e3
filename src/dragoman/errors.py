"""
Every way in which Dragoman can fail, as one tree.

    DragomanError
    +- ConfigError                nothing was sent: the call or the configuration is wrong
    |  +- UnknownModelError       the reference leads to no model
    |  |  +- UnknownProviderError its left side is no provider that is known
    |  +- MissingKeyError
    |  +- UnsupportedError        the model does not accept this, and `strict=True` was asked
    +- TransportError
    |  +- ConnectError            no connection: name, address, TLS or proxy; nothing was sent
    |  +- TimeoutError            also the built-in one; `.clock` says which of the four ran out
    |  +- StreamInterrupted       the answer ended before it was complete; `.partial` has what arrived
    +- StatusError                the provider said no, by status or in the body
    |  +- BadRequestError
    |  |  +- ContextLengthError
    |  |  +- ContentFilterError
    |  +- AuthenticationError
    |  +- PermissionDeniedError
    |  +- NotFoundError
    |  |  +- ModelNotFoundError   (also an UnknownModelError)
    |  +- RateLimitError          waiting helps
    |  +- QuotaError              waiting does not help: money or a daily cap
    |  +- OverloadedError
    |  +- ServerError
    +- WireError                  what came is not the protocol
    +- OutputError
    |  +- SchemaError  TruncatedError  RefusalError
    +- RunError                   a run with tools was stopped; `.messages` has all that was said
    |  +- RunLimitError           its limit on rounds or on cost was reached
    |  +- ToolError               a tool failed, and the caller wants to know
    +- RefusedLocally             the wait or the price does not fit; nothing was sent
    |  +- BudgetError  CircuitOpenError  DeadlineError
    +- ConversationError
    |  +- BusyError  TurnIdReusedError  LeaseLostError  StoreError
    +- BatchError
       +- ManifestError  SourceError

Errors are plain data: they survive pickle, hold no socket, request or credential, and their texts are redacted when
they are built.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dragoman.redact import redact

if TYPE_CHECKING:
    from decimal import Decimal

    from dragoman.types.attempts import Attempt
    from dragoman.types.messages import Message, ToolCall
    from dragoman.types.responses import ChatResponse

Clock = Literal["connect", "first_event", "idle", "total"]

# An error body is evidence, not payload: enough to see what the provider meant.
_BODY_LIMIT = 4096


class DragomanError(Exception):
    """
    Base of all errors.

    Attributes:
        message: One sentence: who, what, and what to do.
        provider: Name of the provider row, or None before one was chosen.
        model: Model name as sent, or None.
        status: HTTP status, or None if there was no answer.
        code: The provider's own code or type, as sent (`"insufficient_quota"`), or None.
        request_id: The provider's id of the request, for its support, or None.
        attempts: Ledger of all requests made for this call, in order.
        retryable: Whether the same request may succeed later.
        retry_after: Seconds that the provider asked to wait, or None.
        partial: The part of an answer that arrived before the failure, or None.
        embedded: For a call for vectors that took several requests: one vector for each text, None for those that had
            none yet; else empty.
        messages: For a run with tools: the conversation so far, with a result for every call; else empty.
        field: For bad input, which argument is wrong (`"messages[2].role"`), else None.
        body: Start of the provider's error body, redacted, or None.
    """

    _retryable: ClassVar[bool] = False
    embedded: Sequence[list[float] | None] = ()
    messages: Sequence[Message] = ()

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        attempts: Sequence[Attempt] = (),
        retryable: bool | None = None,
        retry_after: float | None = None,
        partial: ChatResponse | None = None,
        field: str | None = None,
        body: str | None = None,
    ) -> None:
        self.message = redact(message)
        self.provider = _clean(provider)
        self.model = _clean(model)
        self.status = status
        self.code = _clean(code)
        self.request_id = _clean(request_id)
        self.attempts: tuple[Attempt, ...] = tuple(attempts)
        self.retryable = self._retryable if retryable is None else retryable
        self.retry_after = retry_after
        self.partial = partial
        self.field = _clean(field)
        self.body = redact(body)[:_BODY_LIMIT] if body else None
        super().__init__(self.message)

    def __str__(self) -> str:
        origin = "/".join(part for part in (self.provider, self.model) if part)
        known = [str(self.status)] if self.status is not None else []
        known += [text for text in (self.code, self.request_id) if text]
        suffix = f" ({', '.join(known)})" if known else ""
        return f"{origin}: {self.message}{suffix}" if origin else f"{self.message}{suffix}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.__dict__)


def _clean(text: str | None) -> str | None:
    """People paste keys where names belong."""
    return redact(text) if text else text


def _rebuild(cls: type[DragomanError], message: str, state: Mapping[str, Any]) -> DragomanError:
    """Unpickle without calling `__init__`, whose arguments differ from class to class."""
    error = cls.__new__(cls, message)
    error.args = (message,)  # OSError, a base of the built-in TimeoutError, sets them in `__init__` only
    error.__dict__.update(state)
    return error


# --- nothing was sent ---------------------------------------------------------------------------------------------


class ConfigError(DragomanError):
    """The call or the configuration is wrong.  `.field` names what; nothing was sent."""


class UnknownModelError(ConfigError):
    """The reference names no provider, or the provider has no such model.  The message lists near matches."""


class UnknownProviderError(UnknownModelError):
    """No provider of that name is known.  The message lists near matches."""


class MissingKeyError(ConfigError):
    """No API key was found; nothing was sent."""

    def __init__(self, provider: str, env: str, looked_in: Sequence[str] = ()) -> None:
        self.env = redact(env)
        self.looked_in = tuple(redact(place) for place in looked_in)
        where = f" (looked in {', '.join(looked_in)})" if looked_in else ""
        super().__init__(
            f"no API key: set {env}, or pass Client(providers={{{provider!r}: {{'api_key': ...}}}}){where}",
            provider=provider,
            field="api_key",
        )


class UnsupportedError(ConfigError):
    """The model or dialect cannot carry what was asked, and `strict=True` forbids to adapt it."""


# --- the network ----------------------------------------------------------------------------------------------------


class TransportError(DragomanError):
    """The network failed."""


class ConnectError(TransportError):
    """No connection could be made; nothing was sent."""

    _retryable = True


class TimeoutError(TransportError, builtins.TimeoutError):
    """
    One of the four clocks ran out.

    Attributes:
        clock: `connect`, `first_event`, `idle` or `total`.
        limit: What that clock was set to, in seconds, or None if not known.
    """

    def __init__(self, message: str, *, clock: Clock, limit: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.clock: Clock = clock
        self.limit = limit


class StreamInterrupted(TransportError):
    """
    The answer ended without evidence that it is complete.  `.partial` has what arrived.

    Attributes:
        answered: Whether a valid status line had come; if not, nobody knows what the provider did with the request.
    """

    def __init__(self, message: str, *, answered: bool = True, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.answered = answered


# --- the provider said no -------------------------------------------------------------------------------------------


class StatusError(DragomanError):
    """The provider answered with an error, as a status, a body or an event in the stream."""


class BadRequestError(StatusError):
    """The provider does not accept the request as it is."""


class ContextLengthError(BadRequestError):
    """The request is longer than the model can read."""


class ContentFilterError(BadRequestError):
    """The provider's content filter refused the request."""


class AuthenticationError(StatusError):
    """The key is missing, wrong or expired."""


class PermissionDeniedError(StatusError):
    """The key is right but may not do this."""


class NotFoundError(StatusError):
    """No such address, model or object."""


class ModelNotFoundError(NotFoundError, UnknownModelError):
    """The provider says that it has no such model."""


class RateLimitError(StatusError):
    """Too many requests or tokens for now; waiting helps."""

    _retryable = True


class QuotaError(StatusError):
    """Money or a quota is used up; waiting does not help."""


class OverloadedError(StatusError):
    """The provider has no capacity at the moment."""

    _retryable = True


class ServerError(StatusError):
    """The provider failed."""

    _retryable = True


# --- the answer -----------------------------------------------------------------------------------------------------


class WireError(DragomanError):
    """
    What came is not the protocol.

    Attributes:
        path: JSON path of the first wrong field (`"$.choices[0].message"`), or None if the bytes are not JSON.
    """

    def __init__(self, message: str, *, path: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.path = path


class OutputError(DragomanError):
    """The answer is complete, but not what was asked for."""


class SchemaError(OutputError):
    """
    The answer does not satisfy the type or schema.

    Attributes:
        errors: What is wrong with the last answer, each with its place (`"$.items[0].price: ..."`).
        answers: Every answer that the model gave, the last one last.
    """

    errors: Sequence[str] = ()
    answers: Sequence[ChatResponse] = ()


class TruncatedError(OutputError):
    """The answer hit the output limit before the value was whole."""


class RefusalError(OutputError):
    """The model refused."""


class RunError(DragomanError):
    """A run with tools was stopped.  `.messages` is the conversation so far; nothing that was paid for is lost."""


class RunLimitError(RunError):
    """
    A run with tools reached a limit before the model gave its answer.

    Attributes:
        limit: `rounds` or `cost`.
    """

    def __init__(self, message: str, *, limit: Literal["rounds", "cost"], **facts: Any) -> None:
        super().__init__(message, **facts)
        self.limit: Literal["rounds", "cost"] = limit


class ToolError(RunError):
    """
    A tool failed, and the run was to stop then (`on_error="raise"`).  What it raised is the `__cause__`.

    Attributes:
        call: What the model had asked for.
    """

    def __init__(self, message: str, *, call: ToolCall, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.call = call


# --- we said no -----------------------------------------------------------------------------------------------------


class RefusedLocally(DragomanError):
    """Dragoman did not send the request."""


class BudgetError(RefusedLocally):
    """
    The call could cost more than is left.  `retry_after` says when the budget renews, if it does.

    Attributes:
        budget: Its name.
        needed: US dollars that the call could cost; None if its price is not known.
        left: US dollars that were left.
    """

    budget: str | None = None
    needed: Decimal | None = None
    left: Decimal | None = None


class CircuitOpenError(RefusedLocally):
    """The provider failed too often of late."""


class DeadlineError(RefusedLocally):
    """The wait ahead does not fit the deadline."""


# --- capabilities ---------------------------------------------------------------------------------------------------


class ConversationError(DragomanError):
    """A conversation could not go on."""


class BusyError(ConversationError):
    """Another turn of this conversation is running."""


class TurnIdReusedError(ConversationError):
    """The same turn id came with other input."""


class LeaseLostError(ConversationError):
    """Another writer took the conversation over."""


class StoreError(ConversationError):
    """
    The store failed.

    Attributes:
        outcome_unknown: Whether the store may have done what was asked: it was sent, and no answer came.  If not,
            nothing was changed.
    """

    def __init__(self, message: str, *, outcome_unknown: bool = False, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.outcome_unknown = outcome_unknown


class BatchError(DragomanError):
    """A batch could not go on."""


class ManifestError(BatchError):
    """The batch's journal does not fit its input, or is damaged."""


class SourceError(BatchError):
    """The batch's input cannot be read."""
