"""
What the calls of one client are known by.

A call that is asked by a plan is known by the requests to all models that may answer it, so that nothing of a target
(its address, its dialect, its key) can differ unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import msgspec

from dragoman.policy.base import Context
from dragoman.policy.cache.cache import Scope, scope_name
from dragoman.policy.cache.key import Way, fields_of, key_of, scope_id, scope_of_credentials, scope_of_name
from dragoman.policy.cache.rules import why_not_asked
from dragoman.policy.route.way import Node, Stop
from dragoman.policy.route.way import Way as Plan
from dragoman.secrets.secret import Secret
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest

Prepare = Callable[[ChatRequest, Context], tuple[Way, HttpRequest]]
"""Encodes a request, without its credential: `Sender.prepare`."""

Credential = Callable[[Provider], Secret | None]
"""The key for a provider, or None where there is none, or where it changes."""


class Asked(msgspec.Struct, frozen=True):
    """
    What a call is known by.

    Attributes:
        scope: As stores know it.
        key: Likewise.
        models: `provider/model` of those that may answer.
        why_not: Why it is not cached, or None.
    """

    scope: bytes
    key: bytes
    models: frozenset[str]
    why_not: str | None = None


class Known:
    """
    Tells what a call is known by.

    Args:
        prepare: Encodes a request; need not look for a key.
        credential: Asked only where there is no scope.
    """

    def __init__(self, prepare: Prepare, credential: Credential) -> None:
        self._prepare = prepare
        self._credential = credential

    def __call__(self, request: ChatRequest, context: Context, scope: Scope) -> Asked:
        """
        What a call is known by.

        Raises:
            ConfigError: It has no scope, or cannot be sent.
        """
        name = None if scope is None else scope_name(scope, request)
        plan = _plan(request, context)
        if plan is None:
            targets, form = [(request.model, context.credential)], ""
        else:
            targets, form = [(stop.model, stop.key) for stop in plan.stops], _form(plan.root)
        # A plain request to one model is encoded as it is: who sends it need not do that again.
        asked = (
            [request] if plan is None and not request.stream else _directed(request, [model for model, _ in targets])
        )
        sent = [self._prepare(one, context) for one in asked]
        if name is None:
            keys = [key or self._credential(way.provider) for (_, key), (way, _) in zip(targets, sent, strict=True)]
            named = scope_of_credentials(keys, [encoded for _, encoded in sent])
        else:
            named = scope_of_name(name)
        ways = [(way, encoded, fields_of(encoded.body)) for way, encoded in sent]
        reasons = (why_not_asked(request.directed(model=way.model), body) for way, _, body in ways)
        return Asked(
            scope_id(named),
            key_of(named, ways, form),
            frozenset(f"{way.provider.name}/{way.model}" for way, _ in sent),
            next((why for why in reasons if why is not None), None),
        )


def _directed(request: ChatRequest, models: list[str]) -> list[ChatRequest]:
    return [request.directed(model=model, stream=False) for model in models]


def _plan(request: ChatRequest, context: Context) -> Plan | None:
    plan = cast("Plan | None", context.plan)
    # Whoever set another model has taken the call off its plan.
    return plan if plan is not None and plan.first == request.model else None


def _form(way: Stop | Node) -> str:
    """How the targets of a plan hang together; their names are in their requests."""
    if isinstance(way, Stop):
        return "."
    return f"{type(way.plan).__name__}({','.join(map(_form, way.ways))})"
