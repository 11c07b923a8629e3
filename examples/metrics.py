"""Count calls for Prometheus, and show what a scrape would get."""

from prometheus_client import CollectorRegistry

from dragoman import Client
from dragoman.observe import Prometheus, exposition

registry = CollectorRegistry()
with Client(observe=[Prometheus(registry)]) as client:
    for question in ("Hello", "How are you?"):
        client.chat("sim/echo", question)
    client.stream("sim/echo", "one two three").drain()

for line in exposition(registry).decode().splitlines():
    if line.startswith(("openai_calls_total", "dragoman_tokens_total")):
        print(line)
