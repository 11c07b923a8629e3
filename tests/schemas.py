"""Schemas of their own for tests that share a running Postgres."""

from __future__ import annotations

from secrets import token_hex

from dragoman.drivers.postgres import Postgres
from dragoman.runtime import BlockingRuntime, drive
from tests.services import PostgresServer


def fresh_schema(server: PostgresServer, prefix: str, *others: str) -> str:
    """The URL of an empty schema, whose name begins so; names are looked up in `others`, too."""
    name = f"{prefix}_{token_hex(6)}"
    driver = Postgres(server.url)
    drive(driver.run(BlockingRuntime(), f"CREATE SCHEMA {name}"))
    driver.close()
    return f"{server.url}?options=-csearch_path%3D{'%2C'.join((name, *others))}"
