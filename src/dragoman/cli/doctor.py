"""
`dragoman doctor`: what is set up, and what is wrong with it.

Each check says ✓ or ✗ and, where it is ✗, what to do.  Nothing is sent to a provider and no key is shown; the only
requests are those that look for servers on this machine.
"""

from __future__ import annotations

import os
import platform
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click
import msgspec

from dragoman import __version__
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.choose import SIMULATED, Choice, choose
from dragoman.cli.detect import Sight, look
from dragoman.cli.output import print_json, terminal, write
from dragoman.cli.setup import Setup, configured_model, load
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.secrets import address_variables, find_base_url, find_key
from dragoman.transport.authorities import CA_VARIABLES
from dragoman.transport.tls import TrustStore

_LIBRARIES: Final = ("msgspec", "urllib3", "aiohttp", "click")
_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_PROXY_SCHEMES: Final = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_LOOKUP: Final = 2.0  # seconds for a name server


class Check(msgspec.Struct, frozen=True):
    """
    One finding.

    Attributes:
        name: What was looked at.
        ok: Whether it is as it should be.
        text: What was found.
        fix: What to do, if it is not.
    """

    name: str
    ok: bool
    text: str
    fix: str | None = None


class _Subject(msgspec.Struct, frozen=True):
    """What the checks look at."""

    setup: Setup
    sight: Sight


