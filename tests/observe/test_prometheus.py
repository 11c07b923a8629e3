"""What Prometheus is told: names, numbers, and that their labels stay few."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from prometheus_client import CollectorRegistry

from dragoman import AuthenticationError, Client, ConfigError, DragomanError, Fallback, Retry, background
from dragoman.observe import Prometheus, asgi_app, exposition, wsgi_app
from dragoman.observe.names import METRICS
from dragoman.observe.prometheus import reason_of
from dragoman.testing import Server, embeds, events, raw, says, status
from dragoman.types.events import Finish, TextDelta, UsageUpdate
from dragoman.types.usage import Usage

MODEL = "openai/gpt-5.6-luna"
WHO = {"provider": "openai", "model": "gpt-5.6-luna"}
FACTS = {
    *("dragoman_requests_total", "dragoman_request_duration_seconds", "dragoman_time_to_first_token_seconds"),
    *("dragoman_inter_token_seconds", "dragoman_tokens_total", "dragoman_cost_usd_total", "dragoman_retries_total"),
    *("dragoman_fallbacks_total", "dragoman_ratelimit_remaining", "dragoman_ratelimit_wait_seconds"),
    *("dragoman_inflight", "dragoman_queue_depth", "dragoman_circuit_state", "dragoman_cache_requests_total"),
    *("dragoman_budget_remaining_usd", "dragoman_gateway_overhead_seconds", "dragoman_prefix_moved_total"),
    *("openai_calls_total", "openai_response_seconds"),
}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_the_names_are_those_that_people_chart() -> None:
    """Dashboards of other people hang on them, so none is ever renamed."""
    assert {metric.name for metric in METRICS} == FACTS


def test_a_call_is_counted(make_face: Any, server: Server, registry: CollectorRegistry) -> None:
    """Once in each family, under its provider, model, operation and status."""
    server.script(says("hello there friend"))
    answer = make_face(observe=[Prometheus(registry)]).chat(MODEL, "Hi you")
    what = WHO | {"operation": "chat", "status": "ok"}

    assert 1 == value(registry, "dragoman_requests_total", **what)
    assert 1 == value(registry, "dragoman_request_duration_seconds_count", **what)
    assert 1 == value(registry, "openai_calls_total", model="gpt-5.6-luna", status="ok")
    assert 1 == value(registry, "openai_response_seconds_count", model="gpt-5.6-luna", status="ok")
    assert 2 == value(registry, "dragoman_tokens_total", type="input", **WHO)
    assert 3 == value(registry, "dragoman_tokens_total", type="output", **WHO)
    assert float(answer.cost) == value(registry, "dragoman_cost_usd_total", **WHO)
    assert 0 == value(registry, "dragoman_inflight", provider="openai", operation="chat")
    assert None is value(registry, "dragoman_time_to_first_token_seconds_count", **WHO)


def test_a_stream_is_timed(make_face: Any, server: Server, registry: CollectorRegistry) -> None:
    """Its first content and the time between its pieces are in their histograms, and its cost is known."""
    server.script(says("one two three four", latency=0.03, pace=0.02))
    make_face(observe=[Prometheus(registry)]).events(MODEL, "Hi")

    assert 1 == value(registry, "dragoman_time_to_first_token_seconds_count", **WHO)
    assert 0.02 < (value(registry, "dragoman_time_to_first_token_seconds_sum", **WHO) or 0) < 2
    assert 1 == value(registry, "dragoman_inter_token_seconds_count", **WHO)
    assert 0.002 < (value(registry, "dragoman_inter_token_seconds_sum", **WHO) or 0) < 0.5
    assert (value(registry, "dragoman_cost_usd_total", **WHO) or 0) > 0


def test_parts_of_the_tokens_are_told_apart(server: Server, registry: CollectorRegistry) -> None:
    """Cached input and reasoning are counted under types of their own, as parts of input and output."""
    usage = Usage(input_tokens=100, output_tokens=50, cache_read_tokens=80, reasoning_tokens=30)
    server.script(events(TextDelta("hi"), UsageUpdate(usage), Finish("stop", "stop")))
    _client(server, registry).chat(MODEL, "Hi")
    kinds = ("input", "output", "cache_read", "cache_write", "reasoning")

    assert [100, 50, 80, None, 30] == [value(registry, "dragoman_tokens_total", type=kind, **WHO) for kind in kinds]


def test_repeats_and_failures_are_counted(make_face: Any, server: Server, registry: CollectorRegistry) -> None:
    """Each repeat by the reason of the failure before it; a call that fails by the name of its error."""
    server.script(status(500), status(529, code="overloaded_error"), says("at last"), status(401))
    face = make_face(observe=[Prometheus(registry)], retry=Retry(base=0.001))
    face.chat(MODEL, "Hi")
    with pytest.raises(AuthenticationError):
        face.chat(MODEL, "Hi")

    assert 1 == value(registry, "dragoman_retries_total", reason="server", **WHO)
    assert 1 == value(registry, "dragoman_retries_total", reason="overloaded", **WHO)
    assert 1 == value(registry, "dragoman_requests_total", operation="chat", status="authentication", **WHO)
    assert 1 == value(registry, "openai_calls_total", model="gpt-5.6-luna", status="authentication")


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_fallback_is_counted(make_face: Any, server: Server, registry: CollectorRegistry, streamed: bool) -> None:
    """Once, under the model that was given up; the call is counted under the one that answered."""
    server.script(status(503), says("from the other"))
    face = make_face(observe=[Prometheus(registry)], retry=None)
    (face.events if streamed else face.chat)(Fallback(MODEL, "anthropic/claude-haiku-5-5"), "Hi")
    other = {"provider": "anthropic", "model": "claude-haiku-5-5"}

    assert 1 == value(registry, "dragoman_fallbacks_total", **WHO)
    assert 1 == value(registry, "dragoman_requests_total", operation="chat", status="ok", **other)
    assert None is value(registry, "dragoman_retries_total", reason="overloaded", **WHO)
    assert 0 == value(registry, "dragoman_inflight", provider="openai", operation="chat")


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_an_answer_of_the_simulator_is_free(registry: CollectorRegistry, streamed: bool) -> None:
    """A cost that is nothing makes no series of dollars; tokens are counted all the same."""
    with Client(observe=[Prometheus(registry)]) as client:
        if streamed:
            client.stream("sim/echo", "one two").drain()
        else:
            client.chat("sim/echo", "one two")

    assert None is value(registry, "dragoman_cost_usd_total", provider="sim", model="echo")
    assert 2 == value(registry, "dragoman_tokens_total", provider="sim", model="echo", type="output")


def test_a_stream_that_is_left_is_counted(make_face: Any, server: Server, registry: CollectorRegistry) -> None:
    """Under the status `left`, and it is not in flight any more."""
    server.script(says(" ".join("word" for _ in range(50)), pace=0.01))
    make_face(observe=[Prometheus(registry)]).leave(MODEL, "Hi", after=2)
    assert background.flush(5)

    assert 1 == value(registry, "dragoman_requests_total", operation="chat", status="left", **WHO)
    assert 0 == value(registry, "dragoman_inflight", provider="openai", operation="chat")


def test_calls_in_flight_are_a_gauge(server: Server, registry: CollectorRegistry) -> None:
    """While a stream is read it is in flight."""
    server.script(says("one two three", pace=0.01))
    client = _client(server, registry)
    with client.stream(MODEL, "Hi") as stream:
        next(stream)
        during = value(registry, "dragoman_inflight", provider="openai", operation="chat")
        stream.drain()

    assert (1, 0) == (during, value(registry, "dragoman_inflight", provider="openai", operation="chat"))


def test_limits_that_a_provider_tells_are_gauges(server: Server, registry: CollectorRegistry) -> None:
    """What is left, by kind; a limit of 0 or less is not known and has no series."""
    headers = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-limit-tokens": "-1",
        "x-ratelimit-remaining-tokens": "0",
    }
    body = json.dumps({"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]})
    server.script(raw(body.encode(), headers=headers))
    _client(server, registry).chat(MODEL, "Hi")

    assert 499 == value(registry, "dragoman_ratelimit_remaining", kind="requests", **WHO)
    assert None is value(registry, "dragoman_ratelimit_remaining", kind="tokens", **WHO)


def test_vectors_are_counted(server: Server, registry: CollectorRegistry) -> None:
    """The other verbs are calls of other operations."""
    server.on("/v1/embeddings", embeds(8))
    _client(server, registry).embed("openai/text-embedding-3-small", ["a", "b"])
    who = {"provider": "openai", "model": "text-embedding-3-small"}

    assert 1 == value(registry, "dragoman_requests_total", operation="embeddings", status="ok", **who)
    assert 2 == value(registry, "dragoman_tokens_total", type="input", **who)


def test_unknown_providers_are_one_label(registry: CollectorRegistry) -> None:
    """A reference that names nobody is counted, and its words make no series."""
    client = Client(observe=[Prometheus(registry)])
    for number in range(10):
        with pytest.raises(DragomanError):
            client.chat(f"nobody-{number}/m-{number}", "Hi")
    who = {"provider": "unknown", "model": "unknown", "operation": "chat"}

    assert 10 == value(registry, "dragoman_requests_total", status="unknown_provider", **who)


def test_further_models_are_other(server: Server, registry: CollectorRegistry) -> None:
    """A caller who invents model names makes one series, not thousands."""
    server.default = says("hi")
    client = _client(server, registry, models=2)
    for number in range(10):
        client.chat(f"openai/m-{number}", "Hi")

    assert 8 == value(registry, "openai_calls_total", model="other", status="ok")
    assert 1 == value(registry, "openai_calls_total", model="m-0", status="ok")


def test_one_more_label_for_who_asks(server: Server, registry: CollectorRegistry) -> None:
    """`key=` gives an id that calls, tokens and cost bear."""
    server.default = says("hi")
    rows = {"openai": {"base_url": server.base_url(), "api_key": "test-key-0001"}}
    observer = Prometheus(registry, key=lambda call: str((call.request.metadata or {}).get("team", "nobody")))
    client = Client(providers=rows, observe=[observer])
    client.chat(MODEL, "Hi", metadata={"team": "search"})
    client.chat(MODEL, "Hi")

    assert 1 == value(registry, "dragoman_requests_total", operation="chat", status="ok", key="search", **WHO)
    assert 1 == value(registry, "dragoman_tokens_total", type="input", key="nobody", **WHO)


def test_two_clients_count_into_one_registry(server: Server, registry: CollectorRegistry) -> None:
    """A second client does not fail, and is counted with the first; another label needs another registry."""
    server.default = says("hi")
    for _ in range(2):
        _client(server, registry).chat(MODEL, "Hi")

    assert 2 == value(registry, "openai_calls_total", model="gpt-5.6-luna", status="ok")
    with pytest.raises(ConfigError, match="key"):
        Prometheus(registry, key=lambda call: "x")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"models": 0}, "models"), ({"models": True}, "models"), ({"key": "team"}, "key")],
    ids=["none", "bool", "text"],
)
def test_bad_arguments_are_named(registry: CollectorRegistry, arguments: dict[str, Any], field: str) -> None:
    """They fail where they are written."""
    with pytest.raises(ConfigError) as caught:
        Prometheus(registry, **arguments)

    assert field == caught.value.field


def test_signals_are_gauges_and_histograms(registry: CollectorRegistry) -> None:
    """What belongs to no call has its own families."""
    observer = Prometheus(registry)
    observer.signal("queue_depth", 1, {"provider": "openai"})
    observer.signal("queue_depth", 1, {"provider": "openai"})
    observer.signal("queue_depth", -1, {"provider": "openai"})
    observer.signal("circuit_state", 2, WHO)
    observer.signal("budget_remaining_usd", 4.5, {"budget": "team"})
    observer.signal("gateway_overhead_seconds", 0.005, {})

    assert 1 == value(registry, "dragoman_queue_depth", provider="openai")
    assert 2 == value(registry, "dragoman_circuit_state", **WHO)
    assert 4.5 == value(registry, "dragoman_budget_remaining_usd", budget="team")
    assert 1 == value(registry, "dragoman_gateway_overhead_seconds_count")


def test_reasons_are_a_closed_set() -> None:
    """An outcome that is no error of ours does not become a label."""
    assert ("rate_limit", "timeout", "cancelled", "other") == tuple(
        map(reason_of, ("RateLimitError", "TimeoutError", "CancelledError", "Strange"))
    )


# --- giving them ------------------------------------------------------------------------------------------------------


def test_wsgi_and_asgi_give_the_same(server: Server, registry: CollectorRegistry) -> None:
    """Both answer with Prometheus' text."""
    server.script(says("hi"))
    _client(server, registry).chat(MODEL, "Hi")
    expected = b'openai_calls_total{model="gpt-5.6-luna",status="ok"} 1.0'

    assert expected in exposition(registry)
    assert expected in _wsgi(wsgi_app(registry))
    assert expected in asyncio.run(_asgi(asgi_app(registry)))


