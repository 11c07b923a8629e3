"""
What a Postgres URL says, without the credentials in anything that is read by people.

    postgresql://[user[:password]@][host][:port][,...][/database][?option=value]

It is libpq's own form, read by libpq; what it does not say comes from the standard variables (`PGHOST`, `PGPASSWORD`,
`PGPASSFILE`, ...).
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

from dragoman.drivers.base import library
from dragoman.errors import ConfigError
from dragoman.redact import register

SCHEMES: Final = ("postgresql", "postgres")


def parse_address(url: str) -> tuple[str, str]:
    """
    Return what psycopg is given, and where the server is, for people.

    Raises:
        ConfigError: It is no such URL, or psycopg is missing.
    """
    if url.partition("://")[0] not in SCHEMES:
        raise _wrong("it begins with postgresql://")
    register(_password(url))
    psycopg = library("psycopg", "postgres")
    try:
        parts: dict[str, Any] = library("psycopg.conninfo", "postgres").conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise _wrong(str(error).strip()) from None
    register(str(parts.get("password") or ""))
    return url, _place(parts)


def _password(url: str) -> str:
    """The password of a URL that may not be well-formed."""
    user = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    return unquote(user.partition(":")[2])


def _place(parts: dict[str, Any]) -> str:
    host = parts.get("host") or parts.get("hostaddr") or "localhost"
    port = f":{parts['port']}" if parts.get("port") else ""
    database = f"/{parts['dbname']}" if parts.get("dbname") else ""
    return f"Postgres at {host}{port}{database}"


def _wrong(why: str) -> ConfigError:
    return ConfigError(f"the Postgres URL cannot be used: {why}", field="url")