@click.command("doctor", context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def COMMAND(as_json: bool) -> int:
    """Check installation, keys, addresses, proxies, certificates and local servers.  Exit code 1 if one is wrong."""
    checks = examine(os.environ, Path())
    if as_json:
        print_json(checks)
    else:
        for check in checks:
            write(f"{'✓' if check.ok else '✗'} {check.name}: {check.text}\n")
            if check.fix:
                write(t("doctor.fix", text=check.fix) + "\n")
    return exits.OK if all(check.ok for check in checks) else exits.ERROR


def examine(environ: Mapping[str, str], directory: Path) -> list[Check]:
    """Make all checks."""
    try:
        setup = load(environ, directory)
        sight = look(setup.providers, setup.environ)
    except ConfigError as error:
        return [*_versions(), _wrong("configuration", error)]
    subject = _Subject(setup, sight)
    return [*_versions(), *(check for look_at in _CHECKS for check in look_at(subject))]


def _wrong(name: str, error: ConfigError) -> Check:
    what, _, fix = error.message.partition(": ")
    return Check(name, False, what, fix or None)


def _versions() -> Iterator[Check]:
    yield Check("python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Check("dragoman", True, __version__)
    for name in _LIBRARIES:
        try:
            yield Check(name, True, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(name, False, t("doctor.missing"), f"pip install {name}")


def _files(subject: _Subject) -> Iterator[Check]:
    setup = subject.setup
    for path in (setup.project, setup.user):
        try:
            model = configured_model(path)
        except ConfigError as error:
            yield Check(str(path), False, error.message, f'make it a line such as model = "{SIMULATED}"')
        else:
            if model:
                yield Check(str(path), True, f"model = {model}")
    for name in setup.ignored:
        yield Check(".env", False, t("doctor.redirecting", name=name), f"export {name}=…")
    for name in setup.refused:
        yield Check(".env", False, t("doctor.program", name=name), f"export {name}='cmd:…'")


def _keys(subject: _Subject) -> Iterator[Check]:
    setup = subject.setup
    try:
        setup.stored.find("")
    except ConfigError as error:
        yield _wrong("stored keys", error)
        return
    for row in setup.providers.values():
        try:
            origin = setup.key_origin(row)
            find_key(row, setup.environ)
        except ConfigError as error:
            yield _wrong(f"key of {row.name}", error)
            continue
        if origin is not None:
            yield Check(f"key of {row.name}", True, t("doctor.found", origin=origin))


def _addresses(subject: _Subject) -> Iterator[Check]:
    setup = subject.setup
    for row in setup.providers.values():
        variable = next((name for name in address_variables(row) if setup.environ.get(name)), None)
        if variable is None:
            continue
        try:
            url = find_base_url(row, setup.environ)
        except ConfigError as error:
            yield _wrong(f"address of {row.name}", error)
        else:
            yield Check(f"address of {row.name}", True, t("doctor.url", url=url, origin=setup.origin(variable)))


def _proxies(subject: _Subject) -> Iterator[Check]:
    for name in _PROXIES:
        value = subject.setup.environ.get(name)
        if value:
            yield _proxy(name, value)


def _proxy(name: str, value: str) -> Check:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port
    except ValueError:
        return Check(name, False, t("doctor.no_address"), f"export {name}=http://host:port")
    if parts.scheme not in _PROXY_SCHEMES or not parts.hostname:
        return Check(name, False, t("doctor.no_proxy"), f"export {name}=http://host:port")
    masked = "[redacted]@" if parts.username is not None else ""
    return Check(name, True, f"{parts.scheme}://{masked}{parts.hostname}{f':{port}' if port else ''}")


def _certificates(subject: _Subject) -> Iterator[Check]:
    environ = subject.setup.environ
    try:
        TrustStore(environ).context()  # what a call does
    except ConfigError as error:
        fix = f"unset {error.field}" if error.field in CA_VARIABLES else "install ca-certificates, or set SSL_CERT_FILE"
        yield Check("certificates", False, error.message.removesuffix("."), fix)
        return
    paths = ssl.get_default_verify_paths()
    named = next((f"{environ[name]} from {name}" for name in CA_VARIABLES if environ.get(name)), None)
    where = named or paths.cafile or paths.capath or "found"
    yield Check("certificates", True, f"{where} ({ssl.OPENSSL_VERSION})")


def _clock(subject: _Subject) -> Iterator[Check]:
    # A clock before the day on which this program was written makes every certificate invalid.
    written = Path(__file__).stat().st_mtime
    ok = time.time() > written - 86_400
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    yield Check("clock", ok, text, None if ok else t("doctor.clock"))


def _servers(subject: _Subject) -> Iterator[Check]:
    for server in subject.sight.servers:
        yield Check(f"{server.provider} here", True, f"{server.address} with {', '.join(server.models)}")


def _model(subject: _Subject) -> Iterator[Check]:
    """Which model would be asked, and whether its host has an address."""
    try:
        choice = choose(None, subject.setup, terminal(subject.setup.environ), lambda: subject.sight)
    except ConfigError as error:
        text = error.message.removesuffix(".")
        yield Check("model", False, text, exits.fix(error))
        return
    yield Check("model", True, f"{choice.model} — {choice.reason}")
    host = _host(choice)
    if host and not any(subject.setup.environ.get(name) for name in _PROXIES):
        yield _resolved(host)


def _host(choice: Choice) -> str | None:
    fields = choice.providers.get(choice.model.partition("/")[0], {})
    address = urlsplit(str(fields.get("base_url", "")))
    return None if address.scheme == "http+unix" else address.hostname


def _resolved(host: str) -> Check:
    """Ask the name server, in a thread, since it cannot be told how long to take."""
    addresses: list[str] = []
    failures: list[str] = []

    def ask() -> None:
        try:
            addresses.extend(str(found[4][0]) for found in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM))
        except OSError as error:
            failures.append(error.strerror or str(error))

    thread = threading.Thread(target=ask, name="dragoman-resolve", daemon=True)
    thread.start()
    thread.join(_LOOKUP)
    if addresses:
        return Check("name lookup", True, t("doctor.resolved", host=host, address=addresses[0]))
    why = failures[0] if failures else f"no answer within {_LOOKUP:g} s"
    return Check("name lookup", False, f"{host}: {why}", t("doctor.network"))


_CHECKS: Final[tuple[Callable[[_Subject], Iterator[Check]], ...]] = (
    _files,
    _keys,
    _addresses,
    _proxies,
    _certificates,
    _clock,
    _servers,
    _model,
)
