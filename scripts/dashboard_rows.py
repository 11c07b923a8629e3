"""
The panels and alerts that `dashboards.py` writes, as data.

Rule: a query names exported metrics and their labels, nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

# What the variables at the top of the dashboard choose.
WHO = 'provider=~"$provider",model=~"$model"'
RANGE = "$__rate_interval"


class Panel(NamedTuple):
    """
    One picture.

    Attributes:
        title: What it shows.
        unit: Grafana's name of the unit.
        queries: (legend, PromQL).
        kind: Grafana's name of the panel.
        width: Of 24 columns.
    """

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    kind: str = "timeseries"
    width: int = 12


def _quantiles(metric: str, by: str = "") -> tuple[tuple[str, str], ...]:
    label = f", {by}" if by else ""
    legend = f"{{{{{by}}}}} " if by else ""
    return tuple(
        (
            f"{legend}p{round(part * 100)}",
            f"histogram_quantile({part}, sum by (le{label}) (rate({metric}_bucket{{{WHO}}}[{RANGE}])))",
        )
        for part in (0.5, 0.95, 0.99)
    )


PANELS = (
    Panel(
        "Calls per second",
        "reqps",
        (("{{status}}", f"sum by (status) (rate(dragoman_requests_total{{{WHO}}}[{RANGE}]))"),),
    ),
    Panel(
        "Share of calls that failed",
        "percentunit",
        (
            (
                "{{provider}}/{{model}}",
                f'sum by (provider, model) (rate(dragoman_requests_total{{{WHO},status!~"ok|left"}}[{RANGE}])) '
                f"/ sum by (provider, model) (rate(dragoman_requests_total{{{WHO}}}[{RANGE}]))",
            ),
        ),
    ),
    Panel("Duration of a call", "s", _quantiles("dragoman_request_duration_seconds")),
    Panel("Time to the first content", "s", _quantiles("dragoman_time_to_first_token_seconds")),
    Panel("Time between two pieces of a stream", "s", _quantiles("dragoman_inter_token_seconds")),
    Panel("Wait for a turn under a limit", "s", _quantiles("dragoman_ratelimit_wait_seconds")),
    Panel(
        "Tokens per second",
        "short",
        (("{{type}}", f"sum by (type) (rate(dragoman_tokens_total{{{WHO}}}[{RANGE}]))"),),
    ),
    Panel(
        "US dollars per hour",
        "currencyUSD",
        (
            (
                "{{provider}}/{{model}}",
                f"3600 * sum by (provider, model) (rate(dragoman_cost_usd_total{{{WHO}}}[{RANGE}]))",
            ),
        ),
    ),
    Panel(
        "US dollars in the range shown",
        "currencyUSD",
        (("spent", f"sum(increase(dragoman_cost_usd_total{{{WHO}}}[$__range]))"),),
        kind="stat",
        width=6,
    ),
    Panel(
        "Calls in the range shown",
        "short",
        (("calls", f"sum(increase(dragoman_requests_total{{{WHO}}}[$__range]))"),),
        kind="stat",
        width=6,
    ),
    Panel(
        "Calls under way",
        "short",
        (("{{provider}} {{operation}}", 'sum by (provider, operation) (dragoman_inflight{provider=~"$provider"})'),),
    ),
    Panel(
        "Calls that wait for a turn",
        "short",
        (("{{provider}}", 'sum by (provider) (dragoman_queue_depth{provider=~"$provider"})'),),
    ),
    Panel(
        "Repeats and fallbacks per second",
        "reqps",
        (
            ("again after {{reason}}", f"sum by (reason) (rate(dragoman_retries_total{{{WHO}}}[{RANGE}]))"),
            ("fallback from {{model}}", f"sum by (model) (rate(dragoman_fallbacks_total{{{WHO}}}[{RANGE}]))"),
        ),
    ),
    Panel(
        "What is left of the providers' limits",
        "short",
        (
            (
                "{{provider}}/{{model}} {{kind}}",
                f"min by (provider, model, kind) (dragoman_ratelimit_remaining{{{WHO}}})",
            ),
        ),
    ),
    Panel(
        "Circuits: 0 closed, 1 half open, 2 open",
        "short",
        (("{{provider}}/{{model}}", f"max by (provider, model) (dragoman_circuit_state{{{WHO}}})"),),
    ),
    Panel(
        "Share of calls answered from the cache",
        "percentunit",
        (
            (
                "hits",
                f'sum(rate(dragoman_cache_requests_total{{result!~"miss|pass"}}[{RANGE}])) '
                f"/ sum(rate(dragoman_cache_requests_total[{RANGE}]))",
            ),
        ),
    ),
    Panel(
        "Share of input tokens from the provider's prompt cache",
        "percentunit",
        (
            (
                "{{provider}}/{{model}}",
                f'sum by (provider, model) (rate(dragoman_tokens_total{{type="cache_read"}}[{RANGE}])) '
                f'/ sum by (provider, model) (rate(dragoman_tokens_total{{type="input"}}[{RANGE}]))',
            ),
        ),
    ),
    Panel(
        "Turns whose window moved the beginning of the prompt",
        "short",
        (("{{reason}}", f"sum by (reason) (rate(dragoman_prefix_moved_total[{RANGE}]))"),),
    ),
    Panel(
        "US dollars left of the budgets",
        "currencyUSD",
        (("{{budget}}", "min by (budget) (dragoman_budget_remaining_usd)"),),
    ),
    Panel(
        "What the gateway itself adds",
        "s",
        (("p95", f"histogram_quantile(0.95, sum by (le) (rate(dragoman_gateway_overhead_seconds_bucket[{RANGE}])))"),),
    ),
    Panel(
        "openai_calls_total, openai_response_seconds",
        "short",
        (
            (
                "{{model}} {{status}} per second",
                f'sum by (model, status) (rate(openai_calls_total{{model=~"$model"}}[{RANGE}]))',
            ),
            (
                "mean seconds",
                f'sum(rate(openai_response_seconds_sum{{model=~"$model"}}[{RANGE}])) '
                f'/ sum(rate(openai_response_seconds_count{{model=~"$model"}}[{RANGE}]))',
            ),
        ),
        width=24,
    ),
)


class Alert(NamedTuple):
    """
    One rule.

    Attributes:
        name: As it is shown.
        expr: PromQL.
        wait: For how long it must hold.
        severity: `warning` or `critical`.
        summary: What is wrong, and what to do.
    """

    name: str
    expr: str
    wait: str
    severity: str
    summary: str


ALERTS = (
    Alert(
        "DragomanCallsFail",
        'sum by (provider, model) (rate(dragoman_requests_total{status!~"ok|left|cancelled"}[5m])) '
        "/ sum by (provider, model) (rate(dragoman_requests_total[5m])) > 0.05",
        "10m",
        "critical",
        "{{ $value | humanizePercentage }} of the calls to {{ $labels.provider }}/{{ $labels.model }} fail; the label "
        "status of dragoman_requests_total says how.",
    ),
    Alert(
        "DragomanCredentialsRefused",
        "sum by (provider) (increase(dragoman_requests_total"
        '{status=~"authentication|permission_denied|missing_key"}[5m])) > 0',
        "1m",
        "critical",
        "{{ $labels.provider }} refuses the key, or there is none: dragoman doctor says where it comes from.",
    ),
    Alert(
        "DragomanQuotaUsedUp",
        'sum by (provider) (increase(dragoman_requests_total{status="quota"}[10m])) > 0',
        "1m",
        "critical",
        "The quota at {{ $labels.provider }} is used up; waiting does not help.",
    ),
    Alert(
        "DragomanRateLimited",
        'sum by (provider, model) (rate(dragoman_retries_total{reason="rate_limit"}[5m])) '
        "/ sum by (provider, model) (rate(dragoman_requests_total[5m])) > 0.1",
        "10m",
        "warning",
        "More than a tenth of the calls to {{ $labels.provider }}/{{ $labels.model }} are refused for a limit first.",
    ),
    Alert(
        "DragomanSlowFirstToken",
        "histogram_quantile(0.95, "
        "sum by (le, provider, model) (rate(dragoman_time_to_first_token_seconds_bucket[10m]))) > 20",
        "10m",
        "warning",
        "The first content of {{ $labels.provider }}/{{ $labels.model }} takes {{ $value | humanizeDuration }} (p95).",
    ),
    Alert(
        "DragomanWaitsForLimits",
        "histogram_quantile(0.95, sum by (le, provider) (rate(dragoman_ratelimit_wait_seconds_bucket[10m]))) > 30",
        "10m",
        "warning",
        "Calls to {{ $labels.provider }} wait {{ $value | humanizeDuration }} for their turn (p95).",
    ),
    Alert(
        "DragomanStreamsInterrupted",
        'sum by (provider, model) (increase(dragoman_requests_total{status="stream_interrupted"}[15m])) > 5',
        "5m",
        "warning",
        "Answers of {{ $labels.provider }}/{{ $labels.model }} are cut.",
    ),
    Alert(
        "DragomanCircuitOpen",
        "max by (provider, model) (dragoman_circuit_state) == 2",
        "2m",
        "critical",
        "Nothing is sent to {{ $labels.provider }}/{{ $labels.model }}: it failed too often.",
    ),
    Alert(
        "DragomanBudgetNearlySpent",
        "min by (budget) (dragoman_budget_remaining_usd) < 1",
        "1m",
        "warning",
        "{{ $value }} US dollars are left of the budget {{ $labels.budget }}.",
    ),
)
