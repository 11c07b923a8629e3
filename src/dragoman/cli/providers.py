"""The table of providers: where their keys come from, and which servers run on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman import catalog
from dragoman.cli.detect import Found, look
from dragoman.cli.output import print_json, print_table, talk
from dragoman.cli.setup import Setup
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.secrets import find_base_url, found_in, key_variables
from dragoman.types.providers import Provider


def print_providers(setup: Setup, wanted: str | None, *, as_json: bool) -> None:
    """
    Print all providers, or the one that is wanted.

    Raises:
        UnknownProviderError: None has that name or alias.
    """
    rows = _rows(setup.providers, wanted)
    servers = {server.provider: server for server in look(rows, setup.environ).servers}
    data = [_data(row, setup, servers.get(name)) for name, row in rows.items()]
    if as_json:
        print_json(data)
        return
    print_table([_line(row) for row in data], ("provider", "key", "model", "address"))
    talk(t("models.how"))


def _rows(providers: Mapping[str, Provider], wanted: str | None) -> Mapping[str, Provider]:
    if wanted is None:
        return providers
    name = catalog.parse_provider(wanted, providers)
    return {name: providers[name]}


def _data(row: Provider, setup: Setup, server: Found | None) -> dict[str, Any]:
    variables = key_variables(row)
    return {
        "provider": row.name,
        "name": row.display or row.name,
        "wire": row.wire,
        "base_url": server.base_url if server else _address(row, setup),
        "key_variables": variables,
        "key_found_in": found_in(row, setup.environ) or setup.key_origin(row),
        "key_needed": row.auth != "none" and not row.quirks.key_optional,
        "default_model": row.default_model,
        "running": server is not None,
        "models": server.models if server else (),
    }


def _address(row: Provider, setup: Setup) -> str | None:
    try:
        return find_base_url(row, setup.environ)
    except ConfigError:
        return None  # a list shows what there is; `dragoman doctor` says what is wrong with the variable


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    model = ", ".join(row["models"]) or row["default_model"] or ""
    return row["provider"], _key(row), model, row["base_url"] or "(not set)"


def _key(row: Mapping[str, Any]) -> str:
    if row["key_found_in"]:
        return f"✓ {row['key_found_in']}"
    if row["running"]:
        return "✓ running here"
    return f"✗ {row['key_variables'][0]}" if row["key_needed"] else "- not needed"
