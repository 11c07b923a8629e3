"""Spans and metrics as OpenTelemetry's conventions want them, in both dialects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dragoman import BadRequestError, Client, ConfigError, Message, Retry, background, tool
from dragoman.observe import OpenTelemetry
from dragoman.observe.semconv import CAPTURE, DIALECTS, OPT_IN, captures, dialect_of, provider_name
from dragoman.testing import Server, embeds, says, status

MODEL = "openai/gpt-5.6-luna"
SNAPSHOTS = Path(__file__).parent / "snapshots"
# What is another number in each run.
_VARYING = {
    "server.port": 1,
    "dragoman.cost.usd": 0.000001,  # prices change
    "gen_ai.response.time_to_first_chunk": 0.1,
    "dragoman.attempt.wait": 0.1,
    "dragoman.ratelimit.wait": 0.1,
}


class Telemetry:
    """A program's set-up that keeps everything in memory."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader])

    def observer(self, **options: Any) -> OpenTelemetry:
        return OpenTelemetry(self.tracers, self.meters, **options)

    def spans(self) -> list[ReadableSpan]:
        return list(self._spans.get_finished_spans())

    def one(self) -> ReadableSpan:
        (span,) = self.spans()
        return span

    def metrics(self) -> dict[str, Any]:
        """Name to the metric's data."""
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


# --- both dialects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_is_what_it_was(dialect: str, server: Server, telemetry: Telemetry) -> None:
    """Every name, unit, kind and value of a row of calls, held to the file that is kept of it."""
    server.script(
        status(500),
        says("hello there", reasoning="thinking"),
        says("one two three", pace=0.02),
        status(400, code="nope"),
    )
    server.on("/v1/embeddings", embeds(8))
    observer = telemetry.observer(dialect=dialect, content=True)
    rows = {"openai": {"base_url": server.base_url(), "api_key": "test-key-0001"}}
    with Client(providers=rows, observe=[observer], retry=Retry(base=0.001), limit=None) as client:
        asked = [Message.system("Be short."), Message.user("Hi")]
        client.chat(MODEL, asked, max_tokens=100, temperature=0.5, stop=["END"], tools=[weather], reasoning="low")
        client.stream(MODEL, "Hi", seed=7).drain()
        with pytest.raises(BadRequestError):
            client.chat(MODEL, "Hi", n=2)
        client.embed("openai/text-embedding-3-small", "word")
    found = {
        "spans": [_span(span) for span in telemetry.spans()],
        "metrics": [_metric(metric) for _, metric in sorted(telemetry.metrics().items())],
    }

    assert kept(dialect, found) == json.loads(json.dumps(found))


def kept(dialect: str, found: dict[str, Any]) -> Any:
    """What the file says; DRAGOMAN_SNAPSHOTS=write writes it first, for somebody to look at the difference."""
    path = SNAPSHOTS / f"{dialect}.json"
    if os.environ.get("DRAGOMAN_SNAPSHOTS") == "write":
        path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    return json.loads(path.read_text("utf-8"))


def _span(span: ReadableSpan) -> dict[str, Any]:
    return {
        "name": span.name,
        "kind": span.kind.name,
        "status": [span.status.status_code.name, span.status.description],
        "schema": span.instrumentation_scope.schema_url if span.instrumentation_scope else None,
        "attributes": _steady(span.attributes),
        "events": [{"name": event.name, "attributes": _steady(event.attributes)} for event in span.events],
    }


def _steady(attributes: Any) -> dict[str, Any]:
    return {name: _VARYING.get(name, value) for name, value in sorted(attributes.items())}


def _metric(metric: Any) -> dict[str, Any]:
    points = [
        {
            "attributes": _steady(point.attributes),
            "count": getattr(point, "count", None),
            "value": getattr(point, "value", None),
            "bounds": list(getattr(point, "explicit_bounds", ())),
        }
        for point in metric.data.data_points
    ]
    points.sort(key=lambda point: json.dumps(point["attributes"]))
    return {"name": metric.name, "unit": metric.unit, "description": metric.description, "points": points}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, "v1.41.1", id="default"),
        pytest.param({OPT_IN: "gen_ai_latest_experimental"}, "latest", id="latest"),
        pytest.param({OPT_IN: "http, gen_ai_latest_experimental"}, "latest", id="among-others"),
        pytest.param({OPT_IN: "http/dup"}, "v1.41.1", id="others"),
    ],
)
def test_the_standard_switch_chooses_the_dialect(environ: dict[str, str], expected: str) -> None:
    """OTEL_SEMCONV_STABILITY_OPT_IN is a list; one word of it is ours."""
    assert expected == dialect_of(None, environ).name


