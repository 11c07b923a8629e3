"""
What the command line knows before it is told anything: variables, `.env`, configuration files.

A `.env` comes with the directory that one happens to be in, so it may give what belongs to it and redirect nothing that
belongs to the user: of its variables only providers' keys, providers' addresses and `DRAGOMAN_...` are read, never one
that the environment sets; and an address is not taken for a provider whose key comes from the environment, because that
key would be sent there.

Configuration is one line so far, `model = "provider/model"`, in `dragoman.toml` here or in
`$XDG_CONFIG_HOME/dragoman/config.toml` (`~/.config` by default).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dragoman import catalog
from dragoman.errors import ConfigError
from dragoman.secrets import address_variables, find_base_url, find_key, found_in, key_variables, read_dotenv
from dragoman.types.providers import Provider


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """
    Attributes:
        environ: The environment, with what was taken from `.env`.
        from_file: Names of the variables that come from `.env`.
        ignored: Names in `.env` that were not taken because they would redirect a key of the environment.
        providers: All rows.
        project: The project's configuration file, whether it is there or not.
        user: The user's.
    """

    environ: Mapping[str, str]
    from_file: frozenset[str]
    ignored: tuple[str, ...]
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
        key = find_key(row, self.environ)
        return {provider: fields | ({"api_key": key} if key is not None else {})}

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
    ignored = [name for name in wanted if name in _taken_addresses(rows, environ)]
    taken = {name: value for name, value in wanted.items() if name not in ignored}
    return Setup(
        environ={**environ, **taken},
        from_file=frozenset(taken),
        ignored=tuple(ignored),
        providers=rows,
        project=directory / "dragoman.toml",
        user=_user_file(environ),
    )


def _own_names(rows: Mapping[str, Provider]) -> frozenset[str]:
    names = {name for row in rows.values() for name in (*key_variables(row), *address_variables(row))}
    return frozenset(names | {"DRAGOMAN_MODEL", "DRAGOMAN_NO_DETECT", "DRAGOMAN_DETECT_PORTS"})


def _taken_addresses(rows: Mapping[str, Provider], environ: Mapping[str, str]) -> frozenset[str]:
    """Variables that would send a key of the environment to another address."""
    return frozenset(name for row in rows.values() if found_in(row, environ) for name in address_variables(row))


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
