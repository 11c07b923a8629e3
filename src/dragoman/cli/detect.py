"""
Which model servers run on this machine.

Only loopback addresses are asked, all at once, for at most 0.4 seconds together.  A server is recognised by the shape
of its reply, never by its port: what answers with a web page, other JSON, a redirect or silence is left alone.  All
that is sent is `GET` for a list of models: no key, and no prompt before the server is recognised.

`DRAGOMAN_NO_DETECT=1` asks nobody.  `DRAGOMAN_DETECT_PORTS=ollama=11500,vllm=8001` asks these and no others.

Sources of the shapes: ollama/ollama docs/openapi.yaml; OpenAI's `GET /v1/models`; LM Studio, REST API v0.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from typing import Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from dragoman.errors import ConfigError
from dragoman.secrets import find_base_url
from dragoman.types.providers import Provider

CONNECT: Final = 0.15  # seconds; a server on this machine accepts within one
TOTAL: Final = 0.4  # seconds for all of them together
_LIMIT: Final = 1024 * 1024  # bytes of a list of models

T = TypeVar("T")
Get = Callable[[str], bytes | None]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """
    A server that was recognised.

    Attributes:
        provider: Name of its row.
        address: `host:port`.
        base_url: Where it takes requests.
        models: Models that can chat, the one to take first in front.
    """

    provider: str
    address: str
    base_url: str
    models: tuple[str, ...]


class Sight(msgspec.Struct, frozen=True):
    """
    What was seen.

    Attributes:
        servers: The servers that were recognised, in the order of preference.
        notes: What was asked and was none, in words.
    """

    servers: tuple[Found, ...] = ()
    notes: tuple[str, ...] = ()


# --- the shapes ---------------------------------------------------------------------------------------------------


class _Version(msgspec.Struct):
    version: str


class _Tag(msgspec.Struct):
    name: str
    remote_host: str | None = None


class _Tags(msgspec.Struct):
    models: list[_Tag]


class _Model(msgspec.Struct):
    id: str
    object: Literal["model"]
    type: str | None = None
    state: str | None = None


class _Models(msgspec.Struct):
    object: Literal["list"]
    data: list[_Model]


def _shaped(body: bytes | None, kind: type[T]) -> T | None:
    if body is None:
        return None
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _ollama(get: Get, path: str) -> tuple[str, ...] | None:
    if _shaped(get("/api/version"), _Version) is None:
        return None
    tags = _shaped(get("/api/tags"), _Tags)
    # A model with a remote host is not on this machine, and asks for an account.
    return None if tags is None else tuple(tag.name for tag in tags.models if tag.remote_host is None)


def _lmstudio(get: Get, path: str) -> tuple[str, ...] | None:
    own = _shaped(get("/api/v0/models"), _Models)
    if own is None:
        return _openai(get, path)
    chat = [model for model in own.data if model.type in ("llm", "vlm")]
    return tuple(model.id for model in sorted(chat, key=lambda model: model.state != "loaded"))


def _openai(get: Get, path: str) -> tuple[str, ...] | None:
    models = _shaped(get(f"{path}/models"), _Models)
    return None if models is None else tuple(model.id for model in models.data if model.id)


_LISTS: Final[dict[str, Callable[[Get, str], tuple[str, ...] | None]]] = {
    "ollama": _ollama,
    "lmstudio": _lmstudio,
    "llamacpp": _openai,
    "vllm": _openai,
    "sglang": _openai,
    "docker": _openai,
    "jan": _openai,
}


# --- the search ---------------------------------------------------------------------------------------------------


class _Search:
    """One server that is asked, in a thread of its own."""

    def __init__(self, provider: str, base_url: str) -> None:
        parts = urlsplit(base_url)
        self.provider = provider
        self.base_url = base_url
        self.address = parts.netloc
        self._outcome: Found | str = self._none("no answer in time")
        self._path = parts.path
        self._host = parts.hostname or ""
        self._port = parts.port or 80
        self._until = 0.0
        self._connection: HTTPConnection | None = None
        self._thread = threading.Thread(target=self._run, name=f"dragoman-detect-{provider}", daemon=True)

    def start(self, until: float) -> None:
        self._until = until
        self._thread.start()

    def wait(self) -> Found | str:
        """Wait for the answer, or for the end of the time; then hang up.  Gives the server, or why it is none."""
        self._thread.join(max(0.0, self._until - time.monotonic()))
        if self._thread.is_alive() and self._connection is not None:
            _hang_up(self._connection)
        return self._outcome

    def _run(self) -> None:
        try:
            models = _LISTS[self.provider](self._get, self._path)
        except ConnectionError:
            self._outcome = self._none("nothing there")
        except OSError as error:
            self._outcome = self._none(f"no answer ({error})")
        else:
            self._outcome = self._judge(models)

    def _judge(self, models: tuple[str, ...] | None) -> Found | str:
        if models is None:
            return self._none("answers, but not as a model server")
        chat = tuple(filter(_can_chat, models))
        if not chat:
            return self._none("has no model that can chat")
        return Found(provider=self.provider, address=self.address, base_url=self.base_url, models=chat)

    def _none(self, why: str) -> str:
        return f"{self.provider} at {self.address}: {why}"

    def _get(self, path: str) -> bytes | None:
        """The body of a 200 to a GET, or None for any other answer."""
        self._connection = connection = HTTPConnection(self._host, self._port, timeout=CONNECT)
        try:
            connection.connect()
            connection.sock.settimeout(max(0.01, self._until - time.monotonic()))
            connection.request("GET", path, headers={"accept": "application/json", "connection": "close"})
            answer = connection.getresponse()
            body = answer.read(_LIMIT + 1)
            return body if answer.status == 200 and len(body) <= _LIMIT else None
        except HTTPException:
            return None
        finally:
            connection.close()


def _hang_up(connection: HTTPConnection) -> None:
    sock: socket.socket | None = connection.sock
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was closed in the meantime, which is what is wanted


def _can_chat(model: str) -> bool:
    # Lists hold models of every kind; only their names tell which give vectors.
    return "embed" not in model.lower() and "rerank" not in model.lower()


def look(providers: Mapping[str, Provider], environ: Mapping[str, str]) -> Sight:
    """
    Ask the servers of this machine which models they have.

    Raises:
        ConfigError: `DRAGOMAN_DETECT_PORTS` or a provider's address variable cannot be read.
    """
    if environ.get("DRAGOMAN_NO_DETECT", "").lower() not in ("", "0", "false"):
        return Sight(notes=("local servers were not looked for (DRAGOMAN_NO_DETECT)",))
    searches: list[_Search] = []
    notes: list[str] = []
    for name, url in _addresses(providers, environ):
        if _is_here(url):
            searches.append(_Search(name, url))
        else:
            notes.append(f"{name}: its address is not on this machine, so it was not asked")
    until = time.monotonic() + TOTAL
    for search in searches:
        search.start(until)
    outcomes = [search.wait() for search in searches]
    servers = tuple(outcome for outcome in outcomes if isinstance(outcome, Found))
    return Sight(servers, (*notes, *(outcome for outcome in outcomes if isinstance(outcome, str))))


def _addresses(providers: Mapping[str, Provider], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name and base URL of each server to ask."""
    chosen = _ports(environ.get("DRAGOMAN_DETECT_PORTS", ""))
    for name in _LISTS:
        if name not in providers or (chosen and name not in chosen):
            continue
        if name in chosen:
            yield name, f"http://127.0.0.1:{chosen[name]}{urlsplit(providers[name].base_url).path}"
        else:
            yield name, find_base_url(providers[name], environ)


def _ports(text: str) -> dict[str, int]:
    ports: dict[str, int] = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, _, port = item.partition("=")
        if name not in _LISTS or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ConfigError(
                f"DRAGOMAN_DETECT_PORTS has {item!r}: write name=port with a name of {', '.join(_LISTS)}",
                field="DRAGOMAN_DETECT_PORTS",
            )
        ports[name] = int(port)
    return ports


def _is_here(url: str) -> bool:
    """Whether a plain HTTP address is a loopback one, without asking a name server."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
