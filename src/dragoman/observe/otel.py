"""
Spans and metrics for OpenTelemetry, through `opentelemetry-api` alone: where they go is the program's own set-up.

A call is one span of kind CLIENT; each request beyond the first is an event of it.  The trace goes on at the provider's
side by the `traceparent` header (never `baggage`, which may hold anything).

Rule: no content, unless somebody asks for it; names stand in `semconv`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from dragoman._version import __version__
from dragoman.errors import ConfigError, DragomanError
from dragoman.observe import content as written
from dragoman.observe import semconv
from dragoman.observe.base import CANCELLED, LEFT, OK, Call, End
from dragoman.observe.semconv import Dialect
from dragoman.redact import redact
from dragoman.types.attempts import Attempt
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

Attributes = dict[str, Any]
Names = Mapping[str, str]

_NANO: Final = 1_000_000_000
_WELL: Final = (OK, LEFT)
_SAMPLING: Final = (
    *("seed", "max_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "stop"),
)
_USAGE: Final = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("input_audio_tokens", "output_audio_tokens"),
)
_OUTPUTS: Final = {"text": "text", "json_object": "json", "json_schema": "json"}


class OpenTelemetry:
    """
    An observer that writes spans and metrics.

    Args:
        tracer_provider: Where spans go; the program's global one by default.
        meter_provider: Where metrics go, likewise.
        spans: Whether to write spans.
        metrics: Whether to write metrics.
        content: Whether messages, instructions and tools are written into spans.  By default as
            `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` says, and if that says nothing, not.
        dialect: `v1.41.1` or `latest`; by default as `OTEL_SEMCONV_STABILITY_OPT_IN` says, and if that says nothing,
            `v1.41.1`.
        propagate: Whether requests carry the trace's `traceparent`.
        every_chunk: Record the time of each piece of a stream, as the conventions want it, instead of each stream's
            mean.  It costs some microseconds for each piece.

    Raises:
        ConfigError: opentelemetry-api is not installed, or an argument is wrong.
    """

    def __init__(
        self,
        tracer_provider: Any = None,
        meter_provider: Any = None,
        *,
        spans: bool = True,
        metrics: bool = True,
        content: bool | None = None,
        dialect: str | None = None,
        propagate: bool = True,
        every_chunk: bool = False,
    ) -> None:
        trace = _library()
        self._dialect = semconv.dialect_of(dialect, os.environ)
        self._content = semconv.captures(content, os.environ)
        self._tracer: Any = None
        if spans:
            self._tracer = trace.get_tracer("dragoman", __version__, tracer_provider, self._dialect.schema_url)
        self._meters = _Meters(self._dialect, meter_provider, every_chunk) if metrics else None
        self._client, self._error = trace.SpanKind.CLIENT, trace.StatusCode.ERROR
        self._propagate = propagate
        self._models: dict[str, str] = {}
        self._shared: dict[tuple[str, str], tuple[str, Attributes]] = {}

    def begin(self, call: Call) -> End:
        """Begin a span."""
        if self._tracer is None:
            return self._end_without_span
        name, shared = self._of_model(call)
        span = self._tracer.start_span(name, kind=self._client, attributes=shared, start_time=int(call.at * _NANO))
        if self._propagate:
            call.context.extra_headers = {**call.context.extra_headers, **_carried(span.get_span_context())}
        return lambda over: self._end(span, over)

    def _end_without_span(self, call: Call) -> None:
        if self._meters is not None:
            self._meters.record(call, self._of_model(call)[1])

    def _end(self, span: Any, call: Call) -> None:
        _, shared = self._of_model(call)
        if span.is_recording():
            span.set_attributes(self._attributes(call))
            if len(call.attempts) > 1:
                self._add_events(span, call)
            if call.status not in _WELL:
                span.set_status(self._error, _described(call, content=self._content))
        span.end(int((call.at + call.seconds) * _NANO))
        if self._meters is not None:
            self._meters.record(call, shared)

    # --- attributes -------------------------------------------------------------------------------------------------

    def _of_model(self, call: Call) -> tuple[str, Attributes]:
        """Name of the span and what all calls to one model share."""
        found = self._shared.get((call.operation, call.asked))
        if found is None:
            found = _shared(call, self._dialect)
            if len(self._shared) < _MOST:
                self._shared[call.operation, call.asked] = found
        return found

    def _attributes(self, call: Call) -> Attributes:
        names, request, response = self._dialect.names, call.request, call.response
        attributes: Attributes = _told(call, names)
        if request is not None:
            if call.stream:
                attributes[names["stream"]] = True
                attributes[names["first"]] = call.first or 0.0
            _add_asked(request, attributes, names)
        if response is not None:
            self._add_answered(response, attributes)
        if self._content and request is not None:
            attributes.update(_content(request, response, names))
        return attributes

    def _add_answered(self, response: ChatResponse, attributes: Attributes) -> None:
        names = self._dialect.names
        if response.id:
            attributes[names["response_id"]] = redact(response.id)
        if response.model:
            attributes[names["response_model"]] = self._masked(response.model)
        if response.alternatives:
            reasons = (response.finish_reason, *(choice.finish_reason for choice in response.alternatives))
            attributes[names["finish_reasons"]] = reasons

    def _masked(self, model: str) -> str:
        """A name that comes again and again; masked anew whenever it is not known yet."""
        masked = self._models.get(model)
        if masked is None:
            masked = redact(model)
            if len(self._models) < _MOST:
                self._models[model] = masked
        return masked

    def _add_events(self, span: Any, call: Call) -> None:
        names = self._dialect.names
        for number, failed, following, at in _moments(call):
            other = (failed.provider, failed.model) != (following.provider, following.model)
            about = {
                names["attempt"]: number + 1,
                names["provider"]: semconv.provider_name(following.provider, self._dialect),
                names["model"]: redact(following.model),
                names["error"]: failed.outcome,
                names["waited"]: following.waited,
            }
            if failed.status is not None:
                about[names["status"]] = failed.status
            span.add_event("dragoman.fallback" if other else "dragoman.retry", about, int(at * _NANO))


# Models whose attributes are remembered.
_MOST: Final = 1000


def _shared(call: Call, dialect: Dialect) -> tuple[str, Attributes]:
    names, row = dialect.names, call.row
    model = redact(call.asked_model)
    shared: Attributes = {
        names["operation"]: call.operation,
        names["provider"]: semconv.provider_name(redact(row.name if row else call.asked_provider), dialect),
    }
    if model:
        shared[names["model"]] = model
    if row is not None:
        shared.update(_server(row, names))
    return f"{call.operation} {model}".rstrip(), shared


def _server(row: Provider, names: Names) -> Attributes:
    parts = urlsplit(row.base_url)
    if not parts.hostname:
        return {}
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {names["address"]: parts.hostname, names["port"]: port}


def _add_asked(request: ChatRequest, attributes: Attributes, names: Names) -> None:
    for fact in _SAMPLING:
        value = getattr(request, fact)
        if value is not None:
            attributes[names[fact]] = value
    if request.n is not None and request.n != 1:
        attributes[names["n"]] = request.n
    if request.output is not None:
        attributes[names["output_type"]] = _OUTPUTS[request.output.kind]
    if request.reasoning is not None and request.reasoning.effort is not None and "reasoning_level" in names:
        attributes[names["reasoning_level"]] = request.reasoning.effort


def _told(call: Call, names: Names) -> Attributes:
    """What is known at the end, where it is known."""
    told: Attributes = {}
    if call.conversation:
        told[names["conversation"]] = redact(call.conversation)
    if call.finish_reason is not None:
        told[names["finish_reasons"]] = (call.finish_reason,)
    for fact in _USAGE:
        count = getattr(call.usage, fact)
        if count is not None and fact in names:
            told[names[fact]] = count
    if call.cost is not None:
        told[names["cost"]] = float(call.cost)
    if call.cached is not None:
        told[names["cached"]] = call.cached
    if call.paced:
        told[names["paced"]] = call.paced
    if call.status not in _WELL:
        told[names["error"]] = _error_type(call)
    if call.value is not None and hasattr(call.value, "dimensions"):
        told[names["dimensions"]] = call.value.dimensions
    return told


def _content(request: ChatRequest, response: ChatResponse | None, names: Names) -> Attributes:
    content: Attributes = {names["input_messages"]: written.input_json(request.messages)}
    system = written.system_json(request.messages)
    if system is not None:
        content[names["system"]] = system
    if request.tools:
        content[names["tools"]] = written.tools_json(request.tools)
    if response is not None:
        content[names["output_messages"]] = written.output_json(response)
    return content


def _error_type(call: Call) -> str | None:
    if call.status in _WELL:
        return None
    return CANCELLED if call.status == CANCELLED else type(call.error).__name__


def _described(call: Call, *, content: bool) -> str | None:
    """The error in words: what a provider says may repeat what it was asked, so only where content is wanted."""
    error = call.error
    if not isinstance(error, DragomanError):
        return None
    return redact(str(error)) if content else error.code


def _moments(call: Call) -> Iterator[tuple[int, Attempt, Attempt, float]]:
    """Each request beyond the first, and when it was sent, as the ledger tells it."""
    at = call.at + (call.attempts[0].waited if call.attempts else 0.0)
    for number, failed, following in call.again():
        at += failed.seconds + following.waited
        yield number, failed, following, at


# --- metrics ----------------------------------------------------------------------------------------------------------


class _Meters:
    """The instruments of one dialect."""

    def __init__(self, dialect: Dialect, provider: Any, every_chunk: bool) -> None:
        from opentelemetry.metrics import get_meter

        meter = get_meter("dragoman", __version__, provider, dialect.schema_url)
        self._names = dialect.names
        self._every_chunk = every_chunk
        self._made = {fact: _instrument(meter, about) for fact, about in dialect.metrics.items()}

    def record(self, call: Call, shared: Attributes) -> None:
        error = _error_type(call)
        timed = shared if error is None else {**shared, self._names["error"]: error}
        self._made["duration"].record(call.seconds, timed)
        if call.first is not None:
            self._made["first"].record(call.first, shared)
        if call.waits:
            means = call.waits if self._every_chunk else (sum(call.waits) / len(call.waits),)
            for wait in means:
                self._made["between"].record(wait, shared)
        if "tokens" in self._made:
            self._record_types(call, shared)
        else:
            self._record_counts(call, shared)

    def _record_types(self, call: Call, shared: Attributes) -> None:
        for kind, count in (("input", call.usage.input_tokens), ("output", call.usage.output_tokens)):
            if count is not None:
                self._made["tokens"].record(count, {**shared, self._names["token_type"]: kind})

    def _record_counts(self, call: Call, shared: Attributes) -> None:
        for fact in _USAGE:
            count = getattr(call.usage, fact)
            if count and fact in self._made:
                self._made[fact].add(count, shared)
        for way, count in (("input_size", call.usage.input_tokens), ("output_size", call.usage.output_tokens)):
            if count is not None:
                self._made[way].record(count, shared)


def _instrument(meter: Any, about: semconv.Instrument) -> Any:
    if about.kind == "counter":
        return meter.create_counter(about.name, about.unit, about.description)
    return meter.create_histogram(
        about.name, about.unit, about.description, explicit_bucket_boundaries_advisory=about.buckets
    )


# --- the library ------------------------------------------------------------------------------------------------------


def _library() -> Any:
    try:
        from opentelemetry import trace
    except ImportError as error:
        raise ConfigError('traces need opentelemetry-api: pip install "dragoman[otel]"', field="observe") from error
    return trace


def _carried(span: Any) -> dict[str, str]:
    """The headers that carry a trace on.   (W3C Trace Context, section 3)"""
    if not span.is_valid:
        return {}
    parent = f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    if not span.trace_state:
        return {"traceparent": parent}
    return {"traceparent": parent, "tracestate": span.trace_state.to_header()}
