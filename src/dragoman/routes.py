"""
From a model reference to where the request goes.

Rows come from the catalogue, then the caller's overrides, then the environment's standard variables (which the caller's
own values outrank).  A key is looked for when a call needs it, never earlier; where that may wait, the way to a model
has the source of its keys instead of a key.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from dragoman import catalog, wire
from dragoman.catalog.models import find_model, known_models, with_facts
from dragoman.errors import ConfigError, UnknownModelError
from dragoman.redact import MASK
from dragoman.secrets import (
    Keys,
    KeySource,
    Secret,
    Variables,
    authorize,
    find_address,
    find_base_url,
    finds_its_own,
    veiled,
)
from dragoman.types.http import HttpRequest, Notice
from dragoman.types.models import Model
from dragoman.types.providers import Provider, Quirks, fill
from dragoman.wire.base import Wire

ProviderOverrides = Mapping[str, "Provider | Mapping[str, Any]"]
ModelOverrides = Mapping[str, "Model | Mapping[str, Any]"]

_UNKNOWN = Notice(
    "model", "not in the catalogue: it is taken to accept what most do, and its price is not known", adapted=False
)
_FIELDS = (*Provider.__struct_fields__, "api_key")


class Route(msgspec.Struct, frozen=True):
    """
    Where a request goes.

    Attributes:
        provider: The row, with the base URL that is in force.
        model: The bare model name.
        wire: The codec.
        key: The credential, or None where none is needed, or where it is to be taken from `source`.
        facts: What is known of the model, or None.
        notices: What the caller should know of it.
        source: Keys that are looked up, become stale, or are used in turn; None where there is only `key`.
    """

    provider: Provider
    model: str
    wire: Wire
    key: Secret | None
    facts: Model | None = None
    notices: tuple[Notice, ...] = ()
    source: KeySource | None = None

    def keyed(self, key: Secret | None) -> Route:
        """Return this with a key, or as it is for None."""
        return self if key is None else msgspec.structs.replace(self, key=key, source=None)

    def authorize(self, request: HttpRequest) -> HttpRequest:
        """
        Return the request with its credential.

        Raises:
            ConfigError: A key cannot be looked up, or a library that signs is not installed, or has no credentials.
        """
        return authorize(request, self.provider, self.source.take() if self.source else self.key)

    def preview(self, request: HttpRequest) -> HttpRequest:
        """Return the request as it would be sent, with a mask in the place of a key that is still to be looked up."""
        ready = self.source is None or self.source.ready
        return self.authorize(request) if ready else authorize(request, self.provider, Secret(MASK))

    @property
    def looks_for_credentials(self) -> bool:
        """Whether `authorize` may wait for a network."""
        if self.source is not None:
            return not self.source.ready
        return self.key is None and finds_its_own(self.provider)


class Routes:
    """
    All providers that a client knows, and the way to each.

    Args:
        overrides: Name to a `Provider`, or to the fields that differ from the catalogue's row (`base_url`, `api_key`,
            `wire`, `headers`, `quirks`...).  A name that the catalogue does not have is a new row.
        environ: Where standard variables are looked up; the process's environment if None.
        models: Reference to a `Model`, or to the fields that differ from the catalogue's.

    Raises:
        ConfigError: An override has an unknown field or a bad value.

    Attributes:
        providers: The rows, by name.
        plans: Names that stand for plans of the client, which only chat is asked by.
    """

    plans: frozenset[str] = frozenset()

    def __init__(
        self,
        overrides: ProviderOverrides | None = None,
        environ: Mapping[str, str] | None = None,
        models: ModelOverrides | None = None,
    ) -> None:
        environ = self._variables = Variables(os.environ if environ is None else environ)
        self._keys = Keys(self._variables)
        self._own_url: set[str] = set()
        self.providers: dict[str, Provider] = dict(catalog.builtin())
        overrides = veiled(overrides or {})  # the traceback of an error shows variables, if someone prints it so
        self._take_over(overrides)
        self._facts = {self.names(ref): _facts(ref, fields) for ref, fields in (models or {}).items()}
        self._routes: dict[str, Route] = {}
        self._keyless: dict[str, Route] = {}

    def resolve(self, ref: str, key: Secret | None = None) -> Route:
        """
        Find the way to a model.

        Args:
            ref: `provider/model`.
            key: To be used instead of the provider's own.

        Raises:
            UnknownModelError: The reference names no provider.
            UnknownProviderError: It names one that is not known.
            MissingKeyError: The provider needs a key and none was found.
        """
        route = self._routes.get(ref)
        if route is None:
            route = self.keyless(ref)
            if key is None:
                self._routes[ref] = route = self._with_key(route)
        return route.keyed(key)

    def keyless(self, ref: str, key: Secret | None = None) -> Route:
        """Find the way to a model without a key, for what is not sent.  Errors as `resolve`, but for a missing key."""
        route = self._routes.get(ref) or self._keyless.get(ref)
        if route is None:
            route = self._keyless[ref] = self._way(ref)
        return route

    def _way(self, ref: str) -> Route:
        provider, model = self.locate(ref)
        facts = self.facts(provider.name, model)
        notices = () if facts or not known_models(provider.name) else (_UNKNOWN,)
        return Route(provider, model, wire.get(provider.wire), None, facts, notices)

    def _with_key(self, route: Route) -> Route:
        source = self._keys.source(route.provider)
        if source is None:
            return route
        key = source.fixed
        return msgspec.structs.replace(route, key=key, source=None if key else source)

    def source_of(self, ref: str) -> KeySource | None:
        """
        The source of the keys for a model, or None where there is one key or none, and nothing to choose.

        Raises:
            ConfigError: As `resolve`.
        """
        return self.resolve(ref).source

    def locate(self, ref: str) -> tuple[Provider, str]:
        """Find provider and bare model name of a reference, without a key."""
        name, model = self.names(ref)
        return self.provider(name), model

    def names(self, ref: str) -> tuple[str, str]:
        """The two names of a reference; a provider that only an installed package brings becomes a row."""
        if not isinstance(ref, str) or ref in self.plans:
            kind = f"{ref!r} is a route" if isinstance(ref, str) else f"model is {type(ref).__name__}"
            raise ConfigError(f"{kind}: give 'provider/model' here; plans are for chat", field="model")
        try:
            return catalog.parse_model(ref, self.providers)
        except UnknownModelError:
            known = catalog.with_plugin(ref, self.providers)
            if known is self.providers:
                raise
            self.providers = dict(known)
            return catalog.parse_model(ref, self.providers)

    def facts(self, provider: str, model: str) -> Model | None:
        """What is known of a model: the catalogue's facts, and over them the caller's."""
        found, told = find_model(provider, model), self._facts.get((provider, model))
        return found if told is None else with_facts(found or Model(), told)

    def name_of(self, name: str) -> str:
        """
        Find a provider's own name for any name that it has.

        Raises:
            UnknownProviderError: None has that name or alias.
        """
        return catalog.parse_provider(name, self.providers)

    def to_provider(self, name: str) -> Route:
        """
        Find the way to a provider, for what is asked of no model.

        Raises:
            UnknownProviderError: None has that name or alias.
            MissingKeyError: It needs a key and none was found.
        """
        provider = self.provider(self.name_of(name))
        return self._with_key(Route(provider, "", wire.get(provider.wire), None))

    def provider(self, name: str) -> Provider:
        """The row of that name, with the address that the environment or the caller set."""
        provider, variables = self.providers[name], self._variables
        address = find_address(provider, variables)
        own = fill(provider.base_url, address) if name in self._own_url else find_base_url(provider, variables)
        return msgspec.structs.replace(provider, base_url=own, address=address)

    def key(self, provider: Provider) -> Secret | None:
        """
        The key for a provider, or None where none is needed, or where it changes and is taken from its source.

        Raises:
            MissingKeyError: None was found.
        """
        source = self._keys.source(provider)
        return source.fixed if source else None

    def _take_over(self, overrides: ProviderOverrides) -> None:
        """Make rows of what the caller gave."""
        for name, fields in overrides.items():
            self.providers[name] = self._row(name, fields)

    def _row(self, name: str, fields: Provider | Mapping[str, Any]) -> Provider:
        if isinstance(fields, Provider):
            self._own_url.add(name)
            return fields if fields.name == name else msgspec.structs.replace(fields, name=name)
        changes = dict(fields)
        self._check_fields(name, changes)
        key = changes.pop("api_key", None)
        if key is not None:
            self._keys.give(name, key)
        if "base_url" in changes:
            self._own_url.add(name)
        base = self.providers.get(name)
        if base is None and "base_url" not in changes:
            base = catalog.find_plugin(name)
        if base is None and "base_url" not in changes:
            raise ConfigError(f"provider {name!r} is new: give its base_url", provider=name, field="providers")
        merged: dict[str, Any] = (msgspec.structs.asdict(base) if base else {"name": name}) | changes
        if isinstance(changes.get("quirks"), Mapping):
            merged["quirks"] = _quirks(name, base, changes["quirks"])
        try:
            return msgspec.convert(merged, Provider)
        except msgspec.ValidationError as error:
            raise ConfigError(f"providers[{name!r}]: {error}", provider=name, field="providers") from error

    def _check_fields(self, name: str, fields: Mapping[str, Any]) -> None:
        for field in fields:
            if field not in _FIELDS:
                near = get_close_matches(field, _FIELDS, n=1)
                hint = f": did you mean {near[0]}?" if near else f": there are {', '.join(_FIELDS)}"
                raise ConfigError(f"providers[{name!r}] has no field {field!r}{hint}", provider=name, field=field)


def _facts(ref: str, fields: Model | Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a model that the caller gave, as values."""
    changes = msgspec.to_builtins(fields) if isinstance(fields, Model) else dict(fields)
    for field in changes:
        if field not in Model.__struct_fields__:
            near = get_close_matches(field, Model.__struct_fields__, n=1)
            hint = f": did you mean {near[0]}?" if near else f": there are {', '.join(Model.__struct_fields__)}"
            raise ConfigError(f"models[{ref!r}] has no field {field!r}{hint}", field="models")
    try:
        model = msgspec.convert(changes, Model)
    except msgspec.ValidationError as error:
        raise ConfigError(f"models[{ref!r}]: {error}", field="models") from error
    return {field: getattr(model, field) for field in changes}


def _quirks(name: str, base: Provider | None, changes: Mapping[str, Any]) -> Quirks:
    for field in changes:
        if field not in Quirks.__struct_fields__:
            raise ConfigError(
                f"providers[{name!r}].quirks has no field {field!r}: there are {', '.join(Quirks.__struct_fields__)}",
                provider=name,
                field=f"quirks.{field}",
            )
    start = msgspec.structs.asdict(base.quirks) if base else {}
    try:
        return msgspec.convert(start | dict(changes), Quirks)
    except msgspec.ValidationError as error:
        raise ConfigError(f"providers[{name!r}].quirks: {error}", provider=name, field="quirks") from error