def test_an_unknown_dialect_is_refused() -> None:
    """The message says which there are."""
    with pytest.raises(ConfigError, match=r"v1\.41\.1"):
        OpenTelemetry(dialect="v2")


@pytest.mark.parametrize(
    ("name", "stable", "latest"),
    [
        ("openai", "openai", "openai"),
        ("gemini", "gcp.gemini", "gcp.gemini"),
        ("vertex-anthropic", "gcp.vertex_ai", "gcp.vertex_ai"),
        ("azure-ai", "azure.ai.inference", "azure.ai.inference"),
        ("azure-entra", "azure.ai.openai", "azure.ai.openai"),
        ("moonshot", "moonshot", "moonshot_ai"),
        ("ollama", "ollama", "ollama"),
    ],
)
def test_providers_have_their_conventional_names(name: str, stable: str, latest: str) -> None:
    """A provider that the conventions know has their name; any other has ours."""
    assert (stable, latest) == (provider_name(name, DIALECTS["v1.41.1"]), provider_name(name, DIALECTS["latest"]))


# --- content ----------------------------------------------------------------------------------------------------------


def test_no_content_unless_asked(server: Server, telemetry: Telemetry) -> None:
    """Neither question nor answer, neither instructions nor a provider's words of an error, stand in a span."""
    server.script(says("a secret answer"), status(400, "you asked a secret question"))
    with _client(server, telemetry.observer()) as client:
        client.chat(MODEL, [Message.system("secret instructions"), Message.user("a secret question")])
        with pytest.raises(BadRequestError):
            client.chat(MODEL, "a secret question")

    assert "secret" not in "".join(span.to_json() for span in telemetry.spans())


@pytest.mark.parametrize(
    ("argument", "environ", "expected"),
    [
        (None, {}, False),
        (None, {CAPTURE: "true"}, True),
        (None, {CAPTURE: "SPAN_AND_EVENT"}, True),
        (None, {CAPTURE: "NO_CONTENT"}, False),
        (False, {CAPTURE: "true"}, False),
        (True, {}, True),
    ],
)
def test_the_argument_wins_over_the_switch(argument: bool | None, environ: dict[str, str], expected: bool) -> None:
    """What the program says counts before what the environment says."""
    assert expected is captures(argument, environ)


# --- one trace --------------------------------------------------------------------------------------------------------


def test_a_request_carries_the_trace(make_face: Any, server: Server, telemetry: Telemetry) -> None:
    """Every attempt bears the `traceparent` of the call's span, which is a child of what was going on."""
    server.script(status(500), says("hi"))
    face = make_face(observe=[telemetry.observer()], retry=Retry(base=0.001))
    with telemetry.tracers.get_tracer("test").start_as_current_span("work") as work:
        face.chat(MODEL, "Hi")
    span = next(span for span in telemetry.spans() if span.name.startswith("chat"))
    assert span.context is not None
    expected = f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"

    assert [expected] * 2 == [request.headers.get("traceparent") for request in server.requests]
    assert work.get_span_context().trace_id == span.context.trace_id
    assert span.parent is not None
    assert work.get_span_context().span_id == span.parent.span_id


def test_baggage_and_others_are_not_sent(server: Server, telemetry: Telemetry) -> None:
    """Only the trace goes to a provider; and not even that, if nobody wants it."""
    from opentelemetry import baggage, context

    server.default = says("hi")
    token = context.attach(baggage.set_baggage("user", "somebody"))
    try:
        with _client(server, telemetry.observer()) as client:
            client.chat(MODEL, "Hi")
        with _client(server, telemetry.observer(propagate=False)) as client:
            client.chat(MODEL, "Hi")
    finally:
        context.detach(token)
    first, second = server.requests

    assert "traceparent" in first.headers
    assert "traceparent" not in second.headers
    assert "baggage" not in first.headers


