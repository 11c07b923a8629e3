"""
Base URLs in environment variables.

Order: the row's own variables, `<NAME>_BASE_URL`, the row's host variables (`OLLAMA_HOST`), `<NAME>_API_BASE`, the row.
A `{part}` of the row's address is in the variables of its cloud's own tools, or in `<NAME>_<PART>`.

A base URL is taken as it stands, as the official SDKs do.  A host variable names a server, in whatever form its own
tools take: `host`, `host:port`, `:port`, `http://host`, `https://host/prefix`; what is missing comes from the row, and
an address to listen at (`0.0.0.0`, `::`) means this machine.

Source of the forms: ollama/ollama, envconfig, `Host`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from dragoman.errors import ConfigError
from dragoman.secrets.env import variable_stem
from dragoman.types.providers import Provider, fill, placeholders

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
_SCHEMES = ("http", "https", "http+unix", "sim")


def find_base_url(provider: Provider, environ: Mapping[str, str]) -> str:
    """
    Return the base URL that is in force for a provider.

    Raises:
        ConfigError: A variable holds no usable address, or the row has none of its own (Azure) and no variable is set.
    """
    base_url = _base_url(provider, environ)
    blanks = placeholders(base_url)
    if not blanks:
        return base_url
    filled = fill(base_url, find_address(provider, environ))
    if placeholders(filled):
        names = " or ".join(address_variables(provider))
        raise ConfigError(
            f"{provider.name} has an address of one's own: set {names}, or pass base_url",
            provider=provider.name,
            field="base_url",
        )
    return filled


def _base_url(provider: Provider, environ: Mapping[str, str]) -> str:
    for variable, is_host in _variables(provider):
        value = environ.get(variable, "").strip()
        if value:
            read = _host if is_host else _url
            return read(value, variable, provider).rstrip("/")
    return provider.base_url


# What the vendors' own tools call the parts of an address.
_SOURCES: Final = {
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "project": ("GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID"),
    "location": ("GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION"),
}
_DEFAULTS: Final = {"location": "global"}
_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*\Z")


def find_address(provider: Provider, environ: Mapping[str, str]) -> dict[str, str]:
    """
    The parts of addresses that are known: the row's own, else the environment's.

    Raises:
        ConfigError: A part that cannot stand in an address.
    """
    found = dict(_DEFAULTS)
    for name in dict.fromkeys((*_SOURCES, *placeholders(provider.base_url))):
        variable = next((variable for variable in _part_variables(name, provider) if environ.get(variable)), None)
        if variable is not None:
            found[name] = _part(environ[variable], variable, provider)
    found |= {name: _part(value, f"address.{name}", provider) for name, value in provider.address.items()}
    return found | {name: make(found[source]) for name, (source, make) in _DERIVED.items() if source in found}


def _part_variables(name: str, provider: Provider) -> tuple[str, ...]:
    """Where a part of an address is looked for: `SNOWFLAKE_ACCOUNT` for the `{account}` of `snowflake`."""
    return (*_SOURCES.get(name, ()), f"{variable_stem(provider)}_{name.upper()}")


def _part(value: str, field: str, provider: Provider) -> str:
    if not _PART.match(value):
        raise ConfigError(
            f"{field} is {value!r}: give letters, digits, '.', ':', '_' and '-'", provider=provider.name, field=field
        )
    return value


def _vertex_host(location: str) -> str:
    """Host of Vertex AI: a region's own, that of several (`us`, `eu`), or the one for all (`global`)."""
    if location == "global":
        return "aiplatform.googleapis.com"
    one_region = "-" in location
    return f"{location}-aiplatform.googleapis.com" if one_region else f"aiplatform.{location}.rep.googleapis.com"


# Parts that follow from others: their source, and how.   (anthropic 2.12, lib/vertex; google-genai 3.4, `_api_client`)
_DERIVED: Final[dict[str, tuple[str, Callable[[str], str]]]] = {"vertex_host": ("location", _vertex_host)}


def address_variables(provider: Provider) -> tuple[str, ...]:
    """The variables in which a provider's address, or a part of it, is looked for, in order."""
    parts = [_DERIVED.get(name, (name,))[0] for name in placeholders(provider.base_url)]
    sources = (variable for name in parts for variable in _part_variables(name, provider))
    return tuple(dict.fromkeys((*sources, *(name for name, _ in _variables(provider)))))


def _variables(provider: Provider) -> Iterator[tuple[str, bool]]:
    """Name of each variable, and whether it names only a host; each once."""
    stem = variable_stem(provider)
    own = [(name, False) for name in (*provider.base_url_env, f"{stem}_BASE_URL")]
    hosts = [(name, True) for name in provider.host_env]
    yield from dict([*own, *hosts, (f"{stem}_API_BASE", False)]).items()


def _checked(value: str, variable: str, provider: Provider) -> str:
    """Hold an address to what can be called.  It is not shown: it may hold a password."""
    problem = _problem(value)
    if problem:
        raise ConfigError(
            f"{variable} {problem}: give an address such as {_example(provider)}",
            provider=provider.name,
            field=variable,
        )
    return value


def _problem(value: str) -> str | None:
    if re.search(r"[^\x21-\x7e]", value):
        return "has spaces, line breaks or characters that are not ASCII"
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return "is no address"
    if parts.scheme.lower() not in _SCHEMES or not parts.hostname:
        return "does not begin with http:// or https:// and a host"
    if parts.username is not None:
        return "has a user name or password in it, and credentials travel only in headers"
    return "has a query or fragment, and a base URL has none" if parts.query or parts.fragment else None


def _example(provider: Provider) -> str:
    return fill(provider.base_url, dict.fromkeys(placeholders(provider.base_url), "my-resource"))


def _url(value: str, variable: str, provider: Provider) -> str:
    """
    A base URL as it stands; completed where it has no path and the row also has host variables.

    `OLLAMA_BASE_URL=http://box:11434` is what other tools document; with the path missing every call would be a 404.
    """
    _checked(value, variable, provider)
    if not provider.host_env or urlsplit(value).path.strip("/"):
        return value
    return value.rstrip("/") + urlsplit(provider.base_url).path


def _host(value: str, variable: str, provider: Provider) -> str:
    row = urlsplit(_example(provider))
    scheme, found, rest = value.partition("://")
    if not found:
        scheme, rest = row.scheme, value
    host_port, _, path = rest.partition("/")
    address = f"{scheme.lower()}://{_server(host_port, row, explicit=bool(found))}"
    return _checked(address + _path(path, row.path), variable, provider)


def _server(host_port: str, row: SplitResult, *, explicit: bool) -> str:
    """Host and port.  An explicit scheme brings its own default port, else the row's is meant."""
    host, port = _split_port(host_port)
    host = _ANYWHERE.get(host, host)
    host = f"[{host}]" if ":" in host else host
    port = port or ("" if explicit or row.port is None else str(row.port))
    return f"{host}:{port}" if port else host


def _split_port(host_port: str) -> tuple[str, str]:
    if host_port.startswith("["):
        host, _, port = host_port[1:].partition("]")
        return host, port.removeprefix(":")
    if host_port.count(":") > 1:  # an IPv6 address without brackets
        return host_port, ""
    host, _, port = host_port.partition(":")
    return host, port


def _path(given: str, usual: str) -> str:
    """The row's path, below a prefix if one was given; a part of the row's own path is no prefix."""
    prefix = "/" + given.strip("/") if given.strip("/") else ""
    return usual if f"{usual}/".startswith(f"{prefix}/") else prefix if prefix.endswith(usual) else prefix + usual
