"""
Any request to a provider, with its credential, clocks, proxy and errors: for what has no verb.

Rule: a request goes to the provider that was named, below its base URL, with the credential of its row and no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

import msgspec

from dragoman.errors import ConfigError
from dragoman.plain import Plain
from dragoman.redact import SECRET_HEADERS
from dragoman.runtime import drive
from dragoman.types.http import HttpRequest, RawResponse
from dragoman.types.jsonable import check_json
from dragoman.types.providers import Provider
from dragoman.wire.beside import headers as usual_headers
from dragoman.wire.refusal import check_status

# What the HTTP library decides from the body and the address.
_FRAMING: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})

_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|//|\\")
_CONTROLS: Final = re.compile(r"[\x00-\x20\x7f#]")
_PATH_SIGNS: Final = "/:@!$&'()*+,;=~%"


class RawOptions(TypedDict, total=False):
    """
    What a raw request may have besides its path.

    Attributes:
        json: Body, as a value that has a JSON form.
        content: Body, as it is; bytes, or a text in UTF-8.
        headers: More headers, or other values for the usual ones.  Credentials are not among them.
        params: Query; a value may be a list.
        timeout: Seconds for the whole request.
    """

    json: Any
    content: bytes | str | None
    headers: Mapping[str, str] | None
    params: Mapping[str, Any] | None
    timeout: float | None


class _Requests:
    """What both faces do."""

    def __init__(self, plain: Plain, provider: str) -> None:
        self._plain = plain
        self._provider = provider

    async def _send(self, method: str, path: str, options: RawOptions) -> RawResponse:
        context = self._plain.context(options.get("timeout"))
        request = encode(self._plain.routes.provider(self._provider), method, path, options)
        route = self._plain.routes.to_provider(self._provider)
        once = partial(self._plain.send, route, request, context, lambda raw: check_status(raw, route.provider))
        return await self._plain.watch.plain(once, "raw", f"{self._provider}/", context)


class Raw(_Requests):
    """
    Requests to one provider, on the blocking face.

    All methods return the answer as it came, and raise as `Client.chat` does: a status of 400 and above is the typed
    error that the provider's dialect makes of it, a redirect is an error, too.

    >>> from dragoman import Client
    >>> Client().raw("sim").get("models").status
    200
    """

    def request(self, method: str, path: str, **options: Unpack[RawOptions]) -> RawResponse:
        """
        Send a request.

        Args:
            method: `GET`, `POST`...
            path: Below the provider's base URL; the part of the path that this has already may be repeated.
            **options: As `RawOptions` describes them.

        Raises:
            ConfigError: The path leaves the base URL, or an option is wrong; nothing was sent.
            TransportError: The network failed, or a clock ran out.
            StatusError: The provider said no.
        """
        return drive(self._send(method, path, options))

    def get(self, path: str, **options: Unpack[RawOptions]) -> RawResponse:
        """Send a GET; see `request`."""
        return drive(self._send("GET", path, options))

    def post(self, path: str, **options: Unpack[RawOptions]) -> RawResponse:
        """Send a POST; see `request`."""
        return drive(self._send("POST", path, options))

    def put(self, path: str, **options: Unpack[RawOptions]) -> RawResponse:
        """Send a PUT; see `request`."""
        return drive(self._send("PUT", path, options))

    def delete(self, path: str, **options: Unpack[RawOptions]) -> RawResponse:
        """Send a DELETE; see `request`."""
        return drive(self._send("DELETE", path, options))


class AsyncRaw(_Requests):
    """Requests to one provider, on the asynchronous face.  Methods, arguments and errors are those of `Raw`."""

    async def request(self, method: str, path: str, **options: Unpack[RawOptions]) -> RawResponse:
        """Send a request; see `Raw.request`."""
        return await self._send(method, path, options)

    async def get(self, path: str, **options: Unpack[RawOptions]) -> RawResponse:
        """Send a GET; see `Raw.request`."""
        return await self._send("GET", path, options)

    async def post(self, path: str, **options: Unpack[RawOptions]) -> RawResponse:
        """Send a POST; see `Raw.request`."""
        return await self._send("POST", path, options)

    async def put(self, path: str, **options: Unpack[RawOptions]) -> RawResponse:
        """Send a PUT; see `Raw.request`."""
        return await self._send("PUT", path, options)

    async def delete(self, path: str, **options: Unpack[RawOptions]) -> RawResponse:
        """Send a DELETE; see `Raw.request`."""
        return await self._send("DELETE", path, options)


def encode(provider: Provider, method: str, path: str, options: RawOptions) -> HttpRequest:
    """
    Make the request, without its credential.

    Raises:
        ConfigError: Something in it is wrong; `.field` says what.
    """
    body, kind = _body(options)
    headers = usual_headers(provider) | ({"content-type": kind} if kind else {}) | _headers(options, provider)
    if not isinstance(method, str) or not method.isalpha():
        raise ConfigError(f"method is {method!r}: give GET, POST...", field="method")
    return HttpRequest(method=method.upper(), url=_url(provider, path, options), headers=headers, body=body)


def _url(provider: Provider, path: str, options: RawOptions) -> str:
    base = urlsplit(provider.base_url)
    given, _, query = _checked_path(path).partition("?")
    below, under = "/" + quote(given.lstrip("/"), safe=_PATH_SIGNS), base.path.rstrip("/")
    repeated = bool(under) and (below == under or below.startswith(f"{under}/"))
    whole = below if repeated else under + below
    params = options.get("params")
    queries = (query, urlencode(params, doseq=True) if params else "", provider.quirks.query or "")
    return urlunsplit((base.scheme, base.netloc, whole, "&".join(part for part in queries if part), ""))


def _checked_path(path: object) -> str:
    """A path that cannot lead out of the base URL, however it is written."""
    if not isinstance(path, str):
        raise ConfigError(f"path is {type(path).__name__}: give a text", field="path")
    if _ABSOLUTE.match(path):
        raise ConfigError(f"path {path!r} is an address of its own: give what follows the base URL", field="path")
    if _CONTROLS.search(path):
        raise ConfigError(f"path {path!r} holds a space, a control character or '#': quote it", field="path")
    steps = unquote(path.partition("?")[0]).replace("\\", "/").split("/")
    if "." in steps or ".." in steps:
        raise ConfigError(f"path {path!r} leads out of the base URL: write it without '.' and '..'", field="path")
    return path


def _body(options: RawOptions) -> tuple[bytes, str | None]:
    """The body and its type."""
    content = options.get("content")
    if "json" in options and content is not None:
        raise ConfigError("json and content are both given: give one body", field="content")
    if options.get("json") is not None:
        check_json(options.get("json"), "json")
        return msgspec.json.encode(options.get("json")), "application/json"
    if content is None:
        return b"", None
    if not isinstance(content, bytes | str):
        raise ConfigError(f"content is {type(content).__name__}: give bytes or a text", field="content")
    return content.encode() if isinstance(content, str) else content, "application/octet-stream"


def _headers(options: RawOptions, provider: Provider) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in (options.get("headers") or {}).items():
        lower = name.lower()
        if lower in SECRET_HEADERS or lower == provider.auth:
            raise ConfigError(
                f"header {lower} is a credential: those come from the provider's row; "
                f"pass Client(providers={{{provider.name!r}: {{'api_key': ...}}}})",
                field=f"headers.{lower}",
            )
        if lower in _FRAMING:
            raise ConfigError(f"header {lower} is set from the address and the body: leave it out", field="headers")
        given[lower] = value
    return given
