"""
Which model answers when none is named.

The first of these that gives one, and it is said on standard error:

    1. -m
    2. DRAGOMAN_MODEL
    3. `model` in ./dragoman.toml, then in the user's config.toml
    4. a provider's key in the environment, in ./.env or stored, in the order of the catalogue
    5. a server on this machine that is recognised
    6. the simulator, and only where a person asks and reads: a pipeline never gets invented text
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import msgspec

from dragoman import catalog
from dragoman.cli.config.reading import defaults
from dragoman.cli.detect import Sight
from dragoman.cli.exits import NoModelError
from dragoman.cli.output import Terminal
from dragoman.cli.setup import Setup, configured_model
from dragoman.cli.words import t
from dragoman.secrets import address_variables

SIMULATED: Final = "sim/hello"

How = Literal["asked", "configured", "key", "local", "simulated"]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """
    The model that answers.

    Attributes:
        model: `provider/model`.
        how: What decided.
        reason: The same in words.
        steps: What was looked at before, in words.
        providers: What the client must be told of its provider.
    """

    model: str
    how: How
    reason: str
    steps: tuple[str, ...] = ()
    providers: dict[str, dict[str, Any]] = {}

    @property
    def simulated(self) -> bool:
        """Whether no model answers at all."""
        return self.model.startswith("sim/")


def choose(asked: str | None, setup: Setup, terminal: Terminal, look: Callable[[], Sight]) -> Choice:
    """
    Choose the model.

    Args:
        asked: What `-m` named.
        setup: Variables and files.
        terminal: Whether a person asks and reads.
        look: Looks for local servers; called only if nothing before it decides.

    Raises:
        NoModelError: Nothing decided, and the simulator may not answer here.
        UnknownModelError: What was named leads to no provider.
        ConfigError: A configuration file, key or address that was found cannot work.
    """
    steps: list[str] = []
    for how, source, model in _named(asked, setup):
        if model:
            return _named_choice(model, how, source, setup, steps)
        steps.append(t("choose.not_set", source=source))
    return _by_key(setup, steps) or _by_server(look(), setup, steps) or _simulated(terminal, steps)


def _named(asked: str | None, setup: Setup) -> Iterator[tuple[How, str, str | None]]:
    yield "asked", "-m", asked
    yield "configured", setup.origin("DRAGOMAN_MODEL"), setup.environ.get("DRAGOMAN_MODEL")
    yield "configured", str(setup.project), configured_model(setup.project)
    yield "configured", str(setup.user), configured_model(setup.user)


def _named_choice(model: str, how: How, source: str, setup: Setup, steps: list[str]) -> Choice:
    alias, model = model, _meant(model, setup)
    setup = setup.knowing(model)
    provider, name = catalog.parse_model(model, setup.providers)
    by = source if alias == model else t("choose.alias", source=source, alias=alias)
    return Choice(
        model=f"{provider}/{name}",
        how=how,
        reason=t("choose.named", source=by, elsewhere=_elsewhere(provider, setup)),
        steps=tuple(steps),
        providers=setup.overrides(provider),
    )


def _meant(model: str, setup: Setup) -> str:
    """The model that an alias stands for; a name with a slash is none."""
    if "/" in model:
        return model
    return defaults([setup.project, setup.user]).aliases.get(model, model)


def _by_key(setup: Setup, steps: list[str]) -> Choice | None:
    for name, row in setup.providers.items():
        origin = setup.key_origin(row) if row.default_model else None
        if origin is not None:
            return Choice(
                model=f"{name}/{row.default_model}",
                how="key",
                reason=t("choose.key", origin=origin, elsewhere=_elsewhere(name, setup)),
                steps=tuple(steps),
                providers=setup.overrides(name),
            )
    steps.append(t("choose.no_keys"))
    return None


def _elsewhere(provider: str, setup: Setup) -> str:
    """Which variable sends the request to another address than the provider's own, for the reader to see."""
    row = setup.providers[provider]
    variable = next((name for name in address_variables(row) if setup.environ.get(name)), None)
    return t("choose.address", origin=setup.origin(variable)) if variable else ""


def _by_server(sight: Sight, setup: Setup, steps: list[str]) -> Choice | None:
    steps += sight.notes
    if not sight.servers:
        return None
    server = sight.servers[0]
    fields = setup.overrides(server.provider)[server.provider] | {"base_url": server.base_url}
    return Choice(
        model=f"{server.provider}/{server.models[0]}",
        how="local",
        reason=t("choose.found", address=server.address),
        steps=tuple(steps),
        providers={server.provider: fields},
    )


def _simulated(terminal: Terminal, steps: list[str]) -> Choice:
    if terminal.interactive:
        return Choice(model=SIMULATED, how="simulated", reason=t("choose.nothing"), steps=tuple(steps))
    why = next(
        why
        for why, applies in (
            (t("choose.stdout"), not terminal.stdout),
            (t("choose.stdin"), not terminal.stdin),
            (t("choose.ci"), True),
        )
        if applies
    )
    raise NoModelError(t("choose.none", why=why), field="model")
