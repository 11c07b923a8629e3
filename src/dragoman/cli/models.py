"""`dragoman models`: who can be asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.detect import Found, look
from dragoman.cli.output import print_json, print_table
from dragoman.cli.setup import Setup, load
from dragoman.errors import ConfigError, UnknownProviderError
from dragoman.secrets import find_base_url, found_in, key_variables
from dragoman.types.providers import Provider


@click.command("models", context_settings=CONTEXT)
@click.option("--provider", metavar="NAME", help="Only this provider.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def COMMAND(provider: str | None, as_json: bool) -> int:
    """List providers, where their keys come from, and the models of servers on this machine."""
    setup = load(os.environ, Path())
    rows = _rows(setup.providers, provider)
    servers = {server.provider: server for server in look(rows, setup.environ).servers}
    data = [_data(row, setup, servers.get(name)) for name, row in rows.items()]
    if as_json:
        print_json(data)
        return exits.OK
    print_table([_line(row) for row in data], ("provider", "key", "model", "address"))
    return exits.OK


def _rows(providers: Mapping[str, Provider], wanted: str | None) -> Mapping[str, Provider]:
    if wanted is None:
        return providers
    found = {name: row for name, row in providers.items() if wanted.lower() in (name, *row.aliases)}
    if not found:
        near = get_close_matches(wanted.lower(), providers, n=1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise UnknownProviderError(f"no provider is called {wanted!r}{hint}", field="provider")
    return found


def _data(row: Provider, setup: Setup, server: Found | None) -> dict[str, Any]:
    variables = key_variables(row)
    return {
        "provider": row.name,
        "name": row.display or row.name,
        "wire": row.wire,
        "base_url": server.base_url if server else _address(row, setup),
        "key_variables": variables,
        "key_found_in": found_in(row, setup.environ),
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
