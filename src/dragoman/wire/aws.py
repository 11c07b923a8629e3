"""
What AWS puts around a dialect: its errors, and its event streams.

An error names its type in the header `x-amzn-errortype`, or in the body as `__type`, and says `message`.  In a stream
it is a message of type `exception` whose header `:exception-type` names it.

Rule: a message of a stream that is an error is raised where it stands; whatever came before is delivered.

Source: AWS restJson1 protocol, "Operation error serialization"; the service model of `bedrock-runtime` in botocore
1.44; the recordings.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.errors import DragomanError
from dragoman.types.providers import Provider
from dragoman.wire import awsstream
from dragoman.wire.base import FramedDecoder, error_headers, not_protocol
from dragoman.wire.lenient import object_of, text_of
from dragoman.wire.plain_answer import parse_json
from dragoman.wire.status import status_error

STREAM_TYPE: Final = "application/vnd.amazon.eventstream"
"""Media type of a streamed answer."""

_SHOWN: Final = 500


# --- errors -----------------------------------------------------------------------------------------------------------


def reports_error(value: Any) -> bool:
    """Whether a JSON body is an error."""
    return _type_in(object_of(value)) is not None or set(object_of(value)) in ({"message"}, {"Message"})


def failure(
    status: int | None, headers: Mapping[str, str], value: Any, body: bytes, provider: Provider | None
) -> DragomanError:
    """The error for an answer of AWS, whatever its body is: proxies answer in HTML."""
    told = object_of(value)
    start = body[:_SHOWN].decode("utf-8", "replace").strip()
    words = text_of(told.get("message")) or text_of(told.get("Message"))
    return status_error(
        status,
        headers,
        message=words or f"the answer has status {status} and says {start or 'nothing'!r}",
        code=_bare(headers.get("x-amzn-errortype")) or _type_in(told),
        provider=provider.name if provider else None,
        body=start or None,
    )


def _type_in(told: dict[str, Any]) -> str | None:
    return _bare(told.get("__type")) or _bare(told.get("code"))


def _bare(value: Any) -> str | None:
    """`ThrottlingException` of `com.amazon.coral#ThrottlingException:http://internal...`."""
    return text_of(value).partition(":")[0].rpartition("#")[2] or None


# --- event streams ----------------------------------------------------------------------------------------------------


class AwsDecoder(FramedDecoder):
    """A dialect over an AWS event stream, which implements `_event` and `_plain`."""

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._aws = awsstream.Decoder()

    def _read(self, chunk: bytes) -> None:
        # A message of the allowed size begins with a length below 2^25, which no text does.
        if self._unframed or (not self._framed and chunk[0] > 1):
            self._hold(chunk)
            if self._held > awsstream.MAX_MESSAGE:
                raise not_protocol(self._unframed[0], "the answer is no event stream")
            return
        self._framed = True
        for message in self._aws.feed(chunk):
            if self.done:
                return
            self._message(message)
        if self._aws.failure is not None and not self.done:
            raise self._aws.failure

    def _message(self, message: awsstream.Message) -> None:
        if message.text(":message-type") in ("exception", "error"):
            raise self._exception(message)
        self._event(message.text(":event-type"), message.payload)

    def _exception(self, message: awsstream.Message) -> DragomanError:
        told = object_of(parse_json(message.payload))
        name = message.text(":exception-type") or message.text(":error-code")
        words = text_of(told.get("message")) or text_of(told.get("originalMessage")) or message.text(":error-message")
        return status_error(
            None,
            {},
            message=words or f"the provider reported {name or 'an error'} in the stream",
            code=name,
            provider=self.provider.name if self.provider else None,
            body=message.payload.decode("utf-8", "replace") or None,
        )

    @abstractmethod
    def _event(self, kind: str, payload: bytes) -> None:
        """Read one event of the stream."""


# --- as a server ------------------------------------------------------------------------------------------------------

# Most specific first.  A name is bound to its status.
_NAMES: Final[tuple[tuple[type[DragomanError], str, int], ...]] = (
    (errors.QuotaError, "ServiceQuotaExceededException", 400),
    (errors.OverloadedError, "ServiceUnavailableException", 503),
    (errors.RateLimitError, "ThrottlingException", 429),
    (errors.RefusedLocally, "ThrottlingException", 429),
    (errors.AuthenticationError, "UnrecognizedClientException", 403),
    (errors.MissingKeyError, "UnrecognizedClientException", 403),
    (errors.PermissionDeniedError, "AccessDeniedException", 403),
    (errors.NotFoundError, "ResourceNotFoundException", 404),
    (errors.UnknownModelError, "ResourceNotFoundException", 404),
    (errors.BadRequestError, "ValidationException", 400),
    (errors.ConfigError, "ValidationException", 400),
    (errors.TimeoutError, "ModelTimeoutException", 408),
)
_ANY_OTHER: Final = ("InternalServerException", 500)

# What may be said inside a stream (service model, `ConverseStreamOutput` and `ResponseStream`).
_IN_STREAM: Final = frozenset(
    {"InternalServerException", "ValidationException", "ThrottlingException", "ServiceUnavailableException"}
)


def _named(error: DragomanError) -> tuple[str, int]:
    return next(((name, status) for kind, name, status in _NAMES if isinstance(error, kind)), _ANY_OTHER)


def encode_error(error: DragomanError) -> tuple[int, dict[str, str], bytes]:
    """Write an error: status, headers, body."""
    name, status = _named(error)
    headers = error_headers(error) | {"x-amzn-errortype": name}
    if error.request_id:
        headers["x-amzn-requestid"] = headers.pop("x-request-id")
    return status, headers, msgspec.json.encode({"message": error.message})


def encode_event(kind: str, value: dict[str, Any]) -> bytes:
    """Write one event of a stream."""
    return _message({":event-type": kind, ":message-type": "event"}, value)


def encode_exception(error: DragomanError) -> bytes:
    """Write an error into an open stream."""
    name, _ = _named(error)
    kind = name if name in _IN_STREAM else "ModelStreamErrorException"
    return _message(
        {":exception-type": kind[0].lower() + kind[1:], ":message-type": "exception"}, {"message": error.message}
    )


def _message(headers: dict[str, str], value: dict[str, Any]) -> bytes:
    typed = {":content-type": "application/json"} | headers
    return awsstream.encode(msgspec.json.encode(value), typed)
