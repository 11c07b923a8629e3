"""
Batches at a provider's own batch API: half the price, and hours instead of minutes.

`base` says how such an API is spoken and one module for each speaks it; `calls` sends its requests, `spool` keeps rows
while they are away, `packing` cuts them to the API's limits, `logbook` remembers what was handed in, `engine` submits,
waits and collects, `choosing` says which rows go where.

Rule: which API a provider has stands in its row (`Provider.batches`); each module gives its class as `SERVICE`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from dragoman.batch.service.base import Service

_MODULES: Final = {
    "openai": "dragoman.batch.service.openai",
    "azure": "dragoman.batch.service.azure",
    "mistral": "dragoman.batch.service.mistral",
    "anthropic": "dragoman.batch.service.anthropic",
    "gemini": "dragoman.batch.service.gemini",
    "bedrock": "dragoman.batch.service.bedrock",
}


def service_of(batches: str) -> type[Service]:
    """The class that speaks a batch API, by the name that `Provider.batches` has for it."""
    return cast("type[Service]", import_module(_MODULES[batches]).SERVICE)
