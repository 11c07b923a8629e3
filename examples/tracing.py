"""Write a span for each call; here they are printed, in a program of yours they go to a collector."""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from dragoman import Client
from dragoman.observe import OpenTelemetry

tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))

with Client(observe=[OpenTelemetry(tracers)]) as client:
    client.stream("sim/echo", "one two three").drain()