def _wsgi(app: Any) -> bytes:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    return b"".join(app(environ, lambda status, headers, error=None: None))


async def _asgi(app: Any) -> bytes:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    await app({"type": "http", "headers": [], "query_string": b"", "path": "/", "method": "GET"}, receive, send)
    return b"".join(message.get("body", b"") for message in sent)


_WORKER = """
import os, sys
from dragoman import Client
from dragoman.observe import Prometheus

rows = {"openai": {"base_url": sys.argv[1], "api_key": "test-key-0001"}}
client = Client(providers=rows, observe=[Prometheus()])
child = os.fork()   # counts like its parent, into a file of its own
for _ in range(3):
    client.chat("openai/gpt-5.6-luna", "Hi")
if child:
    os.waitpid(child, 0)
"""


def test_several_processes_count_together(server: Server, tmp_path: Path) -> None:
    """With PROMETHEUS_MULTIPROC_DIR the sum of all processes is given, those of the dead and of forks included."""
    server.default = says("hi")
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error::ResourceWarning", "-c", _WORKER, server.base_url()], env=environ
        )
        for _ in range(2)
    ]
    assert [0, 0] == [worker.wait(30) for worker in workers]
    shown = subprocess.run(
        [sys.executable, "-m", "dragoman", "metrics"], env=environ, capture_output=True, text=True, check=True
    ).stdout

    assert 12 == server.calls
    assert 'openai_calls_total{model="gpt-5.6-luna",status="ok"} 12.0' in shown
    assert 'dragoman_tokens_total{model="gpt-5.6-luna",provider="openai",type="output"} 12.0' in shown
    assert 'dragoman_inflight{operation="chat",provider="openai"} 0.0' in shown


def _client(server: Server, registry: CollectorRegistry, **options: Any) -> Client:
    rows = {"openai": {"base_url": server.base_url(), "api_key": "test-key-0001"}}
    return Client(providers=rows, observe=[Prometheus(registry, **options)])
