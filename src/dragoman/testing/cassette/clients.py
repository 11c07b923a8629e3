"""
Clients for a tape that plays: without keys, and without the waits that are their own.

What is played was answered long ago: a credential is of no use, and who waits before a second attempt waits for nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dragoman import catalog
from dragoman.client import AsyncClient, Client
from dragoman.runtime import AsyncRuntime, BlockingRuntime
from dragoman.types.providers import Provider


class _BlockingAtOnce(BlockingRuntime):
    async def sleep(self, seconds: float) -> None:
        """The wait is left out."""


class _AsyncAtOnce(AsyncRuntime):
    async def sleep(self, seconds: float) -> None:
        """The wait is left out; other tasks get their turn."""
        await super().sleep(0)


class _ClientAtOnce(Client):
    runtime = _BlockingAtOnce()


class _AsyncClientAtOnce(AsyncClient):
    runtime = _AsyncAtOnce()


def client(options: Mapping[str, Any], *, playing: bool, at_once: bool) -> Client:
    """
    Make a client.

    Args:
        options: As the user gave them.
        playing: Whether nothing is sent.
        at_once: Whether no wait is wanted.
    """
    return (_ClientAtOnce if playing and at_once else Client)(**_options(options, playing))


def async_client(options: Mapping[str, Any], *, playing: bool, at_once: bool) -> AsyncClient:
    """Like `client`, for the other face."""
    return (_AsyncClientAtOnce if playing and at_once else AsyncClient)(**_options(options, playing))


def _options(options: Mapping[str, Any], playing: bool) -> dict[str, Any]:
    if not playing:
        return dict(options)
    given: Mapping[str, Provider | Mapping[str, Any]] = options.get("providers") or {}
    rows: dict[str, Any] = {name: {"auth": "none"} for name in catalog.builtin()}
    rows |= {name: _without_key(row) for name, row in given.items()}
    # Limits that an answer told when it was recorded are over.
    return {"limit": None, **options, "providers": rows}


def _without_key(row: Provider | Mapping[str, Any]) -> Provider | dict[str, Any]:
    if isinstance(row, Provider):
        return msgspec.structs.replace(row, auth="none")
    return {**{name: value for name, value in row.items() if name != "api_key"}, "auth": "none"}