def test_other_verbs_carry_it_too(make_face: Any, server: Server, telemetry: Telemetry) -> None:
    """Each request for vectors bears the trace of its call."""
    server.on("/v1/embeddings", embeds(8))
    make_face(observe=[telemetry.observer()]).do("embed", "openai/text-embedding-3-small", ["word"] * 3000)
    context = telemetry.one().context
    assert context is not None

    assert {f"{context.trace_id:032x}"} == {request.headers["traceparent"].split("-")[1] for request in server.requests}
    assert 2 == server.calls


def test_a_trace_from_elsewhere_goes_on(server: Server, telemetry: Telemetry) -> None:
    """The state that other vendors put into a trace is carried with it."""
    server.script(says("hi"))
    remote = trace.SpanContext(
        trace_id=0x1234, span_id=0x5678, is_remote=True, trace_flags=trace.TraceFlags(1),
        trace_state=trace.TraceState([("vendor", "state")]),
    )  # fmt: skip
    with trace.use_span(trace.NonRecordingSpan(remote)), _client(server, telemetry.observer()) as client:
        client.chat(MODEL, "Hi")
    (request,) = server.requests

    assert "vendor=state" == request.headers["tracestate"]
    assert f"{0x1234:032x}" == request.headers["traceparent"].split("-")[1]


# --- its times --------------------------------------------------------------------------------------------------------


def test_a_span_is_as_long_as_its_stream(make_face: Any, server: Server, telemetry: Telemetry) -> None:
    """From the call to the last event, with the first content in between; also where it is left."""
    server.default = says("one two three four five six", latency=0.05, pace=0.02)
    face = make_face(observe=[telemetry.observer()])
    face.events(MODEL, "Hi")
    face.leave(MODEL, "Hi", after=1)
    assert background.flush(5)
    whole, left = telemetry.spans()
    assert whole.attributes is not None
    assert left.attributes is not None

    assert _length(whole) > 0.12
    assert 0.04 < whole.attributes["gen_ai.response.time_to_first_chunk"] < _length(whole)  # type: ignore[operator]
    assert _length(left) < _length(whole)
    assert "gen_ai.response.finish_reasons" not in left.attributes


def _length(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def test_events_lie_between_beginning_and_end(server: Server, telemetry: Telemetry) -> None:
    """A repeat is an event at the moment at which it was sent."""
    server.script(status(503, retry_after=0.05), says("hi", latency=0.05))
    with _client(server, telemetry.observer()) as client:
        client.chat(MODEL, "Hi")
    span = telemetry.one()
    (event,) = span.events
    assert span.start_time is not None
    assert span.end_time is not None

    assert "dragoman.retry" == event.name
    assert span.start_time + 0.04e9 < event.timestamp < span.end_time


def test_every_chunk_if_wanted(server: Server, telemetry: Telemetry) -> None:
    """The conventions' time per chunk, for those who pay for it; otherwise the mean of each stream."""
    server.default = says("one two three four five six", pace=0.01)
    with _client(server, telemetry.observer(every_chunk=True)) as client:
        client.stream(MODEL, "Hi").drain()
    (point,) = telemetry.metrics()["gen_ai.client.operation.time_per_output_chunk"].data.data_points

    assert point.count > 3


@pytest.mark.parametrize(("spans", "metrics"), [(True, False), (False, True)])
def test_spans_or_metrics_alone(server: Server, telemetry: Telemetry, spans: bool, metrics: bool) -> None:
    """Each can be had without the other; without spans no trace is sent."""
    server.script(says("hi"))
    with _client(server, telemetry.observer(spans=spans, metrics=metrics)) as client:
        client.chat(MODEL, "Hi")

    assert (spans, metrics) == (bool(telemetry.spans()), bool(telemetry.metrics()))
    assert spans is ("traceparent" in server.requests[0].headers)


_ALONE = """
import sys
from dragoman import Client
from dragoman.observe import OpenTelemetry

print(Client(observe=[OpenTelemetry()]).chat("sim/echo", "Hello").text)
assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
"""


def test_without_a_set_up_nothing_happens() -> None:
    """A program that has set up no OpenTelemetry answers as ever, and no SDK is loaded."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", _ALONE], capture_output=True, text=True, check=False)

    assert (0, "Hello\n", "") == (done.returncode, done.stdout, done.stderr)


def _client(server: Server, observer: OpenTelemetry) -> Client:
    rows = {"openai": {"base_url": server.base_url(), "api_key": "test-key-0001"}}
    return Client(providers=rows, observe=[observer])
