"""
What the command line knows before it is told anything: variables, `.env`, configuration files.

A `.env` comes with the directory that one happens to be in, so it may give what belongs to it and redirect nothing that
belongs to the user: of its variables only providers' keys, providers' addresses and `DRAGOMAN_...` are read, never one
that the environment sets; and an address is not taken for a provider whose key is the user's (from the environment,
stored, or named by a reference), because that key would be sent there.  A reference that names a program to run is not
taken at all.

Configuration is one line so far, `model = "provider/model"`, in `dragoman.toml` here or in
`$XDG_CONFIG_HOME/dragoman/config.toml` (`~/.config` by default).
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman import catalog
from dragoman.errors import ConfigError
from dragoman.secrets import (
    KeySource,
    Reference,
    StoredKeys,
    Variables,
    address_variables,
    find_base_url,
    find_key,
    found_in,
    key_variables,
    parse_reference,
    read_dotenv,
)
from dragoman.types.providers import Provider

if TYPE_CHECKING:
    from dragoman.observe.base import Call


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """
    Attributes:
        environ: The environment, with what was taken from `.env`.
        from_file: Names of the variables that come from `.env`.
        ignored: Names in `.env` that were not taken because they would redirect a key of the user's.
        refused: Names in `.env` that were not taken because they would run a program.
        stored: What `dragoman keys set` has stored.
        providers: All rows.
        project: The project's configuration file, whether it is there or not.
        user: The user's.
    """

    environ: Mapping[str, str]
    from_file: frozenset[str]
    ignored: tuple[str, ...]
    refused: tuple[str, ...]
    stored: StoredKeys
    providers: Mapping[str, Provider]
    project: Path
    user: Path

    def knowing(self, ref: str) -> Setup:
        """Return this with the provider that `ref` names, if an installed package brings it."""
        return msgspec.structs.replace(self, providers=catalog.with_plugin(ref, self.providers))

    def overrides(self, provider: str) -> dict[str, dict[str, Any]]:
        """
        Return what a client must be told of a provider: its address and its key, as far as they are found.

        Raises:
            ConfigError: The key or the address that was found cannot work.
        """
        row = self.providers[provider]
        if row.base_url.startswith("sim:"):
            return {}
        fields: dict[str, Any] = {"base_url": find_base_url(row, self.environ)}
        if provider not in catalog.builtin():
            fields = msgspec.structs.asdict(row) | fields  # nobody else has the rest of it
            del fields["name"]
        key, variable = find_key(row, self.environ), found_in(row, self.environ)
        if isinstance(key, Reference):  # another variable that it names may stand in `.env`, too
            return {provider: fields | {"api_key": KeySource([key], provider, variable or "api_key", self.environ)}}
        return {provider: fields | ({"api_key": key} if key is not None else {})}

    def key_origin(self, row: Provider) -> str | None:
        """
        Where a provider's key comes from, in words, or None where there is none.

        Raises:
            ConfigError: The stored keys cannot be read.
        """
        variable = found_in(row, self.environ)
        if variable is not None:
            return self.origin(variable)
        stored = self.stored.find(row.name)
        return f"the stored key ({stored.scheme}:)" if stored is not None else None

    def key_of(self, call: Call) -> str:
        """Where the key of a call came from, for the log."""
        row = self.providers.get(call.provider)
        return (self.key_origin(row) if row is not None else None) or ""

    def origin(self, variable: str) -> str:
        """Where a variable comes from, in words."""
        return f"{variable} in .env" if variable in self.from_file else variable


def load(environ: Mapping[str, str], directory: Path) -> Setup:
    """
    Read `.env`; configuration files are read when they are asked for.

    Raises:
        ConfigError: `.env` is there but cannot be read.
    """
    rows = catalog.builtin()
    values = read_dotenv(directory / ".env", missing_ok=True)
    wanted = {name: value for name, value in values.items() if name not in environ and name in _own_names(rows)}
    named = {name: found for name, value in wanted.items() if (found := parse_reference(value, f"{name} in .env"))}
    refused = [name for name, reference in named.items() if reference.kind.verbatim]
    stored = StoredKeys(environ)
    ignored = _redirecting(rows, wanted.keys(), {**dict.fromkeys(named, "…"), **environ}, stored)
    taken = {name: value for name, value in wanted.items() if name not in (*ignored, *refused)}
    return Setup(
        environ=Variables({**environ, **taken}),
        from_file=frozenset(taken),
        ignored=ignored,
        refused=tuple(refused),
        stored=stored,
        providers=rows,
        project=directory / "dragoman.toml",
        user=_user_file(environ),
    )


def _own_names(rows: Mapping[str, Provider]) -> frozenset[str]:
    names = {name for row in rows.values() for name in (*key_variables(row), *address_variables(row))}
    return frozenset(names | {"DRAGOMAN_MODEL", "DRAGOMAN_NO_DETECT", "DRAGOMAN_DETECT_PORTS"})


def _redirecting(
    rows: Mapping[str, Provider], wanted: Collection[str], own: Mapping[str, str], stored: StoredKeys
) -> tuple[str, ...]:
    """Names in `.env` that would send a key of the user's to another address; `own` are variables that hold such."""
    redirecting = {
        name
        for row in rows.values()
        for name in address_variables(row)
        if name in wanted and (found_in(row, own) or stored.find(row.name))
    }
    return tuple(name for name in wanted if name in redirecting)


def _user_file(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME") or ""
    home = Path(base) if base.startswith("/") else Path(environ.get("HOME") or "~").expanduser() / ".config"
    return home / "dragoman" / "config.toml"


def configured_model(path: Path) -> str | None:
    """
    Return the model that a configuration file names, or None if there is no file or it names none.

    Raises:
        ConfigError: The file cannot be read, is not TOML, or its `model` is not a text.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", field="model") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", field="model") from error
    model = values.get("model")
    if model is not None and not isinstance(model, str):
        raise ConfigError(f'{path}: model is no text: write model = "provider/model"', field="model")
    return model
