"""
The names under which Prometheus is told what happens, as data.

Rule: a name that was exported once keeps its meaning; dashboards and alerts of other people hang on it.  Units are base
units, counters end in `_total`, and every label has a small number of values.

Source: prometheus.io, "Metric and label naming"; buckets: OpenTelemetry's for durations of generative AI, each twice
the one before.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

SECONDS: Final = tuple(round(0.01 * 2**power, 2) for power in range(14))  # 0.01 ... 81.92

Kind = Literal["counter", "gauge", "histogram"]
Mode = Literal["livesum", "mostrecent"]


class Metric(msgspec.Struct, frozen=True):
    """
    One family.

    Attributes:
        name: As it is exported; a histogram's series have `_bucket`, `_sum` and `_count` after it.
        kind: `counter`, `gauge` or `histogram`.
        help: What it means.
        labels: Their names, in order.
        mode: How the values of several processes become one, for a gauge.
        keyed: Whether it has the label `key`, where the user wants that.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    mode: Mode = "mostrecent"
    keyed: bool = False


_WHO: Final = ("provider", "model")
_WHAT: Final = (*_WHO, "operation", "status")

REQUESTS: Final = Metric("dragoman_requests_total", "counter", "Calls, by how they ended.", _WHAT, keyed=True)
DURATION: Final = Metric(
    "dragoman_request_duration_seconds", "histogram", "From the beginning of a call to its end, waits included.", _WHAT
)
FIRST: Final = Metric(
    "dragoman_time_to_first_token_seconds",
    "histogram",
    "From the beginning of a streamed call to its first content.",
    _WHO,
)
BETWEEN: Final = Metric(
    "dragoman_inter_token_seconds",
    "histogram",
    "Seconds between two pieces of a stream: the mean of each stream, its reader's own time not counted.",
    _WHO,
)
TOKENS: Final = Metric(
    "dragoman_tokens_total",
    "counter",
    "Tokens: input, output, and their parts cache_read, cache_write, reasoning.",
    (*_WHO, "type"),
    keyed=True,
)
COST: Final = Metric(
    "dragoman_cost_usd_total", "counter", "US dollars, of calls whose price is known.", _WHO, keyed=True
)
RETRIES: Final = Metric(
    "dragoman_retries_total", "counter", "Requests sent again, by why the one before failed.", (*_WHO, "reason")
)
FALLBACKS: Final = Metric(
    "dragoman_fallbacks_total", "counter", "Calls that went on with another model; labels of the one given up.", _WHO
)
REMAINING: Final = Metric(
    "dragoman_ratelimit_remaining",
    "gauge",
    "What the provider said last that is left of a limit.",
    (*_WHO, "kind"),
)
PACED: Final = Metric(
    "dragoman_ratelimit_wait_seconds", "histogram", "Seconds that a call waited for its turn under a limit.", _WHO
)
INFLIGHT: Final = Metric(
    "dragoman_inflight", "gauge", "Calls that are not over.", ("provider", "operation"), mode="livesum"
)
QUEUE: Final = Metric(
    "dragoman_queue_depth", "gauge", "Calls that wait for their turn under a limit.", ("provider",), mode="livesum"
)
CIRCUIT: Final = Metric("dragoman_circuit_state", "gauge", "0 closed, 1 half open, 2 open: then nothing is sent.", _WHO)
CACHE: Final = Metric(
    "dragoman_cache_requests_total", "counter", "Calls that asked the client's cache, by what it did.", ("result",)
)
BUDGET: Final = Metric("dragoman_budget_remaining_usd", "gauge", "US dollars that may still be spent.", ("budget",))
OVERHEAD: Final = Metric(
    "dragoman_gateway_overhead_seconds", "histogram", "Seconds that the gateway itself adds to a call.", ()
)
PREFIX: Final = Metric(
    "dragoman_prefix_moved_total",
    "counter",
    "Turns of conversations whose prompt begins otherwise than the one before, by the window that decided it.",
    ("reason",),
)
CALLS: Final = Metric(
    "openai_calls_total", "counter", "Calls, whatever the provider, by how they ended.", ("model", "status")
)
RESPONSE: Final = Metric(
    "openai_response_seconds",
    "histogram",
    "From the beginning of a call to its end, whatever the provider.",
    ("model", "status"),
)

METRICS: Final = (
    *(REQUESTS, DURATION, FIRST, BETWEEN, TOKENS, COST, RETRIES, FALLBACKS, REMAINING, PACED, INFLIGHT, QUEUE),
    *(CIRCUIT, CACHE, BUDGET, OVERHEAD, PREFIX, CALLS, RESPONSE),
)


def series(metric: Metric) -> tuple[str, ...]:
    """The names of a family's series."""
    if metric.kind != "histogram":
        return (metric.name,)
    return tuple(metric.name + suffix for suffix in ("_bucket", "_sum", "_count"))
