"""
OpenTelemetry's names for calls of models, in two dialects.

`v1.41.1` is the last tagged text, and what backends know today; `latest` is the main branch of the conventions'
repository, chosen by the standard switch `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`.

Rule: every name stands here, once for each dialect; None where a dialect has none.  Names of ours begin with
`dragoman.`.

Sources: FACTS section 6; github.com/open-telemetry/semantic-conventions v1.41.1 and semantic-conventions-genai main,
`docs/gen-ai/gen-ai-spans.md` and `gen-ai-metrics.md`, November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.errors import ConfigError

OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_LATEST: Final = "gen_ai_latest_experimental"


class Instrument(msgspec.Struct, frozen=True):
    """
    One metric.

    Attributes:
        name: As it is exported.
        kind: `histogram` or `counter`.
        unit: UCUM.
        description: What it measures.
        buckets: Bounds that are advised.
    """

    name: str
    kind: str
    unit: str
    description: str
    buckets: tuple[float, ...] = ()


class Dialect(msgspec.Struct, frozen=True):
    """
    One version of the conventions.

    Attributes:
        name: `v1.41.1` or `latest`.
        schema_url: What the names can be looked up by, where that is published.
        names: Fact to attribute.
        metrics: Fact to instrument.
    """

    name: str
    schema_url: str | None
    names: Mapping[str, str]
    metrics: Mapping[str, Instrument]


_SAME: Final = "="

# Fact, name in v1.41.1, name in latest.
_ATTRIBUTES: Final[tuple[tuple[str, str | None, str | None], ...]] = (
    ("operation", "gen_ai.operation.name", _SAME),
    ("provider", "gen_ai.provider.name", _SAME),
    ("error", "error.type", _SAME),
    ("address", "server.address", _SAME),
    ("port", "server.port", _SAME),
    ("conversation", "gen_ai.conversation.id", _SAME),
    ("output_type", "gen_ai.output.type", _SAME),
    ("model", "gen_ai.request.model", _SAME),
    ("stream", "gen_ai.request.stream", _SAME),
    ("n", "gen_ai.request.choice.count", _SAME),
    ("seed", "gen_ai.request.seed", _SAME),
    ("max_tokens", "gen_ai.request.max_tokens", _SAME),
    ("temperature", "gen_ai.request.temperature", _SAME),
    ("top_p", "gen_ai.request.top_p", _SAME),
    ("top_k", "gen_ai.request.top_k", _SAME),
    ("frequency_penalty", "gen_ai.request.frequency_penalty", _SAME),
    ("presence_penalty", "gen_ai.request.presence_penalty", _SAME),
    ("stop", "gen_ai.request.stop_sequences", _SAME),
    ("reasoning_level", None, "gen_ai.request.reasoning.level"),
    ("response_id", "gen_ai.response.id", _SAME),
    ("response_model", "gen_ai.response.model", _SAME),
    ("finish_reasons", "gen_ai.response.finish_reasons", _SAME),
    ("first", "gen_ai.response.time_to_first_chunk", _SAME),
    ("input_tokens", "gen_ai.usage.input_tokens", _SAME),
    ("output_tokens", "gen_ai.usage.output_tokens", _SAME),
    ("cache_read_tokens", "gen_ai.usage.cache_read.input_tokens", _SAME),
    ("cache_write_tokens", "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens"),
    ("reasoning_tokens", "gen_ai.usage.reasoning.output_tokens", _SAME),
    ("input_audio_tokens", None, "gen_ai.usage.audio.input_tokens"),
    ("output_audio_tokens", None, "gen_ai.usage.audio.output_tokens"),
    ("dimensions", "gen_ai.embeddings.dimension.count", _SAME),
    ("token_type", "gen_ai.token.type", None),
    ("input_messages", "gen_ai.input.messages", _SAME),
    ("output_messages", "gen_ai.output.messages", _SAME),
    ("system", "gen_ai.system_instructions", _SAME),
    ("tools", "gen_ai.tool.definitions", _SAME),
    ("cost", "dragoman.cost.usd", _SAME),
    ("cached", "dragoman.cache.result", _SAME),
    ("paced", "dragoman.ratelimit.wait", _SAME),
    ("attempt", "dragoman.attempt", _SAME),
    ("waited", "dragoman.attempt.wait", _SAME),
    ("status", "http.response.status_code", _SAME),
)

_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_COUNTS: Final = tuple(float(4**power) for power in range(14))

_BOTH: Final = {
    "duration": Instrument("gen_ai.client.operation.duration", "histogram", "s", "GenAI operation duration.", _SECONDS),
    "first": Instrument(
        "gen_ai.client.operation.time_to_first_chunk",
        "histogram",
        "s",
        "Time to receive the first chunk of a streamed answer.",
        _SECONDS,
    ),
    "between": Instrument(
        "gen_ai.client.operation.time_per_output_chunk",
        "histogram",
        "s",
        "Time per output chunk after the first.",
        _SECONDS,
    ),
}
_STABLE_METRICS: Final = _BOTH | {
    "tokens": Instrument(
        "gen_ai.client.token.usage", "histogram", "{token}", "Number of input and output tokens used.", _COUNTS
    ),
}
_LATEST_METRICS: Final = (
    _BOTH
    | {
        fact: Instrument(f"gen_ai.client.inference.usage.{what}", "counter", "{token}", f"Tokens used: {what}.")
        for fact, what in (
            ("input_tokens", "input_tokens"),
            ("output_tokens", "output_tokens"),
            ("cache_read_tokens", "cache_read.input_tokens"),
            ("cache_write_tokens", "cache_write.input_tokens"),
            ("reasoning_tokens", "reasoning.output_tokens"),
        )
    }
    | {
        f"{way}_size": Instrument(
            f"gen_ai.client.inference.operation.{way}_tokens", "histogram", "{token}", f"Tokens of one {way}.", _COUNTS
        )
        for way in ("input", "output")
    }
)


def _names(column: int) -> dict[str, str]:
    names: dict[str, str] = {}
    for fact, stable, latest in _ATTRIBUTES:
        name = stable if column == 0 or latest == _SAME else latest
        if name is not None:
            names[fact] = name
    return names


DIALECTS: Final = {
    "v1.41.1": Dialect("v1.41.1", "https://opentelemetry.io/schemas/1.41.1", _names(0), _STABLE_METRICS),
    "latest": Dialect("latest", None, _names(1), _LATEST_METRICS),
}

# Our names of providers, or the first part of such a name, to those that the conventions know; any other is sent as
# it is.
_PROVIDERS: Final = {
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure-ai": "azure.ai.inference",
    "mistral": "mistral_ai",
    "xai": "x_ai",
    "watsonx": "ibm.watsonx.ai",
}
_LATEST_PROVIDERS: Final = _PROVIDERS | {"moonshot": "moonshot_ai"}


def provider_name(name: str, dialect: Dialect) -> str:
    """
    What the conventions call a provider.

    >>> provider_name("vertex-anthropic", DIALECTS["v1.41.1"])
    'gcp.vertex_ai'
    """
    known = _LATEST_PROVIDERS if dialect.name == "latest" else _PROVIDERS
    return known.get(name) or known.get(name.partition("-")[0], name)


def dialect_of(name: str | None, environ: Mapping[str, str]) -> Dialect:
    """
    Choose a dialect.

    Args:
        name: `v1.41.1` or `latest`; None for what the environment says.
        environ: Where the switch is looked up.

    Raises:
        ConfigError: There is no such dialect.
    """
    if name is None:
        chosen = [value.strip() for value in environ.get(OPT_IN, "").split(",")]
        name = "latest" if _LATEST in chosen else "v1.41.1"
    if name not in DIALECTS:
        raise ConfigError(f"dialect is {name!r}: give {' or '.join(map(repr, DIALECTS))}", field="dialect")
    return DIALECTS[name]


def captures(content: bool | None, environ: Mapping[str, str]) -> bool:
    """
    Whether what was asked and answered is written into spans; it is not unless somebody says so.

    Args:
        content: The caller's word, or None for what the environment says (`true`, `span_only`, `span_and_event`).
        environ: Where the switch is looked up.
    """
    if content is not None:
        return content
    return environ.get(CAPTURE, "").strip().lower() in ("1", "true", "span_only", "span_and_event")
