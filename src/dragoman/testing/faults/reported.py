"""
Errors that a provider reports inside an answer whose status was 200, in the words of each dialect.

Rule: what is reported before any content is its class, as if it were a status; after content it ends the answer, and
what follows it is not believed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import BadRequestError, DragomanError, OverloadedError, QuotaError, RateLimitError, ServerError
from dragoman.testing.faults.actions import Action
from dragoman.testing.faults.fault import ALL, AWS, OVERLOADED, Expects, Fault, Make
from dragoman.testing.faults.ordinary import Ordinary
from dragoman.types.events import Finish
from dragoman.wire import awsstream

_ERROR_EVENT: Final = "error event after 200: anthropic #1258, #1918; langchainjs #11579; OpenRouter errors"
_BODY: Final = "200 with the body of an error: claude-code-router #1002"
_ROUTER: Final = "errors of OpenRouter: a code and words beside or in a choice, also after a finish reason"
_GROQ: Final = "recordings of Groq: `event: error` with `tool_use_failed`"
_RESPONSES: Final = "OpenAI's OpenAPI file (`ResponseFailedEvent`, `ResponseErrorEvent`); a recording of a spent quota"
_INTERACTIONS: Final = "google-genai SDK 3.4.0: an interaction whose status is `failed`"
_OLLAMA: Final = "Ollama's server.go: the runner ends in the middle of an answer"
_AWS: Final = "service model of bedrock-runtime (`ConverseStreamOutput`); Smithy, event stream encoding"
_COHERE: Final = "Cohere SDK 7.3, `chat_message_end_event_delta.py`"

_busy = OverloadedError("The engine is overloaded, please try again later", status=529, code="overloaded_error")
_broke = QuotaError("You exceeded your current quota, check your plan", status=429, code="insufficient_quota")
_fast = RateLimitError("Rate limit reached for requests", status=429, code="rate_limit_exceeded")
_broken = ServerError("The server had an error while processing your request", status=500)
_wrong = BadRequestError("Unknown parameter: 'x'.", status=400, code="invalid_request_error")


def _first(error: DragomanError) -> Make:
    return lambda good: [*good.chunked([good.wire.encoder().error(error)])]


def _before_content(error: DragomanError) -> Make:
    return lambda good: [*good.chunked([*good.before_content(), good.error_after(error, 2)])]


def _after_half(error: DragomanError) -> Make:
    """Half of the text, then the error, then the rest as if nothing were."""
    return _amid(lambda good: good.error_after(error, good.half_way))


def _amid(report: Callable[[Ordinary], bytes]) -> Make:
    def make(good: Ordinary) -> list[Action]:
        half = good.half()
        return [*good.chunked([*half, report(good), *good.frames()[len(half) :]])]

    return make


def _body(error: DragomanError) -> Make:
    return lambda good: [*good.sized(good.error(error), headers={"content-type": "application/json"})]


# --- the words of one dialect -----------------------------------------------------------------------------------------


def _event(value: dict[str, Any], kind: str = "") -> bytes:
    named = f"event: {kind}\n".encode() if kind else b""
    return named + b"data: " + msgspec.json.encode(value) + b"\n\n"


def _chunk(choice: dict[str, Any], **more: Any) -> bytes:
    return _event({"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, **choice}], **more})


_ROUTED: Final = {"code": 502, "message": "Provider disconnected", "metadata": {"provider_name": "Any"}}
_IN_CHUNK: Final = _chunk({"delta": {"content": ""}, "finish_reason": "error"}, error=_ROUTED)
_IN_CHOICE: Final = _chunk({"delta": {"content": ""}, "finish_reason": "error", "error": _ROUTED})
_TOOL_USE: Final = _event(
    {
        "error": {
            "message": "Tool choice is required, but model did not call a tool",
            "type": "invalid_request_error",
            "code": "tool_use_failed",
            "failed_generation": "",
            "status_code": 400,
        }
    },
    "error",
)


def _after_finish(good: Ordinary) -> list[Action]:
    return [*good.chunked([*good.until(Finish), _IN_CHUNK])]


def _flat(good: Ordinary) -> bytes:
    told = {"code": "server_error", "message": "The model failed.", "param": None}
    return _event({"type": "error", "sequence_number": 99, **told}, "error")


def _failed_response(good: Ordinary) -> bytes:
    answer: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "output": [],
        "status": "failed",
    }
    answer |= {"error": {"code": "server_error", "message": "The model failed."}}
    return _event({"type": "response.failed", "sequence_number": 99, "response": answer}, "response.failed")


def _failed_interaction(good: Ordinary) -> bytes:
    error = {"code": 13, "message": "The model failed."}
    answer = {"id": "i", "object": "interaction", "model": "m", "status": "failed", "errors": [error]}
    return _event({"event_type": "interaction.completed", "interaction": answer}, "interaction.completed")


def _exception(name: str, **more: Any) -> Callable[[Ordinary], bytes]:
    headers = {":content-type": "application/json", ":exception-type": name, ":message-type": "exception"}
    data = awsstream.encode(msgspec.json.encode({"message": "It did not go well.", **more}), headers)
    return lambda good: data


def _unmodelled(good: Ordinary) -> bytes:
    told = {":error-code": "InternalFailure", ":error-message": "It did not go well.", ":message-type": "error"}
    return awsstream.encode(b"", told)


def _ended_with_error(good: Ordinary) -> bytes:
    delta: dict[str, Any] = {"finish_reason": "ERROR", "error": "The model failed.", "usage": {}}
    return _event({"type": "message-end", "delta": delta}, "message-end")


_LINE: Final = b'{"error":"an error was encountered while running the model: unexpected EOF"}\n'


def _fault(
    name: str,
    meaning: str,
    source: str,
    make: Make,
    stream: Expects,
    wires: frozenset[str] = ALL,
    plain: Expects | None = None,
) -> Fault:
    return Fault(name, meaning, source, make, plain, stream, wires)


def _only(*wires: str) -> frozenset[str]:
    return frozenset(wires)


def _late(*errors: str) -> Expects:
    return Expects(errors=errors, partial="some")


_QUOTA: Final = Expects(errors=("QuotaError",), retryable=False, once=True)
_REFUSED: Final = Expects(errors=("BadRequestError",), retryable=False, once=True)
_RATE: Final = Expects(errors=("RateLimitError",), retryable=True)
_FAILED: Final = Expects(errors=("ServerError",), retryable=True)

# A table is read by rows.
# fmt: off
REPORTED: Final = (
    # --- a body instead of an answer ----------------------------------------------------------------------------------
    _fault("json_error_200", "200 with the body of an error.", _BODY, _body(_busy), OVERLOADED, ALL - AWS, OVERLOADED),
    _fault("json_quota_200", "200 with the body of an error that says that the money is gone.", _BODY, _body(_broke),
           _QUOTA, ALL - AWS, _QUOTA),
    # --- in a stream, in every dialect --------------------------------------------------------------------------------
    _fault("error_event_first", "An error event is the first of the stream.", _ERROR_EVENT, _first(_busy), OVERLOADED),
    _fault("error_event_before_content", "An error event comes before any content.", _ERROR_EVENT,
           _before_content(_busy), OVERLOADED),
    _fault("error_event_after_text", "An error event comes after half of the text.", _ERROR_EVENT, _after_half(_busy),
           _late("OverloadedError")),
    _fault("error_event_rate", "An error event says that this was too fast.", _ERROR_EVENT, _first(_fast), _RATE),
    _fault("error_event_rate_after_text", "An error event after half of the text says that this was too fast.",
           _ERROR_EVENT, _after_half(_fast), _late("RateLimitError")),
    _fault("error_event_server", "An error event says that the server failed.", _ERROR_EVENT, _before_content(_broken),
           _FAILED),
    _fault("error_event_request", "An error event says that the request is wrong.", _ERROR_EVENT, _first(_wrong),
           _REFUSED, ALL - _only("ollama-chat")),
    _fault("error_event_quota", "An error event says that the money is gone.", _ERROR_EVENT, _before_content(_broke),
           _QUOTA),
    # --- the words of one dialect -------------------------------------------------------------------------------------
    _fault("error_in_chunk", "A chunk after half of the text carries an error beside its choice.", _ROUTER,
           _amid(lambda good: _IN_CHUNK), _late("ServerError"), _only("openai-chat")),
    _fault("error_in_choice", "A choice after half of the text carries an error.", _ROUTER,
           _amid(lambda good: _IN_CHOICE), _late("ServerError"), _only("openai-chat")),
    _fault("error_after_finish", "An error comes after the finish reason.", _ROUTER, _after_finish,
           Expects(errors=("ServerError",), partial="any", or_whole=True), _only("openai-chat")),
    _fault("error_named_event", "An error of another kind of event, with its status inside, is the first.", _GROQ,
           lambda good: [*good.chunked([_TOOL_USE])], _REFUSED, _only("openai-chat")),
    _fault("error_event_flat", "An error event after half of the text has its fields at the top.", _RESPONSES,
           _amid(_flat), _late("ServerError"), _only("openai-responses")),
    _fault("response_failed", "The response is said to have failed after half of the text.", _RESPONSES,
           _amid(_failed_response), _late("ServerError"), _only("openai-responses")),
    _fault("interaction_failed", "The interaction is said to have failed after half of the text.", _INTERACTIONS,
           _amid(_failed_interaction), _late("ServerError"), _only("gemini-interactions")),
    _fault("error_line", "A line after half of the text has nothing but the words of an error.", _OLLAMA,
           _amid(lambda good: _LINE), _late("ServerError"), _only("ollama-chat")),
    _fault("message_end_error", "The message ends with an error after half of the text.", _COHERE,
           _amid(_ended_with_error), _late("ServerError"), _only("cohere-chat")),
    _fault("exception_internal", "An exception of the event stream: the service failed.", _AWS,
           _amid(_exception("internalServerException")), _late("ServerError"), AWS),
    _fault("exception_model", "An exception of the event stream: the model failed, with its own status and words.",
           _AWS, _amid(_exception("modelStreamErrorException", originalStatusCode=500, originalMessage="CUDA")),
           _late("ServerError"), AWS),
    _fault("exception_throttling", "An exception of the event stream: too fast.", _AWS,
           _amid(_exception("throttlingException")), _late("RateLimitError"), AWS),
    _fault("exception_unavailable", "An exception of the event stream: the service is not available.", _AWS,
           _amid(_exception("serviceUnavailableException")), _late("OverloadedError"), AWS),
    _fault("exception_validation", "An exception of the event stream: the request is wrong.", _AWS,
           _amid(_exception("validationException")), _late("BadRequestError"), AWS),
    _fault("exception_unknown", "An exception of the event stream that nobody knows.", _AWS,
           _amid(_exception("somethingNewException")), _late("ServerError", "StatusError"), AWS),
    _fault("exception_unmodelled", "An error of the event stream that has a code and words in its headers only.", _AWS,
           _amid(_unmodelled), _late("ServerError"), AWS),
)
# fmt: on
