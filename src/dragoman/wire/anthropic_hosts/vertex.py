"""
The wire `vertex-anthropic`: Anthropic's dialect on Google's Vertex AI.

Source: anthropic SDK 2.12, `lib/vertex`; Vertex AI documentation, Claude models (`rawPredict`).
"""

from __future__ import annotations

from typing import Final

from dragoman.wire.anthropic_hosts.hosted import Host, HostedMessages
from dragoman.wire.base import Wire

WIRE: Final[Wire] = HostedMessages(
    "vertex-anthropic",
    Host(
        version="vertex-2023-10-16",
        path="projects/{project}/locations/{location}/publishers/anthropic/models/{model}:{method}",
        methods=("rawPredict", "streamRawPredict"),
        streams="text/event-stream",
        quoted=False,
    ),
)
